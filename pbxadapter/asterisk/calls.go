package asterisk

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/ami"
)

// The services that bring a phone into a call by an Originate.

func (a *Adapter) makeCall(ctx context.Context, r csta.MakeCall) (csta.MakeCallResponse, error) {
	id, err := a.originate(ctx, r.CallingDevice, r.CalledDirectoryNumber, r.AutoOriginate == csta.AutoOriginateDoNotPrompt, csta.CauseMakeCall, nil)
	return csta.MakeCallResponse{CallingDevice: id}, err
}

// originate has a phone call a number, in the phone's own context. but is a call of the phone that doesn't hinder.
func (a *Adapter) originate(ctx context.Context, from, to csta.DeviceID, auto bool, cause csta.EventCause, but *leg) (csta.ConnectionID, error) {
	var none csta.ConnectionID
	conn, err := a.connection()
	if err != nil {
		return none, err
	}
	a.mu.Lock()
	p, n, dialplan, err := a.mayCall(from, to, but)
	if err != nil {
		a.mu.Unlock()
		return none, err
	}
	in := &intent{op: pbxadapter.Op(ctx), id: a.newID(), device: from, called: a.t.shown(n), cause: cause, since: time.Now()}
	if in.called.Device != to && a.t.book.phones[to] == nil {
		in.called = callmodel.Party{Device: to, Shown: callmodel.Known}
	}
	a.t.intend(in, a.conf.RingTime)
	begun := a.expect(func() bool { return in.refused || in.told.Call != "" })
	defer a.drop(begun)
	a.mu.Unlock()
	action := ami.NewAction("Originate").With("Channel", ami.Channel, "PJSIP/"+p.endpoint).With("Context", ami.Word, dialplan).With("Exten", ami.Number, n).
		Fixed("Priority", "1").Variable("CONNECTEDLINE(num)", ami.Number, n)
	if err := a.ring(ctx, conn, action, in, p, auto); err != nil {
		return none, err
	}
	if !a.await(ctx, begun, proofWithin) {
		return none, a.unproven(ctx, "the call")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if in.told.Call == "" {
		delete(a.t.intents, in.id)
		a.log.Info("a phone could not be rung: look at its registration", zap.String("endpoint", p.endpoint), pbxadapter.TraceField(ctx))
		no := csta.ErrDeviceOutOfService.With(fmt.Errorf("asterisk: %s could not be rung: it is not registered, or unknown", p.endpoint))
		if c := in.channel; c != nil && c.gone {
			no = no.Coded(c.tech, c.cause)
		}
		return none, no
	}
	return in.told, nil // it may be over by now
}

// mayCall checks a call that a phone is to make; a.mu is held.
func (a *Adapter) mayCall(from, to csta.DeviceID, but *leg) (*phoneEntry, string, string, error) {
	p, err := a.phoneOf(from)
	if err != nil {
		return nil, "", "", err
	}
	n, err := a.number(to, csta.ErrInvalidCalledDeviceID)
	if err != nil {
		return nil, "", "", err
	}
	for _, l := range a.t.at[from] {
		if l != but && l.state != csta.Hold && l.role == party {
			return nil, "", "", csta.ErrInvalidCallingState.With(fmt.Errorf("asterisk: %s is %s", l.id(), l.state))
		}
	}
	dialplan, err := a.dialplan(from)
	return p, n, dialplan, err
}

// ring sends an Originate for an intent. It is always asynchronous: else Asterisk would do nothing else for us until the phone is lifted.
func (a *Adapter) ring(ctx context.Context, conn *ami.Conn, action *ami.Action, in *intent, p *phoneEntry, auto bool) error {
	action.Fixed("Async", "true").Fixed("Timeout", strconv.FormatInt(a.conf.RingTime.Milliseconds(), 10)).With("ChannelId", ami.Word, in.id)
	if name, value := p.style.variable(); auto && name != "" {
		action.Variable(name, ami.Text, value)
	}
	_, err := conn.Do(ctx, action)
	if err != nil {
		a.mu.Lock()
		delete(a.t.intents, in.id)
		a.mu.Unlock()
		err = a.fault(ctx, err)
		if refused, ok := err.(*csta.Error); ok && refused.Value == csta.ErrInvalidDestination.Value { //nolint:errorlint // fault makes it
			return csta.ErrInvalidCalledDeviceID.With(refused.Err).Says(refused.PBX)
		}
		return err
	}
	return nil
}

// answerCall has a phone answer: it obeys NOTIFY talk, or is called a second time, answers that by itself, and picks its own call up.
func (a *Adapter) answerCall(ctx context.Context, r csta.AnswerCall) (csta.AnswerCallResponse, error) {
	var none csta.AnswerCallResponse
	conn, err := a.connection()
	if err != nil {
		return none, err
	}
	a.mu.Lock()
	l, c, p, err := a.atPhone(r.CallToBeAnswered, csta.ErrNoCallToAnswer, csta.Alerting, csta.Initiated)
	if err != nil {
		a.mu.Unlock()
		return none, err
	}
	notify := a.obeys(p, l.device)
	pickup := p.style.prompts() && l.state == csta.Alerting
	l.op = pbxadapter.Op(ctx)
	id := r.CallToBeAnswered
	isAnswered := func() bool { return a.t.is(id, csta.Connected) }
	answered := a.expect(isAnswered)
	defer a.drop(answered)
	a.mu.Unlock()
	defer a.settled(id)
	if notify {
		if done, err := a.notify(ctx, conn, c, "talk", answered); done || err != nil {
			return none, err
		}
	}
	switch {
	case !pickup && notify:
		return none, a.unproven(ctx, "NOTIFY talk")
	case !pickup:
		return none, csta.ErrRequestIncompatible.With("asterisk: the phone neither obeys NOTIFY talk nor answers a call by itself: lift it")
	}
	a.mu.Lock()
	picked := a.expect(isAnswered)
	defer a.drop(picked)
	a.mu.Unlock()
	in, err := a.pickChannel(ctx, conn, p, l, c)
	if err != nil {
		return none, err
	}
	if !a.await(ctx, picked, proofWithin) {
		a.giveUp(ctx, conn, in)
		return none, a.unproven(ctx, "answering")
	}
	return none, nil
}

// giveUp ends a call of a phone that was to answer it by itself, and take another one by that: it rings in vain.
func (a *Adapter) giveUp(ctx context.Context, conn *ami.Conn, in *intent) {
	a.mu.Lock()
	c := in.channel
	if c == nil || c.gone || c.up() {
		a.mu.Unlock()
		return
	}
	name := c.name
	a.mu.Unlock()
	_, _ = conn.Do(context.WithoutCancel(ctx), ami.NewAction("Hangup").With("Channel", ami.Channel, name).Fixed("Cause", "16"))
}

// notify sends NOTIFY in a channel's dialog, and waits for what the phone makes of it. false: nothing came of it. A phone that put the call down meanwhile
// may obey the next one.
func (a *Adapter) notify(ctx context.Context, conn *ami.Conn, c *channel, event string, done *waiter) (bool, error) {
	a.mu.Lock()
	channel, device := c.name, c.device
	a.mu.Unlock()
	_, err := conn.Do(ctx, ami.NewAction("PJSIPNotify").With("Channel", ami.Channel, channel).Fixed("Variable", "Event="+event))
	if err != nil && !isRefused(err) {
		return false, a.fault(ctx, err)
	}
	if err != nil { // a call that isn't far enough for a NOTIFY, or a channel that has gone
		there, failed := a.channelsNamed(ctx, conn, []string{channel})
		if failed == nil && len(there) == 0 {
			a.wantLook()
			failed = csta.ErrInvalidConnectionID.With(err)
		}
		if failed == nil {
			a.heard(ctx, device, false)
		}
		return false, a.fault(ctx, failed)
	}
	obeyed := a.await(ctx, done, proofWithin)
	a.mu.Lock()
	now := a.t.channels[c.id]
	a.mu.Unlock()
	switch {
	case obeyed:
	case ctx.Err() != nil:
		return false, ctx.Err()
	case now == nil || now.gone:
		return false, csta.ErrInvalidConnectionID.With("asterisk: the call has ended meanwhile")
	}
	a.heard(ctx, device, obeyed)
	return obeyed, nil
}

// heard remembers whether a phone obeys NOTIFY: one that doesn't is not asked for ever.
func (a *Adapter) heard(ctx context.Context, d csta.DeviceID, obeyed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if obeyed {
		delete(a.deaf, d)
		return
	}
	if a.deaf[d]++; a.deaf[d] == 2 {
		a.log.Warn("a phone did not obey NOTIFY talk or hold twice: it is not sent any more; see its style in the configuration", zap.String("device", string(d)),
			pbxadapter.TraceField(ctx))
	}
}

// settled ends a request's mark on a connection.
func (a *Adapter) settled(id csta.ConnectionID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if l := a.t.find(id); l != nil {
		l.op, l.why = 0, ""
	}
}

// pickChannel calls a phone, which answers by itself, and has it take a ringing channel's call.
func (a *Adapter) pickChannel(ctx context.Context, conn *ami.Conn, p *phoneEntry, l *leg, c *channel) (*intent, error) {
	a.mu.Lock()
	in := &intent{op: pbxadapter.Op(ctx), id: a.newID(), device: p.device, pickup: l, since: time.Now()}
	a.t.intend(in, a.conf.RingTime)
	a.mu.Unlock()
	action := ami.NewAction("Originate").With("Channel", ami.Channel, "PJSIP/"+p.endpoint).Fixed("Application", "PickupChan").With("Data", ami.Channel, c.name)
	return in, a.ring(ctx, conn, action, in, p, true)
}

// directedPickupCall takes a call that rings elsewhere, or is parked.
func (a *Adapter) directedPickupCall(ctx context.Context, r csta.DirectedPickupCall) (csta.DirectedPickupCallResponse, error) {
	var none csta.DirectedPickupCallResponse
	if r.CallToBePickedUp == nil {
		return none, csta.ErrParameterMissing.With("callToBePickedUp is missing")
	}
	a.mu.Lock()
	l, err := a.leg(*r.CallToBePickedUp, csta.ErrInvalidConnectionState, csta.Alerting, csta.Queued)
	a.mu.Unlock()
	if err != nil {
		return none, err
	}
	id, err := a.pickUp(ctx, l, r.RequestingDevice)
	if err != nil {
		return none, err
	}
	return csta.DirectedPickupCallResponse{PickedCall: &id}, nil
}

func (a *Adapter) pickUp(ctx context.Context, l *leg, to csta.DeviceID) (csta.ConnectionID, error) {
	var none csta.ConnectionID
	conn, err := a.connection()
	if err != nil {
		return none, err
	}
	a.mu.Lock()
	p, err := a.phoneOf(to)
	if err == nil {
		err = a.free(to)
	}
	k := l.call
	var c *channel
	var dialplan string
	switch {
	case err != nil:
	case l.role == slot:
		dialplan, err = a.dialplan(to)
	case l.role == party && l.channel() != nil:
		c = l.channel()
	default:
		err = csta.ErrInvalidConnectionState.With(fmt.Errorf("asterisk: a call that waits in %s cannot be picked up", l.device))
	}
	if err != nil {
		a.mu.Unlock()
		return none, err
	}
	id := csta.ConnectionID{Call: k.id, Device: to}
	taken := a.expect(func() bool { return a.t.is(id, csta.Connected) })
	defer a.drop(taken)
	a.mu.Unlock()
	var in *intent
	if c != nil {
		in, err = a.pickChannel(ctx, conn, p, l, c)
	} else {
		a.mu.Lock()
		in = &intent{op: pbxadapter.Op(ctx), id: a.newID(), device: p.device, pickup: l, since: time.Now()}
		a.t.intend(in, a.conf.RingTime)
		a.mu.Unlock()
		n, _ := a.numbers.Native(l.device, pbxadapter.Called)
		err = a.ring(ctx, conn, ami.NewAction("Originate").With("Channel", ami.Channel, "PJSIP/"+p.endpoint).With("Context", ami.Word, dialplan).
			With("Exten", ami.Number, n).Fixed("Priority", "1"), in, p, true)
	}
	if err != nil {
		return none, err
	}
	if !a.await(ctx, taken, 2*proofWithin) {
		a.giveUp(ctx, conn, in)
		return none, a.unproven(ctx, "the pickup")
	}
	return id, nil
}

// free checks that a phone can take a call; a.mu is held.
func (a *Adapter) free(d csta.DeviceID) error {
	for _, l := range a.t.at[d] {
		if l.role == party && l.state != csta.Hold {
			return csta.ErrInvalidDeviceState.With(fmt.Errorf("asterisk: %s is %s", l.id(), l.state))
		}
	}
	return nil
}

// groupPickupCall takes the call that has rung longest at a phone whose call group is one of the phone's pickup groups.
func (a *Adapter) groupPickupCall(ctx context.Context, r csta.GroupPickupCall) (csta.GroupPickupCallResponse, error) {
	var none csta.GroupPickupCallResponse
	a.mu.Lock()
	p, err := a.phoneOf(r.NewDestination)
	if err != nil {
		a.mu.Unlock()
		return none, err
	}
	var oldest *leg
	for d, legs := range a.t.at {
		o := a.t.book.phones[d]
		if o == nil || o == p || !slices.ContainsFunc(o.callGroups, func(g string) bool { return slices.Contains(p.pickupGroups, g) }) {
			continue
		}
		for _, l := range legs {
			if l.state == csta.Alerting && (oldest == nil || l.since.Before(oldest.since)) {
				oldest = l
			}
		}
	}
	a.mu.Unlock()
	if oldest == nil {
		return none, csta.ErrNoCallToAnswer.With("asterisk: nothing rings in the phone's pickup groups")
	}
	id, err := a.pickUp(ctx, oldest, r.NewDestination)
	if err != nil {
		return none, err
	}
	return csta.GroupPickupCallResponse{PickedCall: &id}, nil
}
