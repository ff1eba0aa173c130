package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/web/live"
)

const (
	window    = 100_000          // documents of one receiver that are known at a time; the rest follows when there is room
	page      = 1000             // documents read at a time
	idle      = 30 * time.Second // the longest rest of a worker that nobody wakes
	silence   = 16               // failures without a success, after which a receiver is taken to be down
	dbTrouble = time.Second      // wait where the outbox can't be read or written
)

// worker delivers to one receiver.
type worker struct {
	d      *Deliverer
	hook   string
	cancel context.CancelFunc
	news   chan struct{}
	anew   atomic.Bool // the outbox holds documents again that had been put aside

	queue  *queue
	came   chan outcome
	look   time.Time // when the outbox is looked at again
	busy   int
	failed int       // tries, since the last success
	probe  time.Time // when a receiver that is down is tried again
}

// outcome is what came of sending a document. next: when it is tried again; zero: it is done with.
type outcome struct {
	item *item
	next time.Time
	took bool // by the receiver
}

func (w *worker) wake() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// run delivers until ctx ends, and what is on its way has come to something.
func (w *worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		if now := time.Now(); !now.Before(w.look) {
			w.look = now.Add(w.fill(ctx))
		}
		rest := time.Until(w.look)
		if d := w.send(ctx); d > 0 {
			rest = min(rest, d)
		}
		t := time.NewTimer(rest)
		select {
		case <-ctx.Done():
		case <-w.news:
			w.look = time.Time{}
		case o := <-w.came:
			full := len(w.queue.known) >= window
			if w.settle(o); full || w.anew.Load() {
				w.look = time.Time{} // there is room
			}
		case <-t.C:
		}
		t.Stop()
	}
	for ; w.busy > 0; w.busy-- {
		<-w.came
	}
}

// fill reads what has come, as far as there is room, and gives when to look again.
func (w *worker) fill(ctx context.Context) time.Duration {
	if w.anew.Load() {
		if w.busy > 0 {
			return idle // what is on its way comes first
		}
		w.anew.Store(false)
		w.queue = newQueue()
	}
	for len(w.queue.known) < window {
		list, err := w.d.db.Waiting(ctx, w.hook, w.queue.after, page)
		if err != nil {
			if ctx.Err() == nil {
				w.d.log.Error("the outbox can't be read", zap.Error(err))
			}
			return dbTrouble
		}
		for _, x := range list {
			w.queue.add(x)
			w.queue.after = x.ID
		}
		if len(list) < page {
			break
		}
	}
	return idle
}

// send sends what is due, several side by side, and gives when more is due; 0: when something else happens. A receiver that is down is tried with one
// document at a time, and not at once again: thousands that wait for it cost no more than one.
func (w *worker) send(ctx context.Context) time.Duration {
	if w.anew.Load() {
		return 0
	}
	h := w.d.get(w.hook)
	if h == nil || h.Disabled != "" {
		return 0
	}
	for w.busy < atOnce {
		now := time.Now()
		if w.failed >= silence {
			if w.busy > 0 {
				return 0
			}
			if d := w.probe.Sub(now); d > 0 {
				return d
			}
		}
		it, wait := w.queue.take(now)
		if it == nil {
			return wait
		}
		w.busy++
		go func() { w.came <- w.d.try(ctx, *h, it) }()
	}
	return 0
}

// settle takes over what came of a try.
func (w *worker) settle(o outcome) {
	w.busy--
	if o.took {
		w.failed = 0
	} else if w.failed++; w.failed >= silence {
		w.probe = time.Now().Add(w.d.conf.FirstWait)
	}
	if o.next.IsZero() {
		w.queue.done(o.item)
	} else {
		w.queue.again(o.item, o.next)
	}
}

// try sends one document, and notes what came of it. What the disk doesn't take is noted later: meanwhile nothing is sent twice for want of a disk.
func (d *Deliverer) try(ctx context.Context, h Hook, it *item) outcome {
	soon := outcome{item: it, next: time.Now().Add(dbTrouble)}
	first := it.unnoted == nil
	if first {
		o, note := d.sendOne(ctx, h, it, soon)
		if note == nil {
			return o
		}
		it.unnoted = note
	}
	o, err := it.unnoted(context.WithoutCancel(ctx))
	if err != nil {
		if first && ctx.Err() == nil {
			d.log.Error("what came of a delivery can't be noted, trying again; if farhook ends before, it is sent twice", zap.Error(err))
		}
		return soon
	}
	it.unnoted = nil
	return o
}

