package callmodel

import (
	"fmt"
	"strings"
	"testing"

	"farhook/csta"
)

// table is every move between two states of a leg that is not its call's origin, and the event that tells it with its usual cause.
// A star marks a move that the standard doesn't know.
const table = `
null      initiated  ServiceInitiated newCall
null      alerting   Delivered newCall
null      connected  Established newCall
null      hold       Held normal *
null      queued     Queued normal
null      fail       Failed normal
initiated null       ConnectionCleared normalClearing
initiated alerting   Delivered newCall
initiated connected  Established newCall
initiated hold       Held normal *
initiated queued     Queued normal
initiated fail       Failed normal
alerting  null       ConnectionCleared normalClearing
alerting  initiated  ServiceInitiated newCall *
alerting  connected  Established newCall
alerting  hold       Held normal *
alerting  queued     Queued normal
alerting  fail       Failed normal
connected null       ConnectionCleared normalClearing
connected initiated  ServiceInitiated newCall *
connected alerting   Delivered normal *
connected hold       Held normal
connected queued     Queued normal
connected fail       Failed normal
hold      null       ConnectionCleared normalClearing
hold      initiated  ServiceInitiated newCall *
hold      alerting   Delivered normal *
hold      connected  Retrieved normal
hold      queued     Queued normal
hold      fail       Failed normal *
queued    null       ConnectionCleared normalClearing
queued    initiated  ServiceInitiated newCall *
queued    alerting   Delivered newCall
queued    connected  Established newCall
queued    hold       Held normal *
queued    fail       Failed normal
fail      null       ConnectionCleared normalClearing
fail      initiated  ServiceInitiated newCall *
fail      alerting   Delivered normal *
fail      connected  Established normal *
fail      hold       Held normal *
fail      queued     Queued normal *
`

// manners are the moves for which more counts than the two states: the kind (+), or that the leg is its call's origin (origin).
const manners = `
null               connected+network  NetworkReached newCall
initiated          connected+network  NetworkReached newCall
connected+network  alerting           Delivered newCall
connected+network  connected          Established newCall
connected+network  hold               Held normal
connected+network  connected+network  -
connected          connected+network  NetworkReached newCall
hold               connected+network  Retrieved normal
null               alerting+offered   Offered newCall
alerting+offered   alerting           Delivered newCall
alerting+offered   connected          Established newCall
alerting+offered   alerting+offered   -
null               connected+origin   Originated newCall
initiated          connected+origin   Originated newCall
connected          connected          -
null               null               - *
`

// row of the tests: from, to, what is told.
func rows(text string) [][]string {
	var list [][]string
	for l := range strings.Lines(strings.TrimSpace(text)) {
		list = append(list, strings.Fields(l))
	}
	return list
}

func manner(s string) (csta.State, Kind, bool) {
	state, more, _ := strings.Cut(s, "+")
	return csta.State(state), map[string]Kind{"network": Network, "offered": Offered}[more], more == "origin"
}

func TestTable(t *testing.T) {
	used := make([]bool, len(moves))
	for _, r := range rows(table + manners[1:]) {
		t.Run(r[0]+" to "+r[1], func(t *testing.T) {
			from, was, _ := manner(r[0])
			to, kind, origin := manner(r[1])
			calling := dA // in the call throughout, so that it never ends
			if origin {
				calling = dB
			}
			m := New()
			m.put(nil, &Call{ID: "1", Calling: party(calling), Called: party(dC), Legs: []Leg{{Device: dA, State: csta.Connected}}})
			if from != csta.Null {
				c := m.calls["1"].clone()
				c.Legs = append(c.Legs, Leg{Device: dB, State: from, Kind: was})
				m.put(m.calls["1"], c)
			}
			told := m.Apply(move("1", dB, to, func(f *Moved) { f.Kind = kind }))
			got := "-"
			for _, one := range told {
				got = strings.TrimSuffix(one.Event.Element(), "Event") + " " + cause(one.Event)
			}
			if m.Odd() != 0 {
				got += " *"
			}
			if want := strings.Join(r[2:], " "); got != want {
				t.Errorf("told %s, want %s", got, want)
			}
			if c, _ := m.Call("1"); to == csta.Null && len(c.Legs) != 1 || to != csta.Null && c.Legs[1].State != to {
				t.Errorf("the state was not taken over: %v", c.Legs)
			}
			s := step{Moved: Moved{To: to, Kind: kind}, from: from, kind: was, call: &Call{Calling: party(calling)}, leg: Leg{Device: dB}}
			if from != to || kind != was {
				used[s.row()] = true
			}
		})
	}
	for i, u := range used {
		if !u {
			t.Errorf("no test for the row from %q to %q (number %d)", moves[i].from, moves[i].to, i)
		}
	}
}

// cause reads an event's cause off its text.
func cause(e csta.Event) string {
	text := string(csta.Encode(nil, e, csta.Ed3))
	_, text, _ = strings.Cut(text, "<cause>")
	text, _, _ = strings.Cut(text, "</cause>")
	return text
}

// A cause that the fact gives is told.
func TestCauseOfTheFact(t *testing.T) {
	for _, to := range []csta.State{csta.Initiated, csta.Alerting, csta.Connected, csta.Hold, csta.Queued, csta.Fail, csta.Null} {
		m := New()
		apply(m, talking("1", dA, dB)...)
		apply(m, move("1", dB, csta.Alerting)) // odd, so that every state is a change
		if to == csta.Alerting {
			apply(m, move("1", dB, csta.Hold))
		}
		told := m.Apply(move("1", dB, to, because(csta.CauseRecall)))
		if len(told) != 1 || cause(told[0].Event) != "recall" {
			t.Errorf("to %s: %v", to, told)
		}
	}
}

// Parties are shown as they are: known by the number to show, withheld, not known, or, where none redirected, not required.
func TestParties(t *testing.T) {
	for _, c := range []struct {
		p             Party
		subject, last string
	}{
		{Party{}, "<notKnown/>", "<notRequired/>"},
		{Party{Device: dX, Shown: Known}, "<deviceIdentifier>" + string(dX) + "</deviceIdentifier>", "<numberDialed>" + string(dX) + "</numberDialed>"},
		{Party{Device: "trunk-7", Shown: Known, Number: dX}, "<deviceIdentifier>" + string(dX) + "</deviceIdentifier>", "<numberDialed>" + string(dX) + "</numberDialed>"},
		{Party{Shown: Known}, "<notKnown/>", "<notKnown/>"},
		{Party{Device: dX, Shown: NotKnown}, "<notKnown/>", "<notKnown/>"},
		{Party{Device: dX, Shown: Restricted, Number: dX}, "<restricted/>", "<restricted/>"},
	} {
		m := New()
		told := m.Apply(Moved{
			Connection: csta.ConnectionID{Call: "1", Device: dB}, To: csta.Alerting, Calling: c.p, Called: c.p, LastRedirected: c.p, Subject: c.p,
		})
		text := string(csta.Encode(nil, told[0].Event, csta.Ed3))
		own := c.subject
		if c.p.Shown == Absent {
			own = "<deviceIdentifier>" + string(dB) + "</deviceIdentifier>" // the leg's own name
		}
		want := fmt.Sprintf("<alertingDevice>%s</alertingDevice><callingDevice>%s</callingDevice><calledDevice>%s</calledDevice><lastRedirectionDevice>%s</lastRedirectionDevice>",
			own, c.subject, c.subject, c.last)
		if !strings.Contains(text, want) {
			t.Errorf("%v is told as %s, want %s", c.p, text, want)
		}
	}
}
