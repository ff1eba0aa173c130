package freeswitch

import (
	"slices"
	"strings"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// station is one of our devices as the tracker needs it.
type station struct {
	id   csta.DeviceID
	name string
}

// tracker makes facts of events: legs into calls, by the rules that real dialogues showed. It is pure: time is told to it, facts and
// wishes are taken from it. It does not depend on the order of events of different legs, and never takes a leg a step back.
type tracker struct {
	name     string // of the PBX
	stations map[string]station
	numbers  pbxadapter.Numbers
	dnd      func(csta.DeviceID) bool

	now    time.Time
	legs   map[string]*leg
	calls  map[string]*call
	rooms  map[string]*room
	wires  wires
	gone   map[string]time.Time // legs that have ended: their late events mean nothing
	doubts []*doubt             // by due time
	facts  func(callmodel.Fact)
	marks  []mark   // legs that are to be marked with their call
	orphan []string // legs that were parked for somebody who has gone: to be cleared
	loose  []string // legs that were about to be parked, and talk: they are to end with their talk again
	rearm  []*leg   // legs for which somebody is parked: they are to park too when their talk is over
	// suspects are parked for somebody who isn't known: if he has gone, they are to be cleared.
	suspects []suspect
	keys     bool     // which keys are pressed is told
	parks    bool     // somebody is, or was, parked by us
	doubt    []string // legs heard of that are not known: to be asked for
	last     map[csta.DeviceID]departure
	wanted   map[string]*intention // by leg
	// pressing are the legs at which keys are pressed for a request of ours.
	pressing map[string]callmodel.OpID
	tidied   time.Time
}

// suspect is a leg, and the one without which it is alone.
type suspect struct{ leg, without string }

// mark is a variable to be set on a leg, so that its call is found again.
type mark struct{ leg, call string }

// departure is a device that left a call a moment ago: a transfer without an announcement looks like this.
type departure struct {
	call *call
	at   time.Time
}

// doubt is something that is so when its time has come, unless something explains it otherwise before.
type doubt struct {
	due time.Time
	f   func()
}

func (d *doubt) drop() {
	if d != nil {
		d.f = nil
	}
}

// waits says whether it is still open.
func (d *doubt) waits() bool { return d != nil && d.f != nil }

// now settles it before its time.
func (d *doubt) now() {
	if d.waits() {
		f := d.f
		d.f = nil
		f()
	}
}

func newTracker(name string, numbers pbxadapter.Numbers, facts func(callmodel.Fact)) *tracker {
	return &tracker{
		name: name, stations: make(map[string]station), numbers: numbers, facts: facts, dnd: func(csta.DeviceID) bool { return false },
		legs: make(map[string]*leg), calls: make(map[string]*call), rooms: make(map[string]*room), wires: make(wires), gone: make(map[string]time.Time),
		last: make(map[csta.DeviceID]departure), wanted: make(map[string]*intention), pressing: make(map[string]callmodel.OpID),
	}
}

// after has f done in a while.
func (t *tracker) after(wait time.Duration, f func()) *doubt {
	d := &doubt{t.now.Add(wait), f}
	i, _ := slices.BinarySearchFunc(t.doubts, d, func(a, b *doubt) int {
		if a.due.After(b.due) {
			return 1
		}
		return -1
	})
	t.doubts = slices.Insert(t.doubts, i, d)
	return d
}

// due is when something is to be done next; zero: nothing is.
func (t *tracker) due() time.Time {
	for len(t.doubts) > 0 && t.doubts[0].f == nil {
		t.doubts = t.doubts[1:]
	}
	if len(t.doubts) == 0 {
		return time.Time{}
	}
	return t.doubts[0].due
}

// until moves the time on, and does what is due.
func (t *tracker) until(at time.Time) {
	for {
		due := t.due()
		if due.IsZero() || due.After(at) {
			break
		}
		d := t.doubts[0]
		t.doubts = t.doubts[1:]
		if due.After(t.now) {
			t.now = due
		}
		f := d.f
		d.f = nil
		f()
	}
	if at.After(t.now) {
		t.now = at
	}
}

// forgetful bounds what is remembered of legs that have ended.
const forgetful = time.Minute

func (t *tracker) tidy() {
	if t.now.Sub(t.tidied) < forgetful/10 {
		return
	}
	t.tidied = t.now
	for id, at := range t.gone {
		if t.now.Sub(at) > forgetful {
			delete(t.gone, id)
		}
	}
	for d, at := range t.last {
		if t.now.Sub(at.at) > forgetful {
			delete(t.last, d)
		}
	}
}

func (t *tracker) callID(c *call) csta.CallID { return csta.CallID(t.name + "-" + c.id) }

func (t *tracker) id(n *connection) csta.ConnectionID {
	return csta.ConnectionID{Call: t.callID(n.call), Device: n.device}
}

// find is the call of that name; nil: none.
func (t *tracker) find(id csta.CallID) *call {
	native, ok := strings.CutPrefix(string(id), t.name+"-")
	if !ok {
		return nil
	}
	return t.calls[native]
}

func (t *tracker) meta(c *call, cause csta.EventCause) callmodel.Meta {
	m := callmodel.Meta{At: t.now, Cause: cause}
	if c != nil {
		if m.Op = c.op; m.Op == 0 {
			m.Op = c.until
		}
	}
	return m
}

// move tells a connection's new state.
func (t *tracker) move(n *connection, to csta.State, cause csta.EventCause, more ...func(*callmodel.Moved)) {
	c := n.call
	m := callmodel.Moved{
		Meta: t.meta(c, cause), Connection: t.id(n), To: to, Calling: c.calling, Called: c.called, LastRedirected: c.redirects, Subject: n.party,
	}
	for _, f := range more {
		f(&m)
	}
	if n.state == to && n.kind == m.Kind {
		if to == csta.Null {
			t.remove(n) // it never was: nobody was told of it
		}
		return
	}
	n.state, n.kind, n.since = to, m.Kind, t.now
	t.facts(m)
	reached := to == csta.Alerting || to == csta.Fail || to == csta.Queued || to == csta.Connected
	if reached && m.Kind != callmodel.Network && n.device != c.calling.Device {
		c.until = 0
	}
	if to == csta.Null {
		t.remove(n)
	}
}

func by(p callmodel.Party) func(*callmodel.Moved) { return func(m *callmodel.Moved) { m.By = p } }

// remove takes a connection out of its call without a word. Its legs, if there are any left, have no part in a call any more.
func (t *tracker) remove(n *connection) {
	c := n.call
	for _, l := range slices.Clone(n.legs) {
		l.detach()
	}
	n.state = csta.Null
	c.conns = slices.DeleteFunc(c.conns, func(o *connection) bool { return o == n })
	if t.last[n.device] = (departure{c, t.now}); len(c.conns) == 0 {
		delete(t.calls, c.id)
	}
}

// end tells that a connection ended, and with the last one that is alive the whole call. Whoever holds a call in which nobody is left holds nothing.
func (t *tracker) end(n *connection, cause csta.EventCause, who callmodel.Party) {
	c := n.call
	t.desert(c, n)
	last := !slices.ContainsFunc(c.conns, func(o *connection) bool { return o != n && o.live() })
	if last {
		for _, o := range c.others(n) {
			if o.state == csta.Fail {
				t.move(o, csta.Null, o.fail)
			}
		}
	}
	t.move(n, csta.Null, cause, by(who))
	if last {
		for _, o := range slices.Clone(c.conns) {
			t.move(o, csta.Null, csta.CauseNormalClearing)
		}
	}
}

// desert looks at those whom a connection that ends leaves behind. Where nobody is left but those who hold by parking, they hold nothing any more; a leg that
// talks in another call meanwhile ends with that talk, and one that doesn't would wait in silence for ever.
func (t *tracker) desert(c *call, n *connection) {
	left := c.others(n)
	for _, o := range left {
		parks := func(l *leg) bool { return l == o.holder || l.parks != "" && l.alone() && !t.holding(l) }
		if o.leaving || o.replacing || slices.ContainsFunc(o.legs, func(l *leg) bool { return !parks(l) }) {
			return
		}
	}
	for _, o := range left {
		l := o.holder
		if o.holder = nil; l == nil {
			l = o.leg()
		}
		switch {
		case l == nil || l.dead:
		case l.conn == o: // it isn't in another call
			l.detach()
			t.orphan = append(t.orphan, l.id)
		default:
			t.loose = append(t.loose, l.id)
			if l.peer != nil {
				t.loose = append(t.loose, l.peer.id)
			}
			t.after(waits, func() { t.strands(l) }) // it may be about to dial
		}
	}
}

// newCall begins a call.
func (t *tracker) newCall(id string) *call {
	for t.calls[id] != nil {
		id += ".x" // never: ids are the legs' own
	}
	c := &call{id: id, began: t.now}
	t.calls[id] = c
	return c
}

// join brings a device into a call, in no state yet.
func (t *tracker) join(c *call, d csta.DeviceID, p callmodel.Party) *connection {
	n := &connection{call: c, device: d, party: p, state: csta.Null, cause: c.cause, since: t.now}
	c.conns = append(c.conns, n)
	return n
}

// into is the connection of a leg's device in a call, made where there is none.
func (t *tracker) into(c *call, l *leg) *connection {
	n := c.conn(l.device)
	if n == nil {
		n = t.join(c, l.device, l.party)
	}
	l.attach(n)
	t.note(l)
	return n
}

// note has a leg marked with its call, unless that shows from the leg itself, or from the mark that it has.
func (t *tracker) note(l *leg) {
	root := l.marked
	switch {
	case root != "":
	case l.parent != nil:
		root = l.parent.id
	default:
		root = l.id
	}
	if l.call != nil && l.call.id != root {
		l.marked = l.call.id
		t.marks = append(t.marks, mark{l.id, l.call.id})
	}
}

// merge puts all of the connections of one call into another, without a word.
func (t *tracker) merge(dst, src *call) {
	for _, n := range slices.Clone(src.conns) {
		for _, l := range n.legs {
			l.call = dst
		}
		if o := dst.conn(n.device); o != nil {
			for _, l := range slices.Clone(n.legs) {
				l.attach(o)
			}
			continue
		}
		n.call = dst
		dst.conns = append(dst.conns, n)
	}
	src.conns = nil
	delete(t.calls, src.id)
	for _, n := range dst.conns {
		for _, l := range n.legs {
			t.note(l)
		}
	}
}

// known is a device or number as a party.
func (t *tracker) known(native string, side pbxadapter.Side) callmodel.Party {
	if s, ok := t.stations[native]; ok {
		return callmodel.Party{Device: s.id, Shown: callmodel.Known, Name: s.name}
	}
	d := t.numbers.Canonical(native, side)
	if d == "" {
		d = csta.DeviceID(clip(native))
	}
	if d == "" {
		return callmodel.Party{Shown: callmodel.NotKnown}
	}
	return callmodel.Party{Device: d, Shown: callmodel.Known}
}

// withheld says whether the caller doesn't want his number shown.
func withheld(e *event) bool {
	n := e.get(callerNumber)
	return e.get(callerHideNumber) == "true" || strings.EqualFold(n, "anonymous") || strings.EqualFold(n, "restricted")
}

// identify finds whose leg it is.
func (t *tracker) identify(l *leg, e *event) {
	candidates := []string{e.get(userName)} // who has authenticated: the caller's name would be whatever its From says
	if !l.inbound {
		candidates = []string{user(e.get(presenceID)), e.get(dialedUser)}
	}
	for i, u := range candidates {
		if s, ok := t.stations[u]; ok && (i == 0 || e.get(gatewayName) == "") {
			l.device, l.native, l.ours = s.id, u, true
			l.party = callmodel.Party{Device: s.id, Shown: callmodel.Known, Name: s.name}
			return
		}
	}
	if l.inbound {
		l.native = e.get(callerNumber)
		hidden := withheld(e)
		if hidden || placeholder(l.native) {
			l.native = ""
			l.device = csta.DeviceID("outside-" + clip(l.id)) // unique, and says nothing
			l.party = callmodel.Party{Device: l.device, Shown: callmodel.NotKnown}
			if hidden {
				l.party.Shown = callmodel.Restricted
			}
			return
		}
		l.party = t.known(l.native, pbxadapter.Calling)
		if n := e.get(callerName); !placeholder(n) && n != l.native {
			l.party.Name = n
		}
	} else {
		if l.native = e.get(callerDestination); l.native == "" {
			l.native = user(e.get(channelName)[strings.LastIndexByte(e.get(channelName), '/')+1:])
		}
		l.party = t.known(l.native, pbxadapter.Called)
	}
	if l.device = l.party.Device; l.device == "" || t.owned(l.device) {
		// Nothing known, or an outside party that shows the number of one of our devices: it is not that device.
		l.party.Number, l.device = l.device, csta.DeviceID("outside-"+clip(l.id))
		l.party.Device = l.device
	}
}

func (t *tracker) owned(d csta.DeviceID) bool {
	for _, s := range t.stations {
		if s.id == d {
			return true
		}
	}
	return false
}
