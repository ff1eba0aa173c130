package switchboard_test

import (
	"fmt"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	. "farhook/pbxadapter/switchboard"
)

// ringing is a call that alerts at a device.
func ringing(id csta.CallID, at csta.DeviceID) callmodel.State {
	return callmodel.State{Calls: []callmodel.Call{{ID: id, Legs: []callmodel.Leg{{Device: at, State: csta.Alerting, Party: callmodel.Party{Device: at, Shown: callmodel.Known}}}}}}
}

// told reads what a follower has, until it has so many.
func told(t *testing.T, c *Cursor, woken <-chan struct{}, n int) []string {
	t.Helper()
	var names []string
	for len(names) < n {
		e, ok, err := c.Next()
		switch {
		case err != nil:
			t.Fatal(err)
		case ok:
			names = append(names, e.Event.Element())
			continue
		}
		select {
		case <-woken:
		case <-time.After(time.Minute):
			t.Fatalf("only %v was told", names)
		}
	}
	return names
}

// PBXs come, go and are connected anew while others notice nothing.
func TestChange(t *testing.T) {
	const d3 = csta.DeviceID("tel:+15552001")
	one, two := newScripted(d1), newScripted(d3)
	b := New(AnyLine{}, Options{}, PBX{Name: "one", Adapter: one})
	serve(t, b)
	first := <-one.runs
	first.Resync(ringing("one-1", d1))
	who := Principal{User: "test"}
	woken := make(chan struct{}, 1)
	f := b.Follow(who, Now, Filter{All: true}, func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	})
	defer f.Close()

	b.Change(PBX{Name: "one", Adapter: one}, PBX{Name: "two", Adapter: two})
	second := <-two.runs
	if n := len(b.Devices(who)); n != 2 {
		t.Fatalf("%d devices, one of each PBX is due", n)
	}
	second.Report(callmodel.Moved{Connection: csta.ConnectionID{Call: "two-1", Device: d3}, To: csta.Alerting})
	if got := told(t, f, woken, 1); got[0] != "DeliveredEvent" {
		t.Errorf("adding a PBX told %v before its first call", got)
	}
	if len(one.runs) != 0 {
		t.Error("the PBX that stayed was connected anew")
	}

	// Another adapter for the first: its call goes on under its name, and only the link's loss and return are told.
	again := newScripted(d1)
	again.state = ringing("one-1", d1)
	b.Change(PBX{Name: "one", Adapter: again}, PBX{Name: "two", Adapter: two})
	r := <-again.runs
	if _, ok := b.Call(who, "one-1"); !ok {
		t.Error("the call has gone with the adapter")
	}
	first.Report(callmodel.Moved{Connection: csta.ConnectionID{Call: "one-1", Device: d1}, To: csta.Connected}) // the old one's word counts no more
	if c, _ := b.Call(who, "one-1"); c.Legs[0].State != csta.Alerting {
		t.Errorf("an adapter that was replaced still reports: %+v", c)
	}
	if got := told(t, f, woken, 2); got[0] != "OutOfServiceEvent" || got[1] != "BackInServiceEvent" {
		t.Errorf("replacing told %v", got)
	}

	b.Change(PBX{Name: "one", Adapter: again})
	if got := fmt.Sprint(told(t, f, woken, 3)); got != "[ConnectionClearedEvent CallClearedEvent OutOfServiceEvent]" {
		t.Errorf("removing told %s", got)
	}
	if _, err := b.Resolve(string(d3)); err == nil {
		t.Error("the device of a removed PBX is still there")
	}
	if l := b.Links(); len(l) != 1 || l[0].Name != "one" || !l[0].Up {
		t.Errorf("%+v", l)
	}
	r.Report(callmodel.Moved{Connection: csta.ConnectionID{Call: "one-1", Device: d1}, To: csta.Connected})
	if got := told(t, f, woken, 1); got[0] != "EstablishedEvent" && got[0] != "OriginatedEvent" {
		t.Errorf("the PBX that stayed: %v", got)
	}
}
