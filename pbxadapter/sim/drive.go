package sim

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// DialAs calls from outside under a name, or with the number withheld.
func (h Hands) DialAs(number csta.DeviceID, name string, withheld bool) error {
	return h.act(func() error {
		if h.p.ext(h.device) != 0 {
			return fmt.Errorf("sim: %s is a phone of the PBX", h.device)
		}
		shown := known(h.device)
		shown.Name = name
		if withheld {
			shown = callmodel.Party{Shown: callmodel.Restricted}
		}
		return h.p.arrive(h.device, number, shown)
	})
}

// SetBusy lets every call to the phone find it busy.
func (h Hands) SetBusy(on bool) error {
	return h.act(func() error {
		if err := h.p.ours(h.device); err != nil {
			return err
		}
		if h.p.busy == nil {
			h.p.busy = make(map[csta.DeviceID]bool)
		}
		h.p.busy[h.device] = on
		return nil
	})
}

// Trouble is what happens to the next request of a service: it waits, then fails, unless Err is nil.
type Trouble struct {
	Delay time.Duration // by the machine's clock
	Err   error
}

// troubles are those that are planned, by service; "" is for whichever comes next.
type troubles struct {
	mu   sync.Mutex
	next map[csta.Service]Trouble
}

// Next plans trouble for the next request of a service; empty: of any.
func (p *PBX) Next(s csta.Service, t Trouble) {
	p.troubles.mu.Lock()
	defer p.troubles.mu.Unlock()
	if p.troubles.next == nil {
		p.troubles.next = make(map[csta.Service]Trouble)
	}
	p.troubles.next[s] = t
}

func (t *troubles) take(s csta.Service) Trouble {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range [...]csta.Service{s, ""} {
		if x, ok := t.next[name]; ok {
			delete(t.next, name)
			return x
		}
	}
	return Trouble{}
}

// troubled lets requests meet what is planned for them.
func (p *PBX) troubled(s csta.Services) csta.Services {
	for name, h := range s {
		s[name] = func(ctx context.Context, r csta.Request) (csta.Response, error) {
			t := p.troubles.take(name)
			if t.Delay > 0 {
				timer := time.NewTimer(t.Delay)
				defer timer.Stop()
				select {
				case <-timer.C:
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
			if t.Err != nil {
				return nil, t.Err
			}
			return h(ctx, r)
		}
	}
	return s
}

// SteppedClock is the machine's clock, which can be put forward. Make it with NewSteppedClock; its methods are safe for concurrent use.
type SteppedClock struct {
	steps sync.Mutex // one thing happens at a time, those of one Advance in a row; taken before mu

	mu     sync.Mutex
	ahead  time.Duration
	last   int
	timers map[int]*steppedTimer
}

type steppedTimer struct {
	at   time.Time
	real *time.Timer
	f    func()
}

// NewSteppedClock is a clock that goes as the machine's.
func NewSteppedClock() *SteppedClock { return &SteppedClock{timers: make(map[int]*steppedTimer)} }

// Now is the machine's time, and what it was put forward.
func (c *SteppedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *SteppedClock) now() time.Time { return time.Now().Add(c.ahead) }

// AfterFunc calls f when the clock has come so far.
func (c *SteppedClock) AfterFunc(d time.Duration, f func()) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	id := c.last
	c.timers[id] = &steppedTimer{c.now().Add(d), time.AfterFunc(d, func() { c.due(id) }), f}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if t := c.timers[id]; t != nil {
			t.real.Stop()
			delete(c.timers, id)
		}
	}
}

// due calls what the machine's clock has come to, unless an Advance that goes on has.
func (c *SteppedClock) due(id int) {
	c.steps.Lock()
	defer c.steps.Unlock()
	c.fire(id)
}

// fire calls what is due, once.
func (c *SteppedClock) fire(id int) {
	c.mu.Lock()
	t := c.timers[id]
	delete(c.timers, id)
	c.mu.Unlock()
	if t != nil {
		t.real.Stop()
		t.f()
	}
}

// Advance puts the clock forward, and calls what falls due on the way, in order, before it returns.
func (c *SteppedClock) Advance(d time.Duration) error {
	if d < 0 {
		return errors.New("sim: a clock goes forward only")
	}
	c.steps.Lock()
	defer c.steps.Unlock()
	c.mu.Lock()
	end := c.now().Add(d)
	c.mu.Unlock()
	for {
		c.mu.Lock()
		next, found := 0, false
		for id, t := range c.timers {
			if !t.at.After(end) && (!found || t.at.Before(c.timers[next].at)) {
				next, found = id, true
			}
		}
		to := end
		if found {
			to = c.timers[next].at
		}
		if step := to.Sub(c.now()); step > 0 {
			c.ahead += step
		}
		if !found {
			for _, t := range c.timers {
				t.real.Reset(max(t.at.Sub(c.now()), 0))
			}
			c.mu.Unlock()
			return nil
		}
		c.mu.Unlock()
		c.fire(next)
	}
}

// Advance puts the PBX's clock forward, where it is one that can be.
func (p *PBX) Advance(d time.Duration) error {
	switch c := p.clock.(type) {
	case *SteppedClock:
		return c.Advance(d)
	case *ManualClock:
		c.Advance(d)
		return nil
	}
	return errors.New("sim: this clock can't be put forward")
}
