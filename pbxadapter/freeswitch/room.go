package freeswitch

import (
	"slices"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// room is a conference of the PBX.
type room struct {
	name    string
	call    *call
	members []*leg
}

// conference is a leg that comes into a room, or leaves it.
func (t *tracker) conference(l *leg, e *event) {
	switch e.get(action) {
	case "add-member":
		t.enter(l, e.get(conferenceID), e.get(conferenceName))
	case "del-member":
		if l.room != nil {
			t.leaveRoom(l)
		}
	}
}

func (t *tracker) enter(l *leg, id, name string) {
	if l.room != nil || id == "" {
		return
	}
	r := t.rooms[id]
	if r == nil {
		r = &room{name: name}
		t.rooms[id] = r
	}
	l.room = r
	r.members = append(r.members, l)
	l.answered = true
	if p := l.plan; p != nil && p.kind == planMeet && p.room == name {
		for _, m := range p.far {
			if m.room != r {
				return
			}
		}
		p.run(t)
		r.call = l.call
		return
	}
	if n := l.conn; n != nil && l.role == "" && !l.dialled {
		l.doubts[answer].drop()
		t.inside(l, csta.Connected, "")
	}
	if r.call == nil || len(r.call.conns) == 0 {
		r.call = l.call
		return
	}
	if c := l.call; c != nil && c != r.call && l.conn != nil {
		t.meet(r.call, l)
	}
}

// meet tells that the call of a leg has joined the one of the room it entered.
func (t *tracker) meet(c *call, l *leg) {
	s := l.call
	how := callmodel.Rearranged{
		How: callmodel.Conference, Primary: t.callID(c), Secondary: t.callID(s), By: l.device, Other: l.party, Result: t.callID(c),
		Meta: t.meta(c, csta.CauseConference),
	}
	for _, x := range [...]*call{c, s} {
		for _, n := range x.conns {
			if !slices.ContainsFunc(how.Moves, func(m callmodel.Move) bool { return m.New.Device == n.device }) {
				how.Moves = append(how.Moves, t.listed(n, c))
			}
		}
	}
	t.facts(how)
	t.merge(c, s)
}

// met tells a conference of ours: everybody is in the room.
func (t *tracker) met(p *plan) {
	c := p.by.call
	r := callmodel.Rearranged{
		How: callmodel.Conference, Primary: t.callID(c), By: p.by.device, Other: p.to, Result: t.callID(c), Meta: t.meta(c, csta.CauseConference),
	}
	if p.adds {
		r.How, r.Cause = callmodel.SingleStepConference, csta.CauseSingleStepConference
		at := csta.ConnectionID{Call: t.callID(c), Device: p.to.Device}
		for _, n := range c.conns {
			if n.live() {
				r.Moves = append(r.Moves, t.listed(n, c))
			}
		}
		r.Moves = append(r.Moves, callmodel.Move{Old: at, New: at, State: csta.Null, Party: p.to})
		t.facts(r)
		c.cause = csta.CauseSingleStepConference
		return
	}
	s := p.second.call
	r.Secondary = t.callID(s)
	own := t.listed(p.by, c)
	own.State = csta.Connected
	r.Moves = append(r.Moves, own)
	for _, x := range [...]*call{c, s} {
		for _, n := range x.conns {
			if n != p.by && n != p.second && n.live() {
				m := t.listed(n, c)
				m.State, n.state = csta.Connected, csta.Connected
				r.Moves = append(r.Moves, m)
			}
		}
	}
	t.facts(r)
	// The device goes on in the leg of its active call; the other one falls away by itself, or is ended if it is in the room already.
	for _, l := range slices.Clone(p.by.legs) {
		l.detach()
	}
	p.by.leaving, p.second.leaving = false, false
	p.by.holder, p.second.holder = nil, nil
	p.by.state, p.by.kind = csta.Connected, callmodel.Plain
	t.merge(c, s)
	c.cause = ""
}

// unreached tells of a party that was to join a call and could not be called.
func (t *tracker) unreached(c *call, to callmodel.Party) {
	if len(c.conns) == 0 || c.conn(to.Device) != nil {
		return
	}
	n := t.join(c, to.Device, to)
	n.fail = csta.CauseDestNotObtainable
	t.move(n, csta.Fail, n.fail)
	t.end(n, n.fail, n.party)
}

func (t *tracker) leaveRoom(l *leg) {
	r := l.room
	l.room = nil
	r.members = slices.DeleteFunc(r.members, func(o *leg) bool { return o == l })
	if len(r.members) > 0 {
		return
	}
	for id, o := range t.rooms {
		if o == r {
			delete(t.rooms, id)
		}
	}
}

// park tells that a call waits in a slot.
func (t *tracker) park(p *plan) {
	c := p.by.call
	t.divert(p.by, p.to, csta.CausePark)
	n := c.conn(p.to.Device)
	if n == nil {
		n = t.join(c, p.to.Device, p.to)
	}
	t.move(n, csta.Queued, csta.CausePark)
	c.cause = ""
}

// valet is a call that waits in a slot: by a request of ours, which it proves where the own leg had no talk that could end, or because somebody parked it at a phone.
func (t *tracker) valet(l *leg, e *event) {
	if e.get(action) != "hold" || l.conn == nil {
		return
	}
	if p := l.plan; p != nil {
		if (p.kind == planPark || p.kind == planHandOver) && slices.Contains(p.far, l) {
			p.run(t)
		}
		if p.kind == planPark || l.plan != nil || l.conn == nil {
			return
		}
	}
	t.inSlot(l, t.known(e.get(valetExtension), pbxadapter.Called))
}

// inSlot is a call that waits in a slot.
func (t *tracker) inSlot(l *leg, slot callmodel.Party) {
	c := l.call
	if slot.Device == "" || c.conn(slot.Device) != nil {
		return
	}
	l.doubts[answer].drop()
	by := l.peer
	if by == nil {
		by = l.was
	}
	if by != nil && by.conn != nil && by.call == c {
		t.divert(by.conn, slot, csta.CausePark)
	}
	t.move(t.join(c, slot.Device, slot), csta.Queued, csta.CausePark)
	c.cause = ""
}
