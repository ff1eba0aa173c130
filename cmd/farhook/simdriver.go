package main

import (
	"fmt"
	"strings"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/web"
)

// simDriver is the hands at a simulated PBX, for REST.
type simDriver struct{ pbx *sim.PBX }

// driversOf are the drivers of the simulated PBXs.
func driversOf(pbxs []switchboard.PBX) (all []web.SimPBX) {
	for _, p := range pbxs {
		if s, ok := p.Adapter.(*sim.PBX); ok {
			all = append(all, web.SimPBX{Name: p.Name, Sim: simDriver{s}})
		}
	}
	return all
}

// Arrive brings a call in from outside.
func (d simDriver) Arrive(from csta.DeviceID, name string, withheld bool, to csta.DeviceID) error {
	if !strings.HasPrefix(string(from), "tel:+") {
		return fmt.Errorf("from: %q is no number outside, such as tel:+498912345", from)
	}
	return d.pbx.Outside(from).DialAs(to, name, withheld)
}

// Hand does something at a phone.
func (d simDriver) Hand(at csta.DeviceID, act, value string) error {
	h := d.pbx.Outside(at)
	acts := map[string]func() error{
		"answer": h.Answer, "hangUp": h.HangUp, "hold": h.Hold, "retrieve": h.Retrieve,
		"busy":   func() error { return h.SetBusy(true) },
		"free":   func() error { return h.SetBusy(false) },
		"in":     func() error { return h.Register(true) },
		"out":    func() error { return h.Register(false) },
		"dial":   func() error { return h.Dial(csta.DeviceID(value)) },
		"digits": func() error { return h.Press(value) },
	}
	f := acts[act]
	if f == nil {
		return fmt.Errorf("nobody can %s", act)
	}
	return f()
}

// Link connects the PBX, or cuts it off.
func (d simDriver) Link(up bool) {
	if up {
		d.pbx.RestoreLink()
	} else {
		d.pbx.CutLink()
	}
}

// Next plans trouble.
func (d simDriver) Next(service csta.Service, delay time.Duration, err error) {
	d.pbx.Next(service, sim.Trouble{Delay: delay, Err: err})
}

// Lose lets facts get lost.
func (d simDriver) Lose(at csta.DeviceID, facts int) error { return d.pbx.Lose(at, facts) }

// Advance puts the PBX's clock forward.
func (d simDriver) Advance(by time.Duration) error { return d.pbx.Advance(by) }
