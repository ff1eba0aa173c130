package callmodel

import (
	"maps"
	"slices"
	"strings"
	"time"

	"farhook/csta"
)

// remember is how long the old name of a call leads to the result of its rearrangement: clients race.
const remember = 30 * time.Second

// maxFormer bounds the old names.
const maxFormer = 100_000

// Model is one PBX's calls, features and service. The zero value is not ready: use New.
//
// Calls are immutable values that are replaced when they change, so what State, Call, At and Told.After give out may be kept.
type Model struct {
	calls    map[csta.CallID]*Call
	at       map[csta.DeviceID][]csta.CallID // calls with a leg of the device, oldest first
	features map[csta.DeviceID][]Feature     // slices are replaced, never changed
	out      map[csta.DeviceID]csta.EventCause
	former   map[csta.CallID]former
	fading   []fading // entries of former, oldest first
	odd      uint64
	step     step // the one at hand: large, and needed for each fact
}

// former is where the old name of a call leads, and for how long.
type former struct {
	to    csta.CallID
	until time.Time
}

// fading says when an entry of former may go, unless it was renewed meanwhile.
type fading struct {
	id    csta.CallID
	until time.Time
}

// New is an empty model.
func New() *Model {
	return &Model{
		calls:    make(map[csta.CallID]*Call),
		at:       make(map[csta.DeviceID][]csta.CallID),
		features: make(map[csta.DeviceID][]Feature),
		out:      make(map[csta.DeviceID]csta.EventCause),
		former:   make(map[csta.CallID]former),
	}
}

// Apply takes one fact over and tells what follows from it, in order. A fact that the table does not know is taken over
// all the same, and counted (Odd); one that does not say what it is about can only be counted.
func (m *Model) Apply(f Fact) []Told {
	if f != nil {
		m.forget(f.when())
	}
	switch f := f.(type) {
	case Moved:
		return m.moved(f)
	case Redirected:
		return m.redirected(f)
	case Rearranged:
		return m.rearranged(f)
	case FeatureSet:
		return m.featureSet(f)
	case Service:
		return m.service(f)
	case Noted:
		return m.noted(f)
	}
	m.odd++
	return nil
}

// State is everything at this moment.
func (m *Model) State() State {
	s := State{Calls: make([]Call, 0, len(m.calls)), Features: maps.Clone(m.features), Out: maps.Clone(m.out)}
	for _, c := range m.calls {
		s.Calls = append(s.Calls, *c)
	}
	slices.SortFunc(s.Calls, func(a, b Call) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return s
}

// Call finds one call, also by a name that it had before a rearrangement (kept for 30 s of facts' time).
func (m *Model) Call(id csta.CallID) (Call, bool) {
	if c := m.calls[m.resolve(id)]; c != nil {
		return *c, true
	}
	return Call{}, false
}

// Len is how many calls there are.
func (m *Model) Len() int { return len(m.calls) }

// resolve follows an old name to the newest one.
func (m *Model) resolve(id csta.CallID) csta.CallID {
	for range 8 {
		f, ok := m.former[id]
		if !ok || m.calls[id] != nil {
			break
		}
		id = f.to
	}
	return id
}

// rename lets the old name lead to the new one for a while.
func (m *Model) rename(old, to csta.CallID, at time.Time) {
	if old == to || old == "" {
		return
	}
	until := at.Add(remember)
	m.former[old] = former{to, until}
	m.fading = append(m.fading, fading{old, until})
}

// forget drops the names that are too old, or too many.
func (m *Model) forget(at time.Time) {
	for len(m.fading) > 0 {
		f := m.fading[0]
		if f.until.After(at) && len(m.fading) <= maxFormer {
			return
		}
		if m.former[f.id].until.Equal(f.until) {
			delete(m.former, f.id)
		}
		m.fading = m.fading[1:]
	}
}

// At lists the calls in which d has a connection, oldest first.
func (m *Model) At(d csta.DeviceID) []Call {
	calls := make([]Call, 0, len(m.at[d]))
	for _, id := range m.at[d] {
		calls = append(calls, *m.calls[id])
	}
	return calls
}

// Features lists d's features as last told. The slice is shared: not to be changed.
func (m *Model) Features(d csta.DeviceID) []Feature { return m.features[d] }

// OutOfService says whether d is out of service, and why.
func (m *Model) OutOfService(d csta.DeviceID) (csta.EventCause, bool) {
	cause, out := m.out[d]
	return cause, out
}

// Odd counts the facts that the table of state changes did not know.
func (m *Model) Odd() uint64 { return m.odd }

// put enters a call in its new form; one without legs is gone.
func (m *Model) put(old *Call, c *Call) {
	for _, l := range c.Legs {
		if old == nil || old.leg(l.Device) < 0 {
			m.at[l.Device] = append(m.at[l.Device], c.ID)
		}
	}
	if old != nil {
		for _, l := range old.Legs {
			if c.leg(l.Device) < 0 {
				m.leave(l.Device, c.ID)
			}
		}
	}
	if len(c.Legs) == 0 {
		delete(m.calls, c.ID)
		return
	}
	m.calls[c.ID] = c
}

// drop takes a whole call out.
func (m *Model) drop(c *Call) {
	for _, l := range c.Legs {
		m.leave(l.Device, c.ID)
	}
	delete(m.calls, c.ID)
}

func (m *Model) leave(d csta.DeviceID, id csta.CallID) {
	rest := slices.DeleteFunc(m.at[d], func(o csta.CallID) bool { return o == id })
	if len(rest) == 0 {
		delete(m.at, d)
		return
	}
	m.at[d] = rest
}

// leg is the index of d's leg, or -1.
func (c *Call) leg(d csta.DeviceID) int {
	return slices.IndexFunc(c.Legs, func(l Leg) bool { return l.Device == d })
}

// clone is a copy whose legs may be changed.
func (c *Call) clone() *Call {
	n := *c
	n.Legs = slices.Clone(c.Legs)
	return &n
}

// after is what Told.After says of c.
func after(c *Call) *Call {
	if c == nil || len(c.Legs) == 0 {
		return nil
	}
	return c
}

// seats are the legs of a call as hearers.
func seats(c *Call) []Seat {
	s := make([]Seat, 0, len(c.Legs)+1)
	for _, l := range c.Legs {
		s = append(s, Seat{l.Device, l.State})
	}
	return s
}

// noted tells something about a call that changes nothing.
func (m *Model) noted(f Noted) []Told {
	c := m.calls[m.resolve(f.Connection.Call)]
	if c == nil || f.What == nil {
		m.odd++
		return nil
	}
	return []Told{{Event: f.What, Audience: seats(c), Calls: []csta.CallID{c.ID}, After: []*Call{c}, Op: f.Op, At: f.At}}
}
