package callmodel

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"farhook/csta"
)

// all is what is told to everybody, an event a line.
func all(told []Told) string {
	var b strings.Builder
	for _, t := range told {
		b.WriteString(brief(t.Event) + "\n")
	}
	return b.String()
}

// stateAfter is the state of a model that heard these facts.
func stateAfter(facts ...Fact) State {
	m := New()
	apply(m, facts...)
	return m.State()
}

func TestResync(t *testing.T) {
	held := append(talking("1", dA, dB), move("1", dB, csta.Hold))
	for _, c := range []struct {
		name   string
		before []Fact
		now    State
		want   string
		odd    uint64
	}{
		{name: "nothing changed", before: held, now: stateAfter(held...)},
		{
			name: "a call that is new and on hold: the shortest legal way there, the origin first",
			now: State{Calls: []Call{{
				ID: "1", Calling: party(dA), Called: party(dB),
				Legs: []Leg{{Device: dB, State: csta.Hold}, {Device: dA, State: csta.Connected}},
			}}},
			want: `Originated 1/tel:+15551001 to tel:+15551002 newCall
Established 1/tel:+15551002 from tel:+15551001 newCall
Held 1/tel:+15551002 normal
`,
		},
		{
			name: "a call that is new and rings",
			now:  stateAfter(move("1", dA, csta.Connected, between(dA, dB)), move("1", dB, csta.Alerting)),
			want: `Originated 1/tel:+15551001 to tel:+15551002 newCall
Delivered 1/tel:+15551002 from tel:+15551001 newCall
`,
		},
		{
			name:   "ends come first, of who rings before who calls",
			before: []Fact{move("2", dA, csta.Connected, between(dA, dB)), move("2", dB, csta.Alerting)},
			now:    stateAfter(move("1", dC, csta.Initiated)),
			want: `ConnectionCleared 2/tel:+15551002 by tel:+15551002 normalClearing
ConnectionCleared 2/tel:+15551001 by tel:+15551001 normalClearing
CallClearedEvent
ServiceInitiated 1/tel:+15551003 newCall
`,
		},
		{
			name:   "a call of the same name whose members changed",
			before: talking("1", dA, dB),
			now:    stateAfter(talking("1", dA, dC)...),
			want: `ConnectionCleared 1/tel:+15551002 by tel:+15551002 normalClearing
Established 1/tel:+15551003 from tel:+15551001 newCall
`,
		},
		{
			name:   "what moved meanwhile",
			before: talking("1", dA, dB),
			now:    stateAfter(held...),
			want:   "Held 1/tel:+15551002 normal\n",
		},
		{
			name: "features and service",
			before: []Fact{
				FeatureSet{Device: dA, Feature: DoNotDisturb{On: true}},
				Service{Device: dB},
				FeatureSet{Device: dC, Feature: MessageWaiting{On: true}},
			},
			now: State{
				Features: map[csta.DeviceID][]Feature{dB: {Forwarding{Type: csta.ForwardBusy, On: true, To: dC}}, dC: {MessageWaiting{On: true}}},
				Out:      map[csta.DeviceID]csta.EventCause{dA: ""},
			},
			want: "DoNotDisturbEvent\nForwardingEvent\nBackInServiceEvent\nOutOfServiceEvent\n",
		},
		{
			name: "what makes no sense is passed over",
			now: State{Calls: []Call{
				{ID: "1", Calling: party(dA), Legs: []Leg{
					{Device: dA, State: csta.Connected}, {Device: dA, State: csta.Hold}, {State: csta.Connected}, {Device: dB, State: "asleep"},
				}},
				{ID: "2", Legs: []Leg{{Device: dB, State: csta.Null}}},
				{Legs: []Leg{{Device: dC, State: csta.Connected}}},
			}},
			want: "Originated 1/tel:+15551001 to  newCall\n",
			odd:  3,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := New()
			apply(m, c.before...)
			if got := all(m.Resync(c.now, t0)); got != c.want {
				t.Errorf("told\n%swant\n%s", got, c.want)
			}
			if m.Odd() != c.odd {
				t.Errorf("%d odd, want %d", m.Odd(), c.odd)
			}
			if got := all(m.Resync(m.State(), t0)); got != "" {
				t.Errorf("the same again tells\n%s", got)
			}
		})
	}
}

