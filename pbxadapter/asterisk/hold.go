package asterisk

import (
	"context"
	"fmt"
	"slices"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/ami"
)

// The services that hold, and go back and forth. The phone does it where it obeys NOTIFY; else our dialplan lines do it for the phone, which shows
// an active call all the time.

func (a *Adapter) holdCall(ctx context.Context, r csta.HoldCall) (csta.HoldCallResponse, error) {
	return csta.HoldCallResponse{}, a.hold(ctx, r.CallToBeHeld, "")
}

// hold holds a call, for a cause that the event is to have.
func (a *Adapter) hold(ctx context.Context, id csta.ConnectionID, why csta.EventCause) error {
	conn, err := a.connection()
	if err != nil {
		return err
	}
	a.mu.Lock()
	l, c, p, err := a.atPhone(id, csta.ErrNoActiveCall, csta.Connected)
	if err != nil {
		a.mu.Unlock()
		return err
	}
	notify := a.obeys(p, l.device)
	l.op, l.why = pbxadapter.Op(ctx), why
	done := a.expect(func() bool { return a.t.is(id, csta.Hold) })
	defer a.drop(done)
	a.mu.Unlock()
	defer a.settled(id)
	if notify {
		held, err := a.notify(ctx, conn, c, "hold", done)
		if held || err != nil {
			return err
		}
	}
	return a.holdForPhone(ctx, conn, id, notify)
}

// holdForPhone sends both parties of a call into our dialplan lines: music for who is held, silence for who holds. Each knows the other one by a
// variable, so that a later farhook can bring them together again. asked says whether the phone was asked in vain.
func (a *Adapter) holdForPhone(ctx context.Context, conn *ami.Conn, id csta.ConnectionID, asked bool) error {
	a.together(ctx, id)
	a.mu.Lock()
	l, near, err := a.withChannel(id, csta.ErrNoActiveCall, csta.Connected)
	if err != nil {
		a.mu.Unlock()
		return err
	}
	rest := l.call.live(l)
	if !a.serverHolds() || len(rest) != 1 || near.bridge == nil || near.bridge != rest[0].channel().bridge {
		a.mu.Unlock()
		if asked {
			return a.unproven(ctx, "NOTIFY hold")
		}
		return csta.ErrRequestIncompatible.With("asterisk: the phone does not obey NOTIFY hold, and our dialplan lines cannot hold this call: hold it at the phone")
	}
	far := rest[0].channel()
	p := &parting{l, near, far}
	a.t.parting = append(a.t.parting, p)
	done := a.expect(func() bool { return a.t.is(id, csta.Hold) })
	defer a.drop(done)
	nearName, farName := near.name, far.name
	a.mu.Unlock()
	err = a.setPeers(ctx, conn, nearName, farName)
	if err == nil {
		_, err = conn.Do(ctx, ami.NewAction("Redirect").With("Channel", ami.Channel, farName).With("ExtraChannel", ami.Channel, nearName).
			With("Context", ami.Word, a.conf.Context).Fixed("Exten", holdExten).Fixed("Priority", "1").
			With("ExtraContext", ami.Word, a.conf.Context).Fixed("ExtraExten", parkExten).Fixed("ExtraPriority", "1"))
	}
	held := err == nil && a.await(ctx, done, proofWithin)
	a.mu.Lock()
	a.t.parting = slices.DeleteFunc(a.t.parting, func(o *parting) bool { return o == p }) // it may show otherwise too: where everything was read anew
	a.mu.Unlock()
	switch {
	case held:
		return nil
	case err != nil:
		return a.fault(ctx, err)
	}
	a.wantLook()
	return a.unproven(ctx, "holding")
}

// together waits until the parties of a call hear one another: somebody who has just answered may be on the way into the bridge.
func (a *Adapter) together(ctx context.Context, id csta.ConnectionID) {
	a.mu.Lock()
	w := a.expect(func() bool {
		l := a.t.find(id)
		if l == nil || l.channel() == nil {
			return true // gone: what follows says so
		}
		c := l.channel()
		rest := l.call.live(l)
		return l.server || c.bridge != nil && len(rest) > 0 && rest[0].channel().bridge == c.bridge
	})
	a.mu.Unlock()
	a.await(ctx, w, bridgeWithin)
}

