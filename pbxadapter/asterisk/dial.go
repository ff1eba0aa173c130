package asterisk

import (
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/asterisk/ami"
)

// newChannel is somebody who calls, is called, or helps.
func (t *tracker) newChannel(m ami.Message) {
	id := m.Get("Uniqueid")
	if id == "" || t.channels[id] != nil {
		return
	}
	c := t.create(id, m)
	switch {
	case !c.real():
	case c.intent != nil:
		t.initiate(c)
	case c.state == stateRing:
		t.originate(c)
	}
}

// create makes a channel of an event or a list's item.
func (t *tracker) create(id string, m ami.Message) *channel {
	c := &channel{id: id, name: m.Get("Channel"), linked: m.Get("Linkedid"), born: t.now, state: number(m.Get("ChannelState"))}
	technology, endpoint := splitName(c.name)
	switch {
	case technology == "Local":
		c.kind = wire
	case helpers[technology]:
		c.kind = helper
	case t.book.endpoints[c.phoneName(technology, endpoint)] != nil:
		p := t.book.endpoints[endpoint]
		c.kind, c.endpoint, c.device = phone, endpoint, p.device
		c.party = callmodel.Party{Device: p.device, Shown: callmodel.Known, Name: p.name}
	default:
		c.kind = outside
	}
	if c.kind == outside {
		t.caller(c, m)
	}
	if c.state == stateRing {
		c.dialled = m.Get("Exten")
	}
	t.channels[id] = c
	t.names[c.name] = c
	if c.kind == wire {
		if o := t.names[halfName(c.name)]; o != nil {
			c.half, o.half = o, c
		}
	}
	if in := t.intents[id]; in != nil && c.kind != helper {
		c.intent, in.channel = in, c
	}
	return c
}

// phoneName is the endpoint, where the technology is that of our phones.
func (c *channel) phoneName(technology, endpoint string) string {
	if technology == "PJSIP" {
		return endpoint
	}
	return ""
}

// caller is how an outside party is shown that calls.
func (t *tracker) caller(c *channel, m ami.Message) {
	n := known(m.Get("CallerIDNum"))
	p := callmodel.Party{Name: known(m.Get("CallerIDName"))}
	switch d := t.book.outside(n); {
	case withheld(n), strings.Contains(m.Get("CID-CallingPres"), "Prohibited"):
		p = callmodel.Party{Shown: callmodel.Restricted}
	case d == "":
		p.Shown = callmodel.NotKnown
	default:
		p.Shown, p.Number = callmodel.Known, d
	}
	c.party = p
}

func (t *tracker) newCallerID(m ami.Message) {
	if c := t.of(m, ""); c != nil && c.kind == outside && c.leg == nil {
		t.caller(c, m)
	}
}

func (t *tracker) rename(m ami.Message) {
	if c := t.of(m, ""); c != nil {
		if t.names[c.name] == c {
			delete(t.names, c.name)
		}
		c.name = m.Get("Newname")
		t.names[c.name] = c
	}
}

// localBridge says that two channels are the ends of one wire.
func (t *tracker) localBridge(m ami.Message) {
	one, two := t.channels[m.Get("LocalOneUniqueid")], t.channels[m.Get("LocalTwoUniqueid")]
	if one != nil && two != nil {
		one.half, two.half = two, one
		t.placeAll()
	}
}

// initiate is an Originate of ours: the phone is asked to call.
func (t *tracker) initiate(c *channel) {
	in := c.intent
	if in.pickup != nil {
		c.silent = true // told when it takes the call
		return
	}
	if in.into != nil {
		return // told when it rings
	}
	k := t.newCall(c.id)
	k.op, k.called = in.op, in.called
	k.calling = c.party
	if in.cause == csta.CauseConsultation {
		k.cause = csta.CauseConsultation
	}
	t.attach(t.add(k, c.device, party, c.party), c)
	t.move(c.leg, csta.Initiated, in.cause)
}

func (t *tracker) attach(l *leg, c *channel) {
	l.channels = append(l.channels, c)
	c.leg = l
}

