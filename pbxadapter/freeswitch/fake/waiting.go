package fake

import (
	"slices"
	"strings"
)

// Who waits for somebody: in a queue, in a slot; and what phones do about calls that are not theirs, or not theirs any more.

// queue has a caller wait for one of a queue's members, who are rung.
func (f *PBX) queue(l *leg, app string, members ...string) {
	f.lift(l)
	l.app, l.waits = app, true
	if app == "fifo" {
		f.fire("fifo::info", l, map[string]string{"FIFO-Action": "push"})
	} else {
		f.fire("callcenter::info", l, map[string]string{"CC-Action": "member-queue-start"})
	}
	for _, u := range members {
		m := f.leg(u, false, "")
		m.member, m.dest, m.cid = l, u, l.user
		l.rings = append(l.rings, m)
		f.fire("CHANNEL_CREATE", m, nil)
		f.fire("CHANNEL_PROGRESS", m, nil)
	}
}

// serves is a member who answers.
func (f *PBX) serves(m *leg) {
	l := m.member
	for _, o := range slices.Clone(l.rings) {
		if l.rings = l.rings[1:]; o != m {
			f.hangup(o, "LOSE_RACE")
		}
	}
	l.waits = l.app == "callcenter" // whose variables stay
	f.bridge(l, m)
}

// valet is a leg that comes to a slot: whoever waits there is taken, else it waits there itself.
func (f *PBX) valet(l *leg, slot string) {
	f.lift(l)
	for _, id := range f.order {
		if o := f.legs[id]; o != nil && o != l && o.slot && o.vars["valet_lot_extension"] == slot {
			o.slot = false
			f.bridge(o, l)
			return
		}
	}
	l.parked, l.slot, l.app = true, true, "valet_park"
	l.vars["valet_lot_extension"] = slot
	f.fire("valet_parking::info", l, map[string]string{"Valet-Lot-Name": "office", "Valet-Extension": slot, "Action": "hold"})
}

// intercept has a leg take the call that rings for another one.
func (f *PBX) intercept(l, o *leg) {
	f.lift(o)
	if f.untake(o) {
		return
	}
	for _, r := range slices.Clone(o.rings) {
		f.hangup(r, "PICKED_OFF")
	}
	f.bridge(l, o)
}

// take has a leg take another one, which may still ring for somebody, who is done with then; it goes on ringing.
func (f *PBX) take(l, o *leg) {
	if o.ans {
		f.bridge(l, o)
		return
	}
	from := o.parent
	from.rings = slices.DeleteFunc(from.rings, func(x *leg) bool { return x == o })
	l.app, l.takes, o.parent, l.rings = "intercept", o, l, []*leg{o}
	f.hangup(from, "PICKED_OFF")
}

// untake is a leg for which nobody rings any more. True: it goes on in its list, as it was told to.
func (f *PBX) untake(l *leg) bool {
	o := l.takes
	l.takes = nil
	if o == nil || o.ans {
		return false
	}
	l.rings, o.parent = nil, nil
	f.hangup(o, "DESTINATION_OUT_OF_ORDER")
	if l.vars["uuid_bridge_continue_on_cancel"] != "true" {
		return false
	}
	f.goOn(l)
	return true
}

// takes is a phone that dials the code of a pickup.
func (f *PBX) takes(l *leg, code string) {
	r, err := f.newest(strings.TrimPrefix(code, "*8"), func(o *leg) bool { return !o.ans && o.parent != nil })
	if err != nil {
		f.hangup(l, "NORMAL_CLEARING")
		return
	}
	f.lift(l)
	f.intercept(l, r.parent)
}

// Refer has a phone send whom it talks to elsewhere.
func (f *PBX) Refer(number, to string) error {
	return f.on(number, func(l *leg) bool { return l.peer != nil }, func(l *leg) {
		far := l.peer
		f.fire("sofia::transferor", l, map[string]string{"variable_transfer_destination": "blind:" + to})
		f.fire("sofia::transferee", far, nil)
		f.transfer(far, to+" XML "+f.class(number))
	})
}

// Join has a phone connect whom it holds with whom it talks to.
func (f *PBX) Join(number string) error {
	return f.on(number, func(l *leg) bool { return l.peer != nil && l.held }, func(held *leg) {
		active, err := f.newest(number, func(l *leg) bool { return l.peer != nil && l != held })
		if err != nil {
			return
		}
		f.fire("sofia::replaced", active, nil)
		f.fire("sofia::transferor", held, map[string]string{"variable_transfer_destination": "attended:" + active.id})
		f.fire("sofia::transferee", held.peer, nil)
		f.bridge(held.peer, active.peer)
	})
}
