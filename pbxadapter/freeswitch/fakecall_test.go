package freeswitch

import (
	"slices"
	"strings"

	"farhook/csta"
)

// What the fake's calls do.

func (h fakeHands) Dial(from, to csta.DeviceID) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.leg(string(from), true, "")
	l.cid, l.dest = string(from), string(to)
	if from[0] == '0' {
		l.user, l.number = "", string(from)
	}
	h.fire("CHANNEL_CREATE", l, nil)
	h.route(l, string(to), "")
	return nil
}

func (h fakeHands) Answer(d csta.DeviceID) error {
	return h.on(string(d), func(l *fleg) bool { return !l.inbound && !l.ans }, h.answer)
}

func (h fakeHands) HangUp(d csta.DeviceID) error {
	return h.on(string(d), func(l *fleg) bool { return !l.held }, func(l *fleg) { l.status = "200"; h.hangup(l, "NORMAL_CLEARING") })
}

func (h fakeHands) Hold(d csta.DeviceID) error {
	return h.on(string(d), func(l *fleg) bool { return l.ans && !l.held }, h.hold)
}

func (h fakeHands) Retrieve(d csta.DeviceID) error {
	return h.on(string(d), func(l *fleg) bool { return l.held }, h.retrieve)
}

func (h fakeHands) Reject(d csta.DeviceID) error {
	return h.on(string(d), func(l *fleg) bool { return !l.inbound && !l.ans }, func(l *fleg) { l.status = "486"; h.hangup(l, "USER_BUSY") })
}

func (h fakeHands) CutLink() {
	h.mu.Lock()
	h.down = true
	h.mu.Unlock()
	h.cut()
}

func (h fakeHands) RestoreLink() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = false
}

func (f *fake) hold(l *fleg) {
	l.held = true
	f.fire("CHANNEL_HOLD", l, nil)
}

func (f *fake) retrieve(l *fleg) {
	l.held = false
	f.fire("CHANNEL_UNHOLD", l, nil)
}

// route is the dialplan.
func (f *fake) route(l *fleg, to, rdnis string) {
	l.parked = false
	switch {
	case f.db["dnd/"+to] == "true":
		l.vars["refused_by"] = "dnd"
		f.fails(l, "NO_USER_RESPONSE")
	case f.db["cfu/"+to] != "" && rdnis == "":
		f.route(l, f.db["cfu/"+to], to)
	case to == "9005":
		f.fails(l, "USER_BUSY")
	case to == "206":
		f.fails(l, "USER_NOT_REGISTERED")
	case len(to) == 3 && to >= "201" && to <= "205", to[0] == '0':
		c := f.leg("", false, "")
		if to[0] == '0' {
			c.number = to
		} else {
			c.user = to
		}
		c.parent, c.dest, c.rdnis, c.cid = l, to, rdnis, l.user
		if k, v, ok := strings.Cut(l.export, "="); ok {
			c.vars[k] = v
		}
		l.rings = append(l.rings, c)
		f.fire("CHANNEL_CREATE", c, nil)
		f.fire("CHANNEL_PROGRESS", c, nil)
		f.fire("CHANNEL_CALLSTATE", c, nil)
		if l.ans {
			f.fire("CHANNEL_CALLSTATE", l, map[string]string{"Channel-Call-State": "RING_WAIT"})
		} else {
			f.fire("CHANNEL_PROGRESS", l, nil)
		}
	default:
		f.fails(l, "UNALLOCATED_NUMBER")
	}
}

// fails is a dialplan that came to nothing: the leg goes on with its list, or ends.
func (f *fake) fails(l *fleg, cause string) {
	if l.vars["continue_on_fail"] == "true" && len(l.next) > 0 {
		f.goOn(l)
		return
	}
	f.hangup(l, cause)
}

// goOn runs what is left of a leg's list.
func (f *fake) goOn(l *fleg) {
	for len(l.next) > 0 && !l.dead {
		app := l.next[0]
		l.next = l.next[1:]
		name, arg, _ := strings.Cut(app, ":")
		switch name {
		case "set":
			k, v, _ := strings.Cut(arg, "=")
			l.vars[k] = v
		case "export":
			l.export = strings.TrimPrefix(arg, "nolocal:")
		case "park", "playback":
			l.parked = true
			f.fire("CHANNEL_PARK", l, nil)
			return
		case "execute_extension":
			f.route(l, strings.Fields(arg)[0], "")
			return
		}
	}
}

func (f *fake) answer(l *fleg) {
	if l.ans || l.dead {
		return
	}
	l.ans = true
	f.fire("CHANNEL_ANSWER", l, nil)
	if p := l.parent; p != nil && slices.Contains(p.rings, l) {
		p.rings = slices.DeleteFunc(p.rings, func(o *fleg) bool { return o == l })
		for _, o := range slices.Clone(p.rings) {
			f.hangup(o, "LOSE_RACE")
		}
		f.lift(p)
		f.bridge(p, l)
	}
	if do := l.onAnswer; do != nil {
		l.onAnswer = nil
		do()
	}
}

