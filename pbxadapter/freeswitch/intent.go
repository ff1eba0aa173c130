package freeswitch

import (
	"farhook/csta"
	"farhook/csta/callmodel"
)

// intention is what a request of ours wants of a leg that it makes, or changes.
type intention struct {
	op     callmodel.OpID
	called callmodel.Party
	cause  csta.EventCause
}

// What our services are about to do, before the command goes out: its events may come before its answer.

// willHandOver: the far end of n's call is sent to a number, and n leaves.
func (t *tracker) willHandOver(n *connection, far *leg, to callmodel.Party) *plan {
	return t.put(&plan{kind: planHandOver, by: n, far: []*leg{far}, to: to}, append(legs(n), far)...)
}

// willTransferRinging: the held call's far end is sent to who rings in the other one. His leg, if it is given, goes on ringing.
func (t *tracker) willTransferRinging(held, active *connection, far, keeps *leg, to callmodel.Party) *plan {
	own := append(append(legs(held), legs(active)...), far)
	p := &plan{kind: planHandOver, by: held, second: active, far: []*leg{far}, keeps: keeps, to: to}
	for _, n := range active.call.others(active) { // the phone may be rung anew: by another leg, while this one ends
		own = append(own, n.legs...)
		p.ringing = append(p.ringing, n)
		n.replacing = true
	}
	t.put(p, own...)
	p.leave(held, active)
	return p
}

// willJoin: the far ends of two calls are bridged.
func (t *tracker) willJoin(held, active *connection, far1, far2 *leg) *plan {
	own := append(legs(held), legs(active)...)
	if held.holder != nil {
		own = append(own, held.holder)
	}
	p := t.put(&plan{kind: planJoin, by: held, second: active, far: []*leg{far1, far2}, to: far2.party}, append(own, far1, far2)...)
	p.leave(held, active)
	return p
}

// willMeet: the parties of two calls meet in a room.
func (t *tracker) willMeet(held, active *connection, far1, far2 *leg, room string) *plan {
	p := t.put(&plan{kind: planMeet, by: held, second: active, far: []*leg{active.leg(), far2, far1}, to: far2.party, room: room},
		append(append(legs(held), legs(active)...), far1, far2)...)
	p.leave(held)
	return p
}

// willMeetAnother: the two parties of a call meet in a room, where another one is to join them.
func (t *tracker) willMeetAnother(n *connection, far *leg, to callmodel.Party, room string) *plan {
	return t.put(&plan{kind: planMeet, by: n, far: []*leg{n.leg(), far}, to: to, room: room, adds: true}, append(legs(n), far)...)
}

// willDeflect: who calls n is sent elsewhere.
func (t *tracker) willDeflect(n *connection, caller *leg, to callmodel.Party) *plan {
	return t.put(&plan{kind: planDeflect, by: n, far: []*leg{caller}, to: to}, append(legs(n), caller)...)
}

// willPark: the far end goes into a slot.
func (t *tracker) willPark(n *connection, far *leg, slot callmodel.Party) *plan {
	return t.put(&plan{kind: planPark, by: n, far: []*leg{far}, to: slot}, append(legs(n), far)...)
}

// willHold: the far end is parked with music, by our own hand, for a phone that can't hold when told to.
func (t *tracker) willHold(n *connection, far *leg, cause csta.EventCause) *plan {
	return t.put(&plan{kind: planHold, by: n, far: []*leg{far}, cause: cause}, append(legs(n), far)...)
}

// consults begins a second call on a leg whose first one is held by parking the far end.
func (t *tracker) consults(own *leg, to callmodel.Party, op callmodel.OpID) *call {
	id := own.id + "." + newID()[:4] // another call of the same leg; the leg is marked with it
	c := t.newCall(id)
	c.calling, c.called, c.cause, c.until = own.party, to, csta.CauseConsultation, op
	n := t.join(c, own.device, own.party)
	own.dialled = true
	own.attach(n)
	t.note(own)
	t.move(n, csta.Connected, csta.CauseConsultation)
	return c
}

// legs are a connection's own legs.
func legs(n *connection) []*leg { return append([]*leg(nil), n.legs...) }
