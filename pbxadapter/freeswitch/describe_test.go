package freeswitch

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// heard is one event as one device hears it.
type heard struct {
	at, hearer, event, device, call, local, cause, more string
}

func (h heard) String() string {
	return fmt.Sprintf("%s %s: %s(%s@%s; local=%s; %s%s)", h.at, h.hearer, h.event, h.device, h.call, h.local, h.more, h.cause)
}

// describe gives the events of a whole dialogue. Calls are C1, C2 … in the order in which they came, since their ids differ from run to run.
func describe(list []callmodel.Told) []heard {
	names := map[csta.CallID]string{}
	name := func(id csta.CallID) string {
		if names[id] == "" {
			names[id] = fmt.Sprintf("C%d", len(names)+1)
		}
		return names[id]
	}
	var lines []heard
	for _, t := range list {
		h := one(t.Event, name)
		h.at, h.event = fmt.Sprintf("%.3f", t.At.Sub(began).Seconds()), strings.TrimSuffix(t.Event.Element(), "Event")
		if len(t.Audience) == 0 {
			h.hearer, h.local = "call", "-"
			lines = append(lines, h)
		}
		for _, s := range t.Audience {
			h.hearer, h.local = string(s.Device), string(s.Local)
			lines = append(lines, h)
		}
	}
	return lines
}

func one(e csta.Event, name func(csta.CallID) string) heard {
	var h heard
	at := func(c csta.ConnectionID, cause csta.EventCause) {
		h.device, h.call, h.cause = string(c.Device), name(c.Call), string(cause)
		if strings.HasPrefix(h.device, "outside-") {
			h.device = "outside"
		}
	}
	parties := func(calling, called csta.SubjectDeviceID, last csta.RedirectionDeviceID) {
		h.more = "calling " + who(calling) + ", called " + who(called) + ", "
		if last.NumberDialed != "" {
			h.more += "redirected by " + string(last.NumberDialed) + ", "
		}
	}
	rearranged := func(second *csta.ConnectionID, by, other csta.SubjectDeviceID, list []csta.ConnectionListItem) {
		if second != nil {
			h.more = "and " + name(second.Call) + ", "
		}
		h.more += "by " + who(by) + ", to " + who(other) + ":"
		for _, i := range list {
			h.more += fmt.Sprintf(" %s@%s was %s,", i.NewConnection.Device, name(i.NewConnection.Call), name(i.OldConnection.Call))
		}
		h.more += " "
	}
	switch e := e.(type) {
	case csta.ServiceInitiatedEvent:
		at(e.InitiatedConnection, e.Cause)
	case csta.OriginatedEvent:
		at(e.OriginatedConnection, e.Cause)
		parties(e.CallingDevice, e.CalledDevice, csta.RedirectionDeviceID{})
	case csta.DeliveredEvent:
		at(e.Connection, e.Cause)
		parties(e.CallingDevice, e.CalledDevice, e.LastRedirectionDevice)
	case csta.NetworkReachedEvent:
		at(e.OutboundConnection, e.Cause)
		parties(e.CallingDevice, e.CalledDevice, e.LastRedirectionDevice)
	case csta.EstablishedEvent:
		at(e.EstablishedConnection, e.Cause)
		parties(e.CallingDevice, e.CalledDevice, e.LastRedirectionDevice)
	case csta.FailedEvent:
		at(e.FailedConnection, e.Cause)
		parties(e.CallingDevice, e.CalledDevice, e.LastRedirectionDevice)
	case csta.QueuedEvent:
		at(e.QueuedConnection, e.Cause)
		parties(e.CallingDevice, e.CalledDevice, e.LastRedirectionDevice)
	case csta.DivertedEvent:
		at(e.Connection, e.Cause)
		h.more = "to " + who(e.NewDestination) + ", "
	case csta.HeldEvent:
		at(e.HeldConnection, e.Cause)
	case csta.RetrievedEvent:
		at(e.RetrievedConnection, e.Cause)
	case csta.ConnectionClearedEvent:
		at(e.DroppedConnection, e.Cause)
		h.more = "by " + who(e.ReleasingDevice) + ", "
	case csta.CallClearedEvent:
		at(e.ClearedCall, e.Cause)
	case csta.TransferedEvent:
		at(e.PrimaryOldCall, e.Cause)
		rearranged(e.SecondaryOldCall, e.TransferringDevice, e.TransferredToDevice, e.TransferredConnections)
	case csta.ConferencedEvent:
		at(e.PrimaryOldCall, e.Cause)
		rearranged(e.SecondaryOldCall, e.ConferencingDevice, e.AddedParty, e.ConferenceConnections)
	case csta.DigitsGeneratedEvent:
		at(*e.Connection, "")
		h.more = fmt.Sprint(e.DigitGeneratedList, " ", e.DigitDurationList)
	case csta.DoNotDisturbEvent:
		h.device, h.more = string(e.Device.DeviceIdentifier), fmt.Sprint(e.DoNotDisturbOn)
	case csta.ForwardingEvent:
		h.device, h.more = string(e.Device.DeviceIdentifier), fmt.Sprint(e.ForwardingType, " ", e.ForwardStatus, " ", e.ForwardTo)
	case csta.MessageWaitingEvent:
		h.device, h.more = string(e.TargetDevice.DeviceIdentifier), fmt.Sprint(e.MessageWaitingOn)
	case csta.OutOfServiceEvent:
		h.device, h.cause = string(e.Device.DeviceIdentifier), string(e.Cause)
	case csta.BackInServiceEvent:
		h.device, h.cause = string(e.Device.DeviceIdentifier), string(e.Cause)
	}
	return h
}

