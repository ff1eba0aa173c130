package asterisk

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/ami"
	"farhook/pbxadapter/asterisk/fake"
)

// What a real Asterisk with real traffic showed, and the recordings don't have.

// A call that is over before its request is answered was made all the same.
func TestShortCall(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		res := b.must(csta.MakeCall{CallingDevice: "101", CalledDirectoryNumber: "9003", AutoOriginate: csta.AutoOriginateDoNotPrompt})
		if id := res.(csta.MakeCallResponse).CallingDevice; id.Call == "" || id.Device != "101" {
			t.Errorf("the answer names %v", id)
		}
		b.heard(csta.FailedEvent{}.Element())
		b.idle("101")
	})
}

// heard fails unless an event of that name was told.
func (b *board) heard(name string) {
	b.t.Helper()
	for _, told := range b.events() {
		if told.Event.Element() == name {
			return
		}
	}
	b.t.Errorf("no %s was told", name)
}

// A call that is handed over to an outside number that rings has one outside party, also when it is rung anew.
func TestTransferToRingingOutside(t *testing.T) {
	for name, style := range kinds {
		t.Run(name, func(t *testing.T) {
			inBubble(t, plain(), func(b *board) {
				b.talk("101", "102")
				b.must(csta.ConsultationCall{ExistingCall: b.is("102", csta.Connected), ConsultedDevice: "9555"})
				b.must(csta.TransferCall{HeldCall: b.is("102", csta.Hold), ActiveCall: b.is("102", csta.Connected)})
				b.hand(b.p.Answer("pstn"))
				b.is("9555", csta.Connected)
				if c := b.at("101"); len(c) != 1 || len(c[0].Legs) != 2 {
					t.Errorf("101 is in %+v", c)
				}
				b.idle("102")
				b.hand(b.p.HangUp("101"))
				b.idle("101", "9555")
			}, style)
		})
	}
}

// An outside party that was brought into a conference, through a wire, is not left alone in it.
func TestAloneBehindWire(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.talk("101", "102")
		b.must(csta.SingleStepConferenceCall{ActiveCall: b.is("102", csta.Connected), DeviceToJoin: "9555"})
		b.hand(b.p.Answer("pstn"))
		b.is("9555", csta.Connected)
		b.is("101", csta.Connected)
		b.hand(b.p.HangUp("101"))
		b.is("102", csta.Connected)
		b.hand(b.p.HangUp("102"))
		b.pass(time.Second)
		if n := b.p.Channels(); n != 0 {
			t.Errorf("%d channels are left", n)
		}
		b.idle("101", "102", "9555")
	})
}

// A release whose Bridge leaves channels in the wrong place has them joined by the dialplan.
func TestOldRelease(t *testing.T) {
	for version, old := range map[string]bool{"16.30.1": true, "20.5.0": true, "20.14.0": false, "18.9.1": true, "21.8.0": true, "21.9.0": false, "22.3.0": true, "22.4.1": false, "23.4.1": false} {
		for kind, style := range kinds {
			for what, answers := range map[string]bool{"answered": true, "ringing": false} {
				t.Run(version+"/"+kind+"/"+what, func(t *testing.T) {
					conf := plain()
					conf.Version = version
					inBubble(t, conf, func(b *board) {
						b.talk("101", "102")
						b.must(csta.ConsultationCall{ExistingCall: b.is("102", csta.Connected), ConsultedDevice: "103"})
						if answers {
							b.hand(b.p.Answer("103"))
						}
						before := len(b.p.Acted())
						b.must(csta.TransferCall{HeldCall: b.is("102", csta.Hold), ActiveCall: b.is("102", csta.Connected)})
						acted := b.p.Acted()[before:]
						if bridged := slices.Contains(acted, "Bridge"); bridged != (answers && !old) {
							t.Errorf("Asterisk is asked for %v", acted)
						}
						if !answers {
							b.is("103", csta.Alerting)
							b.hand(b.p.Answer("103"))
						}
						if !b.p.Together("101", "103") {
							t.Error("they don't hear each other")
						}
						b.idle("102")
						if n := b.p.Channels(); n != 2 {
							t.Errorf("%d channels", n)
						}
						b.hand(b.p.HangUp("103"))
						b.idle("101", "103")
					}, style)
				})
			}
		}
	}
	// Without that line there is only Bridge.
	conf := plain()
	conf.Version, conf.Lines = "18.9.1", false
	inBubble(t, conf, func(b *board) {
		b.talk("101", "102")
		b.must(csta.ConsultationCall{ExistingCall: b.is("102", csta.Connected), ConsultedDevice: "103"})
		b.hand(b.p.Answer("103"))
		b.must(csta.TransferCall{HeldCall: b.is("102", csta.Hold), ActiveCall: b.is("102", csta.Connected)})
		if !slices.Contains(b.p.Acted(), "Bridge") || !b.p.Together("101", "103") {
			t.Errorf("Asterisk is asked for %v", b.p.Acted())
		}
	})
}

