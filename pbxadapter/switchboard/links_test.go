package switchboard_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"farhook/csta"
	. "farhook/pbxadapter/switchboard"
)

func TestLinksAndSystem(t *testing.T) {
	a := newScripted(d1, d2)
	b := New(OwnLine{}, Options{}, PBX{Name: "a", Adapter: a})
	if l := b.Links(); len(l) != 1 || l[0].Up || l[0].Why != "" {
		t.Errorf("before: %+v", l)
	}
	serve(t, b)
	<-a.runs
	if l := b.Links(); !l[0].Up || !l[0].Synced {
		t.Errorf("connected: %+v", l)
	}
	if n := len(b.Devices(System)); n != 2 {
		t.Errorf("System sees %d devices of 2", n)
	}
	if b.May(System, csta.Control, d1) || b.May(Principal{User: "farhook"}, csta.Observe, d1) {
		t.Error("System may do something, or somebody else is taken for it")
	}
	a.cut <- errors.New("cable pulled")
	for end := time.Now().Add(time.Minute); b.Links()[0].Why != "cable pulled"; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("lost: %+v", b.Links())
		}
	}
}

// Between two tries the board waits longer each time, from half a second to half a minute, and never the same; a link that stood for a minute begins anew.
func TestWaitsBetweenTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newScripted(d1)
		b := New(OwnLine{}, Options{}, PBX{Name: "a", Adapter: a})
		serve(t, b)
		<-a.runs
		pause := func() time.Duration { // how long it takes from a lost link to the next try
			a.cut <- errors.New("cable pulled")
			began := time.Now()
			<-a.runs
			return time.Since(began)
		}
		grows := func() {
			t.Helper()
			for _, most := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second} {
				if p := pause(); p < most/2 || p > most {
					t.Errorf("waited %v, want %v to %v", p, most/2, most)
				}
			}
		}
		grows()
		seen := make(map[time.Duration]bool)
		for range 20 {
			p := pause()
			if p < 15*time.Second || p > 30*time.Second {
				t.Errorf("waited %v in the end, want 15s to 30s", p)
			}
			seen[p.Truncate(time.Second)] = true
		}
		if len(seen) < 4 {
			t.Errorf("everybody would come back at the same time: %v", seen)
		}
		time.Sleep(59 * time.Second)
		if p := pause(); p < 15*time.Second {
			t.Errorf("waited %v after a link that stood for less than a minute", p)
		}
		time.Sleep(time.Minute)
		grows()
	})
}

// A PBX whose configuration was put right is tried at once, whatever pause its old one has come to.
func TestChangeEndsThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, right := newScripted(d1), newScripted(d1)
		b := New(OwnLine{}, Options{}, PBX{Name: "a", Adapter: a})
		serve(t, b)
		for range 8 {
			<-a.runs
			a.cut <- errors.New("no route to host")
		}
		synctest.Wait()
		began := time.Now()
		b.Change(PBX{Name: "a", Adapter: right})
		<-right.runs
		if took := time.Since(began); took != 0 {
			t.Errorf("it's tried after %v", took)
		}
		right.cut <- errors.New("cable pulled")
		<-right.runs
		if took := time.Since(began); took > 500*time.Millisecond {
			t.Errorf("the pauses go on where they were: %v", took)
		}
	})
}
