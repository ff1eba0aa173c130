package sim_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/adaptertest"
	"farhook/pbxadapter/sim"
)

// must are the services that the simulated PBX is the reference for: all.
var must = []csta.Service{
	"MakeCall", "AnswerCall", "ClearConnection", "ClearCall", "HoldCall", "RetrieveCall", "AlternateCall", "ConsultationCall", "ReconnectCall", "TransferCall",
	"ConferenceCall", "SingleStepTransferCall", "SingleStepConferenceCall", "DeflectCall", "DirectedPickupCall", "GroupPickupCall", "ParkCall",
	"GenerateDigits", "GetForwarding", "SetForwarding", "GetDoNotDisturb", "SetDoNotDisturb", "GetMessageWaitingIndicator", "SetMessageWaitingIndicator",
	"GetMicrophoneMute", "SetMicrophoneMute", "SnapshotDevice", "SnapshotCall", "GetLogicalDeviceInformation",
}

type hands struct{ p *sim.PBX }

// at finds the hands at a device.
func (h hands) at(d csta.DeviceID) sim.Hands { return h.p.Outside(d) }

func (h hands) Dial(from, to csta.DeviceID) error { return h.at(from).Dial(to) }
func (h hands) Answer(d csta.DeviceID) error      { return h.at(d).Answer() }
func (h hands) HangUp(d csta.DeviceID) error      { return h.at(d).HangUp() }
func (h hands) Hold(d csta.DeviceID) error        { return h.at(d).Hold() }
func (h hands) Retrieve(d csta.DeviceID) error    { return h.at(d).Retrieve() }
func (h hands) Press(d csta.DeviceID, digits string) error {
	return h.at(d).Press(digits)
}
func (h hands) Pressed(d csta.DeviceID) (string, error) { return h.at(d).Pressed(), nil }
func (h hands) CutLink()                                { h.p.CutLink() }
func (h hands) RestoreLink()                            { h.p.RestoreLink() }

func TestConformance(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("late=%v", late), func(t *testing.T) {
			adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
				p, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{
					Lines: 24, Quiet: true, ReportLate: late, Clock: sim.NewClock(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)),
				})
				if err != nil {
					t.Fatal(err)
				}
				return adaptertest.Harness{
					Adapter: p, Phones: [4]csta.DeviceID{"tel:+15551004", "tel:+15551005", "tel:+15551006", "tel:+15551007"},
					Busy: "tel:+15559000001", Outside: "tel:+15559000002", Slot: "71", Hands: hands{p},
					Settle: func(condition func() bool) bool {
						for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Microsecond) {
							if condition() {
								return true
							}
						}
						return false
					},
				}
			}, must...)
		})
	}
}

// Every service has a scenario.
func TestScenarios(t *testing.T) {
	have := adaptertest.Services()
	p, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Demo())
	if err != nil {
		t.Fatal(err)
	}
	for s := range p.Services() {
		if !slices.Contains(have, s) {
			t.Errorf("%s has no scenario", s)
		}
		if !slices.Contains(must, s) {
			t.Errorf("%s is not required of the reference", s)
		}
	}
}
