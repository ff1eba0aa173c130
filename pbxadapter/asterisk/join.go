package asterisk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/ami"
)

// The services that join calls, or hand them over.

// transferCall joins the other parties of two calls. One that still rings is rung anew, with ringback and by its forwarding, for the party that is
// handed over.
func (a *Adapter) transferCall(ctx context.Context, r csta.TransferCall) (csta.TransferCallResponse, error) {
	var none csta.TransferCallResponse
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
	first, second := held.call.live(held), active.call.others(active)
	near, far := held.channel(), ""
	switch {
	case active.state != csta.Connected && active.state != csta.Hold:
		err = csta.ErrNoActiveCall.With(fmt.Errorf("asterisk: %s is %s", active.id(), active.state))
	case len(first) != 1 || len(second) != 1 || near == nil || active.channel() == nil || second[0].channel() == nil:
		err = csta.ErrInvalidConnectionState.With("asterisk: want one party to transfer, and one to transfer to")
	}
	if err != nil {
		a.mu.Unlock()
		return none, err
	}
	j := &joining{how: callmodel.Transfer, op: pbxadapter.Op(ctx), held: held, active: active}
	x, y := first[0].channel(), second[0].channel()
	if held.server {
		far = x.name
	}
	ringing := second[0].state == csta.Alerting || second[0].kind == callmodel.Network
	if ringing && !a.handsOn(held) {
		a.mu.Unlock()
		return none, errNoRedirect
	}
	to := second[0].id()
	if ringing {
		j.to = second[0].party
	} else {
		j.need = []*channel{x, y}
	}
	moves := a.t.moves(held.call, active.call, a.t.result(held, active), func(l *leg) bool { return l == held || l == active || l.role != party })
	a.t.joining = append(a.t.joining, j)
	done := a.expect(func() bool { return j.done })
	defer a.drop(done)
	a.mu.Unlock()
	defer a.joined(j)
	a.together(ctx, r.HeldCall)
	if !ringing {
		a.together(ctx, r.ActiveCall)
	}
	if ringing {
		err = a.transferAnew(ctx, conn, j, near.name, far, to)
	} else {
		err = a.bridge(ctx, conn, x.name, y.name)
	}
	if err != nil {
		return none, err
	}
	if !a.await(ctx, done, proofWithin) {
		a.wantLook()
		return none, a.unproven(ctx, "the transfer")
	}
	return csta.TransferCallResponse{TransferredCall: moves[len(moves)-1].New, Connections: connections(moves)}, nil
}

// result is the call that two become: the older one.
func (t *tracker) result(held, active *leg) *call {
	if active.call.began.Before(held.call.began) {
		return active.call
	}
	return held.call
}

// joined ends a joining. Where it was not done, and the device has left one of the calls meanwhile, that is told now.
func (a *Adapter) joined(j *joining) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.t.joining = slices.DeleteFunc(a.t.joining, func(o *joining) bool { return o == j })
	if j.done {
		return
	}
	a.t.until(time.Now())
	for _, l := range []*leg{j.active, j.held} {
		if a.t.find(l.id()) == l && len(l.channels) == 0 {
			a.t.finish(l, csta.CauseNormalClearing)
		}
	}
	a.check()
}

// bridge puts two channels together. Releases whose Bridge leaves a channel where a later Redirect goes wrong have it done by our dialplan.
func (a *Adapter) bridge(ctx context.Context, conn *ami.Conn, x, y string) error {
	a.mu.Lock()
	old := oldBridge(a.version) && a.lines[joinExten] && a.rights["Redirect"] && a.rights["Setvar"]
	a.mu.Unlock()
	if !old {
		_, err := conn.Do(ctx, ami.NewAction("Bridge").With("Channel1", ami.Channel, x).With("Channel2", ami.Channel, y).Fixed("Tone", "no"))
		return a.fault(ctx, err)
	}
	err := a.setVariable(ctx, conn, x, varPeer, ami.Channel, y)
	if err == nil {
		_, err = conn.Do(ctx, ami.NewAction("Redirect").With("Channel", ami.Channel, x).With("Context", ami.Word, a.conf.Context).
			Fixed("Exten", joinExten).Fixed("Priority", "1"))
	}
	return a.fault(ctx, err)
}

