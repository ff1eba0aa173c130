package asterisk

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/asterisk/fake"
)

// obeying and deaf are the two kinds of phone.
func obeying(*Config) {}

func deafened(c *Config) {
	c.Styles = []StyleRow{{"yealink", Style{Header: "alert-info", Notify: "no"}}}
}

var kinds = map[string]func(*Config){"NOTIFY": obeying, "dialplan lines": deafened}

// Calls that are held have the same names and states after a restart of farhook, and can be taken back.
func TestHeldOverRestart(t *testing.T) {
	for name, style := range kinds {
		t.Run(name, func(t *testing.T) {
			inBubble(t, plain(), func(b *board) {
				id := b.talk("101", "102")
				b.must(csta.HoldCall{CallToBeHeld: csta.ConnectionID{Call: id, Device: "102"}})
				b.restart(style)
				held := b.is("102", csta.Hold)
				b.is("101", csta.Connected)
				if held.Call != id {
					t.Errorf("the call was %s, and is %s", id, held.Call)
				}
				b.must(csta.RetrieveCall{CallToBeRetrieved: held})
				b.is("102", csta.Connected)
				if !b.p.Together("101", "102") {
					t.Error("they don't hear each other")
				}
				b.hand(b.p.HangUp("101"))
				b.pass(time.Second)
				b.idle("101", "102")
				if n := b.p.Channels(); n != 0 {
					t.Errorf("%d channels are left", n)
				}
			}, style)
		})
	}
}

// Two who hold each other by their own keys do so after a restart of farhook, and no audit finds otherwise; each takes his hold back alone.
func TestBothHoldOverRestart(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		b.hand(b.p.Hold("101"))
		b.hand(b.p.Hold("102"))
		b.is("101", csta.Hold)
		b.is("102", csta.Hold)
		b.restart()
		b.is("101", csta.Hold)
		b.is("102", csta.Hold)
		b.pass(3 * time.Minute)
		if n := b.a.Counted().Repaired; n != 0 {
			t.Errorf("%d were repaired", n)
		}
		b.hand(b.p.Retrieve("102"))
		b.is("101", csta.Hold)
		b.is("102", csta.Connected)
		b.restart()
		b.is("101", csta.Hold)
		b.is("102", csta.Connected)
	})
}

// Who talks to an announcement, or is in a room that was dialled, does so after a restart of farhook.
func TestAnnouncementOverRestart(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.hand(b.p.Call("101", "*76"))
		id := b.is("101", csta.Connected)
		b.restart()
		if now := b.is("101", csta.Connected); now != id {
			t.Errorf("the call was %v, and is %v", id, now)
		}
		if c := b.at("101"); len(c) != 1 || len(c[0].Legs) != 2 || c[0].Legs[1].Device != "*76" && c[0].Legs[0].Device != "*76" {
			t.Errorf("101 is in %+v", c)
		}
		b.pass(3 * time.Minute)
		if n := b.a.Counted().Repaired; n != 0 {
			t.Errorf("%d were repaired", n)
		}
	})
}

