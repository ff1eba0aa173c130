package fake

import (
	"strconv"
	"strings"
	"time"
)

// What the dialplan does, and what ends.

// run has a channel go on at an extension.
func (p *PBX) run(c *channel, ctx, exten string) {
	c.ctx, c.exten = ctx, exten
	c.app, c.data = "", ""
	slot, _ := strconv.Atoi(exten)
	switch {
	case c.gone:
	case ctx == p.conf.Context && strings.HasPrefix(exten, "55") && len(exten) > 2:
		name := exten[2:]
		if p.conf.WholeRooms {
			name = exten
		}
		p.confbridge(c, name)
	case ctx == p.conf.Context && exten == "541":
		p.join(c, p.named(c.vars["CSTA_PEER"]))
	case ctx == p.conf.Context && exten == "cstahold":
		p.setState(c, 6)
		c.app = "MusicOnHold"
	case ctx == p.conf.Context && exten == "cstapark":
		p.setState(c, 6)
		c.app = "Wait"
	case slot >= p.conf.Slots[0] && slot <= p.conf.Slots[1] && slot > 0:
		p.unpark(c, exten)
	case barred(ctx, exten):
		p.hangup(c, 21, "")
	case exten == "*76":
		p.setState(c, 6)
		c.app = "Playback"
	case strings.HasPrefix(exten, "*8") && len(exten) > 2:
		p.setState(c, 6)
		c.app = "Pickup"
		p.pickup(c, p.ringing(exten[2:]))
	case strings.HasPrefix(exten, "9"):
		p.dialOut(c, exten)
	default:
		p.dialPhone(c, exten)
	}
}

// forward has a channel go on to where a phone forwards, in that phone's class of service.
func (p *PBX) forward(c *channel, by, to string) bool {
	if to == "" || c.hops >= 3 {
		return false
	}
	c.hops++
	p.run(c, p.class(by), to)
	return true
}

func (p *PBX) dialPhone(c *channel, exten string) {
	if members := p.conf.Groups[exten]; members != nil {
		for _, n := range members {
			p.dial(c, p.newChannel(n, 0, c.linked, ""), n, exten)
		}
		return
	}
	ph := p.phones[exten]
	if ph == nil {
		p.hangup(c, 1, "")
		return
	}
	immediate := "CFU/"
	if p.conf.FreePBX {
		immediate = "CF/"
	}
	if p.forward(c, exten, p.db[immediate+exten]) {
		return
	}
	switch {
	case p.db["DND/"+exten] != "":
		p.setState(c, 7)
		p.hangup(c, 17, "")
	case ph.out:
		p.hangup(c, 20, "")
	default:
		d := p.newChannel(exten, 0, c.linked, "")
		p.dial(c, d, exten, exten)
		if ph.busy {
			p.ended(d, "BUSY", 17)
		}
	}
}

// dial rings a channel for another one.
func (p *PBX) dial(c, d *channel, dialString, shown string) {
	d.conn, d.caller = c.cid, c
	d.cid = shown
	d.app, d.data = "AppDial", "(Outgoing Line)"
	c.app, c.data = "Dial", "PJSIP/"+dialString
	c.dests = append(c.dests, d)
	p.emit("Newchannel", d.head(""))
	p.emit("DialBegin", c.head(""), d.head("Dest"), []string{"DialString: " + dialString})
	if ph := p.phones[d.endpoint]; ph == nil || !ph.busy {
		p.setState(d, 5)
		c.conn = shown
	}
}

func (p *PBX) dialOut(c *channel, exten string) {
	p.outside = append(p.outside, exten)
	d := p.newChannel("pstn", 0, c.linked, "")
	p.dial(c, d, exten+"@pstn", exten)
	switch exten[len(exten)-1] {
	case '1':
		p.ended(d, "BUSY", 17)
	case '3':
		p.ended(d, "CHANUNAVAIL", 1)
	}
}

// answer connects a dialled channel.
func (p *PBX) answer(d *channel) {
	c := d.caller
	p.setState(d, 6)
	if d.originate != nil {
		p.emit("DialEnd", d.head("Dest"), []string{"DialStatus: ANSWER"})
		p.originated(d, true)
		return
	}
	if c == nil {
		return
	}
	for _, o := range c.dests {
		if o != d && !o.gone {
			p.emit("DialEnd", c.head(""), o.head("Dest"), []string{"DialStatus: CANCEL"})
			p.gone(o, 26, "")
		}
	}
	p.emit("DialEnd", c.head(""), d.head("Dest"), []string{"DialStatus: ANSWER"})
	c.dests = nil
	p.setState(c, 6)
	if c.bridge == nil {
		b := p.newBridge("basic", "<unknown>")
		p.enter(d, b)
		p.enter(c, b)
	}
	if h := c.half; h != nil && h.originate != nil { // and through the wire
		p.setState(h, 6)
		p.emit("DialEnd", h.head("Dest"), []string{"DialStatus: ANSWER"})
		p.originated(h, true)
	}
}

