package main

import "farhook/web"

// administration gives the web side what its administrators look at.
func (g *gateway) administration(c *web.Config) {
	c.Tap = g.tap
}