// oldBridge says whether a release has Asterisk's issue 1144: a channel that was bridged by AMI goes back to a stale place of the dialplan. It was
// mended in 20.14, 21.9, 22.4 and 23.0.
func oldBridge(version string) bool {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	mended := map[int]int{20: 14, 21: 9, 22: 4}
	n := number(major)
	if from, ok := mended[n]; ok {
		return number(minor) < from
	}
	return n > 0 && n < 20
}

// transferAnew ends the consultation, and sends the held call to where it rang: by the phone's channel, or, where our dialplan lines hold the
// call, the far one itself.
func (a *Adapter) transferAnew(ctx context.Context, conn *ami.Conn, j *joining, near, far string, to csta.ConnectionID) error {
	a.mu.Lock()
	n, err := a.number(to.Device, csta.ErrInvalidDestination)
	var dialplan string
	if err == nil {
		dialplan, err = a.dialplan(j.held.device)
	}
	var consultation *channel
	if err == nil {
		_, consultation, err = a.withChannel(j.active.id(), csta.ErrNoActiveCall)
	}
	if err != nil {
		a.mu.Unlock()
		return err
	}
	a.t.endsQuietly(j)
	name := consultation.name
	a.mu.Unlock()
	_, err = conn.Do(ctx, ami.NewAction("Hangup").With("Channel", ami.Channel, name).Fixed("Cause", "16"))
	if err == nil || isRefused(err) {
		err = a.handOn(ctx, conn, near, far, dialplan, n)
	}
	if err == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range []csta.ConnectionID{to, j.active.id()} { // the consultation is over, and nothing came of the transfer
		if l := a.t.find(id); l != nil {
			a.t.finish(l, csta.CauseNormalClearing)
		}
	}
	return a.fault(ctx, err)
}

// singleStepTransferCall hands a call over to a number, dialled in the transferring phone's context.
func (a *Adapter) singleStepTransferCall(ctx context.Context, r csta.SingleStepTransferCall) (csta.SingleStepTransferCallResponse, error) {
	var none csta.SingleStepTransferCallResponse
	conn, err := a.connection()
	if err != nil {
		return none, err
	}
	a.mu.Lock()
	l, c, err := a.withChannel(r.ActiveCall, csta.ErrNoActiveCall, csta.Connected, csta.Hold)
	n, dialplan := "", ""
	if err == nil {
		n, dialplan, err = a.handOver(l, r.TransferredTo)
	}
	if err != nil {
		a.mu.Unlock()
		return none, err
	}
	k := l.call
	k.op = pbxadapter.Op(ctx)
	gone := a.expect(func() bool { return !a.t.by(r.ActiveCall, c.id) })
	defer a.drop(gone)
	name, far := c.name, ""
	to := a.t.shown(n)
	if l.server {
		far = k.live(l)[0].channel().name
		k.handing, k.handedTo = l.device, to
	}
	a.mu.Unlock()
	defer a.ofCall(k.id, func(k *call) { k.handing = "" })
	if err := a.destinationExists(ctx, conn, dialplan, n); err != nil {
		return none, err
	}
	a.together(ctx, r.ActiveCall)
	if err := a.handOn(ctx, conn, name, far, dialplan, n); err != nil {
		return none, a.fault(ctx, err)
	}
	if !a.await(ctx, gone, proofWithin) {
		a.wantLook()
		return none, a.unproven(ctx, "the transfer")
	}
	return csta.SingleStepTransferCallResponse{TransferredCall: csta.ConnectionID{Call: k.id, Device: to.Device}}, nil
}

