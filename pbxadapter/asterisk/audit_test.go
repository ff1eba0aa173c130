package asterisk

import (
	"context"
	"strconv"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
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

func (b *board) audit(d csta.DeviceID) int {
	b.t.Helper()
	n, err := b.a.Audit(context.Background(), d)
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// Asked about one phone, Asterisk is asked for that phone and its calls; only where they differ for all.
func TestAuditOfOnePhone(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		b.talk("103", "104")
		b.p.Lose("HangupRequest")
		b.p.Lose("Hangup")
		b.hand(b.p.HangUp("102"))
		before, told := b.p.Listed(), len(b.events())
		if n := b.audit("103"); n != 0 || b.p.Listed() != before || len(b.events()) != told {
			t.Errorf("%d repaired, %d lists, %d events", n, b.p.Listed()-before, len(b.events())-told)
		}
		if n := b.audit("102"); n != 1 || b.p.Listed() == before {
			t.Errorf("%d repaired, %d lists", n, b.p.Listed()-before)
		}
		b.idle("101", "102")
		for _, x := range b.events()[told:] {
			for _, s := range x.Audience {
				if s.Device == "103" || s.Device == "104" {
					t.Errorf("%s hears %s", s.Device, x.Event.Element())
				}
			}
		}
		// A call that nobody heard begin.
		b.p.Lose("Newchannel")
		b.hand(b.p.Call("101", "*76"))
		if c := b.at("101"); len(c) != 0 {
			t.Fatalf("it is known: %+v", c)
		}
		if n := b.audit("101"); n != 1 {
			t.Errorf("%d repaired", n)
		}
		b.is("101", csta.Connected)
		// What is set without an event, and a phone that went without one.
		b.p.Lose("DeviceStateChange")
		b.p.Feature("DND", "102", "YES")
		b.p.Lose("DeviceStateChange")
		b.p.Register("102", false)
		before = b.p.Listed()
		b.audit("102")
		if f := b.features("102"); len(f) != 1 || f[0] != callmodel.Feature(callmodel.DoNotDisturb{On: true}) || b.p.Listed() != before {
			t.Errorf("102 has %v", f)
		}
		b.refuses(csta.MakeCall{CallingDevice: "102", CalledDirectoryNumber: "101"}, csta.ErrDeviceOutOfService)
		if n := b.audit("9999"); n != 0 || b.p.Listed() == before {
			t.Error("who is no phone of ours has all compared")
		}
		b.stop()
		if _, err := b.a.Audit(context.Background(), "101"); err == nil {
			t.Error("without a link")
		}
	})
}

// A phone that rings longer than phones do is looked at there and then, once, and before the next comparison of all.
func TestOverdue(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.hand(b.p.Call("101", "102"))
		since := b.a.t.at["102"][0].since
		b.pass(time.Until(since.Add(usually[csta.Alerting] - time.Second)))
		b.p.Lose("HangupRequest")
		b.p.Lose("DialEnd")
		for range 2 {
			b.p.Lose("Hangup")
		}
		b.hand(b.p.HangUp("101"))
		b.pass(time.Second / 2)
		if len(b.at("102")) == 0 {
			t.Fatal("the lost events made no difference")
		}
		b.pass(lookForOld + auditAgain + time.Second)
		b.idle("102")
		if n := b.a.Counted().Repaired; n == 0 {
			t.Error("nothing was counted")
		}
	})
	// One that is in order is asked about once, alone.
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		b.must(csta.HoldCall{CallToBeHeld: b.is("102", csta.Connected)})
		b.pass(usually[csta.Hold] - time.Minute)
		before := b.p.Asked("PJSIPShowEndpoint")
		b.pass(10 * time.Minute)
		if n := b.p.Asked("PJSIPShowEndpoint") - before; n != 1 {
			t.Errorf("asked %d times", n)
		}
		b.is("102", csta.Hold)
	})
}

// What happens while calls are repaired is not lost: a call that began after the list was made is still there.
func TestRepairUnderTraffic(t *testing.T) {
	conf := plain()
	conf.Phones = []string{"101", "102", "103", "104", "105", "106", "107", "108"}
	inBubble(t, conf, func(b *board) {
		b.talk("101", "102")
		b.p.Lose("HangupRequest")
		b.p.Lose("Hangup")
		b.hand(b.p.HangUp("102"))
		before := b.p.Listed()
		b.p.Listing(func(n int) {
			from := strconv.Itoa(101 + 2*(n-before))
			to := strconv.Itoa(102 + 2*(n-before))
			_ = b.p.Call(from, to)
			time.Sleep(10 * time.Millisecond) // so that it's told before the next answer
		})
		if n := b.audit(""); n == 0 {
			t.Error("nothing was repaired")
		}
		b.p.Listing(nil)
		b.pass(time.Second)
		b.idle("101", "102")
		for _, d := range []csta.DeviceID{"104", "106", "108"} {
			b.is(d, csta.Alerting)
		}
	})
}

// Whoever holds goes on holding when the other one hands the call over, though Asterisk then knows nothing of it.
func TestHolderIsHandedOver(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		b.hand(b.p.Hold("101"))
		b.must(csta.SingleStepTransferCall{ActiveCall: b.is("102", csta.Connected), TransferredTo: "103"})
		b.hand(b.p.Answer("103"))
		b.is("103", csta.Connected)
		b.is("101", csta.Hold)
		b.pass(2 * time.Minute)
		b.is("101", csta.Hold)
		if n := b.a.Counted().Repaired; n != 0 {
			t.Errorf("%d were repaired", n)
		}
		// Nor does a comparison that finds something else, twice, say otherwise.
		for range 2 {
			b.p.Lose("Newchannel")
			b.hand(b.p.Call("104", "*76"))
			if n := b.audit(""); n != 1 {
				t.Errorf("%d were repaired", n)
			}
			b.is("101", csta.Hold)
			b.hand(b.p.HangUp("104"))
		}
		b.hand(b.p.Retrieve("101"))
		b.is("101", csta.Connected)
		b.hand(b.p.HangUp("103"))
		b.idle("101", "102", "103")
	})
}
