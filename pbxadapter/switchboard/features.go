package switchboard

import "farhook/csta"

// list gives the list that a pointer holds, and makes it where there is none.
func list[L any](p **L) *L {
	if *p == nil {
		*p = new(L)
	}
	return *p
}

type (
	supportedServices = csta.GetCSTAFeaturesResponseSupportedServices
	supportedEvents   = csta.GetCSTAFeaturesResponseSupportedEvents
)

// serviceFeatures is where each service stands in GetCSTAFeaturesResponse: its presence is the statement (ECMA-269, 13.1.1).
var serviceFeatures = map[csta.Service]func(*supportedServices){
	"GetCSTAFeatures": func(s *supportedServices) { list(&s.CapExchangeServList).GetCSTAFeatures = &csta.GetCSTAFeaturesCaps{} },
	"GetLogicalDeviceInformation": func(s *supportedServices) {
		list(&s.CapExchangeServList).GetLogicalDeviceInformation = &csta.GetLogicalDeviceInformationCaps{}
	},
	"SnapshotCall":   func(s *supportedServices) { list(&s.SnapshotServList).SnapshotCall = &csta.SnapshotCallCaps{} },
	"SnapshotDevice": func(s *supportedServices) { list(&s.SnapshotServList).SnapshotDevice = &csta.SnapshotDeviceCaps{} },

	"AlternateCall":   func(s *supportedServices) { list(&s.CallControlServList).AlternateCall = &csta.AlternateCallCaps{} },
	"AnswerCall":      func(s *supportedServices) { list(&s.CallControlServList).AnswerCall = &csta.AnswerCallCaps{} },
	"ClearCall":       func(s *supportedServices) { list(&s.CallControlServList).ClearCall = &csta.ClearCallCaps{} },
	"ClearConnection": func(s *supportedServices) { list(&s.CallControlServList).ClearConnection = &csta.ClearConnectionCaps{} },
	"ConferenceCall":  func(s *supportedServices) { list(&s.CallControlServList).ConferenceCall = &csta.ConferenceCallCaps{} },
	"ConsultationCall": func(s *supportedServices) {
		list(&s.CallControlServList).ConsultationCall = &csta.ConsultationCallCaps{}
	},
	"DeflectCall": func(s *supportedServices) { list(&s.CallControlServList).DeflectCall = &csta.DeflectCallCaps{} },
	"DirectedPickupCall": func(s *supportedServices) {
		list(&s.CallControlServList).DirectedPickupCall = &csta.DirectedPickupCallCaps{}
	},
	"GroupPickupCall": func(s *supportedServices) { list(&s.CallControlServList).GroupPickupCall = &csta.GroupPickupCallCaps{} },
	"HoldCall":        func(s *supportedServices) { list(&s.CallControlServList).HoldCall = &csta.HoldCallCaps{} },
	"MakeCall":        func(s *supportedServices) { list(&s.CallControlServList).MakeCall = &csta.MakeCallCaps{} },
	"ParkCall":        func(s *supportedServices) { list(&s.CallControlServList).ParkCall = &csta.ParkCallCaps{} },
	"ReconnectCall":   func(s *supportedServices) { list(&s.CallControlServList).ReconnectCall = &csta.ReconnectCallCaps{} },
	"RetrieveCall":    func(s *supportedServices) { list(&s.CallControlServList).RetrieveCall = &csta.RetrieveCallCaps{} },
	"SingleStepConferenceCall": func(s *supportedServices) {
		list(&s.CallControlServList).SingleStepConference = &csta.SingleStepConferenceCaps{}
	},
	"SingleStepTransferCall": func(s *supportedServices) {
		list(&s.CallControlServList).SingleStepTransfer = &csta.SingleStepTransferCaps{}
	},
	"TransferCall": func(s *supportedServices) { list(&s.CallControlServList).TransferCall = &csta.TransferCallCaps{} },

	"GenerateDigits": func(s *supportedServices) {
		list(&s.CallAssociatedServList).GenerateDigits = &csta.GenerateDigitsCaps{}
	},

	"GetMessageWaitingIndicator": func(s *supportedServices) {
		list(&s.PhysDevServList).GetMessageWaitingIndicator = &csta.GetMessageWaitingIndicatorCaps{}
	},
	"SetMessageWaitingIndicator": func(s *supportedServices) {
		list(&s.PhysDevServList).SetMessageWaitingIndicator = &csta.SetMessageWaitingIndicatorCaps{}
	},
	"GetMicrophoneMute": func(s *supportedServices) { list(&s.PhysDevServList).GetMicrophoneMute = &csta.GetMicrophoneMuteCaps{} },
	"SetMicrophoneMute": func(s *supportedServices) { list(&s.PhysDevServList).SetMicrophoneMute = &csta.SetMicrophoneMuteCaps{} },

	"GetDoNotDisturb": func(s *supportedServices) { list(&s.LogicalServList).GetDoNotDisturb = &csta.GetDoNotDisturbCaps{} },
	"GetForwarding":   func(s *supportedServices) { list(&s.LogicalServList).GetForwarding = &csta.GetForwardingCaps{} },
	"SetDoNotDisturb": func(s *supportedServices) { list(&s.LogicalServList).SetDoNotDisturb = &csta.SetDoNotDisturbCaps{} },
	"SetForwarding":   func(s *supportedServices) { list(&s.LogicalServList).SetForwarding = &csta.SetForwardingCaps{} },
}

