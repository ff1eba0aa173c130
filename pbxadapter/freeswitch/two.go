package freeswitch

import (
	"context"
	"fmt"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// The services on two calls of one device.

// pair finds a held call and the active one.
func (a *Adapter) pair(held, active csta.ConnectionID) (*connection, *connection, error) {
	h, err := a.in(held, csta.ErrNoHeldCall, csta.Hold)
	if err != nil {
		return nil, nil, err
	}
	n, err := a.find(active)
	if err != nil {
		return nil, nil, err
	}
	if h.device != n.device || h.call == n.call {
		return nil, nil, csta.ErrInvalidConnectionID.With("freeswitch: heldCall and activeCall must be two calls of one device")
	}
	return h, n, nil
}

func (a *Adapter) consultationCall(ctx context.Context, r csta.ConsultationCall) (csta.ConsultationCallResponse, error) {
	var (
		none   csta.ConsultationCallResponse
		n      *connection
		p      *phoneLine
		number string
		to     callmodel.Party
	)
	done := func() {}
	a.ripe(ctx, r.ExistingCall)
	err := a.do(func(*tracker) (err error) {
		if n, err = a.in(r.ExistingCall, csta.ErrNoActiveCall, csta.Connected); err != nil {
			return err
		}
		if p, err = a.phone(n.device); err != nil {
			return err
		}
		if number, err = a.dial(r.ConsultedDevice, csta.ErrInvalidCalledDeviceID); err != nil {
			return err
		}
		if err = a.free(n.device, n, csta.ErrInvalidDeviceState); err != nil {
			return err
		}
		to = a.party(r.ConsultedDevice, number)
		done = a.mark(ctx, n.call)
		return nil
	})
	defer func() { done() }()
	if err != nil {
		return none, err
	}
	if err := a.hold(ctx, n, csta.CauseConsultation); err != nil {
		return none, err
	}
	var id csta.ConnectionID
	if n.holder != nil {
		id, err = a.consultParked(ctx, p, n, number, to)
	} else {
		id, err = a.call(ctx, p, number, to, true)
	}
	return csta.ConsultationCallResponse{InitiatedCall: id}, err
}

func (a *Adapter) alternateCall(ctx context.Context, r csta.AlternateCall) (csta.AlternateCallResponse, error) {
	var held, active *connection
	done := func() {}
	a.ripe(ctx, r.ActiveCall)
	err := a.do(func(*tracker) (err error) {
		if held, active, err = a.pair(r.HeldCall, r.ActiveCall); err != nil {
			return err
		}
		if active.state != csta.Connected {
			return csta.ErrNoActiveCall.With(fmt.Errorf("freeswitch: %s is %s", active.device, active.state))
		}
		done = a.mark(ctx, held.call, active.call)
		return nil
	})
	defer func() { done() }()
	if err == nil {
		err = a.hold(ctx, active, csta.CauseAlternate)
	}
	if err == nil {
		err = a.retrieve(ctx, held)
	}
	return csta.AlternateCallResponse{}, err
}

func (a *Adapter) reconnectCall(ctx context.Context, r csta.ReconnectCall) (csta.ReconnectCallResponse, error) {
	var (
		none         csta.ReconnectCallResponse
		held, active *connection
		legs         map[string]string
		talks        bool // with one leg for both calls
	)
	done := func() {}
	a.ripe(ctx, r.ActiveCall)
	err := a.do(func(*tracker) (err error) {
		if held, active, err = a.pair(r.HeldCall, r.ActiveCall); err != nil {
			return err
		}
		done = a.mark(ctx, held.call, active.call)
		if held.holder == nil {
			legs = kills(active)
			return nil
		}
		// One leg for both calls: it is the other end that goes.
		f := far(active)
		talks = f != nil && f.answered
		legs = make(map[string]string)
		for _, o := range active.call.others(active) {
			for _, l := range o.legs {
				legs[l.id] = "NORMAL_CLEARING"
			}
		}
		return nil
	})
	defer func() { done() }()
	if err != nil {
		return none, err
	}
	gone := func() bool { return active.state == csta.Null }
	if held.holder != nil {
		gone = func() bool {
			for id := range legs {
				if a.track.legs[id] != nil {
					return false
				}
			}
			return true
		}
	}
	if talks { // the own leg leaves the talk for the other one, and then who is left alone is cleared
		if err := a.retrieve(ctx, held); err != nil {
			return none, err
		}
		return none, a.kill(ctx, legs, gone)
	}
	if err := a.kill(ctx, legs, gone); err != nil {
		return none, err
	}
	return none, a.retrieve(ctx, held)
}

func (a *Adapter) transferCall(ctx context.Context, r csta.TransferCall) (csta.TransferCallResponse, error) {
	var (
		none         csta.TransferCallResponse
		held, active *connection
		own          []string
		far1, far2   string
		to           callmodel.Party
		number       string
		keeps        string // the leg of who rings, if it can go on ringing
		p            *phoneLine
		parked       bool
	)
	done := func() {}
	a.ripe(ctx, r.HeldCall, r.ActiveCall)
	err := a.do(func(t *tracker) (err error) {
		if held, active, err = a.pair(r.HeldCall, r.ActiveCall); err != nil {
			return err
		}
		if p, err = a.line(held.device); err != nil {
			return err
		}
		if active.state != csta.Connected && active.state != csta.Hold {
			return csta.ErrNoActiveCall.With(fmt.Errorf("freeswitch: %s is %s", active.device, active.state))
		}
		f1, err := only(held)
		if err != nil {
			return err
		}
		f2 := far(active)
		if f2 == nil {
			return csta.ErrInvalidConnectionState.With("freeswitch: there is nobody to transfer to")
		}
		if f2.answered {
			if _, err := only(active); err != nil {
				return err
			}
		}
		for _, l := range append(legs(held), legs(active)...) {
			own = append(own, l.id)
		}
		if parked = held.holder != nil || active.holder != nil; held.holder != nil {
			own = append(own, held.holder.id)
		}
		far1, far2, to = f1.id, f2.id, f2.party
		done = a.mark(ctx, held.call, active.call)
		if f2.answered {
			t.willJoin(held, active, f1, f2)
			return nil
		}
		number = f2.native
		if err := whitelist(a.conf.Characters).check(number); err != nil {
			return csta.ErrInvalidConnectionState.With(fmt.Errorf("freeswitch: who rings cannot be rung anew: %w", err))
		}
		k := alone(active, f2)
		if k != nil {
			keeps = k.id
		}
		t.willTransferRinging(held, active, f1, k, to)
		return nil
	})
	defer func() { done() }()
	if err != nil {
		return none, err
	}
	gone := func() bool { return held.state == csta.Null && active.state == csta.Null }
	if number != "" {
		if err = a.transferRinging(ctx, p, far1, keeps, number, own); err == nil {
			err = a.await(ctx, a.time.step, "CHANNEL_HANGUP of the consultation, from which who rings is taken, or CHANNEL_CREATE of a new leg to him", func() bool {
				l := a.track.legs[far1]
				return l == nil || len(l.rings) > 0 || held.state == csta.Null
			})
		}
		for _, id := range own { // the consultation ends
			if err == nil && a.there(id) {
				_ = a.send(ctx, "uuid_kill "+id) // a leg that has gone by itself is none any more
			}
		}
	} else if err = a.freed(ctx, far1, far2); err == nil {
		err = a.send(ctx, "uuid_bridge "+far1+" "+far2)
	}
	if err == nil {
		err = a.await(ctx, a.time.step, "CHANNEL_BRIDGE of "+far1+" and the party transferred to", gone)
	}
	if err == nil && parked {
		a.unmark(far1, far2)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		if l := a.track.legs[far1]; l != nil && l.plan != nil {
			l.plan.drop(a.track)
		}
		return none, err
	}
	a.ends(ctx, own)
	res := csta.TransferCallResponse{TransferredCall: csta.ConnectionID{Call: a.track.callID(held.call), Device: to.Device}}
	for _, n := range held.call.conns {
		res.Connections = append(res.Connections, csta.ConnectionListItem{NewConnection: a.track.id(n)})
	}
	return res, nil
}

// alone is the leg of who rings for a connection, where nobody else does, and nothing is between them; nil: there is none.
func alone(active *connection, ringing *leg) *leg {
	l := active.leg()
	if l == nil || ringing.parent != l || !ringing.direct || len(l.rings) != 1 || l.rings[0] != ringing || !isID(ringing.id) {
		return nil
	}
	return ringing
}

// there says whether a leg has not ended yet.
func (a *Adapter) there(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.track.legs[id] != nil
}

// transferRinging sends the held party to who still rings. uuid_bridge would take him from a consultation whose dialplan then goes on; so the held party takes
// him (intercept), and waits for him as long as a phone of ours may ring. If he does not answer, refuses, or has gone already, the number is dialled anew: its
// forwarding and its voicemail are the dialplan's, and no farhook is needed for it.
func (a *Adapter) transferRinging(ctx context.Context, p *phoneLine, far, keeps, number string, own []string) error {
	target, err := a.target(ctx, p, number)
	if err != nil {
		return err
	}
	if err := a.freed(ctx, far); err != nil {
		return err
	}
	for _, id := range own {
		if err := a.send(ctx, "uuid_setvar "+id+" hangup_after_bridge true"); err != nil {
			return err
		}
	}
	if keeps != "" {
		// The music of a phone's hold may still wait to be played to him; it would begin when his call with who answers ends, and never end.
		if err := a.send(ctx, "uuid_break "+far+" all"); err != nil {
			return err
		}
		target = fmt.Sprintf("'m:^:set:transfer_ringback=%s^set:call_timeout=%d^set:%s=true^intercept:%s^set:call_timeout=^set:%s=^transfer:%s' inline",
			a.conf.Ringback, a.conf.RingTime, goesOn, keeps, goesOn, target)
	}
	return a.send(ctx, "uuid_transfer "+far+" "+target)
}

// goesOn is the PBX's variable that has a leg go on in its list of applications when who rings for it does not answer.
const goesOn = "uuid_bridge_continue_on_cancel"

// yields has a leg that waits for who rings go where it is sent next, and nowhere else.
func (a *Adapter) yields(ctx context.Context, id string) error {
	a.mu.Lock()
	l := a.track.legs[id]
	insists := l != nil && l.insists()
	a.mu.Unlock()
	if !insists {
		return nil
	}
	return a.send(ctx, "uuid_setvar "+id+" "+goesOn)
}

// ends clears legs that have no part in a call any more; most are gone by themselves. It is called with the lock.
func (a *Adapter) ends(ctx context.Context, own []string) {
	for _, id := range own {
		if l := a.track.legs[id]; l != nil && l.conn == nil && a.conn != nil && !a.track.holding(l) {
			a.later(ctx, "uuid_kill "+id)
		}
	}
}

func (a *Adapter) conferenceCall(ctx context.Context, r csta.ConferenceCall) (csta.ConferenceCallResponse, error) {
	var (
		none             csta.ConferenceCallResponse
		held, active     *connection
		own1, own2       string
		far1, far2, room string
		parked, there    bool // who is held is so by us; he is in a room, in which the own leg holds
	)
	done := func() {}
	a.ripe(ctx, r.HeldCall, r.ActiveCall)
	err := a.do(func(t *tracker) (err error) {
		if held, active, err = a.pair(r.HeldCall, r.ActiveCall); err != nil {
			return err
		}
		if active.state != csta.Connected {
			return csta.ErrNoActiveCall.With(fmt.Errorf("freeswitch: %s is %s", active.device, active.state))
		}
		f1, f2, o := far(held), far(active), active.leg()
		if f1 == nil || f2 == nil || o == nil || !f1.answered || !f2.answered {
			return csta.ErrInvalidConnectionState.With("freeswitch: the consulted party has not answered")
		}
		if l := held.leg(); l != nil {
			own1 = l.id
		}
		parked = held.holder != nil
		own2, far1, far2, room = o.id, f1.id, f2.id, a.room(held.call)
		if l := held.leg(); l != nil && l.room != nil {
			if room, there = l.room.name, true; f1.room != l.room || !isName(room) {
				return csta.ErrInvalidConnectionState.With("freeswitch: the held call's room is not known")
			}
		}
		done = a.mark(ctx, held.call, active.call)
		t.willMeet(held, active, f1, f2, room)
		return nil
	})
	defer func() { done() }()
	if err != nil {
		return none, err
	}
	where := "conference:" + room + "@" + a.conf.RoomKind + " inline"
	if err = a.freed(ctx, far1, far2, own2); err == nil && own1 != "" {
		err = a.send(ctx, "uuid_setvar "+own1+" hangup_after_bridge true")
	}
	if err == nil {
		err = a.send(ctx, "uuid_transfer "+own2+" -both "+where)
	}
	if err == nil {
		err = a.await(ctx, a.time.step, "two add-member of the room "+room, func() bool {
			l, o := a.track.legs[own2], a.track.legs[far2]
			return l != nil && o != nil && l.room != nil && o.room != nil
		})
	}
	if err == nil && !there {
		err = a.send(ctx, "uuid_transfer "+far1+" "+where)
	}
	if err == nil {
		err = a.await(ctx, a.time.step, "the third add-member of the room "+room, func() bool { return active.call.conn(active.device) == nil })
	}
	if parked && err == nil {
		a.unmark(far1)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		if l := a.track.legs[own2]; l != nil && a.track.holding(l) && a.ready { // it is to park when its talk is over, as before
			a.track.rearm = append(a.track.rearm, l)
			a.wishes()
		}
		return none, err
	}
	if own1 != "" {
		a.ends(ctx, []string{own1})
	}
	id := csta.ConnectionID{Call: a.track.callID(held.call), Device: held.device}
	res := csta.ConferenceCallResponse{ConferenceCall: id}
	for _, n := range held.call.conns {
		res.Connections = append(res.Connections, csta.ConnectionListItem{NewConnection: a.track.id(n)})
	}
	return res, nil
}

// room is the name of a call's room.
func (a *Adapter) room(c *call) string { return a.conf.Room + cutID(c.id) }

func cutID(id string) string {
	if len(id) > 13 {
		return id[:13]
	}
	return id
}
