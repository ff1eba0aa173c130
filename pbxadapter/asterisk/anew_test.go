package asterisk

import (
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/asterisk/fake"
)

// fewer takes rights from the account.
func fewer(actions ...string) func(*fake.Config) { return func(c *fake.Config) { c.Rights = actions } }

// Phones, classes of service, car parks and what phones obey are read anew whenever they may have changed unseen: with each link, when Asterisk says that it
// has loaded or reloaded something, and when the account may ask for what it couldn't. Nothing has to be started again for that.
func TestReadAnew(t *testing.T) {
	grow := func(c *fake.Config) {
		c.Phones = append(slices.Clone(c.Phones), "107")
		c.Barred = []string{"101"}
		c.Slots = [2]int{701, 730}
		c.Agents = map[string]string{"102": "Cisco-CP8841/12.8"}
		c.Rights, c.Missing = nil, nil
	}
	for name, c := range map[string]struct {
		before func(*fake.Config)
		then   func(*board)
		within time.Duration
	}{
		"a new link":               {nil, func(b *board) { b.p.Cut(); b.p.Restore() }, 2 * time.Second},
		"a restart":                {nil, func(b *board) { b.p.Restart() }, 2 * time.Second},
		"a reload":                 {nil, func(b *board) { b.p.Say("Reload", "Module: res_pjsip.so\r\nStatus: 0") }, time.Second},
		"it has booted":            {nil, func(b *board) { b.p.Booted() }, time.Second},
		"phones may be asked for":  {fewer("PJSIPShowEndpoint", "PJSIPShowEndpoints", "PJSIPShowContacts"), func(*board) {}, time.Minute},
		"contexts may be asked":    {fewer("PJSIPShowEndpoint"), func(*board) {}, time.Minute},
		"the car park was missing": {func(c *fake.Config) { c.Missing = []string{"Parkinglots"} }, func(b *board) { b.p.Say("Load", "Module: res_parking.so\r\nStatus: Success") }, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			conf := plain()
			if c.before != nil {
				c.before(&conf)
			}
			inBubble(t, conf, func(b *board) {
				b.p.Change(grow)
				c.then(b)
				b.pass(c.within)
				if b.lacks("107")["MakeCall"] != "" { // fatal where there is none
					t.Errorf("107 lacks %v", b.lacks("107"))
				}
				if b.lacks("102")["AnswerCall"] == "" {
					t.Error("102 is said to answer, and is another phone now")
				}
				if b.lacks("103")["ParkCall"] != "" {
					t.Errorf("103 lacks %v", b.lacks("103"))
				}
				_ = b.p.Heard()
				b.must(csta.MakeCall{CallingDevice: "101", CalledDirectoryNumber: "103", AutoOriginate: csta.AutoOriginateDoNotPrompt})
				if said := b.p.Heard(); !strings.Contains(said, "Context: internal-barred\r\n") {
					t.Errorf("101 calls in its former class of service:\n%s", said)
				}
				b.hand(b.p.Answer("103"))
				b.must(csta.ParkCall{Parking: new(b.is("103", csta.Connected)), ParkTo: "725"})
			})
		})
	}
}

// A phone that doesn't obey NOTIFY is asked twice, and after that when there is a new link: somebody may have switched it on.
func TestDeafUntilNextLink(t *testing.T) {
	conf := plain()
	conf.Deaf = []string{"102"}
	inBubble(t, conf, func(b *board) {
		b.talk("101", "102")
		asked := func() int {
			before := b.p.Asked("PJSIPNotify")
			b.must(csta.HoldCall{CallToBeHeld: b.is("102", csta.Connected)})
			b.must(csta.RetrieveCall{CallToBeRetrieved: b.is("102", csta.Hold)})
			return b.p.Asked("PJSIPNotify") - before
		}
		for n, want := range []int{1, 1, 0, 0} {
			if got := asked(); got != want {
				t.Errorf("the %d. time it is asked %d times, want %d", n+1, got, want)
			}
		}
		b.p.Booted() // the link is the same
		b.pass(time.Second)
		if got := asked(); got != 0 {
			t.Errorf("read anew, it is asked %d times", got)
		}
		b.p.Cut()
		b.p.Restore()
		b.pass(2 * time.Second)
		if got := asked(); got != 1 {
			t.Errorf("with a new link it is asked %d times", got)
		}
	})
}
