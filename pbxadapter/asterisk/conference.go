package asterisk

import (
	"slices"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/asterisk/ami"
)

// conferenceJoin names the room that a channel has entered.
func (t *tracker) conferenceJoin(m ami.Message) {
	c := t.of(m, "")
	if c == nil || !c.real() {
		return
	}
	c.conference = m.Get("Conference")
	t.bridgeEnter(m) // of whom a transfer brings in nothing else is said
	t.entersRoom(c)
}

// entersRoom is a channel in a conference room or a car park. A room that somebody dialled is what answered; one of ours brings calls together.
func (t *tracker) entersRoom(c *channel) {
	for _, j := range t.joining {
		if !j.done && j.how == callmodel.Conference && slices.Contains(j.need, c) {
			t.conferenceTogether(j)
			return
		}
	}
	if b := c.bridge; b != nil && c.leg != nil && len(b.members) > 2 {
		t.after(joinDoubt, func() { t.mergeRoom(b) })
	}
}

// mergeRoom looks whether somebody brought two calls of one device together in a room, and tells the conference.
func (t *tracker) mergeRoom(b *bridge) bool {
	for _, c := range b.members {
		if c.leg == nil || c.gone {
			continue
		}
		for _, held := range t.at[c.leg.device] {
			if held == c.leg || held.call == c.leg.call || held.role != party || held.call.virtual(application) != nil {
				continue
			}
			here := func(l *leg) (list []*channel) {
				for _, o := range l.call.others(l) {
					if x := o.channel(); x != nil && x.bridge == b {
						list = append(list, x)
					}
				}
				return list
			}
			other, need := here(held), append([]*channel{c}, here(c.leg)...)
			if need = append(need, other...); len(need) > 2 && (len(other) > 0 || !c.leg.call.conference) {
				t.conferenceTogether(&joining{how: callmodel.Conference, held: held, active: c.leg, need: need})
				return true
			}
		}
	}
	return t.mergeOurs(b)
}

// mergeOurs makes one call of two whose parties are in one room of ours: the request that sent them there was not proved before its link was lost.
func (t *tracker) mergeOurs(b *bridge) bool {
	var first *channel
	for _, c := range b.members {
		switch {
		case c.leg == nil || c.gone || c.silent:
		case first == nil:
			first = c
		case c.leg.call != first.leg.call && (isOurRoom(c.conference, c.leg.call) || isOurRoom(c.conference, first.leg.call)):
			for _, l := range slices.Clone(append(c.leg.call.legs, first.leg.call.legs...)) {
				if l.role == application {
					t.move(l, csta.Null, "")
				}
			}
			t.mergeCalls(first, c)
			c.leg.call.conference, c.leg.call.served = true, false
			return true
		}
	}
	return false
}

// isOurRoom says whether a room is the one in which a conference of ours is: its extension is named after the call, and the room after the extension or what
// follows its 55.
func isOurRoom(name string, k *call) bool {
	exten := conferenceExten + roomName(k.root)
	return name == exten || name == strings.TrimPrefix(exten, "55")
}

// conferenceTogether tells a conference of ours, once everybody is in the room.
func (t *tracker) conferenceTogether(j *joining) {
	for _, c := range j.need {
		if c.bridge == nil || !c.bridge.apart || c.gone {
			return
		}
	}
	j.done = true
	old, second := j.held.call, j.active.call
	by := j.held.device
	meta := t.meta(j.active, csta.CauseConference)
	meta.Op = j.op
	f := callmodel.Rearranged{
		Meta: meta, How: callmodel.Conference, Primary: old.id, Secondary: second.id, By: by, Result: old.id,
	}
	if rest := second.others(j.active); len(rest) > 0 {
		f.Other = rest[0].party
	}
	for _, k := range []*call{old, second} {
		for _, l := range slices.Clone(k.legs) {
			if l.role != party {
				t.move(l, csta.Null, "")
			}
		}
	}
	for _, l := range append(slices.Clone(old.legs), second.legs...) {
		if l == j.active {
			continue
		}
		m := l.move(old, nil)
		if l == j.held {
			m.State = csta.Connected
		}
		f.Moves = append(f.Moves, m)
	}
	t.say(f)
	// The device's connection in the held call goes on by the channel that is in the room.
	mine := j.active.channel()
	t.endServed(j.held)
	t.silence(j.held)
	for _, c := range j.held.channels {
		c.leg = nil
	}
	j.held.channels = nil
	if mine != nil {
		j.active.drop(mine)
		t.attach(j.held, mine)
	}
	j.held.state, j.held.since, j.held.server = csta.Connected, t.now, false
	t.detach(j.active)
	for _, l := range slices.Clone(second.legs) {
		t.carry(l, old)
	}
	t.calls[old.id] = old
	old.cause, old.conference, old.served = "", true, false
}
