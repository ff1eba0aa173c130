package switchboard_test

import (
	"errors"
	"testing"
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
	for end := time.Now().Add(10 * time.Second); b.Links()[0].Why != "cable pulled"; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("lost: %+v", b.Links())
		}
	}
}
