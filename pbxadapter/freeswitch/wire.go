package freeswitch

import "strings"

// A dialplan may dial through itself: "bridge loopback/203/office" makes two legs of nobody's, a and b, that are joined within the PBX; a is
// dialled, and b dials on. They are wires, and no legs of a call: who is behind them is rung by whoever is before them, and talks to him.

// wire is one end of such a pair.
type wire struct {
	other string // the other end
	by    string // of a: the leg, or wire, that dialled it; empty: nobody, but we had it made
	call  string // in which call of ours who is behind it is to be
	talk  string // the leg, or wire, with which this end is bridged
}

// wires are those that there are, by id.
type wires map[string]*wire

// wired takes a leg that is a wire. True: it was one.
func (t *tracker) wired(e *event) bool {
	end := e.get(loopbackEnd)
	if end == "" || !strings.HasPrefix(e.get(channelName), "loopback/") {
		return false // the leg of who took a wire's place has its variables, too
	}
	w := &wire{other: e.get(loopbackOther), call: e.get(markCall)}
	if t.wires[e.get(uniqueID)] = w; end == "A" && e.get(otherType) == "originator" {
		w.by = e.get(otherUniqueID)
		if l := t.legs[w.by]; l != nil {
			l.dialled = true
			l.doubts[early].drop()
			l.doubts[answer].drop()
		}
	}
	return true
}

// most is how many wires may follow each other.
const most = 8

// before finds the leg that dials, perhaps through wires; nil: it's no leg of a call, and what there is is for a call of ours, or for none.
func (t *tracker) before(id string) (by *leg, call string) {
	for range most {
		w := t.wires[id]
		if w == nil {
			return t.legs[id], ""
		}
		if o := t.wires[w.other]; w.by == "" && o != nil {
			w = o
		}
		if w.by == "" {
			return nil, w.call
		}
		id = w.by
	}
	return nil, ""
}

// behind finds the leg at the far end of a wire, if it is bridged; of a leg's own id it is that leg.
func (t *tracker) behind(id string) *leg {
	for range most {
		w := t.wires[id]
		if w == nil {
			return t.legs[id]
		}
		o := t.wires[w.other]
		if o == nil {
			return nil
		}
		id = o.talk
	}
	return nil
}

// pair finds the two legs that begin, or end, to talk, where a pair of ids may be of wires. nil: there is no such leg yet.
func (t *tracker) pair(x, y string, begins bool) (a, b *leg) {
	if !begins {
		a, b = t.behind(x), t.behind(y)
	}
	for _, p := range [...][2]string{{x, y}, {y, x}} {
		switch w := t.wires[p[0]]; {
		case w == nil:
		case begins:
			w.talk = p[1]
		default:
			w.talk = ""
		}
	}
	if begins {
		a, b = t.behind(x), t.behind(y)
	}
	if a == b {
		return nil, nil
	}
	return a, b
}

// direct has two legs talk without the wires that were between them.
func (w wires) direct(x, y string) {
	for _, o := range w {
		if o.talk == x || o.talk == y {
			o.talk = ""
		}
	}
}
