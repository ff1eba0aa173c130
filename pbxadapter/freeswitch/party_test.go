package freeswitch

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/adaptertest"
)

// moved are the facts that a replayer was told of connections that moved.
func (r *replayer) moved() (list []callmodel.Moved) {
	for _, f := range r.facts {
		if m, ok := f.(callmodel.Moved); ok {
			list = append(list, m)
		}
	}
	return list
}

// Who has not authenticated is none of our devices, whatever the From says.
func TestForgedCaller(t *testing.T) {
	r := newReplayer(t)
	e := new(event)
	if err := new(parser).parse([]byte(`{"Event-Name":"CHANNEL_CREATE","Unique-ID":"aaaa-1","Call-Direction":"inbound","Caller-Context":"public","Caller-Username":"201",`+
		`"Caller-Caller-ID-Number":"201","Caller-Destination-Number":"202","Channel-Name":"sofia/external/201@evil.example"}`), e); err != nil {
		t.Fatal(err)
	}
	r.track.hear(e, time.Now())
	if len(r.moved()) == 0 {
		t.Error("nothing is told")
	}
	for _, m := range r.moved() {
		if m.Connection.Device == "201" || m.Calling.Device == "201" {
			t.Errorf("a stranger is %+v", m.Connection)
		}
	}
}

// A caller who withholds his number does so where only the called leg tells it, too.
func TestWithheldByTheCalledLeg(t *testing.T) {
	r := newReplayer(t)
	e, p := new(event), new(event)
	e.value[eventName], e.value[uniqueID], e.value[callDirection] = "CHANNEL_CREATE", "bbbb-1", "outbound"
	e.value[presenceID], e.value[callerNumber], e.value[callerHideNumber], e.value[callerDestination] = "202@pbx.test", "0301234567", "true", "202"
	e.value[otherType], e.value[otherUniqueID] = "originator", "unknown-a"
	p.value[eventName], p.value[uniqueID] = "CHANNEL_PROGRESS", "bbbb-1"
	r.track.hear(e, time.Now())
	r.track.hear(p, time.Now())
	if len(r.moved()) == 0 {
		t.Error("nothing is told")
	}
	for _, m := range r.moved() {
		if m.Calling.Shown != callmodel.Restricted || m.Calling.Device != "" || m.Calling.Number != "" {
			t.Errorf("the caller is %+v", m.Calling)
		}
	}
}

// A caller who withholds his number is restricted in whichever of the ways that gateways have the PBX says so; one of whom nothing is known is not.
func TestWithheldByTheCaller(t *testing.T) {
	for _, c := range []struct {
		number, hide string
		want         callmodel.Shown
	}{
		{"anonymous", "", callmodel.Restricted},
		{"Anonymous", "", callmodel.Restricted},
		{"restricted", "", callmodel.Restricted},
		{"0301234567", "true", callmodel.Restricted},
		{"", "", callmodel.NotKnown},
		{"0000000000", "", callmodel.NotKnown},
		{"unavailable", "", callmodel.NotKnown},
		{"0301234567", "false", callmodel.Known},
	} {
		r := newReplayer(t)
		e := new(event)
		e.value[eventName], e.value[uniqueID], e.value[callDirection] = "CHANNEL_CREATE", "aaaa-1", "inbound"
		e.value[callerNumber], e.value[callerHideNumber], e.value[callerDestination] = c.number, c.hide, "202"
		r.track.hear(e, time.Now())
		if len(r.moved()) == 0 {
			t.Error("nothing is told")
		}
		for _, m := range r.moved() {
			secret := m.Calling.Number != "" || m.Calling.Name != "" || strings.Contains(string(m.Connection.Device), "0301234567")
			if m.Calling.Shown != c.want || secret != (c.want == callmodel.Known) {
				t.Errorf("%q, hidden %q: the caller is %+v at %s", c.number, c.hide, m.Calling, m.Connection.Device)
			}
		}
	}
}

