// Package adaptertest is the conformance suite that every adapter passes: a scenario for every service, played on the real adapter with a harness
// that does what people do at the phones. It checks the events that follow from the adapter's facts, the answers in wrong states, the marks
// of requests, and what is told after a lost link. Nothing in it knows a kind of PBX, or waits for a clock.
package adaptertest

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
	"farhook/pbxadapter"
)

// Harness is an adapter and the far hands.
type Harness struct {
	Adapter pbxadapter.Adapter
	Phones  [4]csta.DeviceID // idle, in service, and waiting for their users
	Busy    csta.DeviceID    // a number that is busy
	Outside csta.DeviceID    // an outside number that rings until Answer
	Slot    csta.DeviceID    // an empty park slot; empty where the PBX has none
	Hands   Hands
	// Settle waits until the condition holds, as long as this PBX may take; false: it never did.
	Settle func(condition func() bool) bool
}

// Hands do what people do. An error fails the scenario.
type Hands interface {
	Dial(from, to csta.DeviceID) error
	Answer(at csta.DeviceID) error
	HangUp(at csta.DeviceID) error
	Hold(at csta.DeviceID) error
	Retrieve(at csta.DeviceID) error
	CutLink()
	RestoreLink()
}

// Presser are Hands that can press digits too, and know which have come. Where they aren't, what is about digits heard is left out.
type Presser interface {
	// Press sends digits into the phone's connected call.
	Press(at csta.DeviceID, digits string) error
	// Pressed are the digits that others have sent into it.
	Pressed(at csta.DeviceID) (string, error)
}

// Run plays every scenario whose service the adapter has, each with a new harness. Services that are required must be there; the others are
// skipped, and the skips counted.
func Run(t *testing.T, make func(t *testing.T) Harness, required ...csta.Service) {
	t.Helper()
	offered := make(t).Adapter.Services()
	for _, s := range required {
		if offered[s] == nil {
			t.Errorf("the adapter must have %s", s)
		}
	}
	var skipped []string
	for _, s := range scenarios {
		if s.service != "" && offered[s.service] == nil {
			skipped = append(skipped, string(s.service))
			continue
		}
		t.Run(s.name, func(t *testing.T) { s.play(start(t, make(t))) })
	}
	t.Logf("%d scenarios skipped: %s", len(skipped), strings.Join(skipped, " "))
}

// Services lists the services that have a scenario.
func Services() []csta.Service {
	var list []csta.Service
	for _, s := range scenarios {
		if s.service != "" && !slices.Contains(list, s.service) {
			list = append(list, s.service)
		}
	}
	return list
}

// stage is a running adapter, and what became of its facts.
type stage struct {
	*testing.T
	Harness
	services   csta.Services
	a, b, c, d csta.DeviceID

	mu      sync.Mutex
	model   *callmodel.Model
	devices []pbxadapter.Device
	told    []callmodel.Told
	read    map[csta.DeviceID]int // how much of told each device has read
	synced  int
	lastOp  callmodel.OpID
	run     func()
	ended   chan error // of each run
}

func start(t *testing.T, h Harness) *stage {
	s := &stage{T: t, Harness: h, services: h.Adapter.Services(), model: callmodel.New(), read: map[csta.DeviceID]int{}}
	s.a, s.b, s.c, s.d = h.Phones[0], h.Phones[1], h.Phones[2], h.Phones[3]
	ctx, cancel := context.WithCancel(context.Background())
	s.ended = make(chan error, 1)
	s.run = func() { go func() { s.ended <- h.Adapter.Run(ctx, s) }() }
	s.run()
	t.Cleanup(func() {
		cancel()
		if err := <-s.ended; err != nil {
			t.Errorf("Run ended with %v when it was told to", err)
		}
		if n := s.model.Odd(); n > 0 {
			t.Errorf("%d facts are no legal state changes", n)
		}
	})
	s.until("connected", func() bool { return s.synced > 0 })
	for _, d := range h.Phones {
		if !slices.ContainsFunc(s.devices, func(x pbxadapter.Device) bool { return x.ID == d }) {
			t.Fatalf("%s is not among the devices", d)
		}
	}
	return s
}

// Devices, Resync and Report make a stage the adapter's Reporter.
func (s *stage) Devices(all []pbxadapter.Device) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.devices = all
}

func (s *stage) Resync(st callmodel.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, s.model.Resync(st, time.Now())...)
	s.synced++
}

