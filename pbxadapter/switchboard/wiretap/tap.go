package wiretap

import (
	"math"
	"sync"
	"time"
)

// forgetful is how many records may be forgotten for their age in one hold of the lock, so that after an idle hour nobody waits for all of them.
const forgetful = 64

// Tap is a record of messages. A nil *Tap records nothing and finds nothing. Its methods may be called from anywhere at once.
type Tap struct {
	age      time.Duration
	began    time.Time // whence ages are counted, by a clock that only goes forward
	observer func(Record)

	mu      sync.Mutex
	ring    ring
	records int
	readers int
	lent    []bool // chunks that a reader may still look at
	// the oldest record's, as the ring has them
	oldest      int64
	oldestTaken int64
	oldestSize  uint64
}

// New makes a record of so many octets (its own bookkeeping, some 50 octets a message, included), taken from memory as it fills. Messages older
// than age, counted from when they were recorded whatever the clock is set to, are never given, and are forgotten as later ones come or somebody looks; no age: none is too old. Without octets there
// is no record: nil.
func New(octets int, age time.Duration) *Tap {
	if octets <= 0 {
		return nil
	}
	t := &Tap{age: age, began: time.Now(), ring: newRing(octets)}
	t.lent = make([]bool, len(t.ring.chunks))
	return t
}

// Observe lets f see every message that belongs to a trace as it's recorded, secrets and all: f is quick, keeps nothing of Text, and may be called from anywhere at
// once. It's set before anything is recorded; a nil *Tap has no observers.
func (t *Tap) Observe(f func(Record)) {
	if t != nil {
		t.observer = f
	}
}

// Record copies a message into the record; nothing of r is kept. A zero At is now. Text is cut to MaxText, or to what the whole ring holds;
// a message whose mere names are too long for the ring isn't recorded.
func (t *Tap) Record(r Record) {
	if t == nil {
		return
	}
	now := time.Now()
	if r.At.IsZero() {
		r.At = now
	}
	if t.observer != nil && !r.Trace.IsZero() {
		t.observer(r)
	}
	r.Peer, r.Session, r.Line = name(r.Peer), name(r.Session), name(r.Line)
	r.Calls = r.Calls[:min(len(r.Calls), maxCalls)]
	names := size(&r)
	room := min(MaxText, int(t.ring.octets)-names)
	if room < 0 {
		return
	}
	if len(r.Text) > room {
		r.Cut += len(r.Text) - room
		r.Text = r.Text[:room]
	}
	at, taken, size := nanos(r.At), int64(now.Sub(t.began)), names+len(r.Text)

	t.mu.Lock()
	if t.readers > 0 {
		t.replace(uint64(size))
	}
	for t.ring.tail-t.ring.head+uint64(size) > t.ring.octets {
		t.forget()
	}
	t.expire(taken)
	if t.records == 0 {
		t.oldest, t.oldestTaken, t.oldestSize = at, taken, uint64(size)
	}
	t.ring.write(&r, at, taken, size)
	t.records++
	t.mu.Unlock()
}

// nanos is a time in Unix nanoseconds, or the nearest one that has them, from 1970 on.
func nanos(at time.Time) int64 {
	const last = math.MaxInt64 / int64(time.Second)
	switch s := at.Unix(); {
	case s < 0:
		return 0
	case s >= last:
		return math.MaxInt64
	}
	return at.UnixNano()
}

// name is a name of bearable length.
func name[S ~string](s S) S { return s[:min(len(s), maxName)] }

// forget drops the oldest record; there is one, and the lock is held.
func (t *Tap) forget() {
	t.ring.head += t.oldestSize
	if t.records--; t.records > 0 {
		t.oldestSize, t.oldest, t.oldestTaken = t.ring.first()
	}
}

// expire drops some of the records that are too old, so long after the tap began, under the lock, and tells whether there may be more of them.
func (t *Tap) expire(now int64) (more bool) {
	for range forgetful {
		if t.age <= 0 || t.records == 0 || t.oldestTaken >= now-int64(t.age) {
			return false
		}
		t.forget()
	}
	return true
}

// expireAll drops all that are too old now, letting others in between.
func (t *Tap) expireAll() {
	now := int64(time.Since(t.began))
	for more := true; more; {
		t.mu.Lock()
		more = t.expire(now)
		t.mu.Unlock()
	}
}

// Stats tells how many messages are recorded, the octets they take, and when the oldest of them was; the zero time if there are none.
func (t *Tap) Stats() (records, octets int, oldest time.Time) {
	if t == nil {
		return 0, 0, time.Time{}
	}
	t.expireAll()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.records > 0 {
		oldest = time.Unix(0, t.oldest)
	}
	return t.records, int(t.ring.tail - t.ring.head), oldest
}
