package main

import (
	"farhook/csta"
	"farhook/uacsta"
	"farhook/web"
)

// sipSessions tells the web side what the SIP side holds: they don't know each other.
func sipSessions(uc *uacsta.Server) func(csta.DeviceID) []web.Session {
	return func(line csta.DeviceID) []web.Session {
		list := []web.Session{}
		for _, i := range uc.Sessions(line) {
			list = append(list, web.Session{ID: i.ID, User: i.User, Line: i.Line, Peer: i.Peer, Since: i.Began, Asked: i.Asked, Monitors: i.Monitors})
		}
		return list
	}
}
