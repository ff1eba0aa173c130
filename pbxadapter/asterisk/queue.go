package asterisk

import (
	"slices"

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
	switch g := t.book.queues[name]; {
	case g != nil:
		p = callmodel.Party{Device: g.device, Shown: callmodel.Known, Name: g.name}
	case p.Device == "" || t.book.phones[p.Device] != nil || k.leg(p.Device) != nil:
		p = t.shown(name)
	}
	if p.Device == "" || k.leg(p.Device) != nil {
		p = callmodel.Party{Device: csta.DeviceID("queue-" + c.id), Shown: callmodel.NotKnown}
	}
	if a := k.virtual(application); a != nil { // a menu answered, and sent the call here
		t.divert(a, p, csta.CauseRedirected)
	}
	l := t.add(k, p.Device, queue, p)
	l.queue, l.place = name, &callmodel.QueuePlace{Queued: count, CallsInFront: position - 1}
	t.move(l, csta.Queued, csta.CauseEnteringDistribution)
	k.cause, k.reached = csta.CauseDistributed, true
	line := t.queues[name]
	t.queues[name] = slices.Insert(line, max(0, min(position-1, len(line))), l)
	t.renumber(name)
}

// renumber tells those who wait in a queue their places anew, which no event does: somebody came, or went. A place is no state: the model keeps it,
// and nothing is told of it.
func (t *tracker) renumber(name string) {
	line := t.queues[name]
	if len(line) == 0 {
		delete(t.queues, name)
		return
	}
	for i, l := range line {
		place := callmodel.QueuePlace{Queued: len(line), CallsInFront: i}
		if l.place == nil || *l.place != place {
			l.place = &place
			t.say(callmodel.Moved{Meta: callmodel.Meta{At: t.now}, Connection: l.id(), To: csta.Queued, Subject: l.party, Queue: l.place})
		}
	}
}

// leavesQueue takes a leg out of the line that it waited in.
func (t *tracker) leavesQueue(l *leg) {
	line := t.queues[l.queue]
	if i := slices.Index(line, l); i >= 0 {
		t.queues[l.queue] = slices.Delete(line, i, i+1)
		t.renumber(l.queue)
	}
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