// Who lost events is told the difference, ends included, and nothing of others' calls.
func TestCatchUp(t *testing.T) {
	m := New()
	var v View
	for _, told := range apply(m, talking("1", dA, dB)...) {
		v.Take(told, dA)
	}
	apply(m, move("1", dA, csta.Null), move("1", dB, csta.Null)) // not heard
	apply(m, talking("2", dB, dA)...)
	apply(m, talking("3", dC, dX)...)
	want := `ConnectionCleared 1/tel:+15551001 by tel:+15551001 normalClearing
Established 2/tel:+15551001 from tel:+15551002 newCall
` // call 2 was originated before A was in it
	if got := all(v.CatchUp(dA, m.State(), t0)); got != want {
		t.Errorf("told\n%swant\n%s", got, want)
	}
	if got := all(v.CatchUp(dA, m.State(), t0)); got != "" {
		t.Errorf("the same again tells\n%s", got)
	}
	for _, told := range apply(m, move("2", dA, csta.Null)) {
		v.Take(told, dA)
	}
	if !v.Idle() {
		t.Errorf("an idle device's view holds %v", v)
	}
}

// Features and service are caught up with too, and a view is the same after it was written and read.
func TestCatchUpFeatures(t *testing.T) {
	m := New()
	var v View
	hear := func(fs ...Fact) {
		for _, told := range apply(m, fs...) {
			v.Take(told, dA)
		}
	}
	hear(FeatureSet{Device: dA, Feature: DoNotDisturb{On: true}}, FeatureSet{Device: dB, Feature: DoNotDisturb{On: true}},
		FeatureSet{Device: dA, Feature: Forwarding{Type: csta.ForwardImmediate, On: true, To: dB}}, FeatureSet{Device: dA, Feature: MessageWaiting{On: true}},
		FeatureSet{Device: dA, Feature: MicrophoneMute{On: true}}, Service{Device: dA})
	hear(talking("1", dA, dB)...)
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	v = View{}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if got := all(v.CatchUp(dA, m.State(), t0)); got != "" {
		t.Errorf("nothing has changed, and it tells\n%s", got)
	}
	apply(m, FeatureSet{Device: dA, Feature: DoNotDisturb{}}, FeatureSet{Device: dA, Feature: Forwarding{Type: csta.ForwardImmediate}}, Service{Device: dA, In: true})
	var events []string
	for _, told := range v.CatchUp(dA, m.State(), t0) {
		events = append(events, told.Event.Element())
	}
	if got, want := strings.Join(events, " "), "DoNotDisturbEvent ForwardingEvent BackInServiceEvent"; got != want {
		t.Errorf("told %s, want %s", got, want)
	}
	for _, bad := range []string{`{"calls":[null]}`, `{"calls":[{"ID":""}]}`, `7`} {
		if json.Unmarshal([]byte(bad), new(View)) == nil {
			t.Errorf("%s is taken for a view", bad)
		}
	}
}

// A device that never rang redirects: no event, but the new destination's events name it.
func TestRedirectedBeforeRinging(t *testing.T) {
	m := New()
	apply(m, move("1", dA, csta.Connected, between(dA, dB)))
	if told := m.Apply(Redirected{Connection: csta.ConnectionID{Call: "1", Device: dB}, NewDestination: party(dC)}); len(told) != 0 || m.Odd() != 0 {
		t.Errorf("told %s, %d odd", all(told), m.Odd())
	}
	told := m.Apply(move("1", dC, csta.Alerting))
	if got := told[0].Event.(csta.DeliveredEvent).LastRedirectionDevice.NumberDialed; got != dB {
		t.Errorf("last redirected by %q", got)
	}
	m.Apply(Redirected{Connection: csta.ConnectionID{Call: "9", Device: dB}})
	if m.Odd() != 1 {
		t.Error("a redirection of no call is not odd")
	}
}

