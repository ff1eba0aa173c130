package freeswitch

import (
	"slices"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// endings say what a Hangup-Cause means for a leg that was not answered.
var endings = map[string]csta.EventCause{
	"USER_BUSY":                 csta.CauseBusy,
	"NO_ANSWER":                 csta.CauseCallNotAnswered,
	"NO_USER_RESPONSE":          csta.CauseCallNotAnswered,
	"ALLOTTED_TIMEOUT":          csta.CauseCallNotAnswered,
	"PROGRESS_TIMEOUT":          csta.CauseCallNotAnswered,
	"CALL_REJECTED":             csta.CauseCallNotAnswered,
	"UNALLOCATED_NUMBER":        csta.CauseDestNotObtainable,
	"SUBSCRIBER_ABSENT":         csta.CauseDestNotObtainable,
	"USER_NOT_REGISTERED":       csta.CauseDestNotObtainable,
	"NO_ROUTE_DESTINATION":      csta.CauseDestNotObtainable,
	"NO_ROUTE_TRANSIT_NET":      csta.CauseDestNotObtainable,
	"INVALID_NUMBER_FORMAT":     csta.CauseInvalidNumberFormat,
	"NUMBER_CHANGED":            csta.CauseNumberChanged,
	"NORMAL_CIRCUIT_CONGESTION": csta.CauseNetworkCongestion,
	"SWITCH_CONGESTION":         csta.CauseNetworkCongestion,
	"NORMAL_TEMPORARY_FAILURE":  csta.CauseNetworkCongestion,
	"GATEWAY_DOWN":              csta.CauseNetworkOutOfOrder,
	"NETWORK_OUT_OF_ORDER":      csta.CauseNetworkOutOfOrder,
	"DESTINATION_OUT_OF_ORDER":  csta.CauseDestOutOfOrder,
	"INCOMPATIBLE_DESTINATION":  csta.CauseIncompatibleDestination,
	"RECOVERY_ON_TIMER_EXPIRE":  csta.CauseDestOutOfOrder,
	"OUTGOING_CALL_BARRED":      csta.CauseBlocked,
	"BEARERCAPABILITY_NOTAVAIL": csta.CauseNotAvailableBearerService,
}

func ended(cause string) csta.EventCause {
	if c, ok := endings[cause]; ok {
		return c
	}
	return csta.CauseNormalClearing
}

// forwarding says how an unanswered leg's end is told when the caller went on elsewhere.
var forwarding = map[string]csta.EventCause{
	"USER_BUSY": csta.CauseCallForwardBusy, "NO_ANSWER": csta.CauseCallForwardNoAnswer, "NO_USER_RESPONSE": csta.CauseCallForwardNoAnswer,
	"ALLOTTED_TIMEOUT": csta.CauseCallForwardNoAnswer, "PICKED_OFF": csta.CauseCallPickup, "CALL_REJECTED": csta.CauseCallForward,
}

// hangup is told that a leg has ended. When one phone hangs up, the PBX ends the other leg too, and one time in forty tells that first. Only the
// leg that its phone ended has a SIP status of its end. One without, unless we ended it, waits until the other's end is heard, so that who
// released is told to have done so.
func (t *tracker) hangup(l *leg, cause string, e *event) {
	if l.dead || l.ending.waits() {
		return
	}
	near := [...]*leg{l.partner(), l.parent} // whose ends may come with this one's
	if first := l.killed || e.get(termStatus) != ""; !first {
		if l.answered { // nobody hung up: they end in the PBX's order
			for _, o := range near {
				o.settle()
			}
		}
		if l.echoes(cause) {
			kept := *e // the window takes it back
			l.ending = t.after(echo, func() { t.ends(l, cause, &kept) })
			return
		}
	}
	t.ends(l, cause, e)
	for _, o := range near {
		o.settle()
	}
}

// settle ends a leg that waits with its end; nil: nobody.
func (l *leg) settle() {
	if l != nil {
		l.ending.now()
	}
}

// partner is with whom a leg talks, or has just talked; nil: nobody who is still there.
func (l *leg) partner() *leg {
	o := l.peer
	if o == nil {
		o = l.was
	}
	if o == nil || o.dead || o.call != l.call || o.peer != l && o.peer != nil {
		return nil
	}
	return o
}

// echoes says whether a leg that neither its phone nor we have ended may have ended only because another one has, which is yet to be heard of.
func (l *leg) echoes(cause string) bool {
	if l.plan != nil || l.conn == nil {
		return false
	}
	return l.partner() != nil || len(l.rings) > 0 && cause != "ORIGINATOR_CANCEL"
}

// ends is the end of a leg. What comes after it means nothing any more.
func (t *tracker) ends(l *leg, cause string, e *event) {
	l.dead = true
	delete(t.legs, l.id)
	t.gone[l.id] = t.now
	for _, d := range l.doubts {
		d.drop()
	}
	if p := l.peer; p != nil {
		p.peer, p.was, l.peer, l.was = nil, l, nil, p
	}
	if l.room != nil {
		t.leaveRoom(l)
	}
	if l.parent != nil {
		l.parent.forget(l)
	}
	n := l.conn
	if n == nil {
		t.abandon(l)
		return
	}
	if l.plan != nil && l.plan.left(t, l, cause) {
		l.detach()
		return
	}
	l.detach()
	t.abandon(l)
	if o := n.leg(); o != nil && o.holds {
		t.held(o) // as the other leg does
	}
	if n.leaving || n.replacing || len(n.legs) > 0 {
		return
	}
	switch n.state {
	case csta.Alerting, csta.Null:
		t.unanswered(l, n, cause)
	case csta.Initiated:
		why := csta.CauseCallCancelled
		if ended(cause) == csta.CauseCallNotAnswered && cause != "CALL_REJECTED" {
			why = csta.CauseCallNotAnswered
		}
		t.end(n, why, n.party)
	default:
		if n.kind == callmodel.Network {
			t.unanswered(l, n, cause)
			return
		}
		t.cleared(l, n, cause, e)
	}
}

// abandon clears who was parked for a leg that has gone.
func (t *tracker) abandon(l *leg) {
	if !t.parks {
		return
	}
	for _, o := range t.legs {
		if o.parked == l.id && o.alone() { // it was about to be parked
			t.orphan = append(t.orphan, o.id)
		}
	}
	for _, c := range t.calls {
		for _, n := range slices.Clone(c.conns) {
			if n.holder != l {
				continue
			}
			for _, o := range c.others(n) {
				for _, f := range o.legs {
					if f.alone() { // who talks has a counterpart, whoever brought them together
						t.orphan = append(t.orphan, f.id)
					}
				}
			}
			if n.holder = nil; len(n.legs) == 0 && !n.leaving {
				t.end(n, csta.CauseNormalClearing, n.party)
			}
		}
	}
}

// idle is a leg that parks. Where it has one leg for all calls of its phone, and its talk is over, so is its part in that call, as it would be with a leg for each; who is
// held is held yet.
func (t *tracker) idle(l *leg, e *event) {
	n, held := l.conn, t.parkedBy(l)
	if n == nil || n == held || held == nil || n.state == csta.Hold || !l.alone() || e.get(application) == "valet_park" {
		return
	}
	for _, o := range l.lost {
		o.resolve.drop()
		t.fail(o, t.refused(n.call, o.conn.device, o.cause, e))
	}
	l.lost = nil
	l.detach()
	t.end(n, csta.CauseNormalClearing, n.party)
	l.attach(held)
	if l.marked != held.call.id {
		l.marked = held.call.id
		t.marks = append(t.marks, mark{l.id, l.marked})
	}
}

// strands has a leg looked at that parks when its talk is over, for which nobody is parked any more: whether it is parked now, in silence, only its dump
// says; it may as well listen to something.
func (t *tracker) strands(l *leg) {
	if l != nil && !l.dead && l.parks != "" && l.alone() && !t.holding(l) {
		t.suspects = append(t.suspects, suspect{l.id, l.parks})
	}
}

// cleared is the end of a leg that was up: what it dialled and what failed for it ends with it.
func (t *tracker) cleared(l *leg, n *connection, cause string, e *event) {
	c := n.call
	for _, o := range l.lost {
		o.resolve.drop()
		t.fail(o, t.refused(c, o.conn.device, o.cause, e))
	}
	l.lost = nil
	for _, r := range slices.Clone(l.rings) {
		if o := r.conn; o != nil && !r.answered {
			r.detach()
			if len(o.legs) == 0 && !o.replacing {
				t.end(o, csta.CauseCallCancelled, n.party)
			}
		}
	}
	refused := l.inbound && !l.answered || l.role == dials && n.cause != csta.CauseCallPickup
	if refused && !l.dialled && c.called.Device != "" && c.conn(c.called.Device) == nil {
		if _, ok := endings[cause]; ok && !strings.HasPrefix(e.get(disposition), "recv_") {
			why := t.refused(c, c.called.Device, cause, e)
			o := t.join(c, c.called.Device, c.called)
			o.fail = ended(cause)
			t.move(o, csta.Fail, why)
		}
	}
	t.end(n, csta.CauseNormalClearing, n.party)
}

// refused is why a device could not be had. Do not disturb has no cause of the PBX's own: we know it of the device.
func (t *tracker) refused(c *call, d csta.DeviceID, cause string, e *event) csta.EventCause {
	if e != nil && strings.EqualFold(e.get(refusedBy), "dnd") || t.dnd(d) && cause != "USER_BUSY" && c.conn(d) == nil {
		return csta.CauseDoNotDisturb
	}
	if c.conn(d) == nil && cause == "CALL_REJECTED" {
		return csta.CauseBlocked // by the dialplan: nobody was asked
	}
	return ended(cause)
}

// unanswered is the end of a leg that was not answered. Unless the cause says all, the next moment tells whether the caller goes on
// elsewhere.
func (t *tracker) unanswered(l *leg, n *connection, cause string) {
	from := l.parent
	if from == nil || from.dead || from.conn == nil {
		t.end(n, ended(cause), n.party)
		return
	}
	caller := from.conn.party
	answeredElse := slices.ContainsFunc(n.call.conns, func(o *connection) bool {
		return o != n && o != from.conn && o.state == csta.Connected && o.kind == callmodel.Plain && o.live()
	})
	switch {
	case cause == "LOSE_RACE", cause == "ORIGINATOR_CANCEL" && answeredElse && from.answeredCall():
		t.end(n, csta.CauseNormal, n.party)
	case cause == "ORIGINATOR_CANCEL":
		t.end(n, csta.CauseCallCancelled, caller)
	case cause != "PICKED_OFF" && (len(from.rings) > 0 || queue(n.call) != nil):
		t.end(n, ended(cause), n.party) // others still ring
	default:
		o := &lost{conn: n, cause: cause}
		wait := lostTime
		if cause == "PICKED_OFF" {
			wait = waits
		}
		from.lost = append(from.lost, o)
		n.replacing = true // it has an end of its own, in a moment
		o.resolve = t.after(wait, func() {
			from.lost = slices.DeleteFunc(from.lost, func(x *lost) bool { return x == o })
			t.fail(o, ended(o.cause))
		})
	}
}

// answeredCall says whether one of the legs that l dialled has answered.
func (l *leg) answeredCall() bool {
	return l.call != nil && slices.ContainsFunc(l.call.conns, func(n *connection) bool {
		return slices.ContainsFunc(n.legs, func(o *leg) bool { return o.parent == l && o.answered })
	})
}

// fail tells that a leg's end was the last word.
func (t *tracker) fail(o *lost, why csta.EventCause) {
	n := o.conn
	n.replacing = false
	if len(n.legs) > 0 || n.state == csta.Fail || n.call.conn(n.device) != n {
		return
	}
	if o.cause == "PICKED_OFF" {
		t.end(n, csta.CauseNormalClearing, n.party)
		return
	}
	n.fail = why
	if why == csta.CauseCallNotAnswered && o.cause == "CALL_REJECTED" {
		n.fail = csta.CauseNormalClearing
	}
	t.move(n, csta.Fail, why)
	for _, o := range n.call.others(n) {
		t.strands(o.leg())
	}
	if !slices.ContainsFunc(n.call.conns, (*connection).live) {
		t.end(n, n.fail, n.party)
	}
}
