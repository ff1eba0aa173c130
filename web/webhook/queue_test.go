package webhook

import (
	"testing"
	"time"

	"farhook/web/history"
	"farhook/web/internal/clocktest"
)

// A document waits as long as it was to wait, whatever happens to the clock meanwhile: set back, it isn't held up; set forth, it isn't sent early.
func TestWaitingGoesByNoClockThatIsSet(t *testing.T) {
	for _, by := range []time.Duration{-48 * time.Hour, -time.Second, 0, 48 * time.Hour} {
		q := newQueue()
		before := time.Now()
		q.add(history.Waiting{ID: 1, Next: before.Add(5 * time.Minute).Round(0), Ordered: "a"}) // as from the disk: a time of the wall clock
		it, wait := q.take(clocktest.Set(t, before, by))
		if it != nil || wait < 5*time.Minute-time.Second || wait > 5*time.Minute+time.Minute {
			t.Errorf("set by %v: %v, waits %v", by, it, wait)
		}
		if it, wait := q.take(clocktest.Set(t, time.Now().Add(7*time.Minute), by)); it == nil {
			t.Errorf("set by %v: after 7 minutes it still waits %v", by, wait)
		}
	}
}

// What a clock that was set back meanwhile left waiting until tomorrow is sent at once; so is what was due long ago.
func TestWaitingAfterTheClockWasSetBack(t *testing.T) {
	q := newQueue()
	q.add(history.Waiting{ID: 1, Next: time.Now().Add(24 * time.Hour).Round(0), Ordered: "a"})
	q.add(history.Waiting{ID: 2, Next: time.Now().Add(-24 * time.Hour).Round(0), Ordered: "b"})
	q.add(history.Waiting{ID: 3, Ordered: "c"})
	q.add(history.Waiting{ID: 4, Next: time.Now().Add(LongestWait).Round(0), Ordered: "d"})
	var taken []int64
	for it, _ := q.take(time.Now()); it != nil; it, _ = q.take(time.Now()) {
		taken = append(taken, it.id)
	}
	if len(taken) != 3 {
		t.Errorf("%d are sent at once, want 1 to 3", taken)
	}
}
