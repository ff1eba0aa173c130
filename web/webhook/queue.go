package webhook

import (
	"container/heap"
	"context"
	"slices"
	"strings"
	"time"

	"farhook/web/history"
)

// queue is what waits for one receiver, in memory: enough of each document to know what may be sent now. A document is held up by earlier ones of
// its threads (its calls, or its device), and by nothing else, however many wait.
type queue struct {
	after   int64 // documents up to it have been read
	known   map[int64]*item
	threads map[string][]*item // in order; the first one may be sent
	due     dueHeap            // those that are first in all their threads, and aren't being sent
}

// item is one document that waits.
type item struct {
	id      int64
	keys    []string // of its threads
	next    time.Time
	behind  int // in how many threads another one comes first
	sending bool
	unnoted func(context.Context) (outcome, error) // notes what came of it; nil: that is done
}

func newQueue() *queue {
	return &queue{known: make(map[int64]*item), threads: make(map[string][]*item)}
}

// add takes a document in. They come in the order of their ids.
func (q *queue) add(w history.Waiting) {
	if q.known[w.ID] != nil {
		return
	}
	keys := strings.Split(w.Ordered, "\n")
	slices.Sort(keys)
	it := &item{id: w.ID, keys: slices.Compact(keys)}
	// From here on by the clock that only goes forward: one that is set meanwhile makes nothing wait for longer.
	now := time.Now()
	if wait := w.Next.Sub(now); wait <= 2*LongestWait { // nobody waits longer: the clock was set back before it was read
		it.next = now.Add(max(wait, -LongestWait))
	}
	q.known[w.ID] = it
	for _, k := range it.keys {
		if len(q.threads[k]) > 0 {
			it.behind++
		}
		q.threads[k] = append(q.threads[k], it)
	}
	if it.behind == 0 {
		heap.Push(&q.due, it)
	}
}

// take gives a document that is due, which is being sent from then on; nil: none is, and the next one is after wait (0: there is none).
func (q *queue) take(now time.Time) (it *item, wait time.Duration) {
	if len(q.due) == 0 {
		return nil, 0
	}
	if d := q.due[0].next.Sub(now); d > 0 {
		return nil, d
	}
	it = heap.Pop(&q.due).(*item)
	it.sending = true
	return it, 0
}

// done takes out a document that was being sent; those behind it may follow.
func (q *queue) done(it *item) {
	delete(q.known, it.id)
	for _, k := range it.keys {
		rest := q.threads[k][1:]
		if len(rest) == 0 {
			delete(q.threads, k)
			continue
		}
		q.threads[k] = rest
		if rest[0].behind--; rest[0].behind == 0 {
			heap.Push(&q.due, rest[0])
		}
	}
}

// again has a document that was being sent wait.
func (q *queue) again(it *item, next time.Time) {
	it.sending, it.next = false, next
	heap.Push(&q.due, it)
}

// dueHeap has those first that are due first; of those, the oldest.
type dueHeap []*item

// Len is as in heap.Interface.
func (h dueHeap) Len() int { return len(h) }

// Less is as in heap.Interface.
func (h dueHeap) Less(i, j int) bool {
	if !h[i].next.Equal(h[j].next) {
		return h[i].next.Before(h[j].next)
	}
	return h[i].id < h[j].id
}

// Swap is as in heap.Interface.
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push is as in heap.Interface.
func (h *dueHeap) Push(x any) { *h = append(*h, x.(*item)) }

// Pop is as in heap.Interface.
func (h *dueHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return x
}
