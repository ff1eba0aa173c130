package callmodel

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"farhook/csta"
)

var devices = []csta.DeviceID{dA, dB, dC, dX}

var callIDs = []csta.CallID{"1", "2", "3", "4"}

func drawFact(t *rapid.T) Fact {
	meta := Meta{At: t0.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "at")) * time.Second)}
	device := func() csta.DeviceID { return rapid.SampledFrom(devices).Draw(t, "device") }
	call := func() csta.CallID { return rapid.SampledFrom(callIDs).Draw(t, "call") }
	anybody := func() Party {
		return Party{Device: device(), Shown: Shown(rapid.IntRange(0, 3).Draw(t, "shown"))}
	}
	connection := csta.ConnectionID{Call: call(), Device: device()}
	if rapid.IntRange(0, 19).Draw(t, "nameless") == 0 {
		connection.Device = ""
	}
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return Redirected{Meta: meta, Connection: connection, NewDestination: anybody()}
	case 1, 2:
		f := Rearranged{
			Meta: meta, How: Rearrangement(rapid.IntRange(0, 4).Draw(t, "how")), Primary: call(), By: device(), Other: anybody(), Result: call(),
		}
		if f.How == Transfer || f.How == Conference {
			f.Secondary = call()
		}
		for range rapid.IntRange(0, 3).Draw(t, "moves") {
			f.Moves = append(f.Moves, Move{
				Old:   csta.ConnectionID{Call: rapid.SampledFrom([]csta.CallID{f.Primary, f.Secondary}).Draw(t, "from"), Device: device()},
				State: rapid.SampledFrom(known).Draw(t, "to"),
			})
		}
		return f
	case 3:
		return FeatureSet{Meta: meta, Device: device(), Feature: rapid.SampledFrom([]Feature{
			DoNotDisturb{}, DoNotDisturb{On: true}, Forwarding{Type: csta.ForwardBusy, On: true, To: dX}, Forwarding{Type: csta.ForwardBusy}, MessageWaiting{On: true},
		}).Draw(t, "feature")}
	case 5:
		return Noted{Meta: meta, Connection: connection, What: csta.CallInformationEvent{
			Connection: connection, Device: csta.SubjectDeviceID{NotKnown: true},
		}}
	case 4:
		return Service{Meta: meta, Device: device(), In: rapid.Bool().Draw(t, "in")}
	}
	return Moved{
		Meta: meta, Connection: connection, To: rapid.SampledFrom(known).Draw(t, "to"), Kind: Kind(rapid.IntRange(0, 2).Draw(t, "kind")),
		Calling: anybody(), Called: anybody(), LastRedirected: anybody(), Subject: anybody(), By: anybody(),
	}
}

// consistent checks what must hold of every state.
func consistent(t *rapid.T, m *Model) {
	for _, c := range m.State().Calls {
		if len(c.Legs) == 0 {
			t.Fatalf("the call %s has no legs", c.ID)
		}
		seen := map[csta.DeviceID]bool{}
		for _, l := range c.Legs {
			if l.State == csta.Null || l.State == "" || seen[l.Device] {
				t.Fatalf("the call %s has the leg %v", c.ID, l)
			}
			seen[l.Device] = true
			if !slices.Contains(m.at[l.Device], c.ID) {
				t.Fatalf("%s is not listed at %s", c.ID, l.Device)
			}
		}
	}
	for d, ids := range m.at {
		for _, id := range ids {
			if c := m.calls[id]; c == nil || c.leg(d) < 0 {
				t.Fatalf("%s lists the call %s, in which it is not", d, id)
			}
		}
	}
}

// observer knows of its device's calls only what events told it.
type observer map[csta.CallID]csta.State

func (o observer) hear(t *rapid.T, told Told, d csta.DeviceID) {
	for _, s := range told.Audience {
		if s.Device != d {
			continue
		}
		if len(told.Calls) == 0 {
			return
		}
		for _, id := range told.Calls {
			delete(o, id)
		}
		if s.Local != csta.Null && s.Local != "" {
			o[told.Calls[len(told.Calls)-1]] = s.Local
		}
		text := csta.Prepare(told.Event, csta.Ed3).Append(nil, "1", s.Local, nil)
		if _, _, err := csta.Decode(text); err != nil {
			t.Fatalf("%s is no event: %v", text, err)
		}
		return
	}
}

