package asterisk

import (
	"slices"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/asterisk/ami"
)

// pickup is a channel that takes the call of one that rings.
func (t *tracker) pickup(m ami.Message) {
	c, target := t.of(m, ""), t.of(m, "Target")
	if c == nil || target == nil || target.leg == nil || !c.real() {
		return
	}
	l := target.leg
	c.app.drop()
	c.answered = true
	if l.device == c.device { // the phone answers by a second channel: the connection moves over
		t.silence(l)
		for _, o := range l.channels {
			o.leg = nil
		}
		l.channels = nil
		t.dissolve(c, l.call, csta.CauseCallPickup)
		c.silent = false
		t.attach(l, c)
		t.answer(l, c)
		return
	}
	t.take(l, c, csta.CauseCallPickup)
}

// take has a channel's device take over the place of l, which rings, waits or is parked. The call that the device made in order to do so, if
// it was told of one, dissolves.
func (t *tracker) take(l *leg, c *channel, cause csta.EventCause) {
	k := l.call
	who := c.party
	who.Device = c.device
	op := l.op
	if c.intent != nil {
		op = c.intent.op
	}
	if k.op == 0 {
		k.op = op
	}
	t.silence(l)
	t.divert(l, who, cause)
	t.dissolve(c, k, cause)
	c.silent = false
	if c.kind == outside {
		c.device = t.outsideID(k, c)
		who = c.party
	}
	if k.leg(c.device) != nil {
		c.silent = true
		return
	}
	n := t.add(k, c.device, party, who)
	t.attach(n, c)
	n.op = op
	t.calls[k.id] = k
	t.move(n, csta.Connected, cause)
	n.op = 0
	k.cause = ""
	t.answeredElsewhere(k)
}

// dissolve ends the call that a channel made in order to get into k, if it was told of one.
func (t *tracker) dissolve(c *channel, k *call, cause csta.EventCause) {
	own := c.leg
	if own == nil || own.call == k {
		return
	}
	for _, o := range slices.Clone(own.call.legs) {
		if o != own && o.role != party {
			t.move(o, csta.Null, cause)
		}
	}
	own.drop(c)
	c.leg = nil
	t.move(own, csta.Null, cause)
}

// parkedCall is a party that was put into a car park. Where a phone did that by a blind transfer, the transfer tells what became of the phone, and may
// come after.
func (t *tracker) parkedCall(m ami.Message) {
	c := t.of(m, "Parkee")
	if c == nil || c.leg == nil {
		return
	}
	k, space := c.leg.call, t.shown(m.Get("ParkingSpace"))
	if space.Device == "" {
		return
	}
	if k.parks || len(k.others(c.leg)) == 0 {
		t.parked(c, space)
		return
	}
	for _, l := range k.others(c.leg) {
		for _, x := range l.channels {
			x.ending.drop()
		}
	}
	k.parkee = c
	k.parking = t.after(parkDoubt, func() {
		if c.leg != nil {
			t.parked(c, space)
		}
	})
}

// parked tells that a party's call waits in a slot.
func (t *tracker) parked(c *channel, space callmodel.Party) {
	k := c.leg.call
	if k.leg(space.Device) != nil {
		return
	}
	for _, l := range slices.Clone(k.legs) {
		if l == c.leg {
			continue
		}
		t.endServed(l)
		t.silence(l)
		t.divert(l, space, csta.CausePark)
	}
	if k.calling.Shown == callmodel.Absent || k.leg(k.calling.Device) == nil {
		k.calling = c.leg.party
	}
	if c.leg.state == csta.Hold {
		c.leg.state = csta.Connected
	}
	t.calls[k.id] = k
	t.move(t.add(k, space.Device, slot, space), csta.Queued, csta.CausePark)
	k.cause = ""
}

// unparkedCall is somebody who fetches it.
func (t *tracker) unparkedCall(m ami.Message) {
	c, r := t.of(m, "Parkee"), t.of(m, "Retriever")
	if c == nil || c.leg == nil || r == nil || !r.real() {
		return
	}
	r.app.drop()
	c.leg.call.parking.settle()
	if l := c.leg.call.virtual(slot); l != nil {
		t.take(l, r, csta.CauseCallPickup)
	}
}

// parkedTimeout is a call that nobody fetched.
func (t *tracker) parkedTimeout(m ami.Message) {
	c := t.of(m, "Parkee")
	if c == nil || c.leg == nil {
		return
	}
	if l := c.leg.call.virtual(slot); l != nil {
		t.move(l, csta.Null, csta.CauseTimeout)
		c.leg.call.cause = csta.CauseRecallNoAnswer
	}
}

// virtual is the leg of a role; nil where there is none.
func (k *call) virtual(r role) *leg {
	for _, l := range k.legs {
		if l.role == r {
			return l
		}
	}
	return nil
}
