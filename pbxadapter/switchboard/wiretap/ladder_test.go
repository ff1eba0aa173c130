package wiretap_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"farhook/csta"
	"farhook/pbxadapter/switchboard/wiretap"
)

var update = flag.Bool("update", false, "write the golden ladders anew")

// tape records as a gateway does, with a clock of its own.
type tape struct {
	tap *wiretap.Tap
	at  time.Time
}

func newTape() *tape {
	return &tape{wiretap.New(1<<20, 0), time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
}

func (t *tape) record(r wiretap.Record, text string) {
	t.at = t.at.Add(time.Duration(len(text)) * 37 * time.Microsecond)
	r.At, r.Text = t.at, []byte(text)
	t.tap.Record(r)
}

// records are all that were recorded, in the zone of the golden files.
func (t *tape) records() []wiretap.Record {
	all := t.tap.Find(wiretap.Filter{})
	for i := range all {
		all[i].At = all[i].At.UTC()
	}
	return all
}

const ns = ` xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"`

// client is one UC user's session.
type client struct {
	*tape
	peer, id string
	line     csta.DeviceID
}

func (c client) sip(way wiretap.Direction, trace uint64, start, cseq, body string, calls ...csta.CallID) {
	text := start + "\r\nVia: SIP/2.0/TCP 192.0.2.10:49321;branch=z9hG4bK7\r\nCall-ID: " + c.id + "\r\nCSeq: " + cseq + "\r\n"
	if body != "" {
		name, rest, _ := strings.Cut(body, ">")
		if empty, ok := strings.CutSuffix(name, "/"); ok {
			body = empty + ns + "/>" + rest
		} else {
			body = name + ns + ">" + rest
		}
		body = `<?xml version="1.0" encoding="UTF-8"?>` + body
		text += "Content-Type: application/csta+xml\r\n"
	}
	text += fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	c.record(wiretap.Record{Direction: way, Peer: c.peer, Session: c.id, Line: c.line, Trace: traced(trace), Calls: calls}, text)
}

func (c client) asks(trace uint64, cseq int, body string, calls ...csta.CallID) {
	c.sip(wiretap.In, trace, "INFO sip:rccgw@contoso.test SIP/2.0", fmt.Sprint(cseq, " INFO"), body, calls...)
}

func (c client) gets(trace uint64, cseq int, body string, calls ...csta.CallID) {
	c.sip(wiretap.Out, trace, "SIP/2.0 200 OK", fmt.Sprint(cseq, " INFO"), body, calls...)
}

func (c client) told(trace uint64, cseq int, body string, calls ...csta.CallID) {
	c.sip(wiretap.Out, trace, "INFO sip:alice@contoso.test SIP/2.0", fmt.Sprint(cseq, " INFO"), body, calls...)
	c.sip(wiretap.In, 0, "SIP/2.0 200 OK", fmt.Sprint(cseq, " INFO"), "")
}

func (t *tape) pbx(way wiretap.Direction, trace uint64, text string, calls ...csta.CallID) {
	t.record(wiretap.Record{Layer: wiretap.PBX, Direction: way, Peer: "asterisk", Trace: traced(trace), Calls: calls}, text)
}

func connection(name string, call csta.CallID, device csta.DeviceID) string {
	return fmt.Sprintf("<%s><callID>%s</callID><deviceID>%s</deviceID></%[1]s>", name, call, device)
}

func party(name string, device csta.DeviceID) string {
	return fmt.Sprintf("<%s><deviceIdentifier>%s</deviceIdentifier></%[1]s>", name, device)
}

// aCall is a whole call between two lines: sign-in, call, answer, hold, a mistake, end.
func aCall() *tape {
	const a, b = "tel:+14255550150", "tel:+14255550151"
	const call = "asterisk-1764061200.17"
	t := newTape()
	alice := client{t, "192.0.2.10:49321", "5c7d1e9af04b4b6f9f", a}
	bob := client{t, "192.0.2.11:5061", "77f0a2d51c9e4e1b8a", b}
	alice.sip(wiretap.In, 35, "INVITE sip:rccgw@contoso.test SIP/2.0", "1 INVITE",
		`<RequestSystemStatus><extensions><privateData><private><lcs:line xmlns:lcs="http://schemas.microsoft.com/Lcs/2005/04/RCCExtension">`+a+`</lcs:line></private></privateData></extensions></RequestSystemStatus>`)
	alice.sip(wiretap.Out, 35, "SIP/2.0 200 OK", "1 INVITE", `<RequestSystemStatusResponse><systemStatus>normal</systemStatus></RequestSystemStatusResponse>`)
	alice.sip(wiretap.In, 0, "ACK sip:rccgw@contoso.test SIP/2.0", "1 ACK", "")
	alice.asks(36, 2, "<MonitorStart><monitorObject><deviceObject>"+a+"</deviceObject></monitorObject></MonitorStart>")
	alice.gets(36, 2, "<MonitorStartResponse><monitorCrossRefID>m-7f3a01</monitorCrossRefID></MonitorStartResponse>")
	t.at = t.at.Add(12 * time.Second)
	alice.asks(1295, 3, "<MakeCall><callingDevice>"+a+"</callingDevice><calledDirectoryNumber>"+b+"</calledDirectoryNumber></MakeCall>")
	t.pbx(wiretap.Out, 1295, "Action: Originate\r\nActionID: 1\r\nChannel: PJSIP/101\r\n\r\n")
	t.pbx(wiretap.In, 1295, "Response: Success\r\nActionID: 1\r\nMessage: Originate successfully queued\r\n\r\n")
	alice.gets(1295, 3, "<MakeCallResponse>"+connection("callingDevice", call, a)+"</MakeCallResponse>", call)
	t.pbx(wiretap.In, 1295, "Event: Newchannel\r\nChannel: PJSIP/101-00000011\r\nUniqueid: 1764061200.17\r\n\r\n", call)
	alice.told(1295, 1, "<OriginatedEvent><monitorCrossRefID>m-7f3a01</monitorCrossRefID>"+connection("originatedConnection", call, a)+
		party("callingDevice", a)+party("calledDevice", b)+"<localConnectionInfo>connected</localConnectionInfo><cause>newCall</cause></OriginatedEvent>", call)
	t.pbx(wiretap.In, 1295, "Event: Newstate\r\nChannel: PJSIP/102-00000012\r\nChannelStateDesc: Ringing\r\n\r\n", call)
	delivered := "<DeliveredEvent><monitorCrossRefID>m</monitorCrossRefID>" + connection("connection", call, b) + party("alertingDevice", b) +
		party("callingDevice", a) + party("calledDevice", b) + "<cause>newCall</cause></DeliveredEvent>"
	alice.told(1295, 2, delivered, call)
	bob.told(1295, 8, delivered, call)
	t.at = t.at.Add(3 * time.Second)
	bob.asks(1296, 5, "<AnswerCall>"+connection("callToBeAnswered", call, b)+"</AnswerCall>", call)
	t.pbx(wiretap.Out, 1296, "Action: PJSIPNotify\r\nVariable: Event=talk\r\n\r\n", call)
	t.pbx(wiretap.In, 0, "Event: BridgeEnter\r\nBridgeUniqueid: 5\r\n\r\n", call)
	bob.gets(1296, 5, "<AnswerCallResponse/>", call)
	established := "<EstablishedEvent>" + connection("establishedConnection", call, b) + party("answeringDevice", b) + party("callingDevice", a) +
		party("calledDevice", b) + "<cause>newCall</cause></EstablishedEvent>"
	alice.told(1296, 3, established, call)
	bob.told(1296, 9, established, call)
	alice.asks(1297, 4, "<RetrieveCall>"+connection("callToBeRetrieved", call, a)+"</RetrieveCall>", call)
	alice.gets(1297, 4, "<CSTAErrorCode><stateIncompatibility>invalidConnectionState</stateIncompatibility></CSTAErrorCode>", call)
	alice.asks(1298, 5, "<GenerateDigits>"+connection("connectionToSendDigits", call, a)+"<charactersToSend>4711#</charactersToSend></GenerateDigits>", call)
	t.pbx(wiretap.Out, 1298, "Action: PlayDTMF\r\nDigit: 4\r\n\r\n", call)
	alice.gets(1298, 5, "<GenerateDigitsResponse/>", call)
	t.pbx(wiretap.In, 0, "Event: Hangup\r\nChannel: PJSIP/102-00000012\r\nCause: 16\r\n\r\n", call)
	alice.told(0, 4, "<ConnectionClearedEvent>"+connection("droppedConnection", call, b)+party("releasingDevice", b)+"<cause>normalClearing</cause></ConnectionClearedEvent>", call)
	alice.asks(1299, 6, "<SingleStepTransferCall>"+connection("activeCall", call, a)+"<transferredTo>tel:+442079460018</transferredTo></SingleStepTransferCall>", call)
	bob.sip(wiretap.In, 0, "BYE sip:rccgw@contoso.test SIP/2.0", "6 BYE", "")
	bob.sip(wiretap.Out, 0, "SIP/2.0 481 Call/Transaction Does Not Exist", "6 BYE", "")
	return t
}

func TestLadder(t *testing.T) {
	call := aCall().records()
	one := func(all []wiretap.Record) (out []wiretap.Record) {
		for _, r := range all {
			if r.Session != "77f0a2d51c9e4e1b8a" {
				out = append(out, r)
			}
		}
		return out
	}
	for _, test := range []struct {
		name    string
		records []wiretap.Record
		opt     wiretap.LadderOptions
	}{
		{"call", one(call), wiretap.LadderOptions{}},
		{"two-sessions", call, wiretap.LadderOptions{}},
		{"narrow", call, wiretap.LadderOptions{Width: 60}},
		{"bodies", call[:12], wiretap.LadderOptions{Bodies: true}},
		{"many-peers", manyPeers(), wiretap.LadderOptions{}},
		{"hostile", hostile(), wiretap.LadderOptions{Bodies: true}},
		{"nothing", nil, wiretap.LadderOptions{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got bytes.Buffer
			if err := wiretap.Ladder(&got, test.records, test.opt); err != nil {
				t.Fatal(err)
			}
			sound(t, got.String(), max(60, test.opt.Width+100*b2i(test.opt.Width == 0)))
			file := filepath.Join("testdata", test.name+".txt")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("ladder (-want +got):\n%s", diff)
			}
		})
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sound checks what holds for every ladder: no line too long, nothing that moves a cursor.
func sound(t *testing.T, ladder string, width int) {
	t.Helper()
	for line := range strings.Lines(ladder) {
		line = strings.TrimSuffix(line, "\n")
		if n := len([]rune(line)); n > width {
			t.Errorf("%d characters: %q", n, line)
		}
		for _, r := range line {
			if !unicode.IsPrint(r) || unicode.IsMark(r) {
				t.Errorf("%U in %q", r, line)
			}
		}
	}
}

// manyPeers are more than there are columns for, over midnight.
func manyPeers() (records []wiretap.Record) {
	at := time.Date(2026, 11, 24, 23, 59, 59, 900_000_000, time.UTC)
	for i := range 6 {
		records = append(records,
			wiretap.Record{At: at, Peer: fmt.Sprintf("192.0.2.%d:5061", i), Session: fmt.Sprint("dialog", i), Text: []byte("OPTIONS sip:a SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n")},
			wiretap.Record{At: at, Layer: wiretap.PBX, Direction: wiretap.Out, Peer: fmt.Sprint("pbx", i), Text: []byte("Action: Ping\r\n\r\n"), Trace: traced(uint64(i))},
			wiretap.Record{At: at, Direction: wiretap.Out, Peer: fmt.Sprintf("192.0.2.%d:5061", i), Session: fmt.Sprint("dialog", i), Text: []byte("SIP/2.0 200 OK\r\nCSeq: 1 OPTIONS\r\n\r\n")})
		at = at.Add(37 * time.Millisecond)
	}
	return records
}

// hostile are messages that would like to own the terminal.
func hostile() (records []wiretap.Record) {
	for i, text := range []string{
		"INFO sip:a SIP/2.0\r\nCSeq: 1\x1b[2J INFO\r\n\r\n<MakeCall><callingDevice>tel:\x1b]0;owned\x07</callingDevice></MakeCall>",
		"\x1b[31mINFO sip:a SIP/2.0\r\n\r\n", "SIP/2.0", "\r\n\r\n", "SIP/2.0 200 \u202eKO\r\nCSeq: 1 INFO\r\n\r\n", "\xff\xfe\x00<",
		"INFO sip:a SIP/2.0\r\n\r\n<a:MakeCall xmlns:a='x'><a:callingDevice>電話電話電話電話電話電話電話電話電話電話電話電話電話電話電話電話電話電話電話電話電話</a:callingDevice></a:MakeCall>",
		"INFO sip:a SIP/2.0\r\n\r\n" + strings.Repeat("<a>", 50) + "x" + strings.Repeat("</a>", 60),
		"INFO sip:a SIP/2.0\r\n\r\n<MakeCall><callingDevice>e\u0301\u200d&lt;&#27;[2J</callingDevice></MakeCall>",
	} {
		records = append(records, wiretap.Record{
			At: time.Date(2026, 11, 24, 9, 0, i, 0, time.UTC), Peer: "p\x1b[2J", Session: "\u202e" + fmt.Sprint(i%3), Line: "tel:\n1", Text: []byte(text), Cut: i,
		})
	}
	return records
}

func TestLadderTellsOfTheWriter(t *testing.T) {
	broken := errors.New("broken pipe")
	if err := wiretap.Ladder(failing{broken}, aCall().records(), wiretap.LadderOptions{}); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
