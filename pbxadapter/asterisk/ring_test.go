package asterisk

import (
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/csta"
)

// A call that rings for a group belongs to all of it: nobody sends it elsewhere, and everybody may decline it, or answer.
func TestRingGroup(t *testing.T) {
	conf := plain()
	conf.Groups = map[string][]string{"610": {"102", "103", "104"}}
	inBubble(t, conf, func(b *board) {
		b.hand(b.p.Call("101", "610"))
		for _, d := range []csta.DeviceID{"102", "103", "104"} {
			before := len(b.p.Acted())
			b.refuses(csta.DeflectCall{CallToBeDiverted: b.is(d, csta.Alerting), NewDestination: "9555"}, csta.ErrInvalidConnectionState)
			if acted := b.p.Acted()[before:]; len(acted) > 0 {
				t.Errorf("Asterisk is asked for %v", acted)
			}
		}
		b.must(csta.ClearConnection{ConnectionToBeCleared: b.is("102", csta.Alerting)})
		b.idle("102")
		b.is("104", csta.Alerting)
		b.must(csta.AnswerCall{CallToBeAnswered: b.is("103", csta.Alerting)})
		b.idle("102", "104")
		if !b.p.Together("101", "103") {
			t.Error("101 and 103 don't hear each other")
		}
	})
	// When one is left that rings it is his alone.
	inBubble(t, conf, func(b *board) {
		b.hand(b.p.Call("101", "610"))
		for _, d := range []csta.DeviceID{"102", "104"} {
			b.must(csta.ClearConnection{ConnectionToBeCleared: b.is(d, csta.Alerting)})
		}
		b.must(csta.DeflectCall{CallToBeDiverted: b.is("103", csta.Alerting), NewDestination: "9555"})
		b.idle("103")
	})
}

// What rings for a caller who waits in a queue is the queue's, though it is only one phone.
func TestDeflectFromQueue(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.hand(b.p.Call("101", "102"))
		b.p.Say("QueueCallerJoin", "Queue: 600\r\nPosition: 1\r\nCount: 1\r\nUniqueid: "+b.uniqueID("101"))
		b.pass(time.Second)
		b.refuses(csta.DeflectCall{CallToBeDiverted: b.is("102", csta.Alerting), NewDestination: "9555"}, csta.ErrInvalidConnectionState)
		b.is("102", csta.Alerting)
	})
}

// uniqueID is that of a phone's channel.
func (b *board) uniqueID(d csta.DeviceID) string {
	for id, x := range b.p.Parties() {
		if x.Endpoint == string(d) {
			return id
		}
	}
	b.t.Fatalf("%s has no channel", d)
	return ""
}

// What a phone picks up is the call that has rung longest at a phone of its pickup groups; others ring on.
func TestPickupGroups(t *testing.T) {
	conf := plain()
	conf.Phones = append(conf.Phones, "105", "106", "107")
	conf.Calls = map[string]string{"102": "2"}
	for n := range 20 {
		first, second := "103", "104"
		if n%2 == 1 {
			first, second = second, first
		}
		inBubble(t, conf, func(b *board) {
			b.hand(b.p.Call("101", "102")) // the oldest, and not of the group
			b.refuses(csta.GroupPickupCall{NewDestination: "107"}, csta.ErrNoCallToAnswer)
			b.hand(b.p.Call("105", first))
			b.hand(b.p.Call("106", second))
			b.must(csta.GroupPickupCall{NewDestination: "107"})
			if !b.p.Together("105", "107") {
				t.Error("105 and 107 don't hear each other")
			}
			b.is("102", csta.Alerting)
			b.is(csta.DeviceID(second), csta.Alerting)
		})
	}
}

