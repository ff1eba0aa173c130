package sim_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
)

// world is a simulated PBX whose clock stands still, and what its facts tell.
type world struct {
	*testing.T
	*sim.PBX
	clock *sim.ManualClock

	mu      sync.Mutex
	model   *callmodel.Model
	told    []callmodel.Told
	devices []pbxadapter.Device
	synced  chan struct{}
}

func newWorld(t *testing.T, c sim.Config) *world {
	t.Helper()
	w := &world{T: t, clock: sim.NewClock(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)), model: callmodel.New(), synced: make(chan struct{}, 1)}
	c.Clock = w.clock
	var err error
	if w.PBX, err = sim.New(pbxadapter.Options{Name: "sim"}, c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.PBX.Run(ctx, w) }()
	<-w.synced
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := w.model.Odd(); n > 0 {
			t.Errorf("%d facts are no legal state changes:%s", n, w.story(0))
		}
	})
	return w
}

// quiet is the demonstration's PBX without calls of its own.
func quiet() sim.Config {
	c := sim.Demo()
	c.Quiet = true
	return c
}

func (w *world) Devices(all []pbxadapter.Device) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.devices = all
}

func (w *world) Resync(s callmodel.State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.model.Resync(s, w.clock.Now())
	w.synced <- struct{}{}
}

func (w *world) Report(f callmodel.Fact) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, w.model.Apply(f)...)
}

// story is what was told from the n-th event on, without "Event".
func (w *world) story(n int) string {
	var names []string
	for _, t := range w.told[n:] {
		names = append(names, strings.TrimSuffix(t.Event.Element(), "Event"))
	}
	return strings.Join(names, " ")
}

// last is the newest event of that type.
func last[E csta.Event](w *world) E {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.told) - 1; i >= 0; i-- {
		if e, ok := w.told[i].Event.(E); ok {
			return e
		}
	}
	var none E
	w.Fatalf("no %s was told: %s", none.Element(), w.story(0))
	return none
}

// states are the states of a device's connections, oldest call first; "idle" where it has none.
func (w *world) states(d csta.DeviceID) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var s []string
	for _, c := range w.model.At(d) {
		for _, l := range c.Legs {
			if l.Device == d {
				s = append(s, string(l.State))
			}
		}
	}
	if s == nil {
		return "idle"
	}
	return strings.Join(s, " ")
}

// expect holds the states of devices against pairs of device and states.
func (w *world) expect(when string, want ...string) {
	w.Helper()
	for i := 0; i < len(want); i += 2 {
		if got := w.states(tel(want[i])); got != want[i+1] {
			w.Errorf("%s: %s is %s, want %s", when, want[i], got, want[i+1])
		}
	}
}

// tel is the line of an extension; longer texts are what they are.
func tel(s string) csta.DeviceID {
	if len(s) == 4 {
		return csta.DeviceID("tel:+1555" + s)
	}
	return csta.DeviceID(s)
}

func (w *world) do(r csta.Request) csta.Response {
	w.Helper()
	res, err := w.Services()[r.Service()](w.Context(), r)
	if err != nil {
		w.Fatalf("%s: %v", r.Service(), err)
	}
	return res
}

func (w *world) refuses(r csta.Request, want *csta.Error) {
	w.Helper()
	if res, err := w.Services()[r.Service()](w.Context(), r); !errors.Is(err, want) {
		w.Errorf("%s: %v, %v, want %v", r.Service(), res, err, want)
	}
}

// call has a phone call somebody, and gives the caller's connection.
func (w *world) call(from, to string) csta.ConnectionID {
	w.Helper()
	r := w.do(csta.MakeCall{CallingDevice: tel(from), CalledDirectoryNumber: tel(to), AutoOriginate: csta.AutoOriginateDoNotPrompt})
	return r.(csta.MakeCallResponse).CallingDevice
}

// talk has two phones in a call.
func (w *world) talk(from, to string) csta.ConnectionID {
	w.Helper()
	c := w.call(from, to)
	w.hand(w.Outside(tel(to)).Answer())
	return c
}

func (w *world) hand(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}