// Who withholds his number is not shown, though Asterisk tells it.
func TestWithheld(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.p.Withhold(true)
		b.hand(b.p.Call("pstn", "102"))
		c := b.at("102")
		if len(c) != 1 || c[0].Calling.Shown != callmodel.Restricted || strings.Contains(string(c[0].Calling.Device), "301234567") {
			t.Errorf("%+v", c)
		}
		b.hand(b.p.HangUp("pstn"))
		b.p.Withhold(false)
		b.hand(b.p.Call("pstn", "102"))
		if c := b.at("102"); len(c) != 1 || c[0].Calling.Shown != callmodel.Known {
			t.Errorf("%+v", c)
		}
	})
}

// Whose number can't be known to be shown is not shown: Asterisk refuses to tell, or doesn't answer in time. An account that lacks the right to ask for
// a variable asks by a list.
func TestWithheldUnknown(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*fake.Config)
		private bool
		want    callmodel.Shown
	}{
		"no answer":              {func(c *fake.Config) { c.Silent = []string{"Getvar"} }, false, callmodel.NotKnown},
		"refused":                {func(c *fake.Config) { c.Rights = []string{"Getvar", "Status"} }, false, callmodel.NotKnown},
		"only lists":             {func(c *fake.Config) { c.Rights = []string{"Getvar"} }, false, callmodel.Known},
		"only lists, restricted": {func(c *fake.Config) { c.Rights = []string{"Getvar"} }, true, callmodel.Restricted},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, plain(), func(b *board) {
				b.p.Withhold(c.private)
				b.p.Change(c.change)
				b.hand(b.p.Call("pstn", "102"))
				b.pass(time.Second)
				is := b.at("102")
				if len(is) != 1 || is[0].Calling.Shown != c.want || c.want != callmodel.Known && strings.Contains(fmt.Sprintf("%+v %+v", is, b.events()), "301234567") {
					t.Errorf("%+v", is)
				}
				b.pass(10 * time.Second)
				b.hand(b.p.Answer("102"))
				b.is("102", csta.Connected)
			})
		})
	}
}

// What has never been seen on a real one is offered as experimental only.
func TestExperimental(t *testing.T) {
	for _, on := range []bool{false, true} {
		inBubble(t, plain(), func(b *board) {
			lacks := b.lacks("101")
			if lacks["SetForwarding"] == "" == !on || lacks["MakeCall"] != "" {
				t.Errorf("experimental %v: %v", on, lacks)
			}
		}, func(c *Config) { c.Dialplan, c.Experimental = "freepbx", on })
	}
}

// When Asterisk says that it has loaded everything, it is read again.
func TestBootedLate(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		before := b.p.Listed()
		b.p.Booted()
		b.pass(time.Second)
		if b.p.Listed() == before {
			t.Error("nothing was asked")
		}
	})
}

// Forwarding that a dialplan keeps without a device state is told all the same, within a minute.
func TestFeatureWithoutEvent(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		b.p.Lose("DeviceStateChange")
		b.p.Feature("CFU", "102", "103")
		b.pass(time.Minute)
		want := callmodel.Feature(callmodel.Forwarding{Type: csta.ForwardImmediate, On: true, To: "103"})
		if f := b.features("102"); len(f) != 1 || f[0] != want {
			t.Errorf("102 has %+v", f)
		}
		b.p.Feature("CFU", "102", "")
		b.pass(time.Second)
		if f := b.features("102"); len(f) != 1 || f[0].(callmodel.Forwarding).On {
			t.Errorf("102 has %+v", f)
		}
	})
}

