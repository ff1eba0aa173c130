package asterisk

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"farhook/csta"
	"farhook/pbxadapter/asterisk/fake"
)

// Whatever is wrong with the PBX leads to an answer of the standard or a state that says so, and to a line in the log that says what to do. A wrong
// secret is TestWrongSecret's.
func TestWhatIsWrong(t *testing.T) {
	dial := func(from csta.DeviceID) func(*board) csta.Request {
		return func(*board) csta.Request {
			return csta.MakeCall{CallingDevice: from, CalledDirectoryNumber: "102", AutoOriginate: csta.AutoOriginateDoNotPrompt}
		}
	}
	hold := func(b *board) csta.Request { return csta.HoldCall{CallToBeHeld: b.is("101", csta.Connected)} }
	for name, c := range map[string]struct {
		conf    func(*fake.Config)
		wrong   func(*board)
		request func(*board) csta.Request
		want    *csta.Error
		lacks   csta.Service
		within  time.Duration
		says    string
	}{
		"a right is missing": {
			conf: func(c *fake.Config) { c.Rights = []string{"Originate"} }, request: dial("101"), want: csta.ErrPrivilege, lacks: "MakeCall",
			says: "the account in manager.conf may not do",
		},
		"a right was taken": {
			wrong: func(b *board) {
				b.p.Change(func(c *fake.Config) { c.Rights = []string{"Originate"} })
				b.pass(time.Minute)
			},
			request: dial("101"), want: csta.ErrPrivilege, lacks: "MakeCall", says: "the account in manager.conf may not do",
		},
		"a module is missing": {
			conf: func(c *fake.Config) { c.Missing = []string{"MWIUpdate"} }, want: csta.ErrServiceNotSupported, lacks: "SetMessageWaitingIndicator",
			request: func(*board) csta.Request {
				return csta.SetMessageWaitingIndicator{Device: "101", MessageWaitingOn: true}
			},
			says: "no module offers",
		},
		"a dialplan without our lines": {
			conf: func(c *fake.Config) { c.Lines = false }, lacks: "ConferenceCall", says: "the dialplan lacks lines of ours",
		},
		"it still loads": {
			conf: func(c *fake.Config) { c.Loading = true }, wrong: func(b *board) { b.pass(bootedWithin) }, says: "has not said that it has booted",
		},
		"Asterisk was restarted": {
			wrong: func(b *board) { b.talk("101", "102"); b.p.Restart(); b.pass(5 * time.Second); b.idle("101", "102") }, says: "Asterisk was restarted",
		},
		"a release that was not tried": {conf: func(c *fake.Config) { c.Version = "21.5.0" }, says: "has not been tried with this release"},
		"an unknown endpoint":          {request: dial("199"), want: csta.ErrInvalidDeviceID, says: "look at its PJSIP endpoints"},
		"a phone that is not registered": {
			wrong: func(b *board) { b.p.Register("104", false); b.pass(time.Second) }, request: dial("104"), want: csta.ErrDeviceOutOfService,
			says: "is for a phone that is not registered",
		},
		"a phone that is not registered, and nobody said so": {
			wrong: func(b *board) { b.p.Lose("DeviceStateChange"); b.p.Register("104", false) }, request: dial("104"), want: csta.ErrDeviceOutOfService,
			within: proofWithin + time.Second, says: "look at its registration",
		},
		"a channel that has gone": {
			wrong: func(b *board) {
				b.talk("101", "102")
				for _, e := range []string{"HangupRequest", "Hangup", "BridgeLeave"} {
					b.p.Lose(e)
				}
				b.hand(b.p.HangUp("101"))
			},
			request: hold, want: csta.ErrInvalidConnectionID, says: "calls differed from Asterisk's own list: repaired",
		},
		"an answer that never comes": {
			conf:  func(c *fake.Config) { c.Silent = []string{"Hangup"} },
			wrong: func(b *board) { b.talk("101", "102") },
			request: func(b *board) csta.Request {
				return csta.ClearConnection{ConnectionToBeCleared: b.is("101", csta.Connected)}
			},
			want: csta.ErrInternalResourceBusy, within: 6 * time.Second, says: "did not answer in time",
		},
		"a line of 10 MB": {
			wrong: func(b *board) {
				b.talk("101", "102")
				b.p.Say("UserEvent", "Text: "+strings.Repeat("x", 10<<20))
				b.pass(time.Second)
				if n := b.a.Counted().Damaged; n != 1 {
					b.t.Errorf("%d damaged messages", n)
				}
			},
			request: hold, says: "longer than is read",
		},
	} {
		t.Run(name, func(t *testing.T) {
			conf := plain()
			if c.conf != nil {
				c.conf(&conf)
			}
			core, lines := observer.New(zap.InfoLevel)
			inBubble(t, conf, func(b *board) {
				b.stop()
				b.make = func(more ...func(*Config)) *Adapter { return adapterOn(b.t, b.p, zap.New(core), more...) }
				b.start()
				if c.wrong != nil {
					c.wrong(b)
				}
				if c.lacks != "" && b.lacks("101")[c.lacks] == "" {
					b.t.Errorf("%s does not lack", c.lacks)
				}
				if c.request != nil {
					began, r := time.Now(), c.request(b)
					if c.want != nil {
						b.refuses(r, c.want)
					} else {
						b.must(r)
					}
					if took := time.Since(began); took > max(c.within, time.Second) {
						b.t.Errorf("it took %v", took)
					}
				}
				b.pass(10 * time.Second)
			})
			if lines.FilterMessageSnippet(c.says).Len() == 0 {
				t.Errorf("nothing in the log says %q: %v", c.says, lines.All())
			}
		})
	}
}

