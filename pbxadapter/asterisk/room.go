package asterisk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/ami"
)

// The services that bring parties into a conference room of ours. A room is named after its call, so that a later farhook knows it again.

func (a *Adapter) conferenceCall(ctx context.Context, r csta.ConferenceCall) (csta.ConferenceCallResponse, error) {
	var none csta.ConferenceCallResponse
	conn, err := a.connection()
	if err != nil {
		return none, err
	}
	a.mu.Lock()
	held, active, err := a.pair(r.HeldCall, r.ActiveCall)
	if err != nil {
		a.mu.Unlock()
		return none, err
	}
	first, second := held.call.live(held), active.call.live(active)
	near := active.channel()
	switch {
	case active.state != csta.Connected:
		err = csta.ErrNoActiveCall.With(fmt.Errorf("asterisk: %s is %s", active.id(), active.state))
	case near == nil || len(first) == 0 || len(second) != 1:
		err = csta.ErrInvalidConnectionState.With("asterisk: the consulted party has not answered")
	case active.call.conference:
		err = csta.ErrInvalidConnectionState.With("asterisk: the active call is a conference already")
	case elsewhere(held):
		err = csta.ErrInvalidConnectionState.With("asterisk: the held call is a conference in a room that is none of ours")
	}
	if err != nil {
		a.mu.Unlock()
		return none, err
	}
	k := held.call
	j := &joining{how: callmodel.Conference, op: pbxadapter.Op(ctx), held: held, active: active, need: []*channel{near, second[0].channel()}}
	var others []string
	own := "" // of the device in the room already: its connection goes on by the active call's channel
	if c := held.channel(); k.conference && c != nil && c.bridge != nil && c.bridge.apart {
		own = c.name
	}
	if !k.conference {
		for _, l := range first {
			j.need = append(j.need, l.channel())
			others = append(others, l.channel().name)
		}
	}
	a.t.joining = append(a.t.joining, j)
	done := a.expect(func() bool { return j.done })
	defer a.drop(done)
	names := []string{near.name, second[0].channel().name}
	exten := conferenceExten + roomName(k.root)
	a.mu.Unlock()
	defer a.joined(j)
	a.together(ctx, r.HeldCall)
	a.together(ctx, r.ActiveCall)
	if err := a.toRoom(ctx, conn, exten, names[0], names[1]); err != nil {
		return none, err
	}
	for _, name := range others {
		if err := a.toRoom(ctx, conn, exten, name, ""); err != nil {
			return none, err
		}
	}
	if !a.await(ctx, done, proofWithin) {
		a.wantLook()
		return none, a.unproven(ctx, "the conference")
	}
	if own != "" { // nobody else ends it
		_, err := conn.Do(context.WithoutCancel(ctx), ami.NewAction("Hangup").With("Channel", ami.Channel, own).Fixed("Cause", "16"))
		if err != nil && !isRefused(err) {
			a.log.Warn("a phone's former channel in a conference could not be hung up", zap.String("channel", own), zap.Error(err), pbxadapter.TraceField(ctx))
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var moves []callmodel.Move
	if now := a.t.calls[k.id]; now != nil {
		k = now
	}
	for _, l := range k.legs {
		moves = append(moves, callmodel.Move{Old: l.id(), New: l.id(), State: l.state, Party: l.party})
	}
	return csta.ConferenceCallResponse{ConferenceCall: csta.ConnectionID{Call: k.id, Device: held.device}, Connections: connections(moves)}, nil
}

// elsewhere says whether a conference is in a room that somebody dialled, where we can bring nobody.
func elsewhere(l *leg) bool {
	c := l.channel()
	return l.call.conference && c != nil && c.conference != "" && !isOurRoom(c.conference, l.call)
}

// toRoom sends one or two channels into a room.
func (a *Adapter) toRoom(ctx context.Context, conn *ami.Conn, exten, name, extra string) error {
	action := ami.NewAction("Redirect").With("Channel", ami.Channel, name).With("Context", ami.Word, a.conf.Context).With("Exten", ami.Number, exten).Fixed("Priority", "1")
	if extra != "" {
		action.With("ExtraChannel", ami.Channel, extra).With("ExtraContext", ami.Word, a.conf.Context).With("ExtraExten", ami.Number, exten).Fixed("ExtraPriority", "1")
	}
	_, err := conn.Do(ctx, action)
	return a.fault(ctx, err)
}

// singleStepConferenceCall brings somebody into a call: the parties move to a room, and the third one is rung into it.
func (a *Adapter) singleStepConferenceCall(ctx context.Context, r csta.SingleStepConferenceCall) (csta.SingleStepConferenceCallResponse, error) {
	var none csta.SingleStepConferenceCallResponse
	conn, err := a.connection()
	if err != nil {
		return none, err
	}
	a.mu.Lock()
	l, c, err := a.withChannel(r.ActiveCall, csta.ErrNoActiveCall, csta.Connected)
	n, dialplan := "", ""
	if err == nil {
		n, dialplan, err = a.handOver(l, r.DeviceToJoin)
	}
	if err == nil && elsewhere(l) {
		err = csta.ErrInvalidConnectionState.With("asterisk: the call is a conference in a room that is none of ours")
	}
	target := a.t.book.phones[r.DeviceToJoin]
	if err == nil && target != nil {
		_, err = a.phoneOf(r.DeviceToJoin)
	}
	if err != nil {
		a.mu.Unlock()
		return none, err
	}
	k := l.call
	names := []string{c.name}
	members := []*channel{c}
	for _, o := range k.live(l) {
		names, members = append(names, o.channel().name), append(members, o.channel())
	}
	inRoom := k.conference && c.bridge != nil && c.bridge.apart
	together := a.expect(func() bool {
		return !slices.ContainsFunc(members, func(c *channel) bool {
			c = a.t.channels[c.id]
			return c == nil || c.bridge == nil || !c.bridge.apart
		})
	})
	defer a.drop(together)
	exten := conferenceExten + roomName(k.root)
	for _, m := range members {
		m.leftFirst, m.leftLast = false, false
	}
	a.mu.Unlock()
	if err := a.destinationExists(ctx, conn, dialplan, n); err != nil {
		return none, err
	}
	a.together(ctx, r.ActiveCall)
	if !inRoom {
		if len(names) != 2 {
			return none, csta.ErrInvalidConnectionState.With("asterisk: want a call of two parties, or a conference of ours")
		}
		if err := a.toRoom(ctx, conn, exten, names[0], names[1]); err != nil {
			return none, err
		}
	}
	if !a.await(ctx, together, proofWithin) {
		a.wantLook()
		return none, a.unproven(ctx, "the conference")
	}
	a.mu.Lock()
	if l, _, err = a.withChannel(r.ActiveCall, csta.ErrNoActiveCall, csta.Connected); err != nil {
		a.mu.Unlock()
		return none, err
	}
	k = l.call
	k.conference = true
	in := &intent{op: pbxadapter.Op(ctx), id: a.newID(), device: r.DeviceToJoin, called: a.t.shown(n), into: k, since: time.Now()}
	a.t.intend(in, a.conf.RingTime)
	joined := csta.ConnectionID{Call: k.id, Device: in.called.Device}
	moves := a.t.moves(k, nil, k, func(o *leg) bool { return o.role != party })
	moves = append(moves, callmodel.Move{Old: joined, New: joined, State: csta.Null, Party: in.called})
	a.t.until(time.Now())
	k.op, k.cause = in.op, csta.CauseSingleStepConference
	a.t.say(callmodel.Rearranged{
		Meta: a.t.meta(l, csta.CauseSingleStepConference), How: callmodel.SingleStepConference, Primary: k.id, By: l.device, Other: in.called, Result: k.id, Moves: moves,
	})
	rung := a.expect(func() bool { return in.refused || in.told.Call != "" || a.t.find(joined) != nil })
	defer a.drop(rung)
	a.mu.Unlock()
	action := ami.NewAction("Originate")
	if target != nil {
		action.With("Channel", ami.Channel, "PJSIP/"+target.endpoint)
	} else { // dialled in the conferencing phone's class of service
		action.With("Channel", ami.Channel, "Local/"+n+"@"+dialplan+"/n")
		target = &phoneEntry{}
	}
	action.With("Context", ami.Word, a.conf.Context).With("Exten", ami.Number, exten).Fixed("Priority", "1")
	if err := a.ring(ctx, conn, action, in, target, false); err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.t.until(time.Now())
		a.t.unreached(in)
		a.check()
		return none, err
	}
	done := a.await(ctx, rung, proofWithin)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case !done:
		return none, a.unproven(ctx, "ringing "+n)
	case in.failed:
		return none, csta.ErrDeviceOutOfService.With(fmt.Errorf("asterisk: %s could not be rung", n))
	case in.told.Call != "": // of a group's phones the one that rang first
		joined = in.told
	}
	return csta.SingleStepConferenceCallResponse{ConferencedCall: joined}, nil
}

// unreached tells of a party that was to join a conference and could not be rung.
func (t *tracker) unreached(in *intent) {
	k := in.into
	in.refused = true
	if in.told.Call != "" || in.failed || t.calls[k.id] != k || k.leg(in.called.Device) != nil {
		return
	}
	in.failed = true
	t.failed(k, in.called, csta.CauseDestNotObtainable)
	if l := k.leg(in.called.Device); l != nil {
		t.move(l, csta.Null, csta.CauseDestNotObtainable)
	}
	k.op, k.cause = 0, ""
}
