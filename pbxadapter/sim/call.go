package sim

import (
	"slices"
	"strings"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// How long things take.
const (
	outsideAnswers = time.Second      // outside numbers ending in 0
	noAnswer       = 15 * time.Second // forwardNoAns without a number of rings; the next member of a group
	oneRing        = 5 * time.Second
	maxHops        = 5 // of forwarding
	maxCalls       = 2 // at one phone: the third finds it busy
)

type call struct {
	id                      csta.CallID
	began                   time.Time
	calling, called, lastRd callmodel.Party
	legs                    []*leg
	trunk                   bool // holds one
	through                 bool // is to ring through a do not disturb
}

type leg struct {
	call   *call
	device csta.DeviceID
	state  csta.State
	kind   callmodel.Kind
	party  callmodel.Party
	since  time.Time
	why    csta.EventCause // of its ringing
	timers []func()        // stop them when the state changes
	leave  func()          // stops the hanging up of a phone that nobody uses; nil: it won't
	digits string          // that others have sent it
}

func (p *PBX) newCall() *call {
	p.lastCall++
	c := &call{id: csta.CallID(p.name + "-" + base36(p.lastCall)), began: p.clock.Now()}
	p.calls[c.id] = c
	return c
}

func base36(n int) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	var b []byte
	for ; n > 0; n /= 36 {
		b = append(b, digits[n%36])
	}
	slices.Reverse(b)
	return string(b)
}

func (c *call) leg(d csta.DeviceID) *leg {
	for _, l := range c.legs {
		if l.device == d {
			return l
		}
	}
	return nil
}

func (l *leg) id() csta.ConnectionID { return csta.ConnectionID{Call: l.call.id, Device: l.device} }

func (l *leg) stop() {
	for _, f := range l.timers {
		f()
	}
	l.timers = nil
}

// known is a device as it is shown.
func known(d csta.DeviceID) callmodel.Party {
	return callmodel.Party{Device: d, Shown: callmodel.Known}
}

// add puts a device into a call, in no state yet.
func (p *PBX) add(c *call, d csta.DeviceID) *leg {
	l := &leg{call: c, device: d, party: known(d)}
	if ext := p.ext(d); ext != 0 {
		l.party.Name = name(ext)
	}
	c.legs = append(c.legs, l)
	p.at[d] = append(p.at[d], c)
	return l
}

// move brings a leg into a state, and tells it.
func (p *PBX) move(l *leg, to csta.State, cause csta.EventCause, more ...func(*callmodel.Moved)) {
	l.stop()
	l.state, l.kind, l.since = to, callmodel.Plain, p.clock.Now()
	if to == csta.Alerting {
		l.why = cause
	}
	m := &p.moved
	*m = callmodel.Moved{
		Meta: p.meta(cause), Connection: l.id(), To: to,
		Calling: l.call.calling, Called: l.call.called, LastRedirected: l.call.lastRd, Subject: l.party,
	}
	for _, f := range more {
		f(m)
	}
	l.kind = m.Kind
	p.tell(*m)
	if to == csta.Null {
		p.remove(l)
	}
}

// remove takes a leg out of its call, without a word.
func (p *PBX) remove(l *leg) {
	l.stop()
	if l.leave != nil {
		l.leave()
	}
	delete(p.prompts, l)
	c := l.call
	c.legs = slices.DeleteFunc(c.legs, func(o *leg) bool { return o == l })
	p.at[l.device] = slices.DeleteFunc(p.at[l.device], func(o *call) bool { return o == c })
	if len(p.at[l.device]) == 0 {
		delete(p.at, l.device)
	}
	if l.device == p.group {
		p.waiting = slices.DeleteFunc(p.waiting, func(o *call) bool { return o == c })
	}
	if len(c.legs) == 0 {
		delete(p.calls, c.id)
	}
}

