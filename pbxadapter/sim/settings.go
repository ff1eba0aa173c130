package sim

import (
	"context"
	"fmt"
	"strconv"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// The services on a phone itself.

// forwardings are the types that phones have, in the order in which they are listed.
var forwardings = [...]csta.ForwardingType{csta.ForwardImmediate, csta.ForwardBusy, csta.ForwardNoAns}

func (p *PBX) getForwarding(ctx context.Context, r csta.GetForwarding) (csta.GetForwardingResponse, error) {
	return serve(p, ctx, func() (csta.GetForwardingResponse, error) {
		if err := p.ours(r.Device); err != nil {
			return csta.GetForwardingResponse{}, err
		}
		list := []csta.ForwardListItem{}
		for _, t := range forwardings {
			f, _ := feature(p, r.Device, func(f callmodel.Forwarding) bool { return f.Type == t })
			item := csta.ForwardListItem{ForwardingType: t, ForwardStatus: f.On, ForwardDN: f.To}
			if f.Rings > 0 {
				item.RingCount = new(f.Rings)
			}
			list = append(list, item)
		}
		return csta.GetForwardingResponse{ForwardingList: list}, nil
	})
}

// ours checks that a device is one of our phones, registered or not.
func (p *PBX) ours(d csta.DeviceID) error {
	if p.ext(d) == 0 {
		return csta.ErrInvalidDeviceID.With(fmt.Errorf("sim: %s is no phone", d))
	}
	return nil
}

func (p *PBX) setForwarding(ctx context.Context, r csta.SetForwarding) (csta.SetForwardingResponse, error) {
	return serve(p, ctx, func() (csta.SetForwardingResponse, error) {
		if err := p.ours(r.Device); err != nil {
			return csta.SetForwardingResponse{}, err
		}
		t := r.ForwardingType
		if t == "" {
			t = csta.ForwardImmediate
		}
		rings := 0
		if r.RingCount != nil {
			if rings = *r.RingCount; rings < 1 || rings > 100 {
				return csta.SetForwardingResponse{}, csta.ErrValueOutOfRange.With("ringCount: want 1 to 100")
			}
		}
		return csta.SetForwardingResponse{}, p.setForward(r.Device, t, r.ActivateForward, r.ForwardDN, rings)
	})
}

// setForward switches one type of forwarding. A destination once given is kept while it is off.
func (p *PBX) setForward(d csta.DeviceID, t csta.ForwardingType, on bool, to csta.DeviceID, rings int) error {
	known := false
	for _, k := range forwardings {
		known = known || k == t
	}
	if !known {
		return csta.ErrInvalidForwardingType.With(fmt.Errorf("sim: phones do not have %s", t))
	}
	same := func(f callmodel.Forwarding) bool { return f.Type == t }
	f, _ := feature(p, d, same)
	f.Type, f.On = t, on
	if to != "" {
		if err := dialable(to, csta.ErrInvalidForwardingDest); err != nil {
			return err
		}
		f.To = to
	}
	if rings > 0 {
		f.Rings = rings
	}
	if on && (f.To == "" || f.To == d) {
		return csta.ErrInvalidForwardingDest.With("sim: forwardDN must be given where none was set before, and be another number than the phone's own")
	}
	set(p, d, f, same)
	return nil
}

func (p *PBX) getDoNotDisturb(ctx context.Context, r csta.GetDoNotDisturb) (csta.GetDoNotDisturbResponse, error) {
	return serve(p, ctx, func() (csta.GetDoNotDisturbResponse, error) {
		return csta.GetDoNotDisturbResponse{DoNotDisturbOn: p.doNotDisturb(r.Device)}, p.ours(r.Device)
	})
}

func (p *PBX) setDoNotDisturb(ctx context.Context, r csta.SetDoNotDisturb) (csta.SetDoNotDisturbResponse, error) {
	return serve(p, ctx, func() (csta.SetDoNotDisturbResponse, error) {
		if err := p.ours(r.Device); err != nil {
			return csta.SetDoNotDisturbResponse{}, err
		}
		if r.CallOrigination != nil || r.CallingDeviceList != nil {
			return csta.SetDoNotDisturbResponse{}, csta.ErrInvalidParameterValue.With("sim: do not disturb is for all callers: leave callOrigination and callingDeviceList out")
		}
		set(p, r.Device, callmodel.DoNotDisturb{On: r.DoNotDisturbOn}, func(callmodel.DoNotDisturb) bool { return true })
		return csta.SetDoNotDisturbResponse{}, nil
	})
}

func (p *PBX) getMessageWaitingIndicator(ctx context.Context, r csta.GetMessageWaitingIndicator) (csta.GetMessageWaitingIndicatorResponse, error) {
	return serve(p, ctx, func() (csta.GetMessageWaitingIndicatorResponse, error) {
		f, _ := feature(p, r.Device, func(callmodel.MessageWaiting) bool { return true })
		return csta.GetMessageWaitingIndicatorResponse{MessageWaitingOn: f.On}, p.ours(r.Device)
	})
}

func (p *PBX) setMessageWaitingIndicator(ctx context.Context, r csta.SetMessageWaitingIndicator) (csta.SetMessageWaitingIndicatorResponse, error) {
	return serve(p, ctx, func() (csta.SetMessageWaitingIndicatorResponse, error) {
		if err := p.ours(r.Device); err != nil {
			return csta.SetMessageWaitingIndicatorResponse{}, err
		}
		set(p, r.Device, callmodel.MessageWaiting{On: r.MessageWaitingOn}, func(callmodel.MessageWaiting) bool { return true })
		return csta.SetMessageWaitingIndicatorResponse{}, nil
	})
}

func (p *PBX) getMicrophoneMute(ctx context.Context, r csta.GetMicrophoneMute) (csta.GetMicrophoneMuteResponse, error) {
	return serve(p, ctx, func() (csta.GetMicrophoneMuteResponse, error) {
		f, _ := feature(p, r.Device, func(f callmodel.MicrophoneMute) bool { return f.Apparatus == "" })
		return csta.GetMicrophoneMuteResponse{MicrophoneMuteList: []csta.MicrophoneMuteItem{{MicrophoneMuteOn: f.On}}}, p.ours(r.Device)
	})
}

func (p *PBX) setMicrophoneMute(ctx context.Context, r csta.SetMicrophoneMute) (csta.SetMicrophoneMuteResponse, error) {
	return serve(p, ctx, func() (csta.SetMicrophoneMuteResponse, error) {
		if err := p.ours(r.Device); err != nil {
			return csta.SetMicrophoneMuteResponse{}, err
		}
		if r.AuditoryApparatus != "" {
			return csta.SetMicrophoneMuteResponse{}, csta.ErrInvalidParameterValue.With("sim: the phones have one auditory apparatus: leave auditoryApparatus out")
		}
		set(p, r.Device, callmodel.MicrophoneMute{On: r.MicrophoneMuteOn}, func(f callmodel.MicrophoneMute) bool { return f.Apparatus == "" })
		return csta.SetMicrophoneMuteResponse{}, nil
	})
}

func (p *PBX) snapshotDevice(ctx context.Context, r csta.SnapshotDevice) (csta.SnapshotDeviceResponse, error) {
	return serve(p, ctx, func() (csta.SnapshotDeviceResponse, error) {
		list := &csta.SnapshotDeviceDataList{}
		for _, c := range p.at[r.SnapshotObject] {
			own := c.leg(r.SnapshotObject)
			states := []csta.State{own.state}
			info := csta.SnapshotDeviceResponseInfo{ConnectionIdentifier: own.id()}
			for _, o := range c.others(r.SnapshotObject) {
				states = append(states, o.state)
				if info.EndpointDevice == nil {
					info.EndpointDevice = new(o.party.Subject())
				}
			}
			info.LocalCallState.CompoundCallState = &csta.CompoundCallState{LocalConnectionState: states}
			list.SnapshotDeviceResponseInfo = append(list.SnapshotDeviceResponseInfo, info)
		}
		return csta.SnapshotDeviceResponse{CrossRefIDorSnapshotData: csta.SnapshotDeviceResponseCrossRefIDorSnapshotData{SnapshotData: list}}, nil
	})
}

func (p *PBX) snapshotCall(ctx context.Context, r csta.SnapshotCall) (csta.SnapshotCallResponse, error) {
	return serve(p, ctx, func() (csta.SnapshotCallResponse, error) {
		c := p.calls[r.SnapshotObject.Call]
		if c == nil {
			return csta.SnapshotCallResponse{}, csta.ErrInvalidCallID.With(fmt.Errorf("sim: there is no call %q", r.SnapshotObject.Call))
		}
		list := &csta.SnapshotCallDataList{}
		for _, l := range c.legs {
			list.SnapshotCallResponseInfo = append(list.SnapshotCallResponseInfo, csta.SnapshotCallResponseInfo{
				DeviceOnCall: l.party.Subject(), CallIdentifier: new(l.id()), LocalConnectionInfo: l.state,
			})
		}
		return csta.SnapshotCallResponse{CrossRefIDorSnapshotData: csta.SnapshotCallResponseCrossRefIDorSnapshotData{SnapshotData: list}}, nil
	})
}

func (p *PBX) getLogicalDeviceInformation(ctx context.Context, r csta.GetLogicalDeviceInformation) (csta.GetLogicalDeviceInformationResponse, error) {
	return serve(p, ctx, func() (csta.GetLogicalDeviceInformationResponse, error) {
		res := csta.GetLogicalDeviceInformationResponse{
			DeviceCategory: csta.DeviceCategoryStation, HasPhysicalElement: true, AppearanceType: csta.AppearanceTypeSelectedStandard,
			AcdModels: &csta.ACDModels{}, MaxActiveCalls: new(maxCalls), MaxHeldCalls: new(maxCalls),
			MaxFwdSettings: new(len(forwardings)), MaxDevicesInConf: new(16),
		}
		switch ext := p.ext(r.Device); {
		case ext != 0:
			res.NamedDeviceTypes, res.ShortFormDeviceID = csta.NamedDeviceTypesStation, csta.DeviceID(strconv.Itoa(ext))
		case r.Device == p.group:
			res.DeviceCategory, res.NamedDeviceTypes, res.HasPhysicalElement = csta.DeviceCategoryGroup, csta.NamedDeviceTypesStationGroup, false
			res.GroupDeviceAttributes = &csta.GroupDeviceAttributes{Hunt: new(true)}
		case p.slot(r.Device):
			res.DeviceCategory, res.NamedDeviceTypes, res.HasPhysicalElement = csta.DeviceCategoryPark, csta.NamedDeviceTypesParkingDevice, false
		default:
			return res, csta.ErrInvalidDeviceID.With(fmt.Errorf("sim: there is no device %q", r.Device))
		}
		return res, nil
	})
}
