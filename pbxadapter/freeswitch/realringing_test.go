package freeswitch

import (
	"testing"

	"farhook/csta"
)

// On a real PBX, who rings for a consultation goes on ringing, at the same phone in the same SIP dialog, for who is handed over to him; and what is done then is as for any call that rings.
func TestRealRingingGoesOn(t *testing.T) {
	for _, own := range []csta.DeviceID{"201", "205"} { // 205 obeys no NOTIFY
		for name, c := range map[string]struct {
			to  csta.DeviceID
			act func(s *script, hands realHands)
			who csta.DeviceID // with whom 202 talks then; empty: it has been cleared
		}{
			"answered": {"203", func(s *script, hands realHands) { s.hand(hands.Answer("203")) }, "203"},
			"refused, and answered when the dialplan rings anew": {"203", func(s *script, hands realHands) {
				s.hand(hands.say("203 reject 486"))
				s.until("it rings anew", func() bool { return hands.say("203 answer") == nil })
			}, "203"},
			"deflected": {"203", func(s *script, hands realHands) {
				s.do(csta.DeflectCall{CallToBeDiverted: s.conn("203", csta.Alerting), NewDestination: "204"})
				s.is("204", csta.Alerting)
				s.is("203")
				s.hand(hands.Answer("204"))
			}, "204"},
			"picked up, by who handed over or another one": {"203", func(s *script, _ realHands) {
				s.do(csta.DirectedPickupCall{CallToBePickedUp: new(s.conn("203", csta.Alerting)), RequestingDevice: "201"})
			}, "201"},
			"cleared": {"203", func(s *script, _ realHands) {
				s.do(csta.ClearConnection{ConnectionToBeCleared: s.conn("203", csta.Alerting)})
			}, ""},
			"given up": {"203", func(s *script, hands realHands) { s.hand(hands.HangUp("202")) }, ""},
			"outside":  {"0301234567", func(s *script, hands realHands) { s.hand(hands.Answer("0301234567")) }, "0301234567"},
		} {
			t.Run(string(own)+"/"+name, func(t *testing.T) {
				s, hands, anew := realScript(t, "205")
				s.hand(hands.Dial(own, "202"))
				s.is("202", csta.Alerting)
				s.hand(hands.Answer("202"))
				s.is("202", csta.Connected)
				s.do(csta.ConsultationCall{ExistingCall: s.conn(own, csta.Connected), ConsultedDevice: c.to})
				s.is(c.to, csta.Alerting)
				before, err := hands.ask("seq")
				s.hand(err)
				s.do(csta.TransferCall{HeldCall: s.conn(own, csta.Hold), ActiveCall: s.conn(own, csta.Connected)})
				s.is(own)
				s.is("202", csta.Connected)
				s.is(c.to, csta.Alerting)
				for _, event := range []string{"ringing", "ended"} {
					if answer, err := hands.ask("wait 200ms %s %s since=%s", at(c.to), event, field(before, "seq")); err == nil {
						t.Errorf("the ringing does not go on: %s", answer)
					}
				}
				_ = s.stop()
				anew() // another farhook finds it so
				s.is(c.to, csta.Alerting)
				call := s.conn(c.to, csta.Alerting).Call
				c.act(s, hands)
				if c.who != "" {
					s.is(c.who, csta.Connected)
					s.is("202", csta.Connected)
					if id := s.conn("202", csta.Connected).Call; id != call {
						t.Errorf("202 is in %s, and was handed over in %s", id, call)
					}
					s.hand(hands.HangUp(c.who))
				}
				s.gone()
			})
		}
	}
}

// On a real PBX, who rings for a caller whom we have called, and who is up therefore, can be picked up.
func TestRealPickupOfCallThatWasMade(t *testing.T) {
	s, hands, _ := realScript(t, "")
	s.do(csta.MakeCall{CallingDevice: "201", CalledDirectoryNumber: "202", AutoOriginate: csta.AutoOriginateDoNotPrompt})
	s.do(csta.DirectedPickupCall{CallToBePickedUp: new(s.conn("202", csta.Alerting)), RequestingDevice: "203"})
	s.is("203", csta.Connected)
	s.is("201", csta.Connected)
	s.is("202")
	s.hand(hands.HangUp("203"))
	s.gone()
}
