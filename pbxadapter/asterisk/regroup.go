package asterisk

import (
	"cmp"
	"slices"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/asterisk/ami"
)

// join groups who talks, by bridges, and brings in who called.
func (r *rebuilding) join() {
	t := r.t
	for _, c := range r.order {
		m := r.items[c]
		id := bridgeOf(m)
		if id == "" {
			continue
		}
		b := t.bridges[id]
		if b == nil {
			b = &bridge{id: id}
			t.bridges[id] = b
		}
		app := r.app(c)
		if app == "ConfBridge" {
			c.conference, _, _ = strings.Cut(m.Get("Data"), ",")
		}
		b.apart = b.apart || app == "ConfBridge" || app == "Park" || app == "ParkedCall" || app == "ParkAndAnnounce"
		c.bridge = b
		b.members = append(b.members, c)
	}
	for _, c := range r.order { // whom we hold the call for, and who isn't waiting any more
		if m := r.items[c]; c.real() && c.up() && c.bridge == nil && m.Get("Exten") == parkExten && r.orphan(c, m) {
			c.silent = true
		}
	}
	for _, c := range r.order {
		if !c.real() {
			c.originated = c.kind == wire && strings.HasPrefix(r.app(c), "AppDial2")
			continue
		}
		_, seen := r.before[c.id]
		switch {
		case c.silent:
		case c.bridge != nil && !c.bridge.apart:
			state := csta.Connected
			if c.state == stateRinging { // somebody bridged it while it rang
				state, c.originated = csta.Alerting, true
			}
			r.party(r.bridged(c), c, state)
		case c.intent != nil && c.intent.quiet() && c.bridge == nil && !seen:
			c.silent = true
		case c.intent != nil && c.intent.into != nil && c.bridge == nil && !seen: // it is rung into a conference
		case r.ours(c) != "":
		case !r.called(c) && (c.state == stateRing || c.up()), r.app(c) == "ConfBridge", c.up() && variable(r.items[c], varPeer) != "":
			r.party(r.callOf(c), c, csta.Connected)
		}
	}
	r.rooms()
}

// ours is the call after which a conference room of ours is named; empty for a channel that is in none.
func (r *rebuilding) ours(c *channel) string {
	root, ok := strings.CutPrefix(r.items[c].Get("Exten"), conferenceExten)
	if !ok || root == "" || r.app(c) != "ConfBridge" || c.bridge == nil {
		return ""
	}
	return root
}

// rooms brings those together who are in a room of ours. It's the call after which the room is named, unless that is still held elsewhere by one of
// them: then we were stopped while the conference was being made.
func (r *rebuilding) rooms() {
	t := r.t
	done := map[*bridge]bool{}
	for _, c := range r.order {
		root := r.ours(c)
		if root == "" || done[c.bridge] || !c.real() || c.silent {
			continue
		}
		done[c.bridge] = true
		var members []*channel
		for _, m := range r.order {
			if m.bridge == c.bridge && m.real() && !m.silent {
				members = append(members, m)
			}
		}
		k := t.calls[csta.CallID(t.pbx+"-"+root)]
		switch {
		case k == nil:
			k = r.callOf(members[0])
			if _, known := r.before[members[0].id]; !known && k.root != root {
				if len(k.legs) == 0 {
					delete(t.calls, k.id)
				}
				k = t.newCall(root)
				k.began, k.sent = c.born, true
			}
		case slices.ContainsFunc(members, func(m *channel) bool { return m.kind == phone && k.leg(m.device) != nil }):
			if k = r.callOf(members[0]); slices.ContainsFunc(members, func(m *channel) bool { return m.kind == phone && k.leg(m.device) != nil }) {
				k = t.newCall(members[0].id)
				k.began, k.sent = c.born, true
			}
		}
		for _, m := range members {
			r.party(k, m, csta.Connected)
		}
		k.conference = true
	}
}

// bridged is the call of everybody in a channel's bridge: that of one of them, through any wires.
func (r *rebuilding) bridged(c *channel) *call {
	var list []*channel
	seen := map[*channel]bool{}
	var walk func(*channel)
	walk = func(x *channel) {
		if x == nil || seen[x] {
			return
		}
		seen[x] = true
		if x.real() {
			list = append(list, x)
		} else {
			walk(x.half)
		}
		if x.bridge != nil && !x.bridge.apart {
			for _, o := range x.bridge.members {
				walk(o)
			}
		}
	}
	walk(c)
	slices.SortStableFunc(list, func(a, b *channel) int { return slices.Index(r.order, a) - slices.Index(r.order, b) })
	var best *call
	for _, x := range list {
		if x.leg != nil {
			return x.leg.call
		}
		if p, ok := r.before[x.id]; ok && (best == nil || p.call.began.Before(best.began)) {
			best = &p.call
			c = x
		}
	}
	if best == nil {
		for _, x := range list {
			if x.id == x.linked || c.linked == "" {
				c = x
				break
			}
		}
	}
	return r.callOf(c)
}

