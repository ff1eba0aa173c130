package fake

import (
	"maps"
	"strings"
)

// loopback calls a number through the dialplan: a is called, b dials. Whoever answers takes the place of both, and does what a was to do.
func (f *PBX) loopback(vars map[string]string, to, then string, done func(string)) {
	w := strings.Split(to, "/") // number, context, dialplan
	if len(w) != 3 || w[2] != "XML" {
		done("-ERR DESTINATION_OUT_OF_ORDER")
		return
	}
	a, b := f.leg("", false, vars["origination_uuid"]), f.leg("", true, "")
	a.end, b.end, a.other, b.other, a.then = "A", "B", b, a, then
	for _, l := range []*leg{a, b} {
		maps.Copy(l.vars, vars)
		l.cid, l.dest = vars["origination_caller_id_number"], w[0]
	}
	a.onAnswer = func() {
		if a.cause != "" {
			done("-ERR " + a.cause)
		} else {
			done("+OK " + a.id)
		}
	}
	f.fire("CHANNEL_CREATE", a, nil)
	f.fire("CHANNEL_CREATE", b, nil)
	f.route(b, w[0], "", w[1])
}

// through has a leg dial phones by loopbacks, as a dialplan may.
func (f *PBX) through(l *leg, phones ...string) {
	for _, u := range phones {
		a, b := f.leg("", false, ""), f.leg("", true, "")
		a.end, b.end, a.other, b.other, a.parent = "A", "B", b, a, l
		a.dest, b.dest = u, u
		l.rings = append(l.rings, a)
		f.fire("CHANNEL_CREATE", a, nil)
		f.fire("CHANNEL_CREATE", b, nil)
		f.ring(b, u, "")
	}
}

// bowOut takes the loopback out from before a leg that b has dialled and that has answered.
func (f *PBX) bowOut(b, l *leg) {
	a := b.other
	if f.answer(a); a.parent != nil {
		return // it stays
	}
	b.peer, l.peer = nil, nil
	maps.Copy(l.vars, a.vars)
	l.vars["loopback_leg"], l.vars["other_loopback_leg_uuid"] = "A", b.id // they stay
	f.hangup(a, "NORMAL_UNSPECIFIED")
	f.then(l, a.then)
}
