package freeswitch

import (
	"context"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/csta"
)

// handedOverRinging has 201 hand 202 over to 203, who rings, and answers then.
func handedOverRinging(s *script) {
	s.talk()
	s.consult("203")
	s.do(csta.TransferCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
	s.hand(s.hands.Answer("203"))
	s.is("203", csta.Connected)
	s.hand(s.hands.HangUp("202"))
}

// asRecorded are the actions of recordings, by the services and hands on the fake.
var asRecorded = map[string]func(*script){
	"basic-callee-releases": func(s *script) { s.talk(); s.hand(s.hands.HangUp("202")) },
	"basic-plain-all":       func(s *script) { s.talk(); s.hand(s.hands.HangUp("202")) },
	"basic-caller-releases": func(s *script) { s.talk(); s.hand(s.hands.HangUp("201")) },
	"busy": func(s *script) {
		s.hand(s.hands.Dial("201", "202"))
		s.is("202", csta.Alerting)
		s.hand(s.hands.Reject("202"))
	},
	"cancelled": func(s *script) {
		s.hand(s.hands.Dial("201", "202"))
		s.is("202", csta.Alerting)
		s.hand(s.hands.HangUp("201"))
	},
	"unknown-number": func(s *script) { s.hand(s.hands.Dial("201", "777")) },
	"answer-esl": func(s *script) {
		s.hand(s.hands.Dial("201", "202"))
		s.do(csta.AnswerCall{CallToBeAnswered: s.conn("202", csta.Alerting)})
		s.do(csta.ClearConnection{ConnectionToBeCleared: s.conn("202", csta.Connected)})
	},
	"hold-phone": func(s *script) {
		s.talk()
		s.hand(s.hands.Hold("202"))
		s.is("202", csta.Hold)
		s.hand(s.hands.Retrieve("202"))
		s.is("202", csta.Connected)
		s.hand(s.hands.Hold("201"))
		s.is("201", csta.Hold)
		s.hand(s.hands.Retrieve("201"))
		s.is("201", csta.Connected)
		s.hand(s.hands.HangUp("201"))
	},
	"make-call-esl": func(s *script) {
		s.do(csta.MakeCall{CallingDevice: "201", CalledDirectoryNumber: "202", AutoOriginate: csta.AutoOriginateDoNotPrompt})
		s.is("202", csta.Alerting)
		s.hand(s.hands.Answer("202"))
		s.is("202", csta.Connected)
		s.hand(s.hands.HangUp("202"))
	},
	"make-call-busy-esl": func(s *script) {
		s.do(csta.MakeCall{CallingDevice: "201", CalledDirectoryNumber: "202", AutoOriginate: csta.AutoOriginateDoNotPrompt})
		s.is("202", csta.Alerting)
		s.hand(s.hands.Reject("202"))
	},
	"single-step-transfer-esl": func(s *script) {
		s.talk()
		s.do(csta.SingleStepTransferCall{ActiveCall: s.conn("202", csta.Connected), TransferredTo: "203"})
		s.is("203", csta.Alerting)
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		s.hand(s.hands.HangUp("201"))
	},
	"consult-transfer-esl": func(s *script) {
		s.talk()
		s.consult("203")
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		s.do(csta.TransferCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
		s.hand(s.hands.HangUp("202"))
	},
	"consult-transfer-ringing-esl": handedOverRinging,
	"transfer-ringing-esl":         handedOverRinging,
	"transfer-ringing-refused-esl": func(s *script) {
		s.talk()
		s.consult("203")
		s.do(csta.TransferCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
		first := s.rings("203")
		s.hand(s.hands.Reject("203"))
		if s.rings("203") == first {
			s.t.Error("he is not rung anew")
		}
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		s.hand(s.hands.HangUp("202"))
	},
	"conference-esl": func(s *script) {
		s.talk()
		s.consult("203")
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		s.do(csta.ConferenceCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
		s.hand(s.hands.HangUp("203"))
		s.is("203")
		s.hand(s.hands.HangUp("201"))
		s.is("201")
		s.hand(s.hands.HangUp("202"))
	},
	"conference-outside-esl": func(s *script) {
		s.talk()
		s.do(csta.SingleStepConferenceCall{ActiveCall: s.conn("201", csta.Connected), DeviceToJoin: "0301234567", ParticipationType: csta.ParticipationTypeActive})
		s.is("0301234567", csta.Alerting)
		s.hand(s.hands.Answer("0301234567"))
		s.is("0301234567", csta.Connected)
		s.hand(s.hands.HangUp("0301234567"))
		s.is("0301234567")
		s.hand(s.hands.HangUp("202"))
		s.is("202")
		s.hand(s.hands.HangUp("201"))
	},
	"deflect-esl": func(s *script) {
		s.hand(s.hands.Dial("201", "202"))
		s.do(csta.DeflectCall{CallToBeDiverted: s.conn("202", csta.Alerting), NewDestination: "203"})
		s.is("203", csta.Alerting)
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		s.hand(s.hands.HangUp("203"))
	},
	"pickup-esl": func(s *script) {
		s.hand(s.hands.Dial("201", "202"))
		id := s.conn("202", csta.Alerting)
		s.do(csta.DirectedPickupCall{CallToBePickedUp: &id, RequestingDevice: "203"})
		s.hand(s.hands.HangUp("201"))
	},
	"consult-parked-esl": func(s *script) {
		s.talk()
		s.consult("203")
		s.hand(s.hands.Reject("203"))
		s.is("201", csta.Hold)
		s.do(csta.RetrieveCall{CallToBeRetrieved: s.conn("201", csta.Hold)})
		s.consult("204")
		s.hand(s.hands.Answer("204"))
		s.is("204", csta.Connected)
		s.do(csta.TransferCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
		s.hand(s.hands.HangUp("204"))
	},
	"no-answer": func(s *script) {
		s.hand(s.hands.Dial("201", "202"))
		s.is("202", csta.Alerting)
		s.hand(s.f.GiveUp("202"))
	},
	"rejected": func(s *script) {
		s.hand(s.hands.Dial("201", "202"))
		s.is("202", csta.Alerting)
		s.hand(s.f.Decline("202"))
	},
	"not-registered": func(s *script) {
		s.unregisters("206")
		s.hand(s.hands.Dial("201", "206"))
		s.failed("206")
		s.is("201")
		s.registers("206")
	},
	"registration": func(s *script) { s.unregisters("206"); s.registers("206") },
	"make-call-not-registered-esl": func(s *script) {
		s.unregisters("206")
		if _, err := s.a.Services()["MakeCall"](context.Background(), csta.MakeCall{CallingDevice: "206", CalledDirectoryNumber: "202"}); err == nil {
			s.t.Error("it is made")
		}
		s.registers("206")
	},
	"do-not-disturb": func(s *script) {
		s.do(csta.SetDoNotDisturb{Device: "202", DoNotDisturbOn: true})
		s.hand(s.hands.Dial("201", "202"))
		s.failed("202")
		s.is("201")
		s.do(csta.SetDoNotDisturb{Device: "202"})
		s.code("202", "*78")
		s.code("202", "*79")
	},
	"forward-all": func(s *script) {
		s.do(csta.SetForwarding{Device: "202", ForwardingType: csta.ForwardImmediate, ActivateForward: true, ForwardDN: "203"})
		s.hand(s.hands.Dial("201", "202"))
		s.is("203", csta.Alerting)
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		s.hand(s.hands.HangUp("201"))
		s.is("203")
		s.do(csta.SetForwarding{Device: "202", ForwardingType: csta.ForwardImmediate})
		s.code("202", "*72203")
		s.code("202", "*73")
	},
	"forward-no-answer": func(s *script) {
		s.f.Keep("cfna/202", "203")
		s.hand(s.hands.Dial("201", "202"))
		s.is("202", csta.Alerting)
		s.hand(s.f.GiveUp("202"))
		s.is("203", csta.Alerting)
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		s.hand(s.hands.HangUp("201"))
	},
	"ring-group": func(s *script) {
		s.hand(s.hands.Dial("201", "400"))
		s.is("202", csta.Alerting)
		s.is("203", csta.Alerting)
		s.hand(s.hands.Answer("203"))
		s.is("202")
		s.hand(s.hands.HangUp("201"))
	},
	"outside-gateway": func(s *script) {
		s.hand(s.hands.Dial("201", "0301234567"))
		s.is("0301234567", csta.Alerting)
		s.hand(s.hands.Answer("0301234567"))
		s.is("0301234567", csta.Connected)
		s.hand(s.hands.HangUp("0301234567"))
	},
	"outside-answers": func(s *script) {
		s.hand(s.hands.Dial("201", "9001"))
		s.is("9001", csta.Alerting)
		s.hand(s.f.Announce("201"))
		s.is("9001", csta.Connected)
		s.hand(s.hands.HangUp("201"))
	},
	"make-call-outside-esl": func(s *script) {
		s.do(csta.MakeCall{CallingDevice: "201", CalledDirectoryNumber: "9001", AutoOriginate: csta.AutoOriginateDoNotPrompt})
		s.is("9001", csta.Connected)
		s.hand(s.hands.HangUp("201"))
	},
	"conference-room-phone": func(s *script) {
		s.hand(s.hands.Dial("201", "301"))
		s.is("301", csta.Connected)
		s.hand(s.hands.Dial("202", "301"))
		s.until("they are in one call", func() bool { return len(s.model.State().Calls) == 1 && len(s.states("202")) == 1 })
		s.hand(s.hands.HangUp("201"))
		s.is("201")
		s.hand(s.hands.HangUp("202"))
	},
	"make-call-cancelled-esl": func(s *script) {
		s.do(csta.MakeCall{CallingDevice: "201", CalledDirectoryNumber: "202", AutoOriginate: csta.AutoOriginateDoNotPrompt})
		s.is("202", csta.Alerting)
		s.hand(s.hands.HangUp("201"))
	},
	"make-call-own-desk-refuses-esl": func(s *script) {
		s.do(csta.MakeCall{CallingDevice: "201", CalledDirectoryNumber: "202"})
		s.is("201", csta.Initiated)
		s.hand(s.hands.Reject("201"))
	},
	"hold-esl": func(s *script) {
		s.talk()
		s.do(csta.HoldCall{CallToBeHeld: s.conn("201", csta.Connected)})
		s.do(csta.RetrieveCall{CallToBeRetrieved: s.conn("201", csta.Hold)})
		s.do(csta.HoldCall{CallToBeHeld: s.conn("201", csta.Connected)})
		s.hand(s.hands.HangUp("202"))
	},
	"hold-esl-uuid-hold": func(s *script) { // no service sends it; it is told as the phone's own hold
		s.talk()
		s.hand(s.hands.Hold("201"))
		s.is("201", csta.Hold)
		s.hand(s.hands.Retrieve("201"))
		s.is("201", csta.Connected)
		s.hand(s.hands.HangUp("201"))
	},
	"hold-refused-esl": func(s *script) {
		s.talk()
		s.f.Disobey("202")
		s.a.time.step = 50 * time.Millisecond
		if _, err := s.a.Services()["HoldCall"](context.Background(), csta.HoldCall{CallToBeHeld: s.conn("202", csta.Connected)}); err == nil {
			s.t.Error("it holds")
		}
		s.hand(s.hands.HangUp("201"))
	},
	"single-step-transfer-by-caller-esl": func(s *script) {
		s.talk()
		s.do(csta.SingleStepTransferCall{ActiveCall: s.conn("201", csta.Connected), TransferredTo: "203"})
		s.is("203", csta.Alerting)
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		s.hand(s.hands.HangUp("203"))
	},
	"message-waiting": func(s *script) {
		s.do(csta.SetMessageWaitingIndicator{Device: "201", MessageWaitingOn: true})
		s.do(csta.SetMessageWaitingIndicator{Device: "201"})
	},
	"digits-esl": func(s *script) {
		s.talk()
		s.do(csta.GenerateDigits{ConnectionToSendDigits: s.conn("201", csta.Connected), CharactersToSend: "12#"})
		s.hand(s.hands.Press("202", "9"))
		s.hand(s.hands.HangUp("201"))
	},
	"forward-busy": func(s *script) {
		s.f.Keep("cfb/202", "203")
		s.hand(s.hands.Dial("201", "202"))
		s.is("202", csta.Alerting)
		s.hand(s.hands.Reject("202"))
		s.is("203", csta.Alerting)
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		s.hand(s.hands.HangUp("201"))
	},
	"blind-transfer-phone": func(s *script) {
		s.talk()
		s.hand(s.f.Refer("202", "203"))
		s.is("203", csta.Alerting)
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		s.hand(s.hands.HangUp("203"))
	},
	"blind-transfer-phone-by-caller": func(s *script) {
		s.talk()
		s.hand(s.f.Refer("201", "203"))
		s.is("203", csta.Alerting)
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		s.hand(s.hands.HangUp("203"))
	},
	"attended-transfer-phone": func(s *script) {
		s.talk()
		s.hand(s.hands.Hold("202"))
		s.is("202", csta.Hold)
		s.hand(s.hands.Dial("202", "203"))
		s.is("203", csta.Alerting)
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		s.hand(s.f.Join("202"))
		s.is("202")
		s.hand(s.hands.HangUp("203"))
	},
	"valet-phone": func(s *script) {
		s.talk()
		s.hand(s.f.Refer("202", "501"))
		s.is("501", csta.Queued)
		s.hand(s.hands.Dial("203", "501"))
		s.is("203", csta.Connected)
		s.is("501")
		s.hand(s.hands.HangUp("203"))
	},
	"pickup-phone": func(s *script) {
		s.hand(s.hands.Dial("201", "202"))
		s.is("202", csta.Alerting)
		s.hand(s.hands.Dial("203", "*8202"))
		s.is("203", csta.Connected)
		s.is("202")
		s.hand(s.hands.HangUp("203"))
	},
	"outside-early-media": func(s *script) {
		s.hand(s.hands.Dial("201", "9003"))
		s.is("9003", csta.Alerting)
		s.hand(s.hands.HangUp("201"))
	},
	"consult-alternate-reconnect-esl": func(s *script) { // it was recorded with the steps of the services
		s.talk()
		s.do(csta.ConsultationCall{ExistingCall: s.conn("201", csta.Connected), ConsultedDevice: "203"})
		s.is("203", csta.Alerting)
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		for range 2 {
			first, second := s.conn("201", csta.Hold), s.conn("201", csta.Connected)
			s.do(csta.HoldCall{CallToBeHeld: second})
			s.do(csta.RetrieveCall{CallToBeRetrieved: first})
		}
		s.do(csta.ClearConnection{ConnectionToBeCleared: s.conn("201", csta.Connected)})
		s.is("203")
		s.do(csta.RetrieveCall{CallToBeRetrieved: s.conn("201", csta.Hold)})
		s.hand(s.hands.HangUp("201"))
	},
	"make-call-own-desk-silent-esl": func(s *script) {
		s.do(csta.MakeCall{CallingDevice: "201", CalledDirectoryNumber: "202"})
		s.is("201", csta.Initiated)
		s.hand(s.f.GiveUp("201"))
	},
	"outside-withheld": func(s *script) {
		s.f.Withheld("0301234567", "202", "4930666202")
		s.is("202", csta.Alerting)
		s.hand(s.hands.Answer("202"))
		s.is("202", csta.Connected)
		s.hand(s.hands.HangUp("202"))
	},
	"loopback-forward": func(s *script) {
		s.hand(s.hands.Dial("201", "412"))
		s.is("203", csta.Alerting)
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		s.hand(s.hands.HangUp("201"))
	},
	"phone-redirects-302": func(s *script) {
		s.f.Redirects("202", "203")
		s.hand(s.hands.Dial("201", "202"))
		s.is("203", csta.Alerting)
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		s.hand(s.hands.HangUp("201"))
	},
	"loopback-group": func(s *script) {
		s.hand(s.hands.Dial("201", "411"))
		s.is("202", csta.Alerting)
		s.is("203", csta.Alerting)
		s.hand(s.hands.Answer("203"))
		s.is("203", csta.Connected)
		s.is("202")
		s.hand(s.hands.HangUp("203"))
	},
	"feature-event-phone": func(s *script) {
		phone := func(more map[string]string) {
			m := map[string]string{"user": "202", "host": "pbx.test", "profile_name": "desk", "call-id": "x"}
			maps.Copy(m, more)
			s.f.Fire("PHONE_FEATURE_SUBSCRIBE", m)
		}
		phone(nil)
		phone(map[string]string{"Feature-Action": "SetDoNotDisturb", "Feature-Enabled": "true", "Action-Name": "doNotDisturbOn"})
		phone(map[string]string{"Feature-Action": "SetCallForward", "Feature-Enabled": "true", "Action-Name": "forward_immediate", "Action-Value": "203"})
		s.until("both are told", func() bool { return len(s.told) > 1 })
	},
	"queue-fifo": func(s *script) {
		s.hand(s.hands.Dial("201", "420"))
		s.is("204", csta.Alerting)
		s.is("420", csta.Queued)
		s.hand(s.hands.Answer("204"))
		s.is("420")
		s.hand(s.hands.HangUp("204"))
	},
	"queue-callcenter": func(s *script) {
		s.hand(s.hands.Dial("201", "430"))
		s.is("205", csta.Alerting)
		s.is("430", csta.Queued)
		s.hand(s.hands.Answer("205"))
		s.is("430")
		s.hand(s.hands.HangUp("201"))
	},
}

// otherwise are the recordings that the fake is not held against, and why.
var otherwise = map[string]string{
	"consult-att-xfer-esl":      "no service uses att_xfer, whose outcome is a race inside the PBX: a fake of it would have one outcome",
	"consult-att-xfer-lost-esl": "as consult-att-xfer-esl, with the other outcome",
	"reconnect-resync":          "it is about what the second connection finds: the resync's own tests have it, with the fake too",
	"session-errors":            "it is about refusals of commands, and no call: nothing is told of it",
}

// Every recording is one that the fake is held against, or there is a reason why not.
func TestFakeIsHeldAgainstRecordings(t *testing.T) {
	for _, name := range dialogueNames(t) {
		if (asRecorded[name] == nil) == (otherwise[name] == "") {
			t.Errorf("%s: want either actions for the fake, or a reason why there are none", name)
		}
	}
	if n := len(asRecorded) + len(otherwise); n != len(dialogueNames(t)) {
		t.Errorf("%d are named", n)
	}
}

// nameless is what differs from run to run: the name of who has none.
var nameless = regexp.MustCompile(`^outside-[0-9a-f-]+`)

// The fake does what the real one did: the same actions lead to the same events at every device.
func TestFakeAsRecorded(t *testing.T) {
	for name, act := range asRecorded {
		t.Run(name, func(t *testing.T) {
			s := onFake(t)
			a := fakeAdapter(t, s.at, name == "consult-parked-esl")
			a.conf.Digits = name == "digits-esl"
			s.adapter(a)
			defer func() { _ = s.stop() }()
			s.mu.Lock()
			s.told = nil
			s.mu.Unlock()
			act(s)
			s.until("everybody has hung up", func() bool { return len(s.told) > 0 && len(s.model.State().Calls) == 0 })
			recorded := map[string][]string{}
			for line := range strings.Lines(string(file(t, filepath.Join("testdata", "events", name+".txt")))) {
				_, line, _ = strings.Cut(line, " ") // after the time
				line = nameless.ReplaceAllString(line, "outside")
				who, _, _ := strings.Cut(line, ":")
				recorded[who] = append(recorded[who], strings.TrimSpace(line))
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			all := describe(s.told)
			for i := range all {
				all[i].hearer = nameless.ReplaceAllString(all[i].hearer, "outside")
			}
			got := shape(all)
			for d, want := range recorded {
				have := slices.Clone(got[d])
				for i := range have {
					have[i] = strings.TrimSpace(have[i])
				}
				if !slices.Equal(have, want) {
					t.Errorf("%s hears\n%s\nrecorded:\n%s", d, strings.Join(have, "\n"), strings.Join(want, "\n"))
				}
			}
		})
	}
}
