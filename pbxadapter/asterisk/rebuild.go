package asterisk

import (
	"maps"
	"slices"
	"strings"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/asterisk/ami"
)

// lists is what Asterisk has at one moment, as its lists tell.
type lists struct {
	startup  string        // when it began
	channels []ami.Message // Status
	parked   []ami.Message // ParkedCall
	queues   []ami.Message // QueueParams, QueueMember, QueueEntry
	devices  []ami.Message // DeviceStateChange
	features map[csta.DeviceID][]callmodel.Feature
}

// The variables that are asked for with each channel, and that we set.
const (
	varOnHold = "CHANNEL(onhold)" // 1 on the channel that is held, not on the holder's
	varPres   = "CALLERID(pres)"
	varPeer   = "CSTA_PEER" // the channel with which our dialplan lines join this one
)

// statusVariables is the list as Status takes it.
const statusVariables = varOnHold + "," + varPres + "," + varPeer

// past is what was told of a channel before.
type past struct {
	leg    leg
	call   call
	bridge string // in which it holds somebody of whom Asterisk doesn't know that
}

// rebuild makes the state anew from lists, and gives it. What the lists don't tell is taken from what was known before, by the channels' ids: names of
// calls, numbers dialled, since when.
func (t *tracker) rebuild(l lists) callmodel.State {
	t.suspended = true
	defer func() { t.suspended = false }()
	for _, k := range t.calls { // what was still open is as it looks
		for _, d := range slices.Clone(k.lost) {
			t.lose(d)
		}
	}
	before, over := map[string]past{}, map[string]bool{}
	if l.startup == t.startup || t.startup == "" {
		for id, c := range t.channels {
			over[id] = c.leg == nil && (c.dialEnd != "" || c.silent && c.leaving) // told, though Asterisk still lists it
			if c.leg != nil {
				p := past{leg: *c.leg, call: *c.leg.call}
				if c.leg.unprovable() {
					p.bridge = c.bridge.id
				}
				before[id] = p
			}
		}
	}
	t.startup = l.startup
	joining, parting, intents := t.joining, t.parting, t.intents
	t.clear()
	t.intents = intents
	for id, in := range intents {
		if in.channel == nil && t.now.Sub(in.since) > 10*time.Minute {
			delete(intents, id)
		}
	}

	items := map[*channel]ami.Message{}
	var order []*channel
	for _, m := range l.channels {
		id := m.Get("Uniqueid")
		if id == "" || t.channels[id] != nil {
			continue
		}
		c := t.create(id, m)
		c.silent = over[id]
		c.born = t.now.Add(-time.Duration(number(m.Get("Seconds"))) * time.Second)
		items[c] = m
		order = append(order, c)
	}
	slices.SortStableFunc(order, func(a, b *channel) int {
		if !a.born.Equal(b.born) {
			return a.born.Compare(b.born)
		}
		return strings.Compare(a.id, b.id)
	})
	r := &rebuilding{t: t, items: items, order: order, before: before}
	r.join()
	r.dialled()
	for _, m := range l.parked {
		if c := t.of(m, "Parkee"); c != nil && c.leg != nil {
			r.park(c, m)
		}
	}
	for _, m := range l.queues {
		if c := t.of(m, ""); c != nil && m.Event() == "QueueEntry" {
			t.enqueue(c, m.Get("Queue"), number(m.Get("Position")), 0)
		}
	}
	r.applications()
	r.holds()
	t.goOn(joining, parting)
	for _, m := range l.devices {
		t.deviceState(m)
	}
	t.features = map[csta.DeviceID][]callmodel.Feature{}
	maps.Copy(t.features, l.features)
	return t.state()
}

// rebuilding is one rebuild at work.
type rebuilding struct {
	t      *tracker
	items  map[*channel]ami.Message
	order  []*channel
	before map[string]past
}

func (r *rebuilding) app(c *channel) string { return r.items[c].Get("Application") }

// variable is one of statusVariables as the list has it; empty where it was never set.
func variable(m ami.Message, name string) string {
	for _, v := range m.All("Variable") {
		if k, v, ok := strings.Cut(v, "="); ok && k == name && v != "(null)" {
			return v
		}
	}
	return ""
}

