package asterisk

import (
	"strings"
	"time"

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
	case c.state == stateRing && c.kind == outside && c.party.Shown == callmodel.Known && t.wonder != nil:
		// A number that its caller withholds comes all the same, and no event says so: nobody hears of the call before that is known.
		t.wonder(question{channel: c, caller: true})
		c.app = t.after(callerDoubt, func() { t.callerIs(c, "") })
	case c.state == stateRing:
		t.originate(c)
	}
}

// callerIs takes over how an outside caller wants to be shown, and lets the call be told. Where that is not known his number isn't either.
func (t *tracker) callerIs(c *channel, presentation string) {
	if c.leg != nil || c.gone {
		return
	}
	c.app.drop()
	c.app = nil
	switch {
	case strings.HasPrefix(presentation, "prohib"):
		c.party = callmodel.Party{Shown: callmodel.Restricted}
	case !strings.HasPrefix(presentation, "allowed"):
		c.party = callmodel.Party{Shown: callmodel.NotKnown}
	}
	t.originate(c)
	t.placeAll()
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

// intend notes what an Originate of ours is for, as long as it can matter: a phone that cannot be rung has no channel, and no end.
func (t *tracker) intend(in *intent, ringTime time.Duration) {
	t.intents[in.id] = in
	t.after(ringTime+time.Minute, func() {
		if in.channel == nil {
			delete(t.intents, in.id)
		}
	})
}

// initiate is an Originate of ours: the phone is asked to call.
func (t *tracker) initiate(c *channel) {
	in := c.intent
	if in.quiet() {
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
	in.told = c.leg.id()
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
		if c.intent != nil && c.intent.quiet() && c.up() {
			c.answered = true
		}
	case c.leg.state == csta.Initiated:
		if c.up() {
			t.move(c.leg, csta.Connected, c.leg.call.cause)
			t.after(promptDoubt, func() { t.wonderAbout(c) })
		}
	case c.up() && c.caller == nil && !c.originated:
		t.callerUp(c)
	default:
		t.progress(c)
	}
}

// mostWonders is how often, once a second, a caller is asked what it does. Dialplans answer and wait before they say something; what comes later the audit finds.
const mostWonders = 10

// wonderAbout asks what became of a caller that was up before it called, and has reached nobody: no event tells that an application answered it.
func (t *tracker) wonderAbout(c *channel) {
	if c.leg != nil && !c.gone && !c.leg.call.reached && len(c.leg.call.legs) == 1 && t.wonder != nil && c.wondered < mostWonders {
		c.wondered++
		t.wonder(question{channel: c})
	}
}

// does takes over what application a caller is in.
func (t *tracker) does(c *channel, application string) {
	switch {
	case c.leg == nil || c.gone || c.leg.call.reached || len(c.leg.call.legs) != 1:
	case application == "Busy":
		t.getsNowhere(c, csta.CauseBusy)
	case application == "Congestion":
		t.getsNowhere(c, csta.CauseNetworkCongestion)
	case talks(application):
		t.appAnswers(c)
	default:
		t.after(promptDoubt, func() { t.wonderAbout(c) })
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
	if l == nil || l.state != csta.Connected && l.state != csta.Hold || c.conference != "" && c.silent || c.bridge != nil && !c.bridge.apart {
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
		if in.into != nil {
			t.unreached(in)
		}
	}
}
