package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
)

// Everything that REST can have done at a simulated PBX is done there.
func TestSimDriver(t *testing.T) {
	clock := sim.NewClock(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC))
	pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 4, Quiet: true, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	all := []switchboard.PBX{{Name: "sim", Adapter: pbx}}
	b := switchboard.New(switchboard.AnyLine{}, switchboard.Options{}, all...)
	ended := make(chan error)
	ctx, stop := context.WithCancel(t.Context())
	go func() { ended <- b.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	up := func(want bool) {
		t.Helper()
		for began := time.Now(); b.Links()[0].Up != want; time.Sleep(time.Millisecond) {
			if time.Since(began) > 20*time.Second {
				t.Fatalf("the link is up: %v", !want)
			}
		}
	}
	up(true)
	drivers := driversOf(all)
	if len(drivers) != 1 || drivers[0].Name != "sim" {
		t.Fatalf("%+v", drivers)
	}
	d := drivers[0]
	const one, two, caller = csta.DeviceID("tel:+15551001"), csta.DeviceID("tel:+15551002"), csta.DeviceID("tel:+498912345")
	who := switchboard.Principal{User: "test", Via: "http"}
	state := func() string {
		now, _ := b.Snapshot(who, switchboard.Filter{All: true})
		var legs []string
		for _, c := range now.Calls {
			for _, l := range c.Legs {
				legs = append(legs, fmt.Sprintf("%s %s", strings.TrimPrefix(string(l.Device), "tel:+"), l.State))
			}
		}
		slices.Sort(legs)
		return strings.Join(legs, ", ")
	}
	hand := func(at csta.DeviceID, act, value string) func() error {
		return func() error { return d.Hand(at, act, value) }
	}
	for i, step := range []struct {
		do   func() error
		want string // state; or of the error, where that begins with !
	}{
		{func() error { return d.Arrive(caller, "Dr. No", false, one) }, "15551001 alerting, 498912345 connected"},
		{hand(one, "answer", ""), "15551001 connected, 498912345 connected"},
		{hand(one, "hold", ""), "15551001 hold, 498912345 connected"},
		{hand(one, "retrieve", ""), "15551001 connected, 498912345 connected"},
		{hand(one, "digits", "12#"), "15551001 connected, 498912345 connected"},
		{hand(one, "hangUp", ""), ""},
		{hand(one, "hangUp", ""), "!has no call"},
		{hand(one, "dial", string(two)), "15551001 connected, 15551002 alerting"},
		{hand(one, "hangUp", ""), ""},
		{hand(two, "busy", ""), ""},
		{hand(one, "dial", string(two)), "15551001 connected, 15551002 fail"},
		{hand(one, "hangUp", ""), ""},
		{hand(two, "free", ""), ""},
		{hand(two, "out", ""), ""},
		{hand(two, "dial", string(one)), "!"},
		{hand(two, "in", ""), ""},
		{hand(one, "dance", ""), "!nobody can dance"},
		{func() error { return d.Arrive("1002", "", false, one) }, "!no number outside"},
		{func() error { return d.Lose(one, 9) }, ""},
		{hand(one, "dial", string(two)), "15551002 alerting"}, // nobody is told of 1001
		{func() error { _, err := b.Check(t.Context(), who, one); return err }, "15551001 connected, 15551002 alerting"},
		{func() error { return d.Lose(one, 0) }, "15551001 connected, 15551002 alerting"},
		{hand(one, "hangUp", ""), ""},
	} {
		err := step.do()
		says, wrong := strings.CutPrefix(step.want, "!")
		switch got := state(); {
		case wrong && (err == nil || !strings.Contains(err.Error(), says)):
			t.Errorf("step %d: %v, want %q", i, err, says)
		case !wrong && (err != nil || got != step.want):
			t.Errorf("step %d: %v; %q, want %q", i, err, got, step.want)
		}
		if i == 4 {
			if got := pbx.Outside(caller).Pressed(); got != "12#" {
				t.Errorf("the caller hears %q", got)
			}
		}
	}
	d.Next("GetForwarding", 0, csta.ErrNoActiveCall)
	ask := func() error { _, err := b.Do(t.Context(), who, csta.GetForwarding{Device: one}); return err }
	if err := ask(); !errors.Is(err, csta.ErrNoActiveCall) {
		t.Errorf("the planned trouble: %v", err)
	}
	if err := ask(); err != nil {
		t.Errorf("the one after it: %v", err)
	}
	before := clock.Now()
	if err := d.Advance(time.Minute); err != nil || clock.Now().Sub(before) != time.Minute {
		t.Errorf("%v: the clock went %v", err, clock.Now().Sub(before))
	}
	d.Link(false)
	up(false)
	d.Link(true)
	up(true)
}
