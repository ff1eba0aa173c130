package freeswitch

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
)

// evil are values that would be more than a value, if they got into a command.
var evil = []string{
	"203,hangup", "203|origination_uuid=x", "203}user/201@pbx.test", "203{x=1}", "203 XML public", "203' inline", "203\"", "${system(touch /tmp/x)}", "203$",
	"203\n\nbgapi hupall", "203\r\n", "203\nJob-UUID: x", "203[leg_timeout=1]", "203\\", "203^hangup:", "203;a=b", "203&park", "203\x00", "ü203", "203 ", "%0a", "",
	strings.Repeat("1", 5000),
}

// sane are the commands that farhook may send, each with everything that can be in it: ids, numbers, names, and nothing else.
var sane = func() *regexp.Regexp {
	var list []string
	for _, form := range []string{
		"bgapi (uuid_kill ID( [A-Z_]+)?|uuid_dump ID json|uuid_exists ID|uuid_break ID all|uuid_phone_event ID (talk|hold)|uuid_bridge ID ID|uuid_recv_dtmf ID [0-9*#A-DW]{1,64})",
		"bgapi uuid_getvar ID read_codec",
		"bgapi uuid_setvar ID [a-z_]+ [a-zA-Z0-9.-]+",
		"bgapi uuid_setvar_multi ID ([a-z_]+=[a-zA-Z0-9.-]*;?)+",
		"bgapi uuid_transfer ID (NUMBER XML office|(-both )?conference:farhook-[a-f0-9-]+@default inline|'valet_park:office 50[12]' inline)",
		`bgapi uuid_transfer ID 'm:\^:(playback:tone_stream://%\(1500,2500,480\);loops=-1\^park:|set:[^ ^]+\^set:[^ ^]+\^set:[^ ^]+\^execute_extension:NUMBER XML office\^park:)' inline`,
		`bgapi uuid_transfer ID 'm:\^:set:transfer_ringback=%\(1000,3000,425\)\^set:call_timeout=20\^set:uuid_bridge_continue_on_cancel=true\^intercept:ID\^set:call_timeout=` +
			`\^set:uuid_bridge_continue_on_cancel=\^transfer:NUMBER XML office' inline`,
		"bgapi uuid_setvar ID uuid_bridge_continue_on_cancel",
		`bgapi originate \{\^\^(\|[a-z_]+=([a-zA-Z0-9_*#+.,-]*|%\(1000,3000,425\)|'[^,|{}\[\]$'"\\^]*'))+\}(user/20[1-6]@pbx\.test|loopback/NUMBER/office/XML) ` +
			`(&intercept\(ID\)|&conference\(farhook-[a-f0-9-]+@default\)|'(unset:sip_h_Call-Info,)?transfer:NUMBER XML office' inline)`,
		"bgapi db (select|delete)/(dnd|cfu|cfb|cfna)/20[1-6]",
		"bgapi db insert/(dnd/20[1-6]/true|(cfu|cfb|cfna)/20[1-6]/NUMBER)",
		`bgapi (user_data 20[1-6]@pbx\.test var user_context|show channels (like 20[1-6] )?as json|show registrations as json|sofia status profile desk reg|eval \$\{core_uuid\}|echo farhook)`,
		`sendevent MESSAGE_WAITING\nMWI-Messages-Waiting: (yes|no)\nMWI-Message-Account: sip:20[1-6]@pbx\.test\nMWI-Voice-Message: [01]/0 \(0/0\)`,
		`sendevent PHONE_FEATURE(\n[a-zA-Z_-]+: [^\x00-\x1f]+)+`,
		"event json [A-Za-z_: ]+",
		"auth secret",
	} {
		list = append(list, strings.NewReplacer("ID", "[a-zA-Z0-9._-]{1,64}", "NUMBER", "[0-9*#+]{1,64}").Replace(form))
	}
	return regexp.MustCompile(`^(` + strings.Join(list, "|") + `)(\nJob-UUID: [a-f0-9-]{36})?$`)
}()

// insane reports what was said to the PBX that is none of the commands as they should be.
func (s *script) insane(what string) {
	s.t.Helper()
	for _, c := range s.f.Said() {
		if !sane.MatchString(c) {
			s.t.Fatalf("%s: the PBX was told %.1000q", what, c)
		}
	}
}