// ended is a dialled channel that will not answer. Its caller goes on in the dialplan, which gives up.
func (p *PBX) ended(d *channel, status string, cause int) {
	c := d.caller
	p.emit("DialEnd", c.head(""), d.head("Dest"), []string{"DialStatus: " + status})
	p.gone(d, cause, "")
	for i, o := range c.dests {
		if o == d {
			c.dests = append(c.dests[:i], c.dests[i+1:]...)
			break
		}
	}
	if len(c.dests) > 0 {
		return
	}
	families := map[string]string{"BUSY": "CFB", "NOANSWER": "CFNA"}
	if p.conf.FreePBX {
		families["NOANSWER"] = "CFU"
	}
	if family := families[status]; p.forward(c, d.endpoint, p.db[family+"/"+d.endpoint]) {
		return
	}
	if status == "BUSY" {
		c.app = "Busy"
		if c.state != 6 {
			p.setState(c, 7)
		}
		if p.phones[d.endpoint] == nil {
			return // the network plays it for as long as somebody listens
		}
		time.AfterFunc(5*time.Second, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			if c.app == "Busy" {
				p.hangup(c, 17, "")
			}
		})
		return
	}
	switch {
	case d.declined:
		cause = 20
	case cause == 0:
		cause = 19
	}
	p.hangup(c, cause, "")
}

// ringing is the channel of a phone that rings for somebody; nil where there is none.
func (p *PBX) ringing(endpoint string) *channel {
	c, err := p.find(endpoint, "rings", func(c *channel) bool { return c.state == 5 && c.caller != nil })
	if err != nil {
		return nil
	}
	return c
}

// hangup ends a channel, and what cannot go on without it. by is HangupRequest's cause where the phone asked.
func (p *PBX) hangup(c *channel, cause int, by string) {
	if c.gone {
		return
	}
	if by != "" {
		p.emit("HangupRequest", c.head(""), []string{"Cause: " + by})
	}
	if by != "" && len(c.dests) > 0 && c.state != 6 {
		cause = 127 // given up
	}
	for _, d := range c.dests {
		if !d.gone {
			p.emit("DialEnd", c.head(""), d.head("Dest"), []string{"DialStatus: CANCEL"})
			p.gone(d, max(cause, 16), "")
		}
	}
	c.dests = nil
	if c.originate != nil {
		p.originated(c, false)
	}
	if c.caller != nil && c.state != 6 {
		status := "NOANSWER"
		if cause == 17 {
			status = "BUSY"
		}
		p.ended(c, status, cause)
		return
	}
	peer := c.peer()
	p.gone(c, cause, "")
	if peer != nil {
		p.leave(peer)
		p.emit("SoftHangupRequest", peer.head(""), []string{"Cause: 16"})
		p.gone(peer, 16, "")
	}
}

// gone is the end of one channel.
func (p *PBX) gone(c *channel, cause int, tech string) {
	if c.gone {
		return
	}
	conference := c.bridge != nil && c.bridge.kind == "base"
	b := c.bridge
	p.leave(c)
	if conference {
		p.emit("ConfbridgeLeave", b.head(), c.head(""), []string{"Conference: " + b.name})
	}
	c.gone = true
	for i, o := range p.chans {
		if o == c {
			p.chans = append(p.chans[:i], p.chans[i+1:]...)
			break
		}
	}
	if c.parkedIn != "" {
		delete(p.parked, c.parkedIn)
	}
	fields := []string{"Cause: " + strconv.Itoa(cause), "Cause-txt: x"}
	if tech != "" {
		fields = append(fields, "TechCause: "+tech)
	}
	p.emit("Hangup", c.head(""), fields)
	if h := c.half; h != nil && !h.gone {
		c.half, h.half = nil, nil
		p.hangup(h, 16, "")
	}
}

// join puts two channels together, as Bridge does.
func (p *PBX) join(c, peer *channel) {
	if peer == nil || peer.gone {
		p.hangup(c, 16, "")
		return
	}
	left := []*channel{c.peer(), peer.peer()}
	b := p.newBridge("basic", "<unknown>")
	p.unhold(c)
	p.unhold(peer)
	p.enter(peer, b)
	p.enter(c, b)
	for _, l := range left {
		if l != nil && l != c && l != peer {
			p.leave(l)
			p.gone(l, 16, "")
		}
	}
}

// unhold forgets who held whom, without a word.
func (p *PBX) unhold(c *channel) { c.held, c.holding = false, false }

func (p *PBX) confbridge(c *channel, name string) {
	var b *bridge
	for _, o := range p.bridges {
		if o.kind == "base" && o.name == name {
			b = o
		}
	}
	if b == nil {
		b = p.newBridge("base", name)
	}
	p.setState(c, 6)
	c.app, c.data = "ConfBridge", name+",default_bridge" // as a dialplan may have it
	p.unhold(c)
	p.enter(c, b)
	p.emit("ConfbridgeJoin", b.head(), c.head(""), []string{"Conference: " + name})
}

func (p *PBX) unpark(c *channel, slot string) {
	p.setState(c, 6)
	parkee := p.parked[slot]
	if parkee == nil {
		p.hangup(c, 16, "")
		return
	}
	delete(p.parked, slot)
	parkee.parkedIn = ""
	p.emit("UnParkedCall", parkee.head("Parkee"), c.head("Retriever"), []string{"ParkingSpace: " + slot, "Parkinglot: default"})
	p.leave(parkee)
	b := p.newBridge("basic", "<unknown>")
	p.enter(parkee, b)
	p.enter(c, b)
}

// release takes a channel out of whatever it does, for it to go elsewhere; its peer is left behind.
func (p *PBX) release(c *channel) *channel {
	peer := c.peer()
	for _, d := range c.dests {
		p.emit("DialEnd", c.head(""), d.head("Dest"), []string{"DialStatus: CANCEL"})
		p.gone(d, 16, "")
	}
	c.dests = nil
	c.caller = nil
	p.leave(c)
	return peer
}
