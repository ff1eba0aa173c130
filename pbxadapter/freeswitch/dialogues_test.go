package freeswitch

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"farhook/csta"
	"farhook/csta/callmodel"
)

var update = flag.Bool("update", false, "write the golden files")

// recordedFeatures is how the recordings' dialplan tells of features.
func recordedFeatures(t *tracker) *features {
	return newFeatures(t, []FeatureEvents{{
		Subclass: "feature::changed", Device: "Desk", Feature: "Feature", Value: "Value",
		Names: map[string]string{"dnd": "do_not_disturb", "cfu": "forward_immediate", "cfb": "forward_busy", "cfn": "forward_no_answer"},
	}})
}

func dialogueNames(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(recordings, "*.esl.gz"))
	if err != nil || len(files) < 50 {
		t.Fatalf("%d recordings, %v: want 50 or more", len(files), err)
	}
	var list []string
	for _, f := range files {
		list = append(list, strings.TrimSuffix(filepath.Base(f), ".esl.gz"))
	}
	return list
}

// tell applies facts to a model, and wants every one of them to be a legal state change.
func tell(t testing.TB, m *callmodel.Model, facts []callmodel.Fact) []callmodel.Told {
	t.Helper()
	var told []callmodel.Told
	for _, f := range facts {
		odd := m.Odd()
		told = append(told, m.Apply(f)...)
		if m.Odd() != odd {
			t.Errorf("not in the table of state changes: %T%+v", f, f)
		}
	}
	return told
}

// Every recorded dialogue becomes the events of its golden file. They are what the recording's own notes propose, but for the
// differences that somebody looked at.
func TestDialogues(t *testing.T) {
	known := reviewed(t)
	for _, name := range dialogueNames(t) {
		t.Run(name, func(t *testing.T) {
			r := newReplayer(t)
			list := records(t, name)
			if name == "reconnect-resync" { // the second connection is the resync's own test
				list = list[:slices.IndexFunc(list, func(m record) bool { return m.link == "2" })]
			}
			r.play(list)
			m := callmodel.New()
			told := tell(t, m, r.facts)
			if calls := m.State().Calls; len(calls) != 0 && name != "reconnect-resync" {
				t.Errorf("everybody has hung up, but there is %+v", calls)
			}
			if n := len(r.track.legs) + len(r.track.calls) + len(r.track.rooms); n != 0 && name != "reconnect-resync" {
				t.Errorf("%d legs, calls and rooms are left in the tracker", n)
			}
			lines := describe(told)
			var b strings.Builder
			for _, l := range lines {
				b.WriteString(l.String() + "\n")
			}
			golden(t, filepath.Join("testdata", "events", name+".txt"), b.String())
			now := differences(lines, propose(string(file(t, filepath.Join(recordings, name+".md")))))
			if *update {
				t.Logf("# %s\n%s", name, strings.Join(now, "\n"))
			}
			if !slices.Equal(now, known[name]) {
				t.Errorf("differences from the proposal, now:\n%s\nreviewed:\n%s", strings.Join(now, "\n"), strings.Join(known[name], "\n"))
			}
			for _, x := range told {
				text := csta.Prepare(x.Event, csta.Ed3).Append(nil, "1", csta.Connected, nil)
				if _, _, err := csta.Decode(text); err != nil {
					t.Errorf("%s: %v in %s", x.Event.Element(), err, text)
				}
			}
		})
	}
}

// reviewed reads the list of differences: "# name" begins a recording, "told" and "not told" are differences, and the indented lines
// below them say why.
func reviewed(t *testing.T) map[string][]string {
	t.Helper()
	list := map[string][]string{}
	var name string
	reason := true
	for line := range strings.Lines(string(file(t, filepath.Join("testdata", "differences.txt"))) + "\n\n") {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "# "):
			name = line[2:]
		case strings.HasPrefix(line, "told "), strings.HasPrefix(line, "not told "):
			list[name] = append(list[name], line)
			reason = false
		case strings.HasPrefix(line, "    "):
			reason = true
		case line == "" && !reason:
			t.Errorf("%s: a difference without a reason", name)
		}
	}
	return list
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil && !*update {
		t.Fatal(err)
	}
	return b
}

func golden(t *testing.T, name, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil { //nolint:gosec // a golden file is for everybody
			t.Fatal(err)
		}
	}
	if want := string(file(t, name)); want != text {
		t.Errorf("%s: the events changed: now\n%swant\n%s", name, text, want)
	}
}
