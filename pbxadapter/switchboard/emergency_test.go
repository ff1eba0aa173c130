package switchboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/directory"
	"farhook/pbxadapter/numbering"
	. "farhook/pbxadapter/switchboard"
	"farhook/pbxadapter/switchboard/audit"
)

// helpers is a board on which everything that dials says what it was given.
func helpers(t *testing.T, policy func(*People) Policy, people ...directory.Person) (b *Board, dialled *csta.DeviceID, entries func() []audit.Entry) {
	t.Helper()
	e, err := numbering.NewEmergency(numbering.EmergencyConfig{Outside: []string{"0", "9"}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	record, err := audit.Open(path, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := record.Close(); err != nil {
			t.Error(err)
		}
	})
	dialled = new(csta.DeviceID)
	take := func(d csta.DeviceID) { *dialled = d }
	b, _, r, _ := peopled(t, policy, Options{Emergency: e, Audit: record}, func(a *scripted) {
		a.devices = append(a.devices, pbxadapter.Device{ID: "9112", Aliases: []string{"112"}})
		csta.Handle(a.services, func(_ context.Context, r csta.MakeCall) (csta.MakeCallResponse, error) {
			take(r.CalledDirectoryNumber)
			return csta.MakeCallResponse{}, nil
		})
		csta.Handle(a.services, func(_ context.Context, r csta.ConsultationCall) (csta.ConsultationCallResponse, error) {
			take(r.ConsultedDevice)
			return csta.ConsultationCallResponse{}, nil
		})
		csta.Handle(a.services, func(_ context.Context, r csta.DeflectCall) (csta.DeflectCallResponse, error) {
			take(r.NewDestination)
			return csta.DeflectCallResponse{}, nil
		})
		csta.Handle(a.services, func(_ context.Context, r csta.SingleStepTransferCall) (csta.SingleStepTransferCallResponse, error) {
			take(r.TransferredTo)
			return csta.SingleStepTransferCallResponse{}, nil
		})
		csta.Handle(a.services, func(_ context.Context, r csta.SetForwarding) (csta.SetForwardingResponse, error) {
			take(r.ForwardDN)
			return csta.SetForwardingResponse{}, nil
		})
	}, people...)
	r.Report(ring("c1", d1))
	r.Report(ring("c2", d2))
	return b, dialled, func() []audit.Entry {
		t.Helper()
		if err := record.Close(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var all []audit.Entry
		for line := range strings.Lines(string(text)) {
			var e audit.Entry
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			if e.Act == audit.Emergency {
				all = append(all, e)
			}
		}
		return all
	}
}

// Emergency numbers are known in every form and by every service that dials, and go out from the caller's own device only.
func TestEmergencyCalls(t *testing.T) {
	own := csta.ConnectionID{Call: "c1", Device: d1}
	other := csta.ConnectionID{Call: "c2", Device: d2}
	alicePhone := Principal{User: alice.User, Via: "sip", Line: d1}
	boss := Principal{User: bob.User, Via: "sip", Line: d1} // bob, signed in to alice's line as her delegate
	for _, c := range []struct {
		name string
		who  Principal
		r    csta.Request
		want string // what the PBX dials; else what is said
	}{
		{"make", alicePhone, csta.MakeCall{CallingDevice: "1001", CalledDirectoryNumber: "112"}, "112"},
		{"make, as tel:", alicePhone, csta.MakeCall{CallingDevice: d1, CalledDirectoryNumber: "tel:112;phone-context=dialstring"}, "112"},
		{"make, a lookalike", alicePhone, csta.MakeCall{CallingDevice: d1, CalledDirectoryNumber: "tel:+49112"}, "112"},
		{"make, with an outside prefix", alicePhone, csta.MakeCall{CallingDevice: d1, CalledDirectoryNumber: "0112"}, "0112"},
		{"make, as a service URN", alicePhone, csta.MakeCall{CallingDevice: d1, CalledDirectoryNumber: "urn:service:sos.fire"}, "112"},
		{"make, an extension that looks like one", alicePhone, csta.MakeCall{CallingDevice: d1, CalledDirectoryNumber: "9112"}, "9112"},
		{"consult", alicePhone, csta.ConsultationCall{ExistingCall: own, ConsultedDevice: "0911"}, "0911"},
		{"deflect", alicePhone, csta.DeflectCall{CallToBeDiverted: own, NewDestination: "+112"}, "112"},
		{"transfer", alicePhone, csta.SingleStepTransferCall{ActiveCall: own, TransferredTo: "112"}, "112"},
		{"conference, which this PBX can't", alicePhone, csta.SingleStepConferenceCall{ActiveCall: own, DeviceToJoin: "112"}, "dial 112 on the phone"},
		{"make from another's", alicePhone, csta.MakeCall{CallingDevice: d2, CalledDirectoryNumber: "112"}, "from the caller's own device only"},
		{"make from the one acted for", boss, csta.MakeCall{CallingDevice: d1, CalledDirectoryNumber: "112"}, "from the caller's own device only, and tel:+15551001 is not that of sip:bob@example.com: dial 112 on the phone"},
		{"consult on another's", alicePhone, csta.ConsultationCall{ExistingCall: other, ConsultedDevice: "112"}, "from the caller's own device only"},
		{"deflect from another's", alicePhone, csta.DeflectCall{CallToBeDiverted: other, NewDestination: "112"}, "from the caller's own device only"},
		{"transfer from another's", alicePhone, csta.SingleStepTransferCall{ActiveCall: other, TransferredTo: "112"}, "from the caller's own device only"},
		{"by the web, without a phone of one's own", Principal{User: "rest", Via: "http"}, csta.MakeCall{CallingDevice: d1, CalledDirectoryNumber: "112"}, "dial 112 on the phone"},
		{"forward", alicePhone, csta.SetForwarding{Device: d1, ActivateForward: true, ForwardDN: "0112"}, "calls are not forwarded to the emergency number 112: dial 112 on the phone"},
		{"forward, a lookalike", alicePhone, csta.SetForwarding{Device: d1, ActivateForward: true, ForwardDN: "tel:+1911"}, "calls are not forwarded to the emergency number 911"},
		{"park", alicePhone, csta.ParkCall{Parking: &own, ParkTo: "112"}, "calls are not parked at the emergency number 112"},
		{"an unknown phone", alicePhone, csta.MakeCall{CallingDevice: "4711", CalledDirectoryNumber: "112"}, "dial 112 on the phone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, dialled, entries := helpers(t, delegates, alice, bob)
			_, err := b.Do(t.Context(), c.who, c.r)
			if err == nil && string(*dialled) != c.want {
				t.Errorf("the PBX dials %q, want %q", *dialled, c.want)
			}
			if err != nil && (!strings.Contains(err.Error(), c.want) || *dialled != "") {
				t.Errorf("%v (dialled %q), want %s", err, *dialled, c.want)
			}
			noted := entries()
			if strings.Contains(c.name, "an extension") {
				if len(noted) != 0 {
					t.Errorf("an ordinary call is noted as %+v", noted)
				}
				return
			}
			if len(noted) != 1 || noted[0].User != c.who.User || noted[0].Number == "" || (noted[0].Result == "ok") != (err == nil) {
				t.Errorf("the audit record has %+v", noted)
			}
			if err != nil {
				if e, ok := errors.AsType[*csta.Error](err); !ok || noted[0].Detail != err.Error() || noted[0].Result != e.Category+"/"+e.Value || !strings.HasSuffix(err.Error(), ": dial "+noted[0].Number+" on the phone") {
					t.Errorf("%v is noted as %+v", err, noted[0])
				}
			}
		})
	}
}

// A call for help needs no right but that to the phone: no policy on whom one may ring stands in its way.
func TestEmergencyNeedsNoRightToRing(t *testing.T) {
	b, dialled, _ := helpers(t, func(*People) Policy { return noRinging{} }, alice)
	who := Principal{User: alice.User, Via: "sip", Line: d1}
	if _, err := b.Do(t.Context(), who, csta.MakeCall{CallingDevice: d1, CalledDirectoryNumber: "1002"}); !errors.Is(err, csta.ErrPrivilege) {
		t.Fatal(err)
	}
	if _, err := b.Do(t.Context(), who, csta.MakeCall{CallingDevice: d1, CalledDirectoryNumber: "112"}); err != nil || *dialled != "112" {
		t.Errorf("%v, %q", err, *dialled)
	}
	if !b.Emergency(csta.MakeCall{CallingDevice: d1, CalledDirectoryNumber: "112"}) || b.Emergency(csta.MakeCall{CallingDevice: d1, CalledDirectoryNumber: "1002"}) ||
		b.Emergency(csta.SnapshotDevice{SnapshotObject: "112"}) {
		t.Error("Emergency is wrong")
	}
}

type noRinging struct{ AnyLine }

func (noRinging) May(_ Principal, right csta.Right, _ csta.DeviceID) bool { return right != csta.Call }
