package switchboard_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"farhook/csta"
	. "farhook/pbxadapter/switchboard"
)

// crowd is a board with so many followers of another line than the one on which things happen.
func crowd(t testing.TB, n int, woken *atomic.Int64) (event func()) {
	t.Helper()
	a := newScripted(d1, d2)
	board := New(AnyLine{}, Options{}, PBX{Name: "a", Adapter: a})
	serve(t, board)
	r := <-a.runs
	for range n {
		board.Follow(anybody, Now, Filter{}, func() { woken.Add(1) }).Watch(d2)
	}
	c := board.Follow(anybody, Now, Filter{}, func() {})
	c.Watch(d1)
	return func() {
		r.Report(ring("1", d1))
		r.Report(end("1", d1))
		for ok := true; ok; {
			_, ok, _ = c.Next()
		}
	}
}

// Followers of other lines are neither woken nor looked at: an event takes as many allocations with 50,000 of them as with 10.
func TestOtherLinesCostNothing(t *testing.T) {
	var few, many atomic.Int64
	a, b := crowd(t, 10, &few), crowd(t, 50_000, &many)
	if x, y := testing.AllocsPerRun(2000, a), testing.AllocsPerRun(2000, b); y > x*1.05 {
		t.Errorf("%v allocations with 10 on other lines, %v with 50,000", x, y)
	}
	if few.Load() > 0 || many.Load() > 0 {
		t.Errorf("%d and %d were woken for another's line", few.Load(), many.Load())
	}
}

// BenchmarkAppendRatio takes turns between 10 and 50,000 followers on other lines, in one run: "ratio" is what an event costs with the many
// over what it costs with the few, and is to be at most 1.2.
func BenchmarkAppendRatio(b *testing.B) {
	var woken atomic.Int64
	few, many := crowd(b, 10, &woken), crowd(b, 50_000, &woken)
	measure := func(event func()) time.Duration {
		began := time.Now()
		for range 100 {
			event()
		}
		return time.Since(began)
	}
	var x, y time.Duration
	for b.Loop() {
		x += measure(few)
		y += measure(many)
	}
	b.ReportMetric(float64(y)/float64(x), "ratio")
	b.ReportMetric(0, "ns/op")
}

// One of a thousand followers of a line is dead: nobody else loses, doubles or disorders an event, or is told to start again. What
// becomes of the dead one, TestLagging shows.
func TestDeadFollowerIsNotNoticed(t *testing.T) {
	a := newScripted(d1)
	b := New(AnyLine{}, Options{Keep: 1 << 20}, PBX{Name: "a", Adapter: a})
	serve(t, b)
	r := <-a.runs
	type follower struct {
		c       *Cursor
		waiting bool
		last    Seq
	}
	b.Follow(anybody, Now, Filter{}, func() {}).Watch(d1) // the dead one
	all := make([]*follower, 999)
	for i := range all {
		f := &follower{waiting: true} // it has not read yet: who has is woken
		f.c = b.Follow(anybody, Now, Filter{}, func() { f.waiting = true })
		f.last = f.c.Watch(d1)
		all[i] = f
	}
	const n = 700
	first := all[0].last
	for i := range n {
		r.Report(ring(csta.CallID(fmt.Sprint(i)), d1))
		if i%7 > 0 && i < n-1 {
			continue // they read a few at a time
		}
		for k, f := range all {
			if !f.waiting {
				t.Fatalf("follower %d is not woken", k)
			}
			f.waiting = false
			for {
				e, ok, err := f.c.Next()
				if err != nil {
					t.Fatalf("follower %d: %v", k, err)
				}
				if !ok {
					break
				}
				if e.Seq != f.last+1 {
					t.Fatalf("follower %d: %d after %d", k, e.Seq, f.last)
				}
				f.last = e.Seq
			}
		}
	}
	for k, f := range all {
		if f.last != first+n {
			t.Errorf("follower %d is at %d, want %d", k, f.last, first+n)
		}
	}
}
