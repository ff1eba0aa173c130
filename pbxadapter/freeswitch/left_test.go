package freeswitch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/freeswitch/fake"
)

// nobody waits until the PBX has no leg any more.
func (s *script) nobody() {
	s.t.Helper()
	s.until("every leg has gone", func() bool { return len(s.f.Legs()) == 0 })
	s.until("every call has ended", func() bool { return len(s.model.State().Calls) == 0 })
}

// Whoever is consulted, and whoever is held, have nobody any more when the consulting user hangs up: neither waits in silence for ever.
func TestConsultingUserHangsUp(t *testing.T) {
	for _, alternated := range []bool{false, true} {
		for _, dead := range []bool{false, true} {
			t.Run(fmt.Sprintf("alternated %v, farhook dead %v", alternated, dead), func(t *testing.T) {
				s := newScript(t, true)
				s.talk()
				s.consult("203")
				s.hand(s.hands.Answer("203"))
				s.is("203", csta.Connected)
				if alternated {
					s.do(csta.AlternateCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
				}
				if dead {
					_ = s.stop()
				}
				s.hand(s.hands.HangUp("201"))
				if dead {
					s.adapter(fakeAdapter(t, s.at, true))
				}
				s.nobody()
			})
		}
	}
}

// At whatever command of a hold farhook dies, and whoever hangs up while it is dead: the other one is not left in a park.
func TestHangUpWhileFarhookIsDead(t *testing.T) {
	for k := 1; k <= 3; k++ {
		for _, u := range []csta.DeviceID{"201", "202"} {
			t.Run(fmt.Sprintf("%s after command %d", u, k), func(t *testing.T) {
				s := newScript(t, true)
				s.talk()
				s.f.KillAfter(k)
				r := csta.HoldCall{CallToBeHeld: s.conn("201", csta.Connected)}
				_, _ = s.a.Services()[r.Service()](t.Context(), r)
				if !s.f.Killed() {
					t.Fatal("it has fewer commands")
				}
				_ = s.stop()
				s.f.KillAfter(0)
				s.hand(s.hands.HangUp(u))
				s.adapter(fakeAdapter(t, s.at, true))
				s.nobody()
			})
		}
	}
}

// A hold that the PBX refuses leaves a talk as it was.
func TestRefusedHoldIsUndone(t *testing.T) {
	s := newScript(t, true)
	s.talk()
	s.f.Refuse("uuid_transfer")
	r := csta.HoldCall{CallToBeHeld: s.conn("201", csta.Connected)}
	if _, err := s.a.Services()[r.Service()](t.Context(), r); err == nil {
		t.Fatal("it is not refused")
	}
	s.until("the marks are gone", func() bool {
		for _, l := range s.f.Legs() {
			if l.Vars["farhook_holder"] != "" || l.Vars["farhook_parks"] != "" || l.Vars["park_after_bridge"] == "true" {
				return false
			}
		}
		return true
	})
	s.is("201", csta.Connected)
	s.hand(s.hands.HangUp("202"))
	s.nobody()
}

// Whoever holds one call by parking and hands the other one over keeps the held one.
func TestHeldCallStaysWhenTheOtherIsHandedOver(t *testing.T) {
	s := newScript(t, true)
	s.talk()
	s.consult("203")
	s.hand(s.hands.Answer("203"))
	s.is("203", csta.Connected)
	s.do(csta.SingleStepTransferCall{ActiveCall: s.conn("201", csta.Connected), TransferredTo: "204"})
	s.is("204", csta.Alerting)
	s.is("201", csta.Hold)
	s.hand(s.hands.Answer("204"))
	s.is("204", csta.Connected)
	s.do(csta.RetrieveCall{CallToBeRetrieved: s.conn("201", csta.Hold)})
	s.is("201", csta.Connected)
	s.is("202", csta.Connected)
}

// Of whom only the dump could not be had when farhook comes back is no counterpart that has gone: whoever is parked for him is kept, and he holds him as
// soon as he is known.
func TestHolderWhoseDumpIsMissed(t *testing.T) {
	inBubble(t, true, func(t *testing.T, s *script) {
		s.talk()
		s.do(csta.HoldCall{CallToBeHeld: s.conn("201", csta.Connected)})
		own := s.whose("201")[0]
		_ = s.stop()
		s.model = callmodel.New()
		s.f.Commands()
		s.f.Refuse("uuid_dump " + own)
		s.adapter(fakeAdapter(t, s.at, true))
		s.is("201", csta.Hold)
		s.is("202", csta.Connected)
		for _, c := range s.f.Commands() {
			if strings.HasPrefix(c, "uuid_kill") {
				t.Errorf("%s: both are there", c)
			}
		}
		s.do(csta.RetrieveCall{CallToBeRetrieved: s.conn("201", csta.Hold)})
		s.is("201", csta.Connected)
	})
}

// A parked leg of which something is heard, and of which nothing was known, is asked for together with its holder.
func TestStrayParkedLegIsKept(t *testing.T) {
	inBubble(t, true, func(t *testing.T, s *script) {
		s.talk()
		s.do(csta.HoldCall{CallToBeHeld: s.conn("201", csta.Connected)})
		own, far := s.whose("201")[0], s.whose("202")[0]
		_ = s.stop()
		s.model = callmodel.New()
		s.f.Unlist()
		s.adapter(fakeAdapter(t, s.at, true))
		s.f.Fire("CHANNEL_CALLSTATE", map[string]string{"Unique-ID": far, "Channel-Call-State": "ACTIVE"})
		s.is("201", csta.Hold)
		s.is("202", csta.Connected)
		if now := append(s.whose("201"), s.whose("202")...); !slices.Equal(now, []string{own, far}) {
			t.Errorf("there are %v", now)
		}
	})
}

// Who was parked and has been taken back ends with the talk, as anybody: neither leg is marked any more.
func TestTakenBackIsUnmarked(t *testing.T) {
	s := newScript(t, true)
	s.talk()
	id := s.conn("201", csta.Connected)
	s.do(csta.HoldCall{CallToBeHeld: id})
	s.do(csta.RetrieveCall{CallToBeRetrieved: id})
	s.until("the marks are gone", func() bool {
		return !slices.ContainsFunc(s.f.Legs(), func(l fake.Leg) bool {
			return l.Vars["farhook_holder"] != "" || l.Vars["farhook_parks"] != "" || l.Vars["park_after_bridge"] == "true"
		})
	})
	s.hand(s.hands.HangUp("202"))
	s.nobody()
}

// What is set at a phone, and the PBX cannot be asked for, is still known when the link comes back.
func TestFeaturesOutliveTheLink(t *testing.T) {
	s := onFake(t)
	a := fakeAdapter(t, s.at, false)
	a.conf.Sync, a.conf.Feat = true, nil
	s.adapter(a)
	s.do(csta.SetDoNotDisturb{Device: "202", DoNotDisturbOn: true})
	_ = s.stop()
	s.model = callmodel.New()
	s.adapter(a)
	defer func() { _ = s.stop() }()
	if !slices.Contains(s.model.Features("202"), callmodel.Feature(callmodel.DoNotDisturb{On: true})) {
		t.Errorf("%+v", s.model.Features("202"))
	}
}

// Who consults something inside the PBX goes on listening to it when who is held for him hangs up: only a leg that is parked has nobody.
func TestListenerIsKept(t *testing.T) {
	inBubble(t, true, func(t *testing.T, s *script) {
		s.talk()
		s.do(csta.ConsultationCall{ExistingCall: s.conn("201", csta.Connected), ConsultedDevice: "9001"})
		s.f.Commands()
		s.hand(s.hands.HangUp("202"))
		s.is("202")
		asked := false
		s.until("it is asked about", func() bool {
			for _, c := range s.f.Commands() {
				asked = asked || strings.HasPrefix(c, "uuid_exists ")
			}
			return asked
		})
		if n := s.audit(""); n != 0 {
			t.Errorf("%d put right", n)
		}
		if len(s.whose("201")) != 1 {
			t.Error("it has lost its call")
		}
		s.hand(s.hands.HangUp("201"))
		s.nobody()
	})
}

// Whoever is consulted and hangs up, or refuses, or whom nobody reaches, ends the consultation, with one leg for both calls as with a leg for each: who was held is held, and can be
// taken back; also if farhook was dead meanwhile, or didn't hear of it.
func TestConsultationEnds(t *testing.T) {
	ends := map[string]func(s *script){
		"answered, and hung up": func(s *script) {
			s.hand(s.hands.Answer("203"))
			s.is("203", csta.Connected)
			s.hand(s.hands.HangUp("203"))
		},
		"refused":    func(s *script) { s.hand(s.hands.Reject("203")) },
		"unanswered": func(s *script) { s.hand(s.f.GiveUp("203")) },
	}
	told := map[string][]string{}
	for _, parked := range []bool{false, true} {
		for name, end := range ends {
			t.Run(fmt.Sprintf("%s, parked %v", name, parked), func(t *testing.T) {
				s := newScript(t, parked)
				s.talk()
				s.consult("203")
				s.mu.Lock()
				s.told = nil
				s.mu.Unlock()
				end(s)
				s.is("203")
				s.is("201", csta.Hold)
				s.mu.Lock()
				list := shape(describe(s.told))["201"]
				s.mu.Unlock()
				if other := told[name]; other != nil && !slices.Equal(list, other) {
					t.Errorf("201 hears\n%s\nand with the other style\n%s", strings.Join(list, "\n"), strings.Join(other, "\n"))
				}
				told[name] = list
				s.do(csta.RetrieveCall{CallToBeRetrieved: s.conn("201", csta.Hold)})
				s.is("201", csta.Connected)
				s.is("202", csta.Connected)
				s.consult("204") // as often as one likes
				s.hand(s.hands.Answer("204"))
				s.is("204", csta.Connected)
				s.hand(s.hands.HangUp("204"))
				s.is("201", csta.Hold)
				s.hand(s.hands.HangUp("202"))
				s.nobody()
			})
		}
	}
	for _, dead := range []bool{false, true} {
		t.Run(fmt.Sprintf("unheard, farhook dead %v", dead), func(t *testing.T) {
			s := newScript(t, true)
			s.talk()
			s.consult("203")
			s.hand(s.hands.Answer("203"))
			s.is("203", csta.Connected)
			call := s.conn("201", csta.Hold).Call
			if dead {
				_ = s.stop()
			} else {
				s.f.Lose("CHANNEL_PARK")
			}
			s.hand(s.hands.HangUp("203"))
			if dead {
				s.model = callmodel.New()
				s.adapter(fakeAdapter(t, s.at, true))
			} else {
				s.is("203")
				s.audit("")
			}
			s.is("201", csta.Hold)
			if id := s.conn("201", csta.Hold).Call; id != call {
				t.Errorf("%s is held, and was %s", id, call)
			}
			s.until("it is marked with the call", func() bool {
				return slices.ContainsFunc(s.f.Legs(), func(l fake.Leg) bool { return l.User == "201" && "fs-"+l.Vars["farhook_call"] == string(call) })
			})
			s.do(csta.RetrieveCall{CallToBeRetrieved: s.conn("201", csta.Hold)})
			s.is("201", csta.Connected)
			s.hand(s.hands.HangUp("202"))
			s.nobody()
		})
	}
}

// Who is handed over to a slot takes his own hold back there, though whom he talked to has gone long since.
func TestHoldsInASlot(t *testing.T) {
	s := newScript(t, false)
	s.talk()
	s.do(csta.SingleStepTransferCall{ActiveCall: s.conn("202", csta.Connected), TransferredTo: "501"})
	s.is("501", csta.Queued)
	s.is("201", csta.Connected)
	s.is("202")
	time.Sleep(200 * time.Millisecond)
	s.hand(s.hands.Hold("201"))
	s.is("201", csta.Hold)
	s.hand(s.hands.Retrieve("201"))
	s.is("201", csta.Connected)
}

// Who is handed over to a slot waits there, also where that is told before the end of who handed him over.
func TestHandedOverToASlot(t *testing.T) {
	s := newScript(t, false)
	s.talk()
	by := s.conn("202", csta.Connected)
	s.a.mu.Lock()
	n, err := s.a.find(by)
	if err != nil {
		t.Fatal(err)
	}
	l := far(n)
	s.a.track.willHandOver(n, l, s.a.track.known("501", pbxadapter.Called))
	e := new(event)
	e.value[eventName], e.value[eventSubclass], e.value[uniqueID] = "CUSTOM", "valet_parking::info", l.id
	e.value[action], e.value[valetExtension] = "hold", "501"
	s.a.track.hear(e, time.Now())
	s.a.mu.Unlock()
	s.is("501", csta.Queued)
	s.is("202")
	s.is("201", csta.Connected)
}
