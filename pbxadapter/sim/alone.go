package sim

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"farhook/csta"
)

// What phones do that nobody uses. A phone has its user while somebody monitors it.
const (
	aloneAnswers = time.Second      // until such a phone is lifted for a call that rings it, or that it is prompted to make
	aloneTalks   = 30 * time.Second // until it hangs up, once the call has been answered
	aloneGivesUp = 5 * time.Second  // until it gives up a call that failed
)

// Watched tells that somebody monitors the phone: it waits for its user then.
func (p *PBX) Watched(d csta.DeviceID, on bool) {
	p.watched.set(d, on)
	if !on && p.conf.Hands {
		p.after(aloneAnswers, func() { p.leftAlone(d) })
	}
}

// watch is which phones are monitored. It has a lock of its own: it may be told while we report.
type watch struct {
	mu sync.Mutex
	on map[csta.DeviceID]bool
}

func (w *watch) set(d csta.DeviceID, on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.on == nil {
		w.on = make(map[csta.DeviceID]bool)
	}
	if on {
		w.on[d] = true
	} else {
		delete(w.on, d)
	}
}

func (w *watch) has(d csta.DeviceID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.on[d]
}

// alone says whether a phone has nobody to use it.
func (p *PBX) alone(d csta.DeviceID) bool {
	return p.conf.Hands && p.ext(d) != 0 && !p.watched.has(d)
}

// leftAlone goes on with the calls of a phone whose user has gone.
func (p *PBX) leftAlone(d csta.DeviceID) {
	if !p.alone(d) {
		return
	}
	for _, c := range slices.Clone(p.at[d]) {
		l := c.leg(d)
		switch l.state {
		case csta.Alerting, csta.Initiated:
			_ = p.lift(l) // one that is not prompted stays as it is
		case csta.Connected, csta.Hold, csta.Fail:
			if slices.ContainsFunc(c.legs, func(o *leg) bool { return o.state == csta.Fail }) {
				p.giveUpAlone(c)
			} else if c.talk(l) {
				p.leaveAlone(l)
			}
		}
	}
}

// talk says whether somebody else is in the call who has answered.
func (c *call) talk(l *leg) bool {
	return slices.ContainsFunc(c.legs, func(o *leg) bool { return o != l && (o.state == csta.Connected || o.state == csta.Hold) })
}

// liftAlone lifts a phone that nobody uses for the call that rings it, or that it is prompted to make.
func (p *PBX) liftAlone(l *leg) {
	if !p.alone(l.device) {
		return
	}
	l.timers = append(l.timers, p.after(aloneAnswers, func() {
		if p.alone(l.device) {
			_ = p.lift(l) // it rings: the timer ends with its state
		}
	}))
}

// leaveAlone lets the phones of a call that has been answered hang up, those that nobody uses: who answered first.
func (p *PBX) leaveAlone(answered *leg) {
	for _, l := range append([]*leg{answered}, answered.call.others(answered.device)...) {
		if l.leave != nil || !p.alone(l.device) || l.state != csta.Connected && l.state != csta.Hold {
			continue
		}
		l.leave = p.after(aloneTalks, func() {
			l.leave = nil
			if p.alone(l.device) {
				p.clear(l, csta.CauseNormalClearing)
			}
		})
	}
}

// giveUpAlone ends a call that failed at the phones that nobody uses.
func (p *PBX) giveUpAlone(c *call) {
	for _, l := range c.legs {
		if p.alone(l.device) && (l.state == csta.Connected || l.state == csta.Fail && l.device == c.calling.Device) {
			l.timers = append(l.timers, p.after(aloneGivesUp, func() {
				if p.alone(l.device) {
					p.clear(l, csta.CauseNormalClearing)
				}
			}))
		}
	}
}

// strangers are who calls from outside, now and then. The last one hides.
var strangers = [...]csta.DeviceID{"tel:+15559000105", "tel:+15559000236", "tel:+15559000317", "tel:+15559000414"}

// traffic lets a few phones that nobody uses call each other, at a human pace; some calls come from outside.
func (p *PBX) traffic() (stop func()) {
	if p.conf.Quiet || !p.conf.Hands || p.conf.Lines < 19 {
		return func() {}
	}
	ended := false
	var next func()
	halt := func() {}
	next = func() {
		if ended {
			return
		}
		if len(p.calls) < 3 {
			p.chat()
		}
		halt = p.after(time.Duration(4000+rand.IntN(9000))*time.Millisecond, next)
	}
	halt = p.after(2*time.Second, next)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		ended = true
		halt()
	}
}

// chat makes one call between two phones that nobody uses, if both are idle.
func (p *PBX) chat() {
	from, to := p.line(5+rand.IntN(15)), p.line(5+rand.IntN(15))
	switch {
	case from == to || !p.idle(from) || !p.idle(to) || !p.alone(from) || !p.alone(to):
	case rand.IntN(4) == 0:
		_ = p.fromOutside(strangers[rand.IntN(len(strangers))], to) // no trunk is free: no call
	default:
		_, _ = p.originate(from, to, false, csta.CauseMakeCall, csta.CauseNewCall)
	}
}
