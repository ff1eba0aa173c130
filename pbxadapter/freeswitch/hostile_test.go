package freeswitch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/adaptertest"
	"farhook/pbxadapter/freeswitch/fake"
)

// runs runs an adapter until it ends by itself.
func runs(t *testing.T, a *Adapter) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := a.Run(ctx, nobody{})
	if ctx.Err() != nil {
		t.Fatal("the adapter did not end")
	}
	return err
}

func dialTo(address string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", address) }
}

type nobody struct{}

func (nobody) Devices([]pbxadapter.Device) {}
func (nobody) Resync(callmodel.State)      {}
func (nobody) Report(callmodel.Fact)       {}

// Each way in which a link can fail says what it was.
func TestBadLinks(t *testing.T) {
	for _, c := range []struct {
		name, want string
		change     func(*fake.PBX, *Adapter)
	}{
		{"wrong password", "the password was refused: -ERR invalid", func(f *fake.PBX, _ *Adapter) { f.Set(func(m *fake.Mood) { m.Password = "another" }) }},
		{"rude rejection", "not allowed", func(f *fake.PBX, _ *Adapter) { f.Set(func(m *fake.Mood) { m.Rude = true }) }},
		{"nobody listens", "refused", func(_ *fake.PBX, a *Adapter) { a.dialer = dialTo("127.0.0.1:1") }},
		{"closed at once", "waiting for the greeting", func(f *fake.PBX, _ *Adapter) { f.Set(func(m *fake.Mood) { m.Down = true }) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, at := newFake(t)
			a := fakeAdapter(t, at, false)
			c.change(f, a)
			err := runs(t, a)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

// A notice, a PBX that was started anew, and one that no longer answers end the link; the next one finds what is so.
func TestLinkEnds(t *testing.T) {
	for _, c := range []struct {
		name, want string
		act        func(*script)
	}{
		{"disconnect notice", "Disconnected, goodbye", func(s *script) {
			s.f.Send("Content-Type: text/disconnect-notice", fake.Goodbye)
		}},
		{"cut within a frame", "unexpected EOF", func(s *script) {
			s.f.Write("Content-Length: 500\nContent-Type: text/event-json\n\n{\"Event-Na", true)
		}},
		{"killed for being slow", "too many events wait", func(s *script) { s.f.Cut() }},
		{"a length that cannot be", "longer than", func(s *script) {
			s.f.Write("Content-Length: 2000000000\n\n", false)
		}},
		{"another Core-UUID", "started anew", func(s *script) { s.f.Restart() }},
		{"no answer to a ping", "does not answer", func(s *script) { s.f.Set(func(m *fake.Mood) { m.Silent = true }) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := piped(t)
				a := fakeAdapter(t, s.at, false)
				a.dialer = s.dial
				ended := make(chan error, 1)
				go func() { ended <- a.Run(context.Background(), s) }()
				s.until("synced", func() bool { return s.synced > 0 })
				s.talk()
				c.act(s)
				if err := <-ended; err == nil || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("%v, want %q", err, c.want)
				}
				s.f.Set(func(m *fake.Mood) { m.Silent = false })
				s.adapter(a)
				if c.name == "another Core-UUID" {
					s.is("201")
				} else {
					s.is("201", csta.Connected)
				}
				if err := s.stop(); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// A broken event costs itself, and nothing else.
func TestBrokenEvent(t *testing.T) {
	s := newScript(t, false)
	s.f.Send("Content-Type: text/event-json", `{"Event-Name":"CHANNEL_CREATE","Unique-ID":`)
	s.f.Send("Content-Type: text/event-json", `["no","object"]`)
	s.f.Send("Content-Type: text/no-such-thing", "x")
	s.talk()
}

// What a phone that is not there, a domain that is not, or a feature that is not kept leads to.
func TestRefusals(t *testing.T) {
	inBubble(t, false, func(t *testing.T, s *script) {
		try := func(r csta.Request, want *csta.Error) {
			t.Helper()
			if _, err := s.a.Services()[r.Service()](context.Background(), r); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", r.Service(), err, want)
			}
		}
		try(csta.MakeCall{CallingDevice: "206", CalledDirectoryNumber: "202"}, csta.ErrDeviceOutOfService)
		s.a.conf.Domain = "elsewhere.test" // where the PBX knows no user, and so no context
		try(csta.MakeCall{CallingDevice: "201", CalledDirectoryNumber: "202"}, csta.ErrInvalidDeviceID)
		s.a.conf.Context = "office"
		try(csta.MakeCall{CallingDevice: "201", CalledDirectoryNumber: "202"}, csta.ErrDeviceOutOfService)
		s.a.conf.Domain, s.a.conf.Context = "pbx.test", ""
		s.f.Keep("dnd/202", "") // the key is not set: "-ERR no reply" is off
		if s.do(csta.GetDoNotDisturb{Device: "202"}).(csta.GetDoNotDisturbResponse).DoNotDisturbOn {
			t.Error("no reply means on")
		}
		s.a.conf.Feat["do_not_disturb"] = FeatureTemplate{Set: "frobnicate {user}", Clear: "frobnicate {user}"}
		try(csta.SetDoNotDisturb{Device: "202", DoNotDisturbOn: true}, csta.ErrRequestIncompatible)
		s.a.conf.Feat["do_not_disturb"] = FeatureTemplate{Set: "echo {user}", Clear: "echo {user}", Get: "db select/dnd/{user}"}
		try(csta.SetDoNotDisturb{Device: "202", DoNotDisturbOn: true}, csta.ErrRequestIncompatible) // it says OK, and does nothing
		// Not proven in time is an error that says what was waited for.
		s.a.time.step = 50 * time.Millisecond
		s.hand(s.hands.Dial("201", "202"))
		id := s.conn("202", csta.Alerting)
		s.f.Disobey("202")
		_, err := s.a.Services()["AnswerCall"](context.Background(), csta.AnswerCall{CallToBeAnswered: id})
		if !errors.Is(err, csta.ErrInternalResourceBusy) || !strings.Contains(err.Error(), "CHANNEL_ANSWER") {
			t.Errorf("%v, want one that says what was waited for", err)
		}
	})
}

// A domain that doesn't exist leaves every phone out of service, and the log says why.
func TestNoSuchDomain(t *testing.T) {
	s := onFake(t)
	a := fakeAdapter(t, s.at, false)
	core, logs := observer.New(zap.WarnLevel)
	a.log, a.conf.Domain = zap.New(core), "elsewhere.test"
	s.adapter(a)
	defer func() { _ = s.stop() }()
	if _, err := a.Services()["MakeCall"](context.Background(), csta.MakeCall{CallingDevice: "201", CalledDirectoryNumber: "202"}); !errors.Is(err, csta.ErrDeviceOutOfService) {
		t.Error(err)
	}
	if s.model.State().Out["201"] == "" || logs.FilterMessage("no phone is registered in the configured domain").Len() != 1 {
		t.Errorf("%v, %v", s.model.State().Out, logs.All())
	}
}

// Every string of the configuration is checked.
func TestConfigRefuses(t *testing.T) {
	for field := range reflect.TypeFor[Config]().Fields() {
		if field.Type.Kind() != reflect.String {
			continue
		}
		c := realConfig("127.0.0.1:8021", "x")
		reflect.ValueOf(&c).Elem().FieldByIndex(field.Index).SetString("a\n\nbgapi hupall")
		if err := c.check(); err == nil || !strings.Contains(err.Error(), field.Tag.Get("yaml")) {
			t.Errorf("%s: %v", field.Name, err)
		}
	}
	if _, err := New(pbxadapter.Options{Name: "a b"}, realConfig("127.0.0.1:8021", "x")); err == nil {
		t.Error("a name that breaks call ids is taken")
	}
}

// Reading never waits for anybody; what piles up beyond the limit costs the link, not the memory.
func TestSlow(t *testing.T) {
	ours, theirs := net.Pipe()
	k := newConn(ours, 10_000)
	go k.read()
	for range 20 {
		if _, err := fmt.Fprintf(theirs, "Content-Length: 1000\nContent-Type: text/event-json\n\n%s", strings.Repeat("x", 1000)); err != nil {
			break
		}
	}
	<-k.ended
	if err := k.why(); !errors.Is(err, errSlow) {
		t.Fatal(err)
	}
}

// A PBX that takes no commands any more costs the link after 10 s, and nobody waits for it longer.
func TestTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		k := newConn(ours, 10_000)
		go k.read()
		began := time.Now()
		if _, err := k.command(t.Context(), "api status"); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		<-k.ended
	})
}

// The record of what was said has commands and events with the request they belong to, and no password.
func TestTap(t *testing.T) {
	s := onFake(t)
	a := fakeAdapter(t, s.at, false)
	var mu sync.Mutex
	var record []pbxadapter.Message
	a.tap = func(m pbxadapter.Message) {
		mu.Lock()
		defer mu.Unlock()
		record = append(record, m)
	}
	s.adapter(a)
	s.talk()
	if _, err := a.Services()["HoldCall"](pbxadapter.WithOp(context.Background(), 7), csta.HoldCall{CallToBeHeld: s.conn("201", csta.Connected)}); err != nil {
		t.Fatal(err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	commands, events := 0, 0
	for _, m := range record {
		text := string(m.Text)
		switch {
		case strings.Contains(text, password):
			t.Errorf("the password is in the record: %s", text)
		case m.Out && m.Op == 7 && strings.Contains(text, "uuid_phone_event"):
			commands++
		case !m.Out && m.Op == 7 && m.Line == "201" && strings.Contains(text, "CHANNEL_HOLD"):
			events++
		}
	}
	if commands != 1 || events != 1 {
		t.Errorf("%d commands and %d events of the request", commands, events)
	}
}

// What goes wrong in a request's name has the request's trace id in the log.
func TestTrace(t *testing.T) {
	s := onFake(t)
	a := fakeAdapter(t, s.at, false)
	core, logs := observer.New(zap.DebugLevel)
	a.log = zap.New(core)
	s.adapter(a)
	defer func() { _ = s.stop() }()
	of := func(r csta.Request, verb string) {
		t.Helper()
		logs.TakeAll()
		trace := pbxadapter.NewTrace()
		_, err := a.Services()[r.Service()](pbxadapter.WithTrace(context.Background(), trace), r)
		if err == nil {
			t.Fatalf("%s is carried out", r.Service())
		}
		if n := logs.FilterField(trace.Field()).FilterMessage("a command failed").Filter(func(e observer.LoggedEntry) bool {
			return strings.HasPrefix(e.ContextMap()["command"].(string), verb)
		}).Len(); n != 1 {
			t.Errorf("%s: %d lines with the trace id: %+v", r.Service(), n, logs.All())
		}
	}
	a.conf.Feat["do_not_disturb"] = FeatureTemplate{Set: "frobnicate {user}", Clear: "frobnicate {user}"}
	of(csta.SetDoNotDisturb{Device: "202", DoNotDisturbOn: true}, "frobnicate")
	s.a.conf.Domain, s.a.conf.Context = "elsewhere.test", "office"
	of(csta.MakeCall{CallingDevice: "201", CalledDirectoryNumber: "202"}, "originate") // which goes on after the request
}

// Who cannot be called to join a conference is told to have failed, and the two others talk on.
func TestConferenceUnreached(t *testing.T) {
	s := newScript(t, false)
	conferenceUnreached(s, s.hands, "777")
}

func conferenceUnreached(s *script, hands adaptertest.Hands, nobody csta.DeviceID) {
	s.t.Helper()
	s.talking(hands)
	_, err := s.a.Services()["SingleStepConferenceCall"](context.Background(), csta.SingleStepConferenceCall{
		ActiveCall: s.conn("201", csta.Connected), DeviceToJoin: nobody, ParticipationType: csta.ParticipationTypeActive,
	})
	var said *csta.Error
	if !errors.As(err, &said) {
		s.t.Errorf("%v", err)
	}
	s.is("201", csta.Connected)
	s.is("202", csta.Connected)
	s.is(nobody)
	s.mu.Lock()
	failed := slices.ContainsFunc(s.told, func(t callmodel.Told) bool {
		e, ok := t.Event.(csta.FailedEvent)
		return ok && e.FailedConnection.Device == nobody
	})
	odd := s.model.Odd()
	s.mu.Unlock()
	if !failed || odd > 0 {
		s.t.Errorf("failed was told: %v; %d facts are no legal state changes", failed, odd)
	}
	s.hand(hands.HangUp("201"))
	s.hand(hands.HangUp("202"))
	s.until("everybody has hung up", func() bool { return len(s.model.State().Calls) == 0 })
}

// Keys that are pressed are told where that is configured, those of a request with its mark; and not otherwise.
func TestDigits(t *testing.T) {
	for _, on := range []bool{false, true} {
		s := onFake(t)
		a := fakeAdapter(t, s.at, false)
		a.conf.Digits = on
		s.adapter(a)
		s.talk()
		id := s.conn("201", csta.Connected)
		if _, err := a.Services()["GenerateDigits"](pbxadapter.WithOp(context.Background(), 7), csta.GenerateDigits{ConnectionToSendDigits: id, CharactersToSend: "1,#"}); err != nil {
			t.Fatal(err)
		}
		digits := func() (list string) {
			for _, x := range s.told {
				if e, ok := x.Event.(csta.DigitsGeneratedEvent); ok && x.Op == 7 && *e.Connection == id && slices.Equal(e.DigitDurationList, []int{250}) {
					list += e.DigitGeneratedList
				}
			}
			return list
		}
		if on {
			s.until("keys are told", func() bool { return digits() == "1#" })
		}
		s.hand(s.hands.HangUp("201"))
		s.is("202")
		if got := digits(); !on && got != "" {
			t.Errorf("%s is told", got)
		}
		_ = s.stop()
	}
}

// Whoever is cleared leaves alone: not the others of a conference, not who rings beside him, not who talks where he only failed to come.
func TestClearsOnlyOne(t *testing.T) {
	s := newScript(t, false)
	s.talk()
	s.consult("203")
	s.hand(s.hands.Answer("203"))
	s.is("203", csta.Connected)
	s.do(csta.ConferenceCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
	s.do(csta.SingleStepConferenceCall{ActiveCall: s.conn("201", csta.Connected), DeviceToJoin: "204", ParticipationType: csta.ParticipationTypeActive})
	s.is("204", csta.Alerting)
	alone := func(d csta.DeviceID, state csta.State, rest ...csta.DeviceID) {
		t.Helper()
		s.do(csta.ClearConnection{ConnectionToBeCleared: s.conn(d, state)})
		s.is(d)
		for _, o := range rest {
			s.is(o, csta.Connected)
		}
	}
	alone("204", csta.Alerting, "201", "202", "203")
	s.a.mu.Lock()
	c := s.a.track.at("201")[0].call
	s.a.track.move(s.a.track.join(c, "9005", callmodel.Party{Device: "9005", Shown: callmodel.Known}), csta.Fail, csta.CauseBusy)
	s.a.mu.Unlock()
	alone("9005", csta.Fail, "201", "202", "203")
	alone("203", csta.Connected, "201", "202")
	alone("202", csta.Connected, "201")
	alone("201", csta.Connected)
	s.until("everybody has hung up", func() bool { return len(s.model.State().Calls) == 0 })
}
