package main

import (
	"fmt"
	"strings"

	"farhook/csta"
)

// about is the call that an event is about, and the line's own state in it.
func about(e csta.Event) (csta.CallID, csta.State) {
	switch e := e.(type) {
	case csta.ServiceInitiatedEvent:
		return e.InitiatedConnection.Call, e.LocalConnectionInfo
	case csta.OriginatedEvent:
		return e.OriginatedConnection.Call, e.LocalConnectionInfo
	case csta.NetworkReachedEvent:
		return e.OutboundConnection.Call, e.LocalConnectionInfo
	case csta.OfferedEvent:
		return e.OfferedConnection.Call, e.LocalConnectionInfo
	case csta.DeliveredEvent:
		return e.Connection.Call, e.LocalConnectionInfo
	case csta.EstablishedEvent:
		return e.EstablishedConnection.Call, e.LocalConnectionInfo
	case csta.HeldEvent:
		return e.HeldConnection.Call, e.LocalConnectionInfo
	case csta.RetrievedEvent:
		return e.RetrievedConnection.Call, e.LocalConnectionInfo
	case csta.QueuedEvent:
		return e.QueuedConnection.Call, e.LocalConnectionInfo
	case csta.FailedEvent:
		return e.FailedConnection.Call, e.LocalConnectionInfo
	case csta.DivertedEvent:
		return e.Connection.Call, e.LocalConnectionInfo
	case csta.ConnectionClearedEvent:
		return e.DroppedConnection.Call, e.LocalConnectionInfo
	case csta.TransferedEvent:
		return result(e.TransferredConnections), e.LocalConnectionInfo
	case csta.ConferencedEvent:
		return result(e.ConferenceConnections), e.LocalConnectionInfo
	}
	return "", ""
}

// gone are the calls that a rearrangement ends.
func gone(e csta.Event) []csta.CallID {
	var ids []csta.CallID
	old := func(c csta.ConnectionID, second *csta.ConnectionID) {
		ids = append(ids, c.Call)
		if second != nil {
			ids = append(ids, second.Call)
		}
	}
	switch e := e.(type) {
	case csta.TransferedEvent:
		old(e.PrimaryOldCall, e.SecondaryOldCall)
	case csta.ConferencedEvent:
		old(e.PrimaryOldCall, e.SecondaryOldCall)
	}
	return ids
}

func result(list []csta.ConnectionListItem) csta.CallID {
	if len(list) == 0 {
		return ""
	}
	return list[0].NewConnection.Call
}

// describe is an event as one line.
func describe(e csta.Event) string {
	name := strings.TrimSuffix(e.Element(), "Event")
	call, local := about(e)
	var s string
	switch e := e.(type) {
	case csta.ServiceInitiatedEvent:
		s = who(e.InitiatingDevice) + " goes off hook" + why(e.Cause)
	case csta.OriginatedEvent:
		s = who(e.CallingDevice) + " calls " + who(e.CalledDevice) + why(e.Cause)
	case csta.NetworkReachedEvent:
		s = "to " + who(e.CalledDevice) + " the call has left the PBX" + why(e.Cause)
	case csta.OfferedEvent:
		s = who(e.OfferedDevice) + " is offered the call from " + who(e.CallingDevice) + why(e.Cause)
	case csta.DeliveredEvent:
		s = who(e.AlertingDevice) + " rings, call from " + who(e.CallingDevice) + why(e.Cause)
	case csta.EstablishedEvent:
		s = who(e.AnsweringDevice) + " answers, call from " + who(e.CallingDevice) + why(e.Cause)
	case csta.HeldEvent:
		s = who(e.HoldingDevice) + " holds" + why(e.Cause)
	case csta.RetrievedEvent:
		s = who(e.RetrievingDevice) + " retrieves" + why(e.Cause)
	case csta.QueuedEvent:
		s = who(e.CallingDevice) + " waits at " + who(e.Queue) + why(e.Cause)
	case csta.FailedEvent:
		s = who(e.FailingDevice) + " cannot be reached" + why(e.Cause)
	case csta.DivertedEvent:
		s = "away from " + who(e.DivertingDevice) + " to " + who(e.NewDestination) + why(e.Cause)
	case csta.ConnectionClearedEvent:
		s = string(e.DroppedConnection.Device) + " is out, by " + who(e.ReleasingDevice) + why(e.Cause)
	case csta.TransferedEvent:
		s = who(e.TransferringDevice) + " transfers to " + who(e.TransferredToDevice) + why(e.Cause)
	case csta.ConferencedEvent:
		s = who(e.ConferencingDevice) + " adds " + who(e.AddedParty) + why(e.Cause)
	case csta.ForwardingEvent:
		s = fmt.Sprintf("%s %s %s %s", who(e.Device), e.ForwardingType, onOff(e.ForwardStatus), e.ForwardTo)
	case csta.DoNotDisturbEvent:
		s = who(e.Device) + " " + onOff(e.DoNotDisturbOn)
	case csta.MessageWaitingEvent:
		s = who(e.TargetDevice) + " " + onOff(e.MessageWaitingOn)
	case csta.OutOfServiceEvent:
		s = who(e.Device) + why(e.Cause)
	case csta.BackInServiceEvent:
		s = who(e.Device) + why(e.Cause)
	}
	if call != "" {
		s = fmt.Sprintf("call %s (here %s): %s", call, local, s)
	}
	return strings.TrimSpace(fmt.Sprintf("%-17s %s", name, s))
}

func who(d csta.SubjectDeviceID) string {
	switch {
	case d.DeviceIdentifier != "":
		return string(d.DeviceIdentifier)
	case d.Restricted:
		return "somebody who hides"
	}
	return "somebody unknown"
}

func why(c csta.EventCause) string {
	if c == "" || c == csta.CauseNewCall || c == csta.CauseNormal {
		return ""
	}
	return " [" + string(c) + "]"
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}