// called says whether a channel was dialled by another one, or by an Originate.
func (r *rebuilding) called(c *channel) bool {
	return strings.HasPrefix(r.app(c), "AppDial") || strings.HasPrefix(r.app(c), "AppQueue") || c.state == stateRinging || c.state == stateDown
}

// callOf finds or begins the call of a channel.
func (r *rebuilding) callOf(c *channel) *call {
	t := r.t
	if p, ok := r.before[c.id]; ok {
		if k := t.calls[p.call.id]; k != nil {
			return k
		}
		k := &call{
			id: p.call.id, root: p.call.root, began: p.call.began, calling: p.call.calling, called: p.call.called, last: p.call.last,
			conference: p.call.conference, sent: true, reached: p.call.reached, op: p.call.op, cause: p.call.cause,
			handing: p.call.handing, handedTo: p.call.handedTo, deflected: p.call.deflected,
		}
		t.calls[k.id] = k
		return k
	}
	root := c.linked
	if root == "" {
		root = c.id
	}
	if k := t.calls[csta.CallID(t.pbx+"-"+root)]; k != nil {
		return k
	}
	k := t.newCall(root)
	k.began, k.sent = c.born, true
	return k
}

// party brings a channel into a call, as it was known or as it looks.
func (r *rebuilding) party(k *call, c *channel, state csta.State) *leg {
	t := r.t
	p, known := r.before[c.id]
	if c.kind == outside {
		switch {
		case known:
			c.device, c.party = p.leg.device, p.leg.party
		case r.called(c):
			c.party = t.shown(r.items[c].Get("CallerIDNum"))
			if d := k.called.Device; c.party.Shown != callmodel.Known && k.called.Shown == callmodel.Known && t.book.phones[d] == nil && k.leg(d) == nil {
				c.party = k.called
			}
			c.device = c.party.Device
			if c.party.Shown != callmodel.Known || t.book.phones[c.device] != nil {
				c.device = csta.DeviceID("outside-" + c.id)
			}
		default:
			if v := variable(r.items[c], varPres); strings.HasPrefix(v, "prohib") {
				c.party = callmodel.Party{Shown: callmodel.Restricted}
			}
			c.device = t.outsideID(k, c)
		}
	}
	l := k.leg(c.device)
	if l == nil {
		l = t.add(k, c.device, party, c.party)
		l.state, l.since = state, c.born
		if known {
			l.since, l.server, l.op, l.why = p.leg.since, p.leg.server, p.leg.op, p.leg.why
			l.party = p.leg.party
		}
		if state == csta.Connected && c.kind == outside && !c.up() && r.called(c) {
			l.kind = callmodel.Network
			if c.state == stateRinging {
				l.kind, l.state = callmodel.Plain, csta.Alerting
			}
		}
	}
	t.attach(l, c)
	c.answered = state == csta.Connected && r.called(c)
	if k.began.After(c.born) {
		k.began = c.born
	}
	if !r.called(c) && k.calling.Shown == callmodel.Absent {
		k.calling = l.party
		if d := r.items[c].Get("DNID"); d != "" {
			k.called = t.shown(d)
		}
	}
	return l
}

// park says that a call waits in a car park.
func (r *rebuilding) park(c *channel, m ami.Message) {
	k := c.leg.call
	space := r.t.shown(m.Get("ParkingSpace"))
	if space.Device == "" || k.leg(space.Device) != nil {
		return
	}
	l := r.t.add(k, space.Device, slot, space)
	l.state = csta.Queued
}

// applications says what answered those who talk to nobody.
func (r *rebuilding) applications() {
	t := r.t
	for _, k := range slices.SortedFunc(maps.Values(t.calls), func(a, b *call) int { return strings.Compare(string(a.id), string(b.id)) }) {
		if len(k.legs) != 1 || k.legs[0].state != csta.Connected || k.conference {
			continue
		}
		if r.failedBefore(k) {
			continue
		}
		c := k.legs[0].channel()
		if c == nil || !c.up() {
			continue
		}
		if at := r.items[c].Get("Exten"); at == holdExten || at == parkExten {
			continue
		}
		if talks(r.app(c)) {
			t.appAnswers(c)
		}
	}
	for _, k := range t.calls {
		k.reached = k.reached || len(k.legs) > 1
	}
}

