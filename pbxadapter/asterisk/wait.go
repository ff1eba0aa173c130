package asterisk

import (
	"context"
	"slices"
	"time"
)

// waiter waits for something to become true.
type waiter struct {
	condition func() bool
	met       chan struct{}
	lost      chan struct{}
}

// check lets those go whose conditions are met; a.mu is held.
func (a *Adapter) check() {
	if len(a.waiters) == 0 {
		return
	}
	rest := a.waiters[:0]
	for _, w := range a.waiters {
		if w.condition() {
			close(w.met)
		} else {
			rest = append(rest, w)
		}
	}
	clear(a.waiters[len(rest):])
	a.waiters = rest
}

// expect begins to wait for a condition, which is looked at after each event, under the lock; a.mu is held. A condition names what it is about, for
// legs and calls are made anew when everything is read again. Who begins to wait defers drop.
func (a *Adapter) expect(condition func() bool) *waiter {
	w := &waiter{condition, make(chan struct{}), make(chan struct{})}
	if condition() {
		close(w.met)
		return w
	}
	a.waiters = append(a.waiters, w)
	return w
}

// await waits for it: true if it came within the time.
func (a *Adapter) await(ctx context.Context, w *waiter, within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-w.met:
		return true
	case <-w.lost:
	case <-ctx.Done():
	case <-timer.C:
	}
	a.drop(w)
	select {
	case <-w.met:
		return true
	default:
		return false
	}
}

// drop waits no more.
func (a *Adapter) drop(w *waiter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiters = slices.DeleteFunc(a.waiters, func(o *waiter) bool { return o == w })
}

// wantLook asks for an audit.
func (a *Adapter) wantLook() {
	select {
	case a.look <- struct{}{}:
	default:
	}
}
