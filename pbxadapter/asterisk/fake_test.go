package asterisk

import (
	"bufio"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"farhook/pbxadapter/asterisk/fake"
)

// unacted are the dialogues that the fake is not held against, and why.
var unacted = map[string]string{
	"ari-control-of-plain-calls":            "ARI acts in it",
	"ari-originate-plain":                   "ARI acts in it",
	"attended-transfer-by-phone":            "by REFER, which the fake's phones don't know",
	"attended-transfer-initiated-by-caller": "by REFER",
	"blind-transfer-by-phone":               "by REFER; BlindTransfer is single-step-transfer-ami's",
	"transfer-ringing-by-phone":             "by REFER",
	"atxfer-ami":                            "farhook never asks for Atxfer: the fake has none",
	"phone-redirects-302":                   "the fake's phones don't answer with 302",
	"queue":                                 "the fake's queues have members, and ring nobody",
	"makecall-local-channel":                "farhook never has a Local channel optimised away: the fake's are not",
	"server-side-consultation-transfer":     "one channel in two calls, as farhook never asks for; who of two that are sent away leaves first is not the same each time",
	"transfer-while-ringing-by-bridge":      "farhook never bridges a channel that rings",
	"errors":                                "it has no channel but at its end; what is refused TestRefusals has",
	"message-waiting":                       "it has no channel",
	"registration":                          "it has no channel but of calls that fail, as unregistered-callee",
	"reconnect-mid-call":                    "it begins amid calls",
	"restart":                               "the fake's calls end without a word, as the recorded ones do",
}