func who(s csta.SubjectDeviceID) string {
	switch {
	case strings.HasPrefix(string(s.DeviceIdentifier), "outside-"):
		return "outside"
	case s.DeviceIdentifier != "":
		return string(s.DeviceIdentifier)
	case s.Restricted:
		return "restricted"
	case s.NotKnown:
		return "unknown"
	}
	return "MISSING"
}

// A recording's .md proposes events below "Monitor on 201:", as in "4. Held (holding 201; local hold; consultation)". What it leaves open
// agrees with anything; a row of several names is so many events.
var (
	monitorOn = regexp.MustCompile(`^Monitor on (\d+):`)
	row       = regexp.MustCompile(`^\d+\. (.*)$`)
	named     = regexp.MustCompile(`([A-Z][A-Za-z]+)(?: ?\(([^()]*)\))?`)
	localIs   = regexp.MustCompile(`local (null|initiated|alerting|connected|hold|queued|fail)\b`)
	deviceIs  = regexp.MustCompile(`\b(?:dropped|answering|alerting|holding|failing|diverting|retrieving) (\d{3,4})\b`)
	causeIs   = regexp.MustCompile(`(?:^|; )(newCall|makeCall|consultation|normal|normalClearing|singleStepTransfer|transfer|conference|callPickup|callForward[A-Za-z]+|busy|destNotObtainable|doNotDisturb|callNotAnswered|networkSignal|callCancelled|redirected)$`)
	events    = []string{
		"ServiceInitiated", "Originated", "Delivered", "Established", "Queued", "Held", "Retrieved", "Diverted", "Transferred", "Conferenced", "ConnectionCleared",
		"Failed", "NetworkReached", "DoNotDisturb", "Forwarding", "MessageWaiting", "OutOfService", "BackInService",
	}
)

func propose(md string) []heard {
	_, text, _ := strings.Cut(md, "## CSTA events expected")
	text, _, _ = strings.Cut(text, "\n## ")
	var (
		list    []heard
		monitor string
	)
	for line := range strings.Lines(text) {
		if m := monitorOn.FindStringSubmatch(line); m != nil {
			monitor = m[1]
			continue
		}
		m := row.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		said, _, _ := strings.Cut(m[1], " — ")
		for _, m := range named.FindAllStringSubmatch(said, -1) {
			if !slices.Contains(events, m[1]) {
				continue
			}
			first := func(r *regexp.Regexp) string {
				if f := r.FindStringSubmatch(m[2]); f != nil {
					return f[1]
				}
				return ""
			}
			list = append(list, heard{
				hearer: monitor, event: strings.Replace(m[1], "Transferred", "Transfered", 1), local: first(localIs), device: first(deviceIs), cause: first(causeIs),
			})
		}
	}
	return list
}

func (h heard) agrees(p heard) bool {
	open := func(want, got string) bool { return want == "" || want == got }
	return h.hearer == p.hearer && h.event == p.event && open(p.device, h.device) && open(p.local, h.local) && open(p.cause, h.cause)
}

func (h heard) brief() string {
	open := func(s string) string {
		if s == "" {
			return "?"
		}
		return s
	}
	return fmt.Sprintf("%s: %s %s %s %s", h.hearer, h.event, open(h.device), open(h.local), open(h.cause))
}

// differences are the events of only one side.
func differences(told, wanted []heard) []string {
	wanted = slices.Clone(wanted)
	var list []string
	for _, h := range told {
		i := slices.IndexFunc(wanted, h.agrees)
		switch {
		case i >= 0:
			wanted = slices.Delete(wanted, i, i+1)
		case len(h.hearer) == 3 && h.hearer[0] == '2': // call monitors, outside parties and what is inside the PBX are in no proposal
			list = append(list, "told      "+h.brief())
		}
	}
	for _, p := range wanted {
		list = append(list, "not told  "+p.brief())
	}
	return list
}