// A phone that is to answer by itself, in order to pick a call up or to answer its own, and doesn't, is not rung on in vain: the request is answered, and its call
// ended.
func TestPickupInVain(t *testing.T) {
	for name, request := range map[string]func(b *board) csta.Request{
		"DirectedPickupCall": func(b *board) csta.Request {
			return csta.DirectedPickupCall{CallToBePickedUp: new(b.is("102", csta.Alerting)), RequestingDevice: "103"}
		},
		"of a slot": func(b *board) csta.Request {
			b.hand(b.p.Answer("102"))
			b.must(csta.ParkCall{Parking: new(b.is("102", csta.Connected)), ParkTo: "701"})
			return csta.DirectedPickupCall{CallToBePickedUp: new(b.is("701", csta.Queued)), RequestingDevice: "103"}
		},
		"AnswerCall": func(b *board) csta.Request {
			b.hand(b.p.Call("104", "103"))
			return csta.AnswerCall{CallToBeAnswered: b.is("103", csta.Alerting)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, plain(), func(b *board) {
				b.hand(b.p.Call("101", "102"))
				r := request(b)
				before := b.p.Channels()
				b.p.Mute("103")
				b.refuses(r, csta.ErrInternalResourceBusy)
				b.pass(time.Second)
				if n := b.p.Channels(); n != before {
					t.Errorf("%d channels, and %d before", n, before)
				}
				b.is("101", csta.Connected)
			}, deafened)
		})
	}
}

// A parked call that nobody fetches rings at who parked it, and is not parked any more.
func TestParkingTimesOut(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		b.must(csta.ParkCall{Parking: new(b.is("102", csta.Connected)), ParkTo: "701"})
		before := len(b.events())
		b.hand(b.p.NobodyFetches("701"))
		if c := b.at("701"); len(c) != 0 {
			t.Errorf("in the slot is %+v", c)
		}
		b.is("102", csta.Alerting)
		var recall bool
		for _, told := range b.events()[before:] {
			e, ok := told.Event.(csta.DeliveredEvent)
			recall = recall || ok && e.Cause == csta.CauseRecallNoAnswer
		}
		if !recall {
			t.Error("it is not told that it comes back")
		}
		b.hand(b.p.Answer("102"))
		b.is("102", csta.Connected)
		b.is("101", csta.Connected)
		b.hand(b.p.HangUp("101"))
		b.idle("101", "102")
	})
}

// A restart of Asterisk is known by its start time: a call whose channels have former ones' ids is another one, whatever was told of those.
func TestRestartSameIDs(t *testing.T) {
	for name, c := range map[string]struct {
		again func(b *board)
		anew  bool
	}{
		"another start": {func(b *board) { b.p.Renewed() }, true},
		"the same one":  {func(b *board) { b.p.Cut(); b.p.Restore() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, plain(), func(b *board) {
				b.talk("101", "102")
				b.pass(time.Minute)
				began := time.Now()
				c.again(b)
				b.pass(5 * time.Second)
				if since := b.at("101")[0].Legs[0].Since; since.Before(began.Add(-time.Second)) == c.anew {
					t.Errorf("101 talks since %v, and Asterisk was lost at %v", since, began)
				}
			})
		})
	}
}

// An extension that answers by itself is told where everything is read anew in the same way as where it is compared: no audit repairs what a
// resync has built.
func TestApplications(t *testing.T) {
	for _, app := range []string{"Playback", "VoiceMail", "Echo", "Dial", "Queue", "Busy", "Congestion", "Wait", "Answer", "Hangup", "Bridge", "Park", "MusicOnHold", "Goto", "Set", "NoOp", "Macro", "Gosub"} {
		t.Run(app, func(t *testing.T) {
			inBubble(t, plain(), func(b *board) {
				b.hand(b.p.Call("101", "*76"))
				b.p.Runs("101", app)
				b.restart()
				b.pass(3 * time.Minute)
				if n := b.a.Counted().Repaired; n != 0 {
					t.Errorf("%d were repaired", n)
				}
				legs := b.at("101")[0].Legs
				if answers := len(legs) == 2; answers != talks(app) {
					t.Errorf("it answers: %v", answers)
				}
			})
		})
	}
}