// A call that a phone holds by its own key, and does not take back when asked, is taken back by a second call of that phone, which answers by
// itself; a phone that does neither says so.
func TestRetrieveOfOwnKey(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		id := b.talk("101", "102")
		b.hand(b.p.Hold("102"))
		b.must(csta.RetrieveCall{CallToBeRetrieved: b.is("102", csta.Hold)})
		if now := b.is("102", csta.Connected); now.Call != id || !b.p.Together("101", "102") || b.p.Channels() != 2 {
			t.Errorf("the call was %s, and is %s; there are %d channels", id, now.Call, b.p.Channels())
		}
		b.restart(deafened)
		if now := b.is("102", csta.Connected).Call; now != id {
			t.Errorf("the call was %s, and is %s", id, now)
		}
		b.hand(b.p.Hold("102"))
		b.is("102", csta.Hold)
		b.hand(b.p.HangUp("101"))
		b.idle("101", "102")
	}, deafened)
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		b.hand(b.p.Hold("102"))
		b.refuses(csta.RetrieveCall{CallToBeRetrieved: b.is("102", csta.Hold)}, csta.ErrRequestIncompatible)
		b.is("102", csta.Hold)
	}, func(c *Config) { c.Styles = []StyleRow{{"yealink", Style{Header: "off", Notify: "no"}}} })
	// It ends as any other, also when everything was read anew since.
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		b.hand(b.p.Hold("102"))
		b.must(csta.RetrieveCall{CallToBeRetrieved: b.is("102", csta.Hold)})
		b.p.Booted()
		b.pass(time.Second)
		b.hand(b.p.HangUp("102"))
		b.pass(time.Second)
		b.idle("101", "102")
	}, deafened)
	// Nobody answers, or it is put down meanwhile: all is as it was, or over.
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		b.hand(b.p.Hold("102"))
		held := b.is("102", csta.Hold)
		b.p.Mute("102")
		b.refuses(csta.RetrieveCall{CallToBeRetrieved: held}, csta.ErrInternalResourceBusy)
		b.is("102", csta.Hold)
		b.pass(time.Second)
		if n := b.p.Channels(); n != 2 {
			t.Errorf("%d channels", n)
		}
		done := make(chan error)
		go func() { _, err := b.do(csta.RetrieveCall{CallToBeRetrieved: held}); done <- err }()
		b.pass(time.Second)
		b.hand(b.p.HangUp("101"))
		if err := <-done; err == nil {
			t.Error("it is taken back")
		}
		b.pass(time.Minute)
		b.idle("101", "102")
	}, deafened)
}

// attempt is one service.
type attempt struct {
	name    string
	consult bool // 103 is consulted first
	rings   bool // … and rings
	request func(b *board) csta.Request
}

// prepare has 103 consulted, where the service wants that.
func (s attempt) prepare(b *board) {
	if !s.consult {
		return
	}
	b.must(csta.ConsultationCall{ExistingCall: b.is("102", csta.Connected), ConsultedDevice: "103"})
	if !s.rings {
		b.hand(b.p.Answer("103"))
	}
}

