package uacsta

import "farhook/csta"

// suppressed says whether a filter keeps an event back: an element that is true suppresses (ECMA-269, 12.2.23). nil: nothing.
func suppressed(f *csta.MonitorFilter, e csta.Event) bool {
	if f == nil {
		return false
	}
	p := filterOf(f, e)
	return p != nil && *p
}

// filterOf finds the element of a filter that is about an event.
func filterOf(f *csta.MonitorFilter, e csta.Event) *bool {
	if c := f.Callcontrol; c != nil {
		switch e.(type) {
		case csta.CallClearedEvent:
			return c.CallCleared
		case csta.ConferencedEvent:
			return c.Conferenced
		case csta.ConnectionClearedEvent:
			return c.ConnectionCleared
		case csta.DeliveredEvent:
			return c.Delivered
		case csta.DivertedEvent:
			return c.Diverted
		case csta.EstablishedEvent:
			return c.Established
		case csta.FailedEvent:
			return c.Failed
		case csta.HeldEvent:
			return c.Held
		case csta.NetworkReachedEvent:
			return c.NetworkReached
		case csta.OfferedEvent:
			return c.Offered
		case csta.OriginatedEvent:
			return c.Originated
		case csta.QueuedEvent:
			return c.Queued
		case csta.RetrievedEvent:
			return c.Retrieved
		case csta.ServiceInitiatedEvent:
			return c.ServiceInitiated
		case csta.TransferedEvent:
			return c.Transferred
		}
	}
	if c := f.CallAssociated; c != nil {
		switch e.(type) {
		case csta.CallInformationEvent:
			return c.CallInformation
		case csta.DigitsGeneratedEvent:
			return c.DigitsGenerated
		}
	}
	if p := f.PhysicalDeviceFeature; p != nil {
		switch e.(type) {
		case csta.MessageWaitingEvent:
			return p.MessageWaiting
		case csta.MicrophoneMuteEvent:
			return p.MicrophoneMute
		}
	}
	if l := f.LogicalDeviceFeature; l != nil {
		switch e.(type) {
		case csta.DoNotDisturbEvent:
			return l.DoNotDisturb
		case csta.ForwardingEvent:
			return l.Forwarding
		}
	}
	if m := f.Maintenance; m != nil {
		switch e.(type) {
		case csta.BackInServiceEvent:
			return m.BackInService
		case csta.OutOfServiceEvent:
			return m.OutOfService
		}
	}
	return nil
}
