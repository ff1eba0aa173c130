package freeswitch

import (
	"context"
	"testing"

	"farhook/csta"
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
	"ParkCall": func(s *script, do func(csta.Request)) {
		id := s.conn("201", csta.Connected)
		do(csta.ParkCall{Parking: &id, ParkTo: "501"})
	},
}

// consulted has 201 consult 203, who answers, before the service.
func consulted(act func(*script, func(csta.Request))) func(*script, func(csta.Request)) {
	return func(s *script, do func(csta.Request)) {
		s.f.mu.Lock()
		k := s.f.killAfter // only the service's own commands count
		s.f.killAfter = 0
		s.f.mu.Unlock()
		s.consult("203")
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		s.f.mu.Lock()
		s.f.killAfter = k + s.f.counted
		s.f.mu.Unlock()
		act(s, do)
	}
}

// Whenever farhook dies, no call does: stopped dead after each command of each service of several steps, and started anew, it finds everybody
// in a call, can take back who was held, and clears nobody but who is left alone.
func TestKilledAfterEachCommand(t *testing.T) {
	for name, act := range steps {
		for style, parked := range map[string]bool{"notify": false, "parked": true} {
			t.Run(name+"/"+style, func(t *testing.T) {
				for k := 1; k <= 30; k++ {
					if !killedAfter(t, k, parked, act) {
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

// killedAfter says whether the service came as far as its k-th command.
func killedAfter(t *testing.T, k int, parked bool, act func(*script, func(csta.Request))) bool {
	t.Helper()
	s := newScript(t, parked)
	s.talk()
	s.f.mu.Lock()
	s.f.counted, s.f.killAfter = 0, k
	s.f.mu.Unlock()
	died := false
	act(s, func(r csta.Request) {
		if died {
			return
		}
		if _, err := s.a.Services()[r.Service()](context.Background(), r); err != nil {
			s.f.mu.Lock()
			died = s.f.frozen
			s.f.mu.Unlock()
			if !died {
				t.Fatalf("%s: %v", r.Service(), err)
			}
		}
	})
	s.f.mu.Lock()
	reached := s.f.frozen
	s.f.mu.Unlock()
	if !reached {
		return false
	}
	_ = s.stop()
	s.f.mu.Lock()
	s.f.frozen, s.f.killAfter = false, 0
	far, err := s.f.newest("202", func(l *fleg) bool { return !l.dead })
	s.f.mu.Unlock()
	if err != nil {
		t.Fatalf("killed after command %d: 202 has lost its call", k)
	}
	s.adapter(fakeAdapter(t, s.f, parked))
	s.until("202's call is found again", func() bool { return len(s.states("202")) > 0 })
	s.f.mu.Lock()
	var users []csta.DeviceID
	for _, l := range s.f.legs {
		users = append(users, csta.DeviceID(l.user))
	}
	s.f.mu.Unlock()
	for _, u := range users {
		s.until(string(u)+" is found in a call", func() bool { return len(s.states(u)) > 0 })
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
	if far.dead {
		t.Fatalf("killed after command %d: 202 has lost its call to the new farhook", k)
	}
	// When everybody but 202 has hung up, nobody is left behind in a park.
	for _, u := range []string{"201", "203"} {
		for range 3 {
			_ = s.hands.on(u, func(*fleg) bool { return true }, func(l *fleg) { s.f.hangup(l, "NORMAL_CLEARING") })
		}
	}
	inside := func() bool { // in a slot or a room one may be alone
		s.f.mu.Lock()
		defer s.f.mu.Unlock()
		return far.dead || far.room != "" || far.parked && far.vars["farhook_holder"] == ""
	}
	s.until("202 is left alone in no park", inside)
	_ = s.hands.on("202", func(*fleg) bool { return true }, func(l *fleg) { s.f.hangup(l, "NORMAL_CLEARING") })
	s.until("every call has ended", func() bool { return len(s.model.State().Calls) == 0 })
	_ = s.stop()
	return true
}
