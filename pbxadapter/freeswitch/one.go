package freeswitch

import (
	"context"
	"fmt"
	"slices"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// The services that send a call elsewhere, or bring somebody into it.

// destination checks where a call is to go.
func (a *Adapter) destination(n *connection, d csta.DeviceID) (string, callmodel.Party, error) {
	number, err := a.dial(d, csta.ErrInvalidDestination)
	if err != nil {
		return "", callmodel.Party{}, err
	}
	to := a.party(d, number)
	if n.call.conn(to.Device) != nil {
		return "", to, csta.ErrInvalidDestination.With(fmt.Errorf("freeswitch: %s is in the call already", d))
	}
	return number, to, nil
}

func (a *Adapter) singleStepTransferCall(ctx context.Context, r csta.SingleStepTransferCall) (csta.SingleStepTransferCallResponse, error) {
	var (
		none   csta.SingleStepTransferCallResponse
		n      *connection
		p      *phoneLine
		own, f string
		number string
		to     callmodel.Party
		talks  bool // the own leg has a talk, which ends, and nobody is parked for it
		parked bool // who is held is so by us
	)
	done := func() {}
	a.ripe(ctx, r.ActiveCall)
	err := a.do(func(t *tracker) (err error) {
		if n, err = a.in(r.ActiveCall, csta.ErrNoActiveCall, csta.Connected, csta.Hold); err != nil {
			return err
		}
		if p, err = a.line(n.device); err != nil {
			return err
		}
		l, err := only(n)
		if err != nil {
			return err
		}
		if number, to, err = a.destination(n, r.TransferredTo); err != nil {
			return err
		}
		f = l.id
		if o := n.leg(); o != nil {
			own, talks = o.id, !t.holding(o)
		}
		if parked = n.holder != nil; parked {
			own = n.holder.id
		}
		done = a.mark(ctx, n.call)
		return nil
	})
	if err != nil {
		return none, err
	}
	target, err := a.target(ctx, p, number)
	if err == nil {
		err = a.freed(ctx, f)
	}
	if err == nil && talks {
		err = a.freed(ctx, own)
	}
	if err == nil {
		err = a.do(func(t *tracker) error {
			l := t.legs[f]
			if l == nil || n.state == csta.Null {
				return csta.ErrNoActiveCall.With("freeswitch: the call has ended")
			}
			n.call.until, n.call.op = n.call.op, 0
			t.willHandOver(n, l, to)
			return nil
		})
	}
	if err == nil {
		err = a.send(ctx, "uuid_transfer "+f+" "+target)
	}
	if err == nil {
		err = a.await(ctx, a.time.step, "the own leg's CHANNEL_HANGUP", func() bool { return n.state == csta.Null })
	}
	if err != nil {
		done()
		return none, err
	}
	if parked {
		a.unmark(f)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ends(ctx, []string{own})
	return csta.SingleStepTransferCallResponse{TransferredCall: csta.ConnectionID{Call: a.track.callID(n.call), Device: to.Device}}, nil
}

func (a *Adapter) deflectCall(ctx context.Context, r csta.DeflectCall) (csta.DeflectCallResponse, error) {
	var (
		none   csta.DeflectCallResponse
		n      *connection
		p      *phoneLine
		caller string
		number string
	)
	done := func() {}
	err := a.do(func(t *tracker) (err error) {
		if n, err = a.in(r.CallToBeDiverted, csta.ErrInvalidConnectionState, csta.Alerting); err != nil {
			return err
		}
		if p, err = a.line(n.device); err != nil {
			return err
		}
		var to callmodel.Party
		if number, to, err = a.destination(n, r.NewDestination); err != nil {
			return err
		}
		l := n.leg()
		if l == nil || l.parent == nil || l.parent.dead {
			return errAlone
		}
		caller = l.parent.id
		done = a.mark(ctx, n.call)
		n.call.until = n.call.op
		t.willDeflect(n, l.parent, to)
		return nil
	})
	defer func() { done() }()
	if err != nil {
		return none, err
	}
	target, err := a.target(ctx, p, number)
	if err == nil {
		err = a.yields(ctx, caller)
	}
	if err == nil {
		err = a.send(ctx, "uuid_transfer "+caller+" "+target)
	}
	if err == nil {
		err = a.await(ctx, a.time.step, "the ringing leg's CHANNEL_HANGUP", func() bool { return n.state == csta.Null })
	}
	return none, err
}

func (a *Adapter) directedPickupCall(ctx context.Context, r csta.DirectedPickupCall) (csta.DirectedPickupCallResponse, error) {
	if r.CallToBePickedUp == nil {
		return csta.DirectedPickupCallResponse{}, csta.ErrParameterMissing.With("callToBePickedUp is missing")
	}
	var n *connection
	err := a.do(func(*tracker) (err error) {
		n, err = a.in(*r.CallToBePickedUp, csta.ErrInvalidConnectionState, csta.Alerting, csta.Queued)
		return err
	})
	if err != nil {
		return csta.DirectedPickupCallResponse{}, err
	}
	id, err := a.pickup(ctx, n, r.RequestingDevice)
	return csta.DirectedPickupCallResponse{PickedCall: &id}, err
}

// pickup calls a phone, which answers by itself, and has it take a call that rings elsewhere, or waits in a slot. It is the caller's leg that
// is taken: taking the ringing one would end the caller.
func (a *Adapter) pickup(ctx context.Context, n *connection, d csta.DeviceID) (csta.ConnectionID, error) {
	none := csta.ConnectionID{}
	var (
		p    *phoneLine
		take string
		c    *call
		more []string
		show string
	)
	id := newID()
	done := func() {}
	err := a.do(func(t *tracker) (err error) {
		if p, err = a.phone(d); err != nil {
			return err
		}
		if err := a.free(d, nil, csta.ErrInvalidDeviceState); err != nil {
			return err
		}
		c = n.call
		if c.conn(d) != nil {
			return csta.ErrInvalidDeviceState.With("freeswitch: the device is in the call already")
		}
		l := n.leg()
		if l != nil {
			l = l.parent
		} else {
			l = far(n)
		}
		if l == nil || l.dead {
			return errAlone
		}
		switch { // whoever is answered in this moment is not taken from who has answered
		case n.state != csta.Alerting:
		case l.answered: // we have called him, or he was handed over
			more = append(more, "intercept_unbridged_only=true")
		default:
			more = append(more, "intercept_unanswered_only=true")
		}
		if whitelist(a.conf.Characters).check(l.native) == nil {
			show = l.native
		}
		take = l.id
		done = a.mark(ctx, c)
		return nil
	})
	defer func() { done() }()
	if err != nil {
		return none, err
	}
	if err := a.yields(ctx, take); err != nil {
		return none, err
	}
	limit := 2 * a.time.step
	result, err := a.start(ctx, a.originate(p, id, picks, true, show, more, "&intercept("+take+")"), time.Duration(a.conf.RingTime)*time.Second+limit)
	if err == nil {
		err = a.await(ctx, limit, "the phone to answer by itself, and CHANNEL_BRIDGE with "+take, func() bool {
			o := c.conn(d)
			return o != nil && o.state == csta.Connected
		}, result)
	}
	if err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.track.legs[id] != nil && a.conn != nil {
			a.later(ctx, "uuid_kill "+id)
		}
		return none, err
	}
	return csta.ConnectionID{Call: csta.CallID(a.name + "-" + c.id), Device: d}, nil
}

func (a *Adapter) groupPickupCall(ctx context.Context, r csta.GroupPickupCall) (csta.GroupPickupCallResponse, error) {
	n, err := ask(a, func(t *tracker) (*connection, error) {
		p, err := a.phone(r.NewDestination)
		if err != nil {
			return nil, err
		}
		var ringing []*connection
		for _, c := range t.calls {
			for _, n := range c.conns {
				o := a.byID[n.device]
				if o != nil && o != p && o.group == p.group && p.group != "" && n.state == csta.Alerting && n.leg() != nil {
					ringing = append(ringing, n)
				}
			}
		}
		if len(ringing) == 0 {
			return nil, csta.ErrNoCallToAnswer.With("freeswitch: nothing rings in the pickup group")
		}
		slices.SortFunc(ringing, func(a, b *connection) int { return a.since.Compare(b.since) })
		return ringing[0], nil
	})
	if err != nil {
		return csta.GroupPickupCallResponse{}, err
	}
	id, err := a.pickup(ctx, n, r.NewDestination)
	return csta.GroupPickupCallResponse{PickedCall: &id}, err
}

func (a *Adapter) singleStepConferenceCall(ctx context.Context, r csta.SingleStepConferenceCall) (csta.SingleStepConferenceCallResponse, error) {
	var (
		none         csta.SingleStepConferenceCallResponse
		n            *connection
		p            *phoneLine
		own, f, room string
		number       string
		to           callmodel.Party
		there        bool
	)
	done := func() {}
	a.ripe(ctx, r.ActiveCall)
	err := a.do(func(t *tracker) (err error) {
		if r.ParticipationType != "" && r.ParticipationType != csta.ParticipationTypeActive {
			return csta.ErrInvalidParameterValue.With("participationType: only active participation is possible")
		}
		if n, err = a.in(r.ActiveCall, csta.ErrNoActiveCall, csta.Connected); err != nil {
			return err
		}
		if p, err = a.line(n.device); err != nil {
			return err
		}
		l, o := n.leg(), far(n)
		if l == nil || o == nil || !o.answered {
			return errAlone
		}
		if number, to, err = a.destination(n, r.DeviceToJoin); err != nil {
			return err
		}
		own, f, room = l.id, o.id, a.room(n.call)
		if there = l.room != nil; there {
			room = l.room.name
			if !isName(room) {
				return csta.ErrInvalidConnectionState.With("freeswitch: the room's name is not known")
			}
		}
		done = a.mark(ctx, n.call)
		t.willMeetAnother(n, o, to, room)
		if there {
			l.plan.run(t)
		}
		return nil
	})
	defer func() { done() }()
	if err != nil {
		return none, err
	}
	where, err := a.dialplan(ctx, p)
	if err != nil {
		return none, err
	}
	if !there {
		if err = a.freed(ctx, f, own); err == nil {
			err = a.send(ctx, "uuid_transfer "+own+" -both conference:"+room+"@"+a.conf.RoomKind+" inline")
		}
		if err == nil {
			err = a.await(ctx, a.time.step, "two add-member of the room "+room, func() bool {
				l, o := a.track.legs[own], a.track.legs[f]
				return l != nil && o != nil && l.room != nil && o.room != nil
			})
		}
		if err != nil {
			return none, err
		}
	}
	id := newID()
	class, _ := cutPrefix(where, ' ')
	endpoint, more, err := a.route(ctx, number, class, own)
	if err != nil {
		return none, err
	}
	// The new party is called in the device's own context, and comes into the room when it answers.
	command := "originate {^^|origination_uuid=" + id + "|farhook_role=" + string(joined) + "|farhook_call=" + n.call.id + "|farhook_to=" + number +
		"|origination_caller_id_number=" + p.user + fmt.Sprintf("|ignore_early_media=true|originate_timeout=%d", a.conf.RingTime) + more + "}" +
		endpoint + " &conference(" + room + "@" + a.conf.RoomKind + ")"
	result, err := a.start(ctx, command, time.Duration(a.conf.RingTime)*time.Second+2*a.time.step)
	if err == nil {
		err = a.await(ctx, 2*a.time.step, "CHANNEL_CREATE of the leg to "+number, func() bool {
			o := n.call.conn(to.Device)
			return o != nil && o.leg() != nil
		}, result)
	}
	if err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.ready {
			a.track.unreached(n.call, to)
			a.later(ctx, "uuid_kill "+id)
		}
		return none, err
	}
	return csta.SingleStepConferenceCallResponse{ConferencedCall: csta.ConnectionID{Call: csta.CallID(a.name + "-" + n.call.id), Device: to.Device}}, nil
}

// route is how a number is called by an originate: one of our phones directly, everything else through the dialplan of a context, by a loopback that
// goes out from between when somebody answers. A loopback's own codec is none of a phone's, so the new leg is offered that of the own leg.
func (a *Adapter) route(ctx context.Context, number, context, own string) (endpoint, more string, err error) {
	a.mu.Lock()
	ours := a.stations[number] != nil
	a.mu.Unlock()
	if ours {
		return "user/" + number + "@" + a.conf.Domain, "", nil
	}
	codec, err := a.query(ctx, "uuid_getvar "+own+" read_codec")
	if err != nil {
		return "", "", err
	}
	codecs := "PCMU,PCMA"
	if isName(codec) && codec != "_undef_" && codec != "PCMU" {
		codecs = codec + "," + codecs
	}
	return "loopback/" + number + "/" + context + "/" + a.conf.Dialplan, "|loopback_bowout_on_execute=true|export_vars=absolute_codec_string|absolute_codec_string=" + codecs, nil
}