// Of the others in a conference none is handed over for all of them.
func TestConferenceIsNotHandedOver(t *testing.T) {
	s := newScript(t, false)
	s.talk()
	s.consult("203")
	s.hand(s.hands.Answer("203"))
	s.is("203", csta.Connected)
	s.do(csta.ConferenceCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
	s.is("203", csta.Connected)
	refused := func(r csta.Request) {
		t.Helper()
		_, err := s.a.Services()[r.Service()](context.Background(), r)
		if !errors.Is(err, csta.ErrInvalidConnectionState) {
			t.Errorf("%s is answered %v", r.Service(), err)
		}
		for _, d := range []csta.DeviceID{"202", "203"} {
			s.is(d, csta.Connected)
		}
	}
	refused(csta.SingleStepTransferCall{ActiveCall: s.conn("201", csta.Connected), TransferredTo: "204"})
	s.consult("204")
	s.hand(s.hands.Answer("204"))
	s.is("204", csta.Connected)
	refused(csta.TransferCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
	s.is("204", csta.Connected)
}

// Whoever was held by us, and talks to somebody by now, is not cleared when the holder goes.
func TestHeldWhoTalksIsLeftAlone(t *testing.T) {
	s := newScript(t, true)
	s.talk()
	s.do(csta.HoldCall{CallToBeHeld: s.conn("201", csta.Connected)})
	s.hand(s.hands.Dial("204", "203"))
	s.hand(s.hands.Answer("203"))
	s.is("203", csta.Connected)
	held := s.whose("202")
	if err := s.a.send(context.Background(), "uuid_bridge "+s.whose("204")[0]+" "+held[0]); err != nil {
		t.Fatal(err)
	}
	s.is("203") // the one whom somebody else's command left without anybody
	s.hand(s.hands.HangUp("201"))
	s.is("201")
	if now := s.whose("202"); !slices.Equal(now, held) {
		t.Errorf("202 had %v, and has %v: it was talking", held, now)
	}
}

// Whoever holds by parking holds nothing any more when the one who was held has hung up: his leg does not wait in silence for ever.
func TestHeldHangsUp(t *testing.T) {
	s := newScript(t, true)
	s.talk()
	s.do(csta.HoldCall{CallToBeHeld: s.conn("201", csta.Connected)})
	s.hand(s.hands.HangUp("202"))
	s.is("202")
	s.is("201")
	s.until("201's leg is still there", func() bool { return len(s.whose("201")) == 0 })
}

// So it is in a consultation; which goes on.
func TestHeldHangsUpInConsultation(t *testing.T) {
	s := newScript(t, true)
	s.talk()
	s.consult("203")
	s.hand(s.hands.Answer("203"))
	s.is("203", csta.Connected)
	s.hand(s.hands.HangUp("202"))
	s.is("202")
	s.is("201", csta.Connected)
	s.is("203", csta.Connected)
	s.hand(s.hands.HangUp("203"))
	s.is("203")
	s.is("201")
	s.until("201's leg is still there", func() bool { return len(s.whose("201")) == 0 })
}

// A fourth party comes into the conference that was held for it, and the leg that held goes.
func TestFourthParty(t *testing.T) {
	for style, parked := range map[string]bool{"notify": false, "parked": true} {
		t.Run(style, func(t *testing.T) {
			s := newScript(t, parked)
			fourth(s, s.hands)
			s.until("everybody has one leg", func() bool { return len(s.f.Legs()) == 4 })
			for _, l := range s.f.Legs() {
				if !l.Room {
					t.Errorf("%s is in no room", l.User)
				}
			}
			s.hand(s.hands.HangUp("201"))
			s.is("201")
			for _, d := range []csta.DeviceID{"202", "203", "204"} {
				s.is(d, csta.Connected)
			}
		})
	}
}

func fourth(s *script, hands adaptertest.Hands) {
	s.t.Helper()
	s.talking(hands)
	for _, d := range []csta.DeviceID{"203", "204"} {
		s.consult(d)
		s.hand(hands.Answer(d))
		s.is(d, csta.Connected)
		s.do(csta.ConferenceCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
	}
	id := s.conn("201", csta.Connected).Call
	for _, d := range []csta.DeviceID{"201", "202", "203", "204"} {
		s.is(d, csta.Connected)
		if c := s.conn(d, csta.Connected).Call; c != id {
			s.t.Errorf("%s is in %s, and the conference is %s", d, c, id)
		}
	}
}

// Who is reached over a gateway is outside, also where the dialplan's variable of who was dialled has the number of a phone.
func TestReachedOverGateway(t *testing.T) {
	for gateway, want := range map[string]csta.DeviceID{"far": "0301234567", "": "202"} {
		r := newReplayer(t)
		e := new(event)
		e.value[eventName], e.value[uniqueID], e.value[callDirection] = "CHANNEL_CREATE", "bbbb-1", "outbound"
		e.value[dialedUser], e.value[gatewayName], e.value[callerDestination] = "202", gateway, "0301234567"
		r.track.hear(e, time.Now())
		if l := r.track.legs["bbbb-1"]; l == nil || l.device != want {
			t.Errorf("over %q: %+v, want %s", gateway, l, want)
		}
	}
}

// When the link comes back, a call that went on has begun when it began.
func TestBeganBeforeTheLinkWasLost(t *testing.T) {
	inBubble(t, false, func(t *testing.T, s *script) {
		s.talk()
		id := s.conn("201", csta.Connected).Call
		before, _ := s.model.Call(id)
		_ = s.stop()
		time.Sleep(20 * time.Millisecond)
		s.model = callmodel.New()
		s.adapter(s.a)
		defer func() { _ = s.stop() }()
		if after, _ := s.model.Call(id); after.Began.IsZero() || !after.Began.Equal(before.Began) {
			t.Errorf("it began at %v, and had begun at %v", after.Began, before.Began)
		}
	})
}

// Whoever calls by MakeCall is up before anybody answers him: who rings for him can be picked up for all that; and who has answered in the meantime is not taken from.
func TestPickupOfCallThatWasMade(t *testing.T) {
	for name, c := range map[string]struct {
		make func(s *script)
	}{
		"by a phone": {func(s *script) { s.hand(s.hands.Dial("201", "202")) }},
		"by MakeCall": {func(s *script) {
			s.do(csta.MakeCall{CallingDevice: "201", CalledDirectoryNumber: "202", AutoOriginate: csta.AutoOriginateDoNotPrompt})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, false)
			c.make(s)
			s.do(csta.DirectedPickupCall{CallToBePickedUp: new(s.conn("202", csta.Alerting)), RequestingDevice: "203"})
			s.is("203", csta.Connected)
			s.is("202")
			s.hand(s.hands.HangUp("203"))
			s.nobody()
			c.make(s)
			s.is("202", csta.Alerting)
			s.f.Before("originate", func() { s.hand(s.hands.Answer("202")) })
			r := csta.DirectedPickupCall{CallToBePickedUp: new(s.conn("202", csta.Alerting)), RequestingDevice: "203"}
			s.a.time.step = 100 * time.Millisecond
			if _, err := s.a.Services()[r.Service()](t.Context(), r); err == nil {
				t.Error("it is picked up")
			}
			s.is("202", csta.Connected)
			s.is("203")
		})
	}
}
