package web_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/pbxadapter/switchboard/wiretap"
	"farhook/web"
	"farhook/web/access"
)

// tapped is a gateway whose PBX and programs are listened to.
func tapped(t *testing.T) *gateway {
	t.Helper()
	clock := sim.NewClock(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)) // far from the machine's: what orders a ladder is when things came
	tap := wiretap.New(4<<20, time.Hour)
	var b *switchboard.Board
	pbx, err := sim.New(pbxadapter.Options{Name: "sim", Tap: func(m pbxadapter.Message) { b.Tap("sim", m) }}, sim.Config{Lines: 24, Quiet: true, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	g := startBoard(t, access.Config{}, pbx, clock, switchboard.Options{Keep: keep, Tap: tap}, web.Config{Version: "test", Tap: tap}, func(made *switchboard.Board) { b = made })
	g.token = g.secret(access.Everything())
	return g
}

type ladder struct {
	Calls    []string
	Numbers  string
	Hidden   string
	Messages []struct {
		At                                                            time.Time
		Layer, Direction, Peer, Line, Trace, Carrier, Says, Why, Text string
	}
}

func (g *gateway) ladder(token, call, query string) (l ladder) {
	g.t.Helper()
	status, text := g.as(token, "GET", "/api/v1/calls/"+url.PathEscape(call)+"/ladder"+query, "")
	if err := json.Unmarshal([]byte(text), &l); err != nil || status != 200 {
		g.t.Fatalf("%d %s", status, text)
	}
	return l
}

// outline is what a ladder's messages are, in order.
func (l ladder) outline() string {
	var all []string
	for _, m := range l.Messages {
		all = append(all, m.Layer+" "+m.Direction+" "+m.Says)
	}
	return strings.Join(all, "\n")
}

// A call's ladder has what a program asked for, what the PBX was told and said, and which events were told of it, in order; through a transfer, and when it has ended.
func TestLadder(t *testing.T) {
	g := tapped(t)
	status, _, text := g.do("POST", "/api/v1/calls", `{"callingDevice":"1001","calledDirectoryNumber":"1002"}`)
	var made struct{ CallingDevice struct{ CallID string } }
	if err := json.Unmarshal([]byte(text), &made); err != nil || status != 201 {
		t.Fatalf("%d %s", status, text)
	}
	id := made.CallingDevice.CallID
	for _, n := range []int{1001, 1002} {
		if err := g.pbx.Phone(n).Answer(); err != nil {
			t.Fatal(err)
		}
	}
	l := g.ladder(g.token, id, "")
	got := l.outline()
	at := 0
	for _, want := range []string{
		"csta in MakeCall", "pbx out MakeCall", "pbx in moved", "event out ServiceInitiatedEvent", "pbx in MakeCall: done", "pbx in moved", "event out OriginatedEvent",
		"event out DeliveredEvent", "event out EstablishedEvent",
	} {
		i := strings.Index(got[at:], want)
		if i < 0 {
			t.Fatalf("no %q from %d on in\n%s", want, at, got)
		}
		at += i + len(want)
	}
	if l.Numbers != "full" || l.Hidden != "" || !strings.Contains(got, "1002") || len(l.Calls) != 1 || l.Messages[0].Trace == "" {
		t.Errorf("%+v", l)
	}
	for i, m := range l.Messages[1:] {
		if m.At.Before(l.Messages[i].At) {
			t.Errorf("%s comes before what is %s", m.At, l.Messages[i].At)
		}
	}
	// Through an attended transfer: both calls are one story, by either name, also afterwards.
	if err := g.pbx.Phone(1001).Consult("tel:+15551003"); err != nil {
		t.Fatal(err)
	}
	if err := g.pbx.Phone(1003).Answer(); err != nil {
		t.Fatal(err)
	}
	if err := g.pbx.Phone(1001).Transfer(); err != nil {
		t.Fatal(err)
	}
	g.hangUp(1003)
	ended := g.ladder(g.token, id, "")
	if got := ended.outline(); !strings.Contains(got, "TransferedEvent") || !strings.Contains(got, "CallClearedEvent") || len(ended.Calls) != 2 {
		t.Errorf("%v:\n%s", ended.Calls, got)
	}
	if other := g.ladder(g.token, ended.Calls[1], ""); len(other.Messages) != len(ended.Messages) {
		t.Errorf("by the other name %d messages, %d by the first", len(other.Messages), len(ended.Messages))
	}
	status, _, text = g.do("GET", "/api/v1/calls/"+url.PathEscape(id)+"/ladder.txt", "")
	if status != 200 || !strings.Contains(text, "TransferedEvent") || !strings.Contains(text, "farhook") || strings.HasPrefix(text, "{") {
		t.Errorf("%d %s", status, text)
	}
	if status, _, _ := g.do("GET", "/api/v1/calls/sim-nothing/ladder", ""); status != 404 {
		t.Errorf("%d", status)
	}
}

// Numbers are masked for who may not see all parties; where a party hides its number nobody reads it in the PBX's words.
func TestLadderIsDiscreet(t *testing.T) {
	g := tapped(t)
	admin := g.secret(access.Grant{Scopes: []access.Scope{access.Administer}})
	if err := g.pbx.Outside("tel:+4989555777").Dial("tel:+15551002"); err != nil {
		t.Fatal(err)
	}
	if err := g.pbx.Outside("tel:+4989555664").DialAs("tel:+15551003", "Shy", true); err != nil {
		t.Fatal(err)
	}
	var calls struct {
		Calls []struct {
			CallID  string
			Calling struct{ Shown string }
		}
	}
	g.get("/api/v1/calls", &calls)
	if len(calls.Calls) != 2 {
		t.Fatalf("%+v", calls)
	}
	for _, c := range calls.Calls {
		open, _ := json.Marshal(g.ladder(g.token, c.CallID, ""))
		masked, _ := json.Marshal(g.ladder(admin, c.CallID, ""))
		asked, _ := json.Marshal(g.ladder(g.token, c.CallID, "?numbers=masked"))
		_, drawn := g.as(admin, "GET", "/api/v1/calls/"+url.PathEscape(c.CallID)+"/ladder.txt", "")
		for view, text := range map[string]string{"masked": string(masked), "asked for": string(asked), "drawn": drawn} {
			for _, secret := range []string{"4989555777", "4989555664", "5551002", "5551003", `"1002`, " 1002"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s: %s is in %s", view, secret, text)
				}
			}
			if !strings.Contains(text, "DeliveredEvent") {
				t.Errorf("%s: %s", view, text)
			}
		}
		if !strings.Contains(string(masked), `"numbers":"masked"`) && !strings.Contains(string(masked), `"Numbers":"masked"`) {
			t.Error(string(masked))
		}
		if hidden := c.Calling.Shown == "restricted"; hidden == strings.Contains(string(open), "moved ") || hidden != strings.Contains(string(open), "hides its number") ||
			!hidden && !strings.Contains(string(open), "4989555777") || strings.Contains(string(open), "Shy") {
			t.Errorf("%s: %s", c.Calling.Shown, open)
		}
		if status, text := g.as(admin, "GET", "/api/v1/calls/"+url.PathEscape(c.CallID)+"/ladder?numbers=full", ""); status != 403 || !strings.Contains(text, "observe-parties") {
			t.Errorf("%d %s", status, text)
		}
	}
}