// stage is a script in which somebody talks, rings, holds, consults and waits in a slot, and whose names are evil. Rules of numbers give back what they were given.
func stage(t *testing.T, e string, parked bool) *script {
	t.Helper()
	s := piped(t)
	a := fakeAdapter(t, s.at, parked)
	a.log, a.numbers, a.conf.Sync = zap.NewNop(), crooked{}, true
	for _, p := range a.stations {
		p.name = e
	}
	s.adapter(a)
	s.hand(s.hands.Dial("0309", "203")) // into the slot
	s.hand(s.hands.Answer("203"))
	s.is("203", csta.Connected)
	s.do(csta.ParkCall{Parking: new(s.conn("203", csta.Connected)), ParkTo: "501"})
	s.is("203")
	s.hand(s.hands.Dial("202", "203"))
	s.hand(s.hands.Answer("203"))
	s.is("203", csta.Connected)
	s.do(csta.ConsultationCall{ExistingCall: s.conn("202", csta.Connected), ConsultedDevice: "204"})
	s.is("204", csta.Alerting)
	s.hand(s.hands.Answer("204"))
	s.is("204", csta.Connected)
	s.f.Call("0"+e, "205") // whoever calls may show what he likes
	s.is("205", csta.Alerting)
	s.f.Said()
	return s
}

// asked are requests that can be carried out on the stage, of every service.
func asked(s *script) []csta.Request {
	talks, held, rings, slot := s.conn("202", csta.Connected), s.conn("202", csta.Hold), s.conn("205", csta.Alerting), s.conn("501", csta.Queued)
	consulted := s.conn("204", csta.Connected)
	return []csta.Request{
		csta.MakeCall{CallingDevice: "201", CalledDirectoryNumber: "203"},
		csta.AnswerCall{CallToBeAnswered: rings},
		csta.ClearConnection{ConnectionToBeCleared: talks},
		csta.ClearCall{CallToBeCleared: &rings},
		csta.HoldCall{CallToBeHeld: consulted},
		csta.RetrieveCall{CallToBeRetrieved: held},
		csta.AlternateCall{HeldCall: held, ActiveCall: talks},
		csta.ConsultationCall{ExistingCall: consulted, ConsultedDevice: "0301"},
		csta.ReconnectCall{HeldCall: held, ActiveCall: talks},
		csta.TransferCall{HeldCall: held, ActiveCall: talks},
		csta.SingleStepTransferCall{ActiveCall: talks, TransferredTo: "0301"},
		csta.SingleStepTransferCall{ActiveCall: held, TransferredTo: "0301"},
		csta.ConferenceCall{HeldCall: held, ActiveCall: talks},
		csta.SingleStepConferenceCall{ActiveCall: talks, DeviceToJoin: "0301", ParticipationType: csta.ParticipationTypeActive},
		csta.DeflectCall{CallToBeDiverted: rings, NewDestination: "0301"},
		csta.DirectedPickupCall{CallToBePickedUp: &rings, RequestingDevice: "201"},
		csta.DirectedPickupCall{CallToBePickedUp: &slot, RequestingDevice: "201"},
		csta.GroupPickupCall{NewDestination: "201"},
		csta.ParkCall{Parking: &talks, ParkTo: "502"},
		csta.GenerateDigits{ConnectionToSendDigits: talks, CharactersToSend: "12"},
		csta.GetForwarding{Device: "202"},
		csta.SetForwarding{Device: "202", ForwardingType: csta.ForwardImmediate, ActivateForward: true, ForwardDN: "203"},
		csta.GetDoNotDisturb{Device: "202"},
		csta.SetDoNotDisturb{Device: "202", DoNotDisturbOn: true},
		csta.GetMessageWaitingIndicator{Device: "202"},
		csta.SetMessageWaitingIndicator{Device: "202", MessageWaitingOn: true},
		csta.SnapshotDevice{SnapshotObject: "202"},
		csta.SnapshotCall{SnapshotObject: talks},
		csta.GetLogicalDeviceInformation{Device: "202"},
	}
}

// strung are the ways to every text in a type, by the numbers of fields; pointers and lists are gone through.
func strung(t reflect.Type, deep int) (paths [][]int) {
	switch {
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return [][]int{nil}
		}
		return strung(t.Elem(), deep)
	case t.Kind() == reflect.String:
		return [][]int{nil}
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() && deep < 6 {
				for _, p := range strung(t.Field(i).Type, deep+1) {
					paths = append(paths, append([]int{i}, p...))
				}
			}
		}
	}
	return paths
}

