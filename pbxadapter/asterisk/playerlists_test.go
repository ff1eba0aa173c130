package asterisk

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strings"
)

// serve reads one connection's actions, and answers what asks only.
func (p *player) serve(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		q := map[string][]string{}
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if line = strings.TrimRight(line, "\r\n"); line == "" {
				break
			}
			k, v, _ := strings.Cut(line, ": ")
			q[k] = append(q[k], v)
		}
		if len(q) == 0 {
			continue
		}
		p.mu.Lock()
		w := p.w
		p.mu.Unlock()
		switch name := q["Action"][0]; name {
		case "Login":
			p.reply(q, "Success", "Message: Authentication accepted")
			p.write("Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n")
		case "Ping":
			p.reply(q, "Success", "Ping: Pong")
		case "ListCommands":
			var lines []string
			for _, r := range requirements {
				for _, a := range r.actions {
					lines = append(lines, a+": x (Priv: all)")
				}
			}
			for _, a := range []string{"PJSIPNotify", "PJSIPShowEndpoints", "PJSIPShowEndpoint", "PJSIPShowContacts", "DeviceStateList", "Parkinglots", "ParkedCalls", "QueueStatus", "Redirect", "Setvar", "Getvar"} {
				lines = append(lines, a+": x (Priv: all)")
			}
			p.reply(q, "Success", lines...)
		case "CoreStatus":
			p.reply(q, "Success", "CoreStartupDate: 2026-11-22", "CoreStartupTime: "+w.startup)
		case "CoreSettings":
			p.reply(q, "Success", "AsteriskVersion: 23.4.1")
		case "Getvar":
			value := "1"
			if slices.Contains(q["Variable"], varPres) {
				value = "allowed_not_screened" // the recorded caller withholds nothing
			}
			p.reply(q, "Success", "Variable: x", "Value: "+value)
		case "PJSIPShowEndpoints":
			var items []string
			for n := 101; n <= 106; n++ {
				items = append(items, fmt.Sprintf("Event: EndpointList\r\nObjectName: %d\r\n", n))
			}
			p.list(q, "EndpointListComplete", items...)
		case "PJSIPShowEndpoint":
			p.list(q, "EndpointDetailComplete", "Event: EndpointDetail\r\nObjectName: "+q["Endpoint"][0]+"\r\nContext: internal\r\n")
		case "PJSIPShowContacts":
			var items []string
			for n := 101; n <= 106; n++ {
				items = append(items, fmt.Sprintf("Event: ContactList\r\nEndpoint: %d\r\nUserAgent: Yealink SIP-T46S 66.86.0.15\r\n", n))
			}
			p.list(q, "ContactListComplete", items...)
		case "Parkinglots":
			p.list(q, "ParkinglotsComplete", "Event: Parkinglot\r\nName: default\r\nStartExten: 701\r\nStopExten: 720\r\n")
		case "Status":
			p.mu.Lock()
			items := w.status()
			p.lists++
			p.mu.Unlock()
			p.list(q, "StatusComplete", items...)
		case "ParkedCalls":
			var items []string
			p.mu.Lock()
			for id, s := range w.parked {
				items = append(items, "Event: ParkedCall\r\nParkeeUniqueid: "+id+"\r\nParkingSpace: "+s+"\r\n")
			}
			p.mu.Unlock()
			p.list(q, "ParkedCallsComplete", items...)
		case "QueueStatus":
			var items []string
			p.mu.Lock()
			for id, n := range w.queued {
				items = append(items, "Event: QueueEntry\r\nUniqueid: "+id+"\r\nQueue: "+n+"\r\nPosition: 1\r\nCount: 1\r\n")
			}
			p.mu.Unlock()
			p.list(q, "QueueStatusComplete", items...)
		case "DeviceStateList":
			var items []string
			p.mu.Lock()
			for d, s := range w.devices {
				items = append(items, "Event: DeviceStateChange\r\nDevice: "+d+"\r\nState: "+s+"\r\n")
			}
			for m, on := range w.waiting {
				if on {
					items = append(items, "Event: DeviceStateChange\r\nDevice: MWI:"+m+"\r\nState: INUSE\r\n")
				}
			}
			p.mu.Unlock()
			p.list(q, "DeviceStateListComplete", items...)
		case "DBGetTree":
			f := q["Family"][0]
			var items []string
			p.mu.Lock()
			for d, s := range w.devices {
				if n, ok := strings.CutPrefix(d, "Custom:"+f); ok && s == "BUSY" {
					items = append(items, "Event: DBGetTreeResponse\r\nKey: /"+f+"/"+n+"\r\nVal: 103\r\n")
				}
			}
			p.mu.Unlock()
			p.list(q, "DBGetTreeComplete", items...)
		case "DBGet":
			p.mu.Lock()
			on := w.devices["Custom:"+q["Family"][0]+q["Key"][0]] == "BUSY"
			p.mu.Unlock()
			if on {
				p.list(q, "DBGetComplete", "Event: DBGetResponse\r\nVal: 103\r\n")
			} else {
				p.reply(q, "Error", "Message: Database entry not found")
			}
		default:
			if name == "Setvar" && len(q["Channel"]) > 0 {
				p.mu.Lock()
				w.vars[q["Channel"][0]+"\n"+q["Variable"][0]] = q["Value"][0]
				p.mu.Unlock()
			}
			select {
			case p.reqs <- q:
			default:
			}
		}
	}
}
