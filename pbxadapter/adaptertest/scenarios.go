package adaptertest

import (
	"errors"

	"farhook/csta"
)

// scenarios are what adapters are held against; one without a service is for all.
var scenarios = []struct {
	name    string
	service csta.Service
	play    func(*stage)
}{
	{"MakeCall", "MakeCall", func(s *stage) {
		r := s.do(makeCall(s.a, s.b)).(csta.MakeCallResponse)
		if r.CallingDevice.Device != s.a || r.CallingDevice.Call == "" {
			s.Fatalf("MakeCallResponse names %v", r.CallingDevice)
		}
		s.hears(s.b, "Delivered alerting")
		s.hand(s.Hands.Answer(s.b))
		s.hears(s.b, "Established connected")
		if id := s.state(s.a, csta.Connected); id != r.CallingDevice.Call {
			s.Errorf("the call is %s, the response said %s", id, r.CallingDevice.Call)
		}
		s.marked("OriginatedEvent")
		s.hand(s.Hands.HangUp(s.b))
		s.hears(s.b, "ConnectionCleared null")
		s.state(s.a, csta.Null)
	}},
	{"MakeCall to a busy number", "MakeCall", func(s *stage) {
		id := s.do(makeCall(s.a, s.Busy)).(csta.MakeCallResponse).CallingDevice
		s.until("failed", func() bool { return s.heard("FailedEvent") })
		// Some PBXs play a busy tone, others clear the caller at once.
		if _, err := s.try(csta.ClearConnection{ConnectionToBeCleared: id}); err != nil && !errors.Is(err, csta.ErrInvalidCallID) {
			s.Fatalf("ClearConnection: %v", err)
		}
		s.state(s.a, csta.Null)
	}},
	{"MakeCall to outside", "MakeCall", func(s *stage) {
		s.do(makeCall(s.a, s.Outside))
		s.until("out", func() bool { return s.heard("NetworkReachedEvent") })
		s.hand(s.Hands.Answer(s.Outside))
		s.until("answered", func() bool { return s.heard("EstablishedEvent") })
	}},
	{"MakeCall refused", "MakeCall", func(s *stage) {
		s.refuses(makeCall("tel:+1999", s.b), csta.ErrInvalidDeviceID)
		s.refuses(makeCall(s.a, "a b"), csta.ErrInvalidCalledDeviceID)
		s.talks(s.a, s.b)
		s.refuses(makeCall(s.a, s.c), csta.ErrStateIncompatible)
	}},
	{"AnswerCall", "AnswerCall", func(s *stage) {
		id := s.rings(s.a, s.b)
		s.skip()
		s.do(csta.AnswerCall{CallToBeAnswered: at(id, s.b)})
		s.hears(s.b, "Established connected")
		s.marked("EstablishedEvent")
		s.refuses(csta.AnswerCall{CallToBeAnswered: at(id, s.b)}, csta.ErrNoCallToAnswer)
		s.refuses(csta.AnswerCall{CallToBeAnswered: at("no-such-call", s.b)}, csta.ErrInvalidCallID)
		s.refuses(csta.AnswerCall{CallToBeAnswered: at(id, s.d)}, csta.ErrInvalidConnectionID)
	}},
	{"ClearConnection", "ClearConnection", func(s *stage) {
		id := s.talks(s.a, s.b)
		s.do(csta.ClearConnection{ConnectionToBeCleared: at(id, s.b)})
		s.hears(s.b, "ConnectionCleared null")
		s.hears(s.a, "ConnectionCleared connected", "ConnectionCleared null")
		s.refuses(csta.ClearConnection{ConnectionToBeCleared: at(id, s.b)}, csta.ErrInvalidCallID)
	}},
	{"the caller gives up", "", func(s *stage) {
		s.rings(s.a, s.b)
		s.skip()
		s.hand(s.Hands.HangUp(s.a))
		s.hears(s.b, "ConnectionCleared null")
		s.state(s.a, csta.Null)
	}},
	{"ClearCall", "ClearCall", func(s *stage) {
		id := s.talks(s.a, s.b)
		s.do(csta.ClearCall{CallToBeCleared: new(at(id, s.a))})
		s.state(s.a, csta.Null)
		s.state(s.b, csta.Null)
	}},
	{"HoldCall", "HoldCall", func(s *stage) {
		id := s.talks(s.a, s.b)
		s.do(csta.HoldCall{CallToBeHeld: at(id, s.b)})
		s.hears(s.b, "Held hold")
		s.hears(s.a, "Held connected")
		s.refuses(csta.HoldCall{CallToBeHeld: at(id, s.b)}, csta.ErrNoActiveCall)
	}},
	{"RetrieveCall", "RetrieveCall", func(s *stage) {
		id := s.talks(s.a, s.b)
		s.refuses(csta.RetrieveCall{CallToBeRetrieved: at(id, s.b)}, csta.ErrNoHeldCall)
		s.hand(s.Hands.Hold(s.b))
		s.hears(s.b, "Held hold")
		s.do(csta.RetrieveCall{CallToBeRetrieved: at(id, s.b)})
		s.hears(s.b, "Retrieved connected")
	}},
	{"hold and retrieve at the phone", "", func(s *stage) {
		s.talks(s.a, s.b)
		s.hand(s.Hands.Hold(s.b))
		s.hears(s.b, "Held hold")
		s.hand(s.Hands.Retrieve(s.b))
		s.hears(s.b, "Retrieved connected")
	}},
	{"ConsultationCall", "ConsultationCall", func(s *stage) {
		first := s.talks(s.a, s.b)
		r := s.do(csta.ConsultationCall{ExistingCall: at(first, s.b), ConsultedDevice: s.c}).(csta.ConsultationCallResponse)
		if r.InitiatedCall.Device != s.b || r.InitiatedCall.Call == first {
			s.Errorf("initiatedCall is %v", r.InitiatedCall)
		}
		s.state(s.b, csta.Hold)
		s.state(s.c, csta.Alerting)
		s.refuses(csta.ConsultationCall{ExistingCall: at(first, s.b), ConsultedDevice: s.d}, csta.ErrNoActiveCall)
	}},
	{"AlternateCall", "AlternateCall", func(s *stage) {
		held, active := s.consults()
		s.do(csta.AlternateCall{HeldCall: held, ActiveCall: active})
		s.hears(s.b, "Held hold", "Retrieved connected")
		s.refuses(csta.AlternateCall{HeldCall: held, ActiveCall: active}, csta.ErrNoHeldCall)
	}},
	{"ReconnectCall", "ReconnectCall", func(s *stage) {
		held, active := s.consults()
		s.do(csta.ReconnectCall{HeldCall: held, ActiveCall: active})
		s.hears(s.b, "ConnectionCleared null", "Retrieved connected")
		s.state(s.c, csta.Null)
	}},
	{"TransferCall", "TransferCall", func(s *stage) {
		held, active := s.consults()
		r := s.do(csta.TransferCall{HeldCall: held, ActiveCall: active}).(csta.TransferCallResponse)
		s.hears(s.b, "Transfered null")
		s.hears(s.c, "Transfered connected")
		if a, c := s.state(s.a, csta.Connected), s.state(s.c, csta.Connected); a != c || a != r.TransferredCall.Call {
			s.Errorf("the parties are in %s and %s, the response said %v", a, c, r.TransferredCall)
		}
		s.state(s.b, csta.Null)
		s.marked("TransferedEvent")
	}},
	{"TransferCall to a phone that rings", "TransferCall", func(s *stage) {
		first := s.talks(s.a, s.b)
		r := s.do(csta.ConsultationCall{ExistingCall: at(first, s.b), ConsultedDevice: s.c}).(csta.ConsultationCallResponse)
		s.state(s.c, csta.Alerting)
		s.do(csta.TransferCall{HeldCall: at(first, s.b), ActiveCall: r.InitiatedCall})
		s.state(s.b, csta.Null)
		s.hand(s.Hands.Answer(s.c))
		if a, c := s.state(s.a, csta.Connected), s.state(s.c, csta.Connected); a != c {
			s.Errorf("the parties are in %s and %s", a, c)
		}
	}},
	{"ConferenceCall", "ConferenceCall", func(s *stage) {
		held, active := s.consults()
		r := s.do(csta.ConferenceCall{HeldCall: held, ActiveCall: active}).(csta.ConferenceCallResponse)
		s.hears(s.b, "Conferenced connected")
		for _, d := range []csta.DeviceID{s.a, s.b, s.c} {
			if id := s.state(d, csta.Connected); id != r.ConferenceCall.Call {
				s.Errorf("%s is in %s, the response said %v", d, id, r.ConferenceCall)
			}
		}
		s.hand(s.Hands.HangUp(s.c))
		s.hears(s.b, "ConnectionCleared connected")
		s.state(s.a, csta.Connected)
	}},
	{"SingleStepTransferCall", "SingleStepTransferCall", func(s *stage) {
		id := s.talks(s.a, s.b)
		s.do(csta.SingleStepTransferCall{ActiveCall: at(id, s.b), TransferredTo: s.c})
		s.hears(s.b, "Transfered null")
		s.state(s.c, csta.Alerting)
		s.hand(s.Hands.Answer(s.c))
		s.state(s.c, csta.Connected)
	}},
	{"SingleStepConferenceCall", "SingleStepConferenceCall", func(s *stage) {
		id := s.talks(s.a, s.b)
		s.do(csta.SingleStepConferenceCall{ActiveCall: at(id, s.b), DeviceToJoin: s.c, ParticipationType: csta.ParticipationTypeActive})
		s.state(s.c, csta.Alerting)
		s.hand(s.Hands.Answer(s.c))
		s.state(s.c, csta.Connected)
		s.state(s.a, csta.Connected)
	}},
	{"DeflectCall", "DeflectCall", func(s *stage) {
		id := s.rings(s.a, s.b)
		s.skip()
		s.do(csta.DeflectCall{CallToBeDiverted: at(id, s.b), NewDestination: s.c})
		s.hears(s.b, "Diverted null")
		s.state(s.c, csta.Alerting)
		s.hand(s.Hands.Answer(s.c))
		s.state(s.a, csta.Connected)
		s.refuses(csta.DeflectCall{CallToBeDiverted: at(s.state(s.c, csta.Connected), s.c), NewDestination: s.d}, csta.ErrStateIncompatible)
	}},
	{"DirectedPickupCall", "DirectedPickupCall", func(s *stage) {
		id := s.rings(s.a, s.b)
		s.skip()
		s.do(csta.DirectedPickupCall{CallToBePickedUp: new(at(id, s.b)), RequestingDevice: s.c})
		s.hears(s.b, "Diverted null")
		s.state(s.c, csta.Connected)
		s.state(s.a, csta.Connected)
	}},
	{"GroupPickupCall", "GroupPickupCall", func(s *stage) {
		s.refuses(csta.GroupPickupCall{NewDestination: s.c}, csta.ErrStateIncompatible)
		s.rings(s.a, s.b)
		s.do(csta.GroupPickupCall{NewDestination: s.c})
		s.state(s.c, csta.Connected)
		s.state(s.b, csta.Null)
	}},
	{"ParkCall", "ParkCall", func(s *stage) {
		id := s.talks(s.a, s.b)
		s.refuses(csta.ParkCall{Parking: new(at(id, s.b)), ParkTo: s.c}, csta.ErrInvalidDestination)
		r := s.do(csta.ParkCall{Parking: new(at(id, s.b)), ParkTo: s.Slot}).(csta.ParkCallResponse)
		s.state(s.b, csta.Null)
		s.state(s.a, csta.Connected)
		s.do(csta.DirectedPickupCall{CallToBePickedUp: r.ParkedTo, RequestingDevice: s.c})
		s.state(s.c, csta.Connected)
	}},
	{"GenerateDigits", "GenerateDigits", func(s *stage) {
		id := s.talks(s.a, s.b)
		s.do(csta.GenerateDigits{ConnectionToSendDigits: at(id, s.b), CharactersToSend: "1234#"})
		s.pressed(s.a, "1234#")
		s.refuses(csta.GenerateDigits{ConnectionToSendDigits: at(id, s.b), CharactersToSend: "1\r\n2"}, csta.ErrInvalidParameterValue)
	}},
	{"digits pressed at the phone", "", func(s *stage) {
		s.talks(s.a, s.b)
		if p, ok := s.Hands.(Presser); ok {
			s.hand(p.Press(s.a, "42*"))
		} else {
			s.Skip("the hands cannot press digits")
		}
		s.pressed(s.b, "42*")
		s.state(s.b, csta.Connected)
	}},
	{"SetForwarding", "SetForwarding", func(s *stage) {
		s.do(csta.SetForwarding{Device: s.b, ForwardingType: csta.ForwardImmediate, ActivateForward: true, ForwardDN: s.c})
		s.hears(s.b, "Forwarding")
		s.hand(s.Hands.Dial(s.a, s.b))
		s.state(s.c, csta.Alerting)
		s.state(s.b, csta.Null)
		s.do(csta.SetForwarding{Device: s.b, ForwardingType: csta.ForwardImmediate})
		s.hears(s.b, "Forwarding")
		s.refuses(csta.SetForwarding{Device: s.b, ActivateForward: true, ForwardDN: s.b}, csta.ErrInvalidForwardingDest)
	}},
	{"GetForwarding", "GetForwarding", func(s *stage) {
		s.do(csta.SetForwarding{Device: s.b, ForwardingType: csta.ForwardBusy, ActivateForward: true, ForwardDN: s.c})
		for _, i := range s.do(csta.GetForwarding{Device: s.b}).(csta.GetForwardingResponse).ForwardingList {
			if on := i.ForwardingType == csta.ForwardBusy; i.ForwardStatus != on || on && i.ForwardDN != s.c {
				s.Errorf("%+v", i)
			}
		}
	}},
	{"SetDoNotDisturb", "SetDoNotDisturb", func(s *stage) {
		s.do(csta.SetDoNotDisturb{Device: s.b, DoNotDisturbOn: true})
		s.hears(s.b, "DoNotDisturb")
		s.hand(s.Hands.Dial(s.a, s.b))
		s.until("failed", func() bool { return s.heard("FailedEvent") })
	}},
	{"GetDoNotDisturb", "GetDoNotDisturb", func(s *stage) {
		for _, on := range []bool{true, false} {
			s.do(csta.SetDoNotDisturb{Device: s.b, DoNotDisturbOn: on})
			if got := s.do(csta.GetDoNotDisturb{Device: s.b}).(csta.GetDoNotDisturbResponse).DoNotDisturbOn; got != on {
				s.Errorf("got %v, want %v", got, on)
			}
		}
	}},
	{"SetMessageWaitingIndicator", "SetMessageWaitingIndicator", func(s *stage) {
		s.do(csta.SetMessageWaitingIndicator{Device: s.b, MessageWaitingOn: true})
		s.hears(s.b, "MessageWaiting")
	}},
	{"GetMessageWaitingIndicator", "GetMessageWaitingIndicator", func(s *stage) {
		s.do(csta.SetMessageWaitingIndicator{Device: s.b, MessageWaitingOn: true})
		if !s.do(csta.GetMessageWaitingIndicator{Device: s.b}).(csta.GetMessageWaitingIndicatorResponse).MessageWaitingOn {
			s.Error("it is off")
		}
	}},
	{"SetMicrophoneMute", "SetMicrophoneMute", func(s *stage) {
		s.do(csta.SetMicrophoneMute{Device: s.b, MicrophoneMuteOn: true})
		s.hears(s.b, "MicrophoneMute")
	}},
	{"GetMicrophoneMute", "GetMicrophoneMute", func(s *stage) {
		s.do(csta.SetMicrophoneMute{Device: s.b, MicrophoneMuteOn: true})
		if l := s.do(csta.GetMicrophoneMute{Device: s.b}).(csta.GetMicrophoneMuteResponse).MicrophoneMuteList; len(l) != 1 || !l[0].MicrophoneMuteOn {
			s.Errorf("%+v", l)
		}
	}},
	{"SnapshotDevice", "SnapshotDevice", func(s *stage) {
		id := s.talks(s.a, s.b)
		l := s.do(csta.SnapshotDevice{SnapshotObject: s.b}).(csta.SnapshotDeviceResponse).CrossRefIDorSnapshotData.SnapshotData
		if l == nil || len(l.SnapshotDeviceResponseInfo) != 1 || l.SnapshotDeviceResponseInfo[0].ConnectionIdentifier != at(id, s.b) {
			s.Errorf("%+v", l)
		}
	}},
	{"SnapshotCall", "SnapshotCall", func(s *stage) {
		id := s.talks(s.a, s.b)
		l := s.do(csta.SnapshotCall{SnapshotObject: at(id, s.b)}).(csta.SnapshotCallResponse).CrossRefIDorSnapshotData.SnapshotData
		if l == nil || len(l.SnapshotCallResponseInfo) != 2 {
			s.Errorf("%+v", l)
		}
		s.refuses(csta.SnapshotCall{SnapshotObject: at("no-such-call", s.b)}, csta.ErrInvalidCallID)
	}},
	{"GetLogicalDeviceInformation", "GetLogicalDeviceInformation", func(s *stage) {
		if c := s.do(csta.GetLogicalDeviceInformation{Device: s.b}).(csta.GetLogicalDeviceInformationResponse).DeviceCategory; c != csta.DeviceCategoryStation {
			s.Errorf("the category is %s", c)
		}
		s.refuses(csta.GetLogicalDeviceInformation{Device: "tel:+1999"}, csta.ErrInvalidDeviceID)
	}},
	{"the link is lost, and comes back", "", func(s *stage) {
		s.talks(s.a, s.b)
		s.Hands.CutLink()
		if err := <-s.ended; err == nil {
			s.Error("Run says nothing of the lost link")
		}
		s.hand(s.Hands.HangUp(s.b))
		s.hand(s.Hands.Dial(s.c, s.d))
		s.Hands.RestoreLink()
		s.run()
		s.until("connected again", func() bool { return s.synced > 1 })
		s.hears(s.d, "Delivered alerting")
		s.state(s.a, csta.Null)
		s.state(s.b, csta.Null)
		s.hand(s.Hands.Answer(s.d))
		s.state(s.d, csta.Connected)
	}},
}

