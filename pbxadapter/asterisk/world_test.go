package asterisk

import (
	"slices"
	"strings"
)

// world is what a recording's events have made of Asterisk so far, so that lists can be made of it in the recorded form.
type world struct {
	order   []string
	at      map[string]map[string]string // by Uniqueid
	held    map[string]string            // who is held, by whom
	parked  map[string]string
	queued  map[string]string
	devices map[string]string
	waiting map[string]bool
	vars    map[string]string // that we have set, by name of the channel and of the variable
	startup string
}

func newWorld() *world {
	return &world{
		at: map[string]map[string]string{}, held: map[string]string{}, parked: map[string]string{}, queued: map[string]string{}, devices: map[string]string{},
		waiting: map[string]bool{}, vars: map[string]string{}, startup: "13:27:54",
	}
}

// see takes an event over.
func (w *world) see(s step) {
	name, id := s.event(), s.get("Uniqueid")
	c := w.at[id]
	for prefix, u := range map[string]string{"": id, "Dest": s.get("DestUniqueid"), "Parkee": s.get("ParkeeUniqueid")} {
		if x := w.at[u]; x != nil {
			for _, h := range []string{"Channel", "ChannelState", "CallerIDNum", "ConnectedLineNum", "Context", "Exten", "Linkedid"} {
				if v := s.get(prefix + h); v != "" {
					x[h] = v
				}
			}
		}
	}
	switch name {
	case "Newchannel":
		c = map[string]string{"Uniqueid": id}
		for _, h := range []string{"Channel", "ChannelState", "CallerIDNum", "ConnectedLineNum", "Context", "Exten", "Linkedid"} {
			c[h] = s.get(h)
		}
		if c["ChannelState"] == "4" {
			c["DNID"] = c["Exten"]
		}
		w.at[id] = c
		w.order = append(w.order, id)
	case "Newstate":
		if c != nil && c["ChannelState"] == "6" && c["Application"] == "" {
			c["Application"] = "Playback"
			if c["Exten"] == "600" {
				c["Application"] = "Queue"
			}
		}
	case "DialBegin":
		if d := w.at[s.get("DestUniqueid")]; d != nil {
			d["Application"] = "AppDial"
			if s.get("Uniqueid") == "" {
				d["Application"] = "AppDial2"
			}
		}
		if c != nil && c["Application"] != "Queue" {
			c["Application"] = "Dial"
		}
	case "DialEnd":
		if c != nil && s.get("DialStatus") != "ANSWER" && c["Application"] == "Dial" {
			c["Application"] = "Busy"
		}
	case "QueueCallerJoin":
		c["Application"], w.queued[id] = "Queue", s.get("Queue")
	case "QueueCallerLeave":
		delete(w.queued, id)
	case "ConfbridgeJoin":
		c["Application"], c["Data"] = "ConfBridge", s.get("Conference")
	case "ParkedCall":
		u := s.get("ParkeeUniqueid")
		w.parked[u] = s.get("ParkingSpace")
		w.at[u]["Application"] = "Park"
	case "UnParkedCall":
		delete(w.parked, s.get("ParkeeUniqueid"))
	case "BridgeEnter":
		if c != nil {
			c["BridgeID"] = s.get("BridgeUniqueid")
			if s.get("BridgeCreator") == "ConfBridge" {
				c["Application"], c["Data"] = "ConfBridge", s.get("BridgeName")
			}
		}
	case "BridgeLeave":
		if c != nil {
			c["BridgeID"] = ""
			delete(w.held, id)
			w.forgetHolder(id)
		}
	case "Hold":
		for _, o := range w.order {
			if c != nil && o != id && w.at[o]["BridgeID"] == c["BridgeID"] && c["BridgeID"] != "" {
				w.held[o] = id
			}
		}
	case "Unhold":
		w.forgetHolder(id)
	case "Hangup":
		delete(w.at, id)
		delete(w.parked, id)
		delete(w.queued, id)
		w.forgetHolder(id)
		w.order = slices.DeleteFunc(w.order, func(o string) bool { return o == id })
	case "DeviceStateChange":
		w.devices[s.get("Device")] = s.get("State")
	case "MessageWaiting":
		w.waiting[s.get("Mailbox")] = s.get("New") != "0"
	}
}

func (w *world) forgetHolder(id string) {
	for o, by := range w.held {
		if by == id {
			delete(w.held, o)
		}
	}
}

// status is the items of Status.
func (w *world) status() []string {
	var list []string
	for _, id := range w.order {
		c := w.at[id]
		var b strings.Builder
		b.WriteString("Event: Status\r\n")
		for _, h := range []string{"Channel", "ChannelState", "CallerIDNum", "ConnectedLineNum", "Context", "Exten", "Uniqueid", "Linkedid", "DNID", "BridgeID", "Application", "Data"} {
			b.WriteString(h + ": " + c[h] + "\r\n")
		}
		held := "0"
		if w.held[id] != "" {
			held = "1"
		}
		b.WriteString("Seconds: 0\r\nVariable: CHANNEL(onhold)=" + held + "\r\nVariable: CSTA_PEER=" + w.vars[c["Channel"]+"\nCSTA_PEER"] + "\r\n")
		list = append(list, b.String())
	}
	return list
}

// clear is a restart of Asterisk.
func (w *world) clear() {
	d, m := w.devices, w.waiting
	*w = *newWorld()
	w.devices, w.waiting, w.startup = d, m, "13:41:50"
}

// load takes over the lists that the recorder asked for next, where it did.
func (w *world) load(steps []step) {
	found := false
	for _, s := range steps {
		if s.client || s.note != "" || len(s.lines) == 0 || s.get("ActionID") == "" {
			continue
		}
		switch s.lines[0] {
		case "Event: Status":
			if !found {
				w.at, w.order, w.held = map[string]map[string]string{}, nil, map[string]string{}
				found = true
			}
			c := map[string]string{}
			for _, h := range []string{"Channel", "ChannelState", "CallerIDNum", "ConnectedLineNum", "Context", "Exten", "Uniqueid", "Linkedid", "DNID", "BridgeID", "Application", "Data"} {
				c[h] = s.get(h)
			}
			w.at[c["Uniqueid"]] = c
			w.order = append(w.order, c["Uniqueid"])
		case "Event: DeviceStateChange":
			for id, c := range w.at {
				if s.get("State") == "ONHOLD" && strings.HasPrefix(c["Channel"], s.get("Device")+"-") {
					w.held[id] = "somebody"
				}
			}
		}
	}
}
