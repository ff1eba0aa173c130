package switchboard

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// maxQueue is how many entries may wait for one follower. One that lets more come starts again from a snapshot; so the slowest costs
// a bounded amount, and nobody but itself.
const maxQueue = 8192

// Numbers to follow after that are none: see Board.Follow.
const (
	Now       Seq = math.MaxUint64
	Elsewhere Seq = math.MaxUint64 - 1
)

// journal is the one order of events. Its lock is held for no I/O; a follower's queue is filled under it.
type journal struct {
	epoch   string
	keep    int
	watched func(csta.DeviceID, bool)
	telling sync.Mutex          // one at a time tells it; taken before mu
	waiting [kinds]atomic.Int64 // entries that followers have not read yet, over all of a kind
	lagged  atomic.Uint64       // times that one fell behind

	mu        sync.Mutex
	seq       Seq
	ring      []*record // ring[0] has the lowest number
	octets    int
	byDevice  map[csta.DeviceID][]*Cursor
	byCall    map[csta.CallID][]*Cursor
	all       []*Cursor
	close     map[csta.DeviceID]int  // cursors that Watch a device: the close look of a monitor
	refs      map[csta.CallID]string // of the calls that are up; see refer
	followers int
}

// record is an entry as all its followers share it.
type record struct {
	Entry
	size      int
	templates [6]atomic.Pointer[csta.Template]
}

// Template is the entry's event, encoded once for all followers that speak this edition.
func (e Entry) Template(ed csta.Edition) *csta.Template {
	i := editionIndex(ed)
	if e.shared == nil || i < 0 {
		return csta.Prepare(e.Event, ed)
	}
	if t := e.shared.templates[i].Load(); t != nil {
		return t
	}
	t := csta.Prepare(e.Event, ed)
	e.shared.templates[i].Store(t) // whoever is second stores the same
	return t
}

func editionIndex(ed csta.Edition) int {
	for i, e := range [...]csta.Edition{csta.Ed1, csta.Ed2, csta.Ed3, csta.Ed4, csta.Ed5, csta.Ed6} {
		if e == ed {
			return i
		}
	}
	return -1
}

func newJournal(keep int, epoch string) *journal {
	return &journal{
		epoch: epoch, keep: keep, byDevice: make(map[csta.DeviceID][]*Cursor), byCall: make(map[csta.CallID][]*Cursor),
		close: make(map[csta.DeviceID]int), refs: make(map[csta.CallID]string), watched: func(csta.DeviceID, bool) {},
	}
}

func (j *journal) last() Seq {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.seq
}

// journalStats are a journal's figures.
type journalStats struct {
	seq       Seq
	octets    int
	followers int
}

func (j *journal) stats() journalStats {
	j.mu.Lock()
	defer j.mu.Unlock()
	return journalStats{j.seq, j.octets, j.followers}
}

// wakes are followers to be woken once no lock is held.
type wakes []func()

func (w wakes) call() {
	for _, f := range w {
		f()
	}
}

// append numbers events and hands them to who follows. The caller holds the PBX's lock, so that their order is that of the facts.
func (j *journal) append(pbx string, told []callmodel.Told, of func(callmodel.OpID) op) wakes {
	if len(told) == 0 {
		return nil
	}
	var w wakes
	now := time.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, t := range told {
		j.seq++
		r := &record{Entry: Entry{Seq: j.seq, PBX: pbx, Came: now, Told: t}, size: size(t)}
		r.shared = r
		var o op
		if t.Op != 0 {
			o = of(t.Op)
		}
		r.By, r.Trace, r.References = o.by, o.trace, j.refer(t, o.reference)
		w = j.hand(r, w)
		j.follow(t)
	}
	return w
}

// hand puts a record into the ring and hands it to who follows. The journal is locked.
func (j *journal) hand(r *record, w wakes) wakes {
	j.ring = append(j.ring, r)
	j.octets += r.size
	for j.octets > j.keep && len(j.ring) > 1 {
		j.octets -= j.ring[0].size
		j.ring[0] = nil
		j.ring = j.ring[1:]
	}
	for _, c := range j.all {
		w = c.push(r, w)
	}
	for _, s := range r.Audience {
		for _, c := range j.byDevice[s.Device] {
			w = c.push(r, w)
		}
	}
	for _, id := range r.Calls {
		for _, c := range j.byCall[id] {
			w = c.push(r, w)
		}
	}
	return w
}

