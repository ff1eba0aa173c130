package callmodel

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"farhook/csta"
)

var t0 = time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)

const (
	dA = csta.DeviceID("tel:+15551001")
	dB = csta.DeviceID("tel:+15551002")
	dC = csta.DeviceID("tel:+15551003")
	dX = csta.DeviceID("tel:+15559000010")
)

func party(d csta.DeviceID) Party { return Party{Device: d, Shown: Known} }

func move(call csta.CallID, d csta.DeviceID, to csta.State, more ...func(*Moved)) Moved {
	m := Moved{Meta: Meta{At: t0}, Connection: csta.ConnectionID{Call: call, Device: d}, To: to}
	for _, f := range more {
		f(&m)
	}
	return m
}

func between(from, to csta.DeviceID) func(*Moved) {
	return func(m *Moved) { m.Calling, m.Called = party(from), party(to) }
}

func because(c csta.EventCause) func(*Moved) { return func(m *Moved) { m.Cause = c } }

func network(m *Moved) { m.Kind = Network }

func by(d csta.DeviceID) func(*Moved) { return func(m *Moved) { m.By = party(d) } }

// heard is what one device hears, an event a line: name, the connection or calls, local state, cause.
func heard(told []Told, d csta.DeviceID) string {
	var b strings.Builder
	for _, t := range told {
		for _, s := range t.Audience {
			if s.Device == d {
				fmt.Fprintf(&b, "%s %s\n", brief(t.Event), s.Local)
			}
		}
	}
	return b.String()
}

func brief(e csta.Event) string {
	switch e := e.(type) {
	case csta.ServiceInitiatedEvent:
		return fmt.Sprintf("ServiceInitiated %s %s", e.InitiatedConnection, e.Cause)
	case csta.OriginatedEvent:
		return fmt.Sprintf("Originated %s to %s %s", e.OriginatedConnection, e.CalledDevice.DeviceIdentifier, e.Cause)
	case csta.NetworkReachedEvent:
		return fmt.Sprintf("NetworkReached %s %s", e.OutboundConnection, e.Cause)
	case csta.DeliveredEvent:
		return fmt.Sprintf("Delivered %s from %s %s", e.Connection, e.CallingDevice.DeviceIdentifier, e.Cause)
	case csta.EstablishedEvent:
		return fmt.Sprintf("Established %s from %s %s", e.EstablishedConnection, e.CallingDevice.DeviceIdentifier, e.Cause)
	case csta.HeldEvent:
		return fmt.Sprintf("Held %s %s", e.HeldConnection, e.Cause)
	case csta.RetrievedEvent:
		return fmt.Sprintf("Retrieved %s %s", e.RetrievedConnection, e.Cause)
	case csta.FailedEvent:
		return fmt.Sprintf("Failed %s %s", e.FailedConnection, e.Cause)
	case csta.QueuedEvent:
		return fmt.Sprintf("Queued %s %s", e.QueuedConnection, e.Cause)
	case csta.DivertedEvent:
		return fmt.Sprintf("Diverted %s to %s %s", e.Connection, e.NewDestination.DeviceIdentifier, e.Cause)
	case csta.ConnectionClearedEvent:
		return fmt.Sprintf("ConnectionCleared %s by %s %s", e.DroppedConnection, e.ReleasingDevice.DeviceIdentifier, e.Cause)
	case csta.TransferedEvent:
		return fmt.Sprintf("Transfered %s %v to %s %v %s", e.PrimaryOldCall, e.SecondaryOldCall, e.TransferredToDevice.DeviceIdentifier, connections(e.TransferredConnections), e.Cause)
	case csta.ConferencedEvent:
		return fmt.Sprintf("Conferenced %s %v added %s %v %s", e.PrimaryOldCall, e.SecondaryOldCall, e.AddedParty.DeviceIdentifier, connections(e.ConferenceConnections), e.Cause)
	}
	return e.Element()
}

func connections(list []csta.ConnectionListItem) []string {
	var s []string
	for _, i := range list {
		s = append(s, fmt.Sprintf("%s<%s", i.NewConnection, i.OldConnection))
	}
	return s
}

func apply(m *Model, facts ...Fact) []Told {
	var told []Told
	for _, f := range facts {
		told = append(told, m.Apply(f)...)
	}
	return told
}

// talking is a call between two phones, up and connected.
func talking(call csta.CallID, from, to csta.DeviceID) []Fact {
	return []Fact{
		move(call, from, csta.Connected, between(from, to)),
		move(call, to, csta.Alerting),
		move(call, to, csta.Connected),
	}
}

