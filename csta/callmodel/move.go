package callmodel

import (
	"slices"

	"farhook/csta"
)

// step is one state change of one leg, as the table and the makers of events see it.
type step struct {
	Moved
	call *Call // as it is afterwards; its leg has already moved, and stays in here until an end has been told
	leg  Leg   // afterwards
	from csta.State
	kind Kind // before
}

// row is one state change: which event tells it.
type row struct {
	from, to csta.State       // from empty: any state
	when     func(*step) bool // nil: always
	event    func(*step, csta.EventCause) csta.Event
	cause    csta.EventCause // the usual one
	odd      bool
}

// moves is the table of state changes (ECMA-269, 6.1.5 and 17.2): the first row that fits. The rows marked odd are no legal moves; they
// tell the nearest truth.
var moves = []row{
	{from: csta.Null, to: csta.Initiated, event: serviceInitiated, cause: csta.CauseNewCall},
	{from: csta.Hold, to: csta.Connected, event: retrieved, cause: csta.CauseNormal},
	{to: csta.Connected, when: becomesNetwork, event: networkReached, cause: csta.CauseNewCall},
	{from: csta.Null, to: csta.Connected, when: originates, event: originated, cause: csta.CauseNewCall},
	{from: csta.Initiated, to: csta.Connected, when: originates, event: originated, cause: csta.CauseNewCall},
	{from: csta.Null, to: csta.Connected, event: established, cause: csta.CauseNewCall},
	{from: csta.Initiated, to: csta.Connected, event: established, cause: csta.CauseNewCall},
	{from: csta.Alerting, to: csta.Connected, event: established, cause: csta.CauseNewCall},
	{from: csta.Queued, to: csta.Connected, event: established, cause: csta.CauseNewCall},
	{from: csta.Connected, to: csta.Connected, when: wasNetwork, event: established, cause: csta.CauseNewCall},
	{to: csta.Alerting, when: isOffered, event: offered, cause: csta.CauseNewCall},
	{from: csta.Null, to: csta.Alerting, event: delivered, cause: csta.CauseNewCall},
	{from: csta.Initiated, to: csta.Alerting, event: delivered, cause: csta.CauseNewCall},
	{from: csta.Queued, to: csta.Alerting, event: delivered, cause: csta.CauseNewCall},
	{from: csta.Alerting, to: csta.Alerting, when: wasOffered, event: delivered, cause: csta.CauseNewCall},
	{from: csta.Connected, to: csta.Alerting, when: wasNetwork, event: delivered, cause: csta.CauseNewCall},
	{from: csta.Connected, to: csta.Hold, event: held, cause: csta.CauseNormal},
	{from: csta.Null, to: csta.Queued, event: queued, cause: csta.CauseNormal},
	{from: csta.Alerting, to: csta.Queued, event: queued, cause: csta.CauseNormal},
	{from: csta.Initiated, to: csta.Queued, event: queued, cause: csta.CauseNormal},
	{from: csta.Connected, to: csta.Queued, event: queued, cause: csta.CauseNormal},
	{from: csta.Hold, to: csta.Queued, event: queued, cause: csta.CauseNormal},
	{from: csta.Null, to: csta.Fail, event: failed, cause: csta.CauseNormal},
	{from: csta.Initiated, to: csta.Fail, event: failed, cause: csta.CauseNormal},
	{from: csta.Alerting, to: csta.Fail, event: failed, cause: csta.CauseNormal},
	{from: csta.Queued, to: csta.Fail, event: failed, cause: csta.CauseNormal},
	{from: csta.Connected, to: csta.Fail, event: failed, cause: csta.CauseNormal},
	{to: csta.Null, event: connectionCleared, cause: csta.CauseNormalClearing},

	{to: csta.Initiated, event: serviceInitiated, cause: csta.CauseNewCall, odd: true},
	{to: csta.Connected, event: established, cause: csta.CauseNormal, odd: true},
	{to: csta.Alerting, event: delivered, cause: csta.CauseNormal, odd: true},
	{to: csta.Hold, event: held, cause: csta.CauseNormal, odd: true},
	{to: csta.Queued, event: queued, cause: csta.CauseNormal, odd: true},
	{to: csta.Fail, event: failed, cause: csta.CauseNormal, odd: true},
}

func becomesNetwork(s *step) bool { return s.Kind == Network && s.kind != Network }
func wasNetwork(s *step) bool     { return s.kind == Network && s.Kind != Network }
func isOffered(s *step) bool      { return s.Kind == Offered }
func wasOffered(s *step) bool     { return s.kind == Offered && s.Kind != Offered }

// originates says whether a leg is the call's origin: it is the calling party's, or, where nobody is known to call, the first.
func originates(s *step) bool {
	if s.call.Calling.Device != "" {
		return s.call.Calling.Device == s.leg.Device
	}
	return s.call.Legs[0].Device == s.leg.Device
}

