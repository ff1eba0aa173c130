package freeswitch

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

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
	"DeflectCall of who rings for whom was transferred": quietly(transferredToWhoRings, func(s *script, do func(csta.Request)) {
		do(csta.DeflectCall{CallToBeDiverted: s.conn("203", csta.Alerting), NewDestination: "204"})
	}),
	"MakeCall beside them": func(s *script, do func(csta.Request)) {
		do(csta.MakeCall{CallingDevice: "204", CalledDirectoryNumber: "205", AutoOriginate: csta.AutoOriginateDoNotPrompt})
	},
	"DeflectCall beside them": ringing("204", rings204, func(s *script, do func(csta.Request)) {
		do(csta.DeflectCall{CallToBeDiverted: s.conn("204", csta.Alerting), NewDestination: "205"})
	}),
	"DirectedPickupCall beside them": ringing("204", rings204, func(s *script, do func(csta.Request)) {
		do(csta.DirectedPickupCall{CallToBePickedUp: new(s.conn("204", csta.Alerting)), RequestingDevice: "205"})
	}),
	"ParkCall": func(s *script, do func(csta.Request)) {
		id := s.conn("201", csta.Connected)
		do(csta.ParkCall{Parking: &id, ParkTo: "501"})
	},
	"AnswerCall beside them": ringing("204", rings204, func(s *script, do func(csta.Request)) {
		do(csta.AnswerCall{CallToBeAnswered: s.conn("204", csta.Alerting)})
	}),
	"GroupPickupCall beside them": ringing("204", rings204, func(s *script, do func(csta.Request)) {
		do(csta.GroupPickupCall{NewDestination: "205"})
	}),
	"ClearCall of a consultation": consulted(func(s *script, do func(csta.Request)) {
		do(csta.ClearCall{CallToBeCleared: new(s.conn("203", csta.Connected))})
	}),
	"ClearConnection in a consultation": consulted(func(s *script, do func(csta.Request)) {
		do(csta.ClearConnection{ConnectionToBeCleared: s.conn("203", csta.Connected)})
	}),
	"SingleStepTransferCall of who is held": held(func(s *script, do func(csta.Request)) {
		do(csta.SingleStepTransferCall{ActiveCall: s.conn("201", csta.Hold), TransferredTo: "203"})
	}),
	"ParkCall of who is held": held(func(s *script, do func(csta.Request)) {
		do(csta.ParkCall{Parking: new(s.conn("201", csta.Hold)), ParkTo: "501"})
	}),
	"DirectedPickupCall from a slot": quietly(func(s *script) {
		s.do(csta.ParkCall{Parking: new(s.conn("201", csta.Connected)), ParkTo: "501"})
		s.is("501", csta.Queued)
	}, func(s *script, do func(csta.Request)) {
		do(csta.DirectedPickupCall{CallToBePickedUp: new(s.conn("501", csta.Queued)), RequestingDevice: "203"})
	}),
	"ConferenceCall of a fourth": consulted(func(s *script, do func(csta.Request)) {
		quietly(func(s *script) {
			s.do(csta.ConferenceCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
			s.consult("204")
			s.hand(s.hands.Answer("204"))
			s.is("204", csta.Connected)
		}, func(s *script, do func(csta.Request)) {
			do(csta.ConferenceCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
		})(s, do)
	}),
	"SetDoNotDisturb": func(_ *script, do func(csta.Request)) {
		do(csta.SetDoNotDisturb{Device: "201", DoNotDisturbOn: true})
		do(csta.SetDoNotDisturb{Device: "201"})
	},
	"SetForwarding": func(_ *script, do func(csta.Request)) {
		for _, kind := range []csta.ForwardingType{csta.ForwardImmediate, csta.ForwardBusy, csta.ForwardNoAns} {
			do(csta.SetForwarding{Device: "202", ForwardingType: kind, ActivateForward: true, ForwardDN: "203"})
			do(csta.SetForwarding{Device: "202", ForwardingType: kind})
		}
	},
}

// transferredToWhoRings has 201 hand 202 over to 203, who rings.
func transferredToWhoRings(s *script) {
	s.consult("203")
	s.do(csta.TransferCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
	s.is("201")
}

func rings204(s *script) { s.hand(s.hands.Dial("203", "204")) }

// quietly has something done before the service, of which no command counts.
func quietly(before func(*script), act func(*script, func(csta.Request))) func(*script, func(csta.Request)) {
	return func(s *script, do func(csta.Request)) {
		k := s.f.KillAfter(0)
		before(s)
		s.f.KillAfter(k)
		act(s, do)
	}
}

// held has 201 hold 202 before the service.
func held(act func(*script, func(csta.Request))) func(*script, func(csta.Request)) {
	return quietly(func(s *script) { s.do(csta.HoldCall{CallToBeHeld: s.conn("201", csta.Connected)}) }, act)
}

// ringing has a phone ring before the service.
func ringing(d csta.DeviceID, before func(*script), act func(*script, func(csta.Request))) func(*script, func(csta.Request)) {
	return quietly(func(s *script) {
		before(s)
		s.is(d, csta.Alerting)
	}, act)
}

// consulted has 201 consult 203, who answers, before the service.
func consulted(act func(*script, func(csta.Request))) func(*script, func(csta.Request)) {
	return quietly(func(s *script) {
		s.consult("203")
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
	}, act)
}

// Whenever farhook dies, no call does: stopped dead after each command of each service of several steps, and started anew, it finds everybody
// in a call, can take back who was held, and clears nobody but who is left alone.
func TestKilledAfterEachCommand(t *testing.T) {
	for name, act := range steps {
		for style, parked := range map[string]bool{"notify": false, "parked": true} {
			t.Run(name+"/"+style, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
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
			})
		}
	}
}

// killedAfter says whether the service came as far as its k-th command. In the end everybody hangs up but one.
func killedAfter(t *testing.T, k int, parked bool, last string, act func(*script, func(csta.Request))) bool {
	t.Helper()
	s := piped(t)
	s.adapter(fakeAdapter(t, s.at, parked))
	defer func() { _ = s.stop() }()
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
	before := scene(s.f.Legs())
	calls := before.calls(s)
	s.f.KillAfter(0)
	s.adapter(fakeAdapter(t, s.at, parked))
	before.found(s)
	for pair, id := range before.calls(s) {
		if was, ok := calls[pair]; ok && was != id {
			t.Errorf("killed after command %d: %v talked in %s, and are in %s", k, pair, was, id)
		}
	}
	before.invents(s, k)
	s.audit("")
	time.Sleep(time.Second) // what it wants of the PBX has been done
	before.lives(s, k)
	before.takenBack(s)
	// When everybody else has hung up, nobody is left behind in a park.
	others := slices.DeleteFunc([]string{"201", "202", "203", "204", "205", ""}, func(u string) bool { return u == last })
	s.until(last+" is left alone in no park", func() bool { // in a slot or a room one may be alone
		s.f.Reset(others...) // who is rung anew refuses, too
		return !slices.ContainsFunc(s.f.Legs(), func(l fake.Leg) bool { return l.User == last && !l.Room && !l.Slot })
	})
	s.f.Reset(last)
	s.until("every call has ended", func() bool { return len(s.model.State().Calls) == 0 })
	return true
}

// scene is every leg that the PBX had when farhook died.
type scene []fake.Leg

func (sc scene) leg(id string) *fake.Leg {
	if i := slices.IndexFunc(sc, func(l fake.Leg) bool { return l.ID == id }); i >= 0 {
		return &sc[i]
	}
	return nil
}

// deserted says whether the counterpart of a leg has gone: only such a one may be cleared.
func (sc scene) deserted(l fake.Leg) bool {
	rings := slices.ContainsFunc(sc, func(o fake.Leg) bool { return o.Parent == l.ID && !o.Answered })
	if !l.Answered || l.Peer != "" || l.Room || l.Slot || rings {
		return false
	}
	if h := l.Vars["farhook_holder"]; h != "" {
		return sc.leg(h) == nil
	}
	o := sc.leg(l.Vars["farhook_parks"])
	return o == nil || o.Peer != "" || o.Room || o.Slot
}

func device(l fake.Leg) csta.DeviceID { return csta.DeviceID(l.User + l.Number) }

// found waits until everybody is in a call again: who talk are in the same one, and who is parked is held by whom he was parked for.
func (sc scene) found(s *script) {
	s.t.Helper()
	for _, l := range sc {
		if device(l) == "" || sc.deserted(l) { // an end of a loopback is nobody
			continue
		}
		s.until(string(device(l))+" is found in a call", func() bool { return len(s.states(device(l))) > 0 })
		other, state := l.Peer, csta.Null
		if other == "" && l.Parked && !l.Slot {
			other, state = l.Vars["farhook_holder"], csta.Hold
		}
		if o := sc.leg(other); o != nil && device(*o) != "" {
			s.until(fmt.Sprintf("%s is in a call with %s", device(*o), device(l)), func() bool {
				return slices.ContainsFunc(s.model.At(device(l)), func(c callmodel.Call) bool {
					return slices.ContainsFunc(c.Legs, func(m callmodel.Leg) bool {
						return m.Device == device(*o) && (state == csta.Null || m.State == state)
					})
				})
			})
		}
	}
	for _, u := range []csta.DeviceID{"201", "202"} {
		s.until("what is set at "+string(u)+" is told", func() bool {
			on := map[string]string{}
			for _, f := range s.model.Features(u) {
				switch f := f.(type) {
				case callmodel.DoNotDisturb:
					if f.On {
						on["dnd/"] = "true"
					}
				case callmodel.Forwarding:
					if f.On {
						on[map[csta.ForwardingType]string{csta.ForwardImmediate: "cfu/", csta.ForwardBusy: "cfb/", csta.ForwardNoAns: "cfna/"}[f.Type]] = string(f.To)
					}
				}
			}
			for _, key := range []string{"dnd/", "cfu/", "cfb/", "cfna/"} {
				if on[key] != s.f.Kept(key+string(u)) {
					return false
				}
			}
			return true
		})
	}
}

// calls are the calls in which those are told to be who talk.
func (sc scene) calls(s *script) map[[2]csta.DeviceID]csta.CallID {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := map[[2]csta.DeviceID]csta.CallID{}
	for _, l := range sc {
		o := sc.leg(l.Peer)
		if o == nil {
			continue
		}
		for _, c := range s.model.At(device(l)) {
			if slices.ContainsFunc(c.Legs, func(x callmodel.Leg) bool { return x.Device == device(*o) }) {
				m[[2]csta.DeviceID{device(l), device(*o)}] = c.ID
			}
		}
	}
	return m
}

// invents checks that nobody is told to be in a call who has no leg: but for a slot, in which somebody waits.
func (sc scene) invents(s *script, k int) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.model.State().Calls {
		for _, x := range c.Legs {
			if !slices.ContainsFunc(sc, func(l fake.Leg) bool {
				return device(l) == x.Device || l.Slot && l.Vars["valet_lot_extension"] == string(x.Device)
			}) {
				s.t.Errorf("killed after command %d: %s is %s in %s, and has no leg", k, x.Device, x.State, c.ID)
			}
		}
	}
}

