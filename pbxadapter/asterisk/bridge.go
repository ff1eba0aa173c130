package asterisk

import (
	"slices"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/asterisk/ami"
)

func (t *tracker) bridgeEnter(m ami.Message) {
	c := t.of(m, "")
	if c == nil || c.gone {
		return
	}
	id := m.Get("BridgeUniqueid")
	b := t.bridges[id]
	if b == nil {
		creator, technology := m.Get("BridgeCreator"), m.Get("BridgeTechnology")
		b = &bridge{id: id, apart: creator == "ConfBridge" || creator == "Parking" || technology == "holding_bridge"}
		t.bridges[id] = b
	}
	t.enter(c, b)
}

// enter puts a channel into a bridge, and sees what that means.
func (t *tracker) enter(c *channel, b *bridge) {
	if c.bridge == b {
		return
	}
	if c.bridge != nil {
		c.bridge.drop(c)
	}
	c.bridge, c.entered, c.leftFirst, c.leftLast = b, t.now, false, false
	b.members = append(b.members, c)
	if !c.real() {
		t.placeAll()
		for _, d := range t.waiting() {
			t.progress(d)
		}
		return
	}
	if b.apart {
		t.entersRoom(c)
		return
	}
	if c.leg == nil {
		t.place(c)
		if c.leg == nil {
			t.after(joinDoubt, func() { t.talksAnyway(c, b) })
		}
	} else {
		t.progress(c)
	}
	t.joins(b)
	t.backFromServer(b)
	t.backBySecondCall(b)
	if c.leg != nil && slices.ContainsFunc(b.members, func(o *channel) bool { return o != c && o.leg != nil && o.leg.call != c.leg.call }) {
		t.after(joinDoubt, func() { t.merge(b) })
	}
}

// talksAnyway brings in whoever talks and was not told of, by what nobody saw.
func (t *tracker) talksAnyway(c *channel, b *bridge) {
	if c.leg != nil || c.gone || c.bridge != b || !c.ringing() {
		return
	}
	for _, o := range b.members {
		if o.leg == nil || o == c {
			continue
		}
		k := o.leg.call
		if c.kind == outside {
			c.device = t.outsideID(k, c)
		}
		if l := k.leg(c.device); l == nil {
			state := csta.Connected
			if !c.up() { // somebody bridged it while it rang
				state, c.originated = csta.Alerting, true
			}
			t.attach(t.add(k, c.device, party, c.party), c)
			t.move(c.leg, state, csta.CauseCallPickup)
		} else if l.role == party && l.state == csta.Alerting { // its other channel rang
			t.attach(l, c)
			t.answer(l, c)
		}
		c.silent = c.leg == nil
		return
	}
}

func (t *tracker) bridgeLeave(m ami.Message) {
	c := t.of(m, "")
	if c == nil || c.bridge == nil || c.bridge.id != m.Get("BridgeUniqueid") {
		return
	}
	b := c.bridge
	b.drop(c)
	c.bridge = nil
	if c.real() && !b.apart {
		left := number(m.Get("BridgeNumChannels"))
		c.leftFirst, c.leftLast = left > 0, left == 0
		t.toServer(c)
		if k := c.leg; left == 0 && k != nil {
			t.after(joinDoubt, func() { t.wonderWhere(k.call) })
		}
	}
	if len(b.members) == 0 {
		delete(t.bridges, b.id)
	}
}

func (t *tracker) bridgeDestroy(m ami.Message) {
	id := m.Get("BridgeUniqueid")
	if b := t.bridges[id]; b != nil && len(b.members) == 0 {
		delete(t.bridges, id)
	}
}

// merge makes one call of two whose parties are in one bridge, where nothing else told why. It says whether there was something to merge.
func (t *tracker) merge(b *bridge) bool {
	if b == nil {
		return false
	}
	if b.apart {
		return t.mergeRoom(b)
	}
	var first *channel
	for _, c := range b.members {
		if c.leg == nil || c.gone || c.silent {
			continue
		}
		if first == nil {
			first = c
			continue
		}
		if c.leg.call != first.leg.call {
			t.mergeCalls(first, c)
			return true
		}
	}
	return false
}

// mergeCalls joins the calls of two channels that hear one another. A device that was in both and isn't there any more has transferred; otherwise
// whoever came second has joined the first.
func (t *tracker) mergeCalls(x, y *channel) {
	old, second := x.leg.call, y.leg.call
	if second.began.Before(old.began) {
		old, second, x, y = second, old, y, x
	}
	for _, l := range old.legs {
		o := second.leg(l.device)
		if o == nil || l.role != party || l == x.leg || o == y.leg {
			continue
		}
		t.transfer(l, o, y.leg.party, csta.CauseTransfer, 0)
		return
	}
	for _, l := range slices.Clone(second.legs) {
		if l.role != party {
			t.move(l, csta.Null, "")
		} else if c := l.channel(); c == nil || c.gone {
			t.finish(l, csta.CauseNormalClearing)
		}
	}
	t.say(callmodel.Rearranged{
		Meta: t.meta(y.leg, csta.CauseConference), How: callmodel.Conference, Primary: old.id, Secondary: second.id, By: y.leg.device,
		Other: y.leg.party, Result: old.id, Moves: t.moves(old, second, old, nil),
	})
	for _, l := range slices.Clone(second.legs) {
		t.carry(l, old)
	}
}

// moves lists the parties of calls that become one, but for those of departing.
func (t *tracker) moves(primary, secondary, result *call, departing func(*leg) bool) []callmodel.Move {
	var list []callmodel.Move
	for _, k := range []*call{primary, secondary} {
		if k == nil {
			continue
		}
		for _, l := range k.legs {
			if departing != nil && departing(l) {
				continue
			}
			list = append(list, l.move(result, departing))
		}
		if secondary == primary {
			break
		}
	}
	return list
}

// move is a leg's way into the call that results. A phone that is there already has none.
func (l *leg) move(result *call, departing func(*leg) bool) callmodel.Move {
	d, p := l.named(result, departing), l.party
	if d != l.device {
		if p.Number == "" && p.Shown == callmodel.Known {
			p.Number = l.device
		}
		p.Device = d
	}
	return callmodel.Move{Old: l.id(), New: csta.ConnectionID{Call: result.id, Device: d}, State: l.state, Party: p}
}

func (t *tracker) hold(m ami.Message) {
	c := t.of(m, "")
	if c == nil || c.leg == nil || c.leg.state != csta.Connected {
		return
	}
	c.retrieve.drop()
	l := c.leg
	t.move(l, csta.Hold, l.why)
	l.why = ""
}

func (t *tracker) unhold(m ami.Message) {
	c := t.of(m, "")
	if c == nil || c.leg == nil || c.leg.state != csta.Hold || c.retrieve.open() || t.inJoining(c.leg) {
		return
	}
	l := c.leg
	retrieve := func() {
		if c.leg == l && l.state == csta.Hold {
			t.move(l, csta.Connected, l.why)
			l.why = ""
		}
	}
	if l.op != 0 { // we asked for it
		retrieve()
		return
	}
	c.retrieve = t.after(retrieveDoubt, retrieve)
}
