package asterisk

import (
	"slices"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/asterisk/ami"
)

// linger is how long a channel that is gone can still be named by events.
const linger = 5 * time.Second

// statuses are what dialling ended with: how it ends, how it fails, and what a forward that follows is.
var statuses = map[string]struct{ cleared, failed, forward csta.EventCause }{
	"NOANSWER":    {csta.CauseCallNotAnswered, csta.CauseDestNotObtainable, csta.CauseCallForwardNoAnswer},
	"BUSY":        {csta.CauseBusy, csta.CauseBusy, csta.CauseCallForwardBusy},
	"CONGESTION":  {csta.CauseNetworkCongestion, csta.CauseNetworkCongestion, csta.CauseCallForward},
	"CHANUNAVAIL": {csta.CauseDestOutOfOrder, csta.CauseDestOutOfOrder, csta.CauseCallForward},
	"CANCEL":      {csta.CauseCallCancelled, csta.CauseCallCancelled, csta.CauseRedirected},
}

// sipCauses are SIP statuses, where Asterisk tells them, for causes that say nothing.
var sipCauses = map[int]int{404: 1, 408: 18, 480: 18, 484: 28, 486: 17, 488: 88, 502: 27, 503: 34, 600: 17, 603: 21, 604: 1}

// why is the cause of a called channel's end.
func (c *channel) why(failed bool) csta.EventCause {
	row, ok := causes[c.cause]
	if !ok {
		row, ok = causes[sipCauses[c.tech]]
	}
	end := statuses[c.dialEnd]
	switch {
	case ok && failed:
		return row.failed
	case ok:
		return row.cleared
	case failed && end.failed != "":
		return end.failed
	case failed:
		return csta.CauseDestNotObtainable
	case end.cleared != "":
		return end.cleared
	}
	return csta.CauseNormalClearing
}

func (t *tracker) hangupRequest(m ami.Message) {
	if c := t.of(m, ""); c != nil {
		c.leaving = true
	}
}

func (t *tracker) hangup(m ami.Message) {
	if c := t.of(m, ""); c != nil && !c.gone {
		t.ends(c, number(m.Get("Cause")), number(m.Get("TechCause")))
	}
}

// ends takes over that a channel is gone.
func (t *tracker) ends(c *channel, cause, tech int) {
	c.gone, c.cause, c.tech = true, cause, tech
	if c.bridge != nil {
		c.bridge.drop(c)
		c.bridge = nil
	}
	t.after(linger, func() { t.forget(c) })
	delete(t.unplaced, c)
	switch {
	case !c.real():
		t.wireEnds(c)
	case c.leg != nil && (c.silent || t.inJoining(c.leg)): // told by something else, to come
		c.leg.drop(c)
		c.leg = nil
	case c.leg == nil:
		c.app.drop()
		if in := c.intent; in != nil && in.into != nil && !c.silent {
			t.unreached(in)
		}
		if !c.silent && c.intent == nil && c.caller != nil && c.dialEnd == "" {
			t.unanswered(c)
		}
	case c.leg.state == csta.Initiated:
		t.promptEnds(c)
	case c.leg.state == csta.Alerting || c.leg.kind == callmodel.Network:
		t.unanswered(c)
	default:
		t.end(c)
	}
}

// forget lets a channel go for good.
func (t *tracker) forget(c *channel) {
	if t.channels[c.id] == c {
		delete(t.channels, c.id)
	}
	if t.names[c.name] == c {
		delete(t.names, c.name)
	}
	delete(t.intents, c.id)
	c.caller, c.dials, c.half, c.leg = nil, nil, nil, nil
}

// wireEnds is the end of a Local channel: nobody's, unless it was dialled and never got anywhere.
func (t *tracker) wireEnds(c *channel) {
	if c.kind == wire && !c.up() && c.caller != nil && c.dialEnd == "" {
		c.dialEnd = "NOANSWER"
	}
}

// promptEnds is a phone that was to call and did not: it refused, or nobody lifted it.
func (t *tracker) promptEnds(c *channel) {
	l := c.leg
	why := c.why(false)
	if c.leaving && c.cause != 17 {
		why = csta.CauseNormalClearing
	}
	if why == csta.CauseBusy || why == csta.CauseDestOutOfOrder {
		t.move(l, csta.Fail, why)
	}
	t.finish(l, why)
}

// live are the parties of a call but l whose channels are there.
func (k *call) live(l *leg) []*leg {
	return slices.DeleteFunc(k.others(l), func(o *leg) bool {
		c := o.channel()
		return c == nil || c.gone || o.state != csta.Connected && o.state != csta.Hold || o.kind == callmodel.Network
	})
}