// text is what a request has at one of its places.
func text(r csta.Request, path []int) string {
	v := reflect.ValueOf(r)
	for {
		switch v.Kind() {
		case reflect.Pointer:
			if v.IsNil() {
				return ""
			}
			v = v.Elem()
		case reflect.Slice:
			if v.Len() == 0 || v.Type().Elem().Kind() == reflect.Uint8 {
				return ""
			}
			v = v.Index(0)
		case reflect.Struct:
			v, path = v.Field(path[0]), path[1:]
		default:
			return v.String()
		}
	}
}

// with is a request with another text at one of its places.
func with(r csta.Request, path []int, e string) csta.Request {
	v := reflect.New(reflect.TypeOf(r)).Elem()
	v.Set(reflect.ValueOf(r))
	at := v
	for {
		switch {
		case at.Kind() == reflect.Pointer: // the request's own is not ours to change
			p := reflect.New(at.Type().Elem())
			if !at.IsNil() {
				p.Elem().Set(at.Elem())
			}
			at.Set(p)
			at = p.Elem()
			continue
		case at.Kind() == reflect.Slice:
			if at.Type().Elem().Kind() == reflect.Uint8 {
				at.SetBytes([]byte(e))
				return v.Interface().(csta.Request)
			}
			list := reflect.MakeSlice(at.Type(), 1, 1)
			reflect.Copy(list, at)
			at.Set(list)
			at = list.Index(0)
			continue
		case at.Kind() == reflect.Struct:
			at, path = at.Field(path[0]), path[1:]
			continue
		}
		at.SetString(e)
		return v.Interface().(csta.Request)
	}
}

// No field of any request, whatever it holds, puts anything but a number of the whitelist into a command: not an application's argument, not
// a variable, not a second command or frame; of requests that can be carried out, and are where the field doesn't matter.
func TestSmuggling(t *testing.T) {
	for style, parked := range map[string]bool{"notify": false, "parked": true} {
		for i, service := range must {
			t.Run(style+"/"+string(service), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { smuggled(t, service, evil[i%len(evil)], parked) })
			})
		}
	}
}

func smuggled(t *testing.T, service csta.Service, name string, parked bool) {
	t.Helper()
	var s *script
	stop := func() {
		if s != nil {
			_ = s.stop()
		}
	}
	defer func() { stop() }()
	tried := 0
	try := func(which int, e string, paths ...[]int) bool {
		if s == nil {
			s = stage(t, name, parked)
		}
		r := asked(s)[which]
		if service == "RetrieveCall" {
			s.do(csta.HoldCall{CallToBeHeld: s.conn("202", csta.Connected)})
		}
		for _, path := range paths {
			r = with(r, path, e)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_, err := s.a.Services()[service](ctx, r)
		tried++
		s.insane(fmt.Sprintf("%+v", r))
		if service == "RetrieveCall" || err == nil && !strings.HasPrefix(string(service), "Get") && !strings.HasPrefix(string(service), "Snapshot") { // the stage has changed
			_ = s.stop()
			s = nil
		}
		return err == nil
	}
	s = stage(t, name, parked)
	for which, r := range asked(s) {
		if r.Service() != service {
			continue
		}
		if !try(which, "") {
			t.Errorf("%+v is not carried out", r)
		}
		var given, free [][]int
		for _, path := range strung(reflect.TypeOf(r), 0) {
			if text(r, path) != "" {
				given = append(given, path)
			} else {
				free = append(free, path)
			}
		}
		for _, path := range given {
			for _, e := range evil {
				try(which, e, path)
			}
		}
		if len(free) > 0 && !try(which, evil[0], free...) { // one of them matters
			for _, path := range free {
				for _, e := range evil {
					if try(which, e, path) {
						break // this one doesn't
					}
				}
			}
		}
	}
	if tried < 5 {
		t.Errorf("only %d tried", tried)
	}
}

// crooked are rules of numbers that check nothing.
type crooked struct{ pbxadapter.PlainNumbers }

func (crooked) Native(n csta.DeviceID, _ pbxadapter.Side) (string, error) { return string(n), nil }

func (crooked) Canonical(n string, _ pbxadapter.Side) csta.DeviceID { return csta.DeviceID(n) }

// Whatever an event has in any of its headers, nothing of it gets into a command as it came: the PBX repeats what SIP, a phone or a caller said.
func TestSmugglingByEvents(t *testing.T) {
	shape := map[string]string{
		"Unique-ID": "aaaa-1", "Call-Direction": "inbound", "Caller-Destination-Number": "202", "variable_user_name": "201", "Channel-Call-State": "ACTIVE", "Answer-State": "answered",
		"user": "202", "host": "pbx.test", "profile_name": "desk", "Feature-Action": "SetCallForward", "Feature-Enabled": "true", "Action-Name": "forward_immediate", "Action-Value": "203",
		"ringCount": "2", "from-user": "202", "user-agent": "Snom", "call-id": "x", "from-host": "pbx.test", "Action": "add-member", "Conference-Unique-ID": "r", "Conference-Name": "r",
		"Bridge-A-Unique-ID": "aaaa-1", "Bridge-B-Unique-ID": "bbbb-1", "Other-Type": "originator", "Other-Leg-Unique-ID": "bbbb-1",
	}
	events := []string{
		"CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_ANSWER", "CHANNEL_BRIDGE", "CHANNEL_HOLD", "CHANNEL_UNHOLD", "CHANNEL_CALLSTATE", "CHANNEL_UUID", "CHANNEL_UNBRIDGE",
		"conference::maintenance", "valet_parking::info", "callcenter::info", "fifo::info", "sofia::transferor", "sofia::transferee", "sofia::replaced", "sofia::register",
		"PHONE_FEATURE_SUBSCRIBE", "MESSAGE_WAITING", "feature::changed", "CHANNEL_HANGUP",
	}
	for name := range names {
		if name == "Event-Name" || name == "Event-Subclass" || name == "Event-Sequence" || name == "Core-UUID" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := piped(t)
				a := fakeAdapter(t, s.at, true)
				a.log, a.numbers, a.conf.Sync, a.conf.Registrations = zap.NewNop(), crooked{}, true, true
				s.adapter(a)
				defer func() { _ = s.stop() }()
				for _, e := range evil {
					if _, err := json.Marshal(e); err != nil {
						continue
					}
					for _, event := range events {
						m := map[string]string{}
						for k, v := range shape {
							m[k] = v
						}
						m[name] = e
						s.f.Fire(event, m)
					}
					time.Sleep(time.Second)
					s.insane(fmt.Sprintf("%s: %q", name, clip(e)))
				}
			})
		})
	}
}

