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

// Every dialogue has been read beside its proposal, and each event of each device that a proposal speaks of is compared with what that device hears, by its
// name and by the device's own state. What isn't heard (-) and what is heard besides (+) stands in the review, below the reason; no more and no less.
func TestDifferences(t *testing.T) {
	text, err := os.ReadFile("../../testdata/pbx/asterisk/differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := recordings(t)
	seen := map[string]bool{}
	compared := 0
	for _, part := range strings.Split(string(text), "\n# ")[1:] {
		name, review, _ := strings.Cut(part, "\n")
		var reason string
		var reviewed []string
		for l := range strings.SplitSeq(strings.ReplaceAll(review, "\r", ""), "\n") {
			if strings.HasPrefix(l, "- ") || strings.HasPrefix(l, "+ ") {
				reviewed = append(reviewed, l)
			} else {
				reason += strings.TrimSpace(l)
			}
		}
		if _, ok := all[name]; !ok || seen[name] || reason == "" {
			t.Errorf("%q is no dialogue, or there twice, or without a word", name)
			continue
		}
		seen[name] = true
		told, want := hearings(t, name), proposed(t, name)
		slices.SortStableFunc(want, func(x, y hearing) int { return len(y.local) - len(x.local) }) // those that say less take what is left
		compared += len(want)
		devices := map[string]bool{}
		var differ []string
		for _, w := range want {
			devices[w.device] = true
			i := slices.IndexFunc(told, func(h hearing) bool {
				return h.device == w.device && h.event == w.event && (w.local == "" || h.local == w.local)
			})
			if i < 0 {
				differ = append(differ, "- "+w.String())
				continue
			}
			told = slices.Delete(told, i, i+1)
		}
		for _, h := range told {
			if devices[h.device] {
				differ = append(differ, "+ "+h.String())
			}
		}
		if !slices.Equal(differ, reviewed) {
			t.Errorf("# %s\ndiffers by\n%s\nand the review has\n%s", name, strings.Join(differ, "\n"), strings.Join(reviewed, "\n"))
		}
	}
	for name := range all {
		if !seen[name] {
			t.Errorf("%s has not been reviewed", name)
		}
	}
	if compared < 550 {
		t.Errorf("%d proposed events were compared: they are not found in the proposals", compared)
	}
}

// hearing is an event that a device hears, and its own state then.
type hearing struct{ device, event, local string }

func (h hearing) String() string { return strings.TrimSpace(h.device + " " + h.event + " " + h.local) }

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
	proposal      = regexp.MustCompile(`((?:\b1\d\d(?:, )?)+): |[A-Z]\w+ is wrong|(\b(?:or|no|NOT|not|one) |/)?\b([A-Z]\w+[a-z])\b(\([^()]*)?`)
	proposedState = regexp.MustCompile(`local=(\w+)`)
)

// proposable are the events that devices hear.
var proposable = []string{
	"BackInService", "Conferenced", "ConnectionCleared", "Delivered", "DigitsGenerated", "Diverted", "DoNotDisturb", "Established", "Failed", "Forwarding", "Held",
	"MessageWaiting", "NetworkReached", "Originated", "OutOfService", "Queued", "Retrieved", "ServiceInitiated", "Transferred",
}

// proposed are those that the recorder proposes; of alternatives the first.
func proposed(t *testing.T, name string) (list []hearing) {
	t.Helper()
	_, text, _ := strings.Cut(contents(t)[name+".md"], "## Expected CSTA events")
	text, _, _ = strings.Cut(text, "\n## ")
	for l := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(l, "- Note") {
			continue
		}
		var devices []string
		for _, m := range proposal.FindAllStringSubmatch(l, -1) {
			switch {
			case m[1] != "":
				devices = strings.Split(strings.TrimSuffix(m[1], ", "), ", ")
			case m[2] == "" && slices.Contains(proposable, m[3]):
				for _, d := range devices {
					h := hearing{device: d, event: m[3]}
					if h.event == "Transferred" {
						h.event = "Transfered" // as the standard spells it
					}
					if s := proposedState.FindStringSubmatch(m[4]); s != nil {
						h.local = s[1]
					}
					list = append(list, h)
				}
			}
		}
	}
	return list
}
