package main

import (
	"strings"
	"testing"

	"farhook/pbxadapter/switchboard"
)

// Codes are checked where they are written, and reach the board; the simulated PBX has those of its own dialplan.
func TestCodes(t *testing.T) {
	with := func(codes string) string {
		return strings.Replace(simExample, "    kind: sim\n", "    kind: sim\n    codes: "+codes+"\n", 1)
	}
	for codes, says := range map[string]string{
		`{voicemail: "*98"}`:                                                              "pbx[0].codes.voicemail",
		`{through_do_not_disturb: "+49{extension}"}`:                                      "pbx[0].codes.through_do_not_disturb",
		`{voicemail: "*9{extension}", through_do_not_disturb: "*9{extension}"}`:           "cannot be both",
		`{parking: "*9{extension}"}`:                                                      "parking",
		`{voicemail: "*97{extension}", through_do_not_disturb: "#99{extension}"}`:         "",
		`{voicemail: "*97{extension}\nAction: Originate", through_do_not_disturb: "#99"}`: "digits",
	} {
		c, err := parse("test", []byte(with(codes)))
		got := ""
		if err != nil {
			got = err.Error()
		} else if w := c.wrongs(); len(w) > 0 {
			got = w[0].path + ": " + w[0].what
		}
		if (got == "") != (says == "") || !strings.Contains(got, says) {
			t.Errorf("%s: %q, want %q", codes, got, says)
		}
	}
	for text, want := range map[string]switchboard.Codes{
		simExample: {Voicemail: "*98{extension}", ThroughDoNotDisturb: "*99{extension}"}, with(`{voicemail: "*97{extension}"}`): {Voicemail: "*97{extension}"},
	} {
		c, err := parse("test", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		pbxs, err := makePBXs(c, nil)
		if err != nil || pbxs[0].Codes != want {
			t.Errorf("%+v, %v, want %+v", pbxs, err, want)
		}
	}
}