func (s *stage) Report(f callmodel.Fact) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, s.model.Apply(f)...)
}

// until waits for something that the PBX is to bring about.
func (s *stage) until(what string, condition func() bool) {
	s.Helper()
	if !s.Settle(func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return condition()
	}) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.Fatalf("never %s; told: %s", what, s.all())
	}
}

func (s *stage) all() string {
	var b strings.Builder
	for _, t := range s.told {
		fmt.Fprintf(&b, "\n  %s %v", t.Event.Element(), t.Audience)
	}
	return b.String()
}

// hears waits for a device's next events: names without "Event", each with the device's own state after it, such as "Held hold".
func (s *stage) hears(d csta.DeviceID, want ...string) {
	s.Helper()
	var got []string
	s.until(fmt.Sprintf("heard %s at %s", strings.Join(want, ", "), d), func() bool {
		got = got[:0]
		for i := s.read[d]; i < len(s.told) && len(got) < len(want); i++ {
			for _, seat := range s.told[i].Audience {
				if seat.Device == d {
					got = append(got, strings.TrimSuffix(s.told[i].Event.Element(), "Event")+" "+string(seat.Local))
				}
			}
		}
		return len(got) == len(want)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, w := range want {
		if got[i] != w && strings.TrimSpace(got[i]) != w {
			s.Fatalf("%s heard %q, want %q; told: %s", d, got, want, s.all())
		}
	}
	left := len(want)
	for i := s.read[d]; i < len(s.told) && left > 0; i++ {
		for _, seat := range s.told[i].Audience {
			if seat.Device == d {
				left--
			}
		}
		s.read[d] = i + 1
	}
}

// skip passes over what the devices were told so far.
func (s *stage) skip() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.Phones {
		s.read[d] = len(s.told)
	}
}

// state waits until a device's only call is in a state, and gives its name.
func (s *stage) state(d csta.DeviceID, want csta.State) csta.CallID {
	s.Helper()
	var id csta.CallID
	s.until(fmt.Sprintf("%s at %s", want, d), func() bool {
		for _, c := range s.model.At(d) {
			for _, l := range c.Legs {
				if l.Device == d && l.State == want {
					id = c.ID
					return true
				}
			}
		}
		return want == csta.Null && len(s.model.At(d)) == 0
	})
	return id
}

// try asks for a service, under a mark of its own.
func (s *stage) try(r csta.Request) (csta.Response, error) {
	s.mu.Lock()
	s.lastOp++
	op := s.lastOp
	s.mu.Unlock()
	return s.services[r.Service()](pbxadapter.WithOp(s.Context(), op), r)
}

func (s *stage) do(r csta.Request) csta.Response {
	s.Helper()
	res, err := s.try(r)
	if err != nil {
		s.Fatalf("%s: %v", r.Service(), err)
	}
	return res
}

// refuses asks for a service, and wants it refused.
func (s *stage) refuses(r csta.Request, want *csta.Error) {
	s.Helper()
	if res, err := s.try(r); !errors.Is(err, want) {
		s.Errorf("%s: %v, %v, want %v", r.Service(), res, err, want)
	}
}

// pressed waits until digits have come to a phone, where that can be known.
func (s *stage) pressed(at csta.DeviceID, want string) {
	s.Helper()
	p, ok := s.Hands.(Presser)
	if !ok {
		s.Log("the hands cannot press digits: whether they came is not known")
		return
	}
	var got string
	var err error
	if !s.Settle(func() bool { got, err = p.Pressed(at); return err == nil && got == want }) {
		s.Fatalf("%s heard the digits %q (%v), want %q", at, got, err, want)
	}
}

// hand wants that a person's act worked.
func (s *stage) hand(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func at(call csta.CallID, d csta.DeviceID) csta.ConnectionID {
	return csta.ConnectionID{Call: call, Device: d}
}

// rings has b rung by from.
func (s *stage) rings(from, to csta.DeviceID) csta.CallID {
	s.Helper()
	s.hand(s.Hands.Dial(from, to))
	return s.state(to, csta.Alerting)
}

// talks has two phones in a call.
func (s *stage) talks(from, to csta.DeviceID) csta.CallID {
	s.Helper()
	s.rings(from, to)
	s.hand(s.Hands.Answer(to))
	id := s.state(to, csta.Connected)
	s.state(from, csta.Connected)
	s.skip()
	return id
}
