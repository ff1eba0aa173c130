package switchboard_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	. "farhook/pbxadapter/switchboard"
)

// simulated is a board with a simulated PBX whose link is up.
func simulated(t *testing.T) (*Board, *sim.PBX) {
	t.Helper()
	pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 24, Quiet: true, Clock: sim.NewClock(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC))})
	if err != nil {
		t.Fatal(err)
	}
	b := New(AnyLine{}, Options{}, PBX{Name: "sim", Adapter: pbx})
	serve(t, b)
	awaitUp(b)
	return b, pbx
}

// awaitUp waits until the PBX of d1 is connected.
func awaitUp(b *Board) {
	for up := false; !up; {
		d, ok := b.Device(Principal{User: "first", Via: "sip", Line: d1}, d1)
		if up = ok && d.LinkUp; !up {
			time.Sleep(time.Millisecond)
		}
	}
}

// A reference is on every event of its call from the first, and goes with it through a transfer; other calls have none.
func TestReference(t *testing.T) {
	b, pbx := simulated(t)
	f := b.Follow(anybody, Now, Filter{All: true}, func() {})
	defer f.Close()
	events := func() (out []string) {
		for {
			e, ok, err := f.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				return out
			}
			out = append(out, fmt.Sprint(e.Event.Element(), e.References))
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	res, err := b.Do(WithReference(t.Context(), "ticket-7"), anybody, csta.MakeCall{CallingDevice: "1001", CalledDirectoryNumber: "1002", AutoOriginate: csta.AutoOriginateDoNotPrompt})
	do(err)
	first := res.(csta.MakeCallResponse).CallingDevice.Call
	do(pbx.Phone(1002).Answer())
	do(pbx.Phone(1002).Consult("tel:+15551003"))
	do(pbx.Phone(1003).Answer())
	if got := events(); !slices.Contains(got, "OriginatedEvent[ticket-7]") || !slices.Contains(got, "HeldEvent[ticket-7]") || !slices.Contains(got, "OriginatedEvent[]") {
		t.Error(got)
	}
	do(pbx.Phone(1002).Transfer())
	got := events()
	if len(got) != 1 || got[0] != "TransferedEvent[ticket-7 ticket-7]" && got[0] != "TransferedEvent[ ticket-7]" && got[0] != "TransferedEvent[ticket-7  ticket-7]" {
		t.Error(got)
	}
	c, ok := b.Call(anybody, first)
	if !ok || b.Reference(c.ID) != "ticket-7" {
		t.Errorf("after the transfer: %q of %v", b.Reference(c.ID), c)
	}
	do(pbx.Phone(1003).HangUp())
	for _, e := range events() {
		if e == "CallClearedEvent[]" {
			t.Error("the end of the call has lost the reference")
		}
	}
	if r := b.Reference(c.ID); r != "" {
		t.Errorf("the ended call still has %q", r)
	}
}

// A dry run meets the rules of Do, and does nothing.
func TestDryRun(t *testing.T) {
	b, _ := simulated(t)
	p, err := b.DryRun(anybody, csta.MakeCall{CallingDevice: "1001", CalledDirectoryNumber: "+1 555-0100"})
	if err != nil || p.PBX != "sim" || p.Request.(csta.MakeCall).CalledDirectoryNumber != "tel:+15550100" {
		t.Errorf("%+v, %v", p, err)
	}
	var rules []string
	for _, s := range p.Steps {
		rules = append(rules, s.Rule)
	}
	if want := []string{"number", "number", "right", "right", "route", "link", "offered", "in service"}; !slices.Equal(rules, want) {
		t.Errorf("%v, want %v", rules, want)
	}
	if calls, _ := b.Snapshot(anybody, Filter{All: true}); len(calls.Calls) != 0 {
		t.Errorf("it has made %v", calls.Calls)
	}
	for _, c := range []struct {
		request csta.Request
		want    *csta.Error
	}{
		{csta.MakeCall{CallingDevice: "1023", CalledDirectoryNumber: "1002"}, csta.ErrDeviceOutOfService},
		{csta.MakeCall{CallingDevice: "9", CalledDirectoryNumber: "1002"}, csta.ErrInvalidCallingDeviceID},
		{csta.MonitorStart{}, csta.ErrServiceNotSupported},
	} {
		_, dry := b.DryRun(anybody, c.request)
		_, wet := b.Do(context.Background(), anybody, c.request)
		if !errors.Is(dry, c.want) || !errors.Is(wet, c.want) {
			t.Errorf("%s: dry %v, wet %v, want %v", c.request.Service(), dry, wet, c.want)
		}
	}
}