// features is what one device can do, and what its monitors may hear: the device's offers, and what sessions answer themselves.
func features(d *device) csta.GetCSTAFeaturesResponse {
	s := &supportedServices{
		SystemStatServList: &csta.SystemStatusServList{RequestSystemStatus: &csta.RequestSystemStatusCaps{}, SystemStatus: &csta.SystemStatusCaps{}},
		MonitoringServList: &csta.MonitoringServList{
			ChangeMonitorFilter: &csta.ChangeMonitorFilterCaps{}, MonitorStart: &csta.MonitorStartCaps{}, MonitorStop: &csta.MonitorStopCaps{},
		},
	}
	for service, enter := range serviceFeatures {
		if d.lacks(service) == "" {
			enter(s)
		}
	}
	e := &supportedEvents{
		CallControlEvtsList: &csta.CallControlEvtsList{
			CallCleared: &csta.CallClearedCaps{}, Conferenced: &csta.ConferencedCaps{}, ConnectionCleared: &csta.ConnectionClearedCaps{},
			Delivered: &csta.DeliveredCaps{}, Diverted: &csta.DivertedCaps{}, Established: &csta.EstablishedCaps{}, Failed: &csta.FailedCaps{},
			Held: &csta.HeldCaps{}, NetwReached: &csta.NetwReachedCaps{}, Offered: &csta.OfferedCaps{}, Originated: &csta.OriginatedCaps{},
			Queued: &csta.QueuedCaps{}, Retrieved: &csta.RetrievedCaps{}, ServiceInitiated: &csta.ServiceInitiatedCaps{},
			Transferred: &csta.TransferredCaps{},
		},
		DeviceMaintEvtsList: &csta.DeviceMaintEvtsList{BackInService: &csta.BackInServiceCaps{}, OutOfService: &csta.OutOfServiceCaps{}},
	}
	if l := s.LogicalServList; l != nil {
		e.LogicalEvtsList = &csta.LogicalEvtsList{DoNotDisturb: &csta.DoNotDisturbCaps{}, Forwarding: &csta.ForwardingCaps{}}
	}
	if p := s.PhysDevServList; p != nil {
		e.PhysDevEvtsList = &csta.PhysDevEvtsList{MessageWaiting: &csta.MessageWaitingCaps{}, MicrophoneMute: &csta.MicrophoneMuteCaps{}}
	}
	return csta.GetCSTAFeaturesResponse{SupportedServices: s, SupportedEvents: e}
}
