package asterisk

import (
	"slices"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/asterisk/ami"
)

// joining is a request of ours that brings two calls of one device together: a transfer or a conference. Asterisk tells only who enters and
// leaves bridges.
type joining struct {
	how          callmodel.Rearrangement
	op           callmodel.OpID
	held, active *leg
	need         []*channel      // who must be together before it is done; none: somebody rings, and is rung anew
	to           callmodel.Party // … for whom
	ends         bool            // … and the consultation has been ended for that
	done         bool
}

// inJoining says whether a leg is one of the two by which a device brings its calls together: what becomes of its channel meanwhile is part of that.
func (t *tracker) inJoining(l *leg) bool {
	return slices.ContainsFunc(t.joining, func(j *joining) bool { return !j.done && (j.held == l || j.active == l) })
}

// blindTransfer: the call keeps its name; the new party is dialled afterwards.
func (t *tracker) blindTransfer(m ami.Message) {
	by := t.of(m, "Transferer")
	if m.Get("Result") != "Success" || by == nil || by.leg == nil {
		return
	}
	for _, j := range t.joining {
		if j.how == callmodel.Transfer && j.held == by.leg && !j.done {
			t.complete(j)
			return
		}
	}
	k := by.leg.call
	t.singleStep(by.leg, t.shown(m.Get("Extension")))
	k.parking.settle()
}

// singleStep tells that a party handed its call over to a number.
func (t *tracker) singleStep(l *leg, to callmodel.Party) {
	k := l.call
	rest := k.others(l)
	if len(rest) == 0 {
		return
	}
	who := l.party
	moves := t.moves(k, nil, k, func(o *leg) bool { return o == l || o.role != party })
	next := csta.ConnectionID{Call: k.id, Device: to.Device}
	if to.Shown == callmodel.Known && k.leg(to.Device) == nil {
		moves = append(moves, callmodel.Move{Old: next, New: next, State: csta.Null, Party: to})
	}
	for _, o := range slices.Clone(k.legs) {
		if o.role != party {
			t.move(o, csta.Null, "")
		}
	}
	t.say(callmodel.Rearranged{
		Meta: t.meta(l, csta.CauseSingleStepTransfer), How: callmodel.SingleStepTransfer, Primary: k.id, By: l.device, Other: to, Result: k.id, Moves: moves,
	})
	if k.calling.Device == l.device {
		k.calling = rest[0].party
	}
	k.called, k.last, k.cause, k.sent, k.served = to, who, csta.CauseSingleStepTransfer, true, false
	t.depart(l)
	k.reached = false
	if c := rest[0].channel(); c != nil { // no event tells that an announcement answers who was up before
		t.after(promptDoubt, func() { t.wonderAbout(c) })
	}
}

// depart takes a transferring leg out: whatever Asterisk still says of its channels has been told by the transfer.
func (t *tracker) depart(l *leg) {
	t.silence(l)
	t.remove(l)
}

// attendedTransfer is one that the phone made, or Asterisk's own. The target may still ring: then Asterisk does not name it.
func (t *tracker) attendedTransfer(m ami.Message) {
	first, second, other := t.of(m, "OrigTransferer"), t.of(m, "SecondTransferer"), t.of(m, "Transferee")
	if m.Get("Result") != "Success" || first == nil || second == nil || first.leg == nil {
		return
	}
	if other != nil {
		for _, d := range second.dials {
			if !d.gone && d.dialEnd == "" {
				d.caller = other
				other.dials = append(other.dials, d)
			}
		}
	}
	if second.leg == nil || second.leg.call == first.leg.call {
		t.oneLegged(first)
		return
	}
	to := callmodel.Party{Shown: callmodel.NotKnown}
	if target := t.of(m, "TransferTarget"); target != nil && target.leg != nil {
		to = target.leg.party
	} else if rest := second.leg.call.others(second.leg); len(rest) > 0 {
		to = rest[0].party
	} else if answers := second.leg.call.virtual(application); answers != nil {
		to = answers.party
	}
	t.transfer(first.leg, second.leg, to, csta.CauseTransfer, 0)
}