func makeCall(from, to csta.DeviceID) csta.MakeCall {
	return csta.MakeCall{CallingDevice: from, CalledDirectoryNumber: to, AutoOriginate: csta.AutoOriginateDoNotPrompt}
}

// consults has b talk to c, with a on hold.
func (s *stage) consults() (held, active csta.ConnectionID) {
	s.Helper()
	first := s.talks(s.a, s.b)
	r := s.do(csta.ConsultationCall{ExistingCall: at(first, s.b), ConsultedDevice: s.c}).(csta.ConsultationCallResponse)
	s.state(s.c, csta.Alerting)
	s.hand(s.Hands.Answer(s.c))
	s.state(s.c, csta.Connected)
	s.skip()
	return at(first, s.b), r.InitiatedCall
}

// heard says whether an event was told to anybody; the stage is locked.
func (s *stage) heard(name string) bool {
	for _, t := range s.told {
		if t.Event.Element() == name {
			return true
		}
	}
	return false
}

// marked checks that the last event of that name carries the mark of the last request.
func (s *stage) marked(name string) {
	s.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.told) - 1; i >= 0; i-- {
		if t := s.told[i]; t.Event.Element() == name {
			if t.Op != s.lastOp {
				s.Errorf("%s carries the mark %d, the request had %d", name, t.Op, s.lastOp)
			}
			return
		}
	}
	s.Errorf("no %s was told", name)
}