// A dialplan that answers and waits before it says something: who called it by MakeCall is told to be connected when it does, not when an audit finds it.
func TestWaitsBeforeItSpeaks(t *testing.T) {
	for name, c := range map[string]struct {
		waits  time.Duration
		audits bool
	}{"a little": {3500 * time.Millisecond, false}, "for long": {20 * time.Second, true}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, plain(), func(b *board) {
				b.must(csta.MakeCall{CallingDevice: "101", CalledDirectoryNumber: "*76", AutoOriginate: csta.AutoOriginateDoNotPrompt})
				b.p.Runs("101", "Wait")
				b.pass(c.waits)
				if legs := b.at("101")[0].Legs; len(legs) != 1 {
					t.Fatalf("while it waits: %v", legs)
				}
				b.p.Runs("101", "Playback")
				b.pass(2 * time.Second)
				if told := len(b.at("101")[0].Legs) == 2; told == c.audits {
					t.Errorf("told at once: %v", told)
				}
				b.pass(2 * time.Minute)
				if repaired := b.a.Counted().Repaired != 0; repaired != c.audits || len(b.at("101")[0].Legs) != 2 {
					t.Errorf("repaired: %v; %v", repaired, b.at("101")[0].Legs)
				}
			})
		})
	}
}

// The classes of events that are asked for are those that tell something, and no more: half of all that Asterisk says are variables.
func TestEventMask(t *testing.T) {
	for digits, want := range map[bool]string{false: "call,system,agent", true: "call,system,agent,dtmf"} {
		inBubble(t, plain(), func(b *board) {
			if said := b.p.Heard(); !strings.Contains(said, "\r\nEvents: "+want+"\r\n") && !strings.Contains(said, "\r\nEventMask: "+want+"\r\n") {
				t.Errorf("it asks\n%s", said)
			}
		}, func(c *Config) { c.Digits = digits })
	}
}

// What is asked for is a third of what there is, by the recordings of an account that hears everything.
func TestShareOfEvents(t *testing.T) {
	size := func(steps []step) (n int) {
		for _, s := range steps {
			if s.event() == "" {
				continue
			}
			for _, l := range s.lines {
				n += len(l) + 2
			}
		}
		return n
	}
	part, whole := 0, 0
	for _, steps := range recordings(t) {
		part, whole = part+size(asked(steps)), whole+size(steps)
	}
	if share := float64(part) / float64(whole); share < 0.25 || share > 0.35 {
		t.Errorf("%.2f of all octets are asked for", share)
	}
}

// A phone of a group that tells only then that it rings when another one has answered, or is about to be told so, is nobody's new destination.
func TestRingsLate(t *testing.T) {
	steps := heard(recordings(t)["hunt-group"])
	is := func(event, of, state string) int {
		return slices.IndexFunc(steps, func(s step) bool {
			return s.event() == event && strings.Contains(s.get("Channel")+s.get("DestChannel"), of) && (s.get("ChannelStateDesc") == state || state == "")
		})
	}
	ringing, until := is("Newstate", "/105-", "Ringing"), is("Hangup", "/105-", "")
	for at := ringing; at < until; at++ {
		late := slices.Clone(steps)
		s := late[ringing]
		s.at = late[at].at
		late = slices.Insert(slices.Delete(late, ringing, ringing+1), at, s)
		p := replay(t, "hunt-group", late, nil, -1)
		for _, f := range p.failed {
			t.Errorf("after step %d: %s", at, f)
		}
		told := strings.Join(describe(p), "\n")
		if strings.Contains(told, "Diverted") || !strings.Contains(told, "103 releasingDevice 103 cause multipleAlerting") {
			t.Errorf("after step %d, %s: told is\n%s", at, steps[at].event(), told)
		}
	}
}
