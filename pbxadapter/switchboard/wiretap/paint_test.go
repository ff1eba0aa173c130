package wiretap_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farhook/pbxadapter/switchboard/wiretap"
)

// painted is a text within a colour, as everything that is painted is: begun and ended in the same line.
var painted = regexp.MustCompile(`\x1b\[(\d+)m([^\x1b\n]+)\x1b\[0m`)

// draw draws a ladder.
func draw(t *testing.T, records []wiretap.Record, opt wiretap.LadderOptions) string {
	t.Helper()
	var out bytes.Buffer
	if err := wiretap.Ladder(&out, records, opt); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// A ladder with colours is the one without, painted: nothing is longer for it, and a message brings no colours of its own.
func TestColoursChangeNoWidth(t *testing.T) {
	for name, records := range map[string][]wiretap.Record{"call": aCall().records(), "many peers": manyPeers(), "hostile": hostile(), "nothing": nil} {
		for _, width := range []int{0, 60, 79, 80, 200} {
			opt := wiretap.LadderOptions{Width: width, Bodies: true}
			plain := draw(t, records, opt)
			opt.Colour = true
			colours := draw(t, records, opt)
			if len(records) > 0 && !painted.MatchString(colours) {
				t.Errorf("%s: there is no colour", name)
			}
			if diff := cmp.Diff(plain, painted.ReplaceAllString(colours, "$2")); diff != "" {
				t.Errorf("%s, %d columns (-plain +painted):\n%s", name, width, diff)
			}
			if strings.Contains(plain, "\x1b") {
				t.Errorf("%s: colours where none are wanted", name)
			}
		}
	}
}

// What one looks for is seen: who talks, what happened, what was refused.
func TestColoursTell(t *testing.T) {
	all := draw(t, aCall().records(), wiretap.LadderOptions{Width: 120, Colour: true})
	with := func(code, text string) bool {
		for _, m := range painted.FindAllStringSubmatch(all, -1) {
			if m[1] == code && strings.Contains(m[2], text) {
				return true
			}
		}
		return false
	}
	for text, code := range map[string]string{
		"CSTAErrorCode": "31", "481 (BYE 6)": "31", "DeliveredEvent": "32", "EstablishedEvent": "32",
		"├─────▶│": "34", "│◀─────┤": "35", "session a": "36", "session b": "33", "calls": "1", "09:00:12": "2",
	} {
		if !with(code, text) {
			t.Errorf("%s isn't painted %s in\n%s", text, code, all)
		}
	}
	for _, text := range []string{"MakeCallResponse", "GenerateDigits", "200 (INFO 3)"} {
		for _, code := range []string{"31", "32"} {
			if with(code, text) {
				t.Errorf("%s is painted %s", text, code)
			}
		}
	}
	for text, refused := range map[string]bool{
		"Response: Error\r\nMessage: No such channel\r\n\r\n": true, "Response: Success\r\n\r\n": false, "Content-Type: command/reply\nReply-Text: -ERR invalid\n\n": true,
		"Content-Type: command/reply\nReply-Text: +OK\n\n": false, "-ERR no reply\n": true,
	} {
		for _, record := range []wiretap.Record{{Layer: wiretap.PBX, Peer: "main", Text: []byte(text)}} {
			if got := strings.Contains(draw(t, []wiretap.Record{record}, wiretap.LadderOptions{Colour: true}), "\x1b[31m"); got != refused {
				t.Errorf("%q is red: %v", text, got)
			}
		}
	}
}

// Text has the colours of the layers, and the message itself none.
func TestColoursOfText(t *testing.T) {
	records := []wiretap.Record{
		{At: time.Unix(0, 0).UTC(), Peer: "p\x1b[31m", Text: []byte("INFO a SIP/2.0\r\nX: \x1b[2J\r\n\r\n")},
		{At: time.Unix(0, 0).UTC(), Layer: wiretap.PBX, Peer: "main", Text: []byte("Response: Success\r\n\r\n")},
		{At: time.Unix(0, 0).UTC(), Peer: "p", Direction: wiretap.Out, Text: []byte("SIP/2.0 481 x\r\n\r\n")},
	}
	var plain, colours bytes.Buffer
	if err := wiretap.Text(&plain, records, false); err != nil {
		t.Fatal(err)
	}
	if err := wiretap.Text(&colours, records, true); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plain.String(), painted.ReplaceAllString(colours.String(), "$2")); diff != "" || strings.Contains(plain.String(), "\x1b") {
		t.Errorf("(-plain +painted):\n%s", diff)
	}
	var codes []string
	for _, m := range painted.FindAllStringSubmatch(colours.String(), -1) {
		codes = append(codes, m[1])
	}
	if got := fmt.Sprint(codes); got != "[34 35 31]" {
		t.Errorf("painted %s", got)
	}
}
