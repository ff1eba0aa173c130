package switchboard_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	. "farhook/pbxadapter/switchboard"
)

// scripted is an adapter whose reporter a test holds in its hands.
type scripted struct {
	services csta.Services
	devices  []pbxadapter.Device
	state    callmodel.State // told when it connects
	runs     chan pbxadapter.Reporter
	cut      chan error
}

func newScripted(devices ...csta.DeviceID) *scripted {
	s := &scripted{services: make(csta.Services), runs: make(chan pbxadapter.Reporter, 16), cut: make(chan error)}
	for i, d := range devices {
		s.devices = append(s.devices, pbxadapter.Device{ID: d, Name: fmt.Sprint("Phone ", i), Aliases: []string{fmt.Sprint(1001 + i)}})
	}
	return s
}

func (s *scripted) Services() csta.Services { return s.services }

func (s *scripted) Run(ctx context.Context, r pbxadapter.Reporter) error {
	r.Devices(s.devices)
	r.Resync(s.state)
	s.runs <- r
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.cut:
		return err
	}
}

const (
	d1 = csta.DeviceID("tel:+15551001")
	d2 = csta.DeviceID("tel:+15551002")
)

func serve(t testing.TB, b *Board) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = b.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

func ring(call csta.CallID, d csta.DeviceID) callmodel.Moved {
	return callmodel.Moved{Connection: csta.ConnectionID{Call: call, Device: d}, To: csta.Alerting}
}

func end(call csta.CallID, d csta.DeviceID) callmodel.Moved {
	return callmodel.Moved{Connection: csta.ConnectionID{Call: call, Device: d}, To: csta.Null}
}

var (
	anybody = Principal{User: "anybody", Via: "http"}
	first   = Principal{User: "first", Via: "sip", Line: d1}
)

func TestResolve(t *testing.T) {
	a := newScripted(d1, d2)
	b := New(AnyLine{}, Options{}, PBX{Name: "a", Adapter: a})
	serve(t, b)
	<-a.runs
	for _, s := range []string{"tel:+15551001", "tel:+15551001;ext=1001", "tel:1001;phone-context=dialstring", "1001", "+1 555-1001", "sip:+15551001@example.com;user=phone"} {
		if d, err := b.Resolve(s); err != nil || d != d1 {
			t.Errorf("%q: %v, %v", s, d, err)
		}
	}
	for _, s := range []string{"", "1003", "tel:+15551003", "alice", "tel:1001\r\nX: y", "tel:१००१"} {
		if d, err := b.Resolve(s); !errors.Is(err, csta.ErrInvalidDeviceID) {
			t.Errorf("%q: %v, %v", s, d, err)
		}
	}
}

// Whatever a handler does, the answer is one of the standard's.
func TestDoAnswers(t *testing.T) {
	defer goleak.VerifyNone(t)
	a := newScripted(d1, d2)
	a.devices[1].Lacks = map[csta.Service]pbxadapter.Reason{"MakeCall": "too old"}
	csta.Handle(a.services, func(ctx context.Context, r csta.MakeCall) (csta.MakeCallResponse, error) {
		switch r.CalledDirectoryNumber {
		case "1":
			panic("boom")
		case "2":
			return csta.MakeCallResponse{}, errors.New("disk on fire")
		case "3":
			return csta.MakeCallResponse{}, context.DeadlineExceeded
		case "4":
			return csta.MakeCallResponse{}, csta.ErrNetworkBusy
		}
		if pbxadapter.Op(ctx) == 0 {
			return csta.MakeCallResponse{}, errors.New("no mark")
		}
		if _, limited := ctx.Deadline(); !limited {
			return csta.MakeCallResponse{}, errors.New("no deadline")
		}
		return csta.MakeCallResponse{CallingDevice: csta.ConnectionID{Call: "c", Device: r.CallingDevice}}, nil
	})
	b := New(OwnLine{}, Options{}, PBX{Name: "a", Adapter: a})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = b.Run(ctx) }()
	defer func() { cancel(); <-done }()
	r := <-a.runs
	call := func(from, to csta.DeviceID) csta.Request {
		return csta.MakeCall{CallingDevice: from, CalledDirectoryNumber: to}
	}
	second := Principal{User: "second", Via: "sip", Line: d2}
	for _, c := range []struct {
		name string
		who  Principal
		req  csta.Request
		want *csta.Error
	}{
		{"done", first, call("1001", "+49 30 123"), nil},
		{"panic", first, call("1001", "1"), csta.ErrUnspecified},
		{"fault", first, call("1001", "2"), csta.ErrUnspecified},
		{"too late", first, call("1001", "3"), csta.ErrInternalResourceBusy},
		{"refused", first, call("1001", "4"), csta.ErrNetworkBusy},
		{"another's phone", first, call("1002", "5"), csta.ErrPrivilege},
		{"unknown phone", first, call("1099", "5"), csta.ErrInvalidCallingDeviceID},
		{"no number", first, call("1001", "alice"), csta.ErrInvalidCalledDeviceID},
		{"lacking", second, call("1002", "5"), csta.ErrServiceNotSupported},
		{"not in the table", first, csta.HoldCall{CallToBeHeld: csta.ConnectionID{Device: d1}}, csta.ErrInvalidConnectionID},
		{"unknown call", first, csta.HoldCall{CallToBeHeld: csta.ConnectionID{Call: "x"}}, csta.ErrInvalidCallID},
		{"unknown service", first, csta.Escape{}, csta.ErrServiceNotSupported},
	} {
		_, err := b.Do(t.Context(), c.who, c.req)
		if c.want == nil && err != nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	r.Report(callmodel.Service{Device: d1})
	if _, err := b.Do(t.Context(), first, call("1001", "5")); !errors.Is(err, csta.ErrDeviceOutOfService) {
		t.Error(err)
	}
	a.cut <- errors.New("cable")
	for err := error(nil); !errors.Is(err, csta.ErrResourceOutOfService); {
		_, err = b.Do(t.Context(), first, call("1001", "5"))
	}
}

