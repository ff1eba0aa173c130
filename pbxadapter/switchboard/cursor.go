package switchboard

import (
	"slices"
	"sync"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// Cursor is one follower's place in the journal. Its methods are for one goroutine at a time.
type Cursor struct {
	board  *Board
	who    Principal
	wake   func()
	beside bool // hears what Tell was given
	kind   kind

	// Guarded by the journal's lock.
	all     bool
	filter  []csta.DeviceID
	devices []csta.DeviceID // Watch
	calls   []csta.CallID
	closed  bool
	foreign bool // follows from a number of an earlier journal

	mu     sync.Mutex // after the journal's; guards what follows
	queue  []*record
	head   int
	idle   bool // Next has said "nothing more", and wake was not called since
	lagged bool
	pushed Seq
	behind Seq // what comes after it has yet to be taken from the journal: more was missed than may wait; 0: nothing
}

// kind is what a follower is, for the counters.
type kind uint8

// The kinds of follower.
const (
	bySIP   kind = iota // a session's monitors
	byHTTP              // a stream to a program or a browser
	bySpool             // history and webhooks
	kinds
)

func (k kind) String() string { return [...]string{"sip", "http", "spool"}[k] }

func kindOf(who Principal) kind {
	switch {
	case who.Via == "sip":
		return bySIP
	case who.User == gatewayUser:
		return bySpool
	}
	return byHTTP
}

// Follow gives a cursor over the entries after the given number (Now: only what is yet to come; Elsewhere: the number is of an earlier journal, and
// ErrLagged comes as soon as a PBX of whose devices it watches one has told its state for the first time). wake is called, from any goroutine and never twice
// without a Next that said "nothing more" in between, when there is something to read; it must only schedule. It is not called
// before the first Next.
func (b *Board) Follow(who Principal, after Seq, f Filter, wake func()) *Cursor {
	c := &Cursor{board: b, who: who, kind: kindOf(who), wake: wake, beside: f.Beside, all: f.All, filter: f.Devices, foreign: after == Elsewhere}
	j := b.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if c.all {
		j.all = append(j.all, c)
	} else {
		for _, d := range c.filter {
			j.byDevice[d] = append(j.byDevice[d], c)
		}
	}
	j.followers++
	if !j.since(after, c) {
		c.fallBehind()
	}
	return c
}

// fallBehind forgets what waits: Next says ErrLagged from now on. The cursor is locked, or nobody else's yet.
func (c *Cursor) fallBehind() {
	c.drop()
	c.lagged = true
	c.board.journal.lagged.Add(1)
}

// drop forgets what waits. The cursor is locked, or nobody else's yet.
func (c *Cursor) drop() {
	c.board.journal.waiting[c.kind].Add(-int64(len(c.queue) - c.head))
	c.queue, c.head, c.behind = nil, 0, 0
}

// lag makes Next say ErrLagged. The journal is locked.
func (c *Cursor) lag(w wakes) wakes {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fallBehind()
	if c.idle {
		c.idle = false
		w = append(w, c.wake)
	}
	return w
}

// wants says whether an entry of the past is for this follower. The journal is locked.
func (c *Cursor) wants(r *record) bool {
	if c.all {
		return true
	}
	for _, s := range r.Audience {
		if slices.Contains(c.filter, s.Device) || slices.Contains(c.devices, s.Device) {
			return true
		}
	}
	return slices.ContainsFunc(r.Calls, func(id csta.CallID) bool { return slices.Contains(c.calls, id) })
}

// push hands an entry over, once. The journal is locked.
func (c *Cursor) push(r *record, w wakes) wakes {
	if r.Beside != nil && !c.beside {
		return w
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pushed == r.Seq || c.lagged || c.behind != 0 {
		return w
	}
	c.pushed = r.Seq
	if len(c.queue)-c.head >= maxQueue {
		c.fallBehind()
	} else {
		c.queue = append(c.queue, r)
		c.board.journal.waiting[c.kind].Add(1)
	}
	if c.idle {
		c.idle = false
		w = append(w, c.wake)
	}
	return w
}

// Watch adds a device and gives the number from which its entries count: entries up to it are not delivered for this device. It is the
// close look of a monitor: an adapter that is a pbxadapter.Watcher hears of the first and the last one (Filter.Devices does not count).
func (c *Cursor) Watch(d csta.DeviceID) Seq {
	j := c.board.journal
	j.mu.Lock()
	first := false
	if !c.closed && !slices.Contains(c.devices, d) {
		c.mu.Lock()
		if c.behind != 0 { // what is yet to be taken must not be taken for this device
			c.fallBehind()
		}
		c.mu.Unlock()
		c.devices = append(c.devices, d)
		j.byDevice[d] = append(j.byDevice[d], c)
		j.close[d]++
		first = j.close[d] == 1
	}
	seq := j.seq
	j.mu.Unlock()
	if first {
		j.tellWatched(d)
	}
	return seq
}

// Unwatch takes a device away. Entries that wait already are still delivered.
func (c *Cursor) Unwatch(d csta.DeviceID) {
	j := c.board.journal
	j.mu.Lock()
	last := c.unwatch(d)
	j.mu.Unlock()
	if last {
		j.tellWatched(d)
	}
}

// unwatch says whether that was the last close look. The journal is locked.
func (c *Cursor) unwatch(d csta.DeviceID) bool {
	i := slices.Index(c.devices, d)
	if i < 0 {
		return false
	}
	j := c.board.journal
	c.devices = slices.Delete(c.devices, i, i+1)
	remove(j.byDevice, d, c)
	if j.close[d]--; j.close[d] == 0 {
		delete(j.close, d)
		return true
	}
	return false
}

// WatchCall adds a call, and the results of its rearrangements (call monitors); the same rule as Watch.
func (c *Cursor) WatchCall(id csta.CallID) Seq {
	j := c.board.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if !c.closed {
		c.watchCall(id)
	}
	return j.seq
}

func (c *Cursor) watchCall(id csta.CallID) {
	if slices.Contains(c.calls, id) {
		return
	}
	c.calls = append(c.calls, id)
	c.board.journal.byCall[id] = append(c.board.journal.byCall[id], c)
}

// UnwatchCall takes a call away.
func (c *Cursor) UnwatchCall(id csta.CallID) {
	j := c.board.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	c.unwatchCall(id)
}

func (c *Cursor) unwatchCall(id csta.CallID) {
	if i := slices.Index(c.calls, id); i >= 0 {
		c.calls = slices.Delete(c.calls, i, i+1)
		remove(c.board.journal.byCall, id, c)
	}
}

// Waiting says whether there is something for Next. false: wake will be called when there is.
func (c *Cursor) Waiting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting()
}

func (c *Cursor) waiting() bool {
	if c.lagged || c.head < len(c.queue) || c.behind != 0 {
		return true
	}
	c.queue, c.head = nil, 0 // an idle follower keeps nothing
	c.idle = true
	return false
}

// Next is the next entry for this follower. false: nothing now; wake will be called. Its audience is whole: the follower
// looks only at the seats it watches. ErrLagged: the follower takes a Snapshot and calls Skip.
func (c *Cursor) Next() (Entry, bool, error) {
	for {
		c.mu.Lock()
		if c.lagged {
			c.mu.Unlock()
			return Entry{}, false, ErrLagged
		}
		if !c.waiting() {
			c.mu.Unlock()
			return Entry{}, false, nil
		}
		if c.head == len(c.queue) {
			c.mu.Unlock()
			c.catchUp()
			continue
		}
		r := c.queue[c.head]
		c.queue[c.head] = nil
		c.head++
		c.board.journal.waiting[c.kind].Add(-1)
		c.mu.Unlock()
		if c.may(r) {
			return r.Entry, true, nil
		}
	}
}

// catchUp takes the next of what was missed from the journal.
func (c *Cursor) catchUp() {
	j := c.board.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	c.mu.Lock()
	after := c.behind
	if after == 0 || c.closed {
		c.mu.Unlock()
		return
	}
	c.drop()
	c.mu.Unlock()
	if !j.since(after, c) {
		c.mu.Lock()
		c.fallBehind()
		c.mu.Unlock()
	}
}

// full says whether no more may wait. Then what comes after a number is taken later. The journal is locked.
func (c *Cursor) full(after Seq) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue)-c.head < maxQueue {
		return false
	}
	c.behind = after
	return true
}

