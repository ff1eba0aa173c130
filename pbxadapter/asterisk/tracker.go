package asterisk

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/asterisk/ami"
)

// How long what an event may mean stays open for others to explain it. Asterisk keeps the order of events of one channel only.
const (
	retrieveDoubt = 50 * time.Millisecond  // an Unhold comes with every transfer
	endDoubt      = 100 * time.Millisecond // a called phone's end may be a forward, a deflection, or its caller's
	appDoubt      = 100 * time.Millisecond // a caller that is Up may have been answered by an application, or be about to queue, to pick up …
	callerDoubt   = 500 * time.Millisecond // how an outside caller wants to be shown is asked, and answered at once; else he isn't shown
	promptDoubt   = time.Second            // a caller that was up before it called has reached somebody by then, or an application
	joinDoubt     = 150 * time.Millisecond // two calls in one bridge are explained by an event that comes after
	parkDoubt     = time.Second            // who is parked while its parker is still there may have been transferred
	renewDoubt    = 3 * time.Second        // a phone that is to ring anew
)

// tracker makes facts of events. It is pure: no clock, no I/O, no lock; its owner serialises the calls, and moves its time on.
type tracker struct {
	pbx    string
	book   *book
	now    time.Time
	tell   func(callmodel.Fact)
	wonder func(question)         // asks for what no event tells; may be nil
	hangUp func(c, kept *channel) // ends c, left alone where nobody gets away by itself: where our dialplan lines keep the second one; may be nil

	channels  map[string]*channel // by Uniqueid
	names     map[string]*channel
	bridges   map[string]*bridge
	calls     map[csta.CallID]*call
	queues    map[string][]*leg // who waits, in order, by Asterisk's name of the queue
	at        map[csta.DeviceID][]*leg
	unplaced  map[*channel]bool // dialled, and it isn't known yet into which call
	intents   map[string]*intent
	joining   []*joining
	parting   []*parting
	doubts    []*doubt
	features  map[csta.DeviceID][]callmodel.Feature
	out       map[csta.DeviceID]bool
	touched   map[csta.DeviceID]time.Time // when a feature was last set
	startup   string                      // when Asterisk began
	keys      bool                        // which are pressed is told
	suspended bool                        // nothing is told: a state is being built
}

func newTracker(pbx string, b *book, tell func(callmodel.Fact)) *tracker {
	t := &tracker{pbx: pbx, book: b, tell: tell, intents: map[string]*intent{}, features: map[csta.DeviceID][]callmodel.Feature{}, out: map[csta.DeviceID]bool{}, touched: map[csta.DeviceID]time.Time{}}
	t.clear()
	return t
}

func (t *tracker) clear() {
	t.channels, t.names, t.bridges = map[string]*channel{}, map[string]*channel{}, map[string]*bridge{}
	t.calls, t.at, t.unplaced = map[csta.CallID]*call{}, map[csta.DeviceID][]*leg{}, map[*channel]bool{}
	t.joining, t.parting, t.doubts, t.queues = nil, nil, nil, map[string][]*leg{}
}

// doubt is something that is told when its time has come, unless it was dropped before.
type doubt struct {
	due  time.Time
	tell func()
}

func (d *doubt) drop() {
	if d != nil {
		d.tell = nil
	}
}

// open says whether it is still to be told.
func (d *doubt) open() bool { return d != nil && d.tell != nil }

// settle tells it now.
func (d *doubt) settle() {
	if d.open() {
		f := d.tell
		d.tell = nil
		f()
	}
}

// after tells f in a while.
func (t *tracker) after(wait time.Duration, f func()) *doubt {
	d := &doubt{t.now.Add(wait), f}
	i := len(t.doubts)
	for i > 0 && t.doubts[i-1].due.After(d.due) {
		i--
	}
	t.doubts = slices.Insert(t.doubts, i, d)
	return d
}

// until moves the time on, and tells what is due.
func (t *tracker) until(at time.Time) {
	for len(t.doubts) > 0 && !t.doubts[0].due.After(at) {
		d := t.doubts[0]
		t.doubts[0] = nil
		t.doubts = t.doubts[1:]
		if d.due.After(t.now) {
			t.now = d.due
		}
		d.settle()
	}
	if at.After(t.now) {
		t.now = at
	}
}

// due is when something is to be told next; zero: nothing is.
func (t *tracker) due() time.Time {
	for len(t.doubts) > 0 && !t.doubts[0].open() {
		t.doubts = t.doubts[1:]
	}
	if len(t.doubts) == 0 {
		return time.Time{}
	}
	return t.doubts[0].due
}

