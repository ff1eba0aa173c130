package callmodel

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"farhook/csta"
)

// The parties of the given conversations: the monitored line, and who talks to it.
const (
	line    = csta.DeviceID("tel:+14255550150")
	caller  = csta.DeviceID("tel:+14255550199")
	adviser = csta.DeviceID("tel:+14255550123")
	outside = csta.DeviceID("tel:+442079460018")
	assist  = csta.DeviceID("tel:+14255550900")
)

// ringing is a call that comes in at the line.
func ringing(call csta.CallID) []Fact {
	return []Fact{move(call, caller, csta.Connected, between(caller, line)), move(call, line, csta.Alerting)}
}

// consulting is a consultation of the adviser, asked for by the line.
func consulting(held, call csta.CallID) []Fact {
	why := because(csta.CauseConsultation)
	return []Fact{
		move(held, line, csta.Hold, why),
		move(call, line, csta.Initiated, between(line, adviser), why),
		move(call, line, csta.Connected, why),
		move(call, adviser, csta.Alerting, why),
		move(call, adviser, csta.Connected, why),
	}
}

func was(newCall, oldCall csta.CallID, d csta.DeviceID, s csta.State) Move {
	return Move{Old: csta.ConnectionID{Call: oldCall, Device: d}, New: csta.ConnectionID{Call: newCall, Device: d}, State: s, Party: party(d)}
}

