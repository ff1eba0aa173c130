package asterisk

import (
	"slices"

	"farhook/csta"
)

// goOn has the requests that are being carried out go on with the legs and channels of a state that was built anew. What such a request was to bring
// about may be there already; where its legs are gone nothing is left to be proved, and who asked is told so.
func (t *tracker) goOn(joining []*joining, parting []*parting) {
	for _, p := range parting {
		l, near, far := t.find(p.leg.id()), t.channels[p.near.id], t.channels[p.far.id]
		if l != nil && near != nil && far != nil {
			p.leg, p.near, p.far = l, near, far
			t.parting = append(t.parting, p)
		}
	}
	for _, j := range joining {
		need := make([]*channel, 0, len(j.need))
		for _, c := range j.need {
			if c = t.channels[c.id]; c != nil && c.leg != nil {
				need = append(need, c)
			}
		}
		held, active := t.find(j.held.id()), t.find(j.active.id())
		switch {
		case j.done || len(need) < len(j.need):
		case len(need) > 0 && !slices.ContainsFunc(need, func(c *channel) bool {
			return c.leg.call != need[0].leg.call || c.bridge == nil || c.bridge != need[0].bridge
		}):
			j.done = true
		case held != nil && (active != nil || len(need) == 0):
			j.held, j.need = held, need
			if active != nil {
				j.active = active
			}
			t.joining = append(t.joining, j)
			if j.ends {
				t.endsQuietly(j)
			}
		}
	}
	for _, in := range t.intents {
		if in.into != nil && t.calls[in.into.id] != nil {
			in.into = t.calls[in.into.id]
		}
		if in.back != nil {
			if l := t.find(in.back.id()); l != nil && l.state == csta.Hold {
				in.back = l
				t.silence(l)
			}
		}
		if c := in.channel; c != nil && c.leg != nil && in.told == (csta.ConnectionID{}) && !in.quiet() {
			in.told = c.leg.id()
		}
	}
}

// endsQuietly has what ends of a consultation, so that who rings in it is rung anew, not told: the transfer tells it.
func (t *tracker) endsQuietly(j *joining) {
	j.ends = true
	if t.find(j.active.id()) != j.active {
		return
	}
	for _, l := range j.active.call.legs {
		t.silence(l)
	}
}
