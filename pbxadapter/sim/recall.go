package sim

import (
	"time"

	"farhook/csta"
)

// recallAfter is how long a call rings where it was transferred to, until it comes back to the phone that sent it there.
const recallAfter = time.Minute

// sentBy lets a call that rings where it was transferred to come back, where nobody answers.
func (p *PBX) sentBy(l *leg, who csta.DeviceID) {
	if l == nil || l.state != csta.Alerting || p.ext(who) == 0 {
		return
	}
	l.timers = append(l.timers, p.after(recallAfter, func() {
		if !p.idle(who) || l.call.leg(who) != nil {
			p.sentBy(l, who) // the phone is in use: it goes on ringing here
			return
		}
		c := l.call
		p.divert(l, who, csta.CauseRecallNoAnswer)
		p.ring(c, who, csta.CauseRecallNoAnswer, maxHops, true) // neither forwarded nor kept off by a do not disturb
	}))
}