func TestSequences(t *testing.T) {
	for _, c := range []struct {
		name   string
		before []Fact
		facts  []Fact
		hears  map[csta.DeviceID]string
	}{
		{
			name: "outgoing call to outside, the far end clears",
			facts: []Fact{
				move("1", dA, csta.Initiated, between(dA, dX), because(csta.CauseMakeCall)),
				move("1", dA, csta.Connected),
				move("1", dX, csta.Connected, network),
				move("1", dX, csta.Alerting),
				move("1", dX, csta.Connected),
				move("1", dX, csta.Null),
				move("1", dA, csta.Null),
			},
			hears: map[csta.DeviceID]string{dA: `ServiceInitiated 1/tel:+15551001 makeCall initiated
Originated 1/tel:+15551001 to tel:+15559000010 newCall connected
NetworkReached 1/tel:+15559000010 newCall connected
Delivered 1/tel:+15559000010 from tel:+15551001 newCall connected
Established 1/tel:+15559000010 from tel:+15551001 newCall connected
ConnectionCleared 1/tel:+15559000010 by tel:+15559000010 normalClearing connected
ConnectionCleared 1/tel:+15551001 by tel:+15551001 normalClearing null
`},
		},
		{
			name: "busy",
			facts: []Fact{
				move("1", dA, csta.Connected, between(dA, dB)),
				move("1", dB, csta.Fail, because(csta.CauseBusy)),
				move("1", dA, csta.Null),
				move("1", dB, csta.Null),
			},
			hears: map[csta.DeviceID]string{dA: `Originated 1/tel:+15551001 to tel:+15551002 newCall connected
Failed 1/tel:+15551002 busy connected
ConnectionCleared 1/tel:+15551001 by tel:+15551001 normalClearing null
`, dB: `Failed 1/tel:+15551002 busy fail
ConnectionCleared 1/tel:+15551001 by tel:+15551001 normalClearing fail
ConnectionCleared 1/tel:+15551002 by tel:+15551002 normalClearing null
`},
		},
		{
			name: "abandoned while ringing",
			facts: []Fact{
				move("1", dA, csta.Connected, between(dA, dB)),
				move("1", dB, csta.Alerting),
				move("1", dB, csta.Null, by(dA), because(csta.CauseCallCancelled)),
				move("1", dA, csta.Null, because(csta.CauseCallCancelled)),
			},
			hears: map[csta.DeviceID]string{dB: `Delivered 1/tel:+15551002 from tel:+15551001 newCall alerting
ConnectionCleared 1/tel:+15551002 by tel:+15551001 callCancelled null
`},
		},
		{
			name: "picked up elsewhere",
			before: []Fact{
				move("1", dA, csta.Connected, between(dA, dB)),
				move("1", dB, csta.Alerting),
			},
			facts: []Fact{
				Redirected{Meta: Meta{At: t0, Cause: csta.CauseCallPickup}, Connection: csta.ConnectionID{Call: "1", Device: dB}, NewDestination: party(dC)},
				move("1", dC, csta.Connected, because(csta.CauseCallPickup)),
			},
			hears: map[csta.DeviceID]string{
				dA: "Diverted 1/tel:+15551002 to tel:+15551003 callPickup connected\nEstablished 1/tel:+15551003 from tel:+15551001 callPickup connected\n",
				dB: "Diverted 1/tel:+15551002 to tel:+15551003 callPickup null\n",
				dC: "Established 1/tel:+15551003 from tel:+15551001 callPickup connected\n",
			},
		},
		{
			name:   "hold and retrieve, heard by both",
			before: talking("1", dA, dB),
			facts:  []Fact{move("1", dB, csta.Hold), move("1", dB, csta.Connected)},
			hears: map[csta.DeviceID]string{
				dA: "Held 1/tel:+15551002 normal connected\nRetrieved 1/tel:+15551002 normal connected\n",
				dB: "Held 1/tel:+15551002 normal hold\nRetrieved 1/tel:+15551002 normal connected\n",
			},
		},
		{
			name:   "consultation and transfer",
			before: append(append(talking("1", dA, dB), move("1", dB, csta.Hold)), talking("2", dB, dC)...),
			facts: []Fact{Rearranged{
				Meta: Meta{At: t0}, How: Transfer, Primary: "1", Secondary: "2", By: dB, Other: party(dC), Result: "2",
				Moves: []Move{
					{Old: csta.ConnectionID{Call: "1", Device: dA}, State: csta.Connected},
					{Old: csta.ConnectionID{Call: "2", Device: dC}, State: csta.Connected},
				},
			}, move("2", dA, csta.Null), move("2", dC, csta.Null)},
			hears: map[csta.DeviceID]string{
				dB: "Transfered 1/tel:+15551002 2/tel:+15551002 to tel:+15551003 [2/tel:+15551001<1/tel:+15551001 2/tel:+15551003<2/tel:+15551003] transfer null\n",
				dC: "Transfered 1/tel:+15551002 2/tel:+15551002 to tel:+15551003 [2/tel:+15551001<1/tel:+15551001 2/tel:+15551003<2/tel:+15551003] transfer connected\n" +
					"ConnectionCleared 2/tel:+15551001 by tel:+15551001 normalClearing connected\nConnectionCleared 2/tel:+15551003 by tel:+15551003 normalClearing null\n",
			},
		},
		{
			name:   "single step transfer: the new party is listed before it rings",
			before: talking("1", dA, dB),
			facts: []Fact{Rearranged{
				Meta: Meta{At: t0}, How: SingleStepTransfer, Primary: "1", By: dB, Other: party(dC), Result: "3",
				Moves: []Move{
					{Old: csta.ConnectionID{Call: "1", Device: dA}, State: csta.Connected},
					{Old: csta.ConnectionID{Call: "3", Device: dC}, State: csta.Null},
				},
			}, move("3", dC, csta.Alerting, because(csta.CauseSingleStepTransfer))},
			hears: map[csta.DeviceID]string{
				dB: "Transfered 1/tel:+15551002 <nil> to tel:+15551003 [3/tel:+15551001<1/tel:+15551001 3/tel:+15551003<3/tel:+15551003] singleStepTransfer null\n",
				dC: "Delivered 3/tel:+15551003 from tel:+15551001 singleStepTransfer alerting\n",
			},
		},
		{
			name:   "conference: everybody stays, one leaves",
			before: append(append(talking("1", dA, dB), move("1", dB, csta.Hold)), talking("2", dB, dC)...),
			facts: []Fact{Rearranged{
				Meta: Meta{At: t0}, How: Conference, Primary: "1", Secondary: "2", By: dB, Other: party(dC), Result: "5",
			}, move("5", dC, csta.Null)},
			hears: map[csta.DeviceID]string{
				dB: "Conferenced 1/tel:+15551002 2/tel:+15551002 added tel:+15551003 [5/tel:+15551001<1/tel:+15551001 5/tel:+15551002<1/tel:+15551002 5/tel:+15551003<2/tel:+15551003] conference connected\n" +
					"ConnectionCleared 5/tel:+15551003 by tel:+15551003 normalClearing connected\n",
			},
		},
		{
			name:   "the same state again, and the end of nothing, are no events",
			before: talking("1", dA, dB),
			facts:  []Fact{move("1", dB, csta.Connected), move("9", dA, csta.Null), move("1", dC, csta.Null)},
			hears:  map[csta.DeviceID]string{dA: "", dB: "", dC: ""},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := New()
			apply(m, c.before...)
			told := apply(m, c.facts...)
			for d, want := range c.hears {
				if got := heard(told, d); got != want {
					t.Errorf("%s hears\n%swant\n%s", d, got, want)
				}
			}
		})
	}
}

