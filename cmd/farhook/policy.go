package main

import (
	"sync"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
)

// byWay asks one policy about those who come by HTTP, and another about all others.
type byWay struct {
	http, rest switchboard.Policy

	mu      sync.Mutex
	changed chan struct{} // nil: nobody waits
}

// May asks the policy of the way.
func (p *byWay) May(who switchboard.Principal, right csta.Right, d csta.DeviceID) bool {
	if who.Via == "http" {
		return p.http.May(who, right, d)
	}
	return p.rest.May(who, right, d)
}

// Changed is closed when either says so.
func (p *byWay) Changed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changed == nil {
		merged := make(chan struct{})
		p.changed = merged
		go func() {
			select {
			case <-p.http.Changed():
			case <-p.rest.Changed():
			}
			p.mu.Lock()
			p.changed = nil
			p.mu.Unlock()
			close(merged)
		}()
	}
	return p.changed
}
