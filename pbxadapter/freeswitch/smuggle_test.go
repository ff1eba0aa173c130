package freeswitch

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
)

// evil are values that would be more than a value, if they got into a command.
var evil = []string{
	"203,hangup", "203|origination_uuid=x", "203}user/201@pbx.test", "203{x=1}", "203 XML public", "203' inline", "203\"", "${system(touch /tmp/x)}", "203$",
	"203\n\nbgapi hupall", "203\r\n", "203\nJob-UUID: x", "203[leg_timeout=1]", "203\\", "203^hangup:", "203;a=b", "203&park", "203\x00", "ü203", "203 ", "%0a", "",
	strings.Repeat("1", 5000),
}

// No field of any request, whatever it holds, puts anything but a number of the whitelist into a command: not an application's argument, not
// a variable, not a second command or frame.
func TestSmuggling(t *testing.T) {
	s := onFake(t)
	a := fakeAdapter(t, s.at, false)
	a.log = zap.NewNop()
	a.numbers = crooked{} // rules that give back what they were given
	s.adapter(a)
	s.talk()
	talk := s.conn("201", csta.Connected)
	s.f.Commands()
	for name, handler := range a.Services() {
		for _, e := range evil {
			for _, r := range requests(name, e, talk) {
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				_, _ = handler(ctx, r)
				cancel()
			}
		}
	}
	for _, c := range s.f.Commands() {
		for _, e := range evil {
			if e != "" && e != "203 " && e != "%0a" && strings.Contains(c, e) {
				t.Errorf("%q is in the command %q", e, c)
			}
		}
		if strings.Contains(c, "hupall") || strings.ContainsAny(strings.Split(c, "\n")[0], "\r\x00") {
			t.Errorf("the command %q", c)
		}
	}
}

// crooked are rules of numbers that check nothing.
type crooked struct{ pbxadapter.PlainNumbers }

func (crooked) Native(n csta.DeviceID, _ pbxadapter.Side) (string, error) { return string(n), nil }

// requests are requests of a service: each field of text, one after the other, is the evil one, the others are sound.
func requests(name csta.Service, e string, talk csta.ConnectionID) (list []csta.Request) {
	sound := csta.DeviceID("201")
	for _, r := range []csta.Request{
		csta.MakeCall{CallingDevice: "203", CalledDirectoryNumber: csta.DeviceID(e)},
		csta.MakeCall{CallingDevice: csta.DeviceID(e), CalledDirectoryNumber: "203"},
		csta.ConsultationCall{ExistingCall: talk, ConsultedDevice: csta.DeviceID(e)},
		csta.SingleStepTransferCall{ActiveCall: talk, TransferredTo: csta.DeviceID(e)},
		csta.SingleStepConferenceCall{ActiveCall: talk, DeviceToJoin: csta.DeviceID(e)},
		csta.DeflectCall{CallToBeDiverted: talk, NewDestination: csta.DeviceID(e)},
		csta.ParkCall{Parking: &talk, ParkTo: csta.DeviceID(e)},
		csta.GroupPickupCall{NewDestination: csta.DeviceID(e)},
		csta.DirectedPickupCall{CallToBePickedUp: &talk, RequestingDevice: csta.DeviceID(e)},
		csta.GenerateDigits{ConnectionToSendDigits: talk, CharactersToSend: e},
		csta.SetForwarding{Device: sound, ActivateForward: true, ForwardDN: csta.DeviceID(e)},
		csta.SetForwarding{Device: csta.DeviceID(e), ActivateForward: true, ForwardDN: "203"},
		csta.SetForwarding{Device: sound, ForwardingType: csta.ForwardingType(e), ActivateForward: true, ForwardDN: "203"},
		csta.SetDoNotDisturb{Device: csta.DeviceID(e), DoNotDisturbOn: true},
		csta.GetDoNotDisturb{Device: csta.DeviceID(e)},
		csta.GetForwarding{Device: csta.DeviceID(e)},
		csta.SetMessageWaitingIndicator{Device: csta.DeviceID(e), MessageWaitingOn: true},
		csta.AnswerCall{CallToBeAnswered: csta.ConnectionID{Call: csta.CallID(e), Device: sound}},
		csta.ClearConnection{ConnectionToBeCleared: csta.ConnectionID{Call: csta.CallID("fs-" + e), Device: sound}},
		csta.HoldCall{CallToBeHeld: csta.ConnectionID{Call: talk.Call, Device: csta.DeviceID(e)}},
	} {
		if r.Service() == name {
			list = append(list, r)
		}
	}
	return list
}

// What comes from the PBX itself, or from a directory's name, is no less hostile.
func TestSmugglingFromOutside(t *testing.T) {
	for _, e := range evil {
		if n := shown(e); strings.ContainsAny(n, ",|{}[]$'\"\\^\r\n\x00") {
			t.Errorf("%q is shown as %q", e, n)
		}
		if isID(e) && strings.Trim(e, "1") != "" || isName(e) && strings.ContainsAny(e, never) {
			t.Errorf("%q is an id or a name", e)
		}
		if line("x"+e) == nil && strings.ContainsAny(e, "\r\n\x00") {
			t.Errorf("%q is one line", e)
		}
		if _, err := sendEvent("X", header{"a", e}); err == nil && strings.ContainsAny(e, "\r\n\x00") {
			t.Errorf("%q is a header", e)
		}
		if err := defaultWhitelist.check(e); err == nil {
			t.Errorf("%q may be dialled", clip(e))
		}
	}
	for _, w := range []string{"0123456789,", "0-9|", "{}", "0 1", "$", "'", "\"", "\\", "\n", ""} {
		c := realConfig("127.0.0.1:1", "x")
		c.Characters = w
		if c.check() == nil {
			t.Errorf("the whitelist %q is taken", w)
		}
	}
}
