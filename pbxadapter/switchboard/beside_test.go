package switchboard_test

import (
	"slices"
	"testing"

	"farhook/csta"
	. "farhook/pbxadapter/switchboard"
)

// What is told beside the events has its place among them, and is heard by those only who ask for it and may observe its devices.
func TestTell(t *testing.T) {
	a := newScripted(d1, d2)
	b := New(OwnLine{}, Options{}, PBX{Name: "a", Adapter: a})
	serve(t, b)
	r := <-a.runs
	follow := func(who Principal, after Seq, f Filter) *Cursor {
		c := b.Follow(who, after, f, func() {})
		t.Cleanup(c.Close)
		return c
	}
	everything := Filter{All: true, Beside: true}
	second := Principal{User: "second", Via: "sip", Line: d2}
	before := b.Last()
	now := map[string]*Cursor{
		"all": follow(anybody, Now, everything), "events": follow(anybody, Now, Filter{All: true}), "monitor": follow(first, Now, Filter{}),
		"one": follow(anybody, Now, Filter{Devices: []csta.DeviceID{d1}, Beside: true}), "other": follow(anybody, Now, Filter{Devices: []csta.DeviceID{d2}, Beside: true}),
		"owner": follow(first, Now, everything), "another": follow(second, Now, everything),
	}
	now["monitor"].Watch(d1)
	b.Tell(anybody, "of the line", d1)
	r.Report(ring("1", d1))
	if last := b.Tell(anybody, "of everybody"); last != before+3 || b.Last() != last {
		t.Errorf("%d after %d", last, before)
	}
	now["late"], now["late, events"] = follow(anybody, before, everything), follow(anybody, before, Filter{All: true})
	for name, want := range map[string][]any{
		"all":     {"of the line", "DeliveredEvent", "of everybody"},
		"late":    {"of the line", "DeliveredEvent", "of everybody"},
		"owner":   {"of the line", "DeliveredEvent", "of everybody"},
		"one":     {"of the line", "DeliveredEvent"},
		"events":  {"DeliveredEvent"},
		"monitor": {"DeliveredEvent"}, "late, events": {"DeliveredEvent"},
		"another": {"of everybody"},
		"other":   nil,
	} {
		var heard []any
		for e, ok, err := now[name].Next(); ok || err != nil; e, ok, err = now[name].Next() {
			switch {
			case err != nil:
				t.Fatal(err)
			case e.Beside != nil:
				heard = append(heard, e.Beside)
			default:
				heard = append(heard, e.Event.Element())
			}
		}
		if !slices.Equal(heard, want) {
			t.Errorf("%s heard %v, want %v", name, heard, want)
		}
	}
}