// originate is somebody who dialled.
func (t *tracker) originate(c *channel) {
	k := t.newCall(c.id)
	if c.kind == outside {
		c.device = t.outsideID(k, c)
	}
	k.called = t.shown(c.dialled)
	p := c.party
	p.Device = c.device
	k.calling = p
	if c.kind == phone && t.busyIn(c.device, k) {
		k.cause = csta.CauseConsultation
	}
	t.attach(t.add(k, c.device, party, p), c)
	t.move(c.leg, csta.Connected, k.cause)
	if c.up() {
		t.callerUp(c)
	}
}

// outsideID is a name for an outside party that nobody else in the call has.
func (t *tracker) outsideID(k *call, c *channel) csta.DeviceID {
	d := c.party.Number
	if d == "" || c.party.Shown != callmodel.Known || t.book.phones[d] != nil {
		d = csta.DeviceID("outside-" + c.id)
	}
	if k.leg(d) != nil {
		d += csta.DeviceID("-" + c.id)
	}
	return d
}

func (t *tracker) newState(m ami.Message) {
	c := t.of(m, "")
	if c == nil || c.gone {
		return
	}
	s := number(m.Get("ChannelState"))
	if s == stateBusy {
		t.busy(c)
		return
	}
	if c.state == stateUp || s == c.state {
		return // it never goes back
	}
	c.state = s
	switch {
	case c.kind == wire || c.kind == helper:
	case c.leg == nil:
		t.place(c)
		if c.intent != nil && c.intent.pickup != nil && c.up() {
			c.answered = true
		}
	case c.leg.state == csta.Initiated:
		if c.up() {
			t.move(c.leg, csta.Connected, c.leg.call.cause)
		}
	case c.up() && c.caller == nil && !c.originated:
		t.callerUp(c)
	default:
		t.progress(c)
	}
}

// callerUp is a caller that was answered: by whom it dialled, or by an application.
func (t *tracker) callerUp(c *channel) {
	if c.app != nil || c.leg == nil {
		return
	}
	c.app = t.after(appDoubt, func() { t.appAnswers(c) })
}

// appAnswers tells that an application answered, if nobody else did meanwhile.
func (t *tracker) appAnswers(c *channel) {
	l := c.leg
	if l == nil || l.state != csta.Connected || c.conference != "" && c.silent {
		return
	}
	for _, o := range l.call.legs {
		if o != l && o.role != failure {
			return
		}
	}
	d, p := l.call.called.Device, l.call.called
	if d == "" || t.book.phones[d] != nil || l.call.leg(d) != nil {
		d = csta.DeviceID("application-" + c.id)
		p = callmodel.Party{Shown: callmodel.NotKnown}
	}
	t.move(t.add(l.call, d, application, p), csta.Connected, l.call.cause)
	l.call.reached = true
}

func (t *tracker) dialBegin(m ami.Message) {
	dest := t.of(m, "Dest")
	if dest == nil || dest.gone {
		return
	}
	dest.dialString = m.Get("DialString")
	c := t.of(m, "")
	if c == nil {
		if m.Get("Channel") == "" {
			dest.originated = true
			t.place(dest)
			t.placeAll()
		}
		return
	}
	dest.caller = c
	c.dials = append(c.dials, dest)
	if dest.kind == wire {
		t.placeAll()
		return
	}
	t.place(dest)
}

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

func (t *tracker) dialEnd(m ami.Message) {
	dest := t.of(m, "Dest")
	if dest == nil {
		return
	}
	status := m.Get("DialStatus")
	if status == "ANSWER" {
		dest.answered = true
		t.progress(dest)
		return
	}
	if dest.answered || dest.dialEnd != "" || dest.silent {
		return
	}
	dest.dialEnd, dest.forward = status, m.Get("Forward")
	if dest.real() && !dest.originated {
		t.unanswered(dest)
	}
}

// originateResponse says what became of an Originate. A refusal may be all that is ever told of it.
func (t *tracker) originateResponse(m ami.Message) {
	if in := t.intents[m.Get("Uniqueid")]; in != nil && m.Get("Response") == "Failure" {
		in.refused = true
	}
}
