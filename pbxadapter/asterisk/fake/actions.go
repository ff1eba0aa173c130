package fake

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// actions are what a client may ask for.
var actions map[string]func(*PBX, *session, action)

// acts are those that change something.
var acts = map[string]bool{
	"Originate": true, "Hangup": true, "Redirect": true, "Bridge": true, "BlindTransfer": true, "PJSIPNotify": true, "Park": true, "PlayDTMF": true, "Setvar": true,
	"DBPut": true, "DBDel": true, "MWIUpdate": true, "MWIDelete": true,
}

func init() { //nolint:gochecknoinits // the table names methods that name the table
	actions = map[string]func(*PBX, *session, action){
		"Login": (*PBX).login,
		"Challenge": func(_ *PBX, s *session, a action) {
			s.challenge = "123456"
			s.reply(a, "Success", "Challenge: 123456")
		},
		"Ping":         func(_ *PBX, s *session, a action) { s.reply(a, "Success", "Ping: Pong") },
		"ListCommands": (*PBX).listCommands,
		"CoreStatus": func(p *PBX, s *session, a action) {
			s.reply(a, "Success", "CoreStartupDate: "+p.started.Format("2006-01-02"), "CoreStartupTime: "+p.started.Format("15:04:05"))
		},
		"CoreSettings":       func(p *PBX, s *session, a action) { s.reply(a, "Success", "AsteriskVersion: "+p.conf.Version) },
		"Status":             (*PBX).status,
		"ParkedCalls":        (*PBX).parkedCalls,
		"Parkinglots":        (*PBX).parkinglots,
		"QueueStatus":        (*PBX).queueStatus,
		"DeviceStateList":    (*PBX).deviceStates,
		"PJSIPShowEndpoints": (*PBX).showEndpoints,
		"PJSIPShowEndpoint":  (*PBX).showEndpoint,
		"PJSIPShowContacts":  (*PBX).showContacts,
		"DBGet":              (*PBX).dbGet,
		"DBGetTree":          (*PBX).dbGetTree,
		"DBPut": func(p *PBX, s *session, a action) {
			p.db[a.get("Family")+"/"+a.get("Key")] = a.get("Val")
			s.reply(a, "Success", "Message: Updated database successfully")
		},
		"DBDel": func(p *PBX, s *session, a action) {
			key := a.get("Family") + "/" + a.get("Key")
			if p.db[key] == "" {
				s.refuse(a, "Database entry not found")
				return
			}
			delete(p.db, key)
			s.reply(a, "Success", "Message: Key deleted successfully")
		},
		"MWIGet": func(p *PBX, s *session, a action) {
			s.reply(a, "Success", "EventList: start", "Message: Mailboxes will follow")
			if m := a.get("Mailbox"); p.mwi[m] {
				s.item(a, "MWIGet", "Mailbox: "+m, "OldMessages: 0", "NewMessages: 1")
			}
			s.complete(a, "MWIGetComplete")
		},
		"MailboxCount": func(p *PBX, s *session, a action) {
			n := "0"
			if p.mwi[a.get("Mailbox")] {
				n = "1"
			}
			s.reply(a, "Success", "Message: Mailbox Message Count", "Mailbox: "+a.get("Mailbox"), "UrgMessages: 0", "NewMessages: "+n, "OldMessages: 0")
		},
		"MWIUpdate": func(p *PBX, s *session, a action) { p.setWaiting(s, a, true) },
		"MWIDelete": func(p *PBX, s *session, a action) { p.setWaiting(s, a, false) },
		"Getvar":    (*PBX).getVariable,
		"Setvar":    (*PBX).setVariable,
		"PlayDTMF": func(p *PBX, s *session, a action) {
			c := p.channelOf(s, a, "Channel", "Channel not found")
			switch digit := a.get("Digit"); {
			case c == nil:
			case len(digit) != 1 || !strings.Contains("0123456789*#ABCD", digit):
				s.refuse(a, "Invalid DTMF digit")
			default:
				s.reply(a, "Success", "Message: DTMF successfully queued")
				if a.get("Receive") == "true" {
					p.press(c, digit)
				} else {
					p.hears(c, digit)
				}
			}
		},
		"Originate":     (*PBX).originateAction,
		"Hangup":        (*PBX).hangupAction,
		"Redirect":      (*PBX).redirect,
		"Bridge":        (*PBX).bridgeAction,
		"BlindTransfer": (*PBX).blindTransfer,
		"PJSIPNotify":   (*PBX).notify,
		"Park":          (*PBX).park,
	}
}