// attempts are services of several steps, from a call of 101 to 102 that is up, and for some with a consultation of 103.
var attempts = []attempt{
	{"HoldCall", false, false, func(b *board) csta.Request { return csta.HoldCall{CallToBeHeld: b.is("102", csta.Connected)} }},
	{"ConsultationCall", false, false, func(b *board) csta.Request {
		return csta.ConsultationCall{ExistingCall: b.is("102", csta.Connected), ConsultedDevice: "103"}
	}},
	{"AlternateCall", true, false, func(b *board) csta.Request {
		return csta.AlternateCall{HeldCall: b.is("102", csta.Hold), ActiveCall: b.is("102", csta.Connected)}
	}},
	{"ReconnectCall", true, false, func(b *board) csta.Request {
		return csta.ReconnectCall{HeldCall: b.is("102", csta.Hold), ActiveCall: b.is("102", csta.Connected)}
	}},
	{"TransferCall", true, false, func(b *board) csta.Request {
		return csta.TransferCall{HeldCall: b.is("102", csta.Hold), ActiveCall: b.is("102", csta.Connected)}
	}},
	{"TransferCall while it rings", true, true, func(b *board) csta.Request {
		return csta.TransferCall{HeldCall: b.is("102", csta.Hold), ActiveCall: b.is("102", csta.Connected)}
	}},
	{"ConferenceCall", true, false, func(b *board) csta.Request {
		return csta.ConferenceCall{HeldCall: b.is("102", csta.Hold), ActiveCall: b.is("102", csta.Connected)}
	}},
	{"SingleStepTransferCall", false, false, func(b *board) csta.Request {
		return csta.SingleStepTransferCall{ActiveCall: b.is("102", csta.Connected), TransferredTo: "103"}
	}},
	{"SingleStepConferenceCall", false, false, func(b *board) csta.Request {
		return csta.SingleStepConferenceCall{ActiveCall: b.is("102", csta.Connected), DeviceToJoin: "103"}
	}},
	{"ParkCall", false, false, func(b *board) csta.Request {
		return csta.ParkCall{Parking: new(b.is("102", csta.Connected)), ParkTo: "701"}
	}},
	{"RetrieveCall", false, false, func(b *board) csta.Request {
		b.must(csta.HoldCall{CallToBeHeld: b.is("102", csta.Connected)})
		return csta.RetrieveCall{CallToBeRetrieved: b.is("102", csta.Hold)}
	}},
	{"RetrieveCall of the phone's own key", false, false, func(b *board) csta.Request {
		b.hand(b.p.Hold("102"))
		return csta.RetrieveCall{CallToBeRetrieved: b.is("102", csta.Hold)}
	}},
	{"AnswerCall", false, false, func(b *board) csta.Request {
		b.hand(b.p.Call("104", "103"))
		return csta.AnswerCall{CallToBeAnswered: b.is("103", csta.Alerting)}
	}},
	{"DirectedPickupCall", false, false, func(b *board) csta.Request {
		b.hand(b.p.Call("104", "101"))
		return csta.DirectedPickupCall{CallToBePickedUp: new(b.is("101", csta.Alerting)), RequestingDevice: "103"}
	}},
	{"DeflectCall", false, false, func(b *board) csta.Request {
		b.hand(b.p.Call("104", "103"))
		return csta.DeflectCall{CallToBeDiverted: b.is("103", csta.Alerting), NewDestination: "9555"}
	}},
	{"MakeCall", false, false, func(*board) csta.Request {
		return csta.MakeCall{CallingDevice: "103", CalledDirectoryNumber: "104", AutoOriginate: csta.AutoOriginateDoNotPrompt}
	}},
	{"ClearConnection", false, false, func(b *board) csta.Request {
		return csta.ClearConnection{ConnectionToBeCleared: b.is("102", csta.Connected)}
	}},
	{"ClearCall", false, false, func(b *board) csta.Request { return csta.ClearCall{CallToBeCleared: new(b.is("102", csta.Connected))} }},
	{"GroupPickupCall", false, false, func(b *board) csta.Request {
		b.hand(b.p.Call("104", "101"))
		return csta.GroupPickupCall{NewDestination: "103"}
	}},
	{"GenerateDigits", false, false, func(b *board) csta.Request {
		return csta.GenerateDigits{ConnectionToSendDigits: b.is("102", csta.Connected), CharactersToSend: "12#"}
	}},
	{"SetForwarding", false, false, func(*board) csta.Request {
		return csta.SetForwarding{Device: "102", ForwardingType: csta.ForwardImmediate, ActivateForward: true, ForwardDN: "103"}
	}},
	{"SetForwarding off", false, false, func(b *board) csta.Request {
		b.p.Feature("CFU", "102", "103")
		return csta.SetForwarding{Device: "102", ForwardingType: csta.ForwardImmediate}
	}},
	{"SetDoNotDisturb", false, false, func(*board) csta.Request { return csta.SetDoNotDisturb{Device: "102", DoNotDisturbOn: true} }},
	{"SetDoNotDisturb off", false, false, func(b *board) csta.Request {
		b.p.Feature("DND", "102", "YES")
		return csta.SetDoNotDisturb{Device: "102"}
	}},
	{"SetMessageWaitingIndicator", false, false, func(*board) csta.Request {
		return csta.SetMessageWaitingIndicator{Device: "102", MessageWaitingOn: true}
	}},
	{"SetMessageWaitingIndicator off", false, false, func(b *board) csta.Request {
		b.must(csta.SetMessageWaitingIndicator{Device: "102", MessageWaitingOn: true})
		return csta.SetMessageWaitingIndicator{Device: "102"}
	}},
}

// farhook is stopped dead after each command of each service, and started anew: nobody who has a counterpart loses him or is hung up, whoever has none
// is and is counted, whoever is held can be taken back, and when all have hung up nothing is left.
func TestKill(t *testing.T) {
	for kind, style := range kinds {
		for _, s := range attempts {
			atEachCommand(t, kind, s, func(b *board, r csta.Request, at func(string) bool) {
				b.p.Stop(at)
				_, _ = b.do(r)
				b.p.Stop(nil)
				b.stop()
				before := b.p.Parties()
				b.restart(style)
				b.pass(time.Minute)
				b.harmed(before, 0)
				b.featuresAre()
				b.survives(s.name)
			}, style)
		}
	}
}

