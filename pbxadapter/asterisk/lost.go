package asterisk

import (
	"slices"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// unanswered is a called channel that ended, or whose dialling did. What that means, others may still tell.
func (t *tracker) unanswered(d *channel) {
	var k *call
	o, _ := t.origin(d)
	switch {
	case d.leg != nil:
		k = d.leg.call
	case o != nil:
		k = o.leg.call
	default:
		return
	}
	pending := slices.Contains(k.lost, d)
	if !pending {
		k.lost = append(k.lost, d)
	}
	switch {
	case k.deflected.Shown == callmodel.Known:
		t.redirect(k, d, k.deflected, csta.CauseRedirected)
	case d.forward != "":
		t.redirect(k, d, t.shown(d.forward), csta.CauseRedirected)
	case o == nil || o.gone || o.leaving && d.dialEnd == "CANCEL":
		t.lose(d)
		if o != nil && o.gone && o.leg != nil && !k.rings() {
			o.ending.settle()
		}
	case d.cause == answeredElsewhere && k.answeredBut(d):
		t.lose(d)
	case !pending:
		d.ending = t.after(endDoubt, func() { t.lose(d) })
	}
}

// answeredBut says whether somebody else than d answered the call.
func (k *call) answeredBut(d *channel) bool {
	return slices.ContainsFunc(k.legs, func(l *leg) bool {
		return l.role == party && l != d.leg && l.device != k.calling.Device && (l.state == csta.Connected || l.state == csta.Hold) && l.kind != callmodel.Network
	})
}

// takenBut says whether somebody else than d has answered, or is about to be told so.
func (k *call) takenBut(d *channel) bool {
	return slices.ContainsFunc(k.legs, func(l *leg) bool {
		return l.role == party && l != d.leg && l.device != k.calling.Device && slices.ContainsFunc(l.channels, (*channel).up)
	})
}

// The Q.850 causes that matter.
const answeredElsewhere = 26

// causes are what Q.850 causes mean to CSTA: where a connection ends, and where it fails.
var causes = map[int]struct{ cleared, failed csta.EventCause }{
	1:  {csta.CauseNumberUnallocated, csta.CauseNumberUnallocated},
	3:  {csta.CauseDestNotObtainable, csta.CauseDestNotObtainable},
	17: {csta.CauseBusy, csta.CauseBusy},
	18: {csta.CauseCallNotAnswered, csta.CauseDestNotObtainable},
	19: {csta.CauseCallNotAnswered, csta.CauseDestNotObtainable},
	20: {csta.CauseDestOutOfOrder, csta.CauseDestOutOfOrder},
	21: {csta.CauseCallCancelled, csta.CauseBlocked},
	27: {csta.CauseDestOutOfOrder, csta.CauseDestOutOfOrder},
	28: {csta.CauseInvalidNumberFormat, csta.CauseInvalidNumberFormat},
	34: {csta.CauseNetworkCongestion, csta.CauseTrunksBusy},
	38: {csta.CauseNetworkOutOfOrder, csta.CauseNetworkOutOfOrder},
	42: {csta.CauseNetworkCongestion, csta.CauseNetworkCongestion},
	50: {csta.CauseBlocked, csta.CauseBlocked},
	58: {csta.CauseResourcesNotAvailable, csta.CauseResourcesNotAvailable},
	88: {csta.CauseIncompatibleDestination, csta.CauseIncompatibleDestination},
}

// redirect tells that the call left a called channel for somebody else.
func (t *tracker) redirect(k *call, d *channel, to callmodel.Party, cause csta.EventCause) {
	d.ending.drop()
	k.lost = slices.DeleteFunc(k.lost, func(o *channel) bool { return o == d })
	l := d.leg
	if l == nil {
		if d.kind != phone || k.leg(d.device) != nil {
			return
		}
		l = &leg{call: k, device: d.device, party: d.party}
		t.say(callmodel.Redirected{
			Meta: t.meta(l, cause), Connection: l.id(), NewDestination: to, Calling: k.calling, Called: k.called,
		})
		k.last, k.cause = l.party, cause
		return
	}
	t.silence(l)
	t.divert(l, to, cause)
}

// lose tells a called channel's end, now that nothing else explains it.
func (t *tracker) lose(d *channel) {
	d.ending.drop()
	l := d.leg
	o, _ := t.origin(d)
	var k *call
	switch {
	case l != nil:
		k = l.call
	case o != nil:
		k = o.leg.call
	default:
		return
	}
	if o != nil && o.gone && !d.gone && d.cause == 0 { // its own end may come after its caller's, which has its cause
		d.cause, d.tech = o.cause, o.tech
	}
	k.lost = slices.DeleteFunc(k.lost, func(o *channel) bool { return o == d })
	elsewhere := d.cause == answeredElsewhere || d.dialEnd == "CANCEL" && k.answeredBut(d)
	switch {
	case l != nil && len(l.channels) > 1:
		l.drop(d)
		d.leg = nil
	case l == nil:
		if d.kind == phone && !elsewhere && d.dialEnd != "CANCEL" && d.dialEnd != "" && !k.rings() {
			t.failed(k, d.party, d.why(true))
		}
	case l.state == csta.Alerting && elsewhere:
		t.finish(l, csta.CauseMultipleAlerting)
	case d.dialEnd == "CANCEL" || d.dialEnd == "" && d.cause == 16:
		t.finish(l, csta.CauseCallCancelled, by(k.calling))
	case l.state == csta.Alerting && d.kind == phone:
		t.finish(l, d.why(false))
	case k.rings() && l.state != csta.Alerting:
		t.finish(l, d.why(false))
	default:
		t.failed(k, l.party, d.why(true))
	}
}

// rings says whether the call still rings somebody.
func (k *call) rings() bool {
	return slices.ContainsFunc(k.legs, func(l *leg) bool { return l.role == party && l.state == csta.Alerting })
}

// explain says why a call reaches a channel now: what was tried before has been left for it.
func (t *tracker) explain(k *call, o, c *channel) {
	p := c.party
	if c.kind == outside {
		n, _, _ := cutDial(c.dialString)
		p = t.shown(n)
	}
	for _, j := range t.joining { // a party that our dialplan lines held goes to where the consultation rang
		if !j.done && j.how == callmodel.Transfer && len(j.need) == 0 && j.held.call == k && j.held.server {
			t.complete(j)
			return
		}
	}
	if l := k.leg(k.handing); l != nil {
		k.handing = ""
		t.endServed(l)
		t.singleStep(l, k.handedTo)
		return
	}
	for _, d := range slices.Clone(k.lost) {
		if d.kind == c.kind && d.device == c.device && c.kind == phone {
			continue // the same phone again
		}
		if d.dialEnd == "CANCEL" && k.takenBut(d) {
			continue // somebody of its group has answered, and this one rings late
		}
		cause := statuses[d.dialEnd].forward
		if cause == "" {
			cause = csta.CauseRedirected
		}
		t.redirect(k, d, p, cause)
	}
	for _, l := range slices.Clone(k.legs) {
		if l.role == failure && l.device != c.device {
			t.divert(l, p, csta.CauseCallForwardBusy)
		}
	}
	target := t.book.phones[k.called.Device]
	if k.reached || k.sent || target == nil || c.kind == phone && c.device == target.device || k.calling.Device == target.device {
		return
	}
	if slices.ContainsFunc(o.dials, func(d *channel) bool { return d.device == target.device }) || k.last.Shown != callmodel.Absent {
		return
	}
	k.sent = true
	cause := csta.CauseRedirected
	if t.forwards(target.device) {
		cause = csta.CauseCallForwardImmediate
	}
	l := &leg{call: k, device: target.device, party: k.called}
	t.say(callmodel.Redirected{Meta: t.meta(l, cause), Connection: l.id(), NewDestination: p, Calling: k.calling, Called: k.called})
	k.last, k.cause = k.called, cause
}
