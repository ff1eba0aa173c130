package freeswitch

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

func TestReadFrame(t *testing.T) {
	for _, c := range []struct{ name, text, kind, reply, body, err string }{
		{"greeting", "Content-Type: auth/request\n\n", authRequest, "", "", ""},
		{"reply", "Content-Type: command/reply\nReply-Text: +OK accepted\n\n", commandReply, "+OK accepted", "", ""},
		{"crlf", "Content-Type: command/reply\r\nReply-Text: -ERR invalid\r\n\r\n", commandReply, "-ERR invalid", "", ""},
		{"lead", "\n\nContent-Type: x\n\n", "x", "", "", ""},
		{"body", "Content-Length: 5\nContent-Type: api/response\n\na\n\nb\n", apiResponse, "", "a\n\nb\n", ""},
		{"case", "content-length: 1\ncontent-type: x\n\nz", "x", "", "z", ""},
		{"no colon", "nonsense\nContent-Type: x\n\n", "x", "", "", ""},
		{"reply with control characters", "Content-Type: command/reply\nReply-Text: a\x01\x1b[31mb\xff\n\n", commandReply, "a  [31mb\uFFFD", "", ""},
		{"empty body", "Content-Length: 0\nContent-Type: x\n\n", "x", "", "", ""},
		{"huge length", "Content-Length: 2000000000\n\n", "", "", "", "longer than"},
		{"overflow", "Content-Length: 99999999999999999999\n\n", "", "", "", "Content-Length"},
		{"negative", "Content-Length: -1\n\n", "", "", "", "Content-Length"},
		{"word", "Content-Length: ten\n\n", "", "", "", "Content-Length"},
		{"two lengths", "Content-Length: 1\nContent-Length: 2\n\nab", "", "", "", "Content-Length"},
		{"short body", "Content-Length: 10\n\nabc", "", "", "", "unexpected EOF"},
		{"cut in the head", "Content-Type: x\n", "", "", "", "unexpected EOF"},
		{"cut in a line", "Content-Ty", "", "", "", "unexpected EOF"},
		{"end", "", "", "", "", "EOF"},
		{"long line", "X: " + strings.Repeat("a", maxHeader) + "\n\n", "", "", "", "longer than"},
		{"many lines", strings.Repeat("X: "+strings.Repeat("a", 1000)+"\n", 100) + "\n", "", "", "", "longer than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.text), iotest.OneByteReader(strings.NewReader(c.text))} {
				f, err := readFrame(bufio.NewReaderSize(r, maxHeader), nil)
				if c.err != "" {
					if err == nil || !strings.Contains(err.Error(), c.err) {
						t.Fatalf("%v, want %q", err, c.err)
					}
					continue
				}
				if err != nil || f.kind != c.kind || f.reply != c.reply || string(f.body) != c.body {
					t.Fatalf("%+v, %v", f, err)
				}
			}
		})
	}
}