// moved takes one state change over.
func (m *Model) moved(f Moved) []Told {
	id := m.resolve(f.Connection.Call)
	old := m.calls[id]
	if id == "" || f.Connection.Device == "" || !slices.Contains(known, f.To) || old == nil && f.To == csta.Null {
		m.odd++
		return nil
	}
	var c *Call
	if old == nil {
		c = &Call{ID: id, Began: f.At}
	} else {
		c = old.clone()
	}
	c.take(f.Calling, f.Called, f.LastRedirected)
	s := &m.step
	*s = step{Moved: f, call: c, from: csta.Null}
	defer func() { s.call = nil }()
	s.Connection.Call = id
	i := c.leg(f.Connection.Device)
	if i < 0 {
		if f.To == csta.Null {
			m.odd++
			return nil
		}
		c.Legs = append(c.Legs, Leg{Device: f.Connection.Device})
		i = len(c.Legs) - 1
	} else {
		s.from, s.kind = c.Legs[i].State, c.Legs[i].Kind
	}
	l := &c.Legs[i]
	if f.Subject.Shown != Absent {
		l.Party = f.Subject
	}
	same := s.from == f.To && s.kind == f.Kind
	if !same {
		l.Since = f.At
	}
	l.State, l.Kind, l.Queue = f.To, f.Kind, f.Queue
	s.leg = *l
	if same {
		m.put(old, c)
		return nil
	}
	r := &moves[s.row()]
	if r.odd {
		m.odd++
	}
	cause := f.Cause
	if cause == "" {
		cause = r.cause
	}
	if l.Cause = ""; f.To == csta.Fail {
		l.Cause = cause
	}
	t := Told{Event: r.event(s, cause), Audience: seats(c), Calls: []csta.CallID{id}, Op: f.Op, At: f.At}
	if f.To == csta.Null {
		c.Legs = slices.Delete(c.Legs, i, i+1)
	}
	t.After = []*Call{after(c)}
	m.put(old, c)
	told := []Told{t}
	if len(c.Legs) == 0 {
		told = append(told, cleared(c, cause, f.Meta))
	}
	return told
}

// row is the number of the step's row in the table. There always is one: the table ends with a row for every state to go to.
func (s *step) row() int {
	return slices.IndexFunc(moves, func(r row) bool {
		return (r.from == "" || r.from == s.from) && r.to == s.To && (r.when == nil || r.when(s))
	})
}

var known = []csta.State{csta.Null, csta.Initiated, csta.Alerting, csta.Connected, csta.Hold, csta.Queued, csta.Fail}

// take takes over the parties that a fact knows.
func (c *Call) take(calling, called, redirected Party) {
	if calling.Shown != Absent {
		c.Calling = calling
	}
	if called.Shown != Absent {
		c.Called = called
	}
	if redirected.Shown != Absent {
		c.LastRedirected = redirected
	}
}

// cleared is the end of a call. No device is in it any more: only call monitors hear it.
func cleared(c *Call, cause csta.EventCause, meta Meta) Told {
	return Told{
		Event: csta.CallClearedEvent{ClearedCall: csta.ConnectionID{Call: c.ID}, Cause: cause},
		Calls: []csta.CallID{c.ID}, After: []*Call{nil}, Op: meta.Op, At: meta.At,
	}
}

// redirected takes a connection away that went elsewhere. Where it never was (forwarded at once, or by a phone that was asked and did
// not ring) nothing is told, but who redirected is remembered for the events to come.
func (m *Model) redirected(f Redirected) []Told {
	id := m.resolve(f.Connection.Call)
	old := m.calls[id]
	if old == nil || f.Connection.Device == "" {
		m.odd++
		return nil
	}
	c := old.clone()
	c.take(f.Calling, f.Called, f.LastRedirected)
	i := c.leg(f.Connection.Device)
	if i < 0 {
		if f.LastRedirected.Shown == Absent {
			c.LastRedirected = Party{Device: f.Connection.Device, Shown: Known}
		}
		m.put(old, c)
		return nil
	}
	l := c.Legs[i]
	cause := f.Cause
	if cause == "" {
		cause = csta.CauseRedirected
	}
	audience := seats(c)
	audience[i].Local = csta.Null
	calling, called := c.Calling.Subject(), c.Called.Subject()
	t := Told{
		Event: csta.DivertedEvent{
			Connection:            csta.ConnectionID{Call: id, Device: l.Device},
			DivertingDevice:       l.party().Subject(),
			NewDestination:        f.NewDestination.Subject(),
			CallingDevice:         &calling,
			CalledDevice:          &called,
			LastRedirectionDevice: c.LastRedirected.redirection(),
			Cause:                 cause,
		},
		Audience: audience, Calls: []csta.CallID{id}, Op: f.Op, At: f.At,
	}
	c.Legs = slices.Delete(c.Legs, i, i+1)
	if f.LastRedirected.Shown == Absent {
		c.LastRedirected = l.party()
	}
	t.After = []*Call{after(c)}
	m.put(old, c)
	if len(c.Legs) == 0 {
		return []Told{t, cleared(c, cause, f.Meta)}
	}
	return []Told{t}
}