// Who is consulted may have forwarded his calls to anything: who rings there is not rung anew by it.
func TestSmugglingByForwarding(t *testing.T) {
	for _, e := range evil {
		synctest.Test(t, func(t *testing.T) {
			s := piped(t)
			s.adapter(fakeAdapter(t, s.at, false))
			defer func() { _ = s.stop() }()
			s.talk()
			s.f.Keep("cfu/203", "0"+e)
			s.hand(s.hands.Hold("201"))
			s.hand(s.hands.Dial("201", "203"))
			time.Sleep(time.Second)
			r := csta.TransferCall{HeldCall: s.conn("201", csta.Hold), ActiveCall: s.conn("201", csta.Connected)}
			if _, err := s.a.Services()["TransferCall"](t.Context(), r); err == nil && e != "" {
				t.Errorf("%q is rung anew", clip(e))
			}
			s.insane(e)
		})
	}
}

// What the pieces of commands are made with takes nothing else.
func TestSmugglingFromOutside(t *testing.T) {
	for _, e := range evil {
		if n := shown(e); strings.ContainsAny(n, ",|{}[]$'\"\\^\r\n\x00") {
			t.Errorf("%q is shown as %q", e, n)
		}
		if isID(e) && strings.Trim(e, "1") != "" || isName(e) && strings.ContainsAny(e, never) {
			t.Errorf("%q is an id or a name", e)
		}
		if line("x"+e) == nil && strings.ContainsAny(e, "\r\n\x00") {
			t.Errorf("%q is one line", e)
		}
		if _, err := sendEvent("X", header{"a", e}); err == nil && strings.ContainsAny(e, "\r\n\x00") {
			t.Errorf("%q is a header", e)
		}
		if err := defaultWhitelist.check(e); err == nil {
			t.Errorf("%q may be dialled", clip(e))
		}
	}
	for _, w := range []string{"0123456789,", "0-9|", "{}", "0 1", "$", "'", "\"", "\\", "\n", ""} {
		c := realConfig("127.0.0.1:1", "x")
		c.Characters = w
		if c.check() == nil {
			t.Errorf("the whitelist %q is taken", w)
		}
	}
}
