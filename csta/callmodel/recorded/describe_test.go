package recorded

import (
	"fmt"
	"strings"
	"testing"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// line is one event as one device hears it.
type line struct {
	at, hearer, event string
	device, call      string // of the connection it names
	local, cause      string
	more              string
}

func (l line) String() string {
	return fmt.Sprintf("%s %s: %s(%s@%s; local=%s; %s%s)", l.at, l.hearer, l.event, l.device, l.call, l.local, l.more, l.cause)
}

// describe gives the lines of a whole dialogue. Calls are C1, C2 … in the order in which they came.
func describe(t *testing.T, list []callmodel.Told) []line {
	t.Helper()
	names := map[csta.CallID]string{}
	name := func(id csta.CallID) string {
		if names[id] == "" {
			names[id] = fmt.Sprintf("C%d", len(names)+1)
		}
		return names[id]
	}
	var lines []line
	for _, told := range list {
		l := one(t, told.Event, name)
		l.at = fmt.Sprintf("%.3f", told.At.Sub(start).Seconds())
		l.event = strings.TrimSuffix(told.Event.Element(), "Event")
		if len(told.Audience) == 0 {
			l.hearer, l.local = "call", "-"
			lines = append(lines, l)
		}
		for _, s := range told.Audience {
			l.hearer, l.local = string(s.Device), string(s.Local)
			lines = append(lines, l)
		}
	}
	return lines
}

func one(t *testing.T, e csta.Event, name func(csta.CallID) string) line {
	t.Helper()
	var l line
	at := func(c csta.ConnectionID, cause csta.EventCause) {
		l.device, l.call, l.cause = string(c.Device), name(c.Call), string(cause)
	}
	parties := func(calling, called csta.SubjectDeviceID, last csta.RedirectionDeviceID) {
		l.more = fmt.Sprintf("calling %s, called %s, last redirection %s; ", subject(calling), subject(called), redirection(last))
	}
	rearranged := func(second *csta.ConnectionID, by, other csta.SubjectDeviceID, list []csta.ConnectionListItem) {
		var b strings.Builder
		if second != nil {
			fmt.Fprintf(&b, "and %s@%s; ", second.Device, name(second.Call))
		}
		fmt.Fprintf(&b, "by %s, to %s;", subject(by), subject(other))
		for _, i := range list {
			fmt.Fprintf(&b, " %s@%s was %s@%s,", i.NewConnection.Device, name(i.NewConnection.Call), i.OldConnection.Device, name(i.OldConnection.Call))
		}
		l.more = strings.TrimSuffix(b.String(), ",") + "; "
	}
	switch e := e.(type) {
	case csta.ServiceInitiatedEvent:
		at(e.InitiatedConnection, e.Cause)
		l.more = "initiating " + subject(e.InitiatingDevice) + "; "
	case csta.OriginatedEvent:
		at(e.OriginatedConnection, e.Cause)
		l.more = "calling " + subject(e.CallingDevice) + ", called " + subject(e.CalledDevice) + "; "
	case csta.DeliveredEvent:
		at(e.Connection, e.Cause)
		parties(e.CallingDevice, e.CalledDevice, e.LastRedirectionDevice)
	case csta.EstablishedEvent:
		at(e.EstablishedConnection, e.Cause)
		parties(e.CallingDevice, e.CalledDevice, e.LastRedirectionDevice)
	case csta.QueuedEvent:
		at(e.QueuedConnection, e.Cause)
		parties(e.CallingDevice, e.CalledDevice, e.LastRedirectionDevice)
		if e.NumberQueued != nil && e.CallsInFront != nil {
			l.more += fmt.Sprintf("%d waiting, %d in front; ", *e.NumberQueued, *e.CallsInFront)
		}
	case csta.DivertedEvent:
		at(e.Connection, e.Cause)
		parties(*e.CallingDevice, *e.CalledDevice, e.LastRedirectionDevice)
		l.more += "to " + subject(e.NewDestination) + "; "
	case csta.HeldEvent:
		at(e.HeldConnection, e.Cause)
	case csta.RetrievedEvent:
		at(e.RetrievedConnection, e.Cause)
	case csta.ConnectionClearedEvent:
		at(e.DroppedConnection, e.Cause)
		l.more = "by " + subject(e.ReleasingDevice) + "; "
	case csta.CallClearedEvent:
		at(e.ClearedCall, e.Cause)
	case csta.TransferedEvent:
		at(e.PrimaryOldCall, e.Cause)
		rearranged(e.SecondaryOldCall, e.TransferringDevice, e.TransferredToDevice, e.TransferredConnections)
	case csta.ConferencedEvent:
		at(e.PrimaryOldCall, e.Cause)
		rearranged(e.SecondaryOldCall, e.ConferencingDevice, e.AddedParty, e.ConferenceConnections)
	default:
		t.Fatalf("%s is not in any recording's proposal", e.Element())
	}
	return l
}

func subject(s csta.SubjectDeviceID) string {
	switch {
	case s.DeviceIdentifier != "":
		return string(s.DeviceIdentifier)
	case s.Restricted:
		return "restricted"
	case s.NotKnown:
		return "notKnown"
	}
	return "MISSING"
}

func redirection(r csta.RedirectionDeviceID) string {
	switch {
	case r.NumberDialed != "":
		return string(r.NumberDialed)
	case r.NotRequired:
		return "none"
	case r.Restricted:
		return "restricted"
	case r.NotKnown:
		return "notKnown"
	}
	return "MISSING"
}
