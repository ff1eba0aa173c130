package fake

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// The hands.

// Call dials at a phone.
func (p *PBX) Call(from, to string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.phones[from] == nil && from != "pstn" {
		return fmt.Errorf("fake: there is no phone %s", from)
	}
	if from != "pstn" && !p.exists(p.class(from), to) {
		return nil // 404: no event tells of it
	}
	c := p.newChannel(from, 4, "", "")
	c.exten, c.dnid = to, to
	if from == "pstn" {
		c.cid = "0301234567"
	}
	p.emit("Newchannel", c.head(""))
	p.run(c, p.class(from), to)
	return nil
}

// Reset ends every call.
func (p *PBX) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.list() {
		p.hangup(c, 16, "16")
	}
}

// find is the newest channel of an endpoint for which ok holds.
func (p *PBX) find(endpoint, what string, ok func(*channel) bool) (*channel, error) {
	for i := len(p.chans) - 1; i >= 0; i-- {
		if c := p.chans[i]; c.endpoint == endpoint && ok(c) {
			return c, nil
		}
	}
	return nil, fmt.Errorf("fake: %s has no channel that %s", endpoint, what)
}

// Answer lifts a phone that rings.
func (p *PBX) Answer(endpoint string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, err := p.find(endpoint, "rings", func(c *channel) bool { return c.state == 5 })
	if err == nil {
		p.answer(c)
	}
	return err
}

// Unanswered has a phone that rings be given up by who dialled it.
func (p *PBX) Unanswered(endpoint string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, err := p.find(endpoint, "rings", func(c *channel) bool { return c.state == 5 && (c.caller != nil || c.originate != nil) })
	switch {
	case err != nil:
	case c.caller == nil:
		p.hangup(c, 19, "")
	default:
		p.ended(c, "NOANSWER", 0)
	}
	return err
}

// NobodyFetches has a parked call come back to who parked it.
func (p *PBX) NobodyFetches(slot string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.parked[slot]
	if c == nil {
		return fmt.Errorf("fake: nobody is parked in %s", slot)
	}
	delete(p.parked, slot)
	c.parkedIn = ""
	p.emit("ParkedCallTimeOut", c.head("Parkee"), []string{"ParkerDialString: PJSIP/" + c.parker, "Parkinglot: default", "ParkingSpace: " + slot})
	p.leave(c)
	p.run(c, "internal", c.parker)
	return nil
}

// Runs has an endpoint's channel be in an application.
func (p *PBX) Runs(endpoint, application string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.chans {
		if c.endpoint == endpoint {
			c.app = application
		}
	}
}

// Go has somebody else send an endpoint's channel to an extension.
func (p *PBX) Go(endpoint, ctx, exten string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, err := p.find(endpoint, "is up", func(c *channel) bool { return c.state == 6 })
	if err == nil {
		p.release(c)
		p.run(c, ctx, exten)
	}
	return err
}

// HangUp puts a phone down: what it talks to, or its newest call.
func (p *PBX) HangUp(endpoint string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, err := p.find(endpoint, "talks", func(c *channel) bool { return !c.holding })
	if err != nil {
		c, err = p.find(endpoint, "is there", func(*channel) bool { return true })
	}
	switch {
	case err != nil:
	case c.state == 5 && c.caller != nil:
		c.declined = true
		p.hangup(c, 21, "21")
	default:
		p.hangup(c, 16, "16")
	}
	return err
}

// Hold presses the phone's hold key.
func (p *PBX) Hold(endpoint string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, err := p.find(endpoint, "talks", func(c *channel) bool { return c.peer() != nil && !c.holding })
	if err == nil {
		p.hold(c, true)
	}
	return err
}

// Retrieve presses it again.
func (p *PBX) Retrieve(endpoint string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, err := p.find(endpoint, "holds", func(c *channel) bool { return c.holding })
	if err == nil {
		p.hold(c, false)
	}
	return err
}

// Press presses keys at a phone that talks.
func (p *PBX) Press(endpoint, digits string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, err := p.find(endpoint, "talks", func(c *channel) bool { return c.bridge != nil && !c.holding })
	if err == nil {
		for _, d := range digits {
			p.press(c, string(d))
		}
	}
	return err
}

// press is a key that comes in by a channel: the others in its bridge hear it.
func (p *PBX) press(c *channel, digit string) {
	p.emit("DTMFEnd", c.head(""), []string{"Digit: " + digit, "DurationMs: 150", "Direction: Received"})
	if c.bridge == nil {
		return
	}
	for _, o := range c.bridge.members {
		if o != c {
			p.hears(o, digit)
		}
	}
}

func (p *PBX) hears(c *channel, digit string) {
	p.emit("DTMFEnd", c.head(""), []string{"Digit: " + digit, "DurationMs: 150", "Direction: Sent"})
	p.pressed[c.endpoint] += digit
}

func (p *PBX) hold(c *channel, on bool) {
	name := "Unhold"
	if on {
		name = "Hold"
	}
	c.holding = on
	if peer := c.peer(); peer != nil {
		peer.held = on
	}
	p.emit(name, c.head(""))
}

// Register says whether a phone is registered.
func (p *PBX) Register(endpoint string, on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phones[endpoint].out = !on
	p.deviceState(endpoint)
}

// Mute has a phone answer nothing by itself.
func (p *PBX) Mute(endpoint string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phones[endpoint].mute = true
}

// Busy has a phone refuse calls.
func (p *PBX) Busy(endpoint string, on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phones[endpoint].busy = on
}

// Feature presses a feature code: a value in the AstDB, and the device state that tells of it.
func (p *PBX) Feature(family, endpoint, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := "NOT_INUSE"
	delete(p.db, family+"/"+endpoint)
	if value != "" {
		p.db[family+"/"+endpoint], state = value, "BUSY"
	}
	p.states["Custom:"+family+endpoint] = state
	p.emit("DeviceStateChange", []string{"Device: Custom:" + family + endpoint, "State: " + state})
}

// LogIn has a member come into a queue, or leave it.
func (p *PBX) LogIn(queue, member string, on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	event := "QueueMemberRemoved"
	p.conf.Queues[queue] = slices.DeleteFunc(slices.Clone(p.conf.Queues[queue]), func(m string) bool { return m == member })
	if on {
		event = "QueueMemberAdded"
		p.conf.Queues[queue] = append(p.conf.Queues[queue], member)
	}
	p.emit(event, []string{"Queue: " + queue, "MemberName: " + member, "Interface: " + member, "StateInterface: " + member})
}

// Change has the administrator change something.
func (p *PBX) Change(f func(*Config)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.conf)
	for _, n := range p.conf.Phones {
		if p.phones[n] == nil {
			p.phones[n] = &phone{endpoint: n}
		}
	}
}

// Say has everybody who is connected told an event of any text.
func (p *PBX) Say(event, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.emit(event, []string{text})
}

// Withhold has callers from outside withhold their number, or not.
func (p *PBX) Withhold(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.private = on
}

// Booted tells that everything is loaded, as a slow start does.
func (p *PBX) Booted() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.emit("FullyBooted", []string{"Status: Fully Booted"})
}

// BootAt tells that everything is loaded when the nth action from now is asked for that does something; that is done, and answered, one second later.
func (p *PBX) BootAt(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.anew = n
}

func seconds(t time.Time) string { return strconv.Itoa(int(time.Since(t).Seconds())) }