func (p *PBX) setWaiting(s *session, a action, on bool) {
	m := a.get("Mailbox")
	p.mwi[m] = false
	n := "0"
	if on {
		p.mwi[m], n = true, "1"
	}
	s.reply(a, "Success")
	p.emit("MessageWaiting", []string{"Mailbox: " + m, "Waiting: " + n, "New: " + n, "Old: 0"})
}

func (p *PBX) getVariable(s *session, a action) {
	v := a.get("Variable")
	value := ""
	if args, ok := strings.CutPrefix(v, "DIALPLAN_EXISTS("); ok {
		value = "0"
		if parts := strings.Split(strings.TrimSuffix(args, ")"), ","); len(parts) == 3 && p.exists(parts[0], parts[1]) {
			value = "1"
		}
	} else if c := p.named(a.get("Channel")); c != nil {
		value = c.vars[v]
		if v == "CALLERID(pres)" {
			value = p.presentation()
		}
	}
	s.reply(a, "Success", "Variable: "+v, "Value: "+value)
}

// presentation is how callers want to be shown.
func (p *PBX) presentation() string {
	if p.private {
		return "prohib_passed_screen"
	}
	return "allowed_not_screened"
}

// exists says whether a context has an extension.
func (p *PBX) exists(ctx, exten string) bool {
	if ctx == p.conf.Context {
		return p.conf.Lines && (exten == "541" || exten == "cstahold" || exten == "cstapark" || strings.HasPrefix(exten, "55") && len(exten) > 2)
	}
	slot, _ := strconv.Atoi(exten)
	return (ctx == "internal" || ctx == "internal-barred") &&
		(p.phones[exten] != nil || p.conf.Groups[exten] != nil || exten[0] == '9' || exten[0] == '*' || slot >= p.conf.Slots[0] && slot <= p.conf.Slots[1]) &&
		(!barred(ctx, exten) || p.conf.Refuses)
}

func barred(ctx, exten string) bool {
	return ctx == "internal-barred" && strings.HasPrefix(exten, "900")
}

func (p *PBX) setVariable(s *session, a action) {
	v, value := a.get("Variable"), a.get("Value")
	if a.get("Channel") == "" {
		if d, ok := strings.CutPrefix(v, "DEVICE_STATE("); ok {
			d = strings.TrimSuffix(d, ")")
			p.states[d] = value
			s.reply(a, "Success", "Message: Variable Set")
			p.emit("DeviceStateChange", []string{"Device: " + d, "State: " + value})
			return
		}
		s.refuse(a, "No channel specified")
		return
	}
	if c := p.channelOf(s, a, "Channel", "No such channel"); c != nil {
		c.vars[v] = value
		s.reply(a, "Success", "Message: Variable Set")
	}
}

func (p *PBX) channelOf(s *session, a action, header, no string) *channel {
	c := p.named(a.get(header))
	if c == nil {
		s.refuse(a, no)
	}
	return c
}

func (p *PBX) hangupAction(s *session, a action) {
	c := p.channelOf(s, a, "Channel", "No such channel")
	if c == nil {
		return
	}
	cause, _ := strconv.Atoi(a.get("Cause"))
	s.reply(a, "Success", "Message: Channel Hungup")
	p.hangup(c, cause, "")
}