// Rearrangements that the model does not expect are taken over.
func TestOddRearrangements(t *testing.T) {
	late := Rearranged{Meta: Meta{At: t0}, How: Transfer, Primary: "1", Secondary: "2", By: dB, Other: party(dC), Result: "2", Moves: []Move{
		{Old: csta.ConnectionID{Call: "1", Device: dA}},
		{Old: csta.ConnectionID{Call: "2", Device: dC}},
	}}
	m := New()
	apply(m, talking("2", dB, dC)...)
	want := "Transfered 1/tel:+15551002 2/tel:+15551002 to tel:+15551003 [2/tel:+15551001<1/tel:+15551001 2/tel:+15551003<2/tel:+15551003] transfer\n"
	if got := all(m.Apply(late)); got != want || m.Odd() != 1 {
		t.Errorf("a held call that was not known: told %s, %d odd", got, m.Odd())
	}
	late.Moves[1].State = csta.Hold
	if got := all(m.Apply(late)); got != "Held 2/tel:+15551003 normal\n" || m.Odd() != 2 {
		t.Errorf("the same transfer again, with a new state: told %s, %d odd", got, m.Odd())
	}
}

// Why a connection has failed stays with it, also where the PBX doesn't say it any more; and no longer than it has.
func TestCauseOfFailure(t *testing.T) {
	m := New()
	at := t0
	id := csta.ConnectionID{Call: "1", Device: dB}
	m.Apply(Moved{Meta: Meta{At: at}, Connection: csta.ConnectionID{Call: "1", Device: dA}, To: csta.Connected, Calling: party(dA), Called: party(dB)})
	cause := func(want csta.EventCause) {
		t.Helper()
		c, _ := m.Call("1")
		if i := c.leg(dB); i < 0 || c.Legs[i].Cause != want {
			t.Errorf("%+v, want the cause %q", c.Legs, want)
		}
	}
	m.Apply(Moved{Meta: Meta{At: at, Cause: csta.CauseBusy}, Connection: id, To: csta.Fail})
	cause(csta.CauseBusy)
	s := m.State()
	s.Calls[0] = *s.Calls[0].clone()
	for i := range s.Calls[0].Legs {
		s.Calls[0].Legs[i].Cause = ""
	}
	m.Resync(s, at)
	cause(csta.CauseBusy)
	m.Apply(Moved{Meta: Meta{At: at}, Connection: id, To: csta.Connected})
	cause("")
}

// What was told stays as it was told, where no event tells that it is otherwise: whoever has a picture of the events has the one that is asked for.
func TestResyncKeepsWhatWasTold(t *testing.T) {
	m := New()
	var told []Told
	for _, f := range append(talking("1", dA, dB), move("1", dB, csta.Hold)) {
		told = append(told, m.Apply(f)...)
	}
	picture := told[len(told)-1].After[0]
	later := picture.Began.Add(time.Hour)
	now := State{Calls: []Call{{ID: "1", Began: later, Calling: party(dA), Called: party(dB), Legs: []Leg{
		{Device: dC, State: csta.Alerting, Since: later}, {Device: dB, State: csta.Hold, Since: later}, {Device: dA, State: csta.Connected, Since: later},
	}}}}
	told = m.Resync(now, later)
	if len(told) != 1 || told[0].After == nil {
		t.Fatalf("%s", all(told))
	}
	got := m.State().Calls[0]
	if !reflect.DeepEqual(got, *told[0].After[0]) {
		t.Errorf("told:  %+v\nasked: %+v", *told[0].After[0], got)
	}
	if !got.Began.Equal(picture.Began) || len(got.Legs) != 3 || got.Legs[0].Device != dA || got.Legs[1].Device != dB {
		t.Errorf("%+v", got)
	}
	for _, l := range got.Legs[:2] {
		if i := picture.leg(l.Device); !l.Since.Equal(picture.Legs[i].Since) {
			t.Errorf("%s since %v, told as %v", l.Device, l.Since, picture.Legs[i].Since)
		}
	}
	if !got.Legs[2].Since.Equal(later) {
		t.Errorf("new: %+v", got.Legs[2])
	}
}
