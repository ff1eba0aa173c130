package freeswitch

import (
	"slices"
	"time"
)

// settle is how long an event is kept for one that was made before it and comes after it: about one in a hundred does.
const settle = 30 * time.Millisecond

// window gives events in the order in which they were made, as far as they come within settle of each other.
type window struct {
	settle time.Duration
	events []kept // by sequence
	free   []*event
}

type kept struct {
	e   *event
	due time.Time
}

// blank gives an event to be filled in.
func (w *window) blank() *event {
	if n := len(w.free); n > 0 {
		e := w.free[n-1]
		w.free = w.free[:n-1]
		return e
	}
	return new(event)
}

// done takes an event back that nobody keeps.
func (w *window) done(e *event) {
	if len(w.free) < 4096 {
		w.free = append(w.free, e)
	}
}

// put enters an event that came now.
func (w *window) put(e *event, now time.Time) {
	i := len(w.events)
	for i > 0 && w.events[i-1].e.seq > e.seq {
		i--
	}
	w.events = slices.Insert(w.events, i, kept{e, now.Add(w.settle)})
}

// due is when the next event is to be taken; zero: there is none.
func (w *window) due() time.Time {
	if len(w.events) == 0 {
		return time.Time{}
	}
	return w.events[0].due
}

// next gives the next event whose time has come, and when that was; nil: none. What was made before it goes before it, even if it came later.
func (w *window) next(now time.Time) (*event, time.Time) {
	if len(w.events) == 0 {
		return nil, time.Time{}
	}
	// The first may have come late, with an earlier one's due time behind it: it goes as soon as any event behind it is due.
	first := w.events[0].due
	for _, k := range w.events[1:min(len(w.events), 16)] {
		if k.due.Before(first) {
			first = k.due
		}
	}
	if first.After(now) {
		return nil, time.Time{}
	}
	e := w.events[0].e
	w.events = w.events[1:]
	return e, first
}