// setPeers notes at two channels that they belong together.
func (a *Adapter) setPeers(ctx context.Context, conn *ami.Conn, near, far string) error {
	if err := a.setVariable(ctx, conn, near, varPeer, ami.Channel, far); err != nil {
		return err
	}
	return a.setVariable(ctx, conn, far, varPeer, ami.Channel, near)
}

func (a *Adapter) setVariable(ctx context.Context, conn *ami.Conn, channel, name string, k ami.Kind, value string) error {
	_, err := conn.Do(ctx, ami.NewAction("Setvar").With("Channel", ami.Channel, channel).Fixed("Variable", name).With("Value", k, value))
	return err
}

// pair checks a held and an active call of one device; a.mu is held.
func (a *Adapter) pair(held, active csta.ConnectionID) (*leg, *leg, error) {
	h, err := a.leg(held, csta.ErrNoHeldCall, csta.Hold)
	if err != nil {
		return nil, nil, err
	}
	l, err := a.leg(active, csta.ErrNoActiveCall)
	if err != nil {
		return nil, nil, err
	}
	if h.device != l.device || h.call == l.call || h.role != party || l.role != party {
		return nil, nil, csta.ErrInvalidConnectionID.With("asterisk: heldCall and activeCall must be two calls of one device")
	}
	return h, l, nil
}

func (a *Adapter) alternateCall(ctx context.Context, r csta.AlternateCall) (csta.AlternateCallResponse, error) {
	var none csta.AlternateCallResponse
	a.mu.Lock()
	_, active, err := a.pair(r.HeldCall, r.ActiveCall)
	if err == nil && active.state != csta.Connected {
		err = csta.ErrNoActiveCall.With(fmt.Errorf("asterisk: %s is %s", active.id(), active.state))
	}
	a.mu.Unlock()
	if err != nil {
		return none, err
	}
	if err := a.hold(ctx, r.ActiveCall, csta.CauseAlternate); err != nil {
		return none, err
	}
	if err := a.retrieve(ctx, r.HeldCall, csta.CauseAlternate); err != nil {
		_ = a.retrieve(context.WithoutCancel(ctx), r.ActiveCall, csta.CauseAlternate) // as it was, if it can be
		return none, err
	}
	return none, nil
}

// consultationCall holds a call and makes another one. If that cannot be, the first call is taken back.
func (a *Adapter) consultationCall(ctx context.Context, r csta.ConsultationCall) (csta.ConsultationCallResponse, error) {
	var none csta.ConsultationCallResponse
	a.mu.Lock()
	l, err := a.leg(r.ExistingCall, csta.ErrNoActiveCall, csta.Connected)
	if err == nil {
		_, _, _, err = a.mayCall(l.device, r.ConsultedDevice, l)
	}
	a.mu.Unlock()
	if err != nil {
		return none, err
	}
	if err := a.hold(ctx, r.ExistingCall, csta.CauseConsultation); err != nil {
		return none, err
	}
	id, err := a.originate(ctx, r.ExistingCall.Device, r.ConsultedDevice, true, csta.CauseConsultation, nil)
	if err != nil {
		_ = a.retrieve(context.WithoutCancel(ctx), r.ExistingCall, "")
		return none, err
	}
	return csta.ConsultationCallResponse{InitiatedCall: id}, nil
}

func (a *Adapter) reconnectCall(ctx context.Context, r csta.ReconnectCall) (csta.ReconnectCallResponse, error) {
	var none csta.ReconnectCallResponse
	a.mu.Lock()
	_, active, err := a.pair(r.HeldCall, r.ActiveCall)
	if err == nil && active.state == csta.Hold {
		err = csta.ErrNoActiveCall.With(fmt.Errorf("asterisk: %s is held too", active.id()))
	}
	a.mu.Unlock()
	if err != nil {
		return none, err
	}
	if _, err := a.clearConnection(ctx, csta.ClearConnection{ConnectionToBeCleared: r.ActiveCall}); err != nil {
		return none, err
	}
	return none, a.retrieve(ctx, r.HeldCall, "")
}
