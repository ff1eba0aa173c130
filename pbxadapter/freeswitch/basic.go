package freeswitch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// The services on one call.

// originate is the command that has the PBX call one of our phones, and run an application with it when it answers.
func (a *Adapter) originate(p *phoneLine, id string, r role, auto bool, show string, more []string, then string) string {
	st := p.style(a.conf.Styles)
	v := []string{
		"origination_uuid=" + id, "farhook_role=" + string(r), "ignore_early_media=true", fmt.Sprintf("originate_timeout=%d", a.conf.RingTime),
		"hangup_after_bridge=true",
	}
	if show != "" {
		v = append(v, "origination_caller_id_number="+show, "origination_caller_id_name="+show)
	}
	v = append(v, more...)
	if auto {
		vars, _ := st.autoAnswer()
		v = append(v, vars...)
	}
	return "originate {^^|" + strings.Join(v, "|") + "}user/" + p.user + "@" + a.conf.Domain + " " + then
}

// dialing is what makes a leg dial a number, once its phone has answered.
func (a *Adapter) dialing(p *phoneLine, auto bool, number, where string) (more []string, then string) {
	c, d := cutPrefix(where, ' ')
	more = []string{"farhook_to=" + number, "effective_caller_id_number=" + p.user, "transfer_ringback=" + a.conf.Ringback}
	if n := shown(p.name); n != "" {
		more = append(more, "effective_caller_id_name='"+n+"'")
	}
	unset := ""
	if auto {
		_, unset = p.style(a.conf.Styles).autoAnswer()
	}
	return more, "'" + unset + "transfer:" + number + " " + d + " " + c + "' inline"
}

func (a *Adapter) makeCall(ctx context.Context, r csta.MakeCall) (csta.MakeCallResponse, error) {
	var none csta.MakeCallResponse
	type plan struct {
		p      *phoneLine
		number string
		to     callmodel.Party
	}
	m, err := ask(a, func(*tracker) (m plan, err error) {
		if m.p, err = a.phone(r.CallingDevice); err != nil {
			return m, err
		}
		if m.number, err = a.dial(r.CalledDirectoryNumber, csta.ErrInvalidCalledDeviceID); err != nil {
			return m, err
		}
		m.to = a.party(r.CalledDirectoryNumber, m.number)
		return m, a.free(m.p.id, nil, csta.ErrInvalidCallingState)
	})
	if err != nil {
		return none, err
	}
	id, err := a.call(ctx, m.p, m.number, m.to, r.AutoOriginate == csta.AutoOriginateDoNotPrompt)
	if err != nil {
		return none, err
	}
	return csta.MakeCallResponse{CallingDevice: id}, nil
}

// call has a phone call a number, and returns when the PBX has a leg for it.
func (a *Adapter) call(ctx context.Context, p *phoneLine, number string, to callmodel.Party, auto bool) (csta.ConnectionID, error) {
	none := csta.ConnectionID{}
	where, err := a.dialplan(ctx, p)
	if err != nil {
		return none, err
	}
	id := newID()
	if err := a.do(func(t *tracker) error {
		t.wanted[id] = &intention{op: pbxadapter.Op(ctx), called: to}
		return nil
	}); err != nil {
		return none, err
	}
	more, then := a.dialing(p, auto, number, where)
	limit := time.Duration(a.conf.RingTime)*time.Second + 2*a.time.step
	result, err := a.start(ctx, a.originate(p, id, dials, auto, number, more, then), limit)
	if err == nil {
		err = a.await(ctx, 2*a.time.step, "CHANNEL_CREATE of the caller's own leg", func() bool { return a.track.calls[id] != nil }, result)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		delete(a.track.wanted, id)
		return none, err
	}
	t := a.track
	t.after(limit, func() { delete(t.wanted, id) })
	return csta.ConnectionID{Call: csta.CallID(a.name + "-" + id), Device: p.id}, nil
}

