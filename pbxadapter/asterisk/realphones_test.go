package asterisk

import (
	"errors"
	"testing"

	"farhook/csta"
)

// What each phone of the rig can do, by its own User-Agent: 101 is a Yealink and 103 a snom, which obey NOTIFY; 105, a Cisco SPA, ignores it, and answers by
// itself; 106, which no table knows, refuses it, and rings.
func TestRealPhones(t *testing.T) {
	own := csta.ErrRequestIncompatible // take it back at the phone
	for _, c := range []struct {
		phone    csta.DeviceID
		prompts  bool // MakeCall without a hand
		answers  bool
		retrieve *csta.Error // of what the phone's own key holds
	}{{"101", true, true, nil}, {"103", true, true, nil}, {"105", true, true, nil}, {"106", false, false, own}} {
		t.Run(string(c.phone), func(t *testing.T) {
			onReal(t, "", func(b *board, r rig) {
				phone := string(c.phone)
				lacks := b.lacks(c.phone)
				if (lacks["AnswerCall"] == "") != c.answers || (lacks["DirectedPickupCall"] == "") != c.prompts || lacks["HoldCall"] != "" {
					t.Errorf("it lacks %v", lacks)
				}
				b.must(csta.MakeCall{CallingDevice: c.phone, CalledDirectoryNumber: "102", AutoOriginate: csta.AutoOriginateDoNotPrompt})
				if !c.prompts {
					b.becomes(c.phone, csta.Initiated)
					b.hand(realHands{rig: r}.Answer(c.phone))
				}
				b.becomes("102", csta.Alerting)
				b.hand(r.say("102 answer", "sleep 200ms"))
				b.must(csta.HoldCall{CallToBeHeld: b.becomes(c.phone, csta.Connected)})
				b.must(csta.RetrieveCall{CallToBeRetrieved: b.becomes(c.phone, csta.Hold)})
				b.becomes(c.phone, csta.Connected)
				b.hand(r.say(phone+" hold", "wait 3s "+phone+" held"))
				if _, err := b.do(csta.RetrieveCall{CallToBeRetrieved: b.becomes(c.phone, csta.Hold)}); c.retrieve == nil && err != nil || c.retrieve != nil && !errors.Is(err, c.retrieve) {
					t.Errorf("taking back what its own key holds: %v, want %v", err, c.retrieve)
				}
				b.hand(r.say("reset"))
				b.over()
				talks := func() csta.ConnectionID {
					t.Helper()
					b.hand(r.say("reset"))
					b.over()
					b.hand(r.say("102 call "+phone, "wait 3s "+phone+" ringing"))
					if ringing := b.becomes(c.phone, csta.Alerting); c.answers {
						b.must(csta.AnswerCall{CallToBeAnswered: ringing})
					} else {
						b.hand(r.say(phone + " answer"))
					}
					return b.becomes(c.phone, csta.Connected)
				}
				consults := func() (held, active csta.ConnectionID) {
					t.Helper()
					held = talks()
					active = b.must(csta.ConsultationCall{ExistingCall: held, ConsultedDevice: "104"}).(csta.ConsultationCallResponse).InitiatedCall
					if !c.prompts {
						b.hand(realHands{rig: r}.Answer(c.phone))
					}
					b.becomes("104", csta.Alerting)
					return held, active
				}
				held, active := consults()
				b.must(csta.TransferCall{HeldCall: held, ActiveCall: active})
				b.hand(realHands{rig: r}.Answer("104"))
				b.becomes("104", csta.Connected)
				held, active = consults()
				b.hand(r.say("104 answer"))
				b.becomes("104", csta.Connected)
				b.must(csta.AlternateCall{HeldCall: held, ActiveCall: active})
				b.must(csta.ReconnectCall{HeldCall: active, ActiveCall: held})
				held, active = consults()
				b.hand(r.say("104 answer"))
				b.becomes("104", csta.Connected)
				b.must(csta.ConferenceCall{HeldCall: held, ActiveCall: active})
				b.must(csta.GenerateDigits{ConnectionToSendDigits: b.becomes(c.phone, csta.Connected), CharactersToSend: "1"})
				b.must(csta.SingleStepTransferCall{ActiveCall: talks(), TransferredTo: "104"})
				b.becomes("104", csta.Alerting)
				b.must(csta.SingleStepConferenceCall{ActiveCall: talks(), DeviceToJoin: "104"})
				b.becomes("104", csta.Alerting)
				b.must(csta.ParkCall{Parking: new(talks()), ParkTo: "703"})
				b.hand(r.say("reset"))
				b.over()
				b.hand(r.say("102 call "+phone, "wait 3s "+phone+" ringing"))
				b.must(csta.DeflectCall{CallToBeDiverted: b.becomes(c.phone, csta.Alerting), NewDestination: "104"})
				b.becomes("104", csta.Alerting)
				b.hand(r.say("reset"))
				b.over()
			})
		})
	}
}
