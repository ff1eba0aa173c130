package asterisk

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/asterisk/ami"
)

// What a phone is made to do is known by what its User-Agent begins with, whatever the case; configuration comes first.
func TestStyles(t *testing.T) {
	for agent, want := range map[string]Style{
		"Yealink SIP-T46S 66.86.0.15":         {"alert-info", "", "yes"},
		"snomD785/10.1.64.14":                 {"alert-info", "", "yes"},
		"PolyEdge-Edge_E350-UA/8.2.0":         {"off", "", "yes"},
		"PolycomVVX-VVX_411-UA/6.4.3":         {"alert-info", "Auto Answer", "yes"},
		"Poly/OBi":                            {"alert-info", "Auto Answer", "yes"},
		"Aastra 6757i/3.3.1":                  {"alert-info", "", "yes"},
		"Mitel-6930-SIP-Phone":                {"alert-info", "", "yes"},
		"Grandstream GXP2170 1.0.11.64":       {"call-info", "", "no"},
		"Fanvil X5U 2.4.10":                   {"alert-info", "", "yes"},
		"Cisco/SPA504G-7.6.2":                 {"call-info", "", "no"},
		"Gigaset N510 IP PRO/42.258.00":       {"alert-info", "", "no"},
		"MicroSIP/3.21.3":                     {"call-info", "", "no"},
		"Zoiper rv2.10.20.4":                  {"call-info", "", "no"},
		"Cisco-CP8841/12.8":                   {"off", "", "no"},
		"a phone that talks of Yealink":       {"off", "", "no"},
		"":                                    {"off", "", "no"},
		"Acme 7":                              {"call-info", "x", "yes"},
		"YEALINK SIP-T19P of an old firmware": {"alert-info", "", "yes"},
		"Yealink SIP-T19P_E2 53.84.0.125":     {"off", "", "no"},
	} {
		configured := []StyleRow{{"acme", Style{"call-info", "x", "yes"}}, {"Yealink SIP-T19P_E2", Style{"off", "", "no"}}}
		if got := styleOf(agent, configured); got != want {
			t.Errorf("%q: %+v, want %+v", agent, got, want)
		}
	}
}

// A phone's style is complete with what its own configuration leaves open, and the header goes with the call that is to be answered at once.
func TestStyleOfPhone(t *testing.T) {
	conf := plain()
	conf.Agents = map[string]string{"101": "Grandstream GXP2170", "102": "PolycomVVX-VVX_411", "103": "Cisco-CP8841/12.8", "104": "Cisco-CP8841/12.8"}
	for d, want := range map[csta.DeviceID]string{
		"101": `PJSIP_HEADER(add,Call-Info)=<http://farhook.invalid>\;answer-after=0`, "102": "PJSIP_HEADER(add,Alert-Info)=Auto Answer",
		"104": "PJSIP_HEADER(add,Alert-Info)=ring now",
	} {
		inBubble(t, conf, func(b *board) {
			b.restart(func(c *Config) {
				c.Phones = []PhoneConfig{{Endpoint: "104", Style: Style{Header: "alert-info", Value: "ring now"}}}
			})
			if b.lacks("103")["AnswerCall"] == "" {
				b.t.Error("a phone that nothing is known of is said to answer")
			}
			_ = b.p.Heard()
			b.must(csta.MakeCall{CallingDevice: d, CalledDirectoryNumber: "103", AutoOriginate: csta.AutoOriginateDoNotPrompt})
			if said := b.p.Heard(); !strings.Contains(said, want) {
				b.t.Errorf("%s: no %q in %s", d, want, said)
			}
		})
	}
}

// Which phone it is that registers for the first time is asked then: what it can be asked for changes without a new connect.
func TestStyleOfNewPhone(t *testing.T) {
	conf := plain()
	inBubble(t, conf, func(b *board) {
		b.p.Register("104", false)
		b.restart()
		if b.lacks("104")["AnswerCall"] == "" {
			t.Error("it is known to answer")
		}
		b.p.Register("104", true)
		b.p.Say("ContactStatus", "URI: sip:104@127.0.0.4:5060\r\nContactStatus: NonQualified\r\nAOR: 104\r\nEndpointName: 104")
		b.pass(time.Second)
		if why := b.lacks("104")["AnswerCall"]; why != "" {
			t.Errorf("it lacks: %s", why)
		}
	})
}

// Device states and mailboxes as Asterisk tells them, and what is told of them.
func TestFeaturesTold(t *testing.T) {
	for _, c := range []struct {
		event, text string
		set         callmodel.Feature
		want        bool
	}{
		{"DeviceStateChange", "Device: Custom:DND102\r\nState: BUSY", callmodel.DoNotDisturb{On: true}, true},
		{"MessageWaiting", "Mailbox: 102@default\r\nWaiting: 1\r\nNew: 2\r\nOld: 0", callmodel.MessageWaiting{On: true}, true},
		{"MessageWaiting", "Mailbox: 102@default\r\nWaiting: 1", callmodel.MessageWaiting{On: true}, true},
		{"MessageWaiting", "Mailbox: 102@default\r\nWaiting: 1\r\nNew: 0\r\nOld: 2", callmodel.MessageWaiting{On: true}, false},
	} {
		inBubble(t, plain(), func(b *board) {
			b.p.Say(c.event, c.text)
			b.pass(time.Second)
			if f := b.features("102"); slices.Contains(f, c.set) != c.want {
				b.t.Errorf("%q: 102 has %+v", c.text, f)
			}
		})
	}
	for _, state := range []string{"UNAVAILABLE", "INVALID"} {
		inBubble(t, plain(), func(b *board) {
			b.p.Say("DeviceStateChange", "Device: PJSIP/102\r\nState: "+state)
			b.p.Say("DeviceStateChange", "Device: PJSIP/102\r\nState: NOT_INUSE")
			b.pass(time.Second)
			told := b.events()
			if len(told) != 2 {
				b.t.Fatalf("%s: told %+v", state, told)
			}
			if e, ok := told[0].Event.(csta.OutOfServiceEvent); !ok || e.Cause != csta.CauseDestOutOfOrder {
				b.t.Errorf("%s: told %+v", state, told[0])
			}
			if e, ok := told[1].Event.(csta.BackInServiceEvent); !ok {
				b.t.Errorf("told %+v", e)
			}
		})
	}
}