// The link is lost at each command of each service, while the request waits. It is answered at once, as one whose outcome is not known, or that was
// not carried out; nothing of it is sent by the next link; and what is told then is what there is.
func TestCutInRequest(t *testing.T) {
	for kind, style := range kinds {
		for _, s := range attempts {
			atEachCommand(t, kind, s, func(b *board, r csta.Request, at func(string) bool) {
				cut := false
				b.p.Stop(func(name string) bool { cut = at(name); return cut })
				began := time.Now()
				_, err := b.do(r)
				b.p.Stop(nil)
				if cut && err != nil {
					if !errors.Is(err, csta.ErrInternalResourceBusy) && !errors.Is(err, csta.ErrResourceOutOfService) && !errors.Is(err, csta.ErrStateIncompatible) {
						b.t.Errorf("it is answered %v", err)
					}
					if took := time.Since(began); took > time.Second {
						b.t.Errorf("it is answered after %v", took)
					}
				}
				b.pass(100 * time.Millisecond) // what was written to the old link before its end was seen; there is no next one yet
				acted, before, counted := len(b.p.Acted()), b.p.Parties(), b.a.Counted().Orphans
				b.pass(time.Minute)
				left := 0
				for _, x := range before {
					if x.Left {
						left++
					}
				}
				for _, name := range b.p.Acted()[acted:] {
					if left--; name != "Hangup" || left < 0 { // of a party whose counterpart has gone
						b.t.Errorf("the next link is asked for %s", name)
					}
				}
				b.harmed(before, counted)
				b.featuresAre()
				b.survives(s.name)
			}, style)
		}
	}
}

// atEachCommand has f ask for a service again and again, with at true at its first command, its second one …, from a call of 101 to 102.
func atEachCommand(t *testing.T, kind string, s attempt, f func(b *board, r csta.Request, at func(string) bool), style func(*Config)) {
	t.Helper()
	for n := 1; ; n++ {
		commands := 0
		t.Run(fmt.Sprintf("%s/%s at command %d", kind, s.name, n), func(t *testing.T) {
			inBubble(t, plain(), func(b *board) {
				b.talk("101", "102")
				s.prepare(b)
				f(b, s.request(b), func(string) bool { commands++; return commands == n })
			}, style)
			if n == 1 && commands == 0 {
				t.Error("it commands nothing")
			}
		})
		if commands < n {
			return
		}
	}
}

// harmed checks that everybody who was there and not left alone is there still, with the same others, and that those who were left alone have been hung
// up and counted; counted were before.
func (b *board) harmed(before map[string]fake.Party, counted uint64) {
	b.t.Helper()
	after, left := b.p.Parties(), counted
	for id, x := range before {
		now, is := after[id]
		switch {
		case x.Left && is:
			b.t.Errorf("%s, %s, is left alone, and there", id, x.Endpoint)
		case x.Left:
			left++
		case !is:
			b.t.Errorf("%s, %s with %s, is gone", id, x.Endpoint, x.With)
		case now.With != x.With:
			b.t.Errorf("%s, %s, was with %s, and is with %s", id, x.Endpoint, x.With, now.With)
		}
	}
	if n := b.a.Counted().Orphans; n != left {
		b.t.Errorf("%d were counted as hung up, %d were left alone", n, left)
	}
}

// featuresAre checks that what is told of 102 is what the AstDB and the mailbox have.
func (b *board) featuresAre() {
	b.t.Helper()
	for _, f := range b.features("102") {
		switch f := f.(type) {
		case callmodel.DoNotDisturb:
			if f.On != (b.p.Stored("DND", "102") != "") {
				b.t.Errorf("do not disturb is told to be %v", f.On)
			}
		case callmodel.Forwarding:
			if f.Type == csta.ForwardImmediate && f.On != (b.p.Stored("CFU", "102") != "") {
				b.t.Errorf("forwarding is told to be %v", f.On)
			}
		}
	}
	if b.p.Stored("DND", "102") != "" && !slices.Contains(b.features("102"), callmodel.Feature(callmodel.DoNotDisturb{On: true})) {
		b.t.Error("do not disturb is not told")
	}
	if to := b.p.Stored("CFU", "102"); to != "" && !slices.Contains(b.features("102"), callmodel.Feature(callmodel.Forwarding{Type: csta.ForwardImmediate, On: true, To: csta.DeviceID(to)})) {
		b.t.Error("forwarding is not told")
	}
}

