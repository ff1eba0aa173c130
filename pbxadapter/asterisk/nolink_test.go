package asterisk

import (
	"testing"
	"time"

	"farhook/csta"
)

// Without a link nothing is answered from memory, and nothing that was asked meanwhile is carried out when there is one again.
func TestNoLink(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		id := b.talk("101", "102")
		active := csta.ConnectionID{Call: id, Device: "102"}
		b.p.Cut()
		b.pass(time.Second)
		acted := len(b.p.Acted())
		for _, r := range []csta.Request{
			csta.MakeCall{CallingDevice: "103", CalledDirectoryNumber: "104", AutoOriginate: csta.AutoOriginateDoNotPrompt},
			csta.AnswerCall{CallToBeAnswered: active},
			csta.ClearConnection{ConnectionToBeCleared: active},
			csta.ClearCall{CallToBeCleared: &active},
			csta.HoldCall{CallToBeHeld: active},
			csta.RetrieveCall{CallToBeRetrieved: active}, // nobody says any more that it isn't held
			csta.AlternateCall{HeldCall: active, ActiveCall: active},
			csta.ReconnectCall{ActiveCall: active, HeldCall: active},
			csta.DirectedPickupCall{CallToBePickedUp: &active, RequestingDevice: "103"},
			csta.GroupPickupCall{NewDestination: "103"},
			csta.ConsultationCall{ExistingCall: active, ConsultedDevice: "103"},
			csta.TransferCall{HeldCall: active, ActiveCall: active},
			csta.ConferenceCall{HeldCall: active, ActiveCall: active},
			csta.SingleStepTransferCall{ActiveCall: active, TransferredTo: "103"},
			csta.SingleStepConferenceCall{ActiveCall: active, DeviceToJoin: "103"},
			csta.DeflectCall{CallToBeDiverted: active, NewDestination: "103"},
			csta.ParkCall{Parking: &active, ParkTo: "701"},
			csta.GenerateDigits{ConnectionToSendDigits: active, CharactersToSend: "1"},
			csta.GetForwarding{Device: "102"},
			csta.SetForwarding{Device: "102", ActivateForward: true, ForwardDN: "103"},
			csta.GetDoNotDisturb{Device: "102"},
			csta.SetDoNotDisturb{Device: "102", DoNotDisturbOn: true},
			csta.GetMessageWaitingIndicator{Device: "102"},
			csta.SetMessageWaitingIndicator{Device: "102", MessageWaitingOn: true},
			csta.SnapshotCall{SnapshotObject: active},
			csta.SnapshotDevice{SnapshotObject: "102"},
			csta.GetLogicalDeviceInformation{Device: "102"},
		} {
			b.refuses(r, csta.ErrResourceOutOfService)
		}
		b.p.Restore()
		b.pass(10 * time.Second)
		if done := b.p.Acted()[acted:]; len(done) != 0 {
			t.Errorf("carried out later: %v", done)
		}
		b.is("102", csta.Connected)
	})
}

// Who waits for what a request does is answered when the link is lost, and not only when it would have shown.
func TestLostMeanwhile(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		active := b.is("102", csta.Connected)
		for range 2 {
			b.p.Lose("HangupRequest")
			b.p.Lose("Hangup")
			b.p.Lose("BridgeLeave")
		}
		done := make(chan error, 1)
		began := time.Now()
		go func() {
			_, err := b.do(csta.ClearConnection{ConnectionToBeCleared: active})
			done <- err
		}()
		b.pass(500 * time.Millisecond)
		b.p.Cut()
		if err := <-done; err == nil {
			t.Error("it is said to be done")
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
		b.p.Restore()
		b.pass(10 * time.Second)
		b.idle("101", "102")
	})
}
