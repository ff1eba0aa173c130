package freeswitch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// syncing is a real phone that synchronises its features.
type syncing struct {
	*script
	hands realHands
}

func (s syncing) set(body string) {
	s.t.Helper()
	s.hand(s.hands.say(`202 subscribe as-feature-event expires=60 type=application/x-as-feature-event+xml body="%s"`, body))
}

// told has something done, and waits until the phone is told something that has some texts in it.
func (s syncing) told(do func(), texts ...string) {
	s.t.Helper()
	told := make(chan string, 1)
	go func() {
		answer, err := s.hands.ask(`wait 3s 202 notify event=as-feature-event`)
		if err != nil {
			answer = err.Error()
		}
		told <- answer
	}()
	time.Sleep(200 * time.Millisecond)
	do()
	answer := <-told
	for _, text := range texts {
		if !strings.Contains(answer, text) {
			s.t.Errorf("the phone was told %s, want %s", answer, text)
		}
	}
}

// is waits until a feature of the phone is so.
func (s syncing) is(want callmodel.Feature) {
	s.t.Helper()
	s.until(fmt.Sprintf("%+v", want), func() bool {
		for _, f := range s.model.Features("202") {
			if sameFeature(f, want) {
				return sameSetting(f, want)
			}
		}
		return false
	})
}

// A real phone that synchronises its features: what it sets is kept and told, and it is told what is set for it.
func TestRealFeatureSync(t *testing.T) {
	address, password, hands := realPBX(t)
	s := syncing{newReal(t, address, password), hands}
	s.a.conf.Sync = true
	clearFeatures(t, s.a, s.a.conf)
	s.adapter(s.a)
	defer func() { _ = s.stop(); clearFeatures(t, s.a, s.a.conf) }()
	const of = `xmlns='http://www.ecma-international.org/standards/ecma-323/csta/ed3'><device></device>`
	s.set("")
	time.Sleep(500 * time.Millisecond)
	s.set(`<SetDoNotDisturb ` + of + `<doNotDisturbOn>true</doNotDisturbOn></SetDoNotDisturb>`)
	s.is(callmodel.DoNotDisturb{On: true})
	time.Sleep(1500 * time.Millisecond)
	if !s.do(csta.GetDoNotDisturb{Device: "202"}).(csta.GetDoNotDisturbResponse).DoNotDisturbOn {
		t.Error("the dialplan does not keep it")
	}
	s.told(func() { s.do(csta.SetDoNotDisturb{Device: "202", DoNotDisturbOn: false}) }, "<doNotDisturbOn>false<")
	s.is(callmodel.DoNotDisturb{})
	for kind, name := range map[csta.ForwardingType]string{csta.ForwardImmediate: "forwardImmediate", csta.ForwardBusy: "forwardBusy", csta.ForwardNoAns: "forwardNoAns"} {
		s.set(`<SetForwarding ` + of + `<forwardingType>` + name + `</forwardingType><activateForward>true</activateForward><forwardDN>203</forwardDN></SetForwarding>`)
		s.is(callmodel.Forwarding{Type: kind, On: true, To: "203"})
		time.Sleep(1500 * time.Millisecond) // it has been stored
		on := false
		for _, f := range s.do(csta.GetForwarding{Device: "202"}).(csta.GetForwardingResponse).ForwardingList {
			on = on || f.ForwardingType == kind && f.ForwardStatus && f.ForwardDN == "203"
		}
		if !on {
			t.Errorf("the dialplan does not keep %s", name)
		}
		s.told(func() { s.do(csta.SetForwarding{Device: "202", ForwardingType: kind, ForwardDN: "203"}) }, name, "<forwardStatus>false<")
		s.is(callmodel.Forwarding{Type: kind, To: "203"})
		s.told(func() {
			s.do(csta.SetForwarding{Device: "202", ForwardingType: kind, ActivateForward: true, ForwardDN: "204"})
		}, name, "<forwardStatus>true<", "<forwardTo>204<")
		s.is(callmodel.Forwarding{Type: kind, On: true, To: "204"})
	}
}

// A registration that is lost takes a phone out of service, and the next one brings it back.
func TestRealExpire(t *testing.T) {
	address, password, hands := realPBX(t)
	s := newReal(t, address, password)
	s.hand(hands.say("reset"))
	s.adapter(s.a)
	defer func() { _ = s.stop() }()
	out := func() bool { return s.model.State().Out["204"] != "" }
	s.until("204 is in service", func() bool { return !out() })
	if _, err := s.a.conn.bgapi(t.Context(), "sofia profile desk flush_inbound_reg 204@pbx.test"); err != nil {
		t.Fatal(err)
	}
	s.until("204 is out of service", out)
	s.hand(hands.say("204 register"))
	s.until("204 is in service again", func() bool { return !out() })
}

// Keys that are pressed for a phone are heard at the other one.
func TestRealDigits(t *testing.T) {
	address, password, hands := realPBX(t)
	s := newReal(t, address, password)
	s.hand(hands.say("reset"))
	s.a.conf.Digits = true
	s.adapter(s.a)
	defer func() { _ = s.stop() }()
	s.talking(hands)
	heard := make(chan error, 1)
	go func() {
		for _, d := range []string{"4", "#"} {
			if err := hands.say("wait 5s 202 dtmf digit=%s", d); err != nil {
				heard <- err
				return
			}
		}
		heard <- nil
	}()
	time.Sleep(200 * time.Millisecond)
	s.do(csta.GenerateDigits{ConnectionToSendDigits: s.conn("201", csta.Connected), CharactersToSend: "4,#"})
	s.hand(<-heard)
	s.until("both are told", func() bool {
		n := 0
		for _, x := range s.told {
			if e, ok := x.Event.(csta.DigitsGeneratedEvent); ok && e.Connection.Device == "201" {
				n++
			}
		}
		return n == 2
	})
	s.hand(hands.HangUp("201"))
	s.until("everybody has hung up", func() bool { return len(s.model.State().Calls) == 0 })
}