// may says whether the follower may observe what an entry tells.
func (c *Cursor) may(r *record) bool {
	if len(r.Audience) == 0 {
		return true // the end of a call, or what is told beside the calls to everybody
	}
	return slices.ContainsFunc(r.Audience, func(s callmodel.Seat) bool { return c.board.policy.May(c.who, csta.Observe, s.Device) })
}

// Skip goes on after the given number: after a Snapshot.
func (c *Cursor) Skip(to Seq) {
	j := c.board.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	c.mu.Lock()
	c.drop()
	c.lagged, c.pushed, c.idle = false, 0, false
	c.mu.Unlock()
	if !j.since(to, c) {
		c.mu.Lock()
		c.fallBehind()
		c.mu.Unlock()
	}
}

// Close ends it. wake may be called once more by an append that is under way, and not after that.
func (c *Cursor) Close() {
	j := c.board.journal
	j.mu.Lock()
	if c.closed {
		j.mu.Unlock()
		return
	}
	c.closed = true
	j.followers--
	j.all = slices.DeleteFunc(j.all, func(o *Cursor) bool { return o == c })
	if !c.all {
		for _, d := range c.filter {
			remove(j.byDevice, d, c)
		}
	}
	var last []csta.DeviceID
	for len(c.devices) > 0 {
		if d := c.devices[0]; c.unwatch(d) {
			last = append(last, d)
		}
	}
	for len(c.calls) > 0 {
		c.unwatchCall(c.calls[0])
	}
	c.mu.Lock()
	c.drop()
	c.mu.Unlock()
	j.mu.Unlock()
	for _, d := range last {
		j.tellWatched(d)
	}
}

// remove takes a cursor out of a list of followers.
func remove[K comparable](m map[K][]*Cursor, key K, c *Cursor) {
	list := m[key]
	if i := slices.Index(list, c); i >= 0 {
		list[i] = list[len(list)-1]
		list[len(list)-1] = nil
		list = list[:len(list)-1]
	}
	if len(list) == 0 {
		delete(m, key)
	} else {
		m[key] = list
	}
}