// lives checks that no leg has been cleared that is not deserted, and that each hears whom it heard.
func (sc scene) lives(s *script, k int) {
	s.t.Helper()
	now := scene(s.f.Legs())
	for _, l := range sc {
		o := now.leg(l.ID)
		switch {
		case sc.deserted(l):
		case o == nil:
			s.t.Errorf("killed after command %d: %s has lost its call to the new farhook: %+v", k, device(l), l)
		case o.Peer != l.Peer || o.Room != l.Room || o.Slot != l.Slot || o.Answered != l.Answered || o.Parked != l.Parked:
			s.t.Errorf("killed after command %d: %s was %+v, and is %+v", k, device(l), l, *o)
		}
	}
}

// takenBack has 201 take back whom it holds, as far as it does: alone, or instead of who is talked to.
func (sc scene) takenBack(s *script) {
	s.t.Helper()
	s.mu.Lock()
	states := s.states("201")
	s.mu.Unlock()
	switch {
	case slices.Equal(states, []csta.State{csta.Hold}):
		s.do(csta.RetrieveCall{CallToBeRetrieved: s.conn("201", csta.Hold)})
	case slices.Equal(states, []csta.State{csta.Connected, csta.Hold}):
		s.do(csta.ReconnectCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
	default:
		return
	}
	s.is("201", csta.Connected)
	id := s.conn("201", csta.Connected).Call
	s.until("201 talks to who was held", func() bool {
		now := scene(s.f.Legs())
		c, _ := s.model.Call(id)
		return slices.ContainsFunc(now, func(l fake.Leg) bool {
			o := now.leg(l.Peer)
			return l.User == "201" && (l.Room || o != nil && slices.ContainsFunc(c.Legs, func(m callmodel.Leg) bool { return m.Device == device(*o) }))
		})
	})
}

// Who came into a conference through a loopback is found there by another farhook, though his leg still has the loopback's variables.
func TestRestartInConference(t *testing.T) {
	inBubble(t, false, func(t *testing.T, s *script) {
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
	})
}

// Who was rung anew for a transfer is in the call that went on, also for another farhook: the mark of the call for which he rang first has been set anew.
func TestRestartAfterTransferToWhoRang(t *testing.T) {
	inBubble(t, false, func(t *testing.T, s *script) {
		s.hand(s.hands.Dial("202", "201")) // the call has its name from the leg that dials 203 next
		s.is("201", csta.Alerting)
		s.hand(s.hands.Answer("201"))
		s.is("201", csta.Connected)
		s.consult("203")
		s.do(csta.TransferCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
		s.is("203", csta.Alerting)
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		before := s.conn("203", csta.Connected).Call
		time.Sleep(50 * time.Millisecond) // the marks are set
		_ = s.stop()
		s.model, s.told = callmodel.New(), nil
		s.adapter(fakeAdapter(t, s.at, false))
		for _, d := range []csta.DeviceID{"202", "203"} {
			if id := s.conn(d, csta.Connected).Call; id != before {
				t.Errorf("%s is in %s, and was in %s", d, id, before)
			}
		}
		for _, l := range s.f.Legs() {
			if mark := l.Vars["farhook_call"]; mark != "" && before != csta.CallID("fs-"+mark) {
				t.Errorf("%s is marked with %s", l.User, mark)
			}
		}
	})
}
