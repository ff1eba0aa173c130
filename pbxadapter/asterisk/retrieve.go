package asterisk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/ami"
)

// Taking back what is held: by the phone where it obeys NOTIFY, by our dialplan lines where they hold. A call that a phone holds by its own key,
// and does not take back when asked, is taken back by a second call of that phone.

func (a *Adapter) retrieveCall(ctx context.Context, r csta.RetrieveCall) (csta.RetrieveCallResponse, error) {
	a.mu.Lock()
	_, err := a.leg(r.CallToBeRetrieved, csta.ErrNoHeldCall, csta.Hold)
	if err == nil {
		for _, o := range a.t.at[r.CallToBeRetrieved.Device] {
			if o.call.id != r.CallToBeRetrieved.Call && o.role == party && o.state == csta.Connected {
				err = csta.ErrConnectedCallExists.With(fmt.Errorf("asterisk: %s is %s", o.id(), o.state))
			}
		}
	}
	a.mu.Unlock()
	if err != nil {
		return csta.RetrieveCallResponse{}, err
	}
	return csta.RetrieveCallResponse{}, a.retrieve(ctx, r.CallToBeRetrieved, "")
}

// retrieve takes a call back from hold.
func (a *Adapter) retrieve(ctx context.Context, id csta.ConnectionID, why csta.EventCause) error {
	conn, err := a.connection()
	if err != nil {
		return err
	}
	a.mu.Lock()
	l, c, p, err := a.atPhone(id, csta.ErrNoHeldCall, csta.Hold)
	if err != nil {
		a.mu.Unlock()
		return err
	}
	l.op, l.why = pbxadapter.Op(ctx), why
	done := a.expect(func() bool { return a.t.is(id, csta.Connected) })
	defer a.drop(done)
	server, near := l.server, c.name
	far := ""
	if rest := l.call.live(l); len(rest) == 1 {
		far = rest[0].channel().name
	}
	notify := a.obeys(p, l.device)
	second := p.style.prompts() && a.lines[joinExten] && a.rights["Originate"] && far != "" && c.bridge != nil && !c.bridge.apart
	a.mu.Unlock()
	defer a.settled(id)
	if server {
		return a.retrieveForPhone(ctx, conn, near, far, done)
	}
	if notify {
		back, err := a.notify(ctx, conn, c, "talk", done)
		if back || err != nil {
			return err
		}
	}
	switch {
	case second:
		return a.retrieveAnew(ctx, conn, id, p, far)
	case notify:
		return a.unproven(ctx, "taking the call back")
	}
	return csta.ErrRequestIncompatible.With("asterisk: the phone holds the call by its own key, and neither obeys NOTIFY talk nor answers a call by itself: take it back at the phone")
}

func (a *Adapter) retrieveForPhone(ctx context.Context, conn *ami.Conn, near, far string, done *waiter) error {
	if far == "" {
		return csta.ErrInvalidConnectionState.With("asterisk: the other party has gone")
	}
	err := a.setVariable(ctx, conn, near, varPeer, ami.Channel, far)
	if err == nil {
		_, err = conn.Do(ctx, ami.NewAction("Redirect").With("Channel", ami.Channel, near).With("Context", ami.Word, a.conf.Context).
			Fixed("Exten", joinExten).Fixed("Priority", "1"))
	}
	switch {
	case err != nil:
		return a.fault(ctx, err)
	case !a.await(ctx, done, proofWithin):
		a.wantLook()
		return a.unproven(ctx, "taking the call back")
	}
	return nil
}

// retrieveAnew calls a phone, which answers by itself, and has our dialplan line put it together with the other party of a call that it holds.
// The channel by which it held has nobody any more, and ends.
func (a *Adapter) retrieveAnew(ctx context.Context, conn *ami.Conn, id csta.ConnectionID, p *phoneEntry, far string) error {
	a.mu.Lock()
	l, err := a.leg(id, csta.ErrNoHeldCall, csta.Hold)
	if err != nil {
		a.mu.Unlock()
		return err
	}
	in := &intent{op: pbxadapter.Op(ctx), id: a.newID(), device: p.device, back: l, since: time.Now()}
	a.t.intend(in, a.conf.RingTime)
	a.t.silence(l) // what becomes of its channel is told by this
	done := a.expect(func() bool { return a.t.is(id, csta.Connected) || in.refused })
	defer a.drop(done)
	a.mu.Unlock()
	err = a.ring(ctx, conn, ami.NewAction("Originate").With("Channel", ami.Channel, "PJSIP/"+p.endpoint).With("Context", ami.Word, a.conf.Context).
		Fixed("Exten", joinExten).Fixed("Priority", "1").Variable(varPeer, ami.Channel, far), in, p, true)
	if err == nil {
		a.await(ctx, done, 2*proofWithin)
	}
	ringing, back := a.notBack(in, id)
	switch {
	case back:
		return nil
	case ringing != "":
		_, _ = conn.Do(context.WithoutCancel(ctx), ami.NewAction("Hangup").With("Channel", ami.Channel, ringing).Fixed("Cause", "16"))
	}
	if err != nil {
		return err
	}
	a.wantLook()
	return a.unproven(ctx, "taking the call back by a second call of the phone")
}

// notBack has everything be as it was, unless the phone has the call back; ringing is the channel by which it was called, if that is there.
func (a *Adapter) notBack(in *intent, id csta.ConnectionID) (ringing string, back bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	in.back = nil
	l := a.t.find(id)
	if l != nil && l.state == csta.Connected {
		return "", true
	}
	if l != nil {
		for _, c := range l.channels {
			c.silent = false
		}
	}
	a.t.until(time.Now())
	if l = a.t.find(id); l != nil && len(l.channels) == 0 { // it was put down meanwhile
		a.t.finish(l, csta.CauseNormalClearing)
		a.check()
	}
	if c := in.channel; c != nil && !c.gone {
		c.silent = true
		return c.name, false
	}
	return "", false
}

// backBySecondCall looks whether a phone is together again with whom it held, by another channel.
func (t *tracker) backBySecondCall(b *bridge) {
	for _, c := range b.members {
		if c.leg != nil || c.intent == nil || c.intent.back == nil {
			continue
		}
		l := c.intent.back
		if l.state != csta.Hold || !slices.ContainsFunc(b.members, func(o *channel) bool { return o.leg != nil && o.leg != l && o.leg.call == l.call }) {
			continue
		}
		for _, o := range l.channels {
			o.leg = nil
		}
		l.channels, c.silent = nil, false
		t.attach(l, c)
		t.move(l, csta.Connected, l.why)
		l.why = ""
		return
	}
}
