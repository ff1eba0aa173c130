package asterisk

import (
	"slices"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/asterisk/ami"
)

// The lines of our dialplan, in the context that configuration names.
const (
	joinExten       = "541"      // Bridge(${CSTA_PEER},x)
	holdExten       = "cstahold" // music for who is held
	parkExten       = "cstapark" // silence for who holds
	conferenceExten = "551"      // and the name of a room, by the pattern _55X.: ConfBridge. A native id may begin with a letter, which X is not
)

// parting is a hold by our dialplan lines that was asked for: both channels leave their bridge.
type parting struct {
	leg       *leg
	near, far *channel
}

// toServer looks whether a channel left its bridge because we hold its call.
func (t *tracker) toServer(c *channel) {
	for i, p := range t.parting {
		if c != p.near && c != p.far || p.near.bridge != nil || p.far.bridge != nil {
			continue
		}
		t.parting = slices.Delete(t.parting, i, i+1)
		if p.leg.state == csta.Connected && !p.near.gone && !p.far.gone {
			p.near.leftFirst, p.near.leftLast, p.far.leftFirst, p.far.leftLast = false, false, false, false
			p.leg.server, p.leg.call.served = true, true
			t.move(p.leg, csta.Hold, p.leg.why)
			p.leg.why = ""
		}
		return
	}
}

// wonderWhere asks what became of two parties who don't hear each other any more, and have not hung up: a request that was not proved before its link was
// lost may have had our dialplan lines hold them.
func (t *tracker) wonderWhere(k *call) {
	var apart []*channel
	for _, l := range k.legs {
		if c := l.channel(); l.role == party && l.state == csta.Connected && c != nil && c.up() && !c.gone && c.bridge == nil {
			apart = append(apart, c)
		}
	}
	if len(apart) != 2 || t.wonder == nil {
		return
	}
	for _, c := range apart {
		t.wonder(question{channel: c, kept: true})
	}
}

// kept tells that our dialplan lines hold a call for a channel's device, where Status has it so.
func (t *tracker) kept(c *channel, m ami.Message) {
	if l := c.leg; l != nil && !c.gone && c.bridge == nil && l.state == csta.Connected && parks(m) {
		l.server, l.call.served = true, true
		t.move(l, csta.Hold, l.why)
	}
}

// parks says whether a channel, as Status has it, is one for which our dialplan lines hold a call.
func parks(m ami.Message) bool {
	return m.Get("Exten") == parkExten && bridgeOf(m) == "" && variable(m, varPeer) != ""
}

// backFromServer looks whether a call that our dialplan lines held is together again.
func (t *tracker) backFromServer(b *bridge) {
	for _, c := range b.members {
		l := c.leg
		if l == nil || !l.server || l.state != csta.Hold {
			continue
		}
		if slices.ContainsFunc(b.members, func(o *channel) bool { return o != c && o.leg != nil && o.leg.call == l.call }) {
			l.server, l.call.served = false, false
			t.move(l, csta.Connected, l.why)
			l.why = ""
			return
		}
	}
}

// leftAlone has those hung up who cannot get away by themselves: a party that our dialplan lines hold for somebody who has gone, and the last one
// in a conference of ours. Who waits in a queue or a car park, or hears an application, is not alone.
func (t *tracker) leftAlone(k *call) {
	if t.hangUp == nil {
		return
	}
	var last *leg
	for _, l := range k.legs {
		if l.role == failure {
			continue
		}
		if l.role != party {
			return
		}
		if last != nil {
			return
		}
		last = l
	}
	if last == nil {
		return
	}
	c := last.channel()
	if c == nil || c.gone || last.kind == callmodel.Network {
		return
	}
	switch room := c.room(); {
	case last.server, k.served && c.bridge == nil && c.up():
		t.hangUp(c, c)
	case k.conference && room != nil && c.up():
		t.hangUp(c, room)
	}
}

// room is the channel by which a party is in a conference room: its own, or the other end of the wire that it is joined with; nil where it is in none.
func (c *channel) room() *channel {
	if c.bridge == nil || c.bridge.apart {
		if c.bridge == nil {
			return nil
		}
		return c
	}
	for _, o := range c.bridge.members {
		if h := o.half; o.kind == wire && h != nil && h.bridge != nil && h.bridge.apart {
			return h
		}
	}
	return nil
}

// keeps says whether a channel, as Status has it, is where our dialplan lines keep somebody: on hold and in no bridge, or in a conference room.
func keeps(m ami.Message, context string) bool {
	bridge := bridgeOf(m)
	switch exten := m.Get("Exten"); {
	case m.Get("Context") != context:
		return false
	case exten == holdExten, exten == parkExten:
		return bridge == ""
	default:
		return strings.HasPrefix(exten, conferenceExten) && m.Get("Application") == "ConfBridge"
	}
}

// endServed hangs up the channel of a leg that our dialplan lines hold and that leaves its call: nobody else will.
func (t *tracker) endServed(l *leg) {
	if c := l.channel(); l.server && c != nil && !c.gone && t.hangUp != nil {
		t.hangUp(c, c)
	}
}
