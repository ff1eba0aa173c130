package freeswitch

import (
	"cmp"
	"slices"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// adopt takes legs over that were there before we were, from what uuid_dump says of each: they are brought to life by the events that must
// have come, oldest leg first. A leg that is known already is passed over.
func (t *tracker) adopt(dumps []*event) {
	dumps = slices.Clone(dumps)
	slices.SortStableFunc(dumps, func(a, b *event) int {
		if a.get(otherType) != b.get(otherType) && a.get(callerCreated) == b.get(callerCreated) {
			return cmp.Compare(order(a), order(b)) // who dials before who is dialled
		}
		return cmp.Compare(a.get(callerCreated), b.get(callerCreated))
	})
	var fresh []*event
	for _, e := range dumps {
		if t.legs[e.get(uniqueID)] == nil {
			fresh = append(fresh, e)
		}
	}
	whereItTalks(fresh)
	for _, e := range fresh {
		if id := e.get(originatingLeg); e.get(callDirection) == "outbound" && (t.legs[id] != nil || t.wires[id] != nil) {
			e.value[otherType], e.value[otherUniqueID] = "originator", id
		}
		if t.create(e); t.wires[e.get(uniqueID)] != nil {
			t.wires[e.get(uniqueID)].talk = e.get(signalBond)
		}
	}
	for _, e := range fresh {
		if l := t.legs[e.get(uniqueID)]; l != nil {
			t.revive(l, e)
		}
	}
	for _, e := range fresh {
		l, o := t.legs[e.get(uniqueID)], t.behind(e.get(signalBond))
		if l != nil && o != nil && l.answered && o.answered && l.peer == nil && o.peer == nil && e.get(markHolder) != e.get(signalBond) {
			t.bridge(l, o)
		}
	}
	for _, e := range fresh {
		l := t.legs[e.get(uniqueID)]
		if l == nil {
			continue
		}
		if l.holds {
			t.held(l)
		}
		if !l.alone() { // it was parked, or was to be
			t.parkedFor(l)
		}
	}
	for _, l := range t.legs { // holders may be heard of later than who is parked for them
		if l.parked != "" && l.alone() {
			t.parkedFor(l)
		}
	}
	for _, e := range fresh {
		if l := t.legs[e.get(uniqueID)]; l != nil {
			t.waiting(l, e)
		}
	}
}

// whereItTalks looks at marks that what was done next has overtaken, when nobody was there to set them anew. Legs that were to go back to who is parked for them, and are marked with that
// call, but talk to somebody else yet, are in his call; and a leg that rings, and is marked with a call in which there is nobody else, is in the call of who dials it.
func whereItTalks(dumps []*event) {
	byID, members := make(map[string]*event, len(dumps)), make(map[string]int)
	for _, e := range dumps {
		byID[e.get(uniqueID)] = e
		members[e.get(uniqueID)]++
		members[e.get(markCall)]++
	}
	for _, e := range dumps {
		if byID[e.get(originatingLeg)] != nil && e.get(answerState) != "answered" && members[e.get(markCall)] == 1 {
			e.value[markCall] = ""
		}
	}
	for _, parked := range dumps {
		own := byID[parked.get(markHolder)]
		if own == nil || own.get(markCall) != parked.get(markCall) || own.get(signalBond) == parked.get(uniqueID) {
			continue
		}
		if o := byID[own.get(signalBond)]; o != nil && o.get(markCall) != "" {
			own.value[markCall] = o.get(markCall)
		}
	}
}

func order(e *event) int {
	if e.get(callDirection) == "inbound" {
		return 0
	}
	return 1
}

// revive brings a new leg into the state that its dump shows.
func (t *tracker) revive(l *leg, e *event) {
	l.dialled = l.dialled || e.get(lastBridge) != "" || e.get(dialledFor) != ""
	l.holds = e.get(callState) == "HELD"
	t.awake(l, e)
	if o := t.legs[e.get(signalBond)]; e.get(application) == "intercept" && o != nil && o.parent == l && !o.answered {
		l.awaits = o
	}
	if e.get(signalBond) != "" { // it talks, and what it ran last, and waited in, is past
		return
	}
	switch side := e.get(queueSide); e.get(application) {
	case "fifo", "callcenter":
		if (side == "member" || side == "WAITING") && l.inbound {
			t.waits(l)
		}
	case "conference":
		if l.answered {
			t.enter(l, e.get(conferenceVar), e.get(conferenceIn))
		}
	case "valet_park":
		if l.conn != nil {
			t.inSlot(l, t.known(e.get(valetSlot), pbxadapter.Called))
		}
	}
}

// awake has a leg ring, or be answered, as its dump shows.
func (t *tracker) awake(l *leg, e *event) {
	if e.get(answerState) == "answered" {
		t.answered(l)
	}
	if l.inbound && !l.answered && e.get(answerState) == "early" && !l.dialled {
		t.progress(l, csta.CauseNetworkSignal)
	}
	t.callState(l, e)
}

// waiting looks at a leg that parks when its talk is over, after those are known who are parked for it: if there is nobody any more, it is to end
// with its talk, or now.
func (t *tracker) waiting(l *leg, e *event) {
	if l.parks == "" || e.get(markParks) == "" {
		return
	}
	if t.holding(l) {
		if waitsInPark(e) {
			t.idle(l, e)
		}
		return
	}
	busy := l.peer != nil || l.room != nil || len(l.rings) > 0
	switch o := t.legs[l.parks]; {
	case o == nil:
		t.suspects = append(t.suspects, suspect{l.id, l.parks})
	case l.peer != nil:
		t.loose = append(t.loose, l.id)
	case !busy && waitsInPark(e) && (o.peer != nil || o.call != nil && queue(o.call) != nil): // it has gone on without it: to somebody else, or into a slot
		t.orphan = append(t.orphan, l.id)
	}
}

// waitsInPark says whether a dump is of a leg that is parked in silence: because a talk of its is over, or its dialplan says so.
func waitsInPark(e *event) bool {
	return e.get(channelState) == "CS_PARK" || e.get(application) == "park"
}

// parkedFor has a leg that is marked to be parked be held by its holder, if it is still parked.
func (t *tracker) parkedFor(l *leg) {
	if l.parked == "" || l.call == nil {
		return
	}
	if l.peer != nil { // it was about to be parked, or has been taken back
		t.loose = append(t.loose, l.id, l.peer.id)
		return
	}
	if !l.alone() {
		if l.plan == nil { // it has gone on
			t.loose = append(t.loose, l.id)
		}
		return
	}
	holder := t.legs[l.parked]
	if holder == nil {
		t.suspects = append(t.suspects, suspect{l.id, l.parked})
		return
	}
	if n := l.call.conn(holder.device); n != nil && n.holder == holder {
		return
	}
	if holder.parks == "" { // a conference had begun
		holder.parks = l.id
		t.rearm = append(t.rearm, holder)
	}
	c := l.call
	n := c.conn(holder.device)
	if n == nil {
		n = t.join(c, holder.device, holder.party)
		n.state = csta.Connected
		t.move(n, csta.Hold, csta.CauseNormal)
	} else if n.state == csta.Connected {
		t.move(n, csta.Hold, csta.CauseNormal)
	}
	n.holder = holder
	if c.calling.Shown == callmodel.Absent {
		c.calling = holder.party
	}
}

// state is everything as the call model is to have it.
func (t *tracker) state() callmodel.State {
	var s callmodel.State
	for _, c := range t.calls {
		m := callmodel.Call{ID: t.callID(c), Began: c.began, Calling: c.calling, Called: c.called, LastRedirected: c.redirects}
		for _, n := range c.conns {
			if n.state != csta.Null {
				m.Legs = append(m.Legs, callmodel.Leg{Device: n.device, State: n.state, Kind: n.kind, Party: n.party, Since: n.since})
			}
		}
		if len(m.Legs) > 0 {
			s.Calls = append(s.Calls, m)
		}
	}
	slices.SortFunc(s.Calls, func(a, b callmodel.Call) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return s
}

// remember takes over from an earlier tracker what the PBX cannot tell any more: who called whom in calls that are still there.
func (t *tracker) remember(old *tracker) {
	for id, c := range t.calls {
		o := old.calls[id]
		if o == nil {
			continue
		}
		c.began = o.began
		if o.calling.Shown != callmodel.Absent {
			c.calling = o.calling
		}
		if o.called.Shown != callmodel.Absent {
			c.called = o.called
		}
		c.redirects = o.redirects
		t.keep(c, o)
		for _, n := range c.conns {
			if p := o.conn(n.device); p != nil && p.state == n.state {
				n.since = p.since
			}
		}
	}
}

// keep takes over who is in a call without a leg: a party that failed, an announcement, the queue or slot in which it waits. The PBX tells of some of
// them, in a moment; what it tells is newer.
func (t *tracker) keep(c, o *call) {
	for _, n := range c.conns {
		for _, l := range n.legs {
			if l.peer != nil {
				return
			}
		}
	}
	for _, p := range o.conns {
		if !p.live() && p.state != csta.Null && c.conn(p.device) == nil {
			n := t.join(c, p.device, p.party)
			n.state, n.kind, n.cause, n.fail = p.state, p.kind, p.cause, p.fail
		}
	}
}

// states are the states of a device's connections, by call; for tests and logs.
func (t *tracker) at(d csta.DeviceID) []*connection {
	var list []*connection
	for _, c := range t.calls {
		if n := c.conn(d); n != nil {
			list = append(list, n)
		}
	}
	slices.SortFunc(list, func(a, b *connection) int { return a.since.Compare(b.since) })
	return list
}
