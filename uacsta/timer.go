package uacsta

import "time"

// Times of a session without a timer, and of one whose INVITE nobody acknowledges.
const (
	idleLimit    = 24 * time.Hour
	confirmLimit = 32 * time.Second // 64*T1 (RFC 3261, 13.3.1.4)
)

// times are what a session's one timer looks at. They belong to its loop.
type times struct {
	timer     *time.Timer
	began     time.Time
	heard     time.Time // the last request
	refreshed time.Time // the last INVITE, re-INVITE or UPDATE
	expires   int       // seconds; 0: there is no session timer
	confirmed bool      // the INVITE's 200 has been acknowledged
}

// ends is when the session ends unless the peer does something: a little before the interval does, for we aren't the refresher (RFC 4028, 10).
func (t *times) ends() time.Time {
	if t.expires == 0 {
		return t.heard.Add(idleLimit)
	}
	interval := time.Duration(t.expires) * time.Second
	return t.refreshed.Add(interval - min(32*time.Second, interval/3))
}

// schedule sets the timer to what comes first.
func (x *session) schedule(now time.Time) {
	next := x.ends()
	sooner := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	if !x.confirmed {
		sooner(x.began.Add(confirmLimit))
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
	case !x.confirmed && !now.Before(x.began.Add(confirmLimit)):
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
	if !x.redialAt.IsZero() && !now.Before(x.redialAt) {
		x.redial()
	}
	x.schedule(now)
}