func (a *Adapter) answerCall(ctx context.Context, r csta.AnswerCall) (csta.AnswerCallResponse, error) {
	var none csta.AnswerCallResponse
	type ringing struct {
		n    *connection
		leg  string
		done func()
	}
	m, err := ask(a, func(*tracker) (m ringing, err error) {
		n, err := a.in(r.CallToBeAnswered, csta.ErrNoCallToAnswer, csta.Alerting, csta.Initiated)
		if err != nil {
			return m, err
		}
		if _, err := a.phone(n.device); err != nil {
			return m, err
		}
		l := n.leg()
		if l == nil {
			return m, csta.ErrNoCallToAnswer.With("freeswitch: no phone rings")
		}
		return ringing{n, l.id, a.mark(ctx, n.call)}, nil
	})
	if err != nil {
		return none, err
	}
	defer m.done()
	if err := a.send(ctx, "uuid_phone_event "+m.leg+" talk"); err != nil {
		return none, err
	}
	return none, a.await(ctx, a.time.step, "CHANNEL_ANSWER of "+m.leg, func() bool { return m.n.state == csta.Connected && m.n.kind == callmodel.Plain })
}

// kills are the legs that end with a connection, and why. Whoever is parked for it ends too: nobody could take it back.
func kills(n *connection) map[string]string {
	m := make(map[string]string)
	for _, l := range n.legs {
		switch {
		case n.state == csta.Alerting:
			m[l.id] = "USER_BUSY"
		case len(l.rings) > 0:
			m[l.id] = "ORIGINATOR_CANCEL"
		default:
			m[l.id] = "NORMAL_CLEARING"
		}
	}
	if len(n.legs) == 0 && n.holder != nil {
		for _, o := range n.call.others(n) {
			for _, l := range o.legs {
				m[l.id] = "NORMAL_CLEARING"
			}
		}
	}
	return m
}

func (a *Adapter) clearConnection(ctx context.Context, r csta.ClearConnection) (csta.ClearConnectionResponse, error) {
	var none csta.ClearConnectionResponse
	var n *connection
	var legs map[string]string
	caller := "" // who waits for it
	done := func() {}
	err := a.do(func(t *tracker) (err error) {
		if n, err = a.find(r.ConnectionToBeCleared); err != nil {
			return err
		}
		done = a.mark(ctx, n.call)
		if l := n.leg(); n.state == csta.Alerting && l != nil && l.parent != nil {
			caller = l.parent.id
		}
		if legs = kills(n); len(legs) > 0 {
			return nil
		}
		// Something inside the PBX, or a party that failed. Others who talk go on without it; whoever is alone with it is cleared.
		alive := slices.DeleteFunc(n.call.others(n), func(o *connection) bool { return len(o.legs) == 0 })
		if len(alive) > 1 {
			t.end(n, csta.CauseNormalClearing, n.party)
			return nil
		}
		for _, o := range alive {
			for _, l := range o.legs {
				legs[l.id] = "NORMAL_CLEARING"
			}
		}
		return nil
	})
	defer func() { done() }()
	if err == nil {
		err = a.yields(ctx, caller)
	}
	if err != nil {
		return none, err
	}
	return none, a.kill(ctx, legs, func() bool { return n.state == csta.Null })
}

func (a *Adapter) kill(ctx context.Context, legs map[string]string, gone func() bool) error {
	var failed error
	a.mu.Lock()
	for id := range legs {
		if l := a.track.legs[id]; l != nil {
			l.killed = true
		}
	}
	a.mu.Unlock()
	for id, cause := range legs {
		if err := a.send(ctx, "uuid_kill "+id+" "+cause); err != nil {
			failed = err
		}
	}
	if err := a.await(ctx, a.time.step, "CHANNEL_HANGUP", gone); err != nil {
		if failed != nil {
			return failed
		}
		return err
	}
	return nil
}