// acted is what is done to the fake for it to say what a recording has: hands and actions, as they were.
var acted = map[string][]func(*fakeSession){
	"basic-caller-clears": {dials("101", "102"), answers("102"), hangsUp("101")},
	"basic-callee-clears": {dials("101", "102"), answers("102"), hangsUp("102")},
	"hold-retrieve":       {dials("101", "102"), answers("102"), holds("102"), unholds("102"), holds("101"), unholds("101"), hangsUp("102")},
	"caller-abandons":     {dials("101", "102"), hangsUp("101")},
	"makecall-auto-answer": {
		acts("Originate", "Channel", "PJSIP/101", "Context", "internal", "Exten", "102", "ChannelId", "csta-1-a", "Variable", `PJSIP_HEADER(add,Alert-Info)=<http://x>\;info=alert-autoanswer\;delay=0`),
		answers("102"), hangsUp("102"),
	},
	"makecall-manual-answer": {
		acts("Originate", "Channel", "PJSIP/101", "Context", "internal", "Exten", "102", "ChannelId", "csta-2-a"), answers("101"), answers("102"), hangsUp("101"),
	},
	"remote-answer-hold-retrieve": {
		dials("101", "102"), acts("PJSIPNotify", "Channel", "$102", "Variable", "Event=talk"), acts("PJSIPNotify", "Channel", "$102", "Variable", "Event=hold"),
		acts("PJSIPNotify", "Channel", "$102", "Variable", "Event=talk"), acts("Hangup", "Channel", "$102", "Cause", "16"),
	},
	"deflect-ringing-ami": {
		dials("101", "102"), acts("Redirect", "Channel", "$101", "Context", "internal", "Exten", "103", "Priority", "1"), answers("103"), hangsUp("103"),
	},
	"directed-pickup-ami": {
		dials("101", "102"),
		acts("Originate", "Channel", "PJSIP/103", "Application", "PickupChan", "Data", "$102", "ChannelId", "csta-9-a", "Variable", `PJSIP_HEADER(add,Alert-Info)=<http://x>\;info=alert-autoanswer\;delay=0`),
		hangsUp("101"),
	},
	"single-step-transfer-ami": {
		dials("101", "102"), answers("102"), acts("BlindTransfer", "Channel", "$102", "Context", "internal", "Exten", "103"), answers("103"), hangsUp("101"),
	},
	"server-side-hold-retrieve": {
		dials("101", "102"), answers("102"),
		acts("Redirect", "Channel", "$101", "ExtraChannel", "$102", "Context", "csta", "Exten", "cstahold", "Priority", "1", "ExtraContext", "csta", "ExtraExten", "cstapark", "ExtraPriority", "1"),
		acts("Setvar", "Channel", "$102", "Variable", "CSTA_PEER", "Value", "$101"), acts("Redirect", "Channel", "$102", "Context", "csta", "Exten", "541", "Priority", "1"),
		hangsUp("101"),
	},
	"park": {
		dials("101", "102"), answers("102"), acts("Setvar", "Channel", "$101", "Variable", "PARKINGEXTEN", "Value", "701"),
		acts("Park", "Channel", "$101", "TimeoutChannel", "PJSIP/102", "Parkinglot", "default"), dials("103", "701"), hangsUp("103"),
	},
	"trunk-out":             {dials("101", "9555"), answers("pstn"), hangsUp("pstn")},
	"two-independent-calls": {dials("101", "102"), dials("103", "104"), answers("104"), answers("102"), hangsUp("101"), hangsUp("104")},
	"login-md5":             {dials("101", "102"), answers("102"), hangsUp("101")},
	"invalid-number":        {dials("101", "555")},
	"unregistered-callee":   {registers("104", false), dials("101", "104"), registers("104", true)},
	"busy":                  {refuses("102"), dials("101", "102")},
	"trunk-in":              {dials("pstn", "101"), answers("101"), hangsUp("pstn")},
	"reject-by-hangup-ami":  {dials("101", "102"), acts("Hangup", "Channel", "$102", "Cause", "17")},
	"hunt-group":            {dials("101", "610"), answers("104"), hangsUp("101")},
	"makecall-cancelled":    {prompts("101", "102", "csta-7-a"), acts("Hangup", "Channel", "$101", "Cause", "16")},
	"makecall-to-trunk":     {prompts("101", "9555", "csta-17-a"), answers("pstn"), hangsUp("101")},
	"makecall-called-busy":  {refuses("102"), prompts("101", "102", "csta-6-a")},
	"single-step-transfer-by-caller-ami": {
		dials("101", "102"), answers("102"), acts("BlindTransfer", "Channel", "$101", "Context", "internal", "Exten", "103"), answers("103"), hangsUp("102"),
	},
	"deflect-originated-call-ami": {
		prompts("101", "102", "csta-16-a"), acts("Redirect", "Channel", "$101", "Context", "internal", "Exten", "103", "Priority", "1"), answers("103"), hangsUp("101"),
	},
	"deflect-to-trunk-ami": {
		dials("101", "102"), acts("Redirect", "Channel", "$101", "Context", "internal", "Exten", "9555", "Priority", "1"), answers("pstn"), hangsUp("pstn"),
	},
	"answer-by-pickup": {
		dials("101", "102"),
		acts("Originate", "Channel", "PJSIP/102", "Application", "PickupChan", "Data", "$102", "ChannelId", "csta-10-a", "Variable", `PJSIP_HEADER(add,Alert-Info)=<http://x>\;info=alert-autoanswer\;delay=0`),
		hangsUp("101"),
	},
	"transfer-ami-by-caller": {
		dials("101", "102"), answers("102"), acts("PJSIPNotify", "Channel", "$101", "Variable", "Event=hold"), prompts("101", "103", "csta-14-a"), answers("103"),
		acts("Bridge", "Channel1", "$102", "Channel2", "$103"), hangsUp("102"),
	},
	"consultation-reconnect-ami": {
		dials("101", "102"), answers("102"), acts("PJSIPNotify", "Channel", "$102", "Variable", "Event=hold"), prompts("102", "103", "csta-12-a"),
		acts("Hangup", "Channel", "$102", "Cause", "16"), acts("PJSIPNotify", "Channel", "$102#1", "Variable", "Event=talk"), hangsUp("101"),
	},
	"consultation-alternate-transfer-ami": {
		dials("101", "102"), answers("102"), acts("PJSIPNotify", "Channel", "$102", "Variable", "Event=hold"), prompts("102", "103", "csta-11-a"), answers("103"),
		acts("PJSIPNotify", "Channel", "$102", "Variable", "Event=hold"), acts("PJSIPNotify", "Channel", "$102#1", "Variable", "Event=talk"),
		acts("PJSIPNotify", "Channel", "$102#1", "Variable", "Event=hold"), acts("PJSIPNotify", "Channel", "$102", "Variable", "Event=talk"),
		acts("Bridge", "Channel1", "$101", "Channel2", "$103"), hangsUp("103"),
	},
	"transfer-while-consultation-rings": {
		dials("101", "102"), answers("102"), acts("PJSIPNotify", "Channel", "$102", "Variable", "Event=hold"), prompts("102", "103", "csta-15-a"),
		acts("Hangup", "Channel", "$102", "Cause", "16"), acts("BlindTransfer", "Channel", "$102#1", "Context", "internal", "Exten", "103"), answers("103"), hangsUp("101"),
	},
	"generate-digits":                 {dials("101", "102"), answers("102"), acts("PlayDTMF", "Channel", "$102", "Digit", "1"), acts("PlayDTMF", "Channel", "$101", "Digit", "3", "Receive", "true"), hangsUp("101")},
	"gateway-account":                 {dials("101", "102"), answers("102"), holds("102"), unholds("102"), hangsUp("101")},
	"phone-ignores-notify":            {deafens("102"), dials("101", "102"), acts("PJSIPNotify", "Channel", "$102", "Variable", "Event=talk"), answers("102"), acts("PJSIPNotify", "Channel", "$102", "Variable", "Event=hold"), hangsUp("102")},
	"two-calls-and-waiting":           {dials("101", "102"), answers("102"), dials("103", "102"), holds("102"), answers("102"), hangsUp("103"), unholds("102"), hangsUp("102")},
	"reject":                          {dials("101", "102"), hangsUp("102")},
	"no-answer":                       {dials("101", "102"), unanswered("102")},
	"do-not-disturb":                  {acts("DBPut", "Family", "DND", "Key", "102", "Val", "YES"), dials("101", "102"), dials("102", "*76"), hangsUp("102")},
	"forward-immediate":               {acts("DBPut", "Family", "CFU", "Key", "102", "Val", "103"), dials("101", "102"), answers("103"), hangsUp("103")},
	"forward-no-answer":               {acts("DBPut", "Family", "CFNA", "Key", "102", "Val", "103"), dials("101", "102"), unanswered("102"), answers("103"), hangsUp("101")},
	"makecall-rejected-by-caller":     {refuses("101"), acts("Originate", "Channel", "PJSIP/101", "Context", "internal", "Exten", "102", "ChannelId", "csta-4-a")},
	"makecall-not-answered-by-caller": {acts("Originate", "Channel", "PJSIP/101", "Context", "internal", "Exten", "102", "ChannelId", "csta-3-a"), unanswered("101")},
	"makecall-invalid-number":         {prompts("101", "555", "csta-18-a")},
	"makecall-unregistered":           {registers("104", false), acts("Originate", "Channel", "PJSIP/104", "Context", "internal", "Exten", "102", "ChannelId", "csta-5-a")},
	"directed-pickup-by-phone":        {dials("101", "102"), dials("103", "*8102"), hangsUp("103")},
	"conference-ami": {
		dials("101", "102"), answers("102"), acts("PJSIPNotify", "Channel", "$102", "Variable", "Event=hold"), prompts("102", "103", "csta-13-a"), answers("103"),
		acts("Redirect", "Channel", "$102", "ExtraChannel", "$103", "Context", "csta", "Exten", "5513", "Priority", "1", "ExtraContext", "csta", "ExtraExten", "5513", "ExtraPriority", "1"),
		acts("Redirect", "Channel", "$101", "Context", "csta", "Exten", "5513", "Priority", "1"), hangsUp("103"), hangsUp("101"), hangsUp("102"),
	},
}

