package fake

import (
	"cmp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

func (p *PBX) listCommands(s *session, a action) {
	var fields []string
	for name := range actions {
		if !slices.Contains(p.conf.Rights, name) && !slices.Contains(p.conf.Missing, name) {
			fields = append(fields, name+": does something  (Priv: call,all)")
		}
	}
	sort.Strings(fields)
	s.reply(a, "Success", fields...)
}

func (p *PBX) status(s *session, a action) {
	if name := a.get("Channel"); name != "" && p.named(name) == nil {
		s.refuse(a, "No such channel")
		return
	}
	if a.get("Channel") == "" {
		p.lists++
	}
	s.reply(a, "Success", "EventList: start", "Message: Channel status will follow")
	for _, c := range p.list() {
		if name := a.get("Channel"); name != "" && name != c.name {
			continue
		}
		fields := append(c.head(""), "Type: PJSIP", "DNID: "+c.dnid, "Application: "+c.app, "Data: "+c.data, "Seconds: "+seconds(c.born), "BridgeID: "+c.bridgeID())
		for v := range strings.SplitSeq(a.get("Variables"), ",") {
			value := c.vars[v]
			if v == "CALLERID(pres)" {
				value = p.presentation()
			}
			if v == "CHANNEL(onhold)" {
				value = "0"
				if c.held {
					value = "1"
				}
			}
			if value == "" {
				value = "(null)"
			}
			fields = append(fields, "Variable: "+v+"="+value)
		}
		s.item(a, "Status", fields...)
	}
	s.complete(a, "StatusComplete")
}

func (c *channel) bridgeID() string {
	if c.bridge == nil {
		return ""
	}
	return c.bridge.id
}

func (p *PBX) parkedCalls(s *session, a action) {
	s.reply(a, "Success", "EventList: start", "Message: Parked calls will follow")
	for slot, c := range p.parked {
		s.item(a, "ParkedCall", append(c.head("Parkee"), "ParkingSpace: "+slot, "Parkinglot: default")...)
	}
	s.complete(a, "ParkedCallsComplete")
}

func (p *PBX) parkinglots(s *session, a action) {
	s.reply(a, "Success", "EventList: start", "Message: Parking lots will follow")
	if p.conf.Slots[0] > 0 {
		s.item(a, "Parkinglot", "Name: default", "StartExten: "+strconv.Itoa(p.conf.Slots[0]), "StopExten: "+strconv.Itoa(p.conf.Slots[1]))
	}
	s.complete(a, "ParkinglotsComplete")
}

func (p *PBX) deviceStates(s *session, a action) {
	s.reply(a, "Success", "EventList: start", "Message: Device State Changes will follow")
	for _, n := range p.conf.Phones {
		state := "NOT_INUSE"
		if p.phones[n].out {
			state = "UNAVAILABLE"
		}
		s.item(a, "DeviceStateChange", "Device: PJSIP/"+n, "State: "+state)
	}
	for d, state := range p.states {
		s.item(a, "DeviceStateChange", "Device: "+d, "State: "+state)
	}
	for m, waiting := range p.mwi {
		state := "NOT_INUSE"
		if waiting {
			state = "INUSE"
		}
		s.item(a, "DeviceStateChange", "Device: MWI:"+m, "State: "+state)
	}
	s.complete(a, "DeviceStateListComplete")
}

func (p *PBX) showEndpoints(s *session, a action) {
	s.reply(a, "Success", "EventList: start", "Message: A listing of Endpoints follows, presented as EndpointList events")
	for _, n := range append(slices.Clone(p.conf.Phones), "pstn") {
		s.item(a, "EndpointList", "ObjectType: endpoint", "ObjectName: "+n)
	}
	s.complete(a, "EndpointListComplete")
}

func (p *PBX) showEndpoint(s *session, a action) {
	n := a.get("Endpoint")
	if p.phones[n] == nil {
		s.refuse(a, "Unable to retrieve endpoint "+n)
		return
	}
	s.reply(a, "Success", "EventList: start", "Message: Following are Events for each object associated with the Endpoint")
	active, state := 0, "Not in use"
	for _, c := range p.chans {
		if c.endpoint == n {
			active++
		}
	}
	if p.phones[n].out {
		state = "Unavailable"
	}
	s.item(a, "EndpointDetail", "DeviceState: "+state, "ActiveChannels: "+strconv.Itoa(active), "ObjectType: endpoint", "ObjectName: "+n, "Context: "+p.class(n), `Callerid: "Phone `+n+`" <`+n+`>`, "Mailboxes: "+cmp.Or(p.conf.Boxes[n], n+"@default"),
		"CallGroup: "+cmp.Or(p.conf.Calls[n], "1"), "PickupGroup: 1")
	s.complete(a, "EndpointDetailComplete")
}

func (p *PBX) showContacts(s *session, a action) {
	s.reply(a, "Success", "EventList: start", "Message: A listing of Contacts follows, presented as ContactList events")
	for _, n := range p.conf.Phones {
		if !p.phones[n].out {
			s.item(a, "ContactList", "ObjectType: contact", "Endpoint: "+n, "UserAgent: "+cmp.Or(p.conf.Agents[n], "Yealink SIP-T46S 66.86.0.15"))
		}
	}
	s.complete(a, "ContactListComplete")
}

func (p *PBX) dbGet(s *session, a action) {
	v := p.db[a.get("Family")+"/"+a.get("Key")]
	if v == "" {
		s.refuse(a, "Database entry not found")
		return
	}
	s.reply(a, "Success", "EventList: start", "Message: Result will follow")
	s.item(a, "DBGetResponse", "Family: "+a.get("Family"), "Key: "+a.get("Key"), "Val: "+v)
	s.complete(a, "DBGetComplete")
}

func (p *PBX) dbGetTree(s *session, a action) {
	s.reply(a, "Success", "EventList: start", "Message: Result will follow")
	for k, v := range p.db {
		if strings.HasPrefix(k, a.get("Family")+"/") {
			s.item(a, "DBGetTreeResponse", "Key: /"+k, "Val: "+v)
		}
	}
	s.complete(a, "DBGetTreeComplete")
}

func (p *PBX) queueStatus(s *session, a action) {
	s.reply(a, "Success", "EventList: start", "Message: Queue status will follow")
	for name, members := range p.conf.Queues {
		s.item(a, "QueueParams", "Queue: "+name, "Max: 0", "Strategy: ringall", "Calls: 0")
		for _, m := range members {
			s.item(a, "QueueMember", "Queue: "+name, "Name: "+m, "Location: "+m, "StateInterface: "+m, "Membership: dynamic")
		}
	}
	s.complete(a, "QueueStatusComplete")
}
