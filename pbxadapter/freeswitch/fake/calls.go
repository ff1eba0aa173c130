package fake

import (
	"slices"
	"strings"
)

// What the fake's calls do.

func (f *PBX) hold(l *leg) {
	l.held = true
	f.fire("CHANNEL_HOLD", l, nil)
}

func (f *PBX) retrieve(l *leg) {
	l.held = false
	f.fire("CHANNEL_UNHOLD", l, nil)
}

// press is keys pressed at a leg: whom it talks to hears them.
func (f *PBX) press(l *leg, digits, source string) {
	for _, d := range digits {
		f.fire("DTMF", l, map[string]string{"DTMF-Digit": string(d), "DTMF-Duration": map[string]string{"APP": "2000", "RTP": "960"}[source], "DTMF-Source": source})
		if o := l.peer; o != nil {
			f.heard[o.user+o.number] += string(d)
		}
	}
}

// class is the context of a phone.
func (f *PBX) class(user string) string {
	if slices.Contains(f.conf.Barred, user) {
		return "barred"
	}
	return "office"
}

// dialled reads "203 XML office".
func (f *PBX) dialled(l *leg, target, rdnis string) {
	w := strings.Fields(target)
	if len(w) != 3 || w[1] != "XML" {
		f.fails(l, "NO_ROUTE_DESTINATION")
		return
	}
	f.route(l, w[0], rdnis, w[2])
}

// route is the dialplan.
func (f *PBX) route(l *leg, to, rdnis, class string) {
	l.parked = false
	switch {
	case class == "barred" && strings.HasPrefix(to, "00"):
		f.fails(l, "CALL_REJECTED")
	case f.db["dnd/"+to] == "true":
		l.vars["refused_by"] = "dnd"
		f.fails(l, "NO_USER_RESPONSE")
	case f.db["cfu/"+to] != "" && rdnis == "":
		f.route(l, f.db["cfu/"+to], to, f.class(to))
	case to == "9005":
		f.fails(l, "USER_BUSY")
	case to == "206":
		f.fails(l, "USER_NOT_REGISTERED")
	case to == "400": // a ring group
		f.ring(l, "202", rdnis)
		f.ring(l, "203", rdnis)
	case to == "9001": // rings, and is an announcement
		f.fire("CHANNEL_PROGRESS", l, nil)
	case to == "9003": // an announcement that nobody pays for
		f.fire("CHANNEL_PROGRESS_MEDIA", l, nil)
	case to == "301": // a conference room
		f.lift(l)
		f.enter(l, to)
	case strings.HasPrefix(to, "*7"):
		f.code(l, to)
	case strings.HasPrefix(to, "*8"):
		f.takes(l, to)
	case f.db["redirects/"+to] != "": // the phone itself does, before it rings
		c := f.leg(to, false, "")
		c.parent, c.dest = l, to
		f.fire("CHANNEL_CREATE", c, nil)
		c.parent = nil
		f.hangup(c, "REDIRECTION_TO_NEW_DESTINATION")
		f.ring(l, f.db["redirects/"+to], to)
	case to == "412": // a phone, by a loopback
		f.through(l, "203")
	case to == "411": // a ring group, by loopbacks
		f.through(l, "203", "202")
	case to == "420":
		f.queue(l, "fifo", "204")
	case to == "430":
		f.queue(l, "callcenter", "206", "205")
	case to == "501", to == "502":
		f.valet(l, to)
	case len(to) == 3 && to >= "201" && to <= "205", to[0] == '0':
		f.ring(l, to, rdnis)
	default:
		f.fails(l, "UNALLOCATED_NUMBER")
	}
}

// code is a code by which a phone changes a feature.
func (f *PBX) code(l *leg, to string) {
	for _, c := range []struct{ on, off, feature string }{{"*78", "*79", "dnd"}, {"*72", "*73", "cfu"}} {
		on := strings.HasPrefix(to, c.on)
		if !on && to != c.off {
			continue
		}
		value := strings.TrimPrefix(to, c.on)
		if value == "" {
			value = "true"
		}
		if !on {
			value = ""
		}
		f.db[c.feature+"/"+l.user] = value
		f.fire("feature::changed", nil, map[string]string{"Feature": c.feature, "Device": l.user, "Value": value})
	}
	f.lift(l)
}

// ring has a leg dial a phone, or a number outside.
func (f *PBX) ring(l *leg, to, rdnis string) {
	l.app = ""
	c := f.leg("", false, "")
	if to[0] == '0' {
		c.number = to
		f.outside = append(f.outside, to)
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
}

// fails is a dialplan that came to nothing: the leg goes on with its list, or ends.
func (f *PBX) fails(l *leg, cause string) {
	if l.vars["continue_on_fail"] == "true" && len(l.next) > 0 {
		f.goOn(l)
		return
	}
	f.hangup(l, cause)
}

// goOn runs what is left of a leg's list.
func (f *PBX) goOn(l *leg) {
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
			l.parked, l.app = true, name
			f.fire("CHANNEL_PARK", l, nil)
			return
		case "execute_extension", "transfer":
			f.dialled(l, arg, "")
			return
		case "intercept":
			if o := f.legs[arg]; o != nil {
				f.take(l, o)
				return
			}
		}
	}
}