func check(t *rapid.T, m *Model, observers map[csta.DeviceID]observer) {
	for d, o := range observers {
		want := observer{}
		for _, c := range m.At(d) {
			want[c.ID] = c.Legs[c.leg(d)].State
		}
		if len(want) != len(o) {
			t.Fatalf("%s was told %v, the truth is %v", d, o, want)
		}
		for id, s := range want {
			if o[id] != s {
				t.Fatalf("%s was told %v, the truth is %v", d, o, want)
			}
		}
	}
}

// world is what a monitor of all calls knows: the calls as the events left them.
type world map[csta.CallID]*Call

// hear takes an event over. Who hears that its own connection is null must have had one until now.
func (w world) hear(t *rapid.T, told Told) {
	for _, s := range told.Audience {
		if s.Local == csta.Null && !slices.ContainsFunc(told.Calls, func(id csta.CallID) bool { return w[id] != nil && w[id].leg(s.Device) >= 0 }) {
			t.Fatalf("%s hears of a connection that was null before and is so after %s", s.Device, told.Event.Element())
		}
	}
	for i, id := range told.Calls {
		if w[id] = told.After[i]; w[id] == nil {
			delete(w, id)
		}
	}
}

// check holds what was told against the truth. Parties may be newer in the truth: they alone are no event.
func (w world) check(t *rapid.T, m *Model) {
	calls := m.State().Calls
	if len(calls) != len(w) {
		t.Fatalf("told of %d calls, there are %d", len(w), len(calls))
	}
	for _, c := range calls {
		told := w[c.ID]
		if told == nil || len(told.Legs) != len(c.Legs) {
			t.Fatalf("told of %v, the truth is %v", told, c)
		}
		for _, l := range c.Legs {
			if i := told.leg(l.Device); i < 0 || told.Legs[i].State != l.State {
				t.Fatalf("told of %v, the truth is %v", told, c)
			}
		}
	}
}

func TestEventsTellTheState(t *testing.T) { rapid.Check(t, eventsTellTheState) }

func FuzzEventsTellTheState(f *testing.F) { f.Fuzz(rapid.MakeFuzz(eventsTellTheState)) }

// Any sequence of facts leaves calls consistent, and the events told to a device are enough to know its state.
func eventsTellTheState(t *rapid.T) {
	m, everything := New(), world{}
	observers := map[csta.DeviceID]observer{}
	views := map[csta.DeviceID]*View{}
	for _, d := range devices {
		observers[d], views[d] = observer{}, new(View)
	}
	told := func(list []Told, deaf bool) {
		for _, one := range list {
			everything.hear(t, one)
			for _, d := range devices {
				if d == dC && deaf {
					continue
				}
				observers[d].hear(t, one, d)
				views[d].Take(one, d)
			}
		}
	}
	deaf := false
	for range rapid.IntRange(1, 30).Draw(t, "facts") {
		switch {
		case rapid.IntRange(0, 9).Draw(t, "resync") == 0:
			other := New()
			for range rapid.IntRange(0, 6).Draw(t, "other") {
				other.Apply(drawFact(t))
			}
			told(m.Resync(other.State(), t0), deaf)
		case rapid.IntRange(0, 9).Draw(t, "deaf") == 0:
			deaf = true
		default:
			told(m.Apply(drawFact(t)), deaf)
		}
		consistent(t, m)
		everything.check(t, m)
		if deaf && rapid.Bool().Draw(t, "hears again") {
			text, err := json.Marshal(views[dC])
			if err == nil {
				*views[dC] = View{}
				err = json.Unmarshal(text, views[dC])
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range views[dC].CatchUp(dC, m.State(), t0) {
				observers[dC].hear(t, one, dC)
			}
			deaf = false
		}
		if !deaf {
			check(t, m, observers)
		}
	}
}