// In each of the given conversations the line hears exactly the events of the file.
func TestFlows(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, facts []Fact
	}{
		{
			name: "05-make-call",
			facts: []Fact{
				move("c-1001", line, csta.Initiated, between(line, outside), because(csta.CauseMakeCall)),
				move("c-1001", line, csta.Connected),
				move("c-1001", outside, csta.Connected, network),
				move("c-1001", outside, csta.Alerting),
				move("c-1001", outside, csta.Connected),
				move("c-1001", outside, csta.Null),
				move("c-1001", line, csta.Null),
			},
		},
		{
			name: "06-make-call-busy",
			facts: []Fact{
				move("c-1001", line, csta.Connected, between(line, outside)),
				move("c-1001", outside, csta.Fail, because(csta.CauseBusy)),
				move("c-1001", line, csta.Null),
				move("c-1001", outside, csta.Null),
			},
		},
		{
			name:  "07-incoming-answer",
			facts: append(ringing("c-2001"), move("c-2001", line, csta.Connected), move("c-2001", line, csta.Null), move("c-2001", caller, csta.Null)),
		},
		{
			name: "08-incoming-abandoned",
			facts: slices.Concat(
				ringing("c-2001"),
				[]Fact{move("c-2001", line, csta.Null, by(caller), because(csta.CauseCallCancelled)), move("c-2001", caller, csta.Null)},
				ringing("c-2008"),
				[]Fact{
					Redirected{
						Meta: Meta{At: t0, Cause: csta.CauseCallPickup}, Connection: csta.ConnectionID{Call: "c-2008", Device: line},
						NewDestination: party(adviser),
					},
					move("c-2008", adviser, csta.Connected, because(csta.CauseCallPickup)),
				},
			),
		},
		{
			name:   "09-hold-retrieve",
			before: talking("c-2001", caller, line),
			facts:  []Fact{move("c-2001", line, csta.Hold), move("c-2001", line, csta.Connected)},
		},
		{
			name:   "10-consult-transfer",
			before: talking("c-2001", caller, line),
			facts: append(consulting("c-2001", "c-2003"),
				Rearranged{
					Meta: Meta{At: t0}, How: Transfer, Primary: "c-2001", Secondary: "c-2003", By: line, Other: party(adviser), Result: "c-2003",
					Moves: []Move{was("c-2003", "c-2001", caller, csta.Connected), was("c-2003", "c-2003", adviser, csta.Connected)},
				},
				move("c-2003", caller, csta.Null), move("c-2003", adviser, csta.Null)),
		},
		{
			name:   "11-consult-alternate-reconnect",
			before: talking("c-2001", caller, line),
			facts: append(consulting("c-2001", "c-2003"),
				move("c-2003", line, csta.Hold, because(csta.CauseAlternate)),
				move("c-2001", line, csta.Connected, because(csta.CauseAlternate)),
				move("c-2001", line, csta.Null),
				move("c-2003", line, csta.Connected)),
		},
		{
			name:   "12-single-step-transfer",
			before: talking("c-2001", caller, line),
			facts: []Fact{
				Rearranged{
					Meta: Meta{At: t0}, How: SingleStepTransfer, Primary: "c-2001", By: line, Other: party(adviser), Result: "c-2004",
					Moves: []Move{was("c-2004", "c-2001", caller, csta.Connected), was("c-2004", "c-2004", adviser, csta.Null)},
				},
				move("c-2004", adviser, csta.Alerting),
			},
		},
		{
			name: "13-deflect",
			facts: append(ringing("c-2001"),
				Redirected{Meta: Meta{At: t0}, Connection: csta.ConnectionID{Call: "c-2001", Device: line}, NewDestination: party(assist)},
				move("c-2001", assist, csta.Alerting)),
		},
		{
			name:   "14-conference",
			before: talking("c-2001", caller, line),
			facts: append(consulting("c-2001", "c-2003"),
				Rearranged{
					Meta: Meta{At: t0}, How: Conference, Primary: "c-2001", Secondary: "c-2003", By: line, Other: party(adviser), Result: "c-2005",
					Moves: []Move{
						was("c-2005", "c-2001", line, csta.Connected), was("c-2005", "c-2001", caller, csta.Connected),
						was("c-2005", "c-2003", adviser, csta.Connected),
					},
				},
				move("c-2005", adviser, csta.Null)),
		},
		{
			name: "16-forwarding",
			before: []Fact{
				FeatureSet{Device: line, Feature: Forwarding{Type: csta.ForwardImmediate, To: assist}},
				FeatureSet{Device: line, Feature: Forwarding{Type: csta.ForwardNoAns, To: assist, Rings: 4}},
			},
			facts: []Fact{
				FeatureSet{Device: line, Feature: Forwarding{Type: csta.ForwardImmediate, On: true, To: assist}},
				FeatureSet{Device: line, Feature: Forwarding{Type: csta.ForwardImmediate, On: true, To: assist}},
				FeatureSet{Device: line, Feature: Forwarding{Type: csta.ForwardImmediate, To: assist}},
			},
		},
		{
			name: "17-do-not-disturb",
			facts: []Fact{
				FeatureSet{Device: line, Feature: DoNotDisturb{On: true}},
				FeatureSet{Device: line, Feature: DoNotDisturb{}},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := New()
			apply(m, c.before...)
			got := onTheWire(apply(m, c.facts...), line)
			file, err := os.ReadFile(filepath.Join("testdata", "flows", c.name+".xml"))
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Split(strings.TrimSpace(string(file)), "\n")
			for i := range max(len(got), len(want)) {
				switch {
				case i >= len(got):
					t.Errorf("missing: %s", want[i])
				case i >= len(want):
					t.Errorf("too many: %s", got[i])
				case normal(t, got[i]) != normal(t, want[i]):
					t.Errorf("event %d is\n%s\nwant\n%s", i+1, got[i], want[i])
				}
			}
			if m.Odd() != 0 {
				t.Errorf("%d odd facts", m.Odd())
			}
		})
	}
}

// onTheWire is what one device's monitor is sent.
func onTheWire(told []Told, d csta.DeviceID) []string {
	var list []string
	for _, one := range told {
		for _, s := range one.Audience {
			if s.Device == d {
				list = append(list, string(csta.Prepare(one.Event, csta.Ed3).Append(nil, "m-7f3a01", s.Local, nil)))
			}
		}
	}
	return list
}

// normal is a document in our own spelling.
func normal(t *testing.T, text string) string {
	t.Helper()
	message, _, err := csta.Decode([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return string(csta.Encode(nil, message, csta.Ed3))
}
