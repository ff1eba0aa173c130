package sim

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

// A stepped clock goes by itself, and calls in order what it is put past.
func TestSteppedClock(t *testing.T) {
	c := NewSteppedClock()
	var got []int
	for _, n := range []int{3, 1, 2} {
		c.AfterFunc(time.Duration(n)*time.Hour, func() { got = append(got, n) })
	}
	stop := c.AfterFunc(90*time.Minute, func() { got = append(got, 90) })
	stop()
	c.AfterFunc(2*time.Hour, func() { c.AfterFunc(30*time.Minute, func() { got = append(got, 230) }) })
	before := c.Now()
	if err := c.Advance(150*time.Minute + time.Second); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[0] != 1 || got[1] != 2 || got[2] != 230 {
		t.Errorf("%v", got)
	}
	if d := c.Now().Sub(before); d < 150*time.Minute || d > 160*time.Minute {
		t.Errorf("it went %v", d)
	}
	done := make(chan struct{})
	c.AfterFunc(time.Millisecond, func() { close(done) })
	<-done
	if err := c.Advance(-time.Second); err == nil {
		t.Error("it goes backwards")
	}
}

// What a clock is put past is called before Advance returns, in order and one after the other, though the machine's own timers fall due meanwhile.
func TestSteppedClockInOrder(t *testing.T) {
	c := NewSteppedClock()
	const n = 1000
	var got []int
	for i := range n {
		c.AfterFunc(time.Duration(i+1)*time.Hour, func() { got = append(got, i); runtime.Gosched() })
	}
	if err := c.Advance(n * time.Hour); err != nil {
		t.Fatal(err)
	}
	if len(got) != n || !slices.IsSorted(got) {
		t.Errorf("%d of %d were called before it returned: %v", len(got), n, got)
	}
}
