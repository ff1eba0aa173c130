package main

import (
	"strings"
	"testing"
)

// The FreeSWITCH of the example, its comment signs taken away, is a PBX that can be made.
func TestFreeSWITCHExample(t *testing.T) {
	text := "rights: demo\npbx:\n"
	for line := range strings.Lines(freeswitchExample) {
		if l, ok := strings.CutPrefix(line, "  # "); ok && !strings.HasPrefix(l, "A FreeSWITCH") {
			text += "  " + l
		}
	}
	c, err := parse("example", []byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if len(c.PBX) != 1 || c.PBX[0].Kind != "freeswitch" {
		t.Fatalf("%+v", c.PBX)
	}
}
