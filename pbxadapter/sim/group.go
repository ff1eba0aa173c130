package sim

import (
	"slices"
	"strconv"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// members of the group, in the order in which they are offered calls.
func (p *PBX) members() []csta.DeviceID {
	var m []csta.DeviceID
	for n := 1; n <= min(3, p.conf.Lines); n++ {
		m = append(m, p.line(n))
	}
	return m
}

// enqueue lets a call wait in the group.
func (p *PBX) enqueue(c *call, cause csta.EventCause) {
	l := p.add(c, p.group)
	p.waiting = append(p.waiting, c)
	if cause == csta.CauseNewCall {
		cause = csta.CauseNormal
	}
	place := &callmodel.QueuePlace{Queued: len(p.waiting), CallsInFront: len(p.waiting) - 1}
	p.move(l, csta.Queued, cause, func(m *callmodel.Moved) { m.Queue = place })
	p.offer()
}

// offer gives waiting calls to members that are free.
func (p *PBX) offer() {
	for len(p.waiting) > 0 {
		c := p.waiting[0]
		i := slices.IndexFunc(p.members(), func(d csta.DeviceID) bool { return p.idle(d) && !p.doNotDisturb(d) })
		if i < 0 {
			return
		}
		to := p.members()[i]
		p.waiting = p.waiting[1:]
		p.offerTo(c.leg(p.group), to, csta.CauseDistributed)
	}
}

// offerTo lets a call that is at one device of the group ring a member.
func (p *PBX) offerTo(from *leg, to csta.DeviceID, why csta.EventCause) {
	c := from.call
	p.divert(from, to, why)
	l := p.add(c, to)
	p.move(l, csta.Alerting, csta.CauseDistributed)
	l.timers = append(l.timers, p.after(noAnswer, func() { p.giveBack(l) }))
	p.liftAlone(l)
}

// giveBack takes a call from a member who does not answer: the next free one gets it; where nobody is free it goes on ringing.
func (p *PBX) giveBack(l *leg) {
	free := slices.IndexFunc(p.members(), func(d csta.DeviceID) bool { return d != l.device && p.idle(d) && !p.doNotDisturb(d) })
	if free >= 0 {
		p.offerTo(l, p.members()[free], csta.CauseRecallNoAnswer)
		return
	}
	l.timers = append(l.timers, p.after(noAnswer, func() { p.giveBack(l) }))
}

// slots is how many park slots there are: 71 to 79, and 271 to 279 at a PBX whose first extension is 2001.
const slots = 9

func slotsAt(first int) csta.DeviceID {
	if first == firstExt {
		return "7"
	}
	return csta.DeviceID(strconv.Itoa(first/1000) + "7")
}

func (p *PBX) slot(d csta.DeviceID) bool {
	n, ok := strings.CutPrefix(string(d), string(p.slotsAt))
	return ok && len(n) == 1 && n >= "1" && n <= "9"
}

// parked is the leg of the call that is parked in a slot.
func (p *PBX) parked(d csta.DeviceID) *leg {
	if !p.slot(d) || len(p.at[d]) == 0 {
		return nil
	}
	return p.at[d][0].leg(d)
}

// take picks a call up that rings or is parked at another device.
func (p *PBX) take(from *leg, to csta.DeviceID) (*leg, error) {
	c := from.call
	if c.leg(to) != nil {
		return nil, csta.ErrInvalidDeviceState.With("sim: the phone is in that call already")
	}
	p.divert(from, to, csta.CauseCallPickup)
	l := p.add(c, to)
	p.answer(l)
	return l, nil
}
