package callmodel

import (
	"maps"
	"slices"
	"time"

	"farhook/csta"
)

// Resync replaces everything by s and tells the difference as events: ends first, then what is new or moved.
func (m *Model) Resync(s State, at time.Time) []Told {
	m.forget(at)
	var told []Told
	now := make(map[csta.CallID]*Call, len(s.Calls))
	for i := range s.Calls {
		c := s.Calls[i].clone()
		c.Legs = m.sound(c.Legs)
		if c.ID != "" && len(c.Legs) > 0 {
			now[c.ID] = c
			delete(m.former, c.ID)
		}
	}
	meta := Meta{At: at}
	for _, id := range slices.Sorted(maps.Keys(m.calls)) {
		old := m.calls[id]
		for _, l := range ringingFirst(old.Legs) {
			if c := now[id]; c == nil || c.leg(l.Device) < 0 {
				told = append(told, m.moved(Moved{Meta: meta, Connection: csta.ConnectionID{Call: id, Device: l.Device}, To: csta.Null})...)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(now)) {
		told = append(told, m.bring(now[id], meta)...)
	}
	told = append(told, m.resyncDevices(s, meta)...)
	return told
}

// sound drops the legs that are none: without a device or a state, or a second one of a device. Null legs are passed over in silence.
func (m *Model) sound(legs []Leg) []Leg {
	sound := legs[:0]
	for _, l := range legs {
		switch {
		case l.State == csta.Null:
		case l.Device == "" || !slices.Contains(known, l.State) || slices.ContainsFunc(sound, func(o Leg) bool { return o.Device == l.Device }):
			m.odd++
		default:
			sound = append(sound, l)
		}
	}
	return sound
}

// ringingFirst puts the ends in the order in which phones tell them: who rings stops before who calls.
func ringingFirst(legs []Leg) []Leg {
	legs = slices.Clone(legs)
	slices.SortStableFunc(legs, func(a, b Leg) int { return rank(a) - rank(b) })
	return legs
}

func rank(l Leg) int {
	if l.State == csta.Alerting || l.State == csta.Queued {
		return 0
	}
	return 1
}

// bring tells the shortest way from what we know of a call to c, and takes c over. The origin comes first. What hasn't changed stays as it was told.
func (m *Model) bring(c *Call, meta Meta) []Told {
	var told []Told
	c.keep(m.calls[c.ID])
	legs := slices.Clone(c.Legs)
	slices.SortStableFunc(legs, func(a, b Leg) int { return origin(c, a) - origin(c, b) })
	for _, l := range legs {
		from, kind := csta.Null, Plain
		if old := m.calls[c.ID]; old != nil {
			if i := old.leg(l.Device); i >= 0 {
				from, kind = old.Legs[i].State, old.Legs[i].Kind
			}
		}
		for _, to := range way(from, l.State) {
			f := Moved{
				Meta: meta, Connection: csta.ConnectionID{Call: c.ID, Device: l.Device}, To: to,
				Calling: c.Calling, Called: c.Called, LastRedirected: c.LastRedirected, Subject: l.party(), Queue: l.Queue,
			}
			if to == l.State {
				f.Kind = l.Kind
			}
			if from == l.State && kind == l.Kind {
				continue
			}
			told = append(told, m.moved(f)...)
		}
	}
	if old := m.calls[c.ID]; old != nil {
		for i, l := range c.Legs { // what the PBX doesn't say any more, we have told
			if j := old.leg(l.Device); l.State == csta.Fail && l.Cause == "" && j >= 0 {
				c.Legs[i].Cause = old.Legs[j].Cause
			}
		}
		m.put(old, c)
	}
	if n := len(told); n > 0 {
		told[n-1].After = []*Call{c}
	}
	return told
}

// keep lets stay what was told of a call before: when it began, the order of its legs, and since when those that stand as they did have stood so. A PBX may
// have it otherwise, and no event would tell that. before may be nil.
func (c *Call) keep(before *Call) {
	if before == nil {
		return
	}
	c.Began = before.Began
	for i, l := range c.Legs {
		if j := before.leg(l.Device); j >= 0 && before.Legs[j].State == l.State && before.Legs[j].Kind == l.Kind {
			c.Legs[i].Since = before.Legs[j].Since
		}
	}
	place := func(l Leg) int {
		if i := before.leg(l.Device); i >= 0 {
			return i
		}
		return len(before.Legs)
	}
	slices.SortStableFunc(c.Legs, func(a, b Leg) int { return place(a) - place(b) })
}

func origin(c *Call, l Leg) int {
	if l.Device == c.Calling.Device {
		return 0
	}
	return 1
}

// way is the states through which a leg is told from one to the other.
func way(from, to csta.State) []csta.State {
	if to == csta.Hold && from != csta.Connected && from != csta.Hold {
		return []csta.State{csta.Connected, csta.Hold}
	}
	return []csta.State{to}
}

// resyncDevices tells which features and services differ.
func (m *Model) resyncDevices(s State, meta Meta) []Told {
	var told []Told
	for _, d := range slices.Sorted(maps.Keys(m.features)) {
		for _, f := range m.features[d] {
			if !slices.ContainsFunc(s.Features[d], func(o Feature) bool { return sameKind(f, o) }) {
				told = append(told, m.featureSet(FeatureSet{Meta: meta, Device: d, Feature: off(f)})...)
			}
		}
	}
	for _, d := range slices.Sorted(maps.Keys(s.Features)) {
		for _, f := range s.Features[d] {
			told = append(told, m.featureSet(FeatureSet{Meta: meta, Device: d, Feature: f})...)
		}
	}
	for _, d := range slices.Sorted(maps.Keys(m.out)) {
		if _, out := s.Out[d]; !out {
			told = append(told, m.service(Service{Meta: meta, Device: d, In: true})...)
		}
	}
	for _, d := range slices.Sorted(maps.Keys(s.Out)) {
		meta.Cause = s.Out[d]
		told = append(told, m.service(Service{Meta: meta, Device: d})...)
	}
	return told
}
