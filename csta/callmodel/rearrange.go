package callmodel

import (
	"slices"
	"time"

	"farhook/csta"
)

// rearrangements says how each form is told.
var rearrangements = map[Rearrangement]struct {
	event func(rearrangement) csta.Event
	cause csta.EventCause
}{
	Transfer:             {transfered, csta.CauseTransfer},
	SingleStepTransfer:   {transfered, csta.CauseSingleStepTransfer},
	Conference:           {conferenced, csta.CauseConference},
	SingleStepConference: {conferenced, csta.CauseSingleStepConference},
}

// rearrangement is what the makers of its events see.
type rearrangement struct {
	primary   csta.ConnectionID
	secondary *csta.ConnectionID
	by, other csta.SubjectDeviceID
	list      []csta.ConnectionListItem
	cause     csta.EventCause
}

func transfered(r rearrangement) csta.Event {
	return csta.TransferedEvent{
		PrimaryOldCall: r.primary, SecondaryOldCall: r.secondary, TransferringDevice: r.by, TransferredToDevice: r.other,
		TransferredConnections: r.list, Cause: r.cause,
	}
}

func conferenced(r rearrangement) csta.Event {
	return csta.ConferencedEvent{
		PrimaryOldCall: r.primary, SecondaryOldCall: r.secondary, ConferencingDevice: r.by, AddedParty: r.other,
		ConferenceConnections: r.list, Cause: r.cause,
	}
}

// rearranged joins calls or hands them over. Parties of the old calls that the fact does not list are carried over: the list in the event is
// that of the whole result.
func (m *Model) rearranged(f Rearranged) []Told {
	if f.Primary == "" || f.By == "" {
		m.odd++
		return nil
	}
	row, ok := rearrangements[f.How]
	if !ok {
		m.odd++
		f.How = Conference
		row = rearrangements[Conference]
	}
	primaryID, secondaryID := m.resolve(f.Primary), m.resolve(f.Secondary)
	if f.Result == "" {
		f.Result = primaryID
	}
	if primaryID == secondaryID {
		return m.movedOn(f)
	}
	primary := m.old(primaryID, f.At)
	olds := []*Call{primary}
	var secondary *Call
	if secondaryID != "" {
		secondary = m.old(secondaryID, f.At)
		olds = append(olds, secondary)
	}
	result := &Call{ID: f.Result, Began: primary.Began, Calling: primary.Calling, Called: primary.Called, LastRedirected: primary.LastRedirected}
	if standing := m.calls[f.Result]; standing != nil && standing != primary && standing != secondary {
		m.odd++ // a result that is a third call with legs of its own: they stay
		olds = append(olds, standing)
	}
	transfer := f.How == Transfer || f.How == SingleStepTransfer
	moves := complete(f, olds, transfer)
	r := rearrangement{
		primary: csta.ConnectionID{Call: primaryID, Device: f.By},
		by:      partyIn(f.By, olds).Subject(), other: f.Other.Subject(), cause: f.Cause,
		list: make([]csta.ConnectionListItem, 0, len(moves)),
	}
	if r.cause == "" {
		r.cause = row.cause
	}
	if secondary != nil {
		r.secondary = &csta.ConnectionID{Call: secondaryID, Device: f.By}
	}
	for _, mv := range moves {
		old := mv.Old
		r.list = append(r.list, csta.ConnectionListItem{NewConnection: mv.New, OldConnection: &old, Endpoint: mv.Party.endpoint()})
		if mv.State == csta.Null || result.leg(mv.New.Device) >= 0 {
			continue
		}
		l := Leg{Device: mv.New.Device, State: mv.State, Since: f.At, Party: mv.Party}
		for _, o := range olds {
			if i := o.leg(mv.Old.Device); i >= 0 && o.Legs[i].State == mv.State {
				l.Since, l.Kind, l.Queue = o.Legs[i].Since, o.Legs[i].Kind, o.Legs[i].Queue
			}
		}
		result.Legs = append(result.Legs, l)
	}
	if transfer {
		result.Called = f.Other
		if result.Calling.Device == f.By || result.Calling.Shown == Absent {
			for _, mv := range moves {
				if mv.Old.Call == primaryID && mv.Old.Device != f.By {
					result.Calling = mv.Party
					break
				}
			}
		}
	}
	t := Told{Event: row.event(r), Audience: seats(result), Op: f.Op, At: f.At}
	for _, o := range olds {
		for _, l := range o.Legs {
			if !slices.ContainsFunc(t.Audience, func(s Seat) bool { return s.Device == l.Device }) {
				t.Audience = append(t.Audience, Seat{l.Device, csta.Null})
			}
		}
	}
	for _, o := range olds {
		m.drop(o)
		m.rename(o.ID, result.ID, f.At)
		if o.ID != result.ID {
			t.Calls, t.After = append(t.Calls, o.ID), append(t.After, nil)
		}
	}
	delete(m.former, result.ID)
	if len(result.Legs) > 0 {
		m.put(nil, result)
	}
	t.Calls, t.After = append(t.Calls, result.ID), append(t.After, after(result))
	if len(t.Audience) == 0 {
		return nil // nobody was there before or after
	}
	if len(result.Legs) == 0 {
		return []Told{t, cleared(result, r.cause, f.Meta)}
	}
	return []Told{t}
}

