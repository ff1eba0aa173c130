package main

import (
	"sync/atomic"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
	"farhook/web/access"
)

// byWay asks one policy about those who come by HTTP, and another about all others.
type byWay struct {
	http atomic.Pointer[access.Access] // nil while it isn't known who may come: nobody
	rest switchboard.Policy
}

// May asks the policy of the way.
func (p *byWay) May(who switchboard.Principal, right csta.Right, d csta.DeviceID) bool {
	if who.Via == "http" {
		a := p.http.Load()
		return a != nil && a.May(who, right, d)
	}
	return p.rest.May(who, right, d)
}

// Owns says which devices are the own ones of those who come by HTTP.
func (p *byWay) Owns(who switchboard.Principal, d csta.DeviceID) bool {
	a := p.http.Load()
	if who.Via != "http" || a == nil {
		return false
	}
	i := a.Known(who.User)
	return i != nil && i.Own(d)
}

// Changed is closed when the rights of those may have changed who come by SIP. Those who come by HTTP hear of theirs from their identity.
func (p *byWay) Changed() <-chan struct{} { return p.rest.Changed() }
