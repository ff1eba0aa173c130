package recorded

import (
	"slices"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// blindTransfer: the call keeps its name; the new party is dialled afterwards.
func (a *asterisk) blindTransfer(by, other *channel, to string) {
	c := by.call
	a.depart(by)
	a.tell(callmodel.Rearranged{
		Meta: a.meta(""), How: callmodel.SingleStepTransfer, Primary: c.id, By: csta.DeviceID(by.device), Other: party(to), Result: c.id,
		Moves: []callmodel.Move{
			{Old: connection(c, other.device), New: connection(c, other.device), State: csta.Connected},
			{Old: connection(c, to), New: connection(c, to), State: csta.Null, Party: party(to)},
		},
	})
	c.cause, c.lastRedirected, c.called = csta.CauseSingleStepTransfer, by.device, to
	if c.calling == by.device {
		c.calling = other.device
	}
}

// attendedTransfer: the result goes under the held call's name. The target may still ring: then the PBX does not name it.
func (a *asterisk) attendedTransfer(first, second, other, target *channel) {
	if target == nil {
		target = a.order[slices.IndexFunc(a.order, func(c *channel) bool { return c.caller == second })]
	}
	old, consultation := first.call, second.call
	a.depart(first)
	a.depart(second)
	a.tell(callmodel.Rearranged{
		Meta: a.meta(""), How: callmodel.Transfer, Primary: old.id, Secondary: consultation.id, By: csta.DeviceID(first.device),
		Other: party(target.device), Result: old.id,
		Moves: []callmodel.Move{
			{Old: connection(old, other.device), New: connection(old, other.device), State: csta.Connected},
			{Old: connection(consultation, target.device), New: connection(old, target.device), State: target.state},
		},
	})
	target.call, target.caller = old, other
	old.cause, old.called = csta.CauseTransfer, target.device
	if old.calling == first.device {
		old.calling = other.device
	}
}

// depart takes a transferring channel out: whatever the PBX still says of it has been told by the transfer.
func (a *asterisk) depart(c *channel) {
	c.retrieve.drop()
	c.silent, c.state = true, csta.Null
}

// conference begins one by a request of ours: the channel that holds the primary call is dropped on the way, and that is no end of its
// device's part.
func (a *asterisk) conference(by *channel) {
	for _, o := range a.order {
		if o.device == by.device && o.state == csta.Hold {
			a.joining = &joining{by: by, primary: o.call, secondary: by.call}
			o.silent = true
			return
		}
	}
	a.t.Fatalf("%s holds no call for a conference", by.device)
}

// join waits until everybody of both calls is in the room.
func (a *asterisk) join(c *channel) {
	j := a.joining
	if j == nil {
		a.t.Fatalf("%s joins a room by itself", c.name)
	}
	j.in = append(j.in, c)
	f := callmodel.Rearranged{
		Meta: a.meta(""), How: callmodel.Conference, Primary: j.primary.id, Secondary: j.secondary.id, By: csta.DeviceID(j.by.device),
		Result: j.primary.id,
	}
	for _, o := range a.order {
		if o.state == csta.Null || o.silent || o.call != j.primary && o.call != j.secondary {
			continue
		}
		if !slices.Contains(j.in, o) {
			return
		}
		from := o.call
		switch {
		case o == j.by:
			from = j.primary
		case o.call == j.secondary:
			f.Other = party(o.device)
		}
		f.Moves = append(f.Moves, callmodel.Move{Old: connection(from, o.device), New: connection(j.primary, o.device), State: csta.Connected})
	}
	for _, o := range j.in {
		o.call = j.primary
	}
	a.joining = nil
	a.tell(f)
}
