package asterisk

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"farhook/csta"
)

// On a real one, too: whoever was held through us, in any style, is taken back by another farhook, under the same name of the call; and a
// party whose counterpart has gone meanwhile is hung up.
func TestRealRestart(t *testing.T) {
	for style := range realStyles {
		t.Run(style, func(t *testing.T) {
			onReal(t, style, func(b *board, r rig) {
				b.hand(r.say("101 call 102", "wait 3s 102 ringing", "102 answer"))
				first := b.becomes("101", csta.Connected)
				b.becomes("102", csta.Connected)
				b.must(csta.ConsultationCall{ExistingCall: first, ConsultedDevice: "103"})
				b.becomes("103", csta.Alerting)
				b.hand(r.say("103 answer"))
				b.becomes("103", csta.Connected)
				second := b.becomes("101", csta.Connected)
				b.must(csta.AlternateCall{HeldCall: b.is("101", csta.Hold), ActiveCall: second})
				b.stop()
				b.afresh()
				if id := b.becomes("101", csta.Connected); id != first {
					t.Errorf("the first call is %v, and was %v", id, first)
				}
				if id := b.becomes("101", csta.Hold); id != second {
					t.Errorf("the second call is %v, and was %v", id, second)
				}
				b.must(csta.TransferCall{HeldCall: second, ActiveCall: first})
				b.until("102 and 103 talk", func() bool {
					x, xok := b.find("102", csta.Connected)
					y, yok := b.find("103", csta.Connected)
					return xok && yok && x.Call == y.Call
				})
				b.hand(r.say("103 hangup"))
				b.over()
				// Held, and the holder hangs up while no farhook is there.
				b.hand(r.say("101 call 102", "wait 3s 102 ringing", "102 answer"))
				b.must(csta.HoldCall{CallToBeHeld: b.becomes("101", csta.Connected)})
				b.becomes("101", csta.Hold)
				b.stop()
				b.hand(r.say("101 hangup"))
				b.afresh()
				b.pass(time.Second)
				b.over()
			})
		})
	}
}

// afresh starts another farhook, which knows nothing of the first.
func (b *board) afresh() {
	b.mu.Lock()
	b.devices = nil
	b.mu.Unlock()
	b.restart()
	b.until("connected", b.synced)
}

// On a real one, too: queues and ring groups are devices, and who waits has a place that changes.
func TestRealGroups(t *testing.T) {
	onReal(t, "", func(b *board, r rig) {
		if got := b.groups(); !slices.Equal(got, []string{"600 Support [105 106]", "610 Sales [103 104 105]"}) {
			t.Errorf("%q", got)
		}
		places := func() (list []string) {
			for _, d := range []csta.DeviceID{"101", "102", "103"} {
				for _, c := range b.at(d) {
					for _, l := range c.Legs {
						if l.State == csta.Queued {
							list = append(list, fmt.Sprintf("%s:%d/%d", d, l.Queue.CallsInFront, l.Queue.Queued))
						}
					}
				}
			}
			return list
		}
		waits := func(want ...string) {
			t.Helper()
			b.until(fmt.Sprint(want), func() bool { return slices.Equal(places(), want) })
		}
		b.hand(r.say("101 call 600"))
		waits("101:0/1")
		b.hand(r.say("102 call 600"))
		waits("101:0/2", "102:1/2")
		b.hand(r.say("103 call 600"))
		waits("101:0/3", "102:1/3", "103:2/3")
		b.stop()
		b.afresh()
		waits("101:0/3", "102:1/3", "103:2/3")
		b.hand(r.say("101 hangup"))
		waits("102:0/2", "103:1/2")
		b.hand(realHands{rig: r}.Answer("105"))
		waits("103:0/1")
		b.hand(r.say("reset"))
		b.over()
	})
}

// On a real one, too: a phone whose class of service does not lead abroad stays barred, whatever is asked for it.
func TestRealBarred(t *testing.T) {
	const abroad = "0049301234"
	onReal(t, "", func(b *board, r rig) {
		for _, phone := range []csta.DeviceID{"102", "103"} {
			for name, ask := range map[string]func() csta.Request{
				"MakeCall": func() csta.Request {
					return csta.MakeCall{CallingDevice: phone, CalledDirectoryNumber: abroad, AutoOriginate: csta.AutoOriginateDoNotPrompt}
				},
				"ConsultationCall": func() csta.Request {
					return csta.ConsultationCall{ExistingCall: b.becomes(phone, csta.Connected), ConsultedDevice: abroad}
				},
				"SingleStepTransferCall": func() csta.Request {
					return csta.SingleStepTransferCall{ActiveCall: b.becomes(phone, csta.Connected), TransferredTo: abroad}
				},
				"SingleStepConferenceCall": func() csta.Request {
					return csta.SingleStepConferenceCall{ActiveCall: b.becomes(phone, csta.Connected), DeviceToJoin: abroad}
				},
				"DeflectCall": func() csta.Request {
					return csta.DeflectCall{CallToBeDiverted: b.becomes(phone, csta.Alerting), NewDestination: abroad}
				},
			} {
				answer, err := r.ask("reset", "seq")
				b.hand(err)
				b.over()
				if name != "MakeCall" {
					b.hand(r.say("101 call "+string(phone), "wait 3s "+string(phone)+" ringing"))
				}
				if name != "MakeCall" && name != "DeflectCall" {
					b.hand(r.say(string(phone)+" answer", "sleep 300ms"))
				}
				_, refused := b.do(ask())
				there := r.say("wait 1s net ringing since="+field(answer, "seq")) == nil
				if there != (phone == "102") {
					t.Errorf("%s for %s: it rings abroad: %v (%v)", name, phone, there, refused)
				}
			}
		}
	})
}

// On a real one, too: a call that was picked up is held by our dialplan lines, also while the other party holds it by its own key, and is taken back.
func TestRealHoldOfPickedUp(t *testing.T) {
	for name, c := range map[string]struct{ pickedUp, farHolds bool }{
		"picked up": {true, false}, "held by the other": {false, true}, "picked up, and held by the other": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			onReal(t, "known not", func(b *board, r rig) {
				b.hand(r.say("101 call 102", "wait 3s 102 ringing"))
				b.becomes("102", csta.Alerting)
				by := csta.DeviceID("102")
				if c.pickedUp {
					by = "103"
					b.must(csta.GroupPickupCall{NewDestination: by})
				} else {
					b.hand(r.say("102 answer"))
				}
				active := b.becomes(by, csta.Connected)
				if c.farHolds {
					b.hand(r.say("101 hold", "wait 3s 101 held"))
					b.becomes("101", csta.Hold)
				}
				b.must(csta.HoldCall{CallToBeHeld: active})
				if wrong := b.picture(r); len(wrong) > 0 {
					t.Error(wrong)
				}
				b.must(csta.RetrieveCall{CallToBeRetrieved: b.becomes(by, csta.Hold)})
				b.becomes(by, csta.Connected)
				if wrong := b.picture(r); len(wrong) > 0 {
					t.Error(wrong)
				}
			})
		})
	}
}
