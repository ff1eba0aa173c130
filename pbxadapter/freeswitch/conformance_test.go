package freeswitch

import (
	"net"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/adaptertest"
)

// must are the services that this adapter has to have.
var must = []csta.Service{
	"MakeCall", "AnswerCall", "ClearConnection", "ClearCall", "HoldCall", "RetrieveCall", "AlternateCall", "ConsultationCall", "ReconnectCall", "TransferCall",
	"SingleStepTransferCall", "ConferenceCall", "SingleStepConferenceCall", "DeflectCall", "DirectedPickupCall", "GroupPickupCall", "ParkCall", "GenerateDigits",
	"GetForwarding", "SetForwarding", "GetDoNotDisturb", "SetDoNotDisturb", "GetMessageWaitingIndicator", "SetMessageWaitingIndicator", "SnapshotDevice", "SnapshotCall",
	"GetLogicalDeviceInformation",
}

// quick is the timing on the fake, which tells its events in order, and at once.
func quick() timing {
	return timing{settle: time.Millisecond, lag: time.Millisecond, step: 20 * time.Second, ping: time.Minute, audit: time.Hour}
}

// fakeAdapter is an adapter to a fake.
func fakeAdapter(t testing.TB, at net.Addr, parked bool) *Adapter {
	t.Helper()
	c := realConfig(at.String(), password)
	c.Feat["forward_no_answer"] = FeatureTemplate{"db insert/cfna/{user}/{number}", "db delete/cfna/{user}", "db select/cfna/{user}"}
	if parked {
		for i := range c.Devices {
			c.Devices[i].Style = &style{Header: "call-info", Notify: "no"}
		}
	}
	a, err := New(pbxadapter.Options{Name: "fs", Log: zaptest.NewLogger(t), Numbers: pbxadapter.PlainNumbers{}}, c)
	if err != nil {
		t.Fatal(err)
	}
	a.time = quick()
	return a
}

func settled(limit time.Duration) func(func() bool) bool {
	return func(condition func() bool) bool {
		for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if condition() {
				return true
			}
		}
		return false
	}
}

func TestConformance(t *testing.T) {
	for name, parked := range map[string]bool{"notify": false, "parked": true} {
		t.Run(name, func(t *testing.T) {
			adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
				f, at := newFake(t)
				return adaptertest.Harness{
					Adapter: fakeAdapter(t, at, parked), Phones: [4]csta.DeviceID{"201", "202", "203", "204"}, Busy: "9005", Outside: "0301234567", Slot: "501",
					Hands: hands{f}, Settle: settled(20 * time.Second),
				}
			}, must...)
		})
	}
}
