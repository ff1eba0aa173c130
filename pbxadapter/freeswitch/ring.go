package freeswitch

import (
	"farhook/csta"
	"farhook/csta/callmodel"
)

// Who is rung, and where a call goes on to that is not answered.

// rung is a leg that another one dialled.
func (t *tracker) rung(l, from *leg, e *event) {
	l.parent, from.dialled = from, true
	from.rings = append(from.rings, l)
	from.doubts[early].drop()
	from.doubts[answer].drop()
	if p := from.plan; p != nil {
		for _, n := range p.ringing {
			if n.device == l.device { // rung anew for another call: its connection goes on
				l.attach(n)
			}
		}
		if p.dialled(t, from, l); l.conn != nil {
			t.note(l)
			return
		}
	}
	c := from.call
	if c == nil {
		c = t.newCall(from.id)
		t.into(c, from)
	}
	t.forwarded(from, l, e.get(callerRDNIS))
	// Who was taken for the called device, or for an announcement, was on the way to this one.
	if n := c.conn(c.called.Device); n != nil && !n.live() && n.device != l.device && n.state != csta.Fail && n.state != csta.Queued {
		t.divert(n, l.party, csta.CauseDistributed)
	}
	n := t.into(c, l)
	if n.state == csta.Null && !l.ours {
		t.move(n, csta.Connected, n.cause, func(m *callmodel.Moved) { m.Kind = callmodel.Network })
	}
}

// forwarded finds out whether a new leg is where a call went on to that another device did not take.
func (t *tracker) forwarded(from, l *leg, rdnis string) {
	c := from.call
	redirecting, ours := t.stations[rdnis]
	waiting := from.lost
	from.lost = nil
	told := false
	for _, o := range waiting {
		o.resolve.drop()
		if ours && o.conn.device == redirecting.id && o.conn.device != l.device {
			told = true
			why := forwarding[o.cause]
			if why == "" {
				why = csta.CauseCallForward // by the phone itself (302)
			}
			t.divert(o.conn, l.party, why)
			continue
		}
		if o.conn.device == l.device { // rung again
			continue
		}
		t.end(o.conn, ended(o.cause), o.conn.party)
	}
	if told || !from.inbound || !ours || from.plan != nil || c.cause != "" {
		return
	}
	if redirecting.id != l.device && redirecting.id != from.device && c.redirects.Device != redirecting.id && c.conn(redirecting.id) == nil {
		c.redirects = callmodel.Party{Device: redirecting.id, Shown: callmodel.Known, Name: redirecting.name}
		c.cause = csta.CauseCallForwardImmediate
		t.facts(callmodel.Redirected{
			Meta: t.meta(c, c.cause), Connection: csta.ConnectionID{Call: t.callID(c), Device: redirecting.id}, NewDestination: l.party,
			Calling: c.calling, Called: c.called,
		})
	}
}

// divert tells that a connection went elsewhere.
func (t *tracker) divert(n *connection, to callmodel.Party, cause csta.EventCause) {
	c := n.call
	t.facts(callmodel.Redirected{Meta: t.meta(c, cause), Connection: t.id(n), NewDestination: to, Calling: c.calling, Called: c.called})
	t.remove(n)
	c.redirects, c.cause = n.party, cause
	if t.calls[c.id] == nil && len(c.conns) == 0 {
		t.calls[c.id] = c // somebody is about to join it
	}
}