// divert takes a leg away that goes elsewhere.
func (p *PBX) divert(l *leg, to csta.DeviceID, cause csta.EventCause) {
	p.tell(callmodel.Redirected{
		Meta: p.meta(cause), Connection: l.id(), NewDestination: p.shown(to),
		Calling: l.call.calling, Called: l.call.called,
	})
	l.call.lastRd = l.party
	p.remove(l)
}

// shown is a device as others see it.
func (p *PBX) shown(d csta.DeviceID) callmodel.Party {
	who := known(d)
	if ext := p.ext(d); ext != 0 {
		who.Name = name(ext)
	} else if owner := p.coded(d, voicemailCode); owner != "" {
		who.Name = "Voicemail of " + name(p.ext(owner))
	}
	return who
}

// by names who released.
func by(who callmodel.Party) func(*callmodel.Moved) { return func(m *callmodel.Moved) { m.By = who } }

// originate makes a call. prompt: the phone rings its user first.
func (p *PBX) originate(from, to csta.DeviceID, prompt bool, initiated, cause csta.EventCause) (*leg, error) {
	if p.outside(to) && p.trunksBusy() {
		return nil, csta.ErrNetworkBusy.With("sim: every trunk is in use")
	}
	if slot := p.parked(to); slot != nil {
		return p.take(slot, from)
	}
	c := p.newCall()
	if d := p.coded(to, throughCode); d != "" {
		to, c.through = d, true
	}
	l := p.add(c, from)
	c.calling, c.called = l.party, p.shown(to)
	p.move(l, csta.Initiated, initiated)
	dial := func() {
		delete(p.prompts, l)
		p.move(l, csta.Connected, cause)
		p.route(c, to, cause, 0)
	}
	if !prompt {
		dial()
		return l, nil
	}
	p.prompts[l] = dial
	p.liftAlone(l)
	return l, nil
}

func (p *PBX) outside(d csta.DeviceID) bool {
	return strings.HasPrefix(string(d), "tel:+") && p.ext(d) == 0 && d != p.group || d == "112" || d == "911"
}

func (p *PBX) trunksBusy() bool {
	if p.blocked || p.conf.Trunks <= 0 {
		return p.blocked
	}
	n := 0
	for _, c := range p.calls {
		if c.trunk {
			n++
		}
	}
	return n >= p.conf.Trunks
}

// route brings a call to a destination: rings it, queues for it, or fails.
func (p *PBX) route(c *call, to csta.DeviceID, cause csta.EventCause, hops int) {
	through := c.through
	if d := p.coded(to, throughCode); d != "" {
		to, through = d, true
	}
	c.through = false // it is for this once: where the call goes on to, it disturbs nobody
	switch {
	case to == p.group:
		p.enqueue(c, cause)
	case p.coded(to, voicemailCode) != "":
		p.record(c, to, cause)
	case p.outside(to):
		p.routeOutside(c, to, cause)
	case p.ext(to) == 0:
		p.fail(c, to, csta.CauseNumberUnallocated)
	case p.out[to]:
		p.fail(c, to, csta.CauseDestOutOfOrder)
	default:
		p.ring(c, to, cause, hops, through)
	}
}

// ring rings one of our phones, or goes where it forwards to.
func (p *PBX) ring(c *call, to csta.DeviceID, cause csta.EventCause, hops int, through bool) {
	if f, ok := p.forwarding(to, csta.ForwardImmediate); ok && hops < maxHops {
		p.forward(c, to, f.To, csta.CauseCallForwardImmediate, hops)
		return
	}
	if c.leg(to) != nil {
		p.fail(c, to, csta.CauseBusy)
		return
	}
	if p.doNotDisturb(to) && !through {
		p.fail(c, to, csta.CauseDoNotDisturb)
		return
	}
	if len(p.at[to]) >= maxCalls || p.lifted(to) || p.busy[to] {
		if f, ok := p.forwarding(to, csta.ForwardBusy); ok && hops < maxHops {
			p.forward(c, to, f.To, csta.CauseCallForwardBusy, hops)
			return
		}
		p.fail(c, to, csta.CauseBusy)
		return
	}
	l := p.add(c, to)
	p.move(l, csta.Alerting, cause)
	if f, ok := p.forwarding(to, csta.ForwardNoAns); ok && hops < maxHops {
		wait := noAnswer
		if f.Rings > 0 {
			wait = time.Duration(f.Rings) * oneRing
		}
		l.timers = append(l.timers, p.after(wait, func() {
			p.divert(l, f.To, csta.CauseCallForwardNoAnswer)
			p.route(c, f.To, csta.CauseCallForwardNoAnswer, hops+1)
		}))
	}
	p.liftAlone(l)
}

