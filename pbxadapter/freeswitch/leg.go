package freeswitch

import (
	"slices"
	"strings"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// leg is one channel of the PBX.
type leg struct {
	id       string
	call     *call
	conn     *connection // its part in the call; nil: it has none (picking up, transferred away)
	device   csta.DeviceID
	party    callmodel.Party
	native   string // the device's user, or the outside number
	ours     bool   // a device of the configuration
	inbound  bool   // made by the phone
	answered bool
	holds    bool // by its phone
	dead     bool
	dialled  bool // it has had a second leg
	role     role
	to       callmodel.Party // of a leg that we made: who is to be reached
	parent   *leg            // that dialled it
	rings    []*leg          // legs that it dialled and that have not answered
	direct   bool            // its parent dialled it without anything in between
	awaits   *leg            // who rings, and goes on ringing, for it: by our intercept
	peer     *leg            // with whom it is bridged
	was      *leg            // the last peer
	room     *room
	plan     *plan
	lost     []*lost // legs it dialled that ended unanswered a moment ago
	seq      uint64  // of the event that showed it last
	agent    string  // User-Agent of its phone
	context  string
	marked   string // the call that our mark on it names; empty: it has none
	parked   string // by our mark: the leg for which this one is, or is about to be, parked
	parks    string // when its talk is over it parks, and doesn't end: the leg that is, or was, parked for it
	killed   bool   // by us
	ending   *doubt // it has ended, as the echo of another leg's end that is yet to be heard of
	doubts   [3]*doubt
}

// The doubts about a leg.
const (
	early    = iota // a single leg hears ringing
	answer          // a single leg was answered
	unhold          // it is no longer held
	waits    = 300 * time.Millisecond
	moment   = 100 * time.Millisecond
	unholds  = 50 * time.Millisecond
	echo     = 60 * time.Millisecond // between the ends of two legs that talked, whichever is told first
	lostTime = 150 * time.Millisecond
	joins    = 5 * time.Second // for a plan to be carried out
)

// role is what we made a leg for.
type role string

// The roles, as the variable farhook_role has them on the leg.
const (
	dials  role = "dials"  // MakeCall and ConsultationCall
	picks  role = "picks"  // a pickup: it takes another call
	joined role = "joined" // it joins a call as another party
)

// lost is a leg that ended unanswered: the caller may go on elsewhere.
type lost struct {
	conn    *connection
	cause   string
	resolve *doubt
}

// call is one CSTA call.
type call struct {
	id                         string // native: the first leg's, perhaps with a suffix
	began                      time.Time
	calling, called, redirects callmodel.Party
	conns                      []*connection
	cause                      csta.EventCause // why parties are brought in now; empty: a plain call
	op                         callmodel.OpID  // of a request at work on it
	until                      callmodel.OpID  // of the request that began something in it, until it has reached somebody
}

// connection is a device in a call. It may have two legs for a moment, or none: who only answers inside the PBX, and who failed.
type connection struct {
	call      *call
	device    csta.DeviceID
	party     callmodel.Party
	state     csta.State
	kind      callmodel.Kind
	cause     csta.EventCause // why it was brought in
	legs      []*leg
	holder    *leg // the device's leg, busy in another call: this one is parked for it
	leaving   bool // a plan takes it away: its end is no event of its own
	replacing bool // its next leg is on the way
	since     time.Time
	fail      csta.EventCause
}

func (c *call) conn(d csta.DeviceID) *connection {
	for _, n := range c.conns {
		if n.device == d {
			return n
		}
	}
	return nil
}

// others are the connections but one.
func (c *call) others(but *connection) []*connection {
	var list []*connection
	for _, n := range c.conns {
		if n != but {
			list = append(list, n)
		}
	}
	return list
}

// live says whether there is a phone or trunk behind a connection.
func (n *connection) live() bool {
	return len(n.legs) > 0 || n.holder != nil && !n.holder.dead || n.leaving || n.replacing
}

// talksBeside says whether the device talks in the same call by another leg.
func (l *leg) talksBeside() bool {
	return l.conn != nil && slices.ContainsFunc(l.conn.legs, func(o *leg) bool { return o != l && o.answered && !o.holds })
}

// leg is the connection's newest leg; nil: it has none.
func (n *connection) leg() *leg {
	if len(n.legs) > 0 {
		return n.legs[len(n.legs)-1]
	}
	return nil
}

// alone says whether a leg that is up has nobody: it talks to nobody, and dials nobody; it is in no room and no queue, and is not on its way there.
func (l *leg) alone() bool {
	busy := l.peer != nil || l.room != nil || len(l.rings) > 0 || l.plan != nil && l.plan.kind != planHold
	return l.answered && !busy && (l.call == nil || queue(l.call) == nil)
}

// holding says whether somebody is parked for a leg.
func (t *tracker) holding(l *leg) bool { return t.parkedBy(l) != nil }

// parkedBy is the connection that a leg holds by parking; nil: none.
func (t *tracker) parkedBy(l *leg) *connection {
	for _, c := range t.calls {
		if n := c.conn(l.device); n != nil && n.holder == l {
			return n
		}
	}
	return nil
}

func (n *connection) without(l *leg) {
	for i, o := range n.legs {
		if o == l {
			n.legs = append(n.legs[:i:i], n.legs[i+1:]...)
			return
		}
	}
}

// attach makes a leg part of a connection.
func (l *leg) attach(n *connection) {
	l.detach()
	l.conn, l.call = n, n.call
	n.legs = append(n.legs, l)
	n.replacing = false
}

func (l *leg) detach() {
	if l.conn != nil {
		l.conn.without(l)
		l.conn = nil
	}
}

// ringing are the legs that a leg dialled and that still ring or are on the way.
func (l *leg) forget(child *leg) {
	for i, o := range l.rings {
		if o == child {
			l.rings = append(l.rings[:i:i], l.rings[i+1:]...)
			return
		}
	}
}

// takes has a leg be rung for this one from now on.
func (l *leg) takes(child *leg) {
	if child.parent != nil {
		child.parent.forget(child)
	}
	child.parent, child.direct = l, false
	l.rings, l.dialled, l.awaits = append(l.rings, child), true, child
}

// insists says whether a leg waits for one that was taken from somebody else and still rings. Whatever ends that, it goes on in its list of applications.
func (l *leg) insists() bool { return l.awaits != nil && !l.awaits.dead && !l.awaits.answered }

// user is the part of an address before the @.
func user(address string) string {
	u, _, _ := strings.Cut(address, "@")
	return u
}

// placeholders are what the PBX shows where it knows nothing better.
func placeholder(s string) bool {
	switch strings.ToLower(s) {
	case "", "outbound call", "0000000000", "freeswitch", "unknown", "unavailable", "anonymous", "restricted", "private":
		return true
	}
	return false
}