// oneLegged is a transfer by feature code, where one channel of the phone was in both calls.
func (t *tracker) oneLegged(c *channel) {
	k := c.leg.call
	rest := k.others(c.leg)
	if len(rest) < 2 {
		return
	}
	to := rest[len(rest)-1].party
	t.say(callmodel.Rearranged{
		Meta: t.meta(c.leg, csta.CauseTransfer), How: callmodel.SingleStepTransfer, Primary: k.id, By: c.leg.device, Other: to, Result: k.id,
		Moves: t.moves(k, nil, k, func(o *leg) bool { return o == c.leg || o.role != party }),
	})
	if k.calling.Device == c.leg.device {
		k.calling = rest[0].party
	}
	k.called = to
	t.depart(c.leg)
}

// transfer joins two calls without the device that held the one and consulted in the other. The result goes under the older one's name,
// which is also the one that Asterisk's Linkedid leads to.
func (t *tracker) transfer(held, active *leg, to callmodel.Party, cause csta.EventCause, op callmodel.OpID) {
	old, second := held.call, active.call
	result := old
	if second.began.Before(old.began) {
		result = second
	}
	by := held.device
	var answers *leg // a room or an announcement with which the other one of the two calls is joined
	for k, l := range map[*call]*leg{old: held, second: active} {
		if a := k.virtual(application); a != nil && len(k.others(l)) == 0 {
			answers = a
		}
	}
	departing := func(l *leg) bool { return l == held || l == active || l.role != party && l != answers }
	for _, k := range []*call{old, second} {
		for _, l := range slices.Clone(k.legs) {
			if l != answers && (l.role == application || l.role == failure) {
				t.move(l, csta.Null, "")
			}
		}
	}
	meta := t.meta(held, cause)
	if op != 0 {
		meta.Op = op
	}
	rest := old.others(held)
	for _, l := range second.legs { // as it is called in the result
		if l != active && l.device == to.Device {
			to = l.move(result, departing).Party
		}
	}
	t.say(callmodel.Rearranged{
		Meta: meta, How: callmodel.Transfer, Primary: old.id, Secondary: second.id, By: by, Other: to, Result: result.id,
		Moves: t.moves(old, second, result, departing),
	})
	t.depart(held)
	t.depart(active)
	other := old
	if result == old {
		other = second
	}
	for _, l := range slices.Clone(other.legs) {
		t.carry(l, result)
	}
	calling := old.calling
	if calling.Device == by && len(rest) > 0 {
		calling = rest[0].party
	}
	result.lost = append(result.lost, other.lost...)
	result.calling, result.called, result.cause = calling, to, cause
	result.last, result.served = callmodel.Party{}, false
	t.calls[result.id] = result
}

// joins looks whether a joining of ours is done: everybody needed is in the bridge.
func (t *tracker) joins(b *bridge) {
	for _, j := range t.joining {
		if !j.done && j.how == callmodel.Transfer && len(j.need) > 0 && !slices.ContainsFunc(j.need, func(c *channel) bool { return c.bridge != b }) {
			t.complete(j)
		}
	}
}

// complete tells a transfer of ours.
func (t *tracker) complete(j *joining) {
	j.done = true
	if t.find(j.active.id()) != j.active { // over, and told so
		t.endServed(j.held)
		t.singleStep(j.held, j.to)
		return
	}
	rest := j.active.call.others(j.active)
	if len(rest) == 0 || j.held.call == j.active.call {
		return
	}
	to := rest[0]
	if to.state == csta.Alerting {
		// It is to ring anew: its phone's next channel takes the connection over.
		t.silence(to)
		for _, c := range to.channels {
			c.leg = nil
		}
		to.channels = nil
		t.after(renewDoubt, func() {
			if len(to.channels) == 0 && to.call.leg(to.device) == to {
				t.finish(to, csta.CauseDestNotObtainable)
			}
		})
	}
	t.endServed(j.held)
	t.endServed(j.active)
	t.transfer(j.held, j.active, to.party, csta.CauseTransfer, j.op)
}
