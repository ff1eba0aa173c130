package uacsta_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
)

// faulty is the simulated PBX whose handlers can be made to fail.
type faulty struct {
	*sim.PBX
	mu    sync.Mutex
	modes map[csta.Service]string
	gates map[csta.Service]chan struct{} // of those that are stuck
}

func (f *faulty) Services() csta.Services {
	all := f.PBX.Services()
	for s, h := range all {
		all[s] = func(ctx context.Context, r csta.Request) (csta.Response, error) {
			f.mu.Lock()
			mode, gate := f.modes[s], f.gates[s]
			f.mu.Unlock()
			switch mode {
			case "faults":
				return nil, errors.New("the PBX speaks in tongues")
			case "panics":
				panic("a bug in the adapter")
			case "is late":
				return nil, fmt.Errorf("waiting for the PBX: %w", context.DeadlineExceeded)
			case "is stuck":
				<-gate
			}
			return h(ctx, r)
		}
	}
	return all
}

// set is a line of a pbx step: SERVICE faults, panics, is late, is stuck, or goes on.
func (f *faulty) set(s csta.Service, mode string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Contains([]string{"faults", "panics", "is late", "is stuck", "goes on"}, mode) {
		return fmt.Errorf("%s cannot do %q", s, mode)
	}
	if g := f.gates[s]; g != nil {
		close(g)
		delete(f.gates, s)
	}
	if f.modes == nil {
		f.modes, f.gates = make(map[csta.Service]string), make(map[csta.Service]chan struct{})
	}
	if f.modes[s] = mode; mode == "is stuck" {
		f.gates[s] = make(chan struct{})
	}
	return nil
}

// goOn lets everything that is stuck go on.
func (f *faulty) goOn() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s, g := range f.gates {
		close(g)
		delete(f.gates, s)
	}
}

// witness is a second session on 1001: whatever a conversation does, it hears every event of its line, once and in order. The function checks that.
func (h *house) witness(t *testing.T) (check func()) {
	const line = csta.DeviceID("tel:+15551001")
	p := h.dial(t)
	ref := p.signIn(string(line))
	c := h.board.Follow(switchboard.Principal{User: "witness", Line: line, Via: "sip"}, switchboard.Now, switchboard.Filter{Devices: []csta.DeviceID{line}}, func() {})
	return func() {
		defer c.Close()
		if err := h.pbx.Phone(1001).SetMessageWaiting(true); err != nil { // the last event of all
			t.Fatal(err)
		}
		for end := time.Now().Add(20 * time.Second); ; {
			e, ok, err := c.Next()
			if err != nil || time.Now().After(end) {
				t.Fatalf("the journal: %v", err)
			}
			if !ok {
				time.Sleep(time.Millisecond)
				continue
			}
			at := slices.IndexFunc(e.Audience, func(s callmodel.Seat) bool { return s.Device == line })
			if at < 0 {
				continue // of another device of the calls of this one
			}
			want := csta.Prepare(e.Event, csta.Ed3).Append(nil, ref, e.Audience[at].Local, func(d csta.DeviceID) string { return string(d) })
			if got := p.read(); !strings.HasPrefix(got.start, "INFO ") || got.body != string(want) {
				t.Fatalf("the witness heard %s%s, the journal has %s", got.head, got.body, want)
			}
			if _, last := e.Event.(csta.MessageWaitingEvent); last {
				return
			}
		}
	}
}
