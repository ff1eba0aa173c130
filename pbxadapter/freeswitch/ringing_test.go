package freeswitch

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/freeswitch/fake"
)

// rings waits until one leg of a phone rings, and gives it.
func (s *script) rings(user string) (id string) {
	s.t.Helper()
	s.until(user+" rings once", func() bool {
		n := 0
		for _, l := range s.f.Legs() {
			if l.User == user && !l.Answered {
				n, id = n+1, l.ID
			}
		}
		return n == 1
	})
	return id
}

// transferRinging has 201 hand 202 over to who rings.
func (s *script) transferRinging(d csta.DeviceID) {
	s.t.Helper()
	s.do(csta.TransferCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
	s.is("201")
	s.is("202", csta.Connected)
	s.is(d, csta.Alerting)
}

func inBothStyles(t *testing.T, f func(t *testing.T, s *script)) {
	t.Helper()
	for style, parked := range map[string]bool{"notify": false, "parked": true} {
		t.Run(style, func(t *testing.T) { f(t, newScript(t, parked)) })
	}
}

// Who rings for a consultation goes on ringing for who is handed over to him: by the same leg, and in one call, whoever finds it.
func TestRingingGoesOn(t *testing.T) {
	for _, anew := range []bool{false, true} {
		t.Run(fmt.Sprintf("another farhook %v", anew), func(t *testing.T) {
			inBothStyles(t, func(t *testing.T, s *script) {
				s.talk()
				s.consult("203")
				leg := s.rings("203")
				s.transferRinging("203")
				told := strings.Join(s.f.Commands(), "\n")
				if quiet, away := strings.Index(told, "uuid_break "), strings.Index(told, "^intercept:"); quiet < 0 || away < quiet {
					t.Errorf("the music of the hold may be played to him later: %s", told)
				}
				if anew {
					_ = s.stop()
					s.model = callmodel.New()
					s.adapter(fakeAdapter(t, s.at, false))
				}
				if id := s.rings("203"); id != leg {
					t.Errorf("he is rung anew: %s, and it was %s", id, leg)
				}
				call := s.conn("203", csta.Alerting).Call
				if n := s.audit(""); n != 0 {
					t.Errorf("%d put right", n)
				}
				s.hand(s.hands.Answer("203"))
				s.is("203", csta.Connected)
				if id := s.conn("202", csta.Connected).Call; id != call {
					t.Errorf("202 is in %s, 203 was in %s", id, call)
				}
				s.hand(s.hands.HangUp("203"))
				s.nobody()
			})
		})
	}
}

// Who refuses, or does not answer, is rung anew by the dialplan, whose forwarding works; and is told to ring all the while.
func TestRingingIsRefused(t *testing.T) {
	for name, refuse := range map[string]func(*fake.PBX) error{
		"refused":      func(f *fake.PBX) error { return f.Reject("203") },
		"not answered": func(f *fake.PBX) error { return f.GiveUp("203") },
	} {
		t.Run(name, func(t *testing.T) {
			inBothStyles(t, func(t *testing.T, s *script) {
				s.talk()
				s.consult("203")
				s.transferRinging("203")
				s.f.Keep("cfb/203", "204")
				s.f.Keep("cfna/203", "204")
				s.mu.Lock()
				s.told = nil
				s.mu.Unlock()
				first := s.rings("203")
				s.hand(refuse(s.f))
				if s.rings("203") == first {
					t.Error("he has not refused")
				}
				s.is("203", csta.Alerting)
				if n := len(s.told); n != 0 {
					t.Errorf("meanwhile was told\n%s", strings.Join(lines(describe(s.told)), "\n"))
				}
				s.hand(refuse(s.f))
				s.is("203")
				s.is("204", csta.Alerting)
				s.hand(s.hands.Answer("204"))
				s.is("204", csta.Connected)
				s.is("202", csta.Connected)
				s.hand(s.hands.HangUp("202"))
				s.nobody()
			})
		})
	}
}

// Whoever was to be taken from a consultation and has refused a moment before is rung anew.
func TestRingingIsGone(t *testing.T) {
	inBothStyles(t, func(t *testing.T, s *script) {
		s.talk()
		s.consult("203")
		first := s.rings("203")
		s.f.Before("uuid_transfer", func() { s.hand(s.f.Reject("203")) })
		s.transferRinging("203")
		if s.rings("203") == first {
			t.Error("he has not refused")
		}
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		s.hand(s.hands.HangUp("203"))
		s.nobody()
	})
}

// What is done about who still rings for whom was handed over is done as for any call that rings: he isn't rung anew by it.
func TestRingingIsLedElsewhere(t *testing.T) {
	for name, act := range map[string]func(*testing.T, *script){
		"deflected": func(_ *testing.T, s *script) {
			s.do(csta.DeflectCall{CallToBeDiverted: s.conn("203", csta.Alerting), NewDestination: "204"})
			s.is("204", csta.Alerting)
			s.is("203")
			s.hand(s.hands.Answer("204"))
		},
		"picked up": func(_ *testing.T, s *script) {
			s.do(csta.DirectedPickupCall{CallToBePickedUp: new(s.conn("203", csta.Alerting)), RequestingDevice: "204"})
		},
	} {
		for _, anew := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, another farhook %v", name, anew), func(t *testing.T) {
				s := newScript(t, false)
				s.talk()
				s.consult("203")
				s.transferRinging("203")
				if anew {
					_ = s.stop()
					s.model = callmodel.New()
					s.adapter(fakeAdapter(t, s.at, false))
				}
				act(t, s)
				s.is("204", csta.Connected)
				s.is("202", csta.Connected)
				s.is("203")
				if slices.ContainsFunc(s.f.Legs(), func(l fake.Leg) bool { return l.User == "203" }) {
					t.Error("203 rings still")
				}
				s.hand(s.hands.HangUp("204"))
				s.nobody()
			})
		}
	}
	t.Run("cleared", func(t *testing.T) {
		s := newScript(t, false)
		s.talk()
		s.consult("203")
		s.transferRinging("203")
		s.do(csta.ClearConnection{ConnectionToBeCleared: s.conn("203", csta.Alerting)})
		s.nobody()
	})
	t.Run("given up", func(t *testing.T) {
		s := newScript(t, false)
		s.talk()
		s.consult("203")
		s.transferRinging("203")
		s.hand(s.hands.HangUp("202"))
		s.nobody()
	})
}

// Where several phones ring for a consultation, or something is between, nobody can be taken from it: the number is dialled anew.
func TestRingingOfSeveral(t *testing.T) {
	for _, number := range []string{"400", "411", "412"} {
		t.Run(number, func(t *testing.T) {
			s := newScript(t, false)
			s.hand(s.hands.Dial("201", "204"))
			s.is("204", csta.Alerting)
			s.hand(s.hands.Answer("204"))
			s.is("204", csta.Connected)
			s.do(csta.ConsultationCall{ExistingCall: s.conn("201", csta.Connected), ConsultedDevice: csta.DeviceID(number)})
			s.is("203", csta.Alerting)
			if number != "412" { // 203 alone, by a loopback
				s.is("202", csta.Alerting)
			}
			s.f.Commands()
			s.do(csta.TransferCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
			for _, c := range s.f.Commands() {
				if strings.Contains(c, "intercept") {
					t.Errorf("%s: who of them?", c)
				}
			}
			s.is("201")
			s.is("204", csta.Connected)
		})
	}
}
