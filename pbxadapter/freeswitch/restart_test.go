package freeswitch

import (
	"context"
	"slices"
	"testing"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/freeswitch/fake"
)

// steps are the services of several commands, by 201, which talks to 202.
var steps = map[string]func(*script, func(csta.Request)){
	"HoldCall": func(s *script, do func(csta.Request)) {
		do(csta.HoldCall{CallToBeHeld: s.conn("201", csta.Connected)})
	},
	"RetrieveCall": func(s *script, do func(csta.Request)) {
		id := s.conn("201", csta.Connected)
		do(csta.HoldCall{CallToBeHeld: id})
		do(csta.RetrieveCall{CallToBeRetrieved: id})
	},
	"ConsultationCall": func(s *script, do func(csta.Request)) {
		do(csta.ConsultationCall{ExistingCall: s.conn("201", csta.Connected), ConsultedDevice: "203"})
	},
	"AlternateCall": consulted(func(s *script, do func(csta.Request)) {
		do(csta.AlternateCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
	}),
	"ReconnectCall": consulted(func(s *script, do func(csta.Request)) {
		do(csta.ReconnectCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
	}),
	"TransferCall": consulted(func(s *script, do func(csta.Request)) {
		do(csta.TransferCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
	}),
	"ConferenceCall": consulted(func(s *script, do func(csta.Request)) {
		do(csta.ConferenceCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
	}),
	"SingleStepTransferCall": func(s *script, do func(csta.Request)) {
		do(csta.SingleStepTransferCall{ActiveCall: s.conn("201", csta.Connected), TransferredTo: "203"})
	},
	"SingleStepConferenceCall": func(s *script, do func(csta.Request)) {
		do(csta.SingleStepConferenceCall{ActiveCall: s.conn("201", csta.Connected), DeviceToJoin: "203", ParticipationType: csta.ParticipationTypeActive})
	},
	"SingleStepConferenceCall of a number outside": func(s *script, do func(csta.Request)) {
		do(csta.SingleStepConferenceCall{ActiveCall: s.conn("201", csta.Connected), DeviceToJoin: "0301234567", ParticipationType: csta.ParticipationTypeActive})
	},
	"TransferCall to who rings": ringing("203", func(s *script) { s.consult("203") }, func(s *script, do func(csta.Request)) {
		do(csta.TransferCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
	}),
	"MakeCall beside them": func(s *script, do func(csta.Request)) {
		do(csta.MakeCall{CallingDevice: "204", CalledDirectoryNumber: "205", AutoOriginate: csta.AutoOriginateDoNotPrompt})
	},
	"DeflectCall beside them": ringing("204", func(s *script) { s.hand(s.hands.Dial("203", "204")) }, func(s *script, do func(csta.Request)) {
		do(csta.DeflectCall{CallToBeDiverted: s.conn("204", csta.Alerting), NewDestination: "205"})
	}),
	"DirectedPickupCall beside them": ringing("204", func(s *script) { s.hand(s.hands.Dial("203", "204")) }, func(s *script, do func(csta.Request)) {
		do(csta.DirectedPickupCall{CallToBePickedUp: new(s.conn("204", csta.Alerting)), RequestingDevice: "205"})
	}),
	"ParkCall": func(s *script, do func(csta.Request)) {
		id := s.conn("201", csta.Connected)
		do(csta.ParkCall{Parking: &id, ParkTo: "501"})
	},
}

// ringing has a phone ring before the service.
func ringing(d csta.DeviceID, before func(*script), act func(*script, func(csta.Request))) func(*script, func(csta.Request)) {
	return func(s *script, do func(csta.Request)) {
		k := s.f.KillAfter(0) // only the service's own commands count
		before(s)
		s.is(d, csta.Alerting)
		s.f.KillAfter(k)
		act(s, do)
	}
}

// consulted has 201 consult 203, who answers, before the service.
func consulted(act func(*script, func(csta.Request))) func(*script, func(csta.Request)) {
	return ringing("203", func(s *script) { s.consult("203") }, func(s *script, do func(csta.Request)) {
		k := s.f.KillAfter(0)
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		s.f.KillAfter(k)
		act(s, do)
	})
}

// Whenever farhook dies, no call does: stopped dead after each command of each service of several steps, and started anew, it finds everybody
// in a call, can take back who was held, and clears nobody but who is left alone.
func TestKilledAfterEachCommand(t *testing.T) {
	for name, act := range steps {
		for style, parked := range map[string]bool{"notify": false, "parked": true} {
			t.Run(name+"/"+style, func(t *testing.T) {
				for k := 1; k <= 30; k++ {
					for _, last := range []string{"201", "202"} {
						if killedAfter(t, k, parked, last, act) {
							continue
						}
						if k < 2 {
							t.Fatal("it has no command")
						}
						return
					}
				}
			})
		}
	}
}

// killedAfter says whether the service came as far as its k-th command. In the end everybody hangs up but one.
func killedAfter(t *testing.T, k int, parked bool, last string, act func(*script, func(csta.Request))) bool {
	t.Helper()
	s := newScript(t, parked)
	s.talk()
	s.f.KillAfter(k)
	died := false
	act(s, func(r csta.Request) {
		if died {
			return
		}
		if _, err := s.a.Services()[r.Service()](context.Background(), r); err != nil {
			if died = s.f.Killed(); !died {
				t.Fatalf("%s: %v", r.Service(), err)
			}
		}
	})
	if !s.f.Killed() {
		return false
	}
	_ = s.stop()
	s.f.KillAfter(0)
	far := ""
	for _, l := range s.f.Legs() {
		if l.User == "202" {
			far = l.ID
		}
	}
	if far == "" {
		t.Fatalf("killed after command %d: 202 has lost its call", k)
	}
	s.adapter(fakeAdapter(t, s.at, parked))
	s.until("202's call is found again", func() bool { return len(s.states("202")) > 0 })
	is := func(user string, ok func(fake.Leg) bool) bool {
		return slices.ContainsFunc(s.f.Legs(), func(l fake.Leg) bool { return l.User == user && ok(l) })
	}
	any := func(fake.Leg) bool { return true }
	for _, l := range s.f.Legs() {
		if l.User == "" { // outside, or a loopback
			continue
		}
		s.until(l.User+" is found in a call", func() bool { return len(s.states(csta.DeviceID(l.User))) > 0 || !is(l.User, any) })
	}
	if is("202", func(l fake.Leg) bool { return l.Parked && !l.Slot }) {
		s.until("201 holds 202, which is parked", func() bool { return slices.Contains(s.states("201"), csta.Hold) })
	}
	// Who is held can be taken back, as soon as nobody else is talked to.
	s.mu.Lock()
	states := s.states("201")
	s.mu.Unlock()
	if len(states) == 1 && states[0] == csta.Hold {
		s.do(csta.RetrieveCall{CallToBeRetrieved: s.conn("201", csta.Hold)})
		s.is("201", csta.Connected)
		s.is("202", csta.Connected)
	}
	if !is("202", func(l fake.Leg) bool { return l.ID == far }) {
		t.Fatalf("killed after command %d: 202 has lost its call to the new farhook", k)
	}
	// When everybody else has hung up, nobody is left behind in a park.
	s.f.Reset(slices.DeleteFunc([]string{"201", "202", "203", "204", "205", ""}, func(u string) bool { return u == last })...)
	s.until(last+" is left alone in no park", func() bool { // in a slot or a room one may be alone
		return !is(last, func(l fake.Leg) bool { return !l.Room && !l.Slot })
	})
	s.f.Reset(last)
	s.until("every call has ended", func() bool { return len(s.model.State().Calls) == 0 })
	_ = s.stop()
	return true
}

// Who came into a conference through a loopback is found there by another farhook, though his leg still has the loopback's variables.
func TestRestartInConference(t *testing.T) {
	s := newScript(t, false)
	s.talk()
	s.do(csta.SingleStepConferenceCall{ActiveCall: s.conn("201", csta.Connected), DeviceToJoin: "0301234567", ParticipationType: csta.ParticipationTypeActive})
	s.is("0301234567", csta.Alerting)
	s.hand(s.hands.Answer("0301234567"))
	s.is("0301234567", csta.Connected)
	before := s.conn("0301234567", csta.Connected)
	_ = s.stop()
	s.model = callmodel.New()
	s.adapter(fakeAdapter(t, s.at, false))
	if id := s.conn("0301234567", csta.Connected); id != before {
		t.Errorf("%v, and was %v", id, before)
	}
	s.is("201", csta.Connected)
	s.is("202", csta.Connected)
}
