package uacsta

import "time"

// idleLimit is how long a session without a timer may be silent.
const idleLimit = 24 * time.Hour

// times are what a session's one timer looks at. They belong to its loop.
type times struct {
	timer     *time.Timer
	began     time.Time
	heard     time.Time // the last request
	refreshed time.Time // the last INVITE, re-INVITE or UPDATE
	duty      *duty     // to refresh; nil: the peer has it
	unacked   *unacked  // 200 to an INVITE; nil: none
}

// ends is when the session ends unless it's refreshed: a little before the interval does (RFC 4028, 10).
func (x *session) ends() time.Time {
	if x.expires == 0 {
		return x.heard.Add(idleLimit)
	}
	interval := time.Duration(x.expires) * time.Second
	return x.refreshed.Add(interval - min(32*time.Second, interval/3))
}

// schedule sets the timer to what comes first.
func (x *session) schedule(now time.Time) {
	next := x.ends()
	sooner := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	if x.unacked != nil {
		sooner(x.unacked.next)
	}
	if x.duty != nil {
		sooner(x.refreshDue())
	}
	if len(x.answers) > 0 {
		sooner(x.answers[0].until)
	}
	if t, ok := x.sent.first(); ok {
		sooner(t)
	}
	for _, a := range x.again {
		sooner(a.at)
	}
	if !x.redialAt.IsZero() {
		sooner(x.redialAt)
	}
	wait := max(next.Sub(now), 0)
	if x.timer == nil {
		x.timer = time.AfterFunc(wait, func() { x.post(mail{kind: expired}) })
	} else {
		x.timer.Reset(wait)
	}
}

// tick is the timer: the session may have expired, what is old is forgotten, and what was put off is done.
func (x *session) tick() {
	now := time.Now()
	switch {
	case !now.Before(x.ends()):
		x.end("not refreshed", true)
		return
	case !x.repeat(now):
		x.end("the INVITE was never acknowledged", true)
		return
	}
	for len(x.answers) > 0 && !x.answers[0].until.After(now) {
		x.answers = x.answers[1:]
	}
	if len(x.answers) == 0 {
		x.answers = nil
	}
	if x.sent.forget(now, x.conn != nil && !x.conn.dead()) {
		x.reachable()
	}
	x.sendAgain(now)
	x.refreshPeer(now)
	if !x.redialAt.IsZero() && !now.Before(x.redialAt) {
		x.redial()
	}
	x.schedule(now)
}
