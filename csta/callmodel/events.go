package callmodel

import "farhook/csta"

// The makers of events: what the standard makes mandatory, and nothing that it leaves open (ECMA-269, 17.2).

func serviceInitiated(s *step, cause csta.EventCause) csta.Event {
	return csta.ServiceInitiatedEvent{InitiatedConnection: s.Connection, InitiatingDevice: s.leg.party().Subject(), Cause: cause}
}

func originated(s *step, cause csta.EventCause) csta.Event {
	return csta.OriginatedEvent{
		OriginatedConnection: s.Connection, CallingDevice: s.leg.party().Subject(), CalledDevice: s.call.Called.Subject(), Cause: cause,
	}
}

func networkReached(s *step, cause csta.EventCause) csta.Event {
	return csta.NetworkReachedEvent{
		OutboundConnection: s.Connection, NetworkInterfaceUsed: csta.SubjectDeviceID{NotKnown: true},
		CallingDevice: s.call.Calling.Subject(), CalledDevice: s.call.Called.Subject(),
		LastRedirectionDevice: s.call.LastRedirected.redirection(), Cause: cause,
	}
}

func offered(s *step, cause csta.EventCause) csta.Event {
	return csta.OfferedEvent{
		OfferedConnection: s.Connection, OfferedDevice: s.leg.party().Subject(),
		CallingDevice: s.call.Calling.Subject(), CalledDevice: s.call.Called.Subject(),
		LastRedirectionDevice: s.call.LastRedirected.redirection(), Cause: cause,
	}
}

func delivered(s *step, cause csta.EventCause) csta.Event {
	return csta.DeliveredEvent{
		Connection: s.Connection, AlertingDevice: s.leg.party().Subject(),
		CallingDevice: s.call.Calling.Subject(), CalledDevice: s.call.Called.Subject(),
		LastRedirectionDevice: s.call.LastRedirected.redirection(), Cause: cause,
	}
}

func established(s *step, cause csta.EventCause) csta.Event {
	return csta.EstablishedEvent{
		EstablishedConnection: s.Connection, AnsweringDevice: s.leg.party().Subject(),
		CallingDevice: s.call.Calling.Subject(), CalledDevice: s.call.Called.Subject(),
		LastRedirectionDevice: s.call.LastRedirected.redirection(), Cause: cause,
	}
}

func held(s *step, cause csta.EventCause) csta.Event {
	return csta.HeldEvent{HeldConnection: s.Connection, HoldingDevice: s.leg.party().Subject(), Cause: cause}
}

func retrieved(s *step, cause csta.EventCause) csta.Event {
	return csta.RetrievedEvent{RetrievedConnection: s.Connection, RetrievingDevice: s.leg.party().Subject(), Cause: cause}
}

func queued(s *step, cause csta.EventCause) csta.Event {
	e := csta.QueuedEvent{
		QueuedConnection: s.Connection, Queue: s.leg.party().Subject(),
		CallingDevice: s.call.Calling.Subject(), CalledDevice: s.call.Called.Subject(),
		LastRedirectionDevice: s.call.LastRedirected.redirection(), Cause: cause,
	}
	if q := s.Queue; q != nil {
		if q.Queued > 0 {
			e.NumberQueued = new(q.Queued)
		}
		if q.CallsInFront >= 0 {
			e.CallsInFront = new(q.CallsInFront)
		}
	}
	return e
}

func failed(s *step, cause csta.EventCause) csta.Event {
	return csta.FailedEvent{
		FailedConnection: s.Connection, FailingDevice: s.leg.party().Subject(),
		CallingDevice: s.call.Calling.Subject(), CalledDevice: s.call.Called.Subject(),
		LastRedirectionDevice: s.call.LastRedirected.redirection(), Cause: cause,
	}
}

func connectionCleared(s *step, cause csta.EventCause) csta.Event {
	by := s.By
	if by.Shown == Absent {
		by = s.leg.party()
	}
	return csta.ConnectionClearedEvent{DroppedConnection: s.Connection, ReleasingDevice: by.Subject(), Cause: cause}
}

// party is how the leg's device is shown: by its own name, unless a fact said otherwise.
func (l Leg) party() Party {
	if l.Party.Shown == Absent {
		return Party{Device: l.Device, Shown: Known}
	}
	return l.Party
}

// Subject is a party as an event names it; never an empty identifier.
func (p Party) Subject() csta.SubjectDeviceID {
	switch p.Shown {
	case Known:
		if id := p.number(); id != "" {
			return csta.SubjectDeviceID{DeviceIdentifier: id}
		}
	case Restricted:
		return csta.SubjectDeviceID{Restricted: true}
	case Absent, NotKnown:
	}
	return csta.SubjectDeviceID{NotKnown: true}
}

// number is what is shown of a known party.
func (p Party) number() csta.DeviceID {
	if p.Number != "" {
		return p.Number
	}
	return p.Device
}

// redirection is a party as lastRedirectionDevice names it.
func (p Party) redirection() csta.RedirectionDeviceID {
	switch p.Shown {
	case Absent:
		return csta.RedirectionDeviceID{NotRequired: true}
	case Known:
		if id := p.number(); id != "" {
			return csta.RedirectionDeviceID{NumberDialed: id}
		}
	case Restricted:
		return csta.RedirectionDeviceID{Restricted: true}
	case NotKnown:
	}
	return csta.RedirectionDeviceID{NotKnown: true}
}

// Shown is the leg's device as an event names it.
func (l Leg) Shown() csta.SubjectDeviceID { return l.party().Subject() }

// endpoint is a party as a connection list names it.
func (p Party) endpoint() *csta.ConnectionListItemEndpoint {
	switch s := p.Subject(); {
	case s.DeviceIdentifier != "":
		return &csta.ConnectionListItemEndpoint{DeviceID: s.DeviceIdentifier}
	case s.Restricted:
		return &csta.ConnectionListItemEndpoint{Restricted: true}
	}
	return &csta.ConnectionListItemEndpoint{NotKnown: true}
}