type fakeSession struct {
	t     *testing.T
	p     *fake.PBX
	send  func(string)
	names map[string]string // the newest channel of each endpoint
}

func dials(from, to string) func(*fakeSession) {
	return func(s *fakeSession) { s.hand(s.p.Call(from, to)) }
}
func answers(n string) func(*fakeSession) { return func(s *fakeSession) { s.hand(s.p.Answer(n)) } }
func hangsUp(n string) func(*fakeSession) { return func(s *fakeSession) { s.hand(s.p.HangUp(n)) } }
func holds(n string) func(*fakeSession)   { return func(s *fakeSession) { s.hand(s.p.Hold(n)) } }
func unholds(n string) func(*fakeSession) { return func(s *fakeSession) { s.hand(s.p.Retrieve(n)) } }

func unanswered(n string) func(*fakeSession) {
	return func(s *fakeSession) { s.hand(s.p.Unanswered(n)) }
}

func deafens(n string) func(*fakeSession) {
	return func(s *fakeSession) { s.p.Change(func(c *fake.Config) { c.Deaf = append(c.Deaf, n) }) }
}

func refuses(n string) func(*fakeSession) { return func(s *fakeSession) { s.p.Busy(n, true) } }
func registers(n string, on bool) func(*fakeSession) {
	return func(s *fakeSession) { s.p.Register(n, on) }
}

// prompts has a phone call a number, and answer that by itself.
func prompts(from, to, id string) func(*fakeSession) {
	return acts("Originate", "Channel", "PJSIP/"+from, "Context", "internal", "Exten", to, "ChannelId", id, "Variable", `PJSIP_HEADER(add,Alert-Info)=<http://x>\;info=alert-autoanswer\;delay=0`)
}

func (s *fakeSession) hand(err error) {
	if err != nil {
		s.t.Error(err)
	}
}

func acts(name string, fields ...string) func(*fakeSession) {
	return func(s *fakeSession) {
		text := "Action: " + name + "\r\nActionID: x\r\nAsync: true\r\n"
		for i := 0; i < len(fields); i += 2 {
			v := fields[i+1]
			if n, ok := strings.CutPrefix(v, "$"); ok {
				v = s.names[n]
			}
			text += fields[i] + ": " + v + "\r\n"
		}
		s.send(text + "\r\n")
	}
}