// dialled brings in whom nobody has answered yet: those of a caller with the same Linkedid.
func (r *rebuilding) dialled() {
	t := r.t
	for _, c := range r.order {
		if c.kind == wire && c.bridge == nil && !c.originated && strings.HasPrefix(r.app(c), "AppDial") {
			if c.caller = r.callerOf(c); c.caller != nil {
				c.caller.dials = append(c.caller.dials, c)
			}
		}
	}
	for _, c := range r.order {
		if c.leg != nil || !c.real() || c.silent || c.bridge != nil {
			continue
		}
		o := r.callerOf(c)
		if o == nil {
			c.caller = r.wireOf(c)
		}
		if o != nil {
			c.caller = o
			o.dials = append(o.dials, c)
		}
		c.originated = o == nil && strings.HasPrefix(r.app(c), "AppDial2")
		if in := c.intent; in != nil && in.into != nil && t.calls[in.into.id] != nil {
			r.rings(t.calls[in.into.id], c)
			continue
		}
		p, seen := r.before[c.id]
		switch {
		case seen && p.leg.state == csta.Initiated && !c.up():
			r.party(r.callOf(c), c, csta.Initiated)
			continue
		case c.up() && (seen && p.leg.state != csta.Initiated || o != nil): // on its way into a bridge, or somewhere else
			k := t.calls[p.call.id]
			if k == nil && o != nil {
				k = o.leg.call
			}
			if k == nil {
				k = r.callOf(c)
			}
			r.party(k, c, csta.Connected)
			continue
		case seen && t.calls[p.call.id] != nil && p.leg.state == csta.Alerting:
			c.originated = o == nil // whoever dialled it has gone: it rings for somebody else
			r.rings(t.calls[p.call.id], c)
			continue
		}
		if o != nil {
			r.rings(o.leg.call, c)
			continue
		}
		if c.originated && c.ringing() { // it is asked to call
			k := r.callOf(c)
			l := r.party(k, c, csta.Initiated)
			if c.up() {
				l.state = csta.Connected
			}
			k.calling = l.party
			if n := known(r.items[c].Get("ConnectedLineNum")); n != "" && k.called.Shown == callmodel.Absent {
				k.called = t.shown(n)
			}
		}
	}
}

// rings brings a channel in that rings, or is about to.
func (r *rebuilding) rings(k *call, c *channel) {
	if c.kind == phone && !c.ringing() || c.kind == phone && k.leg(c.device) != nil && k.leg(c.device).state != csta.Alerting {
		r.t.unplaced[c] = true
		return
	}
	if n := known(r.items[c].Get("CallerIDNum")); c.kind == outside && n == "" && c.state == stateDown && r.t.book.phones[k.called.Device] != nil {
		r.t.unplaced[c] = true // its number comes before it is dialled
		return
	}
	state := csta.Alerting
	if c.kind == outside {
		state = csta.Connected
	}
	r.party(k, c, state)
}

// callerOf is who dials a channel: of those with its Linkedid the one that it is shown, else any.
func (r *rebuilding) callerOf(c *channel) *channel {
	var any *channel
	for _, o := range r.order {
		if o == c || o.leg == nil || o.linked != c.linked || o.bridge != nil && !o.bridge.apart {
			continue
		}
		if app := r.app(o); app != "Dial" && app != "Queue" && app != "FollowMe" && app != "Page" && r.through(o) == nil {
			continue
		}
		if any == nil {
			any = o
		}
		if n := known(r.items[c].Get("ConnectedLineNum")); n != "" && n == r.items[o].Get("CallerIDNum") {
			return o
		}
	}
	if any == nil {
		for _, o := range r.order { // through a wire: whoever has a call of that name
			if o != c && o.leg != nil && o.linked == c.linked && (o.bridge == nil || r.through(o) != nil) {
				return o
			}
		}
	}
	return any
}

// wireOf is the wire that dials a channel, where nobody is known at its other end.
func (r *rebuilding) wireOf(c *channel) *channel {
	for _, o := range r.order {
		if o.kind == wire && o.linked == c.linked && o.bridge == nil && r.app(o) == "Dial" {
			return o
		}
	}
	return nil
}

// through is a wire in the bridge of a channel.
func (r *rebuilding) through(c *channel) *channel {
	if c.bridge == nil {
		return nil
	}
	for _, o := range c.bridge.members {
		if o.kind == wire {
			return o
		}
	}
	return nil
}

// bridgeOf is the bridge in which a list has a channel; the name's spelling is the release's.
func bridgeOf(m ami.Message) string { return cmp.Or(m.Get("BridgeID"), m.Get("BridgeId")) }