// Everybody hears what is told to the devices he watches, once, in order, and nothing else.
func TestFollowersProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		devices := []csta.DeviceID{"tel:+1", "tel:+2", "tel:+3"}
		a := newScripted(devices...)
		b := New(AnyLine{}, Options{}, PBX{Name: "a", Adapter: a})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = b.Run(ctx) }()
		defer func() { cancel(); <-done }()
		r := <-a.runs
		type follower struct {
			c         *Cursor
			watching  map[csta.DeviceID]bool
			want, got []string
		}
		var fs []*follower
		for range 3 {
			fs = append(fs, &follower{c: b.Follow(anybody, Now, Filter{}, func() {}), watching: map[csta.DeviceID]bool{}})
		}
		drain := func(f *follower) {
			for {
				e, ok, err := f.c.Next()
				if err != nil || !ok {
					return
				}
				f.got = append(f.got, string(e.Audience[0].Device)+e.Event.Element())
			}
		}
		n := 0
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			d := rapid.SampledFrom(devices).Draw(rt, "device")
			f := rapid.SampledFrom(fs).Draw(rt, "follower")
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 0:
				f.c.Watch(d)
				f.watching[d] = true
			case 1:
				drain(f) // what waits is delivered
				f.c.Unwatch(d)
				delete(f.watching, d)
			case 2:
				drain(f)
			default:
				n++
				r.Report(ring(csta.CallID(fmt.Sprint(n)), d))
				for _, f := range fs {
					if f.watching[d] {
						f.want = append(f.want, string(d)+"DeliveredEvent")
					}
				}
			}
		}
		for i, f := range fs {
			drain(f)
			if fmt.Sprint(f.got) != fmt.Sprint(f.want) {
				rt.Fatalf("follower %d heard %v, want %v", i, f.got, f.want)
			}
		}
	})
}

// A follower that never reads is told to start again, and costs the others nothing; one that starts again misses and doubles nothing.
func TestLagging(t *testing.T) {
	a := newScripted(d1, d2)
	b := New(AnyLine{}, Options{Keep: 1 << 20}, PBX{Name: "a", Adapter: a})
	serve(t, b)
	r := <-a.runs
	begun := b.Last() // the devices have been told
	dead := b.Follow(anybody, Now, Filter{All: true}, func() {})
	defer dead.Close()
	quick := b.Follow(anybody, Now, Filter{All: true}, func() {})
	defer quick.Close()
	const n = 20_000
	heard := 0
	for i := range n {
		id := csta.CallID(fmt.Sprint(i))
		r.Report(ring(id, d1))
		for {
			_, ok, err := quick.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			heard++
		}
	}
	if heard != n {
		t.Errorf("the quick one heard %d of %d", heard, n)
	}
	if _, _, err := dead.Next(); !errors.Is(err, ErrLagged) {
		t.Fatalf("the dead one: %v", err)
	}
	s, seq := b.Snapshot(anybody, Filter{All: true})
	if len(s.Calls) != n || seq != begun+n {
		t.Errorf("a snapshot of %d calls at %d", len(s.Calls), seq)
	}
	dead.Skip(seq)
	r.Report(end("7", d1))
	e, ok, err := dead.Next()
	if err != nil || !ok || e.Seq != begun+n+1 {
		t.Errorf("%v, %v, %v", e.Seq, ok, err)
	}
	old := b.Follow(anybody, 1, Filter{All: true}, func() {})
	defer old.Close()
	if _, _, err := old.Next(); !errors.Is(err, ErrLagged) {
		t.Errorf("from long ago: %v", err)
	}
	late := b.Follow(anybody, begun+n, Filter{Devices: []csta.DeviceID{d1}}, func() {})
	defer late.Close()
	if e, ok, err := late.Next(); err != nil || !ok || e.Seq != begun+n+1 {
		t.Errorf("from a moment ago: %v, %v, %v", e.Seq, ok, err)
	}
}