// survives checks that everybody who is there is told, that held calls can be taken back, and that all ends.
func (b *board) survives(name string) {
	b.t.Helper()
	there := map[csta.DeviceID]bool{}
	for _, n := range b.p.Endpoints() {
		there[csta.DeviceID(n)] = true
		if len(b.at(csta.DeviceID(n))) == 0 {
			b.t.Errorf("after %s: %s has a channel, and is told to be idle", name, n)
		}
	}
	for _, d := range []csta.DeviceID{"101", "102", "103"} {
		if !there[d] && len(b.at(d)) != 0 {
			b.t.Errorf("after %s: %s has no channel, and is told to be in %+v", name, d, b.at(d))
		}
	}
	if held, ok := b.find("102", csta.Hold); ok {
		if active, ok := b.find("102", csta.Connected); ok {
			b.must(csta.ClearConnection{ConnectionToBeCleared: active})
		}
		b.must(csta.RetrieveCall{CallToBeRetrieved: held})
		b.is("102", csta.Connected)
		for _, c := range b.at("102") {
			for _, l := range c.Legs {
				if c.ID == held.Call && l.Device != "102" && !b.p.Together(string(l.Device), "102") {
					b.t.Errorf("after %s: the held call was taken back, and 102 and %s don't hear each other", name, l.Device)
				}
			}
		}
	}
	for range 6 {
		for _, n := range b.p.Endpoints() {
			_ = b.p.HangUp(n)
			b.pass(200 * time.Millisecond)
		}
	}
	b.pass(2 * time.Minute)
	if n := b.p.Channels(); n != 0 {
		b.t.Errorf("after %s: everybody hung up, and %d channels are left", name, n)
	}
	b.idle("101", "102", "103")
}

// Whom our dialplan lines hold for somebody who has gone is hung up, and counted; whose counterpart lives is not.
func TestOrphans(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		id := b.talk("101", "102")
		b.must(csta.HoldCall{CallToBeHeld: csta.ConnectionID{Call: id, Device: "102"}})
		b.pass(5 * time.Minute)
		if n := b.p.Channels(); n != 2 {
			t.Fatalf("%d channels, want both parties of the held call", n)
		}
		b.hand(b.p.HangUp("101"))
		b.pass(time.Second)
		if n := b.p.Channels(); n != 0 {
			t.Errorf("%d channels are left", n)
		}
		if n := b.a.Counted().Orphans; n != 1 {
			t.Errorf("%d were counted", n)
		}
		b.idle("101", "102")
	}, deafened)
}

// A hang-up that is lost on the way is found by the audit within 60 s, and what it repaired is counted.
func TestAudit(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		b.p.Lose("HangupRequest")
		b.p.Lose("Hangup")
		b.hand(b.p.HangUp("102"))
		b.pass(5 * time.Second)
		if len(b.at("101"))+len(b.at("102")) == 0 {
			t.Fatal("the lost event made no difference")
		}
		b.pass(55 * time.Second)
		b.idle("101", "102")
		if n := b.a.Counted().Repaired; n == 0 {
			t.Error("nothing was counted")
		}
		before := b.p.Listed()
		b.pass(5 * time.Minute)
		if n := b.p.Listed() - before; n < 5 || n > 20 {
			t.Errorf("%d lists in five quiet minutes", n)
		}
	})
}

// A restart of Asterisk ends every call; a lost link ends none, and keeps their names.
func TestLinkAndRestart(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		id := b.talk("101", "102")
		b.p.Cut()
		b.pass(5 * time.Second)
		b.refuses(csta.HoldCall{CallToBeHeld: csta.ConnectionID{Call: id, Device: "102"}}, csta.ErrResourceOutOfService)
		b.p.Restore()
		b.pass(5 * time.Second)
		if now := b.is("102", csta.Connected).Call; now != id {
			t.Errorf("the call was %s, and is %s", id, now)
		}
		b.p.Restart()
		b.pass(5 * time.Second)
		b.idle("101", "102")
	})
}
