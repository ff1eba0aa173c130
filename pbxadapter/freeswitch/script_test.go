package freeswitch

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/adaptertest"
	"farhook/pbxadapter/freeswitch/fake"
)

// script is an adapter on a fake, and what became of its facts.
type script struct {
	t     *testing.T
	f     *fake.PBX
	at    net.Addr
	pipe  bool // to f, instead of a connection
	a     *Adapter
	hands hands

	mu      sync.Mutex
	model   *callmodel.Model
	told    []callmodel.Told
	devices []pbxadapter.Device
	synced  int
	stop    func() error
}

// onFake is a script on a fake of its own, without an adapter.
func onFake(t *testing.T) *script {
	t.Helper()
	f, at := newFake(t)
	return &script{t: t, f: f, at: at, hands: hands{f}, model: callmodel.New()}
}

// piped is a script on a fake that is reached by a pipe: for tests with a time of their own.
func piped(t *testing.T) *script {
	t.Helper()
	f := fake.New(fake.Config{Password: password})
	return &script{t: t, f: f, at: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8021}, pipe: true, hands: hands{f}, model: callmodel.New()}
}

// dial is a pipe to the fake.
func (s *script) dial(context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go s.f.Talk(theirs)
	return ours, nil
}

func newScript(t *testing.T, parked bool) *script {
	t.Helper()
	s := onFake(t)
	s.adapter(fakeAdapter(t, s.at, parked))
	t.Cleanup(func() { _ = s.stop() })
	return s
}

// inBubble gives f what newScript makes, with a time of its own: what is to come has come when it waits, however busy the machine is.
func inBubble(t *testing.T, parked bool, f func(t *testing.T, s *script)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := piped(t)
		s.adapter(fakeAdapter(t, s.at, parked))
		defer func() { _ = s.stop() }()
		f(t, s)
	})
}

// adapter has another adapter run, as after a restart of farhook.
func (s *script) adapter(a *Adapter) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	var once sync.Once
	s.mu.Lock()
	s.a = a
	if s.pipe {
		a.dialer = s.dial
	}
	n := s.synced
	s.mu.Unlock()
	go func() { ended <- a.Run(ctx, s) }()
	s.stop = func() (err error) {
		once.Do(func() { cancel(); err = <-ended })
		return err
	}
	s.until("synced", func() bool { return s.synced > n })
}

func (s *script) Devices(all []pbxadapter.Device) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.devices = all
}

func (s *script) Resync(st callmodel.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, s.model.Resync(st, time.Now())...)
	s.synced++
}

func (s *script) Report(f callmodel.Fact) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, s.model.Apply(f)...)
}

func (s *script) until(what string, condition func() bool) {
	s.t.Helper()
	if !settled(30 * time.Second)(func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return condition()
	}) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.t.Fatalf("never %s; told:\n%s", what, strings.Join(lines(describe(s.told)), "\n"))
	}
}

func lines(list []heard) (out []string) {
	for _, h := range list {
		out = append(out, h.String())
	}
	return out
}

// states are a device's connections as "call state", in no order.
func (s *script) states(d csta.DeviceID) (list []csta.State) {
	for _, c := range s.model.At(d) {
		for _, l := range c.Legs {
			if l.Device == d {
				list = append(list, l.State)
			}
		}
	}
	slices.Sort(list)
	return list
}

func (s *script) is(d csta.DeviceID, want ...csta.State) {
	s.t.Helper()
	slices.Sort(want)
	s.until(fmt.Sprintf("%s is %v", d, want), func() bool { return slices.Equal(s.states(d), want) })
}

// conn is the device's connection in a state.
func (s *script) conn(d csta.DeviceID, state csta.State) csta.ConnectionID {
	s.t.Helper()
	var id csta.ConnectionID
	s.until(fmt.Sprintf("%s %s", d, state), func() bool {
		for _, c := range s.model.At(d) {
			for _, l := range c.Legs {
				if l.Device == d && l.State == state {
					id = csta.ConnectionID{Call: c.ID, Device: d}
					return true
				}
			}
		}
		return false
	})
	return id
}

func (s *script) do(r csta.Request) csta.Response {
	s.t.Helper()
	res, err := s.a.Services()[r.Service()](context.Background(), r)
	if err != nil {
		s.t.Fatalf("%s: %v", r.Service(), err)
	}
	return res
}

func (s *script) hand(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// talk has 201 and 202 talk.
func (s *script) talk() { s.talking(s.hands) }

func (s *script) talking(hands adaptertest.Hands) {
	s.t.Helper()
	s.hand(hands.Dial("201", "202"))
	s.is("202", csta.Alerting)
	s.hand(hands.Answer("202"))
	s.is("201", csta.Connected)
	s.is("202", csta.Connected)
}

func (s *script) consult(d csta.DeviceID) {
	s.do(csta.ConsultationCall{ExistingCall: s.conn("201", csta.Connected), ConsultedDevice: d})
	s.is(d, csta.Alerting)
}

func (s *script) registers(user string) {
	s.t.Helper()
	s.f.Register(user, true)
	s.until(user+" is in service", func() bool { _, out := s.model.OutOfService(csta.DeviceID(user)); return !out })
}

// failed waits until a device was told to have failed.
func (s *script) failed(d csta.DeviceID) {
	s.t.Helper()
	s.until(string(d)+" has failed", func() bool {
		return slices.ContainsFunc(s.told, func(t callmodel.Told) bool {
			e, ok := t.Event.(csta.FailedEvent)
			return ok && e.FailedConnection.Device == d
		})
	})
}

// unregisters has a phone that was registered unregister; what went before is not told.
func (s *script) unregisters(user string) {
	s.t.Helper()
	s.registers(user)
	s.mu.Lock()
	s.told = nil
	s.mu.Unlock()
	s.f.Register(user, false)
	s.until(user+" is out of service", func() bool { _, out := s.model.OutOfService(csta.DeviceID(user)); return out })
}

// code has a phone dial a code, which is confirmed by a tone.
func (s *script) code(user, code string) {
	s.t.Helper()
	s.hand(s.hands.Dial(csta.DeviceID(user), csta.DeviceID(code)))
	s.is(csta.DeviceID(code), csta.Connected)
	s.hand(s.hands.HangUp(csta.DeviceID(user)))
	s.is(csta.DeviceID(user))
}
