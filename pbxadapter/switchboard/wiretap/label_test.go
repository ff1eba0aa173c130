package wiretap_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/switchboard/wiretap"
)

// said is what stands beside the arrow of a single message.
func said(t *testing.T, r wiretap.Record) string {
	t.Helper()
	var out bytes.Buffer
	if err := wiretap.Ladder(&out, []wiretap.Record{r}, wiretap.LadderOptions{Width: 150}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	line := lines[len(lines)-1]
	return line[strings.LastIndex(line, "│  ")+len("│  "):]
}

func TestWhatIsSaid(t *testing.T) {
	sip := func(body string) wiretap.Record {
		return wiretap.Record{Text: []byte("INFO sip:a SIP/2.0\r\ncSeQ :12 INFO\r\n\r\n" + body)}
	}
	pbx := func(text string) wiretap.Record {
		return wiretap.Record{Layer: wiretap.PBX, Direction: wiretap.Out, Text: []byte(text)}
	}
	known := pbx("Event: Hangup\r\n")
	known.Line, known.Calls = "tel:+15551001", []csta.CallID{"a", "b", "c", "d"}
	for _, test := range []struct {
		name   string
		record wiretap.Record
		want   string
	}{
		{"request without a body", sip(""), "INFO 12"},
		{"refusal", wiretap.Record{Text: []byte("SIP/2.0 503 Service Unavailable\nCSeq: 3 INFO\n\n")}, "503 (INFO 3) Service Unavailable"},
		{"answer without CSeq", wiretap.Record{Text: []byte("SIP/2.0 200 OK\r\n\r\n")}, "200"},
		{"ping", wiretap.Record{Text: []byte("\r\n\r\n")}, "ping"},
		{"error", sip("<CSTAErrorCode><operation>invalidDeviceID</operation></CSTAErrorCode>"), "INFO 12 CSTAErrorCode invalidDeviceID"},
		{
			"transfer, prefixed", sip("<c:TransferedEvent xmlns:c='x'><c:primaryOldCall><c:callID>one</c:callID><c:deviceID>sip:1001;ext=5</c:deviceID></c:primaryOldCall>" +
				"<c:secondaryOldCall><c:callID>two</c:callID><c:deviceID>tel:1001</c:deviceID></c:secondaryOldCall><c:cause>transfer</c:cause></c:TransferedEvent>"),
			"INFO 12 TransferedEvent 1001 #1 #2 transfer",
		},
		{
			"failure", sip("<FailedEvent><failedConnection><callID>c</callID><deviceID>tel:1002</deviceID></failedConnection>" +
				"<calledDevice><deviceIdentifier>tel:1002</deviceIdentifier></calledDevice><cause>busy</cause></FailedEvent>"), "INFO 12 FailedEvent 1002 #1 busy",
		},
		{"status", sip("<SystemStatus><systemStatus>normal</systemStatus></SystemStatus>"), "INFO 12 SystemStatus normal"},
		{"empty element", sip("<?xml version='1.0'?>\n<!-- x --><HoldCallResponse xmlns='y'/>"), "INFO 12 HoldCallResponse"},
		{"only a destination", sip("<X><forwardDN>tel:5</forwardDN></X>"), "INFO 12 X 5"},
		{"entities", sip("<X><deviceID>tel:&lt;5&gt;</deviceID></X>"), "INFO 12 X <5>"},
		{"not XML", sip("Signal=5\r\n"), "INFO 12 Signal=5"},
		{"UTF-16", sip("\xff\xfe<\x00X\x00/\x00>\x00"), "INFO 12 X"},
		{"bare CSTA", wiretap.Record{Layer: wiretap.CSTA, Text: []byte("<HoldCall><callToBeHeld><callID>c</callID></callToBeHeld></HoldCall>")}, "HoldCall #1"},
		{"AMI", pbx("Action: Ping\r\nActionID: 5\r\n\r\n"), "Action: Ping"},
		{"AMI, with all that is known", known, "Event: Hangup +15551001 #1 #2 #3 …"},
		{"ESL command", pbx("bgapi originate user/1001 &park\n\n"), "bgapi originate user/1001 &park"},
		{"ESL answer", pbx("Content-Type: command/reply\nReply-Text: +OK accepted\n\n"), "Reply-Text: +OK accepted"},
		{"ESL event in JSON", pbx("Content-Length: 50\nContent-Type: text/event-json\n\n{\"Event-Name\":\"CHANNEL_CREATE\",\"x\":1}"), "CHANNEL_CREATE"},
		{"ESL event", pbx("Content-Length: 50\nContent-Type: text/event-plain\n\nEvent-Name: HEARTBEAT\nx: 1\n"), "HEARTBEAT"},
		{"ARI event", pbx(`{"type":"StasisStart","application":"x"}`), "StasisStart"},
		{"unknown layer", wiretap.Record{Layer: 9, Text: []byte("hello\n")}, "hello"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := said(t, test.record); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Whatever is in a record, its ladder has a line for it, none too long, and nothing that moves a cursor.
func FuzzLadder(f *testing.F) {
	for _, r := range hostile() {
		f.Add(uint8(0), r.Peer, r.Session, string(r.Line), "c", r.Text, uint64(7), 100)
	}
	f.Add(uint8(5), "asterisk", "", "", "\x1b", []byte("Event: x\n"), uint64(1<<64-1), 0)
	f.Fuzz(func(t *testing.T, kind uint8, peer, session, line, call string, text []byte, trace uint64, width int) {
		if width > 1000 {
			return
		}
		r := wiretap.Record{
			At: time.Unix(1_700_000_000, 0), Layer: wiretap.Layer(kind >> 1 & 3), Direction: wiretap.Direction(kind & 1), Peer: peer, Session: session,
			Line: csta.DeviceID(line), Calls: []csta.CallID{csta.CallID(call)}, Text: text, Trace: traced(trace), Cut: int(kind >> 3),
		}
		other := r
		other.Peer, other.Session, other.Layer = "other", "", wiretap.PBX
		for _, opt := range []wiretap.LadderOptions{{Width: width}, {Width: width, Bodies: true}} {
			var out bytes.Buffer
			if err := wiretap.Ladder(&out, []wiretap.Record{r, other, r}, opt); err != nil {
				t.Fatal(err)
			}
			most := width
			if width == 0 {
				most = 100
			}
			sound(t, out.String(), max(60, most))
			opt.Colour = true
			if got := painted.ReplaceAllString(draw(t, []wiretap.Record{r, other, r}, opt), "$2"); got != out.String() {
				t.Errorf("painted it is\n%s\nwant\n%s", got, out.String())
			}
			if n := strings.Count(out.String(), "\n"); !opt.Bodies && n < 5 {
				t.Errorf("only %d lines:\n%s", n, out.String())
			}
		}
	})
}