// The fake says what the real one said: for each channel the same events in the same order, with the same states, causes and partners, but for ids,
// and for what it leaves out.
func TestFakeSaysWhatWasRecorded(t *testing.T) {
	all := recordings(t)
	for name := range all {
		if is, isNot := acted[name] != nil, unacted[name] != ""; is == isNot {
			t.Errorf("%s: acted %v, and left out %v", name, is, isNot)
		}
	}
	for name, script := range acted {
		t.Run(name, func(t *testing.T) {
			var want []step
			for _, s := range all[name] {
				if s.event() != "" {
					want = append(want, s)
				}
			}
			var got []step
			synctest.Test(t, func(t *testing.T) { got = say(t, script) })
			if diff := cmp.Diff(perChannel(want), perChannel(got)); diff != "" {
				t.Errorf("recorded (-) and fake (+):\n%s", diff)
			}
		})
	}
}

// say has a script done to a fake, and gives what it told a client.
func say(t *testing.T, script []func(*fakeSession)) []step {
	conf := plain()
	conf.Phones = append(conf.Phones, "105", "pstn")
	conf.Groups = map[string][]string{"610": {"103", "104", "105"}}
	p := fake.New(conf)
	c, err := p.Dial()
	if err != nil {
		t.Fatal(err)
	}
	var got []step
	s := &fakeSession{t: t, p: p, names: map[string]string{}, send: func(text string) { _, _ = c.Write([]byte(text)) }}
	go func() {
		r := bufio.NewReader(c)
		count := map[string]int{}
		var lines []string
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if line = strings.TrimRight(line, "\r\n"); line != "" {
				lines = append(lines, line)
				continue
			}
			x := step{lines: lines}
			lines = nil
			if x.event() == "" || x.event() == "FullyBooted" {
				continue
			}
			got = append(got, x)
			if x.event() == "Newchannel" {
				_, endpoint := splitName(x.get("Channel"))
				s.names[endpoint] = x.get("Channel")
				s.names[fmt.Sprintf("%s#%d", endpoint, count[endpoint]+1)] = x.get("Channel")
				count[endpoint]++
			}
		}
	}()
	s.send("Action: Login\r\nActionID: l\r\nUsername: u\r\nSecret: s3cret\r\n\r\n")
	for _, f := range script {
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		f(s)
	}
	time.Sleep(6 * time.Second) // a caller who is told "busy" is hung up after five
	synctest.Wait()
	p.Cut()
	synctest.Wait()
	return got
}

// perChannel is what was said of each channel, in order. Channels are named after their endpoints and the order in which they came.
func perChannel(steps []step) map[string][]string {
	names, count := map[string]string{}, map[string]int{}
	for _, s := range steps {
		if s.event() == "Newchannel" {
			_, endpoint := splitName(s.get("Channel"))
			count[endpoint]++
			names[s.get("Uniqueid")] = fmt.Sprintf("%s#%d", endpoint, count[endpoint])
		}
	}
	list := map[string][]string{}
	for _, s := range steps {
		e := s.event()
		if !slices.Contains([]string{"Newchannel", "Newstate", "DialBegin", "DialEnd", "BridgeEnter", "BridgeLeave", "Hold", "Unhold", "Pickup", "BlindTransfer", "ParkedCall", "UnParkedCall", "Hangup"}, e) {
			continue
		}
		text := e
		for _, h := range []string{"ChannelState", "DialStatus", "BridgeTechnology", "BridgeNumChannels", "ParkingSpace", "Result", "Extension"} {
			v := s.get(h)
			if h == "BridgeNumChannels" && s.get("BridgeTechnology") == "softmix" {
				continue // it counts an announcer too
			}
			if h == "BridgeTechnology" && v == "native_rtp" {
				v = "simple_bridge" // the same bridge, once media goes past Asterisk
			}
			if h == "ChannelState" && e != "Newchannel" && e != "Newstate" && e != "BridgeEnter" {
				continue
			}
			if v != "" {
				text += " " + v
			}
		}
		if e == "Hangup" {
			text += " cause " + s.get("Cause")
		}
		for _, prefix := range []string{"", "Dest", "Target", "Transferer", "Transferee", "Parkee", "Retriever"} {
			if n := names[s.get(prefix+"Uniqueid")]; n != "" {
				text += " " + prefix + "=" + n
			}
		}
		for _, prefix := range []string{"", "Dest", "Target", "Transferer", "Transferee", "Parkee", "Retriever"} {
			if n := names[s.get(prefix+"Uniqueid")]; n != "" {
				list[n] = append(list[n], text)
			}
		}
	}
	for _, l := range list { // ringing and the beginning of the dialling come in either order
		for i := 0; i+1 < len(l); i++ {
			if strings.HasPrefix(l[i], "Newstate 5") && strings.HasPrefix(l[i+1], "DialBegin") {
				l[i], l[i+1] = l[i+1], l[i]
			}
		}
	}
	return list
}
