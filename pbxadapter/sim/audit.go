package sim

import (
	"context"
	"fmt"
	"slices"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// auditEvery is how long something that wasn't told stays so, where nobody asks.
const auditEvery = time.Minute

// lies are facts that got lost on the way: what was told last of these connections isn't so.
type lies struct {
	next map[csta.DeviceID]int // so many facts about a device's connections that will get lost; "" is any device
	lost []callmodel.Moved
}

// Lose lets the next n facts about connections of device d get lost, whatever they are; without a device, of any. So a lamp lies: until the connection's
// next fact, until the PBX is asked (Audit), or until it is audited by itself, a minute later.
func (p *PBX) Lose(d csta.DeviceID, n int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d != "" && p.ext(d) == 0 && d != p.group && !p.slot(d) {
		return fmt.Errorf("sim: there is no device %s", d)
	}
	if p.lies.next == nil {
		p.lies.next = make(map[csta.DeviceID]int)
	}
	p.lies.next[d] = n
	return nil
}

// loses says whether a fact gets lost. One that doesn't makes good what was lost of the same connection before.
func (p *PBX) loses(f callmodel.Fact) bool {
	l := &p.lies
	switch f := f.(type) {
	case callmodel.Moved:
		l.forget(f.Connection)
		for _, d := range [...]csta.DeviceID{f.Connection.Device, ""} {
			if l.next[d] > 0 {
				l.next[d]--
				f.Op = 0
				l.lost = append(l.lost, f)
				p.after(auditEvery, func() { p.repair("") })
				return true
			}
		}
	case callmodel.Redirected:
		l.forget(f.Connection)
	case callmodel.Rearranged:
		for _, m := range f.Moves {
			l.forget(m.Old)
		}
	}
	return false
}

func (l *lies) forget(c csta.ConnectionID) {
	l.lost = slices.DeleteFunc(l.lost, func(f callmodel.Moved) bool { return f.Connection == c })
}

// Audit compares what was told with what there is: it tells what got lost of the calls of device d, or of all.
func (p *PBX) Audit(ctx context.Context, d csta.DeviceID) (repaired int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reporter == nil {
		return 0, csta.ErrResourceOutOfService.With("sim: the link is cut")
	}
	n := p.repair(d)
	p.flush()
	return n, nil
}

// repair tells what got lost, as it was.
func (p *PBX) repair(d csta.DeviceID) (repaired int) {
	if p.reporter == nil {
		return 0 // the next Resync makes everything good
	}
	var left []callmodel.Moved
	told := p.lies.lost
	p.lies.lost = nil
	for _, f := range told {
		c := p.calls[f.Connection.Call]
		if d != "" && f.Connection.Device != d && (c == nil || c.leg(d) == nil) {
			left = append(left, f)
			continue
		}
		p.reporter.Report(f)
		repaired++
	}
	p.lies.lost = left
	p.meter.Audited(repaired)
	return repaired
}