// originated says what became of an Originate, and lets the channel go on.
func (p *PBX) originated(c *channel, well bool) {
	o := c.originate
	c.originate = nil
	response, reason := "Failure", "3"
	if well {
		response, reason = "Success", "4"
	}
	p.emit("OriginateResponse", []string{
		"ActionID: " + o.actionID, "Response: " + response, "Channel: " + c.name, "Context: " + o.ctx, "Exten: " + o.exten, "Reason: " + reason, "Uniqueid: " + c.id,
	})
	if !well {
		return
	}
	if o.app == "PickupChan" {
		p.pickup(c, p.named(o.data))
		return
	}
	p.run(c, o.ctx, o.exten)
}

func (p *PBX) pickup(c, target *channel) {
	if target == nil || target.caller == nil || target.state != 5 {
		p.hangup(c, 16, "")
		return
	}
	caller := target.caller
	p.emit("Pickup", c.head(""), target.head("Target"))
	p.gone(target, 26, "")
	p.emit("DialEnd", caller.head(""), c.head("Dest"), []string{"DialStatus: ANSWER"})
	caller.dests = nil
	p.setState(caller, 6)
	b := p.newBridge("basic", "<unknown>")
	p.enter(c, b)
	p.enter(caller, b)
}

func (p *PBX) originateAction(s *session, a action) {
	o := &originate{actionID: a.get("ActionID"), exten: a.get("Exten"), ctx: a.get("Context"), app: a.get("Application"), data: a.get("Data")}
	if o.app == "" && !p.exists(o.ctx, o.exten) {
		s.refuse(a, "Extension does not exist.")
		return
	}
	s.reply(a, "Success", "Message: Originate successfully queued")
	technology, endpoint, _ := strings.Cut(a.get("Channel"), "/")
	if technology == "Local" {
		p.originateLocal(a, o, endpoint)
		return
	}
	ph := p.phones[endpoint]
	if ph == nil || ph.out {
		p.emit("OriginateResponse", []string{"ActionID: " + o.actionID, "Response: Failure", "Reason: 0", "Uniqueid: " + a.get("ChannelId")})
		return
	}
	c := p.newChannel(endpoint, 0, "", a.get("ChannelId"))
	c.originate, c.app = o, "AppDial2"
	v := a.variables()
	c.conn = v["CONNECTEDLINE(num)"]
	c.vars["CSTA_PEER"] = v["CSTA_PEER"]
	p.emit("Newchannel", c.head(""))
	p.emit("DialBegin", c.head("Dest"), []string{"DialString: " + endpoint})
	if ph.busy {
		p.emit("DialEnd", c.head("Dest"), []string{"DialStatus: BUSY"})
		p.originated(c, false)
		c.originate = nil
		p.gone(c, 17, "")
		return
	}
	p.setState(c, 5)
	if strings.Contains(v["PJSIP_HEADER(add,Alert-Info)"], "alert-autoanswer") && !ph.mute {
		p.answer(c)
	}
}

// originateLocal dials a number of a context, and lets whoever answers go on at the extension.
func (p *PBX) originateLocal(a action, o *originate, address string) {
	address = strings.TrimSuffix(address, "/n")
	number, ctx, _ := strings.Cut(address, "@")
	one := p.newChannel("", 0, "", a.get("ChannelId"))
	two := p.newChannel("", 4, one.linked, "")
	one.name, two.name = fmt.Sprintf("Local/%s-%08x;1", address, p.lastCh), fmt.Sprintf("Local/%s-%08x;2", address, p.lastCh)
	one.half, two.half = two, one
	one.originate = o
	p.emit("Newchannel", one.head(""))
	p.emit("Newchannel", two.head(""))
	p.emit("LocalBridge", one.head("LocalOne"), two.head("LocalTwo"))
	p.emit("DialBegin", one.head("Dest"), []string{"DialString: " + address})
	p.run(two, ctx, number)
	two.forwarded = true
}

