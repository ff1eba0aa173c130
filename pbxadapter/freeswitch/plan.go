package freeswitch

import (
	"slices"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// planKind is what is about to happen to legs, by a request of ours or as a phone announced it.
type planKind uint8

const (
	planHandOver planKind = iota + 1 // the far end is sent elsewhere, and by leaves: single step transfers, and transfers to a ringing party
	planJoin                         // the far ends of two calls are bridged, and by leaves both
	planMeet                         // the parties of one or two calls meet in a room
	planDeflect                      // a ringing connection goes elsewhere
	planPark                         // the far end goes into a slot, and by leaves
	planHold                         // the far end is parked with music, and by's own leg becomes free
)

// plan is what is known of it beforehand. Its legs' events are understood by it; it ends with the event that proves it, or when its time
// is over.
type plan struct {
	kind    planKind
	by      *connection   // of the (primary) call
	second  *connection   // by's connection in the second call
	far     []*leg        // who goes on
	ringing []*connection // who is rung anew in the meantime
	keeps   *leg          // who rings, and is to go on ringing, for far; nil: he is rung anew
	anew    bool          // the new leg is there
	to      callmodel.Party
	room    string
	adds    bool // the room is for a single step conference
	legs    []*leg
	done    bool
	cause   csta.EventCause
	expiry  *doubt
}

// put enters a plan. Its legs are known by it from now on.
func (t *tracker) put(p *plan, legs ...*leg) *plan {
	p.legs = legs
	for _, l := range legs {
		if l.plan != nil && l.plan != p {
			l.plan.drop(t)
		}
		l.plan = p
	}
	p.expiry = t.after(joins, func() { p.drop(t) })
	return p
}

// drop ends a plan that was carried out, or was not.
func (p *plan) drop(t *tracker) {
	p.expiry.drop()
	for _, l := range p.legs {
		if l.plan == p {
			l.plan = nil
		}
	}
	if p.done {
		return
	}
	p.done = true
	for _, l := range p.legs {
		if l.parked != "" && !l.dead && t.legs[l.parked] == nil && l.alone() { // its holder has gone meanwhile
			t.suspects = append(t.suspects, suspect{l.id, l.parked})
		}
	}
	for _, n := range p.ringing {
		if n.replacing = false; len(n.legs) == 0 && n.state == csta.Alerting {
			t.end(n, csta.CauseCallNotAnswered, n.party)
		}
	}
	for _, n := range []*connection{p.by, p.second} {
		if n == nil || !n.leaving {
			continue
		}
		if n.leaving = false; !n.live() && n.state != csta.Null {
			t.end(n, csta.CauseNormalClearing, n.party)
		}
	}
}

// leave marks connections whose end is part of the plan.
func (p *plan) leave(list ...*connection) {
	for _, n := range list {
		if n != nil {
			n.leaving = true
		}
	}
}

// left is told that a leg of the plan has gone. True: that was part of it.
func (p *plan) left(t *tracker, l *leg, cause string) bool {
	own := l.conn != nil && (l.conn == p.by || l.conn == p.second)
	switch {
	case p.kind == planDeflect && own:
		if cause != "ORIGINATOR_CANCEL" && cause != "NORMAL_CLEARING" {
			p.drop(t)
			return false
		}
		p.run(t)
		return true
	case p.kind == planHandOver && p.second != nil && !slices.Contains(p.far, l):
		l.detach()
		if k := p.keeps; k != nil && !k.dead && k != l && cause == "PICKED_OFF" { // he was taken from it
			p.far[0].takes(k)
			p.run(t)
		} else {
			p.rungAnew(t)
		}
		return true
	case p.kind == planHandOver && own, p.kind == planPark && own:
		p.run(t)
		return true
	case (p.kind == planJoin || p.kind == planMeet) && own:
		return true // the connection is leaving: the bridge, or the room, tells
	case slices.Contains(p.far, l):
		p.drop(t) // who was to go on has gone
	}
	return false
}

// parted is told that a pair of legs is no longer bridged.
func (p *plan) parted(t *tracker, a, b *leg) {
	if p.kind != planHandOver && p.kind != planPark && p.kind != planHold || p.second != nil {
		return
	}
	for _, pair := range [][2]*leg{{a, b}, {b, a}} {
		if pair[0].conn == p.by && slices.Contains(p.far, pair[1]) {
			p.run(t)
			return
		}
	}
}

// dialled is told that from, a leg of the plan, dials another one.
func (p *plan) dialled(t *tracker, from, l *leg) {
	if (p.kind == planHandOver || p.kind == planDeflect) && slices.Contains(p.far, from) {
		if p.anew = true; p.second == nil {
			p.run(t)
		} else {
			p.rungAnew(t)
		}
	}
}

// rungAnew tells the transfer to a ringing party when its old leg has gone and the new one is there: whoever answers now answers the new one.
func (p *plan) rungAnew(t *tracker) {
	old := slices.ContainsFunc(p.ringing, func(n *connection) bool {
		return slices.ContainsFunc(n.legs, func(l *leg) bool { return l.plan == p })
	})
	if p.anew && !old {
		p.run(t)
	}
}

// run tells what the plan was about: it has been proved.
func (p *plan) run(t *tracker) {
	if p.done {
		return
	}
	p.done = true
	p.expiry.drop()
	for _, l := range p.far {
		if p.kind != planHold {
			l.parked = "" // it goes on with somebody else
		}
	}
	switch p.kind {
	case planDeflect:
		n := p.by
		t.divert(n, p.to, csta.CauseRedirected)
		for _, l := range p.far {
			l.lost = nil
		}
	case planPark:
		t.park(p)
	case planHold:
		own := p.by.leg()
		if p.by.state == csta.Connected {
			cause := p.cause
			if cause == "" {
				cause = csta.CauseNormal
			}
			t.move(p.by, csta.Hold, cause)
		}
		p.by.holder, t.parks = own, true
	case planHandOver:
		t.handOver(p)
	case planJoin:
		t.transfer(p.by, p.second, p.to)
	case planMeet:
		t.met(p)
	}
	p.drop(t)
}

// listed is a connection as a rearrangement lists it.
func (t *tracker) listed(n *connection, into *call) callmodel.Move {
	return callmodel.Move{Old: t.id(n), New: csta.ConnectionID{Call: t.callID(into), Device: n.device}, State: n.state, Party: n.party}
}

// handOver tells a single step transfer, or a transfer to somebody who still rings.
func (t *tracker) handOver(p *plan) {
	c := p.by.call
	r := callmodel.Rearranged{How: callmodel.SingleStepTransfer, Primary: t.callID(c), By: p.by.device, Other: p.to, Result: t.callID(c)}
	meta := t.meta(c, csta.CauseSingleStepTransfer)
	cause := csta.CauseSingleStepTransfer
	for _, n := range c.others(p.by) {
		if n.live() && n.state != csta.Fail {
			r.Moves = append(r.Moves, t.listed(n, c))
		}
	}
	if p.second != nil {
		s := p.second.call
		cause = csta.CauseTransfer
		meta = t.meta(c, cause)
		r.How, r.Secondary = callmodel.Transfer, t.callID(s)
		for _, n := range s.others(p.second) {
			r.Moves = append(r.Moves, t.listed(n, c))
			n.replacing = len(n.legs) == 0
			n.cause = cause
			t.after(joins, func() {
				if n.replacing {
					n.replacing = false
					if n.state == csta.Alerting && len(n.legs) == 0 {
						t.end(n, csta.CauseCallNotAnswered, n.party)
					}
				}
			})
		}
	} else if c.conn(p.to.Device) == nil {
		at := csta.ConnectionID{Call: t.callID(c), Device: p.to.Device}
		r.Moves = append(r.Moves, callmodel.Move{Old: at, New: at, State: csta.Null, Party: p.to})
	}
	r.Meta = meta
	t.facts(r)
	if p.second != nil {
		s := p.second.call
		t.remove(p.second)
		if t.calls[s.id] != nil {
			t.merge(c, s)
		}
	}
	t.goOn(c, p.by, p.to)
	c.cause = cause
	c.redirects = p.by.party
	t.remove(p.by)
}

// goOn names the parties of a call that by has left.
func (t *tracker) goOn(c *call, by *connection, to callmodel.Party) {
	if c.calling.Device == by.device || c.calling.Shown == callmodel.Absent {
		for _, n := range c.others(by) {
			if n.live() && n.device != to.Device {
				c.calling = n.party
				break
			}
		}
	}
	c.called = to
}

// transfer tells that the far ends of by's two calls talk now. The primary's name goes on.
func (t *tracker) transfer(by, second *connection, to callmodel.Party) {
	c, s := by.call, second.call
	r := callmodel.Rearranged{
		How: callmodel.Transfer, Primary: t.callID(c), Secondary: t.callID(s), By: by.device, Other: to, Result: t.callID(c),
	}
	r.Meta = t.meta(c, csta.CauseTransfer)
	for _, n := range c.others(by) {
		if n.live() {
			r.Moves = append(r.Moves, t.listed(n, c))
		}
	}
	for _, n := range s.others(second) {
		if n.live() {
			r.Moves = append(r.Moves, t.listed(n, c))
		}
	}
	t.facts(r)
	by.holder, second.holder = nil, nil
	by.leaving, second.leaving = false, false
	t.remove(second)
	if t.calls[s.id] != nil {
		t.merge(c, s)
	}
	t.goOn(c, by, to)
	t.remove(by)
	c.cause = ""
}

// transferor is a phone that transfers (REFER): with transferee comes who is transferred.
func (t *tracker) transferor(l *leg, e *event) { l.to = t.destination(e) }

// destination is where a phone transfers to: "blind:203".
func (t *tracker) destination(e *event) callmodel.Party {
	how, to := cutPrefix(e.get(transferTo), ':')
	if how != "blind" || to == "" {
		return callmodel.Party{}
	}
	return t.known(user(to), 1)
}

func cutPrefix(s string, c byte) (before, after string) {
	for i := range len(s) {
		if s[i] == c {
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// replaced is the leg of a phone's consultation that its transfer ends.
func (t *tracker) replaced(l *leg, _ *event) {
	if n := l.conn; n != nil {
		n.leaving = true
		t.last[l.device] = departure{n.call, t.now}
		t.after(joins, func() {
			if n.leaving && n.state != csta.Null && l.plan == nil {
				if n.leaving = false; len(n.legs) == 0 {
					t.end(n, csta.CauseNormalClearing, n.party)
				}
			}
		})
	}
}

// transferee is who is transferred by its peer: at once (blind), or to the peer of the leg that is replaced.
func (t *tracker) transferee(l *leg, _ *event) {
	by := l.peer
	if by == nil || by.conn == nil || l.conn == nil {
		return
	}
	for _, c := range t.calls {
		n := c.conn(by.device)
		if c == by.call || n == nil || !n.leaving || n.leg() == nil {
			continue
		}
		own := n.leg()
		far := own.peer
		if far == nil {
			far = own.was
		}
		if far == nil {
			continue
		}
		p := t.put(&plan{kind: planJoin, by: by.conn, second: n, far: []*leg{l, far}, to: far.party}, by, own, l, far)
		p.leave(by.conn, n)
		return
	}
	if by.to.Shown == callmodel.Absent || by.plan != nil {
		return
	}
	p := t.put(&plan{kind: planHandOver, by: by.conn, far: []*leg{l}, to: by.to}, by, l)
	p.run(t)
}