// unwanted are events that tell nothing which another one doesn't; they are passed over before they are read.
var unwanted = map[string]bool{
	"VarSet": true, "Newexten": true, "RTCPReceived": true, "RTCPSent": true, "NewAccountCode": true, "ChanSpyStart": true, "ChanSpyStop": true,
	"ChallengeSent": true, "ChallengeResponseFailed": true, "SuccessfulAuth": true, "InvalidPassword": true, "InvalidAccountID": true,
	"MusicOnHoldStart": true, "MusicOnHoldStop": true, "DialState": true, "DTMFBegin": true, "Cdr": true, "CEL": true,
	"BridgeCreate": true, "LocalOptimizationBegin": true, "LocalOptimizationEnd": true, "AgentCalled": true, "AgentConnect": true,
	"AgentComplete": true, "AgentRingNoAnswer": true, "QueueMemberStatus": true, "ConfbridgeTalking": true, "HangupHandlerRun": true,
	"HangupHandlerPush": true, "HangupHandlerPop": true, "MCID": true, "AOC-D": true, "AOC-E": true, "TestEvent": true, "SoftHangupRequest": true,
	"NewConnectedLine": true, "ConfbridgeStart": true, "PresenceStateChange": true, "PresenceStatus": true,
}

// handlers are what the events do.
var handlers = map[string]func(*tracker, ami.Message){
	"Newchannel":        (*tracker).newChannel,
	"Newstate":          (*tracker).newState,
	"NewCallerid":       (*tracker).newCallerID,
	"Rename":            (*tracker).rename,
	"LocalBridge":       (*tracker).localBridge,
	"DialBegin":         (*tracker).dialBegin,
	"DialEnd":           (*tracker).dialEnd,
	"BridgeEnter":       (*tracker).bridgeEnter,
	"BridgeLeave":       (*tracker).bridgeLeave,
	"BridgeDestroy":     (*tracker).bridgeDestroy,
	"Hold":              (*tracker).hold,
	"Unhold":            (*tracker).unhold,
	"BlindTransfer":     (*tracker).blindTransfer,
	"AttendedTransfer":  (*tracker).attendedTransfer,
	"Pickup":            (*tracker).pickup,
	"ParkedCall":        (*tracker).parkedCall,
	"UnParkedCall":      (*tracker).unparkedCall,
	"ParkedCallTimeOut": (*tracker).parkedTimeout,
	"QueueCallerJoin":   (*tracker).queueJoin,
	"QueueCallerLeave":  (*tracker).queueLeave,
	"ConfbridgeJoin":    (*tracker).conferenceJoin,
	"HangupRequest":     (*tracker).hangupRequest,
	"Hangup":            (*tracker).hangup,
	"OriginateResponse": (*tracker).originateResponse,
	"DeviceStateChange": (*tracker).deviceState,
	"MessageWaiting":    (*tracker).messageWaiting,
	"DTMFEnd":           (*tracker).digit,
}

// event takes one event over.
func (t *tracker) event(m ami.Message) {
	if h := handlers[m.Event()]; h != nil {
		h(t, m)
	}
}