// lift answers a caller's leg.
func (f *fake) lift(l *fleg) {
	if !l.ans {
		l.ans = true
		f.fire("CHANNEL_PROGRESS_MEDIA", l, nil)
		f.fire("CHANNEL_ANSWER", l, nil)
	}
}

func (f *fake) bridge(a, b *fleg) {
	for _, l := range []*fleg{a, b} {
		f.part(l)
		if l.parked {
			l.parked = false
			f.fire("CHANNEL_UNPARK", l, nil)
		}
	}
	a.peer, b.peer = b, a
	f.fire("CHANNEL_BRIDGE", a, map[string]string{"Bridge-A-Unique-ID": a.id, "Bridge-B-Unique-ID": b.id})
}

// part ends a leg's talk; the other end parks, or ends too.
func (f *fake) part(l *fleg) {
	o := l.peer
	if o == nil {
		return
	}
	if o.held {
		f.retrieve(o)
	}
	l.peer, o.peer = nil, nil
	f.fire("CHANNEL_UNBRIDGE", l, map[string]string{"Bridge-A-Unique-ID": l.id, "Bridge-B-Unique-ID": o.id})
	f.left(o)
}

// left is a leg whose talk is over.
func (f *fake) left(o *fleg) {
	switch {
	case o.dead || o.room != "":
	case o.vars["park_after_bridge"] == "true":
		o.next = nil
		o.parked = true
		f.fire("CHANNEL_PARK", o, nil)
	default:
		f.hangup(o, "NORMAL_CLEARING")
	}
}

func (f *fake) hangup(l *fleg, cause string) {
	if l.dead {
		return
	}
	l.dead = true
	delete(f.legs, l.id)
	if p := l.parent; p != nil {
		p.rings = slices.DeleteFunc(p.rings, func(o *fleg) bool { return o == l })
	}
	m := map[string]string{"Hangup-Cause": cause}
	f.fire("CHANNEL_HANGUP", l, m)
	if l.room != "" {
		f.fire("conference::maintenance", l, map[string]string{"Action": "del-member", "Conference-Unique-ID": "id-" + l.room, "Conference-Name": l.room})
		f.rooms[l.room] = slices.DeleteFunc(f.rooms[l.room], func(o *fleg) bool { return o == l })
	}
	for _, o := range slices.Clone(l.rings) {
		f.hangup(o, "ORIGINATOR_CANCEL")
	}
	if o := l.peer; o != nil {
		l.peer, o.peer = nil, nil
		if o.held {
			f.retrieve(o)
		}
		f.fire("CHANNEL_UNBRIDGE", o, map[string]string{"Bridge-A-Unique-ID": o.id, "Bridge-B-Unique-ID": l.id})
		f.left(o)
	}
	f.fire("CHANNEL_HANGUP_COMPLETE", l, m)
	f.fire("CHANNEL_DESTROY", l, m)
	if do := l.onAnswer; do != nil {
		l.onAnswer = nil
		do()
	}
	forwards := map[string]string{"USER_BUSY": "cfb/"}
	if p := l.parent; p != nil && !l.ans && !p.dead && len(p.rings) == 0 && cause != "LOSE_RACE" && cause != "ORIGINATOR_CANCEL" && cause != "PICKED_OFF" {
		if to := f.db[forwards[cause]+l.user]; to != "" {
			f.route(p, to, l.user)
			return
		}
		f.fails(p, cause)
	}
}

// transfer sends a leg elsewhere.
func (f *fake) transfer(l *fleg, to string) {
	rdnis := l.user
	if o := l.peer; o != nil {
		rdnis = o.user
		if !l.inbound {
			rdnis = l.user
		}
		f.part(l)
	}
	for _, o := range slices.Clone(l.rings) {
		rdnis = o.user
		f.hangup(o, "ORIGINATOR_CANCEL")
	}
	if !l.dead {
		f.run(l, to, rdnis)
	}
}

// run has a leg run a list of applications, or a number of the dialplan.
func (f *fake) run(l *fleg, to, rdnis string) {
	l.next, l.parked = nil, false
	to, inline := strings.CutSuffix(strings.TrimSpace(to), " inline")
	to = strings.Trim(to, "'")
	switch {
	case !inline:
		f.route(l, strings.Fields(to)[0], rdnis)
	case strings.HasPrefix(to, "conference:"):
		room, _, _ := strings.Cut(strings.TrimPrefix(to, "conference:"), "@")
		f.enter(l, room)
	case strings.HasPrefix(to, "valet_park:"):
		l.parked = true
	case strings.HasPrefix(to, "m:^:"):
		l.next = strings.Split(strings.TrimPrefix(to, "m:^:"), "^")
		f.goOn(l)
	default:
		for app := range strings.SplitSeq(to, ",") {
			if n, ok := strings.CutPrefix(app, "transfer:"); ok {
				f.route(l, strings.Fields(n)[0], rdnis)
			}
		}
	}
}

func (f *fake) enter(l *fleg, room string) {
	l.room, l.ans = room, true
	f.rooms[room] = append(f.rooms[room], l)
	f.fire("conference::maintenance", l, map[string]string{"Action": "add-member", "Conference-Unique-ID": "id-" + room, "Conference-Name": room})
}