func (a *Adapter) clearCall(ctx context.Context, r csta.ClearCall) (csta.ClearCallResponse, error) {
	var none csta.ClearCallResponse
	if r.CallToBeCleared == nil {
		return none, csta.ErrParameterMissing.With("callToBeCleared is missing")
	}
	var c *call
	legs := make(map[string]string)
	done := func() {}
	err := a.do(func(t *tracker) error {
		n, err := a.find(*r.CallToBeCleared)
		if err != nil {
			return err
		}
		c = n.call
		done = a.mark(ctx, c)
		for _, o := range c.conns {
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
	return none, a.kill(ctx, legs, func() bool { return len(c.conns) == 0 })
}

func (a *Adapter) holdCall(ctx context.Context, r csta.HoldCall) (csta.HoldCallResponse, error) {
	var n *connection
	done := func() {}
	a.ripe(ctx, r.CallToBeHeld)
	err := a.do(func(t *tracker) (err error) {
		if n, err = a.in(r.CallToBeHeld, csta.ErrNoActiveCall, csta.Connected); err == nil {
			_, err = a.line(n.device)
		}
		if err == nil {
			done = a.mark(ctx, n.call)
		}
		return err
	})
	defer func() { done() }()
	if err == nil {
		err = a.hold(ctx, n, csta.CauseNormal)
	}
	return csta.HoldCallResponse{}, err
}

// hold has a phone hold, or parks the far end for it, and waits until that is so.
func (a *Adapter) hold(ctx context.Context, n *connection, cause csta.EventCause) error {
	type held struct {
		own, far string
		parks    bool
	}
	m, err := ask(a, func(t *tracker) (m held, err error) {
		l := n.leg()
		if l == nil || n.state != csta.Connected {
			return m, csta.ErrNoActiveCall.With(fmt.Errorf("freeswitch: %s is %s", n.device, n.state))
		}
		if p := a.byID[n.device]; p != nil && p.style(a.conf.Styles).notify() || l.room != nil {
			t.wanted[l.id] = &intention{cause: cause}
			return held{own: l.id}, nil
		}
		o := l.peer
		if o == nil {
			return m, errAlone
		}
		return held{own: l.id, far: o.id, parks: true}, nil
	})
	if err != nil {
		return err
	}
	if m.parks {
		return a.parkFar(ctx, n, m.own, m.far, cause)
	}
	defer a.forgets(m.own)
	if err := a.send(ctx, "uuid_phone_event "+m.own+" hold"); err != nil {
		return err
	}
	return a.await(ctx, a.time.step, "CHANNEL_HOLD of "+m.own+": the phone does not hold when it is told to", func() bool { return n.state == csta.Hold })
}

func (a *Adapter) forgets(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.track.wanted, id)
}

func (a *Adapter) retrieveCall(ctx context.Context, r csta.RetrieveCall) (csta.RetrieveCallResponse, error) {
	var n *connection
	done := func() {}
	err := a.do(func(t *tracker) (err error) {
		if n, err = a.in(r.CallToBeRetrieved, csta.ErrNoHeldCall, csta.Hold); err != nil {
			return err
		}
		if err := a.free(n.device, n, csta.ErrConnectedCallExists); err != nil {
			return err
		}
		done = a.mark(ctx, n.call)
		return nil
	})
	defer func() { done() }()
	if err == nil {
		err = a.retrieve(ctx, n)
	}
	return csta.RetrieveCallResponse{}, err
}

// retrieve has a phone take its held call back.
func (a *Adapter) retrieve(ctx context.Context, n *connection) error {
	var own, parked, id string
	if err := a.do(func(t *tracker) error {
		if n.holder != nil {
			own, id = n.holder.id, n.call.id
			if f := far(n); f != nil {
				parked = f.id
				return nil
			}
			return errAlone
		}
		l := n.leg()
		if l == nil || n.state != csta.Hold {
			return csta.ErrNoHeldCall.With(fmt.Errorf("freeswitch: %s is %s", n.device, n.state))
		}
		own = l.id
		return nil
	}); err != nil {
		return err
	}
	back := func() bool { return n.state == csta.Connected }
	if parked != "" {
		return a.unpark(ctx, own, parked, id, back)
	}
	if err := a.send(ctx, "uuid_phone_event "+own+" talk"); err != nil {
		return err
	}
	return a.await(ctx, a.time.step, "CHANNEL_UNHOLD of "+own+": the phone does not take the call back when it is told to", back)
}
