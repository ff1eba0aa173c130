package ami

import (
	"strings"
	"testing"
)

// What a kind doesn't allow is never sent.
func TestKinds(t *testing.T) {
	for _, c := range []struct {
		kind Kind
		ok   bool
		v    string
	}{
		{Number, true, "+4930*12#"},
		{Number, true, "1795354815.122"},
		{Number, false, ""},
		{Number, false, "1 2"},
		{Number, false, "1\r\nX: y"},
		{Number, false, "1,2"},
		{Number, false, "1;2"},
		{Number, false, "${X}"},
		{Number, false, strings.Repeat("1", 81)},
		{Number, false, "1/2"},
		{Number, false, "١"},
		{Channel, true, "PJSIP/101-0000002a"},
		{Channel, true, "Local/101@internal-00000001;1"},
		{Channel, false, "/PJSIP.*/"},
		{Channel, false, "101"},
		{Channel, false, "PJSIP/101\n"},
		{Channel, false, "PJSIP/1,PJSIP/2"},
		{Word, true, "from-internal"},
		{Word, true, "102@default"},
		{Word, false, "a b"},
		{Word, false, "a,b"},
		{Digit, true, "#"},
		{Digit, true, "D"},
		{Digit, false, "12"},
		{Digit, false, "E"},
		{Count, true, "16"},
		{Count, false, "-1"},
		{Count, false, "1234567890"},
		{Text, true, "<http://x>;info=alert-autoanswer;delay=0"},
		{Text, false, "a,b"},
		{Text, false, "a\r"},
		{Text, false, "é"},
	} {
		if err := c.kind.Check(c.v); (err == nil) != c.ok {
			t.Errorf("%d %q: %v", c.kind, c.v, err)
		}
	}
}

// An action goes out as lines, or not at all.
func TestEncode(t *testing.T) {
	text, err := NewAction("Originate").With("Channel", Channel, "PJSIP/101").Variable("PJSIP_HEADER(add,Alert-Info)", Text, "<http://x>;info=a").Fixed("Async", "true").encode("1")
	want := "Action: Originate\r\nActionID: 1\r\nChannel: PJSIP/101\r\nVariable: PJSIP_HEADER(add,Alert-Info)=<http://x>\\;info=a\r\nAsync: true\r\n\r\n"
	if err != nil || string(text) != want {
		t.Errorf("%q, %v", text, err)
	}
	for _, a := range []*Action{
		NewAction("X").With("Exten", Number, "1\r\nAction: Y"), NewAction("X").Variable("A", Number, "1\n"), NewAction("X").Fixed("A", "b\r\nc"), NewAction("X").Fixed("A", "b\x00"),
	} {
		if text, err := a.encode("1"); err == nil {
			t.Errorf("%q goes out", text)
		}
	}
	if got := string(masked([]byte("Action: Login\r\nUsername: u\r\nSecret: s\r\nKey: k\r\n\r\n"))); strings.Contains(got, ": s") || strings.Contains(got, ": k") {
		t.Errorf("%q shows a secret", got)
	}
}