// arrived lets the followers of an earlier journal start again: what the devices' PBX has just told is what there is, and they know what they had.
func (j *journal) arrived(devices []pbxadapter.Device, w wakes) wakes {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, d := range devices {
		for _, c := range j.byDevice[d.ID] {
			if c.foreign {
				w = c.lag(w)
			}
		}
	}
	return w
}

// follow lets those who watch a call go with it into the result of a rearrangement, and forget one that is gone.
func (j *journal) follow(t callmodel.Told) {
	if len(t.Calls) == 0 || len(j.byCall) == 0 {
		return
	}
	last := len(t.Calls) - 1
	result := t.Calls[last]
	for i, id := range t.Calls {
		if id == result || t.After[i] != nil {
			continue
		}
		for _, c := range j.byCall[id] {
			if t.After[last] != nil {
				c.watchCall(result)
			}
		}
	}
}

// size estimates what an entry keeps in memory.
func size(t callmodel.Told) int {
	n := 700 + 40*len(t.Audience)
	for _, c := range t.After {
		if c != nil {
			n += 200 + 120*len(c.Legs)
		}
	}
	return n
}

// since copies the entries after a number into c, as many as may wait; the rest is taken when those have been read. false: they are no longer all there.
func (j *journal) since(after Seq, c *Cursor) bool {
	if after >= j.seq {
		return true
	}
	if len(j.ring) == 0 || j.ring[0].Seq > after+1 {
		return false
	}
	for _, r := range j.ring[after+1-j.ring[0].Seq:] {
		if !c.wants(r) {
			continue
		}
		if len(c.devices) == 0 && c.full(r.Seq-1) {
			break
		}
		c.push(r, nil)
	}
	return true
}

// tellWatched tells whether somebody watches a device closely, as it is at this moment: what is told last is so, whoever else tells it at the same time.
func (j *journal) tellWatched(d csta.DeviceID) {
	j.telling.Lock()
	defer j.telling.Unlock()
	j.mu.Lock()
	on := j.close[d] > 0
	j.mu.Unlock()
	j.watched(d, on)
}

// recount tells a fresh list of devices which of them are being watched closely already.
func (j *journal) recount(devices []pbxadapter.Device) {
	j.mu.Lock()
	var on []csta.DeviceID
	if len(j.close) > 0 {
		for _, d := range devices {
			if j.close[d.ID] > 0 {
				on = append(on, d.ID)
			}
		}
	}
	j.mu.Unlock()
	for _, d := range on {
		j.tellWatched(d)
	}
}

// ops remembers whose request an OpID is.
type ops struct {
	mu    sync.Mutex
	last  callmodel.OpID
	known map[callmodel.OpID]op
	order []callmodel.OpID
}

type op struct {
	by        Principal
	reference string // for the calls it makes
	trace     pbxadapter.TraceID
	until     time.Time // zero: still open
}

// opMemory is how long after its answer an operation's entries still carry its principal, and maxOps of how many at most.
const (
	opMemory = 30 * time.Second
	maxOps   = 20_000
)

func (o *ops) begin() callmodel.OpID {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last++
	return o.last
}

// open notes who and which request is behind an operation, and forgets old ones.
func (o *ops) open(id callmodel.OpID, what op) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil {
		o.known = make(map[callmodel.OpID]op)
	}
	o.known[id] = what
	o.order = append(o.order, id)
	for now := time.Now(); len(o.order) > 0; o.order = o.order[1:] {
		first := o.known[o.order[0]]
		if first.until.IsZero() || first.until.After(now) && len(o.order) <= maxOps {
			break
		}
		delete(o.known, o.order[0])
	}
}

func (o *ops) done(id callmodel.OpID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.known[id]
	p.until = time.Now().Add(opMemory)
	o.known[id] = p
}

func (o *ops) of(id callmodel.OpID) op {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.known[id]
}
