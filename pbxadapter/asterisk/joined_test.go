package asterisk

import (
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/asterisk/fake"
)

// Whoever is to join a conference and is known to be away is not said to have joined, and the call stays what it is.
func TestJoinWhoIsAway(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		b.p.Register("104", false)
		b.pass(time.Second)
		before := len(b.events())
		b.refuses(csta.SingleStepConferenceCall{ActiveCall: b.is("102", csta.Connected), DeviceToJoin: "104"}, csta.ErrDeviceOutOfService)
		b.pass(time.Second)
		if told := b.events()[before:]; len(told) != 0 {
			t.Errorf("told: %+v", told)
		}
		if !b.p.Together("101", "102") {
			t.Error("they don't hear each other")
		}
	})
}

// Whoever is told to join and then can't be rung is told to have failed, and gone.
func TestJoinFails(t *testing.T) {
	for name, c := range map[string]struct {
		goes func(b *board)
		want *csta.Error
	}{
		"not registered, and nobody knew": {func(b *board) {
			b.p.Lose("DeviceStateChange")
			b.p.Register("104", false)
		}, csta.ErrDeviceOutOfService},
		"refused": {func(b *board) { b.p.Change(func(c *fake.Config) { c.Rights = []string{"Originate"} }) }, csta.ErrPrivilege},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, plain(), func(b *board) {
				b.talk("101", "102")
				c.goes(b)
				b.refuses(csta.SingleStepConferenceCall{ActiveCall: b.is("102", csta.Connected), DeviceToJoin: "104"}, c.want)
				b.pass(time.Second)
				told := b.events()
				if n := len(told); n < 2 || told[n-2].Event.Element() != (csta.FailedEvent{}).Element() || told[n-1].Event.Element() != (csta.ConnectionClearedEvent{}).Element() {
					t.Errorf("told: %+v", told)
				}
				b.idle("104")
				b.hand(b.p.HangUp("101"))
				for _, later := range b.events()[len(told):] {
					if later.Op != 0 {
						t.Errorf("the request has a part in %+v", later)
					}
				}
				b.idle("101", "102")
			})
		})
	}
}

// A fourth party comes into a conference by a consultation: everybody is there once, also after a restart, and nothing is left in the end.
func TestFourth(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		for _, next := range []string{"103", "104"} {
			b.must(csta.ConsultationCall{ExistingCall: b.is("102", csta.Connected), ConsultedDevice: csta.DeviceID(next)})
			b.hand(b.p.Answer(next))
			b.must(csta.ConferenceCall{HeldCall: b.is("102", csta.Hold), ActiveCall: b.is("102", csta.Connected)})
		}
		for range 2 {
			if c := b.at("102"); len(c) != 1 || len(c[0].Legs) != 4 {
				t.Errorf("102 is in %+v", c)
			}
			if n := b.p.Channels(); n != 4 {
				t.Errorf("%d channels", n)
			}
			for _, d := range []string{"101", "103", "104"} {
				if !b.p.Together("102", d) {
					t.Errorf("102 and %s don't hear each other", d)
				}
			}
			b.restart()
		}
		for _, d := range []string{"104", "103", "102"} {
			b.is(csta.DeviceID(d), csta.Connected)
			b.hand(b.p.HangUp(d))
		}
		b.pass(time.Second)
		if n := b.p.Channels(); n != 0 {
			t.Errorf("%d channels are left", n)
		}
		b.idle("101", "102", "103", "104")
	})
}

// Who is rung into a conference, and nobody heard of it, is in it when everything is read anew.
func TestJoinUnheard(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		id := b.talk("101", "102")
		b.p.Lose("Newchannel")
		b.refuses(csta.SingleStepConferenceCall{ActiveCall: b.is("102", csta.Connected), DeviceToJoin: "103"}, csta.ErrInternalResourceBusy)
		b.p.Booted()
		b.pass(time.Second)
		if now := b.is("103", csta.Alerting).Call; now != id {
			t.Errorf("the call was %s, and is %s", id, now)
		}
		b.hand(b.p.Answer("103"))
		if now := b.is("103", csta.Connected).Call; now != id {
			t.Errorf("the call was %s, and is %s", id, now)
		}
	})
}

// Who hangs up both calls while a transfer of them hangs, and is never carried out, has left both.
func TestHungUpWhileJoining(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		b.must(csta.ConsultationCall{ExistingCall: b.is("102", csta.Connected), ConsultedDevice: "103"})
		b.hand(b.p.Answer("103"))
		held, active := b.is("102", csta.Hold), b.is("102", csta.Connected)
		b.p.Change(func(c *fake.Config) { c.Silent = []string{"Bridge"} })
		done := make(chan error, 1)
		go func() {
			_, err := b.do(csta.TransferCall{HeldCall: held, ActiveCall: active})
			done <- err
		}()
		b.pass(time.Second)
		b.hand(b.p.HangUp("102"))
		b.hand(b.p.HangUp("102"))
		if err := <-done; err == nil {
			t.Error("it is carried out")
		}
		b.pass(time.Second)
		b.idle("101", "102", "103")
	})
}