// of is the channel that an event names with these headers; nil where it is none that we know.
func (t *tracker) of(m ami.Message, prefix string) *channel {
	if id := m.Get(prefix + "Uniqueid"); id != "" {
		return t.channels[id]
	}
	return t.names[m.Get(prefix+"Channel")]
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// known is a value that Asterisk knows.
func known(s string) string {
	if s == "<unknown>" {
		return ""
	}
	return s
}

// meta of a fact about a leg.
func (t *tracker) meta(l *leg, cause csta.EventCause) callmodel.Meta {
	op := l.op
	if op == 0 {
		op = l.call.op
	}
	return callmodel.Meta{At: t.now, Cause: cause, Op: op}
}

func (t *tracker) say(f callmodel.Fact) {
	if !t.suspended {
		t.tell(f)
	}
}

// newCall begins a call that is named after a native id. A second call of that name gets a suffix.
func (t *tracker) newCall(root string) *call {
	c := &call{id: csta.CallID(t.pbx + "-" + root), root: root, began: t.now}
	for n := 2; t.calls[c.id] != nil; n++ {
		c.id = csta.CallID(t.pbx + "-" + root + "-" + strconv.Itoa(n))
	}
	t.calls[c.id] = c
	return c
}

// add puts a leg into a call, in no state yet.
func (t *tracker) add(c *call, d csta.DeviceID, r role, p callmodel.Party) *leg {
	p.Device = d
	l := &leg{call: c, device: d, party: p, role: r, state: csta.Null, since: t.now}
	c.legs = append(c.legs, l)
	t.at[d] = append(t.at[d], l)
	if len(c.legs) > 1 && r == party {
		c.reached = true
	}
	return l
}

// remove takes a leg out, without a word.
func (t *tracker) remove(l *leg) {
	for _, c := range l.channels {
		c.leg = nil
	}
	l.channels = nil
	t.detach(l)
}

func (t *tracker) detach(l *leg) {
	is := func(o *leg) bool { return o == l }
	l.call.legs = slices.DeleteFunc(l.call.legs, is)
	if rest := slices.DeleteFunc(t.at[l.device], is); len(rest) > 0 {
		t.at[l.device] = rest
	} else {
		delete(t.at, l.device)
	}
	if len(l.call.legs) == 0 {
		delete(t.calls, l.call.id)
	}
	if l.role == queue {
		t.leavesQueue(l)
	}
}

// named is what a leg is called in a call that it is carried into: an outside party whose number somebody has there gets its channel's id added.
func (l *leg) named(in *call, departing func(*leg) bool) csta.DeviceID {
	c := l.channel()
	clash := l.call != in && slices.ContainsFunc(in.legs, func(o *leg) bool { return o.device == l.device && (departing == nil || !departing(o)) })
	if !clash || c == nil || c.kind != outside {
		return l.device
	}
	return l.device + csta.DeviceID("-"+c.id)
}

// carry puts a leg into another call, without a word.
func (t *tracker) carry(l *leg, to *call) {
	if l.call == to {
		return
	}
	if d := l.named(to, nil); d != l.device {
		t.at[l.device] = slices.DeleteFunc(t.at[l.device], func(o *leg) bool { return o == l })
		if len(t.at[l.device]) == 0 {
			delete(t.at, l.device)
		}
		l.device, l.party.Device = d, d
		l.channel().device = d
		t.at[d] = append(t.at[d], l)
	}
	if to.leg(l.device) != nil { // a phone that is there already
		t.silence(l)
		t.remove(l)
		return
	}
	from := l.call
	from.legs = slices.DeleteFunc(from.legs, func(o *leg) bool { return o == l })
	if len(from.legs) == 0 {
		delete(t.calls, from.id)
	}
	l.call = to
	to.legs = append(to.legs, l)
	to.reached = true
}

// move brings a leg into a state, and tells it.
func (t *tracker) move(l *leg, to csta.State, cause csta.EventCause, more ...func(*callmodel.Moved)) {
	meta := t.meta(l, cause)
	m := callmodel.Moved{
		Meta: meta, Connection: l.id(), To: to, Calling: l.call.calling, Called: l.call.called, LastRedirected: l.call.last, Subject: l.party, Queue: l.place,
	}
	for _, f := range more {
		f(&m)
	}
	answered := to == csta.Connected && l.state != csta.Hold && l.call.calling.Device != l.device && m.Kind != callmodel.Network
	if answered { // somebody answers: the request that brought the call here has no part in it
		m.Op = l.op
	}
	l.state, l.kind, l.since = to, m.Kind, t.now
	t.say(m)
	if answered || to == csta.Queued {
		l.call.op = 0
	}
	if to == csta.Null {
		t.remove(l)
	}
}

func by(p callmodel.Party) func(*callmodel.Moved) {
	return func(m *callmodel.Moved) { m.By = p }
}

func asNetwork(m *callmodel.Moved) { m.Kind = callmodel.Network }

// divert takes a leg away that goes elsewhere. A leg that never was may be diverted too.
func (t *tracker) divert(l *leg, to callmodel.Party, cause csta.EventCause) {
	t.say(callmodel.Redirected{
		Meta: t.meta(l, cause), Connection: l.id(), NewDestination: to, Calling: l.call.calling, Called: l.call.called,
	})
	l.call.last, l.call.cause = l.party, cause
	t.remove(l)
}

// shown is a party by its native number.
func (t *tracker) shown(native string) callmodel.Party {
	d := t.book.dialled(native)
	if d == "" {
		return callmodel.Party{Shown: callmodel.NotKnown}
	}
	return callmodel.Party{Device: d, Shown: callmodel.Known, Name: t.book.name(d)}
}

// waiting are the channels whose calls are not known, in the order in which they came.
func (t *tracker) waiting() []*channel {
	if len(t.unplaced) == 0 {
		return nil
	}
	return slices.SortedFunc(maps.Keys(t.unplaced), func(a, b *channel) int { return strings.Compare(a.id, b.id) })
}

// find is the leg that a connection names.
func (t *tracker) find(c csta.ConnectionID) *leg {
	if k := t.calls[c.Call]; k != nil {
		return k.leg(c.Device)
	}
	return nil
}

// is says whether a connection is in a state.
func (t *tracker) is(c csta.ConnectionID, s csta.State) bool {
	l := t.find(c)
	return l != nil && l.state == s
}

// by says whether a connection is there, by one of these channels.
func (t *tracker) by(c csta.ConnectionID, ids ...string) bool {
	l := t.find(c)
	return l != nil && slices.ContainsFunc(l.channels, func(x *channel) bool { return slices.Contains(ids, x.id) })
}

// busyIn says whether the device is in another call than this one: whoever dials then consults, whether or not its phone has told yet that it holds.
func (t *tracker) busyIn(d csta.DeviceID, but *call) bool {
	return slices.ContainsFunc(t.at[d], func(l *leg) bool {
		return l.call != but && l.role == party && (l.state == csta.Hold || l.state == csta.Connected) && len(l.call.legs) > 1
	})
}

// withheld says whether a caller's number is one that means "withheld".
func withheld(n string) bool {
	n = strings.ToLower(n)
	return n == "anonymous" || n == "restricted" || n == "private" || n == "withheld" || n == "unavailable"
}
