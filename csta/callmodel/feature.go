package callmodel

import (
	"slices"

	"farhook/csta"
)

// featureSet tells a feature that really changed.
func (m *Model) featureSet(f FeatureSet) []Told {
	if f.Feature == nil || f.Device == "" {
		m.odd++
		return nil
	}
	list := m.features[f.Device]
	i := slices.IndexFunc(list, func(o Feature) bool { return sameKind(o, f.Feature) })
	if i >= 0 && list[i] == f.Feature || i < 0 && isDefault(f.Feature) {
		return nil
	}
	m.features[f.Device] = withFeature(list, f.Feature)
	return []Told{{Event: featureEvent(f.Device, f.Feature), Feature: f.Feature, Audience: []Seat{{Device: f.Device}}, Op: f.Op, At: f.At}}
}

// withFeature is a new list in which f stands in the place of what it sets anew.
func withFeature(list []Feature, f Feature) []Feature {
	list = slices.Clone(list)
	if i := slices.IndexFunc(list, func(o Feature) bool { return sameKind(o, f) }); i >= 0 {
		list[i] = f
		return list
	}
	return append(list, f)
}

// sameKind says whether two features are settings of the same thing.
func sameKind(a, b Feature) bool {
	switch a := a.(type) {
	case DoNotDisturb:
		_, ok := b.(DoNotDisturb)
		return ok
	case Forwarding:
		b, ok := b.(Forwarding)
		return ok && a.Type == b.Type
	case MessageWaiting:
		_, ok := b.(MessageWaiting)
		return ok
	case MicrophoneMute:
		b, ok := b.(MicrophoneMute)
		return ok && a.Apparatus == b.Apparatus
	}
	return false
}

// isDefault says whether a feature is as it is where nobody ever set it.
func isDefault(f Feature) bool {
	switch f := f.(type) {
	case DoNotDisturb:
		return !f.On
	case Forwarding:
		return f == Forwarding{Type: f.Type}
	case MessageWaiting:
		return !f.On
	case MicrophoneMute:
		return !f.On
	}
	return false
}

// off is a feature as nobody ever set it.
func off(f Feature) Feature {
	switch f := f.(type) {
	case Forwarding:
		return Forwarding{Type: f.Type}
	case MessageWaiting:
		return MessageWaiting{}
	case MicrophoneMute:
		return MicrophoneMute{Apparatus: f.Apparatus}
	}
	return DoNotDisturb{}
}

// featureEvent is how a feature is told (ECMA-269, 22.2 and 21.2).
func featureEvent(d csta.DeviceID, f Feature) csta.Event {
	device := csta.SubjectDeviceID{DeviceIdentifier: d}
	switch f := f.(type) {
	case Forwarding:
		e := csta.ForwardingEvent{Device: device, ForwardingType: f.Type, ForwardStatus: f.On}
		if f.On {
			e.ForwardTo = f.To
			if f.Rings > 0 {
				e.RingCount = new(f.Rings)
			}
		}
		return e
	case MessageWaiting:
		return csta.MessageWaitingEvent{TargetDevice: device, MessageWaitingOn: f.On}
	case MicrophoneMute:
		return csta.MicrophoneMuteEvent{InvokingDevice: &device, AuditoryApparatus: f.Apparatus, MicrophoneMuteOn: f.On}
	case DoNotDisturb:
		return csta.DoNotDisturbEvent{Device: device, DoNotDisturbOn: f.On}
	}
	return nil
}

// service tells a device that went out of or came back into service.
func (m *Model) service(f Service) []Told {
	if _, isOut := m.out[f.Device]; isOut != f.In || f.Device == "" {
		return nil
	}
	device := csta.SubjectDeviceID{DeviceIdentifier: f.Device}
	t := Told{Audience: []Seat{{Device: f.Device}}, Op: f.Op, At: f.At}
	if f.In {
		delete(m.out, f.Device)
		t.Event = csta.BackInServiceEvent{Device: device, Cause: f.Cause}
	} else {
		m.out[f.Device] = f.Cause
		t.Event = csta.OutOfServiceEvent{Device: device, Cause: f.Cause}
	}
	return []Told{t}
}