// old is a call that is rearranged. One that is not known counts as odd, and has nobody in it but those whom the fact lists.
func (m *Model) old(id csta.CallID, at time.Time) *Call {
	if c := m.calls[id]; c != nil {
		return c
	}
	m.odd++
	return &Call{ID: id, Began: at}
}

// movedOn takes over a rearrangement whose two calls are one already (it was told before): only what it changes is told.
func (m *Model) movedOn(f Rearranged) []Told {
	m.odd++
	var told []Told
	for _, mv := range f.Moves {
		device := mv.New.Device
		if device == "" {
			device = mv.Old.Device
		}
		if mv.State == "" {
			mv.State = csta.Connected
		}
		if mv.State == csta.Null {
			continue // listed only: its own Moved tells
		}
		told = append(told, m.moved(Moved{
			Meta: f.Meta, Connection: csta.ConnectionID{Call: f.Result, Device: device}, To: mv.State, Subject: mv.Party,
		})...)
	}
	return told
}

// complete fills in what the fact leaves open: how each party is shown, and the parties it does not list.
func complete(f Rearranged, olds []*Call, transfer bool) []Move {
	moves := slices.DeleteFunc(slices.Clone(f.Moves), func(mv Move) bool { return mv.New.Device == "" && mv.Old.Device == "" })
	for i := range moves {
		mv := &moves[i]
		mv.New.Call = f.Result
		if mv.New.Device == "" {
			mv.New.Device = mv.Old.Device
		}
		if mv.Old.Device == "" {
			mv.Old = mv.New
		}
		if !slices.Contains(known, mv.State) {
			mv.State = csta.Connected
		}
		if mv.Party.Shown == Absent {
			mv.Party = partyIn(mv.Old.Device, olds)
		}
	}
	for _, o := range olds {
		for _, l := range o.Legs {
			listed := slices.ContainsFunc(moves, func(mv Move) bool { return mv.Old.Device == l.Device || mv.New.Device == l.Device })
			if listed || transfer && l.Device == f.By {
				continue
			}
			state := l.State
			if l.Device == f.By {
				state = csta.Connected
			}
			moves = append(moves, Move{
				Old:   csta.ConnectionID{Call: o.ID, Device: l.Device},
				New:   csta.ConnectionID{Call: f.Result, Device: l.Device},
				State: state, Party: l.party(),
			})
		}
	}
	return moves
}

// partyIn is how a device is shown in one of the calls.
func partyIn(d csta.DeviceID, calls []*Call) Party {
	for _, c := range calls {
		if i := c.leg(d); i >= 0 {
			return c.Legs[i].party()
		}
	}
	return Party{Device: d, Shown: Known}
}
