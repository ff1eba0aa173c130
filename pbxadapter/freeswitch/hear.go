package freeswitch

import (
	"cmp"
	"slices"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// hearers are the events that are about legs, and what each says of its leg.
var hearers = map[string]func(*tracker, *leg, *event){
	"CHANNEL_PROGRESS":       func(t *tracker, l *leg, _ *event) { t.progress(l, "") },
	"CHANNEL_PROGRESS_MEDIA": func(t *tracker, l *leg, _ *event) { t.progress(l, csta.CauseNetworkSignal) },
	"CHANNEL_ANSWER":         func(t *tracker, l *leg, _ *event) { t.answered(l) },
	"CHANNEL_CALLSTATE":      (*tracker).callState,
	"CHANNEL_HOLD":           func(t *tracker, l *leg, _ *event) { t.held(l) },
	"CHANNEL_UNHOLD":         func(t *tracker, l *leg, _ *event) { t.unheld(l) },
	"CHANNEL_HANGUP":         func(t *tracker, l *leg, e *event) { t.hangup(l, e.get(hangupCause), e) },
	"CHANNEL_HANGUP_COMPLETE": func(t *tracker, l *leg, e *event) {
		t.hangup(l, e.get(hangupCause), e) // one whose HANGUP was missed
	},
	"CHANNEL_DESTROY":         func(t *tracker, l *leg, e *event) { t.hangup(l, e.get(hangupCause), e) },
	"CHANNEL_PARK":            (*tracker).idle,
	"CHANNEL_UUID":            (*tracker).renamed,
	"DTMF":                    (*tracker).digit,
	"sofia::transferor":       (*tracker).transferor,
	"sofia::transferee":       (*tracker).transferee,
	"sofia::replaced":         (*tracker).replaced,
	"conference::maintenance": (*tracker).conference,
	"callcenter::info":        (*tracker).callcenter,
	"fifo::info":              (*tracker).fifo,
	"valet_parking::info":     (*tracker).valet,
}

// hear takes one event.
func (t *tracker) hear(e *event, at time.Time) {
	t.until(at)
	name, id := e.name(), e.get(uniqueID)
	switch name {
	case "CHANNEL_CREATE":
		t.create(e)
		return
	case "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE":
		x, y := e.get(bridgeA), e.get(bridgeB)
		a, b := t.legs[x], t.legs[y]
		if t.wires[x] != nil || t.wires[y] != nil {
			a, b = t.pair(x, y, name == "CHANNEL_BRIDGE")
		} else {
			t.wires.direct(x, y)
		}
		for _, id := range [...]string{x, y} {
			if t.legs[id] == nil {
				t.unknown(id)
			}
		}
		if l := t.legs[id]; l != nil {
			l.seq = max(l.seq, e.seq)
		}
		switch {
		case a == nil || b == nil:
		case name == "CHANNEL_BRIDGE":
			t.bridge(a, b)
		default:
			t.unbridge(a, b)
		}
		return
	}
	f := hearers[name]
	if f == nil || id == "" {
		return
	}
	if t.wires[id] != nil {
		if name == "CHANNEL_HANGUP" || name == "CHANNEL_DESTROY" {
			delete(t.wires, id)
			t.gone[id] = t.now
		}
		return
	}
	l := t.legs[id]
	if name == "CHANNEL_UUID" {
		if l = t.legs[e.get(oldUniqueID)]; l == nil {
			return // one that is being made, and has its name from us
		}
	}
	if l == nil {
		t.unknown(id)
		return
	}
	l.seq = max(l.seq, e.seq)
	f(t, l, e)
}

// unknown notes a leg that was heard of and is not known: it is asked for.
func (t *tracker) unknown(id string) {
	if _, gone := t.gone[id]; !gone && t.wires[id] == nil && isID(id) && len(t.doubt) < 1000 && !slices.Contains(t.doubt, id) {
		t.doubt = append(t.doubt, id)
	}
}

// create is a new leg: it joins the call of the leg that dialled it, or begins one.
func (t *tracker) create(e *event) {
	id := e.get(uniqueID)
	if _, gone := t.gone[id]; gone || t.legs[id] != nil || id == "" || t.wired(e) {
		return
	}
	l := &leg{
		id: id, inbound: e.get(callDirection) == "inbound", role: role(e.get(markRole)), seq: e.seq, agent: e.get(userAgent), context: e.get(callerContext),
		marked: e.get(markCall), parked: e.get(markHolder), parks: e.get(markParks),
	}
	t.identify(l, e)
	t.legs[id] = l
	t.parks = t.parks || l.parked != ""
	if to := e.get(markTo); to != "" {
		l.to = t.known(to, pbxadapter.Called)
	}
	var from *leg
	if e.get(otherType) == "originator" {
		var call string
		if from, call = t.before(e.get(otherUniqueID)); call != "" && e.get(markCall) == "" {
			e.value[markCall] = call
			l.marked = call
			t.marks = append(t.marks, mark{id, call})
		}
	} else if m := t.legs[e.get(queueMember)]; m != nil && m != l && !l.inbound {
		from = m
	}
	if l.inbound && t.calls[id] != nil {
		e.value[markCall] = id // who is parked for it was heard of first
	}
	l.direct = from != nil && from.id == e.get(otherUniqueID)
	switch {
	case e.get(markCall) != "":
		if l.parent = from; from != nil {
			from.dialled, from.rings = true, append(from.rings, l)
		}
		t.belongs(l, e)
	case l.inbound:
		t.dials(l, e)
	case from != nil:
		t.rung(l, from, e)
	case l.role == picks:
	case l.role == dials:
		c := t.newCall(l.id)
		c.calling, c.called = l.party, l.to
		t.started(l, c)
	default: // somebody else has the PBX call this device, or who dialled it is gone
		root := l.id
		if r := cmp.Or(e.get(originatingLeg), e.get(queueMember)); isID(r) {
			root = r
		}
		c := t.calls[root]
		if c == nil {
			c = t.newCall(root)
			c.called = l.party
			switch n := e.get(callerNumber); {
			case withheld(e):
				c.calling = callmodel.Party{Shown: callmodel.Restricted}
			case !placeholder(n):
				c.calling = t.known(n, pbxadapter.Calling)
			}
		}
		t.into(c, l)
	}
	if from != nil && from.id != e.get(otherUniqueID) && l.call != nil { // that does not show when what was between them has gone
		l.marked = l.call.id
		t.marks = append(t.marks, mark{l.id, l.call.id})
	}
}

// started tells that our own leg to a device, by which it is to call, is on the way.
func (t *tracker) started(l *leg, c *call) {
	cause := csta.CauseMakeCall
	if t.holds(l.device, c) {
		c.cause, cause = csta.CauseConsultation, csta.CauseConsultation
	}
	if in := t.wanted[l.id]; in != nil {
		c.until = in.op
		if in.called.Shown != callmodel.Absent {
			c.called = in.called
		}
	}
	t.move(t.into(c, l), csta.Initiated, cause)
}

// belongs brings a leg into the call that it is marked with.
func (t *tracker) belongs(l *leg, e *event) {
	id := e.get(markCall)
	c := t.calls[id]
	if c == nil {
		c = t.newCall(id)
		if l.inbound || l.role == dials {
			c.calling = l.party
			if c.called = l.to; c.called.Shown == callmodel.Absent && l.inbound {
				c.called = t.known(e.get(callerDestination), pbxadapter.Called)
			}
		} else {
			c.called = l.party
		}
	} else if c.called.Shown == callmodel.Absent && !l.inbound {
		c.called = l.party
	} else if c.calling.Shown == callmodel.Absent && l.inbound {
		c.calling = l.party
	}
	n := t.into(c, l)
	if l.role == dials && n.state == csta.Null {
		t.move(n, csta.Initiated, csta.CauseMakeCall)
	}
	if l.inbound && n.state == csta.Null {
		t.move(n, csta.Connected, "")
	}
}

// dials is a phone, or a trunk, that begins a call.
func (t *tracker) dials(l *leg, e *event) {
	c := t.newCall(l.id)
	c.calling, c.called = l.party, t.known(e.get(callerDestination), pbxadapter.Called)
	if l.ours && t.holds(l.device, c) {
		c.cause = csta.CauseConsultation
	}
	t.move(t.into(c, l), csta.Connected, c.cause)
}

// holds says whether a device has another call on hold.
func (t *tracker) holds(d csta.DeviceID, but *call) bool {
	for _, c := range t.calls {
		if n := c.conn(d); c != but && n != nil && n.state == csta.Hold {
			return true
		}
	}
	return false
}

// progress is a leg that rings, or hears ringing.
func (t *tracker) progress(l *leg, cause csta.EventCause) {
	n := l.conn
	switch {
	case n == nil || l.answered:
	case !l.inbound:
		if n.state == csta.Null || n.kind == callmodel.Network {
			t.move(n, csta.Alerting, n.cause)
		}
	case !l.dialled && l.doubts[early] == nil:
		l.doubts[early] = t.after(moment, func() { t.inside(l, csta.Alerting, cause) })
	}
}

// inside tells what the called number does that is inside the PBX and has no leg: an announcement, a mailbox, a room.
func (t *tracker) inside(l *leg, to csta.State, cause csta.EventCause) {
	l.doubts[early].drop()
	c := l.call
	if l.dead || c == nil || c.called.Device == "" || c.called.Device == l.device || l.dialled && c.conn(c.called.Device) == nil {
		return
	}
	n := c.conn(c.called.Device)
	if n == nil {
		n = t.join(c, c.called.Device, c.called)
	}
	if !n.live() && (n.state == csta.Null || n.state == csta.Alerting) {
		t.move(n, to, cause)
	}
}

// answered is a leg that was answered.
func (t *tracker) answered(l *leg) {
	if l.answered {
		return
	}
	l.answered = true
	if l.parent != nil {
		l.parent.forget(l)
	}
	n := l.conn
	switch {
	case n == nil:
	case l.inbound:
		if !l.dialled {
			// Either something inside the PBX answers, or this phone takes somebody else's call: the next bridge tells.
			l.doubts[early].drop()
			l.doubts[answer] = t.after(moment, func() { t.inside(l, csta.Connected, "") })
		}
	case l.role == dials && n.state == csta.Initiated:
		t.move(n, csta.Connected, n.cause)
		l.doubts[answer] = t.after(waits, func() { t.inside(l, csta.Connected, "") })
	case n.state != csta.Hold:
		t.move(n, csta.Connected, n.cause)
		n.call.cause = ""
	}
}

// callState tells of a leg that rings, whose other event may have come before we did; and that an answered leg waits for its callee: it is no
// call to an announcement.
func (t *tracker) callState(l *leg, e *event) {
	switch e.get(callState) {
	case "RING_WAIT":
		l.doubts[answer].drop()
	case "RINGING", "EARLY":
		if !l.inbound {
			t.progress(l, "")
		}
	}
}

// held is a phone that holds, unless it talks in the same call by another leg.
func (t *tracker) held(l *leg) {
	l.doubts[unhold].drop()
	l.holds = true
	if n := l.conn; n != nil && n.state == csta.Connected && n.kind == callmodel.Plain && !n.leaving && !l.talksBeside() {
		cause := csta.CauseNormal
		if in := t.wanted[l.id]; in != nil && in.cause != "" {
			cause = in.cause
		}
		t.move(n, csta.Hold, cause)
	}
}

// unheld is a phone that retrieves, unless its leg goes now.
func (t *tracker) unheld(l *leg) {
	l.holds = false
	n := l.conn
	if n == nil || n.state != csta.Hold || n.leaving || l.plan != nil {
		return
	}
	if o := l.was; l.peer == nil && o != nil && o.dead && t.now.Sub(t.gone[o.id]) < moment { // it ends with the one it talked to
		return
	}
	l.doubts[unhold].drop()
	l.doubts[unhold] = t.after(unholds, func() {
		if l.conn == n && n.state == csta.Hold && !n.leaving {
			t.move(n, csta.Connected, csta.CauseNormal)
		}
	})
}

// renamed is a leg with a new id.
func (t *tracker) renamed(l *leg, e *event) {
	delete(t.legs, l.id)
	t.gone[l.id] = t.now
	l.id = e.get(uniqueID)
	t.legs[l.id] = l
	t.note(l)
}
