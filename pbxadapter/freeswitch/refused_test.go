package freeswitch

import (
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/freeswitch/fake"
)

// killed are the legs that were ended since the last time, by phone, and why.
func (s *script) killed(before []fake.Leg) map[string]string {
	m := map[string]string{}
	for _, c := range s.f.Commands() {
		w := strings.Fields(c)
		if w[0] != "uuid_kill" {
			continue
		}
		for _, l := range before {
			if l.ID == w[1] {
				m[l.User] = strings.Join(w[2:], " ")
			}
		}
	}
	return m
}

// Who does not take a call is busy, who gives up has cancelled, and who has talked clears: the PBX tells the other party so, and its dialplan goes on by it.
func TestCausesOfClearing(t *testing.T) {
	for _, c := range []struct {
		name  string
		who   csta.DeviceID
		state csta.State
		want  string
	}{
		{"not taken", "202", csta.Alerting, "USER_BUSY"},
		{"given up", "201", csta.Connected, "ORIGINATOR_CANCEL"},
		{"talked", "201", csta.Connected, "NORMAL_CLEARING"},
		{"talked, too", "202", csta.Connected, "NORMAL_CLEARING"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t, false)
			s.hand(s.hands.Dial("201", "202"))
			s.is("202", csta.Alerting)
			if c.want == "NORMAL_CLEARING" {
				s.hand(s.hands.Answer("202"))
				s.is("202", csta.Connected)
			}
			before := s.f.Legs()
			s.f.Commands()
			s.do(csta.ClearConnection{ConnectionToBeCleared: s.conn(c.who, c.state)})
			if got := s.killed(before); len(got) != 1 || got[string(c.who)] != c.want {
				t.Errorf("%v, want %s: %s", got, c.who, c.want)
			}
			s.nobody()
		})
	}
	s := newScript(t, false) // whose calls are forwarded when he is busy
	s.f.Keep("cfb/202", "203")
	s.hand(s.hands.Dial("201", "202"))
	s.do(csta.ClearConnection{ConnectionToBeCleared: s.conn("202", csta.Alerting)})
	s.is("203", csta.Alerting)
}

// A conference that comes to nothing, at whichever command, leaves who is held as he was: the phone's one leg still waits when its talk is over, and can take him back.
func TestConferenceRefused(t *testing.T) {
	for _, refused := range []string{"uuid_setvar_multi ", "uuid_transfer "} {
		t.Run(refused, func(t *testing.T) {
			s := newScript(t, true)
			s.talk()
			s.consult("203")
			s.hand(s.hands.Answer("203"))
			s.is("203", csta.Connected)
			own := func() fake.Leg {
				all := s.f.Legs()
				return all[slices.IndexFunc(all, func(l fake.Leg) bool { return l.User == "201" })]
			}
			parks := own().Vars["farhook_parks"]
			if parks == "" {
				t.Fatal("nobody is parked")
			}
			s.f.Refuse(refused)
			r := csta.ConferenceCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)}
			if _, err := s.a.Services()[r.Service()](t.Context(), r); err == nil {
				t.Fatal("it is one")
			}
			s.until("its leg parks again", func() bool {
				v := own().Vars
				return v["park_after_bridge"] == "true" && v["hangup_after_bridge"] == "false" && v["farhook_parks"] == parks
			})
			time.Sleep(100 * time.Millisecond)
			s.hand(s.hands.HangUp("203"))
			s.is("203")
			s.is("201", csta.Connected, csta.Hold) // its leg waits, alone in the second call
			s.do(csta.ReconnectCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
			s.is("201", csta.Connected)
			s.is("202", csta.Connected)
			s.hand(s.hands.HangUp("201"))
			s.nobody()
		})
	}
}

// A phone is told its features where it says it is, if what it says are names; else nothing is sent, and it stays known as it was.
func TestFeatureSyncOfNoNames(t *testing.T) {
	for _, bad := range []string{"", "a b", "x\r\nX: y", "<desk>", "${host}", "a,b", strings.Repeat("a", 300)} {
		for _, field := range []string{"host", "profile_name"} {
			s := onFake(t)
			a := fakeAdapter(t, s.at, false)
			a.conf.Sync = true
			s.adapter(a)
			ask := func(more map[string]string) {
				m := map[string]string{"user": "202", "host": "127.0.0.1", "profile_name": "desk", "call-id": "sub-1"}
				for k, v := range more {
					m[k] = v
				}
				s.f.Fire("PHONE_FEATURE_SUBSCRIBE", m)
			}
			ask(map[string]string{field: bad, "call-id": "bad"})
			ask(nil)
			var all []string
			s.until("the next one is answered", func() bool {
				all = append(all, s.f.Said()...)
				return slices.ContainsFunc(all, func(c string) bool { return strings.Contains(c, "\ncall-id: sub-1") })
			})
			if err := s.stop(); err != nil {
				t.Error(err)
			}
			for _, c := range append(all, s.f.Said()...) {
				if strings.HasPrefix(c, "sendevent PHONE_FEATURE") && !strings.Contains(c, "\ncall-id: sub-1\n") {
					t.Errorf("%s %q: %q is sent", field, clip(bad), c)
				}
			}
		}
	}
}
