package asterisk

import (
	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/asterisk/ami"
)

// queueJoin is a caller that waits in a queue.
func (t *tracker) queueJoin(m ami.Message) {
	c := t.of(m, "")
	if c == nil {
		return
	}
	t.enqueue(c, m.Get("Queue"), number(m.Get("Position")), number(m.Get("Count")))
}

func (t *tracker) enqueue(c *channel, name string, position, count int) {
	if !c.real() {
		if c, _ = t.origin(c); c == nil {
			return
		}
	}
	if c.leg == nil || c.leg.call.virtual(queue) != nil {
		return
	}
	c.app.drop()
	k := c.leg.call
	p := k.called
	if p.Device == "" || t.book.phones[p.Device] != nil || k.leg(p.Device) != nil {
		p = t.shown(name)
	}
	if p.Device == "" || k.leg(p.Device) != nil {
		p = callmodel.Party{Device: csta.DeviceID("queue-" + c.id), Shown: callmodel.NotKnown}
	}
	if a := k.virtual(application); a != nil { // a menu answered, and sent the call here
		t.divert(a, p, csta.CauseRedirected)
	}
	l := t.add(k, p.Device, queue, p)
	l.place = &callmodel.QueuePlace{Queued: count, CallsInFront: position - 1}
	t.move(l, csta.Queued, csta.CauseEnteringDistribution)
	k.cause, k.reached = csta.CauseDistributed, true
}

// queueLeave is one that waits no more: somebody has it, or it gave up.
func (t *tracker) queueLeave(m ami.Message) {
	c := t.of(m, "")
	if c == nil {
		return
	}
	if !c.real() {
		if c, _ = t.origin(c); c == nil {
			return
		}
	}
	if c.leg == nil {
		return
	}
	k := c.leg.call
	l := k.virtual(queue)
	if l == nil {
		return
	}
	for _, o := range k.others(c.leg) {
		if o.state == csta.Connected && o.kind != callmodel.Network {
			t.divert(l, o.party, csta.CauseDistributed)
			k.cause = ""
			return
		}
	}
	t.move(l, csta.Null, csta.CauseNormalClearing)
	k.cause = ""
}
