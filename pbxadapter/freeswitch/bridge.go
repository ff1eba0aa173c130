package freeswitch

import (
	"slices"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// bridge is a pair of legs that talk.
func (t *tracker) bridge(a, b *leg) {
	for _, l := range [...]*leg{a, b} {
		if l.peer != nil && l.peer != a && l.peer != b {
			l.peer.was, l.peer.peer = l, nil
			l.was = l.peer
		}
		l.doubts[answer].drop()
		l.doubts[early].drop()
		l.dialled = true
	}
	a.peer, b.peer = b, a
	for _, pair := range [...][2]*leg{{a, b}, {b, a}} {
		x, y := pair[0], pair[1]
		if p := x.plan; p != nil && p.kind == planJoin && slices.Contains(p.far, x) && slices.Contains(p.far, y) {
			p.run(t)
			return
		}
		if t.retrieved(x, y) {
			return
		}
	}
	switch {
	case a.call == b.call:
		for _, pair := range [...][2]*leg{{a, b}, {b, a}} {
			if pair[0].parent == pair[1] {
				t.served(pair[0])
			}
		}
	case a.role == picks && a.conn == nil:
		t.pickedUp(a, b)
	case b.role == picks && b.conn == nil:
		t.pickedUp(b, a)
	case a.call == nil || b.call == nil || a.conn == nil || b.conn == nil:
	case b.takenFrom():
		t.pickedUp(a, b)
	case a.takenFrom():
		t.pickedUp(b, a)
	default:
		t.joined(a, b)
	}
	for _, l := range [...]*leg{a, b} {
		n := l.conn
		if n == nil || !l.answered || n.state == csta.Connected && n.kind == callmodel.Plain || n.state == csta.Hold {
			continue
		}
		t.move(n, csta.Connected, n.cause)
	}
}

// takenFrom says whether somebody who was to answer l has lost it a moment ago, or a slot holds it.
func (l *leg) takenFrom() bool {
	return len(l.lost) > 0 || l.call != nil && slices.ContainsFunc(l.call.conns, func(n *connection) bool {
		return n.state == csta.Queued || n.state == csta.Alerting && n != l.conn
	})
}

// pickedUp is a leg that takes a call over that rang somebody else, or waited in a slot.
func (t *tracker) pickedUp(picker, l *leg) {
	c := l.call
	if c == nil || l.conn == nil {
		return
	}
	if in := t.wanted[picker.id]; in != nil && in.op != 0 && c.op == 0 {
		c.op = in.op
		defer func() { c.op = 0 }()
	}
	told := false
	for _, o := range l.lost {
		o.resolve.drop()
		o.conn.replacing = false
		if told {
			t.end(o.conn, csta.CauseNormal, o.conn.party)
			continue
		}
		told = true
		t.divert(o.conn, picker.party, csta.CauseCallPickup)
	}
	l.lost = nil
	for _, n := range slices.Clone(c.conns) {
		if n != l.conn && (n.state == csta.Queued || n.state == csta.Alerting) && n.device != picker.device {
			for _, x := range slices.Clone(n.legs) {
				x.detach()
			}
			if told {
				t.end(n, csta.CauseNormal, n.party)
				continue
			}
			told = true
			t.divert(n, picker.party, csta.CauseCallPickup)
		}
	}
	if n := picker.conn; n != nil && n.call != c {
		own := n.call
		picker.detach()
		t.end(n, csta.CauseCallPickup, n.party)
		if own != nil && len(own.conns) == 0 {
			delete(t.calls, own.id)
		}
	}
	c.cause = csta.CauseCallPickup
	n := t.into(c, picker)
	n.cause = csta.CauseCallPickup
	picker.answered = true
	t.move(n, csta.Connected, csta.CauseCallPickup)
	c.cause = ""
}

// retrieved is a leg that takes back who was parked for it: what it did meanwhile is over, unless it is parked too.
func (t *tracker) retrieved(x, y *leg) bool {
	c := y.call
	if c == nil {
		return false
	}
	i := slices.IndexFunc(c.conns, func(n *connection) bool { return n.holder == x && x != nil && n.device == x.device })
	if i < 0 {
		return false
	}
	held := c.conns[i]
	if now := x.conn; now != nil && now != held {
		x.detach()
		if now.state == csta.Hold && now.holder == x {
			x.call = nil
		} else {
			t.end(now, csta.CauseNormalClearing, now.party)
		}
	}
	y.parked = ""
	if held.holder = nil; x.conn != held {
		x.attach(held)
	}
	x.call = c
	t.move(held, csta.Connected, csta.CauseNormal)
	return true
}

// recently is how long a device that left is taken for the one that brought others together.
const recently = 2 * time.Second

// joined is a pair of legs of two calls that nobody announced: a transfer by a device that is, or was a moment ago, in both.
func (t *tracker) joined(a, b *leg) {
	ca, cb := a.call, b.call
	for _, n := range ca.conns {
		if o := cb.conn(n.device); o != nil && n != a.conn && o != b.conn {
			by, second, to := n, o, b.party
			if o.state == csta.Hold && n.state != csta.Hold {
				by, second, to = o, n, a.party
			}
			t.transfer(by, second, to)
			return
		}
	}
	who := a.device
	for d, at := range t.last {
		if (at.call == ca || at.call == cb) && t.now.Sub(at.at) < recently && d != a.device && d != b.device {
			who = d
		}
	}
	r := callmodel.Rearranged{
		How: callmodel.Transfer, Primary: t.callID(ca), Secondary: t.callID(cb), By: who, Other: b.party, Result: t.callID(ca),
		Meta: t.meta(ca, csta.CauseTransfer),
	}
	for _, c := range [...]*call{ca, cb} {
		for _, n := range c.conns {
			if n.device != who || who == a.device {
				r.Moves = append(r.Moves, t.listed(n, ca))
			}
		}
	}
	if who == a.device {
		r.How, r.Cause = callmodel.Conference, csta.CauseConference // nobody left: they were only brought together
	}
	t.facts(r)
	t.merge(ca, cb)
	if who != a.device {
		if n := ca.conn(who); n != nil {
			t.remove(n)
		}
		ca.called = b.party
	}
}

// unbridge is a pair that talks no more. It may come late: only this pair is forgotten.
func (t *tracker) unbridge(a, b *leg) {
	if a.peer == b {
		a.peer, b.peer = nil, nil
		a.was, b.was = b, a
		a.doubts[unhold].drop()
		b.doubts[unhold].drop()
	}
	for _, pair := range [...][2]*leg{{a, b}, {b, a}} {
		l, o := pair[0], pair[1]
		if l.plan != nil {
			l.plan.parted(t, a, b)
		} else if n := o.conn; l.parked == o.id && !l.dead && n != nil && n.call == l.call && n.holder == nil {
			// We had begun to park it before we were started anew.
			if n.state == csta.Connected {
				t.move(n, csta.Hold, csta.CauseNormal)
			}
			n.holder = o
		}
	}
}