// lifted says whether a phone is off hook without a call that could wait: dialling, or hearing that it failed.
func (p *PBX) lifted(d csta.DeviceID) bool {
	return slices.ContainsFunc(p.at[d], func(c *call) bool { return c.leg(d).state == csta.Initiated })
}

// forward sends a call on that never rang where it was sent.
func (p *PBX) forward(c *call, from, to csta.DeviceID, cause csta.EventCause, hops int) {
	c.lastRd = p.shown(from)
	p.route(c, to, cause, hops+1)
}

// fail tells the caller that a destination cannot be had. The leg stays until the caller gives up. A call that comes back to one of its own
// parties fails there, or ends where that party has held it.
func (p *PBX) fail(c *call, to csta.DeviceID, cause csta.EventCause) {
	l := c.leg(to)
	if l == nil {
		l = p.add(c, to)
	} else if l.state != csta.Connected {
		p.clear(l, cause)
		return
	}
	p.move(l, csta.Fail, cause)
	p.giveUpAlone(c)
}

// routeOutside leaves the switch. What the outside does, its last digit says.
func (p *PBX) routeOutside(c *call, to csta.DeviceID, cause csta.EventCause) {
	last := to[len(to)-1]
	switch {
	case p.trunksBusy() && !c.trunk:
		p.fail(c, to, csta.CauseTrunksBusy)
		return
	case c.leg(to) != nil, last == '1':
		p.fail(c, to, csta.CauseBusy)
		return
	case last == '3':
		p.fail(c, to, csta.CauseNumberUnallocated)
		return
	}
	c.trunk = true
	l := p.add(c, to)
	p.move(l, csta.Connected, cause, func(m *callmodel.Moved) { m.Kind = callmodel.Network })
	p.move(l, csta.Alerting, cause)
	if last == '0' {
		l.timers = append(l.timers, p.after(outsideAnswers, func() { p.answer(l) }))
	}
}

// answer connects a leg that rings; another call of the phone is held first. What a consultation rings for is told again.
func (p *PBX) answer(l *leg) {
	cause := csta.CauseNewCall
	switch {
	case l.state == "":
		cause = csta.CauseCallPickup
	case l.why == csta.CauseConsultation:
		cause = l.why
	}
	if p.ext(l.device) != 0 {
		for _, c := range p.at[l.device] {
			if o := c.leg(l.device); o != l && o.state == csta.Connected {
				p.move(o, csta.Hold, csta.CauseNormal)
			}
		}
	}
	p.move(l, csta.Connected, cause)
	p.leaveAlone(l)
}

// clear ends a leg, and what cannot go on without it: who rings for a caller that has gone, and a party that is left alone.
func (p *PBX) clear(l *leg, cause csta.EventCause) {
	c := l.call
	if c.leg(l.device) != l {
		return
	}
	if l.state != csta.Alerting && l.state != csta.Queued && !c.talk(l) {
		for _, o := range slices.Clone(c.legs) {
			if o != l && (o.state == csta.Alerting || o.state == csta.Queued) {
				cause = csta.CauseCallCancelled
				p.move(o, csta.Null, cause, by(l.party))
			}
		}
	}
	p.move(l, csta.Null, cause)
	rest := slices.Clone(c.legs)
	alone := 0
	for _, o := range rest {
		if o.state != csta.Fail {
			alone++
		}
	}
	if alone > 1 {
		return
	}
	for _, o := range rest {
		p.move(o, csta.Null, cause)
	}
}
