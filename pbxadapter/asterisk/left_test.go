package asterisk

import (
	"testing"
	"time"

	"farhook/csta"
)

// Who was once held by our dialplan lines, or still is when he is handed over, and reaches an announcement instead of somebody is not hung up.
func TestHeldThenForwarded(t *testing.T) {
	handOver := func(b *board, state csta.State) {
		b.must(csta.SingleStepTransferCall{ActiveCall: b.is("102", state), TransferredTo: "103"})
	}
	for name, send := range map[string]func(b *board){
		"retrieved and handed over": func(b *board) {
			b.must(csta.RetrieveCall{CallToBeRetrieved: b.is("102", csta.Hold)})
			handOver(b, csta.Connected)
		},
		"handed over from hold": func(b *board) { handOver(b, csta.Hold) },
		"transferred while it rings": func(b *board) {
			b.must(csta.MakeCall{CallingDevice: "102", CalledDirectoryNumber: "103", AutoOriginate: csta.AutoOriginateDoNotPrompt})
			b.must(csta.TransferCall{HeldCall: b.is("102", csta.Hold), ActiveCall: b.is("102", csta.Connected)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, plain(), func(b *board) {
				b.p.Feature("CFNA", "103", "*76")
				b.talk("101", "102")
				b.must(csta.HoldCall{CallToBeHeld: b.is("102", csta.Connected)})
				send(b)
				b.is("103", csta.Alerting)
				b.hand(b.p.Unanswered("103"))
				b.pass(2 * time.Minute)
				b.is("101", csta.Connected)
				if left := b.p.Endpoints(); len(left) != 1 || left[0] != "101" {
					t.Errorf("channels of %v are left", left)
				}
			}, deafened)
		})
	}
}

// Who is sent elsewhere while our dialplan lines hold him, by somebody whom farhook does not see, is left there when the holder hangs up.
func TestHeldAndSentElsewhere(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		b.must(csta.HoldCall{CallToBeHeld: b.is("102", csta.Connected)})
		b.hand(b.p.Go("101", "internal", "*76"))
		b.hand(b.p.HangUp("102"))
		b.pass(2 * time.Minute)
		b.is("101", csta.Connected)
		if n := b.a.Counted().Orphans; n != 0 {
			t.Errorf("%d were hung up", n)
		}
	}, deafened)
}

// Who was held by our dialplan lines and taken back, and later talks to an announcement, does so too when everything is read anew; it is no difference
// that each audit repairs again.
func TestHeldThenAnnouncement(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		b.must(csta.HoldCall{CallToBeHeld: b.is("102", csta.Connected)})
		b.must(csta.RetrieveCall{CallToBeRetrieved: b.is("102", csta.Hold)})
		b.must(csta.SingleStepTransferCall{ActiveCall: b.is("102", csta.Connected), TransferredTo: "*76"})
		b.p.Booted()
		b.pass(10 * time.Minute)
		if n := b.a.Counted().Repaired; n != 0 {
			t.Errorf("%d were repaired", n)
		}
		if c := b.at("101"); len(c) != 1 || len(c[0].Legs) != 2 {
			t.Errorf("101 is in %+v", c)
		}
	}, deafened)
}