// heardBy feeds events to a tracker, and gives what follows, one line each: event and hearers.
func heardBy(t *testing.T, text string) []string {
	t.Helper()
	b := newBook(pbxadapter.PlainNumbers{}, presets["plain"])
	for _, n := range []string{"101", "102", "103"} {
		b.add(&phoneEntry{endpoint: n, number: n})
	}
	m := callmodel.New()
	var list []string
	x := newTracker("p", b, func(f callmodel.Fact) {
		for _, told := range m.Apply(f) {
			if len(told.Audience) == 0 {
				continue
			}
			l := strings.TrimSuffix(told.Event.Element(), "Event")
			for _, s := range told.Audience {
				l += " " + string(s.Device) + "=" + string(s.Local)
			}
			list = append(list, l)
		}
	})
	now := time.Unix(1_800_000_000, 0)
	for part := range strings.SplitSeq(text, ";") {
		f := strings.Fields(part)
		var b strings.Builder
		b.WriteString("Event: " + f[0])
		for _, h := range f[1:] {
			k, v, _ := strings.Cut(h, "=")
			b.WriteString("\r\n" + k + ": " + v)
		}
		now = now.Add(200 * time.Millisecond)
		x.until(now)
		x.event(ami.Parse(b.String()))
	}
	x.until(now.Add(time.Minute))
	if m.Odd() > 0 {
		t.Errorf("%d facts are no legal moves", m.Odd())
	}
	if len(x.calls)+len(x.channels) > 0 {
		t.Errorf("%d calls and %d channels are left", len(x.calls), len(x.channels))
	}
	return list
}

