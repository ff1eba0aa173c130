package asterisk

import (
	"testing"
	"time"

	"farhook/csta"
)

// Nothing is repaired, and nothing told, while nothing happens: whatever calls there are.
func TestAuditsAreQuiet(t *testing.T) {
	for kind, style := range kinds {
		for name, prepare := range map[string]func(b *board){
			"rings":   func(b *board) { b.hand(b.p.Call("101", "102")) },
			"talks":   func(b *board) { b.talk("101", "102") },
			"menu":    func(b *board) { b.hand(b.p.Call("101", "*76")) },
			"outside": func(b *board) { b.hand(b.p.Call("101", "9555")); b.hand(b.p.Answer("pstn")) },
			"busy":    func(b *board) { b.hand(b.p.Call("101", "9001")) },
			"held": func(b *board) {
				b.talk("101", "102")
				b.must(csta.HoldCall{CallToBeHeld: b.is("102", csta.Connected)})
			},
			"consults": func(b *board) {
				b.talk("101", "102")
				b.must(csta.ConsultationCall{ExistingCall: b.is("102", csta.Connected), ConsultedDevice: "103"})
			},
			"conference": func(b *board) {
				b.talk("101", "102")
				b.must(csta.ConsultationCall{ExistingCall: b.is("102", csta.Connected), ConsultedDevice: "103"})
				b.hand(b.p.Answer("103"))
				b.must(csta.ConferenceCall{HeldCall: b.is("102", csta.Hold), ActiveCall: b.is("102", csta.Connected)})
			},
			"parked": func(b *board) {
				b.talk("101", "102")
				b.must(csta.ParkCall{Parking: new(b.is("102", csta.Connected)), ParkTo: "701"})
			},
			"prompted": func(b *board) { b.must(csta.MakeCall{CallingDevice: "101", CalledDirectoryNumber: "102"}) },
		} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				inBubble(t, plain(), func(b *board) {
					prepare(b)
					b.pass(2 * time.Second)
					told := len(b.events())
					b.pass(5 * time.Minute)
					if n := b.a.Counted().Repaired; n != 0 {
						t.Errorf("%d were repaired", n)
					}
					for _, x := range b.events()[told:] {
						t.Errorf("told %s to %v", x.Event.Element(), x.Audience)
					}
				}, style)
			})
		}
	}
}
