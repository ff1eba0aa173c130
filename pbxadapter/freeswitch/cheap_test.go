//go:build unix

package freeswitch

import (
	"encoding/json"
	"syscall"
	"testing"
	"time"

	"farhook/csta/callmodel"
)

// An event costs less than a quarter of what it costs to have its JSON read into a map, and leaves little behind: so the rate is kept by every machine that can read so much at all.
func TestEventsAreCheap(t *testing.T) {
	const calls, rounds = 5, 7
	l := newLoad(t, "basic-callee-releases")
	m := callmodel.New()
	f := newFeed(func(f callmodel.Fact) { m.Apply(f) })
	ours := func() {
		for range calls {
			f.call(t, l)
		}
	}
	bare := func() {
		for range calls {
			for _, x := range l.frames {
				var event map[string]any
				if err := json.Unmarshal(x, &event); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	spent := func() time.Duration { // of the processor, by this process: what others make of the machine doesn't count
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	took := func(f func()) time.Duration {
		began := spent()
		f()
		return spent() - began
	}
	ours() // the first ones make room
	best, bareBest := time.Hour, time.Hour
	for range rounds { // the least of several turns counts
		best, bareBest = min(best, took(ours)), min(bareBest, took(bare))
	}
	t.Logf("%.2f of a bare reader's %v for an event", float64(best)/float64(bareBest), bareBest/time.Duration(calls*len(l.frames)))
	if best > bareBest/4 {
		t.Errorf("%v beside %v of a bare reader", best, bareBest)
	}
	if each := testing.AllocsPerRun(5, ours) / float64(calls*len(l.frames)); each > 35 {
		t.Errorf("%.1f allocations for an event", each)
	}
}
