package freeswitch

import (
	"slices"

	"farhook/csta"
)

// Callers who wait in mod_fifo or mod_callcenter: the number they called is a party of the call until somebody is found for them. Whoever is
// rung for them carries the caller's leg in a variable.

// callcenter is what mod_callcenter tells of a caller.
func (t *tracker) callcenter(l *leg, e *event) {
	switch e.get(queueAction) {
	case "member-queue-start":
		t.waits(l)
	case "member-queue-end": // given up, or no longer waited for: the dialplan goes on
		if q := queue(l.call); q != nil && l.conn != nil && !l.answeredCall() {
			t.move(q, csta.Null, csta.CauseQueueTimeOverflow)
		}
	}
}

// fifo is what mod_fifo tells of a caller.
func (t *tracker) fifo(l *leg, e *event) {
	if e.get(queueAction) == "push" {
		t.waits(l)
	}
}

// waits is a caller who begins to wait.
func (t *tracker) waits(l *leg) {
	c := l.call
	if c == nil || l.conn == nil || c.called.Device == "" || c.called.Device == l.device || queue(c) != nil {
		return
	}
	l.doubts[early].drop()
	l.doubts[answer].drop()
	n := c.conn(c.called.Device)
	if n == nil {
		n = t.join(c, c.called.Device, c.called)
	}
	if !n.live() {
		t.move(n, csta.Queued, csta.CauseEnteringDistribution)
		c.cause = csta.CauseDistributed
	}
}

// queue is where a call waits; nil: nowhere.
func queue(c *call) *connection {
	if c == nil {
		return nil
	}
	i := slices.IndexFunc(c.conns, func(n *connection) bool { return n.state == csta.Queued && !n.live() })
	if i < 0 {
		return nil
	}
	return c.conns[i]
}

// served is a caller for whom somebody was found.
func (t *tracker) served(l *leg) {
	if q := queue(l.call); q != nil && l.conn != nil {
		t.divert(q, l.party, csta.CauseDistributed)
		l.call.cause = ""
	}
}