// ofCall does something to a call, if that is still there.
func (a *Adapter) ofCall(id csta.CallID, f func(*call)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if k := a.t.calls[id]; k != nil {
		f(k)
	}
}

// handsOn says whether a leg's call can be sent on: where our dialplan lines hold it that takes a right that may have been taken away since; a.mu is held.
func (a *Adapter) handsOn(l *leg) bool { return !l.server || a.rights["Redirect"] }

var errNoRedirect = csta.ErrPrivilege.With("asterisk: our dialplan lines hold the call, and the manager account may not do Redirect any more, which sends it on: take it back first")

// handOn sends the party at the other end of a channel to a number; far is its own channel, where nothing joins the two.
func (a *Adapter) handOn(ctx context.Context, conn *ami.Conn, near, far, dialplan, n string) error {
	action := ami.NewAction("BlindTransfer").With("Channel", ami.Channel, near)
	if far != "" {
		action = ami.NewAction("Redirect").With("Channel", ami.Channel, far).Fixed("Priority", "1")
	}
	_, err := conn.Do(ctx, action.With("Context", ami.Word, dialplan).With("Exten", ami.Number, n))
	return err
}

// handOver checks a destination that somebody else's call is to go to; a.mu is held.
func (a *Adapter) handOver(l *leg, to csta.DeviceID) (n, dialplan string, err error) {
	switch {
	case len(l.call.live(l)) == 0:
		return "", "", csta.ErrInvalidConnectionState.With("asterisk: there is nobody else in the call")
	case !a.handsOn(l):
		return "", "", errNoRedirect
	case l.call.leg(to) != nil:
		return "", "", csta.ErrInvalidDestination.With(fmt.Errorf("asterisk: %s is in the call already", to))
	}
	if n, err = a.number(to, csta.ErrInvalidDestination); err != nil {
		return "", "", err
	}
	dialplan, err = a.dialplan(l.device)
	return n, dialplan, err
}

// destinationExists checks a number against the class of service in which it is going to be dialled.
func (a *Adapter) destinationExists(ctx context.Context, conn *ami.Conn, dialplan, n string) error {
	if !a.may("Getvar") {
		return nil // the dialplan says it all the same
	}
	is, err := a.extensionExists(ctx, conn, dialplan, n)
	if err == nil && !is {
		return csta.ErrInvalidDestination.With(fmt.Errorf("asterisk: the context %s has no extension %s", dialplan, n))
	}
	return a.fault(ctx, err)
}

// deflectCall sends a call that rings somewhere else. Where several phones ring for it, it belongs to all of them.
func (a *Adapter) deflectCall(ctx context.Context, r csta.DeflectCall) (csta.DeflectCallResponse, error) {
	var none csta.DeflectCallResponse
	conn, err := a.connection()
	if err != nil {
		return none, err
	}
	a.mu.Lock()
	l, c, err := a.withChannel(r.CallToBeDiverted, csta.ErrInvalidConnectionState, csta.Alerting)
	var o *channel
	n, dialplan := "", ""
	if err == nil {
		o, n, dialplan, err = a.mayDeflect(l, c, r.NewDestination)
	}
	if err != nil {
		a.mu.Unlock()
		return none, err
	}
	k := l.call
	k.op, k.deflected = pbxadapter.Op(ctx), a.t.shown(n)
	gone := a.expect(func() bool { return !a.t.by(r.CallToBeDiverted, c.id) })
	defer a.drop(gone)
	name := o.name
	a.mu.Unlock()
	defer a.ofCall(k.id, func(k *call) { k.deflected = callmodel.Party{} })
	if err := a.destinationExists(ctx, conn, dialplan, n); err != nil {
		return none, err
	}
	if _, err := conn.Do(ctx, ami.NewAction("Redirect").With("Channel", ami.Channel, name).With("Context", ami.Word, dialplan).
		With("Exten", ami.Number, n).Fixed("Priority", "1")); err != nil {
		return none, a.fault(ctx, err)
	}
	if !a.await(ctx, gone, proofWithin) {
		a.wantLook()
		return none, a.unproven(ctx, "the deflection")
	}
	return none, nil
}