// Whose mailbox it is: the one of our configuration, else the first one of the PBX's, else the one that the number makes where that may not be asked.
func TestWhoseMailbox(t *testing.T) {
	conf := plain()
	conf.Boxes = map[string]string{"101": "7@sales,8@sales", "102": "9@sales"}
	waiting := func(b *board, box string) []csta.DeviceID {
		b.p.Say("MessageWaiting", "Mailbox: "+box+"\r\nWaiting: 1\r\nNew: 1\r\nOld: 0")
		b.pass(time.Second)
		var list []csta.DeviceID
		for _, d := range []csta.DeviceID{"101", "102"} {
			if slices.Contains(b.features(d), callmodel.Feature(callmodel.MessageWaiting{On: true})) {
				list = append(list, d)
			}
		}
		return list
	}
	for _, c := range []struct {
		box    string
		rights []string
		want   []csta.DeviceID
	}{
		{"7@sales", nil, []csta.DeviceID{"101"}},
		{"8@sales", nil, nil},
		{"101@default", nil, nil},
		{"9@sales", nil, nil},
		{"102@ours", nil, []csta.DeviceID{"102"}},
		{"101@default", []string{"PJSIPShowEndpoint"}, []csta.DeviceID{"101"}},
		{"102@ours", []string{"PJSIPShowEndpoint"}, []csta.DeviceID{"102"}},
	} {
		conf.Rights = c.rights
		inBubble(t, conf, func(b *board) {
			if got := waiting(b, c.box); !slices.Equal(got, c.want) {
				b.t.Errorf("%s is %v's, want %v", c.box, got, c.want)
			}
		}, func(conf *Config) { conf.Phones = []PhoneConfig{{Endpoint: "102", Mailbox: "102@ours"}} })
	}
}

// What is switched off is off after a restart too, and where it forwarded to is said all the same as long as that is known.
func TestOffAgain(t *testing.T) {
	inBubble(t, plain(), func(b *board) {
		for _, on := range []bool{true, false} {
			b.must(csta.SetMessageWaitingIndicator{Device: "102", MessageWaitingOn: on})
			b.must(csta.SetForwarding{Device: "102", ActivateForward: on, ForwardDN: "103"})
			b.must(csta.SetDoNotDisturb{Device: "102", DoNotDisturbOn: on})
			list := b.must(csta.GetForwarding{Device: "102"}).(csta.GetForwardingResponse).ForwardingList
			i := slices.IndexFunc(list, func(f csta.ForwardListItem) bool { return f.ForwardingType == csta.ForwardImmediate })
			if i < 0 || list[i].ForwardStatus != on || list[i].ForwardDN != "103" {
				t.Errorf("on %v: %+v", on, list)
			}
			b.restart()
			set := 0
			for _, f := range []callmodel.Feature{
				callmodel.MessageWaiting{On: true}, callmodel.DoNotDisturb{On: true}, callmodel.Forwarding{Type: csta.ForwardImmediate, On: true, To: "103"},
			} {
				if slices.Contains(b.features("102"), f) {
					set++
				}
			}
			if on && set != 3 || !on && set != 0 {
				t.Errorf("on %v: 102 has %+v", on, b.features("102"))
			}
		}
	})
}

// What an endpoint's configuration says of its phone; what ours says comes before it.
func TestDetail(t *testing.T) {
	for text, want := range map[string]phoneEntry{
		"Context: internal\r\nCallerid: \"Anna Berg\" <101>\r\nMailboxes: 7@sales,8@sales": {context: "internal", name: "Anna Berg", mailbox: "7@sales"},
		"Callerid: Anna Berg <101>":                           {name: "Anna Berg"},
		"Callerid: <unknown>":                                 {},
		"Callerid: unknown":                                   {},
		"CallGroup: 1, 2\r\nNamedCallGroup: sales":            {callGroups: []string{"1", "2", "sales"}},
		"PickupGroup: 3\r\nNamedPickupGroup: sales,purchases": {pickupGroups: []string{"3", "sales", "purchases"}},
	} {
		var p phoneEntry
		p.detail(ami.Parse("Event: EndpointDetail\r\n" + text))
		if !reflect.DeepEqual(p, want) {
			t.Errorf("%q is %+v, want %+v", text, p, want)
		}
	}
	p := phoneEntry{context: "ours", name: "Our Anna", mailbox: "9@ours"}
	p.detail(ami.Parse("Event: EndpointDetail\r\nContext: internal\r\nCallerid: Anna <101>\r\nMailboxes: 7@sales"))
	if p.context != "ours" || p.name != "Our Anna" || p.mailbox != "9@ours" {
		t.Errorf("%+v", p)
	}
}