// What was missing and has been mended is offered within a minute, without a new connect: no event tells of a reload of the dialplan.
func TestMended(t *testing.T) {
	conf := plain()
	conf.Lines, conf.Rights = false, []string{"Originate"}
	inBubble(t, conf, func(b *board) {
		if lacks := b.lacks("101"); lacks["ConferenceCall"] == "" || lacks["MakeCall"] == "" {
			t.Errorf("it lacks %v", lacks)
		}
		b.p.Change(func(c *fake.Config) { c.Lines = true })
		b.pass(time.Minute)
		if lacks := b.lacks("101"); lacks["ConferenceCall"] != "" || lacks["MakeCall"] == "" {
			t.Errorf("with the lines alone it lacks %v", lacks)
		}
		b.p.Change(func(c *fake.Config) { c.Rights = nil })
		b.pass(time.Minute)
		if lacks := b.lacks("101"); len(lacks) != 0 {
			t.Errorf("it lacks %v", lacks)
		}
	})
}

// Where another module keeps the mailboxes, whether somebody has left a message is asked of whatever keeps them, and cannot be set.
func TestMailboxesOfAnotherModule(t *testing.T) {
	conf := plain()
	inBubble(t, conf, func(b *board) {
		b.must(csta.SetMessageWaitingIndicator{Device: "102", MessageWaitingOn: true})
		b.p.Change(func(c *fake.Config) { c.Missing = []string{"MWIGet", "MWIUpdate", "MWIDelete"} })
		b.pass(time.Minute)
		if lacks := b.lacks("102"); lacks["GetMessageWaitingIndicator"] != "" || lacks["SetMessageWaitingIndicator"] == "" {
			t.Errorf("it lacks %v", lacks)
		}
		for d, want := range map[csta.DeviceID]bool{"101": false, "102": true} {
			if got := b.must(csta.GetMessageWaitingIndicator{Device: d}).(csta.GetMessageWaitingIndicatorResponse).MessageWaitingOn; got != want {
				t.Errorf("%s: %v", d, got)
			}
		}
	})
}
