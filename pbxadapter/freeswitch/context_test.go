package freeswitch

import (
	"slices"
	"strings"
	"testing"

	"farhook/csta"
	"farhook/pbxadapter"
)

// Every call that a device makes, or sends on, runs in the device's own context: with its class of service, not with that of whom the leg
// belongs to. What has no context of its own has the one that the PBX's directory says.
func TestContexts(t *testing.T) {
	for _, c := range []struct {
		name, command string
		parked        bool
		act           func(*script)
	}{
		{"MakeCall", "transfer:203 XML of201", false, func(s *script) {
			s.do(csta.MakeCall{CallingDevice: "201", CalledDirectoryNumber: "203", AutoOriginate: csta.AutoOriginateDoNotPrompt})
		}},
		{"MakeCall of the directory's context", "transfer:203 XML office", false, func(s *script) {
			s.do(csta.MakeCall{CallingDevice: "204", CalledDirectoryNumber: "203", AutoOriginate: csta.AutoOriginateDoNotPrompt})
		}},
		{"ConsultationCall", "transfer:203 XML of201", false, func(s *script) { s.talk(); s.consult("203") }},
		{"ConsultationCall, parked", "execute_extension:203 XML of201", true, func(s *script) { s.talk(); s.consult("203") }},
		{"SingleStepTransferCall", " 203 XML of202", false, func(s *script) {
			s.talk()
			s.do(csta.SingleStepTransferCall{ActiveCall: s.conn("202", csta.Connected), TransferredTo: "203"})
		}},
		{"DeflectCall", " 203 XML of202", false, func(s *script) {
			s.hand(s.hands.Dial("201", "202"))
			s.do(csta.DeflectCall{CallToBeDiverted: s.conn("202", csta.Alerting), NewDestination: "203"})
		}},
		{"SingleStepConferenceCall of a number outside", "}loopback/0301234567/of201/XML &conference(", false, func(s *script) {
			s.talk()
			s.do(csta.SingleStepConferenceCall{ActiveCall: s.conn("201", csta.Connected), DeviceToJoin: "0301234567", ParticipationType: csta.ParticipationTypeActive})
		}},
		{"TransferCall to who rings", "^transfer:203 XML of201' inline", false, func(s *script) {
			s.talk()
			s.consult("203")
			s.do(csta.TransferCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t, c.parked)
			s.a.mu.Lock()
			for _, u := range []string{"201", "202"} {
				s.a.stations[u].context = "of" + u
			}
			s.a.mu.Unlock()
			c.act(s)
			if list := s.f.Commands(); !slices.ContainsFunc(list, func(x string) bool { return strings.Contains(x, c.command) }) {
				t.Errorf("no command has %q:\n%s", c.command, strings.Join(list, "\n"))
			}
		})
	}
}

// A device lacks what its phone or the configuration does not allow, with the reason.
func TestLacks(t *testing.T) {
	s := newScript(t, false)
	s.a.mu.Lock()
	defer s.a.mu.Unlock()
	s.a.stations["201"].agent = "NoSuchPhone 1"
	s.a.stations["202"].agent, s.a.stations["202"].group = "snom D785", ""
	delete(s.a.conf.Feat, "do_not_disturb")
	s.a.conf.Park.Slots = nil
	for _, d := range s.a.devices() {
		for service, want := range map[string]map[csta.Service]string{
			"201": {"AnswerCall": "does not answer", "DirectedPickupCall": "cannot be made to answer", "SetDoNotDisturb": "no commands", "ParkCall": "no park slots"},
			"202": {"AnswerCall": "", "HoldCall": "", "GroupPickupCall": "no pickup_group", "SetForwarding": ""},
		}[string(d.ID)] {
			if got := string(d.Lacks[service]); want == "" && got != "" || !strings.Contains(got, want) {
				t.Errorf("%s lacks %s: %q, want %q", d.ID, service, got, want)
			}
		}
	}
}

// Phones of the domain that register are devices, where that is wanted; their style is that of their User-Agent.
func TestDevicesFromRegistrations(t *testing.T) {
	s := onFake(t)
	a := fakeAdapter(t, s.at, false)
	for _, u := range []string{"203", "204", "205", "206"} {
		delete(a.byID, a.stations[u].id)
		delete(a.stations, u)
	}
	a.conf.Registrations = true
	s.adapter(a)
	defer func() { _ = s.stop() }()
	if len(s.devices) < 5 || !a.stations["204"].style(nil).notify() {
		t.Fatalf("%+v", s.devices)
	}
	s.f.Fire("sofia::register", map[string]string{"from-user": "208", "user-agent": "Grandstream GXP", "call-id": "x", "from-host": "pbx.test"})
	s.until("208 is a device", func() bool {
		return slices.ContainsFunc(s.devices, func(d pbxadapter.Device) bool { return d.ID == "208" })
	})
}
