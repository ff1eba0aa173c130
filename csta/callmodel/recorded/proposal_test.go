package recorded

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A recording's .md proposes events, in prose of two kinds: "- 101: Held(102@C1; local=hold; consultation), …" and, below
// "Monitor on 201:", "1. Held (holding 202; local connected; normal)". What it leaves open agrees with anything.
var (
	proposed  = regexp.MustCompile(`(\d{3}(?:, \d{3})*): |\b([A-Z][A-Za-z]+)(?: ?\(([^()]*)\)|$)`)
	monitorOn = regexp.MustCompile(`^Monitor on (\d+):`)
	localIs   = regexp.MustCompile(`local[ =](null|initiated|alerting|connected|hold|queued|fail)\b`)
	callIs    = regexp.MustCompile(`^(?:primaryOldCall )?(\d{3}|X)@(C\d?)`)
	deviceIs  = regexp.MustCompile(`\b(?:dropped|answering|alerting|holding|transferring|diverting) (\d{3})\b`)
	causeIs   = regexp.MustCompile(`(?:^|; )(newCall|consultation|normal|normalClearing|singleStepTransfer|transfer|conference|callPickup|callForwardNoAnswer|distributed)$`)
)

var eventNames = []string{
	"ServiceInitiated", "Originated", "Delivered", "Established", "Queued", "Held", "Retrieved", "Diverted", "Transfered", "Conferenced", "ConnectionCleared",
}

// propose reads the proposal of a recording.
func propose(t *testing.T, name string) []line {
	t.Helper()
	_, text, ok := strings.Cut(string(read(t, name)), "CSTA events")
	if !ok {
		t.Fatalf("%s proposes nothing", name)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var (
		list    []line
		monitor []string
	)
	for row := range strings.Lines(text) {
		if m := monitorOn.FindStringSubmatch(row); m != nil {
			monitor = m[1:]
			continue
		}
		hearers := monitor
		for _, m := range proposed.FindAllStringSubmatch(strings.TrimSpace(row), -1) {
			if m[1] != "" {
				hearers = strings.Split(m[1], ", ")
				continue
			}
			event := strings.Replace(m[2], "Transferred", "Transfered", 1)
			if !slices.Contains(eventNames, event) {
				continue
			}
			for _, h := range hearers {
				list = append(list, proposal(h, event, m[3]))
			}
		}
	}
	if len(list) == 0 {
		t.Fatalf("%s: no proposal could be read", name)
	}
	return list
}

func proposal(hearer, event, said string) line {
	first := func(r *regexp.Regexp) string {
		if m := r.FindStringSubmatch(said); m != nil {
			return m[1]
		}
		return ""
	}
	l := line{hearer: hearer, event: event, local: first(localIs), cause: first(causeIs), device: first(deviceIs)}
	if m := callIs.FindStringSubmatch(said); m != nil {
		l.device = m[1]
		if m[2] != "C" { // the result of a transfer, under whichever name
			l.call = m[2]
		}
	}
	if l.device == "X" || event == "Originated" && l.device == "" {
		l.device = hearer
	}
	return l
}

// agrees says whether what was told is what was proposed.
func (l line) agrees(p line) bool {
	open := func(want, got string) bool { return want == "" || want == got }
	return l.hearer == p.hearer && l.event == p.event && open(p.device, l.device) && open(p.call, l.call) && open(p.local, l.local) && open(p.cause, l.cause)
}

// differences are the events of only one side, in the order of each.
func differences(told, wanted []line) []string {
	wanted = slices.Clone(wanted)
	var list []string
	for _, l := range told {
		i := slices.IndexFunc(wanted, l.agrees)
		switch {
		case i >= 0:
			wanted = slices.Delete(wanted, i, i+1)
		case l.hearer != "call": // call monitors are in no proposal
			list = append(list, "told      "+l.brief())
		}
	}
	for _, p := range wanted {
		list = append(list, "not told  "+p.brief())
	}
	return list
}

func (l line) brief() string {
	open := func(s string) string {
		if s == "" {
			return "?"
		}
		return s
	}
	return fmt.Sprintf("%s: %s %s@%s %s %s", l.hearer, l.event, open(l.device), open(l.call), open(l.local), open(l.cause))
}

// reviewed reads the list of differences: "# name" begins a recording, "told" and "not told" begin differences, and the
// indented lines below some of them say why.
func reviewed(t *testing.T) map[string][]string {
	t.Helper()
	list := map[string][]string{}
	var name string
	reason := true
	for row := range strings.Lines(string(read(t, filepath.Join(recordings, "differences.txt")))) {
		row = strings.TrimRight(row, "\n")
		switch {
		case strings.HasPrefix(row, "# "):
			name = row[2:]
			list[name] = nil
		case strings.HasPrefix(row, "told ") || strings.HasPrefix(row, "not told "):
			list[name] = append(list[name], row)
			reason = false
		case strings.HasPrefix(row, "    "):
			reason = true
		case row == "" && !reason:
			t.Errorf("%s: a difference without a reason", name)
		}
	}
	if !reason {
		t.Errorf("%s: a difference without a reason", name)
	}
	return list
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil { //nolint:gosec // a golden file is for everybody
		t.Fatal(err)
	}
}