// end is a party that has left its call.
func (t *tracker) end(c *channel) {
	l := c.leg
	if k := l.call; k.parking.open() {
		if c != k.parkee {
			t.after(joinDoubt, k.parking.settle) // it is told how, and soon
			return
		}
		k.parking.settle()
	}
	l.channels = slices.DeleteFunc(l.channels, func(o *channel) bool { return o != c && o.gone })
	if len(l.channels) > 1 {
		l.drop(c)
		c.leg = nil
		return
	}
	if t.waitsForRinging(c) {
		return
	}
	rest := l.call.live(l)
	if len(rest) != 1 || c.leaving || c.leftFirst {
		t.release(l)
		return
	}
	y := rest[0].channel()
	switch {
	case y.leaving && y.bridge == nil:
		t.release(rest[0])
		y.silent = true
		t.release(l)
	case c.leftLast && !c.ending.open():
		// The other one left first: most likely it has hung up, or both calls are being joined.
		c.ending = t.after(endDoubt, func() {
			if c.leg != nil && !t.merge(y.bridge) {
				t.release(l)
			}
		})
	case !c.ending.open():
		t.release(l)
	}
}

// waitsForRinging has a caller's end wait for those that still ring: they end first, or are in somebody else's hands by now.
func (t *tracker) waitsForRinging(c *channel) bool {
	k := c.leg.call
	if c.ending.open() {
		return true
	}
	alive := func(l *leg) bool {
		return l.state == csta.Alerting && slices.ContainsFunc(l.channels, func(c *channel) bool { return !c.gone })
	}
	if k.calling.Device != c.leg.device || !slices.ContainsFunc(k.legs, alive) || len(k.live(c.leg)) > 0 {
		return false
	}
	l := c.leg
	c.ending = t.after(endDoubt, func() {
		if l.call.leg(l.device) != l {
			return
		}
		for _, o := range l.call.others(l) {
			if x := o.channel(); x != nil && x.bridge != nil && t.merge(x.bridge) {
				return
			}
		}
		t.release(l)
	})
	return true
}

// release tells that a party has left by itself, and what cannot go on without it.
func (t *tracker) release(l *leg) {
	k, c := l.call, l.channel()
	if c != nil {
		c.ending.drop()
		c.retrieve.drop()
		if c.app.open() && c.up() && !k.reached {
			c.app.settle() // an application answered so shortly that nobody doubted it yet
		}
	}
	for _, d := range slices.Clone(k.lost) {
		t.lose(d)
	}
	if c != nil && k.calling.Device == l.device && !k.reached && len(k.legs) == 1 && (c.refused || !c.leaving && c.cause != 16) {
		t.failed(k, k.called, c.why(true))
	}
	if len(k.live(l)) == 0 {
		for _, o := range k.others(l) {
			if o.state == csta.Alerting || o.kind == callmodel.Network {
				t.silence(o)
				t.move(o, csta.Null, csta.CauseCallCancelled, by(l.party))
			}
		}
	}
	t.finish(l, csta.CauseNormalClearing)
	for _, o := range slices.Clone(k.legs) {
		if x := o.channel(); x != nil && x.ending.open() && x.gone {
			x.ending.settle()
		}
	}
}

// silence has nothing told any more of a leg's channels.
func (t *tracker) silence(l *leg) {
	for _, c := range l.channels {
		c.silent = true
		c.ending.drop()
		c.retrieve.drop()
	}
}

// finish ends a leg, and the virtual ones with the last party.
func (t *tracker) finish(l *leg, cause csta.EventCause, more ...func(*callmodel.Moved)) {
	k := l.call
	who := l.party
	t.silence(l)
	t.move(l, csta.Null, cause, more...)
	if slices.ContainsFunc(k.legs, func(o *leg) bool { return o.role == party }) {
		t.leftAlone(k)
		return
	}
	for _, o := range slices.Clone(k.legs) {
		t.move(o, csta.Null, cause, by(who))
	}
}

// failed tells that somebody cannot be reached. The connection stays until the caller gives up, or is sent elsewhere.
func (t *tracker) failed(k *call, p callmodel.Party, cause csta.EventCause) {
	d := p.Device
	if d == "" || p.Shown != callmodel.Known {
		return
	}
	l := k.leg(d)
	if l == nil {
		l = t.add(k, d, failure, p)
	} else if l.role == party && l.state != csta.Alerting && l.kind != callmodel.Network {
		return
	}
	for _, c := range l.channels {
		c.leg, c.silent = nil, true
	}
	l.channels, l.role = nil, failure
	if cause == csta.CauseBusy && t.disturbed(d) {
		cause = csta.CauseDoNotDisturb
	}
	t.move(l, csta.Fail, cause)
}

// busy is a caller that was told "busy", which is also what it is told of a congestion: its hang-up says which, if it comes soon.
func (t *tracker) busy(c *channel) {
	if c.leg == nil || c.refused {
		return
	}
	c.refused = true
	t.after(endDoubt, func() { t.getsNowhere(c, csta.CauseBusy) })
}

// getsNowhere tells that a caller reached nobody.
func (t *tracker) getsNowhere(c *channel, cause csta.EventCause) {
	if c.leg == nil || c.gone {
		return
	}
	k := c.leg.call
	for _, d := range slices.Clone(k.lost) {
		t.lose(d)
	}
	if !k.reached && len(k.legs) == 1 {
		t.failed(k, k.called, cause)
	}
}

// answeredElsewhere ends those that rang while somebody else answered.
func (t *tracker) answeredElsewhere(k *call) {
	for _, d := range slices.Clone(k.lost) {
		if d.gone && (d.cause == answeredElsewhere || d.dialEnd == "CANCEL") {
			t.lose(d)
		}
	}
}