func (f *PBX) answer(l *leg) {
	if l.ans || l.dead {
		return
	}
	l.ans = true
	f.fire("CHANNEL_ANSWER", l, nil)
	if p := l.parent; p != nil && slices.Contains(p.rings, l) {
		p.rings = slices.DeleteFunc(p.rings, func(o *leg) bool { return o == l })
		for _, o := range slices.Clone(p.rings) {
			f.hangup(o, "LOSE_RACE")
		}
		f.lift(p)
		f.bridge(p, l)
		if p.end == "B" {
			f.bowOut(p, l)
			return
		}
	}
	if l.member != nil {
		f.serves(l)
	}
	if do := l.onAnswer; do != nil {
		l.onAnswer = nil
		do()
	}
}

// lift answers a caller's leg.
func (f *PBX) lift(l *leg) {
	if !l.ans {
		l.ans = true
		f.fire("CHANNEL_PROGRESS_MEDIA", l, nil)
		f.fire("CHANNEL_ANSWER", l, nil)
	}
}

func (f *PBX) bridge(a, b *leg) {
	for _, l := range []*leg{a, b} {
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
func (f *PBX) part(l *leg) {
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
func (f *PBX) left(o *leg) {
	switch {
	case o.dead || o.room != "":
	case o.vars["park_after_bridge"] == "true":
		o.next = nil
		o.parked, o.app = true, ""
		f.fire("CHANNEL_PARK", o, nil)
	default:
		f.hangup(o, "NORMAL_CLEARING")
	}
}

func (f *PBX) hangup(l *leg, cause string) {
	if l.dead {
		return
	}
	l.dead, l.cause = true, cause
	delete(f.legs, l.id)
	if o := l.other; o != nil {
		defer f.hangup(o, cause)
	}
	for _, p := range []*leg{l.parent, l.member} {
		if p != nil {
			p.rings = slices.DeleteFunc(p.rings, func(o *leg) bool { return o == l })
		}
	}
	m := map[string]string{"Hangup-Cause": cause}
	f.fire("CHANNEL_HANGUP", l, m)
	if l.room != "" {
		f.fire("conference::maintenance", l, map[string]string{"Action": "del-member", "Conference-Unique-ID": "id-" + l.room, "Conference-Name": l.room})
		f.rooms[l.room] = slices.DeleteFunc(f.rooms[l.room], func(o *leg) bool { return o == l })
	}
	for _, o := range slices.Clone(l.rings) {
		f.hangup(o, map[bool]string{false: "ORIGINATOR_CANCEL", true: "DESTINATION_OUT_OF_ORDER"}[o == l.takes])
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
	if p := l.parent; p != nil && p.takes == l && !p.dead {
		if !l.ans && !f.untake(p) {
			f.hangup(p, "ORIGINATOR_CANCEL")
		}
		return
	}
	forwards := map[string]string{"USER_BUSY": "cfb/", "NO_ANSWER": "cfna/"}
	if p := l.parent; p != nil && !l.ans && !p.dead && len(p.rings) == 0 && cause != "LOSE_RACE" && cause != "ORIGINATOR_CANCEL" && cause != "PICKED_OFF" {
		if to := f.db[forwards[cause]+l.user]; to != "" {
			f.route(p, to, l.user, f.class(l.user))
			return
		}
		f.fails(p, cause)
	}
}

// transfer sends a leg elsewhere.
func (f *PBX) transfer(l *leg, to string) {
	if f.untake(l) {
		return
	}
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
func (f *PBX) run(l *leg, to, rdnis string) {
	l.next, l.parked, l.slot, l.waits, l.app = nil, false, false, false, ""
	to, inline := strings.CutSuffix(strings.TrimSpace(to), " inline")
	to = strings.Trim(to, "'")
	switch {
	case !inline:
		f.dialled(l, to, rdnis)
	case strings.HasPrefix(to, "conference:"):
		room, _, _ := strings.Cut(strings.TrimPrefix(to, "conference:"), "@")
		f.enter(l, room)
	case strings.HasPrefix(to, "valet_park:"):
		_, slot, _ := strings.Cut(to, " ")
		f.valet(l, slot)
	case strings.HasPrefix(to, "m:^:"):
		l.next = strings.Split(strings.TrimPrefix(to, "m:^:"), "^")
		f.goOn(l)
	default:
		for app := range strings.SplitSeq(to, ",") {
			if n, ok := strings.CutPrefix(app, "transfer:"); ok {
				f.dialled(l, n, rdnis)
			}
		}
	}
}

func (f *PBX) enter(l *leg, room string) {
	l.room, l.ans, l.app = room, true, ""
	f.rooms[room] = append(f.rooms[room], l)
	f.fire("conference::maintenance", l, map[string]string{"Action": "add-member", "Conference-Unique-ID": "id-" + room, "Conference-Name": room})
}
