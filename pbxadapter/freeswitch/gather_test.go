package freeswitch

import (
	"testing"
	"testing/synctest"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// What happens while the state is gathered is neither lost nor told twice: events that a leg's dump has in it already mean nothing any more, and those after it are
// heard.
func TestWhileGathering(t *testing.T) {
	hold := func(s *script) { s.hand(s.hands.Hold("201")) }
	back := func(s *script) { s.hand(s.hands.Retrieve("201")) }
	call := func(s *script) {
		s.hand(s.hands.Dial("203", "204"))
		s.hand(s.hands.Answer("204"))
	}
	own := func(s *script) string { return "uuid_dump " + s.whose("201")[0] }
	for _, c := range []struct {
		name   string
		before func(*script) string // which command
		act    []func(*script)
		want   map[csta.DeviceID][]csta.State
	}{
		{"held before the table is read", func(*script) string { return "show channels" }, []func(*script){hold}, map[csta.DeviceID][]csta.State{"201": {csta.Hold}, "202": {csta.Connected}}},
		{"held before its dump", own, []func(*script){hold}, map[csta.DeviceID][]csta.State{"201": {csta.Hold}, "202": {csta.Connected}}},
		{"held and taken back before its dump", own, []func(*script){hold, back}, map[csta.DeviceID][]csta.State{"201": {csta.Connected}, "202": {csta.Connected}}},
		{"held after its dump", func(*script) string { return "db select" }, []func(*script){hold}, map[csta.DeviceID][]csta.State{"201": {csta.Hold}, "202": {csta.Connected}}},
		{"a call after the dumps", func(*script) string { return "db select" }, []func(*script){call}, map[csta.DeviceID][]csta.State{
			"201": {csta.Connected}, "202": {csta.Connected}, "203": {csta.Connected}, "204": {csta.Connected},
		}},
		{"the end after the dumps", func(*script) string { return "db select" }, []func(*script){func(s *script) { s.hand(s.hands.HangUp("202")) }}, map[csta.DeviceID][]csta.State{"201": nil, "202": nil}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, false, func(t *testing.T, s *script) {
				s.talk()
				_ = s.stop()
				s.mu.Lock()
				s.model, s.told = callmodel.New(), nil
				s.mu.Unlock()
				happened := false
				s.f.Before(c.before(s), func() {
					for _, f := range c.act {
						f(s)
					}
					happened = true
				})
				s.adapter(fakeAdapter(t, s.at, false))
				if !happened {
					t.Fatal("the command did not come")
				}
				for d, want := range c.want {
					s.is(d, want...)
				}
				time.Sleep(100 * time.Millisecond)
				for d, want := range c.want {
					s.is(d, want...)
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				for _, x := range s.told {
					if _, is := x.Event.(csta.RetrievedEvent); is {
						t.Errorf("%v is told, and what was before was not", x.Event)
					}
				}
			})
		})
	}
}

// The PBX's table of channels lags behind its events: it is read half a second after the events are heard.
func TestTableIsReadLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := piped(t)
		a := fakeAdapter(t, s.at, false)
		a.time = usual()
		began := time.Now()
		var read time.Duration
		s.f.Before("show channels", func() { read = time.Since(began) })
		s.adapter(a)
		_ = s.stop()
		if read < 500*time.Millisecond || read > time.Second {
			t.Errorf("it is read after %v", read)
		}
	})
}
