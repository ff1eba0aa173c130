package freeswitch

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// realScript is an adapter on a real PBX, with one of its phones that obeys no NOTIFY where parked is.
// Another adapter takes its place by anew.
func realScript(t *testing.T, parked csta.DeviceID) (s *script, hands realHands, anew func()) {
	t.Helper()
	address, password, hands := realPBX(t)
	s = &script{t: t, model: callmodel.New()}
	s.hand(hands.say("reset"))
	c := realConfig(address, password)
	for i, d := range c.Devices {
		if d.User == string(parked) {
			c.Devices[i].Style = &style{Header: "call-info", Notify: "no"}
		}
	}
	another := func() *Adapter {
		a, err := New(pbxadapter.Options{Name: "fs", Log: zaptest.NewLogger(t), Numbers: pbxadapter.PlainNumbers{}}, c)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	clearFeatures(t, another(), c)
	s.adapter(another())
	t.Cleanup(func() { _ = s.stop(); _ = hands.say("reset") })
	return s, hands, func() { s.model = callmodel.New(); s.adapter(another()) }
}

// gone waits until the PBX has no channel any more.
func (s *script) gone() {
	s.t.Helper()
	if !settled(5 * time.Second)(func() bool {
		c, err := s.a.link()
		if err != nil {
			return false
		}
		rows, err := s.a.channels(context.Background(), c, "")
		return err == nil && len(rows) == 0
	}) {
		s.t.Fatal("a channel is left")
	}
	s.until("every call has ended", func() bool { return len(s.model.State().Calls) == 0 })
}

// On a real PBX, with a phone that obeys no NOTIFY: whoever hangs up, nobody is left in a park in silence.
func TestRealNobodyIsLeft(t *testing.T) {
	const own = "205"
	for _, c := range []struct {
		name      string
		consults  bool
		alternate bool
		dead      bool            // while farhook is dead
		who       []csta.DeviceID // who hangs up, one after the other
	}{
		{"who holds", false, false, false, []csta.DeviceID{own}},
		{"who is held", false, false, false, []csta.DeviceID{"202"}},
		{"who consults", true, false, false, []csta.DeviceID{own}},
		{"who has alternated", true, true, false, []csta.DeviceID{own}},
		{"who is held, then who is consulted", true, false, false, []csta.DeviceID{"202", "203"}},
		{"who is held, then who consults", true, false, false, []csta.DeviceID{"202", own}},
		{"who is held, then who talks, after alternating", true, true, false, []csta.DeviceID{"203", "202"}},
		{"who holds, while farhook is dead", false, false, true, []csta.DeviceID{own}},
		{"who is held, while farhook is dead", false, false, true, []csta.DeviceID{"202"}},
		{"who consults, while farhook is dead", true, false, true, []csta.DeviceID{own}},
		{"who is held, then who is consulted, while farhook is dead", true, false, true, []csta.DeviceID{"202", "203"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, hands, anew := realScript(t, own)
			s.hand(hands.Dial(own, "202"))
			s.is("202", csta.Alerting)
			s.hand(hands.Answer("202"))
			s.is("202", csta.Connected)
			if !c.consults {
				s.do(csta.HoldCall{CallToBeHeld: s.conn(own, csta.Connected)})
			} else {
				s.do(csta.ConsultationCall{ExistingCall: s.conn(own, csta.Connected), ConsultedDevice: "203"})
				s.is("203", csta.Alerting)
				s.hand(hands.Answer("203"))
				s.is("203", csta.Connected)
			}
			if c.alternate {
				s.do(csta.AlternateCall{HeldCall: s.conn(own, csta.Hold), ActiveCall: s.conn(own, csta.Connected)})
			}
			if c.dead {
				_ = s.stop()
			}
			for _, d := range c.who {
				s.hand(hands.HangUp(d))
				if !c.dead {
					s.is(d)
				}
			}
			if c.dead {
				time.Sleep(time.Second) // the PBX's
				anew()
			}
			s.gone()
		})
	}
}

// On a real PBX, too, a fourth party comes into the conference that was held for it.
func TestRealFourthParty(t *testing.T) {
	s, hands, _ := realScript(t, "")
	fourth(s, hands)
	s.hand(hands.HangUp("201"))
	s.is("201")
	for _, d := range []csta.DeviceID{"202", "203", "204"} {
		s.is(d, csta.Connected)
		s.hand(hands.HangUp(d))
	}
	s.gone()
}

// On a real PBX, who is held by parking goes into a slot, and is taken from there; his holder is free.
func TestRealParksWhoIsHeld(t *testing.T) {
	const own = "205"
	s, hands, _ := realScript(t, own)
	s.hand(hands.Dial(own, "202"))
	s.is("202", csta.Alerting)
	s.hand(hands.Answer("202"))
	s.is("202", csta.Connected)
	s.do(csta.HoldCall{CallToBeHeld: s.conn(own, csta.Connected)})
	r := s.do(csta.ParkCall{Parking: new(s.conn(own, csta.Hold)), ParkTo: "501"}).(csta.ParkCallResponse)
	s.is(own)
	s.is("501", csta.Queued)
	s.do(csta.DirectedPickupCall{CallToBePickedUp: r.ParkedTo, RequestingDevice: "203"})
	s.is("203", csta.Connected)
	s.is("202", csta.Connected)
	s.hand(hands.HangUp("203"))
	s.gone()
}

// On a real PBX, whoever is consulted and hangs up or refuses ends the consultation, in both styles; who was held can be taken back.
func TestRealConsultationEnds(t *testing.T) {
	for _, own := range []csta.DeviceID{"201", "205"} { // 205 obeys no NOTIFY
		for name, end := range map[string][]string{"hung up": {"203 answer", "wait 500ms", "203 hangup"}, "refused": {"203 reject 486"}, "busy": nil} {
			if own == "205" && name != "hung up" {
				continue // the dialplan of this PBX hangs up, instead of bringing the call to an end with its bridge: that ends the phone's only leg
			}
			t.Run(string(own)+"/"+name, func(t *testing.T) {
				s, hands, _ := realScript(t, "205")
				s.hand(hands.Dial(own, "202"))
				s.is("202", csta.Alerting)
				s.hand(hands.Answer("202"))
				s.is("202", csta.Connected)
				to := csta.DeviceID("203")
				if end == nil {
					to = "9005"
				}
				s.do(csta.ConsultationCall{ExistingCall: s.conn(own, csta.Connected), ConsultedDevice: to})
				if end != nil {
					s.is("203", csta.Alerting)
					act(t, hands, end)
				}
				s.is(own, csta.Hold)
				s.is(to)
				s.do(csta.RetrieveCall{CallToBeRetrieved: s.conn(own, csta.Hold)})
				s.is(own, csta.Connected)
				s.is("202", csta.Connected)
				s.hand(hands.HangUp("202"))
				s.gone()
			})
		}
	}
}
