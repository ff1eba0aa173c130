package uacsta

import "time"

// Times of a 200 to an INVITE (RFC 3261, 13.3.1.4 and 17.1.1.1).
const (
	firstRepeat = 500 * time.Millisecond // T1
	lastRepeat  = 4 * time.Second        // T2
	ackLimit    = 32 * time.Second       // 64*T1
)

// unacked is a 200 to an INVITE that has no ACK yet. It is written again until it has, on a stream too: the stream reaches no further than the next hop.
type unacked struct {
	answer      []byte
	on          *conn // where it was written last
	mark        uint64
	wait        time.Duration
	next, until time.Time
	opening     bool // it has opened the dialog
	alive       bool // the peer has asked for something since
}

// awaitAck has a 200 repeated that was written to c.
func (x *session) awaitAck(c *conn, answer []byte, opening bool) {
	now := time.Now()
	x.unacked = &unacked{answer: answer, on: c, mark: c.mark(), wait: firstRepeat, next: now.Add(firstRepeat), until: now.Add(ackLimit), opening: opening}
	if !x.refreshed.IsZero() {
		x.schedule(now)
	}
}

// repeat writes the 200 again that is due, unless the socket has not even taken the one before. false: the peer has been silent all the time, and the session is to end.
func (x *session) repeat(now time.Time) bool {
	u := x.unacked
	if u == nil || now.Before(u.next) {
		return true
	}
	if !now.Before(u.until) {
		x.unacked = nil
		return u.alive || !u.opening && (x.conn == nil || x.conn.dead()) // who isn't reached isn't silent: the session has its interval
	}
	if c := x.conn; c != nil && (c != u.on || c.took(u.mark)) {
		if mark, err := c.say(u.answer, x.callID, x.who.Line, x.trace); err == nil {
			u.on, u.mark = c, mark
		}
	}
	u.wait = min(2*u.wait, lastRepeat)
	u.next = now.Add(u.wait)
	if u.next.After(u.until) {
		u.next = u.until
	}
	return true
}