// sendOne sends a document, and gives how to note what came of it; nil: there is nothing to note.
func (d *Deliverer) sendOne(ctx context.Context, h Hook, it *item, soon outcome) (outcome, func(context.Context) (outcome, error)) {
	q, ok, err := d.db.Queued(ctx, it.id)
	switch {
	case err != nil && ctx.Err() == nil:
		d.log.Error("the outbox can't be read", zap.Error(err))
		fallthrough
	case err != nil:
		return soon, nil
	case !ok:
		return outcome{item: it, took: true}, nil // it was erased meanwhile
	}
	v, ok := d.viewer(h.Owner)
	seen := ok && sees(v.Eyes, q.Body)
	var wait time.Duration
	switch {
	case !ok:
		err = errors.New("the rights of its owner are gone")
	case !seen:
		err = errors.New("its owner may not see this any more")
	default:
		wait, err = d.post(ctx, h, q)
	}
	if err != nil && ctx.Err() != nil {
		return soon, nil // it is sent again by the next process: at least once
	}
	if err == nil { // what was taken is noted, though everything ends
		d.counts.delivered.Add(1)
		return soon, func(ctx context.Context) (outcome, error) {
			return outcome{item: it, took: true}, d.db.Delivered(ctx, q.ID)
		}
	}
	now := time.Now()
	d.counts.failed.Add(1)
	q.Tries++
	q.Said = err.Error()
	q.Next = now.Add(max(d.conf.backoff(q.Tries), wait))
	gone := errors.Is(err, errGone)
	if gone || ok && !seen || now.Sub(q.Created) >= d.conf.Age || q.Next.Sub(q.Created) > d.conf.Age {
		q.Dead = now
		d.counts.aside.Add(1)
		d.log.Warn("a document is put aside", zap.String("webhook", h.ID), zap.String("message", q.Message), zap.Int("tries", q.Tries), zap.Error(err))
	}
	return soon, func(ctx context.Context) (outcome, error) {
		o := outcome{item: it, next: q.Next}
		if !q.Dead.IsZero() {
			o.next = time.Time{}
		}
		if gone {
			if err := d.disable(ctx, h.ID, err); err != nil {
				return o, err
			}
		}
		return o, d.db.Tried(ctx, q)
	}
}

// backoff is how long a document waits after so many tries: it doubles up to LongestWait, and is half to one and a half times that, so that what failed together
// isn't tried together.
func (c Config) backoff(tries int) time.Duration {
	d := LongestWait
	if n := tries - 1; n < 32 && c.FirstWait<<n > 0 {
		d = min(c.FirstWait<<n, LongestWait)
	}
	return d/2 + rand.N(d)
}

// sees says whether a document that waits may still be seen: rights may have been withdrawn since it was written.
func sees(e live.Eyes, document string) bool {
	if e.All {
		return true
	}
	var d struct {
		Kind     string
		Body     json.RawMessage
		Audience []live.Seat
		Calls    []struct {
			Legs []struct {
				Device csta.DeviceID `json:"deviceID"`
			}
		}
		Notes   []live.Note
		Devices []struct {
			Device csta.DeviceID `json:"deviceID"`
		}
	}
	if err := json.Unmarshal([]byte(document), &d); err != nil {
		return false
	}
	for _, n := range d.Notes {
		if !e.Note(n) {
			return false
		}
	}
	if d.Kind == "device" {
		for _, x := range d.Devices {
			if !e.State(x.Device) {
				return false
			}
		}
	}
	if d.Kind != "call" || d.Body == nil {
		for _, s := range d.Audience {
			if !e.State(s.Device) {
				return false
			}
		}
		return true
	}
	for _, s := range d.Audience {
		if e.Parties(s.Device) {
			return true
		}
	}
	for _, c := range d.Calls {
		for _, l := range c.Legs {
			if e.Parties(l.Device) {
				return true
			}
		}
	}
	return false
}