func TestFormerNames(t *testing.T) {
	m := New()
	apply(m, append(append(talking("1", dA, dB), move("1", dB, csta.Hold)), talking("2", dB, dC)...)...)
	apply(m, Rearranged{Meta: Meta{At: t0}, How: Conference, Primary: "1", Secondary: "2", By: dB, Other: party(dC), Result: "5"})
	if c, ok := m.Call("1"); !ok || c.ID != "5" || len(c.Legs) != 3 {
		t.Errorf("the old name gives %v, %v", c, ok)
	}
	apply(m, move("1", dC, csta.Null))
	if c, _ := m.Call("5"); len(c.Legs) != 2 {
		t.Errorf("a fact under the old name was not for the result: %v", c.Legs)
	}
	apply(m, append(talking("6", dA, dC), move("6", dA, csta.Hold))...)
	late := Rearranged{Meta: Meta{At: t0.Add(31 * time.Second)}, How: Conference, Primary: "6", Secondary: "5", By: dA, Result: "7"}
	apply(m, late)
	if _, ok := m.Call("1"); ok {
		t.Error("a name is kept for more than 30 s")
	}
}

func TestFeatures(t *testing.T) {
	m := New()
	set := func(f Feature) string {
		told := m.Apply(FeatureSet{Meta: Meta{At: t0}, Device: dA, Feature: f})
		if len(told) == 0 {
			return ""
		}
		return string(csta.Encode(nil, told[0].Event, csta.Ed3))
	}
	if set(DoNotDisturb{}) != "" || set(MessageWaiting{}) != "" || set(Forwarding{Type: csta.ForwardImmediate}) != "" {
		t.Error("what was off already is told")
	}
	if got := set(DoNotDisturb{On: true}); !strings.Contains(got, "<doNotDisturbOn>true<") {
		t.Error(got)
	}
	if set(DoNotDisturb{On: true}) != "" {
		t.Error("what was on already is told")
	}
	on := set(Forwarding{Type: csta.ForwardNoAns, On: true, To: dB, Rings: 3})
	if !strings.Contains(on, "<forwardStatus>true</forwardStatus><forwardTo>tel:+15551002</forwardTo><ringCount>3</ringCount>") {
		t.Error(on)
	}
	if got := set(Forwarding{Type: csta.ForwardNoAns, To: dB}); strings.Contains(got, "forwardTo") || got == "" {
		t.Error(got)
	}
	if n := len(m.Apply(Service{Device: dA})) + len(m.Apply(Service{Device: dA})) + len(m.Apply(Service{Device: dA, In: true})); n != 2 {
		t.Errorf("%d events about service, want 2", n)
	}
}
