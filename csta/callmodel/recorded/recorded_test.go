package recorded

import (
	"flag"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farhook/csta"
	"farhook/csta/callmodel"
)

var update = flag.Bool("update", false, "write the golden files")

const recordings = "../../../testdata/pbx"

type dialogue struct {
	name, kind string
	translate  func(*testing.T, string) []callmodel.Fact
}

// dialogues are the recordings, and who makes facts of them.
var dialogues = []dialogue{
	{"asterisk/blind-transfer-by-phone", ".ami", translateAsterisk},
	{"asterisk/attended-transfer-by-phone", ".ami", translateAsterisk},
	{"asterisk/transfer-ringing-by-phone", ".ami", translateAsterisk},
	{"asterisk/phone-redirects-302", ".ami", translateAsterisk},
	{"asterisk/queue", ".ami", translateAsterisk},
	{"asterisk/conference-ami", ".ami", translateAsterisk},
	{"freeswitch/pickup-phone", ".esl", translateFreeSWITCH},
	{"freeswitch/forward-no-answer", ".esl", translateFreeSWITCH},
}

// What real PBXs said becomes the events of the golden files, and those are what the recordings' own notes propose, but for the
// differences that somebody looked at.
func TestDialogues(t *testing.T) {
	known := reviewed(t)
	for _, d := range dialogues {
		t.Run(d.name, func(t *testing.T) {
			file := filepath.Join(recordings, d.name)
			m := callmodel.New()
			var told []callmodel.Told
			for _, f := range d.translate(t, file+d.kind) {
				told = append(told, m.Apply(f)...)
			}
			if n := m.Odd(); n != 0 {
				t.Errorf("%d facts are not in the table of state changes", n)
			}
			if calls := m.State().Calls; len(calls) != 0 {
				t.Errorf("everybody has hung up, but there is %v", calls)
			}
			lines := describe(t, told)
			var b strings.Builder
			for _, l := range lines {
				b.WriteString(l.String() + "\n")
			}
			if *update {
				write(t, file+".events", b.String())
			}
			if diff := cmp.Diff(strings.Split(string(read(t, file+".events")), "\n"), strings.Split(b.String(), "\n")); diff != "" {
				t.Errorf("the events changed:\n%s", diff)
			}
			if now := differences(lines, propose(t, file+".md")); !slices.Equal(now, known[d.name]) {
				t.Errorf("differences from the proposal, now:\n%s\nreviewed:\n%s", strings.Join(now, "\n"), strings.Join(known[d.name], "\n"))
			}
			complete(t, told)
		})
	}
	for name := range known {
		if !slices.ContainsFunc(dialogues, func(d dialogue) bool { return d.name == name }) {
			t.Errorf("differences of %s, which is no recording", name)
		}
	}
}

// complete checks that every event can go out: nothing mandatory is missing.
func complete(t *testing.T, list []callmodel.Told) {
	t.Helper()
	for _, told := range list {
		text := csta.Prepare(told.Event, csta.Ed3).Append(nil, "1", csta.Connected, nil)
		if _, _, err := csta.Decode(text); err != nil {
			t.Errorf("%s: %v in %s", told.Event.Element(), err, text)
		}
	}
}
