package csta

// What each service takes of the devices it names. A request without a method here takes control of every device and
// connection that is a member of it (generated): the safe answer for what nobody has thought about.

// Needs of MakeCall: control of the calling phone, and the right to ring the called one.
func (m MakeCall) Needs() []Need {
	return []Need{{"callingDevice", m.CallingDevice, Control}, {"calledDirectoryNumber", m.CalledDirectoryNumber, Call}}
}

// Needs of ConsultationCall: control of the holder, and the right to ring the consulted one.
func (m ConsultationCall) Needs() []Need {
	return []Need{{"existingCall", m.ExistingCall.Device, Control}, {"consultedDevice", m.ConsultedDevice, Call}}
}

// Needs of DeflectCall: control of the diverting phone, and the right to ring the destination.
func (m DeflectCall) Needs() []Need {
	return []Need{{"callToBeDiverted", m.CallToBeDiverted.Device, Control}, {"newDestination", m.NewDestination, Call}}
}

// Needs of SingleStepTransferCall: control of the transferring phone, and the right to ring the destination.
func (m SingleStepTransferCall) Needs() []Need {
	return []Need{{"activeCall", m.ActiveCall.Device, Control}, {"transferredTo", m.TransferredTo, Call}}
}

// Needs of SingleStepConferenceCall: control of the conferencing phone, and the right to ring who is to join.
func (m SingleStepConferenceCall) Needs() []Need {
	return []Need{{"activeCall", m.ActiveCall.Device, Control}, {"deviceToJoin", m.DeviceToJoin, Call}}
}

// Needs of DirectedPickupCall: control of the phone that takes the call, pickup of the one that rings.
func (m DirectedPickupCall) Needs() []Need {
	n := []Need{{"requestingDevice", m.RequestingDevice, Control}}
	if m.CallToBePickedUp != nil {
		n = append(n, Need{"callToBePickedUp", m.CallToBePickedUp.Device, Pickup})
	}
	return n
}

// Needs of ParkCall: control of the parking phone, and the right to ring where it is parked.
func (m ParkCall) Needs() []Need {
	var n []Need
	if m.Parking != nil {
		n = append(n, Need{"parking", m.Parking.Device, Control})
	}
	return append(n, Need{"parkTo", m.ParkTo, Call})
}

// Needs of SetForwarding: control of the phone, and the right to ring the destination.
func (m SetForwarding) Needs() []Need {
	n := []Need{{"device", m.Device, Control}}
	if m.ForwardDN != "" {
		n = append(n, Need{"forwardDN", m.ForwardDN, Call})
	}
	return n
}

// Needs of MonitorStart: to look at the object.
func (m MonitorStart) Needs() []Need {
	if c := m.MonitorObject.CallObject; c != nil {
		return []Need{{"callObject", c.Device, Observe}}
	}
	return []Need{{"deviceObject", m.MonitorObject.DeviceObject, Observe}}
}

// Needs of SnapshotDevice: to look at it.
func (m SnapshotDevice) Needs() []Need { return observe("snapshotObject", m.SnapshotObject) }

// Needs of SnapshotCall: to look at the device it names.
func (m SnapshotCall) Needs() []Need { return observe("snapshotObject", m.SnapshotObject.Device) }

// Needs of GetForwarding: to look at the device.
func (m GetForwarding) Needs() []Need { return observe("device", m.Device) }

// Needs of GetDoNotDisturb: to look at the device.
func (m GetDoNotDisturb) Needs() []Need { return observe("device", m.Device) }

// Needs of GetMessageWaitingIndicator: to look at the device.
func (m GetMessageWaitingIndicator) Needs() []Need { return observe("device", m.Device) }

// Needs of GetMicrophoneMute: to look at the device.
func (m GetMicrophoneMute) Needs() []Need { return observe("device", m.Device) }

// Needs of GetLogicalDeviceInformation: to look at the device.
func (m GetLogicalDeviceInformation) Needs() []Need { return observe("device", m.Device) }

func observe(member string, d DeviceID) []Need { return []Need{{member, d, Observe}} }
