package freeswitch

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"farhook/csta"
)

// Every service that is offered was seen on a real FreeSWITCH, in both styles, as the table for administrators says: one that was not would have to be configured as experimental, and
// there is no such key, because there is no such service.
func TestOfferedIsSeen(t *testing.T) {
	cells := make(map[csta.Service][]string)
	for line := range strings.Lines(string(file(t, filepath.Join("..", "..", "docs", "freeswitch.md")))) {
		row := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(row) != 3 {
			continue
		}
		for word := range strings.FieldsFuncSeq(row[0], func(r rune) bool { return r == ',' || r == ' ' }) {
			words := []string{word}
			if kind, ok := strings.CutPrefix(word, "Get/Set"); ok {
				words = []string{"Get" + kind, "Set" + kind}
			}
			for _, w := range words {
				cells[csta.Service(w)] = append(cells[csta.Service(w)], strings.TrimSpace(row[1]), strings.TrimSpace(row[2]))
			}
		}
	}
	_, at := newFake(t)
	offered := fakeAdapter(t, at, false).Services()
	for service := range offered {
		if !slices.Contains(must, service) {
			t.Errorf("%s is none of those that are tried", service)
		}
		if len(cells[service]) == 0 {
			t.Errorf("%s is not in the table", service)
		}
		for _, c := range cells[service] {
			if !strings.HasPrefix(c, "seen") && c != "the phone cannot" {
				t.Errorf("%s is offered, and the table says %q", service, c)
			}
		}
	}
	for _, service := range must {
		if offered[service] == nil {
			t.Errorf("%s is not offered", service)
		}
	}
}
