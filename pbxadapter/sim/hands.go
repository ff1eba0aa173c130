package sim

import (
	"errors"
	"fmt"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// Hands are a person at a phone: what they do is no service of ours, and what follows carries no mark. Their methods report before
// they return, and are safe for concurrent use. Where a person would just find that nothing happens, there is an error.
type Hands struct {
	p      *PBX
	device csta.DeviceID
}

// Phone gives the hands at an extension; they can do nothing where there is none.
func (p *PBX) Phone(ext int) Hands { return Hands{p, line(ext)} }

// Outside gives the hands of somebody outside, by the number as tel: URI, or as this PBX shows it.
func (p *PBX) Outside(number csta.DeviceID) Hands {
	if c := p.numbers.Canonical(string(number), pbxadapter.Calling); c != "" {
		number = c
	}
	return Hands{p, number}
}

// Device is where the hands are.
func (h Hands) Device() csta.DeviceID { return h.device }

func (h Hands) act(f func() error) error {
	var err error
	h.p.act(func() { err = f() })
	return err
}

// newest is the last call of the phone's that is in one of the states.
func (h Hands) newest(states ...csta.State) (*leg, error) {
	calls := h.p.at[h.device]
	for i := len(calls) - 1; i >= 0; i-- {
		l := calls[i].leg(h.device)
		for _, s := range states {
			if l.state == s {
				return l, nil
			}
		}
	}
	return nil, fmt.Errorf("sim: %s has no call that is %v", h.device, states)
}

func (h Hands) on(f func(*leg) error, states ...csta.State) error {
	return h.act(func() error {
		l, err := h.newest(states...)
		if err != nil {
			return err
		}
		return f(l)
	})
}

// Answer lifts the phone for the newest call that rings it, or that it is prompted to make.
func (h Hands) Answer() error {
	return h.on(h.p.lift, csta.Alerting, csta.Initiated)
}

// HangUp ends the newest call that isn't held; if all are, the newest.
func (h Hands) HangUp() error {
	return h.on(func(l *leg) error { h.p.clear(l, csta.CauseNormalClearing); return nil },
		csta.Connected, csta.Initiated, csta.Alerting, csta.Fail, csta.Queued, csta.Hold)
}

// Dial calls a number: a device of ours, or outside. From outside, a number ending in 4 hides itself.
func (h Hands) Dial(number csta.DeviceID) error {
	return h.act(func() error {
		if h.p.ext(h.device) == 0 {
			return h.p.fromOutside(h.device, number)
		}
		if h.p.out[h.device] {
			return errors.New("sim: the phone is not registered")
		}
		if err := h.p.free(h.device, nil, csta.ErrInvalidCallingState); err != nil {
			return err
		}
		_, err := h.p.originate(h.device, number, false, csta.CauseNewCall, csta.CauseNewCall)
		return err
	})
}

// fromOutside brings a call in over a trunk.
func (p *PBX) fromOutside(from, to csta.DeviceID) error {
	shown := known(from)
	if from[len(from)-1] == '4' {
		shown = callmodel.Party{Shown: callmodel.Restricted}
	}
	return p.arrive(from, to, shown)
}

// arrive brings a call in over a trunk; a party that is withheld has no number as device either.
func (p *PBX) arrive(from, to csta.DeviceID, shown callmodel.Party) error {
	if !p.outside(from) || p.trunksBusy() {
		return errors.New("sim: no trunk for the call")
	}
	c := p.newCall()
	c.trunk = true
	device := from
	if shown.Shown == callmodel.Restricted {
		device = csta.DeviceID("outside-" + string(c.id))
		shown.Device = device
	}
	l := p.add(c, device)
	l.party, c.calling, c.called = shown, shown, p.shown(to)
	p.move(l, csta.Connected, csta.CauseNewCall)
	p.route(c, to, csta.CauseNewCall, 0)
	return nil
}

// Hold holds the connected call.
func (h Hands) Hold() error {
	return h.on(func(l *leg) error { h.p.move(l, csta.Hold, csta.CauseNormal); return nil }, csta.Connected)
}

// Retrieve takes the newest held call back.
func (h Hands) Retrieve() error {
	return h.on(func(l *leg) error {
		if err := h.p.free(h.device, l, csta.ErrConnectedCallExists); err != nil {
			return err
		}
		h.p.move(l, csta.Connected, csta.CauseNormal)
		return nil
	}, csta.Hold)
}

// Consult holds the connected call and dials.
func (h Hands) Consult(number csta.DeviceID) error {
	return h.on(func(l *leg) error {
		h.p.move(l, csta.Hold, csta.CauseConsultation)
		_, err := h.p.originate(h.device, number, false, csta.CauseConsultation, csta.CauseConsultation)
		return err
	}, csta.Connected)
}

// Press sends digits into the connected call.
func (h Hands) Press(digits string) error {
	return h.on(func(l *leg) error { return h.p.press(l, digits) }, csta.Connected)
}

// Pressed are the digits that others have sent to the newest call of the phone's that has been answered.
func (h Hands) Pressed() string {
	digits := ""
	_ = h.on(func(l *leg) error { digits = l.digits; return nil }, csta.Connected, csta.Hold) // no call: no digits
	return digits
}

// Transfer joins the held and the connected call.
func (h Hands) Transfer() error {
	return h.on(func(active *leg) error {
		held, err := h.newest(csta.Hold)
		if err != nil {
			return err
		}
		_, _, err = h.p.transfer(held, active)
		return err
	}, csta.Connected)
}

// Deflect sends the call that rings elsewhere.
func (h Hands) Deflect(to csta.DeviceID) error {
	return h.on(func(l *leg) error { return h.p.deflect(l, to) }, csta.Alerting)
}

// Pickup takes the call that rings at another phone.
func (h Hands) Pickup(from csta.DeviceID) error {
	return h.act(func() error {
		l, err := Hands{h.p, from}.newest(csta.Alerting, csta.Queued)
		if err != nil {
			return err
		}
		_, err = h.p.pickup(l, h.device)
		return err
	})
}

// SetDoNotDisturb is the key on the phone.
func (h Hands) SetDoNotDisturb(on bool) error {
	return h.act(func() error {
		set(h.p, h.device, callmodel.DoNotDisturb{On: on}, func(callmodel.DoNotDisturb) bool { return true })
		return h.p.ours(h.device)
	})
}

// SetForwarding is the menu on the phone. rings counts for forwardNoAns only; 0: as before.
func (h Hands) SetForwarding(t csta.ForwardingType, on bool, to csta.DeviceID, rings int) error {
	return h.act(func() error { return h.p.setForward(h.device, t, on, to, rings) })
}

// SetMessageWaiting is the mailbox that has something, or no more.
func (h Hands) SetMessageWaiting(on bool) error {
	return h.act(func() error {
		set(h.p, h.device, callmodel.MessageWaiting{On: on}, func(callmodel.MessageWaiting) bool { return true })
		return h.p.ours(h.device)
	})
}

// Register plugs the phone in or out.
func (h Hands) Register(in bool) error {
	return h.act(func() error {
		if err := h.p.ours(h.device); err != nil || h.p.out[h.device] != in {
			return err
		}
		cause := csta.CauseNormal
		if in {
			delete(h.p.out, h.device)
		} else {
			h.p.out[h.device] = true
			cause = csta.CauseDestOutOfOrder
		}
		h.p.tell(callmodel.Service{Meta: h.p.meta(cause), Device: h.device, In: in})
		return nil
	})
}