func equal(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("heard:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A phone with two contacts rings once, and answers once.
func TestTwoContacts(t *testing.T) {
	begin := "Newchannel Channel=PJSIP/101-1 ChannelState=4 Exten=102 Uniqueid=1 Linkedid=1;" +
		"Newchannel Channel=PJSIP/102-2 ChannelState=0 Uniqueid=2 Linkedid=1;Newchannel Channel=PJSIP/102-3 ChannelState=0 Uniqueid=3 Linkedid=1;" +
		"DialBegin Uniqueid=1 DestUniqueid=2;DialBegin Uniqueid=1 DestUniqueid=3;Newstate Uniqueid=2 ChannelState=5;Newstate Uniqueid=3 ChannelState=5;"
	equal(t, heardBy(t, begin+"Newstate Uniqueid=3 ChannelState=6;DialEnd Uniqueid=1 DestUniqueid=3 DialStatus=ANSWER;DialEnd Uniqueid=1 DestUniqueid=2 DialStatus=CANCEL;"+
		"Hangup Uniqueid=2 Cause=26;HangupRequest Uniqueid=1;Hangup Uniqueid=1 Cause=16;Hangup Uniqueid=3 Cause=16"),
		"Originated 101=connected", "Delivered 101=connected 102=alerting", "Established 101=connected 102=connected", "ConnectionCleared 101=null 102=connected", "ConnectionCleared 102=null")
	equal(t, heardBy(t, begin+"DialEnd Uniqueid=1 DestUniqueid=2 DialStatus=BUSY;Hangup Uniqueid=2 Cause=17;DialEnd Uniqueid=1 DestUniqueid=3 DialStatus=NOANSWER;Hangup Uniqueid=3 Cause=0;"+
		"Hangup Uniqueid=1 Cause=16"),
		"Originated 101=connected", "Delivered 101=connected 102=alerting", "ConnectionCleared 101=connected 102=null", "ConnectionCleared 101=null")
}

// A channel that gets another name is the same one; a caller who withholds his number is restricted; another technology is an outside party.
func TestOddChannels(t *testing.T) {
	equal(t, heardBy(t, "Newchannel Channel=DAHDI/i1/anonymous-1 ChannelState=4 CallerIDNum=anonymous Exten=102 Uniqueid=1 Linkedid=1;"+
		"Newchannel Channel=PJSIP/102-2 ChannelState=0 Uniqueid=2 Linkedid=1;DialBegin Uniqueid=1 DestUniqueid=2;Newstate Uniqueid=2 ChannelState=5;"+
		"Rename Channel=PJSIP/102-2 Newname=PJSIP/102-9 Uniqueid=2;Newstate Uniqueid=2 ChannelState=6;DialEnd Uniqueid=1 DestUniqueid=2 DialStatus=ANSWER;"+
		"Hold Channel=PJSIP/102-9;HangupRequest Channel=PJSIP/102-9;Hangup Channel=PJSIP/102-9 Uniqueid=2 Cause=16;Hangup Uniqueid=1 Cause=16"),
		"Originated outside-1=connected", "Delivered outside-1=connected 102=alerting", "Established outside-1=connected 102=connected",
		"Held outside-1=connected 102=hold", "ConnectionCleared outside-1=connected 102=null", "ConnectionCleared outside-1=null")
}

// Two callers whose number is the same stay two when their calls are joined, by a transfer or a conference.
func TestSameNumberTwice(t *testing.T) {
	for name, join := range map[string]func(held, active csta.ConnectionID) csta.Request{
		"transfer": func(held, active csta.ConnectionID) csta.Request {
			return csta.TransferCall{HeldCall: held, ActiveCall: active}
		},
		"conference": func(held, active csta.ConnectionID) csta.Request {
			return csta.ConferenceCall{HeldCall: held, ActiveCall: active}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, plain(), func(b *board) {
				b.hand(b.p.Call("pstn", "102"))
				b.hand(b.p.Answer("102"))
				first := b.is("102", csta.Connected)
				b.must(csta.HoldCall{CallToBeHeld: first})
				b.hand(b.p.Call("pstn", "102"))
				b.hand(b.p.Answer("102"))
				second := b.is("102", csta.Connected)
				b.must(join(first, second))
				b.mu.Lock()
				calls := b.model.State().Calls
				b.mu.Unlock()
				if len(calls) != 1 {
					t.Fatalf("%d calls", len(calls))
				}
				outside := map[csta.DeviceID]bool{}
				for _, l := range calls[0].Legs {
					if l.Device != "102" {
						outside[l.Device] = l.Party.Subject().DeviceIdentifier == "0301234567"
					}
				}
				if len(outside) != 2 || slices.Contains(slices.Collect(maps.Values(outside)), false) {
					t.Errorf("the call has %+v", calls[0].Legs)
				}
				b.pass(time.Minute)
				if n := b.a.Counted().Repaired; n != 0 {
					t.Errorf("%d were repaired", n)
				}
				b.p.Reset()
				b.pass(time.Second)
				b.idle("102", "0301234567")
			})
		})
	}
}

// When events come faster than they are processed the link is given up, and built anew with what there is then; nothing stalls, and nobody's call ends.
func TestOverflow(t *testing.T) {
	p := plainPBX()
	b := &board{t: t, p: p, model: callmodel.New()}
	b.make = func(more ...func(*Config)) *Adapter { return adapterOn(t, p, zap.NewNop(), more...) }
	b.start()
	defer func() { b.stop(); p.Cut() }()
	b.until("connected", b.synced)
	if err := p.Call("101", "102"); err != nil {
		t.Fatal(err)
	}
	id := b.becomes("102", csta.Alerting)
	b.a.mu.Lock() // whatever takes so long
	for range 20_000 {
		p.Say("UserEvent", "Text: x")
	}
	if err := p.Answer("102"); err != nil {
		t.Error(err)
	}
	settles(func() bool { return b.a.conn.Err() != nil })
	b.a.mu.Unlock()
	b.until("given up", func() bool { return b.a.Counted().Overflows == 1 })
	if now := b.becomes("102", csta.Connected); now != id {
		t.Errorf("the call was %v, and is %v", id, now)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.told {
		if _, ended := e.Event.(csta.ConnectionClearedEvent); ended {
			t.Errorf("told: %+v", e.Event)
		}
	}
}
