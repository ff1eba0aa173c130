package switchboard_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	. "farhook/pbxadapter/switchboard"
)

// Devices are told when their PBX has told its state for the first time, and whenever something about them changes; never twice the same.
func TestDevicesAreTold(t *testing.T) {
	a := newScripted(d1, d2)
	b := New(OwnLine{}, Options{}, PBX{Name: "a", Adapter: a})
	all := b.Follow(anybody, Now, Filter{All: true, Beside: true}, func() {})
	own := b.Follow(first, Now, Filter{All: true, Beside: true}, func() {})
	one := b.Follow(anybody, Now, Filter{Devices: []csta.DeviceID{d2}, Beside: true}, func() {})
	for _, c := range []*Cursor{all, own, one} {
		t.Cleanup(c.Close)
	}
	heard := func(c *Cursor) string {
		t.Helper()
		var s string
		for {
			e, ok, err := c.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				return s
			}
			if x, is := e.Beside.(DevicesChanged); is {
				s += fmt.Sprintf("%d changed, %d gone; ", len(x.Changed), len(x.Gone))
			}
		}
	}
	expect := func(when, everybody, owner, second string) {
		t.Helper()
		for name, c := range map[string]struct {
			c    *Cursor
			want string
		}{"all": {all, everybody}, "owner": {own, owner}, "second": {one, second}} {
			if got := heard(c.c); got != c.want {
				t.Errorf("%s: %s hears %q, want %q", when, name, got, c.want)
			}
		}
	}
	expect("before it runs", "", "", "")
	serve(t, b)
	r := <-a.runs
	expect("connected", "2 changed, 0 gone; ", "2 changed, 0 gone; ", "2 changed, 0 gone; ")
	r.Devices(slices.Clone(a.devices))
	expect("the same again", "", "", "")
	changed := slices.Clone(a.devices)
	changed[1].Lacks = map[csta.Service]pbxadapter.Reason{"HoldCall": "it can't"}
	r.Devices(changed)
	expect("one lacks something", "1 changed, 0 gone; ", "", "1 changed, 0 gone; ")
	r.Devices(changed[:1])
	expect("one is gone", "0 changed, 1 gone; ", "", "0 changed, 1 gone; ")
	a.cut <- errors.New("cable pulled")
	r = <-a.runs
	expect("connected anew, with both", "1 changed, 0 gone; ", "", "1 changed, 0 gone; ")
	many := slices.Clone(a.devices)
	for i := range 1200 {
		many = append(many, pbxadapter.Device{ID: csta.DeviceID(fmt.Sprint("tel:+1666", 10000+i))})
	}
	r.Devices(many)
	expect("many more", "500 changed, 0 gone; 500 changed, 0 gone; 200 changed, 0 gone; ", "", "")
	b.Change(PBX{Name: "other", Adapter: newScripted("tel:+15559999")})
	if got := heard(all); got != "0 changed, 500 gone; 0 changed, 500 gone; 0 changed, 202 gone; 1 changed, 0 gone; " && got != "0 changed, 500 gone; 0 changed, 500 gone; 0 changed, 202 gone; " {
		t.Errorf("another PBX: %s", got)
	}
	if left, ok := (DevicesChanged{Changed: []csta.DeviceID{d1, d2}, Gone: []csta.DeviceID{"x"}}).Only([]csta.DeviceID{d2}); !ok || len(left.Changed) != 1 || len(left.Gone) != 0 {
		t.Errorf("%+v", left)
	}
}

// Of a device that is out of service anyhow no event tells that the link to its PBX is lost, or there again: that is told like every other change.
func TestLinkOfDevicesThatAreOut(t *testing.T) {
	a := newScripted(d1, d2)
	a.state = callmodel.State{Out: map[csta.DeviceID]csta.EventCause{d2: csta.CauseDestOutOfOrder}}
	b := New(OwnLine{}, Options{}, PBX{Name: "a", Adapter: a})
	serve(t, b)
	<-a.runs
	for end := time.Now().Add(time.Minute); len(b.Devices(System)) < 2 || !b.Devices(System)[1].LinkUp; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the PBX doesn't come")
		}
	}
	c := b.Follow(anybody, Now, Filter{All: true, Beside: true}, func() {})
	defer c.Close()
	told := func(up bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			e, ok, err := c.Next()
			if err != nil || time.Now().After(end) {
				t.Fatalf("nothing tells that the link is up: %v (%v)", up, err)
			}
			if x, is := e.Beside.(DevicesChanged); ok && is {
				if d, _ := b.Device(System, d2); !slices.Equal(x.Changed, []csta.DeviceID{d2}) || d.LinkUp != up {
					t.Errorf("told of %v, link up: %v", x.Changed, d.LinkUp)
				}
				return
			}
		}
	}
	a.cut <- errors.New("cable pulled")
	told(false)
	<-a.runs
	told(true)
}
