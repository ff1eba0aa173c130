package asterisk

import (
	"archive/zip"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// dialogues is what a real Asterisk 23.4 said in 64 situations, and what the recorder proposes as CSTA events. Classes of events that we don't
// ask for, and headers that say nothing here, are left out.
const dialogues = "../../testdata/pbx/asterisk/dialogues.zip"

// step is one message of a recording, or what happened to the connection.
type step struct {
	at     time.Duration
	client bool
	note   string // of the recorder: "connection opened" and the like
	lines  []string
}

func (s step) get(name string) string {
	for _, l := range s.lines {
		if k, v, ok := strings.Cut(l, ":"); ok && k == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// event says whether Asterisk told it to whoever listened.
func (s step) event() string {
	if s.client || s.note != "" || len(s.lines) == 0 || !strings.HasPrefix(s.lines[0], "Event: ") {
		return ""
	}
	name := strings.TrimPrefix(s.lines[0], "Event: ")
	if s.get("ActionID") != "" && name != "OriginateResponse" {
		return ""
	}
	return name
}

// contents are the files of dialogues, by name.
func contents(t testing.TB) map[string]string {
	t.Helper()
	z, err := zip.OpenReader(filepath.FromSlash(dialogues))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	all := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Close()
		all[f.Name] = string(text)
	}
	return all
}

// recordings are all dialogues, by name.
func recordings(t testing.TB) map[string][]step {
	t.Helper()
	all := map[string][]step{}
	for file, text := range contents(t) {
		if name, ok := strings.CutSuffix(file, ".ami"); ok {
			all[name] = readSteps(t, name, text)
		}
	}
	if len(all) != 64 {
		t.Fatalf("%d dialogues, want 64", len(all))
	}
	return all
}

// asked leaves out the classes of events that we don't ask for.
func asked(steps []step) []step {
	conf := defaults()
	conf.Digits = true
	classes := strings.Split(conf.eventMask(), ",")
	return slices.DeleteFunc(slices.Clone(steps), func(s step) bool {
		return s.event() != "" && !slices.ContainsFunc(strings.Split(strings.ToLower(s.get("Privilege")), ","), func(c string) bool { return slices.Contains(classes, c) })
	})
}

// heard leaves out what says nothing: those classes, and events that are passed over before they are read. TestReplay plays recordings whole.
func heard(steps []step) []step {
	return slices.DeleteFunc(asked(steps), func(s step) bool { return unwanted[s.event()] })
}

func readSteps(t testing.TB, name, text string) []step {
	t.Helper()
	var (
		list  []step
		at    time.Duration
		lines []string
	)
	for i, l := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(l, "@ "):
			s, err := strconv.ParseFloat(l[2:], 64)
			if err != nil {
				t.Fatalf("%s:%d: %v", name, i+1, err)
			}
			at = time.Duration(s * float64(time.Second)).Round(time.Millisecond)
		case strings.HasPrefix(l, "# "):
			list = append(list, step{at: at, note: l[2:]})
		case l == "S: " || l == "C: ":
			list = append(list, step{at: at, client: l[0] == 'C', lines: lines})
			lines = nil
		case strings.HasPrefix(l, "S: ") || strings.HasPrefix(l, "C: "):
			if strings.HasPrefix(l, "S: Asterisk Call Manager") {
				continue
			}
			lines = append(lines, l[3:])
		}
	}
	return list
}

func names(all map[string][]step) []string {
	var list []string
	for n := range all {
		list = append(list, n)
	}
	slices.Sort(list)
	return list
}

// about are the channels and bridges that an event names: those of two events that share one keep their order.
func (s step) about() []string {
	var list []string
	for _, l := range s.lines {
		k, v, ok := strings.Cut(l, ": ")
		if ok && v != "" && (strings.HasSuffix(k, "Uniqueid") || strings.HasSuffix(k, "UniqueId") || k == "Device" || k == "Mailbox") && !strings.Contains(k, "Bridge") {
			list = append(list, v)
		}
	}
	return list
}
