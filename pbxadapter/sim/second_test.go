package sim_test

import (
	"testing"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
)

// A second PBX beside the first one has numbers of its own, and the same fixed points.
func TestSecondPBX(t *testing.T) {
	conf := quiet()
	conf.First = 2001
	w := newWorld(t, conf)
	one := newWorld(t, quiet())
	taken := map[csta.DeviceID]bool{}
	for _, d := range one.devices {
		taken[d.ID] = true
	}
	kinds := map[pbxadapter.DeviceKind]int{}
	for _, d := range w.devices {
		kinds[d.Kind]++
		if taken[d.ID] {
			t.Errorf("both have %s", d.ID)
		}
	}
	if kinds[pbxadapter.Phone] != 24 || kinds[pbxadapter.Group] != 1 || kinds[pbxadapter.ParkSlot] != 9 {
		t.Errorf("%v", kinds)
	}
	id := w.talk("2005", "2006")
	w.expect("within", "2005", "connected", "2006", "connected")
	w.do(csta.ParkCall{Parking: &id, ParkTo: "271"})
	w.expect("parked", "2005", "idle", "271", "queued")
	w.call("2005", "tel:+15552020")
	w.expect("do not disturb", "tel:+15552020", "fail")
	w.hand(w.Phone(1001).Dial("tel:+15552001"))
	w.expect("a call of the other PBX's comes from outside", "2001", "alerting")
	for _, first := range []int{1, 1000, 1500, 2000, 1_000_001} {
		if _, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 1, First: first}); err == nil {
			t.Errorf("first: %d is taken", first)
		}
	}
}