func (p *PBX) redirect(s *session, a action) {
	c := p.named(a.get("Channel"))
	if c == nil {
		s.refuse(a, "Channel does not exist: "+a.get("Channel"))
		return
	}
	var extra *channel
	if name := a.get("ExtraChannel"); name != "" {
		if extra = p.named(name); extra == nil {
			s.refuse(a, "ExtraChannel does not exist: "+name)
			return
		}
	}
	if !p.exists(a.get("Context"), a.get("Exten")) {
		s.refuse(a, "Extension does not exist")
		return
	}
	s.reply(a, "Success", "Message: Redirect successful")
	left := p.release(c)
	if extra != nil {
		if l := p.release(extra); left == extra || left == nil {
			left = l
		}
	}
	p.run(c, a.get("Context"), a.get("Exten"))
	if extra != nil {
		p.run(extra, a.get("ExtraContext"), a.get("ExtraExten"))
	}
	if left != nil && left != c && left != extra {
		p.leave(left)
		p.gone(left, 16, "")
	}
}

func (p *PBX) bridgeAction(s *session, a action) {
	x, y := p.named(a.get("Channel1")), p.named(a.get("Channel2"))
	if x == nil || y == nil {
		s.refuse(a, "Channel1 does not exist: "+a.get("Channel1"))
		return
	}
	s.reply(a, "Success", "Message: Channels have been bridged")
	p.join(y, x)
}

func (p *PBX) blindTransfer(s *session, a action) {
	c := p.channelOf(s, a, "Channel", "Channel specified does not exist")
	if c == nil {
		return
	}
	peer := c.peer()
	if peer == nil || c.state != 6 {
		s.refuse(a, "Transfer invalid")
		return
	}
	s.reply(a, "Success", "Message: Transfer succeeded")
	p.emit("Unhold", c.head(""))
	p.emit("BlindTransfer", []string{"Result: Success"}, c.head("Transferer"), peer.head("Transferee"), c.bridge.head(),
		[]string{"IsExternal: Yes", "Context: " + a.get("Context"), "Extension: " + a.get("Exten")})
	for _, m := range slices.Clone(c.bridge.members) { // whoever came first
		p.leave(m)
	}
	p.gone(c, 16, "")
	peer.caller = nil
	p.run(peer, a.get("Context"), a.get("Exten"))
}

func (p *PBX) notify(s *session, a action) {
	c := p.channelOf(s, a, "Channel", "Channel not found")
	if c == nil {
		return
	}
	s.reply(a, "Success", "Message: NOTIFY sent")
	if p.deaf(c.endpoint) {
		return
	}
	switch event := a.get("Variable"); {
	case event == "Event=talk" && c.state == 5:
		p.answer(c)
	case event == "Event=talk" && c.holding:
		p.hold(c, false)
	case event == "Event=hold" && !c.holding && c.state == 6:
		p.hold(c, true)
	}
}

func (p *PBX) park(s *session, a action) {
	c := p.channelOf(s, a, "Channel", "Channel does not exist")
	if c == nil {
		return
	}
	peer := c.peer()
	slot := c.vars["PARKINGEXTEN"]
	if slot == "" {
		s.refuse(a, "Park failed")
		return
	}
	s.reply(a, "Success", "Message: Park successful")
	p.emit("ParkedCall", c.head("Parkee"), []string{"ParkerDialString: " + a.get("TimeoutChannel"), "Parkinglot: default", "ParkingSpace: " + slot})
	p.leave(c)
	b := p.newBridge("parking", "default")
	p.enter(c, b)
	c.app, c.parkedIn, c.parker = "Park", slot, strings.TrimPrefix(a.get("TimeoutChannel"), "PJSIP/")
	p.parked[slot] = c
	p.unhold(c)
	if peer != nil {
		p.leave(peer)
		p.gone(peer, 16, "")
	}
}
