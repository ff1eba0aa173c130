package asterisk

import (
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// placeAll tries the channels again whose calls were not known.
func (t *tracker) placeAll() {
	for _, c := range t.waiting() {
		t.place(c)
	}
}

// place finds the call of a channel that is dialled, and brings it in as soon as there is something to tell.
func (t *tracker) place(c *channel) {
	if c.leg != nil {
		t.progress(c)
		return
	}
	if c.gone || c.silent || !c.real() || c.state == stateRing || c.caller == nil && !c.originated && c.intent == nil {
		return
	}
	if c.intent != nil && c.intent.into == nil {
		return
	}
	o, first := t.origin(c)
	in := c.intent
	if in == nil && o == nil {
		in = intentOf(c)
	}
	switch {
	case in != nil && in.into != nil:
		delete(t.unplaced, c)
		if t.calls[in.into.id] == in.into {
			t.bring(c, in.into, nil)
			if c.leg != nil {
				in.told = c.leg.id()
			}
		}
	case o != nil:
		delete(t.unplaced, c)
		t.bring(c, o.leg.call, o)
	case first && c.ringing():
		delete(t.unplaced, c)
		t.prompted(c)
	default:
		t.unplaced[c] = true
	}
}

// prompted is a phone that somebody else's Originate rings, so that it calls.
func (t *tracker) prompted(c *channel) {
	k := t.newCall(c.linked)
	k.calling, k.called = c.party, callmodel.Party{Shown: callmodel.NotKnown}
	if c.kind == outside {
		c.device = t.outsideID(k, c)
		k.calling.Device = c.device
	}
	t.attach(t.add(k, c.device, party, c.party), c)
	t.move(c.leg, csta.Initiated, csta.CauseMakeCall)
	if c.up() {
		t.move(c.leg, csta.Connected, "")
	}
}

// origin is the party for whom a channel is dialled, through any wires; first says that there is none: the dialling begins with it.
func (t *tracker) origin(c *channel) (o *channel, first bool) {
	seen := map[*channel]bool{c: true}
	var search func(*channel) *channel
	search = func(x *channel) *channel {
		if x == nil || seen[x] {
			return nil
		}
		seen[x] = true
		if x.real() {
			if x.leg != nil && x.leg.state != csta.Alerting {
				return x
			}
			return nil
		}
		first = first || x.originated
		if o := search(x.caller); o != nil {
			return o
		}
		if o := search(x.half); o != nil {
			return o
		}
		if x.bridge != nil && !x.bridge.apart {
			for _, b := range x.bridge.members {
				if o := search(b); o != nil {
					return o
				}
			}
		}
		for _, d := range x.dials {
			if o := search(d); o != nil {
				return o
			}
		}
		return nil
	}
	first = c.originated
	return search(c.caller), first
}

// intentOf is what an Originate of ours through a wire is for; nil where there is none.
func intentOf(c *channel) *intent {
	for x := c.caller; x != nil && x.kind == wire && x.half != nil; x = x.half.caller {
		if x.half.intent != nil {
			return x.half.intent
		}
	}
	return nil
}

// bring puts a dialled channel into a call, which is that of the party o for whom it is dialled, if any.
func (t *tracker) bring(c *channel, k *call, o *channel) {
	if o != nil {
		t.explain(k, o, c)
		k = o.leg.call
	}
	if c.kind == phone {
		if l := k.leg(c.device); l != nil && l.role == party && (l.state == csta.Alerting || l.state == csta.Null) {
			t.attach(l, c) // another contact of the phone, or one that is to ring anew
			t.progress(c)
			return
		}
		if k.leg(c.device) != nil {
			c.silent = true // it calls itself
			return
		}
		if !c.ringing() {
			t.unplaced[c] = true
			return
		}
		t.attach(t.add(k, c.device, party, c.party), c)
		t.progress(c)
		return
	}
	n, _, _ := cutDial(c.dialString)
	p := t.shown(n)
	if n == "" && c.party.Shown == callmodel.Known {
		p = callmodel.Party{Device: c.party.Number, Shown: callmodel.Known}
	}
	for _, d := range []csta.DeviceID{p.Device, k.called.Device} {
		if l := k.leg(d); l != nil && l.role == party && len(l.channels) == 0 { // it is to ring anew
			c.device, c.party = l.device, l.party
			t.attach(l, c)
			t.progress(c)
			return
		}
	}
	if d := k.called.Device; d != "" && t.book.phones[d] == nil && k.leg(d) == nil {
		p = k.called
	}
	if p.Shown != callmodel.Known || t.book.phones[p.Device] != nil || k.leg(p.Device) != nil {
		p.Device = csta.DeviceID("outside-" + c.id)
	}
	c.device, c.party = p.Device, p
	t.attach(t.add(k, c.device, party, p), c)
	t.move(c.leg, csta.Connected, k.cause, asNetwork)
	t.progress(c)
}

// cutDial takes a dial string apart: 9555@pstn, pstn/sip:9555@host, 101.
func cutDial(s string) (number, at string, found bool) {
	number, at, found = strings.Cut(s, "@")
	if i := strings.LastIndexByte(number, '/'); i >= 0 {
		number = number[i+1:]
	}
	number = strings.TrimPrefix(number, "sip:")
	return number, at, found
}

// progress tells what has become of a dialled channel: it rings, it answered.
func (t *tracker) progress(c *channel) {
	l := c.leg
	if l == nil || c.caller == nil && !c.originated || l.call.calling.Device == l.device {
		return
	}
	if c.ringing() && (l.state == csta.Null || l.kind == callmodel.Network) && (!c.up() || l.kind != callmodel.Network) {
		t.move(l, csta.Alerting, l.call.cause)
	}
	if c.up() && (c.answered || c.bridge != nil && !c.bridge.apart) && (l.state == csta.Alerting || l.state == csta.Null || l.kind == callmodel.Network) {
		t.answer(l, c)
	}
}

// answer connects a called party.
func (t *tracker) answer(l *leg, c *channel) {
	for _, o := range l.channels {
		if o != c {
			o.silent, o.leg = true, nil // the phone's other contacts stop ringing
		}
	}
	l.channels = []*channel{c}
	t.move(l, csta.Connected, l.call.cause)
	l.call.cause = ""
	for _, o := range l.call.legs {
		if o.role == application {
			t.divert(o, l.party, csta.CauseRedirected)
			break
		}
	}
	if o := l.call.leg(l.call.calling.Device); o != nil && o.channel() != nil {
		o.channel().app.drop()
	}
	t.answeredElsewhere(l.call)
}
