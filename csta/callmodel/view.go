package callmodel

import (
	"slices"
	"time"

	"farhook/csta"
)

// View is what one hearer was last told of each call in which its device takes part. A hearer that lost events brings itself up to
// date with CatchUp. The nil View is that of an idle device, and costs nothing.
type View map[csta.CallID]*Call

// Take remembers what t told the device d.
func (v *View) Take(t Told, d csta.DeviceID) {
	for i, id := range t.Calls {
		if c := t.After[i]; c != nil && c.leg(d) >= 0 {
			if *v == nil {
				*v = make(View)
			}
			(*v)[id] = c
		} else if delete(*v, id); len(*v) == 0 {
			*v = nil
		}
	}
}

// CatchUp gives the events that bring d's hearer from v to calls (all those in which d takes part now, others are passed over), ends
// included, and takes calls over.
func (v *View) CatchUp(d csta.DeviceID, calls []Call, at time.Time) []Told {
	scratch := New()
	for _, c := range *v {
		scratch.put(nil, c)
	}
	var s State
	*v = nil
	for i := range calls {
		if c := &calls[i]; c.leg(d) >= 0 {
			s.Calls = append(s.Calls, *c)
			if *v == nil {
				*v = make(View)
			}
			(*v)[c.ID] = c
		}
	}
	return slices.DeleteFunc(scratch.Resync(s, at), func(t Told) bool {
		return !slices.ContainsFunc(t.Audience, func(s Seat) bool { return s.Device == d })
	})
}