// failedBefore brings back whom a caller could not reach and still hears the tone of.
func (r *rebuilding) failedBefore(k *call) bool {
	c := k.legs[0].channel()
	if c == nil {
		return false
	}
	for _, l := range r.before[c.id].call.legs {
		if l.role == failure && k.leg(l.device) == nil {
			n := r.t.add(k, l.device, failure, l.party)
			n.state, n.since = csta.Fail, l.since
			return true
		}
	}
	return false
}

// holds says who holds whom. A channel on hold is the one that is held: the holder is the other one.
func (r *rebuilding) holds() {
	t := r.t
	for _, k := range t.calls {
		for _, l := range k.legs {
			c := l.channel()
			if c == nil || l.role != party || l.state != csta.Connected {
				continue
			}
			m := r.items[c]
			if c.up() && c.bridge == nil && (parks(m) || r.beforeHeld(c)) {
				l.state, l.server, k.served = csta.Hold, true, true
				continue
			}
			if c.up() && c.bridge == nil && m.Get("Exten") == holdExten {
				k.served = true
				r.orphan(c, m)
			}
			held, told := r.heldByPeer(c)
			p, ok := r.before[c.id]
			switch {
			case held, ok && p.leg.state == csta.Hold && !told:
				l.state = csta.Hold
			case ok && p.bridge != "" && c.bridge != nil && c.bridge.id == p.bridge:
				l.state = csta.Hold
				c.entered = t.now // as unprovable as before
			}
		}
	}
}

// heldByPeer says whether the one who shares a bridge with c is on hold, so that c holds, be it on hold itself or not; told is false where nobody alone does.
func (r *rebuilding) heldByPeer(c *channel) (held, told bool) {
	if c.bridge == nil || c.bridge.apart {
		return false, false
	}
	var peer *channel
	for _, o := range c.bridge.members {
		if o != c && o.real() {
			if peer != nil {
				return false, false
			}
			peer = o
		}
	}
	if peer == nil {
		return false, false
	}
	return variable(r.items[peer], varOnHold) == "1", true
}

// orphan has a party hung up that our dialplan lines keep for somebody who has gone, or who has gone elsewhere.
func (r *rebuilding) orphan(c *channel, m ami.Message) bool {
	name := variable(m, varPeer)
	if name == "" || r.t.hangUp == nil {
		return false
	}
	peer := r.t.names[name]
	if peer != nil && (m.Get("Exten") == holdExten || peer.bridge == nil && r.items[peer].Get("Exten") == holdExten) {
		return false
	}
	r.t.hangUp(c, c)
	return true
}

// beforeHeld says whether a channel's device was told to hold by our dialplan lines; the lines may be busy with something else by now.
func (r *rebuilding) beforeHeld(c *channel) bool {
	p, ok := r.before[c.id]
	return ok && p.leg.server && p.leg.state == csta.Hold && c.leg != nil
}

// state is everything as it was told.
func (t *tracker) state() callmodel.State {
	s := callmodel.State{Features: map[csta.DeviceID][]callmodel.Feature{}, Out: map[csta.DeviceID]csta.EventCause{}}
	for _, k := range t.calls {
		c := callmodel.Call{ID: k.id, Began: k.began, Calling: k.calling, Called: k.called, LastRedirected: k.last}
		for _, l := range k.legs {
			c.Legs = append(c.Legs, callmodel.Leg{Device: l.device, State: l.state, Kind: l.kind, Party: l.party, Since: l.since, Queue: l.place})
		}
		s.Calls = append(s.Calls, c)
	}
	slices.SortFunc(s.Calls, func(a, b callmodel.Call) int { return strings.Compare(string(a.ID), string(b.ID)) })
	maps.Copy(s.Features, t.features)
	for d := range t.out {
		s.Out[d] = csta.CauseDestOutOfOrder
	}
	return s
}