// mayDeflect finds the caller, whose channel it is that goes elsewhere; a.mu is held.
func (a *Adapter) mayDeflect(l *leg, c *channel, to csta.DeviceID) (o *channel, n, dialplan string, err error) {
	if o, _ = a.t.origin(c); o == nil {
		return nil, "", "", csta.ErrInvalidConnectionState.With("asterisk: nobody is known to call")
	}
	alone := true
	for _, x := range l.call.legs {
		alone = alone && (x == l || x.state != csta.Alerting && x.role != queue)
	}
	switch {
	case !alone:
		return nil, "", "", csta.ErrInvalidConnectionState.With("asterisk: the call rings for a group: deflecting it would take it from everybody; clear the connection to decline")
	case l.call.leg(to) != nil:
		return nil, "", "", csta.ErrInvalidDestination.With(fmt.Errorf("asterisk: %s is in the call already", to))
	}
	if n, err = a.number(to, csta.ErrInvalidDestination); err != nil {
		return nil, "", "", err
	}
	dialplan, err = a.dialplan(l.device)
	return o, n, dialplan, err
}

// parkCall puts the other party into a car park.
func (a *Adapter) parkCall(ctx context.Context, r csta.ParkCall) (csta.ParkCallResponse, error) {
	var none csta.ParkCallResponse
	if r.Parking == nil {
		return none, csta.ErrParameterMissing.With("parking is missing")
	}
	conn, err := a.connection()
	if err != nil {
		return none, err
	}
	a.mu.Lock()
	l, _, err := a.withChannel(*r.Parking, csta.ErrNoActiveCall, csta.Connected, csta.Hold)
	if err != nil {
		a.mu.Unlock()
		return none, err
	}
	n, _ := a.numbers.Native(r.ParkTo, pbxadapter.Called)
	lot, is := a.slots[n]
	p, rest := a.t.book.phones[l.device], l.call.live(l)
	switch {
	case !is:
		err = csta.ErrInvalidDestination.With(fmt.Errorf("parkTo: %q is in no car park", r.ParkTo))
	case len(rest) != 1 || p == nil:
		err = csta.ErrInvalidConnectionState.With("asterisk: want one other party to park")
	case len(a.t.at[a.t.book.dialled(n)]) > 0:
		err = csta.ErrInvalidConnectionState.With(fmt.Errorf("asterisk: in the slot %s is a call already", n))
	}
	if err != nil {
		a.mu.Unlock()
		return none, err
	}
	k, far := l.call, rest[0].channel().name
	k.op, k.parks = pbxadapter.Op(ctx), true
	a.mu.Unlock()
	defer a.ofCall(k.id, func(k *call) { k.parks = false })
	a.together(ctx, *r.Parking)
	a.mu.Lock()
	parked := csta.ConnectionID{Call: k.id, Device: a.t.book.dialled(n)}
	done := a.expect(func() bool { return a.t.is(parked, csta.Queued) })
	defer a.drop(done)
	a.mu.Unlock()
	err = a.setVariable(ctx, conn, far, "PARKINGEXTEN", ami.Number, n)
	if err == nil {
		_, err = conn.Do(ctx, ami.NewAction("Park").With("Channel", ami.Channel, far).With("TimeoutChannel", ami.Channel, "PJSIP/"+p.endpoint).
			With("Parkinglot", ami.Word, lot))
	}
	if err != nil {
		return none, a.fault(ctx, err)
	}
	if !a.await(ctx, done, proofWithin) {
		a.wantLook()
		return none, a.unproven(ctx, "parking")
	}
	return csta.ParkCallResponse{ParkedTo: &parked}, nil
}
