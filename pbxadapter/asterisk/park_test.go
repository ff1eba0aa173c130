package asterisk

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farhook/csta"
)

// A call that a phone parks by a blind transfer is told as transferred and queued, in whichever order Asterisk tells of the transfer, of the parking, of
// bridges, and of the phone's end.
func TestParkedByTransfer(t *testing.T) {
	for _, release := range []string{"16", "23"} {
		t.Run(release, func(t *testing.T) {
			text, err := os.ReadFile("../../testdata/pbx/asterisk/park-by-transfer-" + release + ".ami")
			if err != nil {
				t.Fatal(err)
			}
			steps := readSteps(t, release, string(text))
			at := func(event, of string, after int) int {
				i := slices.IndexFunc(steps[after:], func(s step) bool { return s.event() == event && strings.Contains(s.get("Channel"), of) })
				if i < 0 {
					t.Fatalf("the recording has no %s of %s", event, of)
				}
				return after + i
			}
			first := at("Unhold", "/102-", 0)
			leaves := at("BridgeLeave", "/101-", first)
			enters := at("BridgeEnter", "/101-", leaves)
			gone := at("Hangup", "/102-", first)
			parts := [][]int{
				{first}, {at("BlindTransfer", "", first)}, {at("ParkedCall", "", first)}, {leaves, enters}, {at("BridgeLeave", "/102-", leaves), gone},
			}
			want := byConnection(replay(t, release, steps, nil, -1), false)
			if told := strings.Join(append(slices.Clone(want["C1/102"]), want["C1/701"]...), "\n"); !strings.Contains(told, "Transfered") || strings.Contains(told, "divertingDevice 102") {
				t.Fatalf("told is\n%s", told)
			}
			for _, late := range []time.Duration{160 * time.Millisecond, 900 * time.Millisecond} { // the transfer is told long after, while its phone is there
				mixed := slices.Clone(steps[:first])
				for _, part := range []struct {
					of []int
					at time.Duration
				}{{parts[0], 0}, {parts[2], 0}, {parts[3], 0}, {parts[1], late}, {parts[4], late}} {
					for _, i := range part.of {
						s := steps[i]
						s.at = steps[first].at + part.at
						mixed = append(mixed, s)
					}
				}
				moved := slices.Concat(parts...)
				for i := first; i < len(steps); i++ {
					if s := steps[i]; !slices.Contains(moved, i) {
						s.at += late
						mixed = append(mixed, s)
					}
				}
				if diff := cmp.Diff(want, byConnection(replay(t, release, mixed, nil, -1), false)); diff != "" {
					t.Errorf("%v late: %s", late, diff)
				}
			}
			for _, apart := range []time.Duration{0, 22 * time.Millisecond} {
				for _, order := range orders(len(parts)) {
					var moved []int
					for _, p := range order {
						moved = append(moved, parts[p]...)
					}
					mixed := slices.Clone(steps[:first])
					for n, i := range moved {
						s := steps[i]
						s.at = steps[first].at + time.Duration(n)*apart
						mixed = append(mixed, s)
					}
					for i := first; i < len(steps); i++ {
						if !slices.Contains(moved, i) {
							mixed = append(mixed, steps[i])
						}
					}
					p := replay(t, release, mixed, nil, -1)
					for _, f := range p.failed {
						t.Errorf("%v, %v apart: %s", order, apart, f)
					}
					if diff := cmp.Diff(want, byConnection(p, false)); diff != "" {
						t.Errorf("%v, %v apart: %s", order, apart, diff)
					}
				}
			}
		})
	}
}

// Who is parked otherwise, such as by a code, is told as diverted and queued, also where the call is fetched or over before a transfer could have been told.
func TestParkedAtOnce(t *testing.T) {
	text, err := os.ReadFile("../../testdata/pbx/asterisk/park-by-transfer-23.ami")
	if err != nil {
		t.Fatal(err)
	}
	steps := slices.DeleteFunc(readSteps(t, "23", string(text)), func(s step) bool { return s.event() == "BlindTransfer" })
	parked := slices.IndexFunc(steps, func(s step) bool { return s.event() == "ParkedCall" })
	fetches := parked + slices.IndexFunc(steps[parked:], func(s step) bool { return s.event() == "Newchannel" })
	for name, c := range map[string]struct {
		change func([]step) []step
		want   []string
	}{
		"": {func(s []step) []step { return s }, []string{"Diverted 102", "Queued 701", "Diverted 701", "Established 103", "ConnectionCleared 103"}},
		"fetched": {func(s []step) []step {
			early := s[fetches].at - s[parked].at
			for i := fetches; i < len(s); i++ {
				s[i].at -= early
			}
			slices.SortStableFunc(s, func(a, b step) int { return int(a.at - b.at) })
			return s
		}, []string{"Diverted 102", "Queued 701", "Diverted 701", "Established 103", "ConnectionCleared 103"}},
		"given up": {func(s []step) []step {
			last := s[slices.IndexFunc(s, func(s step) bool { return s.event() == "Hangup" && strings.Contains(s.get("Channel"), "/101-") })]
			last.at = s[parked].at
			return slices.Insert(s[:fetches:fetches], parked+1, last)
		}, []string{"Diverted 102", "Queued 701", "ConnectionCleared 101"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := replay(t, "23", c.change(slices.Clone(steps)), nil, -1)
			var told []string
			for _, l := range describe(p) {
				f := strings.Fields(l)
				for _, w := range c.want {
					event, device, _ := strings.Cut(w, " ")
					if f[1] == event && strings.Contains(l, ": ") && slices.Contains(strings.Fields(l[strings.Index(l, ": "):])[:4], device) && strings.Contains(l, " C1 ") && !slices.Contains(told, w) {
						told = append(told, w)
					}
				}
			}
			gone := steps[slices.IndexFunc(steps, func(s step) bool { return s.event() == "Hangup" && strings.Contains(s.get("Channel"), "/102-") })].at
			for _, told := range p.told { // nothing is waited for once the phone has put down
				if _, ok := told.Event.(csta.DivertedEvent); ok && name == "" {
					if after := told.At.Sub(p.began) - gone; after > joinDoubt+50*time.Millisecond {
						t.Errorf("it is told %v after", after)
					}
					break
				}
			}
			if !slices.Equal(told, c.want) {
				t.Errorf("told is %v, want %v; all:\n%s", told, c.want, strings.Join(describe(p), "\n"))
			}
		})
	}
}

// A call that is held is parked from there, and nothing is left of the phone that held it: neither when it did that by itself, nor when our dialplan lines did.
func TestParkedFromHold(t *testing.T) {
	for kind, style := range kinds {
		t.Run(kind, func(t *testing.T) {
			inBubble(t, plain(), func(b *board) {
				b.talk("101", "102")
				b.must(csta.HoldCall{CallToBeHeld: b.is("102", csta.Connected)})
				b.must(csta.ParkCall{Parking: new(b.is("102", csta.Hold)), ParkTo: "701"})
				b.idle("102")
				b.is("701", csta.Queued)
				b.pass(time.Second)
				if n := b.p.Channels(); n != 1 {
					t.Errorf("%d channels, want that of 101", n)
				}
				b.hand(b.p.HangUp("101"))
				b.idle("101", "701")
			}, style)
		})
	}
}

// orders are all of n things.
func orders(n int) (list [][]int) {
	if n == 0 {
		return [][]int{nil}
	}
	for _, o := range orders(n - 1) {
		for i := range n {
			list = append(list, slices.Insert(slices.Clone(o), i, n-1))
		}
	}
	return list
}