func TestParseEvent(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       map[key]string
		bad        bool
	}{
		{"plain", `{"Event-Name":"CHANNEL_CREATE","Unique-ID":"a-1","Event-Sequence":"42"}`, map[key]string{eventName: "CHANNEL_CREATE", uniqueID: "a-1", eventSequence: "42"}, false},
		{"array", `{"variable_transfer_destination":["blind:203","blind:204"],"Unique-ID":"x"}`, map[key]string{transferTo: "blind:203", uniqueID: "x"}, false},
		{"empty array", `{"Hangup-Cause":[],"Unique-ID":"x"}`, map[key]string{hangupCause: "", uniqueID: "x"}, false},
		{"passed over", `{"variable_DP_MATCH":["a\"]","b",["c"]],"n":-1.5e+3,"t":true,"o":{"a":{"b":null}},"Unique-ID":"x"}`, map[key]string{uniqueID: "x"}, false},
		{"escapes", `{"Caller-Caller-ID-Name":"a\"\\\/\b\f\n\r\té\ud83d\ude00\ud83d!\uzz"}`, map[key]string{callerName: "a\"\\/\b\f\n\r\té😀\uFFFD!\uFFFDzz"}, false},
		{"invalid UTF-8", "{\"Caller-Caller-ID-Name\":\"J\xfcrgen\"}", map[key]string{callerName: "J\uFFFDrgen"}, false},
		{"space", " {\n\"Unique-ID\" : \"x\" ,\t\"_body\":\"b\" }\r\n", map[key]string{uniqueID: "x", body: "b"}, false},
		{"nothing", `{}`, map[key]string{}, false},
		{"number", `{"Unique-ID":17}`, map[key]string{uniqueID: ""}, false},
		{"no object", `["a"]`, nil, true},
		{"cut", `{"Unique-ID":"x`, nil, true},
		{"cut in an escape", `{"Unique-ID":"x\`, nil, true},
		{"no comma", `{"a":"b" "c":"d"}`, nil, true},
		{"more behind", `{"a":"b"} x`, nil, true},
		{"deep", `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, nil, true},
		{"not text", "\x00\x01", nil, true},
		{"empty", "", nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var e event
			err := (&parser{}).parse([]byte(c.text), &e)
			if c.bad != (err != nil) {
				t.Fatalf("%v", err)
			}
			for k, v := range c.want {
				if e.get(k) != v {
					t.Errorf("%d is %q, want %q", k, e.get(k), v)
				}
			}
		})
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("Content-Length: 5\nContent-Type: text/event-json\n\n{\"a\":1}"))
	f.Add([]byte("Content-Type: auth/request\n\nContent-Length: 99999999\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bufio.NewReaderSize(strings.NewReader(string(b)), maxHeader)
		for range 100 {
			g, err := readFrame(r, nil)
			if err != nil {
				return
			}
			if len(g.body) > len(b) || !utf8.ValidString(g.reply) || strings.ContainsAny(g.reply, "\r\n") {
				t.Fatalf("%+v", g)
			}
		}
	})
}

func FuzzParseEvent(f *testing.F) {
	for _, name := range []string{"conference-esl", "session-errors"} {
		if _, err := os.Stat(recordings + "/" + name + ".esl.gz"); errors.Is(err, os.ErrNotExist) {
			continue
		}
		for _, r := range records(f, name) {
			if r.event != nil {
				f.Add(r.event)
			}
		}
	}
	f.Add([]byte(`{"a":["\ud800",{"b":[1]}],"Unique-ID":["x"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var e event
		p := parser{extra: map[string]bool{"Desk": true}}
		if p.parse(b, &e) != nil {
			return
		}
		for k, v := range e.value {
			if !utf8.ValidString(v) {
				t.Fatalf("header %d is no UTF-8: %q", k, v)
			}
		}
		// Whatever it says, the tracker lives.
		tr := newTracker("fs", plainNumbers, func(factOf) {})
		tr.stations = desk()
		for range 2 {
			tr.hear(&e, began)
		}
		tr.until(began.Add(1 << 40))
	})
}

func TestAllowedEvents(t *testing.T) {
	some, missing := may("CHANNEL_CREATE CHANNEL_HOLD BACKGROUND_JOB", []string{"CHANNEL_CREATE", "BACKGROUND_JOB"})
	if some != "CHANNEL_CREATE BACKGROUND_JOB" || len(missing) != 1 || missing[0] != "CHANNEL_HOLD" {
		t.Errorf("%q, missing %v", some, missing)
	}
	if some, missing := may(subscribed, nil); some != subscribed || missing != nil {
		t.Error("all are allowed where the PBX names none")
	}
	f, err := readFrame(bufio.NewReaderSize(strings.NewReader("Content-Type: command/reply\nReply-Text: +OK accepted\nAllowed-Events: CHANNEL_CREATE HEARTBEAT\n\n"), maxHeader), nil)
	if err != nil || f.events != "CHANNEL_CREATE HEARTBEAT" {
		t.Errorf("%+v, %v", f, err)
	}
}
