package asterisk

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/ami"
)

// groups are the groups among the devices: number, name, members.
func (b *board) groups() (list []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.devices {
		if d.Kind == pbxadapter.Group {
			list = append(list, fmt.Sprint(d.ID, " ", d.Name, " ", d.Members))
		}
	}
	return list
}

// Queues and ring groups are devices with members; a queue's come and go.
func TestGroups(t *testing.T) {
	conf := plain()
	conf.Queues = map[string][]string{"support": {"PJSIP/103", "Local/102@from-queue/n"}, "640": {"PJSIP/104"}, "hidden": {"PJSIP/101"}}
	configured := func(c *Config) {
		c.Groups = []GroupConfig{{Number: "600", Queue: "support", Name: "Support"}, {Number: "610", Name: "Sales", Members: []string{"101", "104", "nobody"}}}
	}
	inBubble(t, conf, func(b *board) {
		is := func(want ...string) {
			t.Helper()
			if got := b.groups(); !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		}
		is("600 Support [102 103]", "610 Sales [101 104]", "640 640 [104]")
		b.p.LogIn("support", "PJSIP/101", true)
		b.pass(time.Second)
		is("600 Support [101 102 103]", "610 Sales [101 104]", "640 640 [104]")
		b.p.LogIn("support", "Local/102@from-queue/n", false)
		b.pass(time.Second)
		is("600 Support [101 103]", "610 Sales [101 104]", "640 640 [104]")
		b.p.Lose("QueueMemberRemoved")
		b.p.LogIn("640", "PJSIP/104", false)
		b.pass(time.Minute)
		is("600 Support [101 103]", "610 Sales [101 104]", "640 640 []")
		if lacks := b.lacks("600"); lacks["MakeCall"] == "" || lacks["HoldCall"] == "" {
			t.Errorf("a queue lacks %v", lacks)
		}
		for d, want := range map[csta.DeviceID]csta.DeviceCategory{"600": csta.DeviceCategoryAcd, "610": csta.DeviceCategoryGroup, "701": csta.DeviceCategoryPark, "101": csta.DeviceCategoryStation} {
			if r := b.must(csta.GetLogicalDeviceInformation{Device: d}).(csta.GetLogicalDeviceInformationResponse); r.DeviceCategory != want {
				t.Errorf("%s is %s, want %s", d, r.DeviceCategory, want)
			}
		}
	}, configured)
	for text, c := range map[string]GroupConfig{
		"groups[0].number": {Number: "6 0", Queue: "support"}, "groups[0]: want queue": {Number: "600"}, "groups[0].members": {Number: "600", Members: []string{"a b"}},
	} {
		conf := defaults()
		conf.Address, conf.Username, conf.Secret, conf.Groups = "127.0.0.1:1", "u", "s", []GroupConfig{c}
		if err := conf.check(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// Who waits in a queue has a place, which changes when somebody before him goes, or comes in before him.
func TestQueuePlaces(t *testing.T) {
	b := newBook(pbxadapter.PlainNumbers{}, presets["plain"])
	for _, n := range []string{"101", "102", "103", "104"} {
		b.add(&phoneEntry{endpoint: n, number: n})
	}
	b.setGroups([]GroupConfig{{Number: "600", Queue: "support"}}, nil)
	m := callmodel.New()
	told := 0
	x := newTracker("p", b, func(f callmodel.Fact) { told += len(m.Apply(f)) })
	now := time.Unix(1_800_000_000, 0)
	say := func(text string) {
		now = now.Add(time.Second)
		x.until(now)
		x.event(ami.Parse(strings.ReplaceAll(text, "|", "\r\n")))
		x.until(now.Add(500 * time.Millisecond))
	}
	places := func() (list []string) {
		for _, d := range []csta.DeviceID{"101", "102", "103", "104"} {
			for _, c := range m.At(d) {
				for _, l := range c.Legs {
					if l.State == csta.Queued {
						list = append(list, fmt.Sprintf("%s:%d/%d at %s", d, l.Queue.CallsInFront, l.Queue.Queued, l.Device))
					}
				}
			}
		}
		return list
	}
	is := func(want ...string) {
		t.Helper()
		if got := places(); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	joins := func(n, position, count string) {
		say("Event: Newchannel|Channel: PJSIP/" + n + "-1|ChannelState: 4|Exten: 4930555600|Uniqueid: " + n + "|Linkedid: " + n)
		say("Event: Newstate|ChannelState: 6|Uniqueid: " + n)
		say("Event: QueueCallerJoin|Uniqueid: " + n + "|Queue: support|Position: " + position + "|Count: " + count)
	}
	joins("101", "1", "1")
	joins("102", "2", "2")
	is("101:0/2 at 600", "102:1/2 at 600")
	joins("103", "1", "3") // who weighs more
	is("101:1/3 at 600", "102:2/3 at 600", "103:0/3 at 600")
	before := told
	say("Event: QueueCallerAbandon|Uniqueid: 101|Queue: support|Position: 2|OriginalPosition: 1|HoldTime: 2")
	say("Event: QueueCallerLeave|Uniqueid: 101|Queue: support|Position: 2|Count: 2")
	is("102:1/2 at 600", "103:0/2 at 600")
	if told != before+1 {
		t.Errorf("%d events, want the one of who left", told-before)
	}
	say("Event: Hangup|Uniqueid: 103|Cause: 16") // without a word of the queue
	is("102:0/1 at 600")
	say("Event: QueueCallerLeave|Uniqueid: 102|Queue: support|Position: 1|Count: 0")
	is()
	say("Event: Hangup|Uniqueid: 101|Cause: 16")
	say("Event: Hangup|Uniqueid: 102|Cause: 16")
	x.until(now.Add(time.Minute))
	if len(x.queues)+len(x.calls) != 0 || m.Odd() != 0 {
		t.Errorf("%d queues, %d calls are left; %d facts are odd", len(x.queues), len(x.calls), m.Odd())
	}
}
