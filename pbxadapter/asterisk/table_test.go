package asterisk

import (
	"maps"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
)

// What an Asterisk can be asked for, and what each of that takes, are two tables of the same services: but for the three that take nothing.
func TestServices(t *testing.T) {
	want := []csta.Service{
		"AlternateCall", "AnswerCall", "ClearCall", "ClearConnection", "ConferenceCall", "ConsultationCall", "DeflectCall", "DirectedPickupCall", "GenerateDigits",
		"GetDoNotDisturb", "GetForwarding", "GetLogicalDeviceInformation", "GetMessageWaitingIndicator", "GroupPickupCall", "HoldCall", "MakeCall", "ParkCall",
		"ReconnectCall", "RetrieveCall", "SetDoNotDisturb", "SetForwarding", "SetMessageWaitingIndicator", "SingleStepConferenceCall", "SingleStepTransferCall",
		"SnapshotCall", "SnapshotDevice", "TransferCall",
	}
	if got := slices.Sorted(maps.Keys(adapterOn(t, nil, zap.NewNop()).Services())); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	takes := []csta.Service{"GetLogicalDeviceInformation", "SnapshotCall", "SnapshotDevice"}
	for _, r := range requirements {
		takes = append(takes, r.service)
	}
	if slices.Sort(takes); !slices.Equal(takes, want) {
		t.Errorf("requirements are of %v, want %v", takes, want)
	}
}

// A phone's digits go to no channel that Asterisk doesn't find any more: the refusal has the calls compared.
func TestDigitsToNobody(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		id := b.talk("101", "102")
		for _, e := range []string{"HangupRequest", "Hangup", "BridgeLeave"} {
			b.p.Lose(e)
		}
		b.hand(b.p.HangUp("101"))
		b.refuses(csta.GenerateDigits{ConnectionToSendDigits: csta.ConnectionID{Call: id, Device: "101"}, CharactersToSend: "1"}, csta.ErrInvalidConnectionID)
		b.pass(10 * time.Second)
		b.idle("101", "102")
	})
}

// A transfer to a phone that rings is carried out also where the consultation ended unheard: what matters is that it is over.
func TestTransferAfterConsultation(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		b.must(csta.ConsultationCall{ExistingCall: b.is("102", csta.Connected), ConsultedDevice: "103"})
		held, active := b.is("102", csta.Hold), b.is("102", csta.Connected)
		b.is("103", csta.Alerting)
		for range 4 {
			for _, e := range []string{"HangupRequest", "SoftHangupRequest", "Hangup", "DialEnd", "BridgeLeave"} {
				b.p.Lose(e)
			}
		}
		b.hand(b.p.HangUp("102"))
		b.must(csta.TransferCall{HeldCall: held, ActiveCall: active})
		b.hand(b.p.Answer("103"))
		b.idle("102")
		b.is("101", csta.Connected)
		b.is("103", csta.Connected)
		if !b.p.Together("101", "103") {
			t.Error("they don't hear each other")
		}
	})
}
