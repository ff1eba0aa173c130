package asterisk

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"farhook/csta"
	"farhook/csta/callmodel"
)

var update = flag.Bool("update", false, "write the golden files")

const golden = "../../testdata/pbx/asterisk/events"

// replay plays one recording, and gives what was told.
func replay(t *testing.T, name string, steps []step, prepare func(*player), cut int) *player {
	t.Helper()
	var p *player
	synctest.Test(t, func(t *testing.T) {
		p = newPlayer(t, steps, scenes[name])
		if name == "restart" {
			p.lostOn = "restart"
		}
		if prepare != nil {
			prepare(p)
		}
		p.play(cut)
	})
	return p
}

// A real Asterisk's dialogues become the events of the golden files, whoever acted; what is left afterwards is nothing.
func TestReplay(t *testing.T) {
	all := recordings(t)
	for _, name := range names(all) {
		t.Run(name, func(t *testing.T) {
			p := replay(t, name, all[name], nil, -1)
			for _, f := range p.failed {
				t.Error(f)
			}
			if calls := p.model.State().Calls; len(calls) != 0 {
				t.Errorf("everybody has hung up, but there is %+v", calls)
			}
			if x := p.adapter.t; len(x.calls)+len(x.channels)+len(x.names)+len(x.at)+len(x.unplaced)+len(x.joining)+len(x.parting)+len(x.bridges) > 0 {
				t.Errorf("the tracker keeps calls %d, channels %d, names %d, devices %d, unplaced %d, joining %d, parting %d, bridges %d",
					len(x.calls), len(x.channels), len(x.names), len(x.at), len(x.unplaced), len(x.joining), len(x.parting), len(x.bridges))
			}
			got := strings.Join(describe(p), "\n") + "\n"
			file := filepath.Join(golden, name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil { //nolint:gosec // a golden file is for everybody
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("the events changed:\n%s", diff)
			}
		})
	}
}

// describe gives a line for each event: when, what, to whom with its own state, and what it says. Calls are C1, C2 … as they came.
func describe(p *player) []string {
	names := map[csta.CallID]string{}
	var lines []string
	for _, told := range p.told {
		for _, id := range told.Calls {
			if names[id] == "" {
				names[id] = fmt.Sprintf("C%d", len(names)+1)
			}
		}
		lines = append(lines, fmt.Sprintf("%.3f %s", told.At.Sub(p.began).Seconds(), line(told, names)))
	}
	return lines
}

// line is an event without its time.
func line(told callmodel.Told, names map[csta.CallID]string) string {
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(told.Event.Element(), "Event"))
	for _, s := range told.Audience {
		fmt.Fprintf(&b, " %s=%s", s.Device, s.Local)
	}
	b.WriteString(":")
	text := string(csta.Prepare(told.Event, csta.Ed3).Append(nil, "", csta.State(""), nil))
	text = text[strings.Index(text, "<"+told.Event.Element()):]
	text = text[strings.Index(text, ">")+1:]
	for part := range strings.SplitSeq(text, "<") {
		name, value, _ := strings.Cut(part, ">")
		if strings.HasPrefix(name, "/") || name == "monitorCrossRefID" || name == "localConnectionInfo" {
			continue
		}
		if strings.HasSuffix(name, "/") && name != "notRequired/" {
			value = strings.TrimSuffix(name, "/")
		}
		if value == "" || value == "notRequired" {
			if strings.HasSuffix(name, "Device") || strings.HasSuffix(name, "Connection") || strings.HasSuffix(name, "Destination") || strings.HasSuffix(name, "OldCall") {
				fmt.Fprintf(&b, " %s", name)
			}
			continue
		}
		if n, ok := names[csta.CallID(value)]; ok {
			value = n
		}
		if name != "callID" && name != "deviceID" && name != "deviceIdentifier" && name != "numberDialed" && name != value+"/" {
			b.WriteString(" " + name)
		}
		b.WriteString(" " + value)
	}
	if told.Op != 0 {
		b.WriteString(" (asked)")
	}
	return b.String()
}

// Every dialogue has been read beside its proposal; where the review says no more than "as proposed", each device hears each proposed event, in the proposed
// state of its own.
func TestDifferences(t *testing.T) {
	text, err := os.ReadFile("../../testdata/pbx/asterisk/differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := recordings(t)
	seen := map[string]bool{}
	compared := 0
	for _, part := range strings.Split(string(text), "\n# ")[1:] {
		name, reason, _ := strings.Cut(part, "\n")
		reason = strings.TrimSpace(reason)
		if _, ok := all[name]; !ok || seen[name] || reason == "" {
			t.Errorf("%q is no dialogue, or there twice, or without a word", name)
		}
		seen[name] = true
		if reason != "as proposed" {
			continue
		}
		told := hearings(t, name)
		for _, want := range proposed(t, name) {
			i := slices.IndexFunc(told, func(h hearing) bool {
				return h.device == want.device && h.event == want.event && (want.local == "" || h.local == want.local)
			})
			if i < 0 {
				t.Errorf("%s: %s does not hear %s %s, as it is proposed to", name, want.device, want.event, want.local)
				continue
			}
			told = slices.Delete(told, i, i+1)
			compared++
		}
	}
	for name := range all {
		if !seen[name] {
			t.Errorf("%s has not been reviewed", name)
		}
	}
	if compared < 100 {
		t.Errorf("%d proposed events were compared: they are not found in the proposals", compared)
	}
}

// hearing is an event that a device hears, and its own state then.
type hearing struct{ device, event, local string }

// hearings are those of a golden file.
func hearings(t *testing.T, name string) (list []hearing) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(golden, name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.SplitSeq(string(text), "\n") {
		head, _, _ := strings.Cut(l, ":")
		if f := strings.Fields(head); len(f) > 2 {
			for _, h := range f[2:] {
				device, local, _ := strings.Cut(h, "=")
				list = append(list, hearing{device, f[1], local})
			}
		}
	}
	return list
}

var (
	proposal      = regexp.MustCompile(`\b(1\d\d): ([A-Z]\w+)\(([^()]*)`)
	proposedState = regexp.MustCompile(`local=(\w+)`)
)

// proposed are those that the recorder proposes.
func proposed(t *testing.T, name string) (list []hearing) {
	t.Helper()
	_, text, _ := strings.Cut(contents(t)[name+".md"], "## Expected CSTA events")
	for l := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(l, "- Note") {
			continue
		}
		for _, m := range proposal.FindAllStringSubmatch(l, -1) {
			h := hearing{device: m[1], event: m[2]}
			if h.event == "Transferred" {
				h.event = "Transfered" // as the standard spells it
			}
			if s := proposedState.FindStringSubmatch(m[3]); s != nil {
				h.local = s[1]
			}
			list = append(list, h)
		}
	}
	return list
}