// State and number of a snapshot belong together, whatever is being appended.
func TestSnapshotHasNoGap(t *testing.T) {
	a := newScripted(d1)
	b := New(AnyLine{}, Options{}, PBX{Name: "a", Adapter: a})
	serve(t, b)
	r := <-a.runs
	begun := b.Last()
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 2000 {
			r.Report(ring(csta.CallID(fmt.Sprint(i)), d1))
		}
	})
	for last := begun; last < begun+2000; {
		s, seq := b.Snapshot(anybody, Filter{All: true})
		if begun+Seq(len(s.Calls)) != seq {
			t.Fatalf("%d calls at %d", len(s.Calls), seq)
		}
		last = seq
	}
	wg.Wait()
}

// A lost link is told to those who watch, and what the PBX did meanwhile is told as the difference.
func TestLink(t *testing.T) {
	pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 3, Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	b := New(AnyLine{}, Options{}, PBX{Name: "sim", Adapter: pbx})
	serve(t, b)
	up := func(want bool) {
		for d, ok := b.Device(anybody, d1); !ok || d.LinkUp != want; d, ok = b.Device(anybody, d1) {
			time.Sleep(time.Millisecond)
		}
	}
	up(true)
	c := b.Follow(anybody, Now, Filter{}, func() {})
	defer c.Close()
	c.Watch(d1)
	pbx.CutLink()
	up(false)
	if err := pbx.Phone(1002).Dial(d1); err != nil {
		t.Fatal(err)
	}
	pbx.RestoreLink()
	up(true)
	var got []string
	for len(got) < 3 {
		e, ok, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			got = append(got, e.Event.Element())
		}
	}
	if fmt.Sprint(got) != "[OutOfServiceEvent DeliveredEvent BackInServiceEvent]" {
		t.Error(got)
	}
}

// The table of the design, row by row.
func TestErrorTable(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		typ    string
	}{
		{csta.ErrServiceNotSupported, 501, "urn:csta:error:operation:serviceNotSupported"},
		{csta.ErrInvalidParameterValue, 400, "urn:csta:error:operation:invalidParameterValue"},
		{csta.ErrInvalidDeviceID, 404, "urn:csta:error:operation:invalidDeviceID"},
		{csta.ErrInvalidCallID, 404, "urn:csta:error:operation:invalidCallID"},
		{csta.ErrInvalidMonitor, 404, "urn:csta:error:operation:invalidMonitorCrossRefID"},
		{csta.ErrPrivilege, 403, "urn:csta:error:operation:privilegeViolationSpecifiedDevice"},
		{csta.ErrNoCallToAnswer, 409, "urn:csta:error:stateIncompatibility:noCallToAnswer"},
		{csta.ErrMonitorLimit, 429, "urn:csta:error:subscribedResourceAvailability:objectMonitorLimitExceeded"},
		{csta.ErrDeviceOutOfService, 503, "urn:csta:error:systemResourceAvailibility:deviceOutOfService"},
		{csta.ErrResourceOutOfService, 503, "urn:csta:error:systemResourceAvailibility:resourceOutOfService"},
		{csta.ErrInternalResourceBusy, 504, "urn:csta:error:systemResourceAvailibility:internalResourceBusy"},
		{csta.ErrUnspecified, 500, "urn:csta:error:unspecified"},
		{errors.New("a fault"), 500, "urn:csta:error:unspecified"},
	} {
		if s, typ := HTTPStatus(c.err), Type(c.err); s != c.status || typ != c.typ {
			t.Errorf("%v: %d %s, want %d %s", c.err, s, typ, c.status, c.typ)
		}
	}
}
