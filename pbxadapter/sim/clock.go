package sim

import (
	"sync"
	"time"
)

// Clock is the PBX's time. AfterFunc calls f once, on any goroutine, and gives what stops it.
type Clock interface {
	Now() time.Time
	AfterFunc(d time.Duration, f func()) (stop func())
}

// realClock is the machine's.
type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) AfterFunc(d time.Duration, f func()) func() {
	t := time.AfterFunc(d, f)
	return func() { t.Stop() }
}

// ManualClock stands still until a test moves it. Make it with NewClock; its methods are safe for concurrent use.
type ManualClock struct {
	mu     sync.Mutex
	now    time.Time
	last   int
	timers map[int]timer
}

type timer struct {
	at time.Time
	f  func()
}

// NewClock is a clock that stands at t.
func NewClock(t time.Time) *ManualClock { return &ManualClock{now: t, timers: make(map[int]timer)} }

// Now is where it stands.
func (c *ManualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc calls f when Advance has come so far.
func (c *ManualClock) AfterFunc(d time.Duration, f func()) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	id := c.last
	c.timers[id] = timer{c.now.Add(d), f}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.timers, id)
	}
}

// Advance moves the clock, and calls what falls due on the way, in order, before it returns.
func (c *ManualClock) Advance(d time.Duration) {
	c.mu.Lock()
	end := c.now.Add(d)
	for {
		due := 0
		for id, t := range c.timers {
			first, ok := c.timers[due]
			if !t.at.After(end) && (!ok || t.at.Before(first.at) || t.at.Equal(first.at) && id < due) {
				due = id
			}
		}
		t, ok := c.timers[due]
		if !ok {
			break
		}
		delete(c.timers, due)
		c.now = t.at
		c.mu.Unlock()
		t.f()
		c.mu.Lock()
	}
	c.now = end
	c.mu.Unlock()
}
