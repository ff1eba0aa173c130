package asterisk

import (
	"context"
	"net"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/adaptertest"
	"farhook/pbxadapter/asterisk/fake"
)

// must are the services that this adapter has to have.
var must = []csta.Service{
	"MakeCall", "AnswerCall", "ClearConnection", "ClearCall", "HoldCall", "RetrieveCall", "AlternateCall", "ConsultationCall", "ReconnectCall", "TransferCall",
	"ConferenceCall", "SingleStepTransferCall", "SingleStepConferenceCall", "DeflectCall", "DirectedPickupCall", "GroupPickupCall", "ParkCall",
	"GenerateDigits", "GetForwarding", "SetForwarding", "GetDoNotDisturb", "SetDoNotDisturb", "GetMessageWaitingIndicator", "SetMessageWaitingIndicator",
	"SnapshotDevice", "SnapshotCall", "GetLogicalDeviceInformation",
}

type hands struct{ p *fake.PBX }

func endpoint(d csta.DeviceID) string {
	if d[0] == '9' {
		return "pstn"
	}
	return string(d)
}

func (h hands) Dial(from, to csta.DeviceID) error { return h.p.Call(string(from), string(to)) }
func (h hands) Answer(d csta.DeviceID) error      { return h.p.Answer(endpoint(d)) }
func (h hands) HangUp(d csta.DeviceID) error      { return h.p.HangUp(endpoint(d)) }
func (h hands) Hold(d csta.DeviceID) error        { return h.p.Hold(endpoint(d)) }
func (h hands) Retrieve(d csta.DeviceID) error    { return h.p.Retrieve(endpoint(d)) }
func (h hands) Press(d csta.DeviceID, digits string) error {
	return h.p.Press(endpoint(d), digits)
}
func (h hands) Pressed(d csta.DeviceID) (string, error) { return h.p.Pressed(endpoint(d)), nil }
func (h hands) CutLink()                                { h.p.Cut() }
func (h hands) RestoreLink()                            { h.p.Restore() }

func plain() fake.Config {
	return fake.Config{Phones: []string{"101", "102", "103", "104"}, Slots: [2]int{701, 720}, Lines: true, Secret: "s3cret"}
}

func plainPBX() *fake.PBX { return fake.New(plain()) }

func adapterOn(t testing.TB, p *fake.PBX, log *zap.Logger, more ...func(*Config)) *Adapter {
	t.Helper()
	c := defaults()
	c.Address, c.Username, c.Secret = "127.0.0.1:1", "farhook", "s3cret"
	for _, f := range more {
		f(&c)
	}
	a, err := New(pbxadapter.Options{Name: "ast", Log: log, Numbers: pbxadapter.PlainNumbers{}}, c)
	if err != nil {
		t.Fatal(err)
	}
	a.dial = func(context.Context) (net.Conn, error) { return p.Dial() }
	return a
}

func TestConformance(t *testing.T) {
	for kind, style := range kinds {
		t.Run(kind, func(t *testing.T) {
			adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
				p := fake.New(plain())
				log := zap.NewNop()
				if testing.Verbose() {
					log = zaptest.NewLogger(t)
				}
				return adaptertest.Harness{
					Adapter: adapterOn(t, p, log, style, func(c *Config) { c.Digits = true }), Phones: [4]csta.DeviceID{"101", "102", "103", "104"}, Busy: "9001", Outside: "9555", Slot: "701", Hands: hands{p},
					Settle: func(condition func() bool) bool {
						for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Microsecond) {
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
