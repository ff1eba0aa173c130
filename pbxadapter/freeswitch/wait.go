package freeswitch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
)

// waiter waits for something that the PBX is to show.
type waiter struct {
	cond func() bool
	done chan struct{}
}

// check wakes those whose time has come. It is called with the lock, after each event.
func (a *Adapter) check() {
	if len(a.waiters) == 0 {
		return
	}
	rest := a.waiters[:0]
	for _, w := range a.waiters {
		if w.cond() {
			close(w.done)
		} else {
			rest = append(rest, w)
		}
	}
	clear(a.waiters[len(rest):])
	a.waiters = rest
}

// await waits until the condition holds, which is looked at with the lock, or a command that is to bring it about has failed. What is
// waited for is said to who asked, where it does not come in time.
func (a *Adapter) await(ctx context.Context, limit time.Duration, what string, cond func() bool, command ...<-chan error) error {
	a.mu.Lock()
	if cond() {
		a.mu.Unlock()
		return nil
	}
	c := a.conn
	if c == nil {
		a.mu.Unlock()
		return csta.ErrResourceOutOfService.With(errClosed)
	}
	w := &waiter{cond, make(chan struct{})}
	a.waiters = append(a.waiters, w)
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		for i, o := range a.waiters {
			if o == w {
				a.waiters = append(a.waiters[:i], a.waiters[i+1:]...)
				return
			}
		}
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	failed := make(<-chan error)
	if len(command) > 0 {
		failed = command[0]
	}
	for {
		select {
		case <-w.done:
			return nil
		case err, ok := <-failed:
			if ok && err != nil {
				return a.fault(err)
			}
			failed = nil
		case <-c.ended:
			return csta.ErrResourceOutOfService.With(errClosed)
		case <-timer.C:
			return csta.ErrInternalResourceBusy.With(fmt.Errorf("freeswitch: waited %v for %s, which did not come", limit, what))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// send has the PBX carry out a command, and gives its result as an error with a meaning.
func (a *Adapter) send(ctx context.Context, command string) error {
	_, err := a.query(ctx, command)
	return err
}

func (a *Adapter) query(ctx context.Context, command string) (string, error) {
	c, err := a.link()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*a.time.step)
	defer cancel()
	text, err := c.bgapi(ctx, command)
	if err != nil {
		a.log.Debug("a command failed", zap.String("command", command), zap.Error(err), pbxadapter.TraceField(ctx))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "", csta.ErrInternalResourceBusy.With(fmt.Errorf("freeswitch: the PBX did not carry out %q in time", verb(command)))
	}
	return text, a.fault(err)
}

// start sends a command that takes as long as people take, such as an originate. Its failure comes over the channel, which is closed at its
// end.
func (a *Adapter) start(ctx context.Context, command string, limit time.Duration) (<-chan error, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.ready {
		return nil, csta.ErrResourceOutOfService.With("freeswitch: there is no link to the PBX")
	}
	c, run := a.conn, a.inRun(ctx)
	result := make(chan error, 1)
	a.work.Go(func() {
		defer close(result)
		ctx, cancel := context.WithTimeout(run, limit)
		defer cancel()
		if _, err := c.bgapi(ctx, command); err != nil {
			a.log.Debug("a command failed", zap.String("command", command), zap.Error(err), pbxadapter.TraceField(ctx))
			result <- err
		}
	})
	return result, nil
}

func (a *Adapter) link() (*conn, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.ready {
		return nil, csta.ErrResourceOutOfService.With("freeswitch: there is no link to the PBX")
	}
	return a.conn, nil
}

func verb(command string) string {
	v, _, _ := strings.Cut(command, " ")
	return v
}

// refusals are what the PBX says no with, and what that means. Where it is the name of a cause, q850 is the value that Q.850 has for it.
var refusals = []struct {
	says string
	err  *csta.Error
	q850 int
}{
	{"No such channel", csta.ErrInvalidConnectionID, 0},
	{"Cannot locate session", csta.ErrInvalidConnectionID, 0},
	{"Invalid uuid", csta.ErrInvalidConnectionID, 0},
	{"USER_NOT_REGISTERED", csta.ErrDeviceOutOfService, 0},
	{"SUBSCRIBER_ABSENT", csta.ErrDeviceOutOfService, 20},
	{"user_not_registered", csta.ErrDeviceOutOfService, 0},
	{"USER_BUSY", csta.ErrInvalidCallingState, 17},
	{"CALL_REJECTED", csta.ErrInvalidCallingState, 21},
	{"NO_ANSWER", csta.ErrInvalidCallingState, 19},
	{"NO_USER_RESPONSE", csta.ErrInvalidCallingState, 18},
	{"ORIGINATOR_CANCEL", csta.ErrInvalidCallingState, 0},
	{"NORMAL_CIRCUIT_CONGESTION", csta.ErrNetworkBusy, 34},
	{"SWITCH_CONGESTION", csta.ErrNetworkBusy, 42},
	{"CONGESTION", csta.ErrNetworkBusy, 0},
}

// fault gives an error the meaning that it has for who asked.
func (a *Adapter) fault(err error) error {
	var said refusal
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errClosed):
		return csta.ErrResourceOutOfService.With(err)
	case errors.As(err, &said):
		for _, r := range refusals {
			if strings.Contains(said.said, r.says) {
				return r.err.With(err).Says(clip(said.said)).Coded(0, r.q850)
			}
		}
		return csta.ErrRequestIncompatible.With(err).Says(clip(said.said))
	}
	return err
}
