package switchboard

import (
	"fmt"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// answer carries out the services that need no PBX: everything they say is in memory.
func (b *Board) answer(who Principal, r csta.Request, t *target) (csta.Response, error) {
	switch r := r.(type) {
	case csta.GetCSTAFeatures:
		d := t.index.byID[who.Line]
		if d == nil {
			return nil, csta.ErrInvalidDeviceID.With("the session has no line")
		}
		return features(d), nil
	case csta.SnapshotDevice:
		return b.snapshotDevice(r), nil
	case csta.SnapshotCall:
		return b.snapshotCall(who, r)
	}
	return nil, fmt.Errorf("switchboard: %s has no answer", r.Service())
}

// snapshotDevice lists the calls of a device (ECMA-269, 16.1.2): the device's own state first, then those of the others.
func (b *Board) snapshotDevice(r csta.SnapshotDevice) csta.SnapshotDeviceResponse {
	d := r.SnapshotObject
	list := &csta.SnapshotDeviceDataList{}
	dev := b.index.Load().byID[d]
	dev.link.mu.Lock()
	calls := dev.link.model.At(d)
	dev.link.mu.Unlock()
	for _, c := range calls {
		info := csta.SnapshotDeviceResponseInfo{ConnectionIdentifier: csta.ConnectionID{Call: c.ID, Device: d}}
		states := &csta.CompoundCallState{}
		for _, l := range c.Legs {
			if l.Device == d {
				states.LocalConnectionState = append([]csta.State{l.State}, states.LocalConnectionState...)
				continue
			}
			states.LocalConnectionState = append(states.LocalConnectionState, l.State)
			if info.EndpointDevice == nil {
				info.EndpointDevice = new(l.Shown())
			}
		}
		info.LocalCallState.CompoundCallState = states
		list.SnapshotDeviceResponseInfo = append(list.SnapshotDeviceResponseInfo, info)
	}
	return csta.SnapshotDeviceResponse{CrossRefIDorSnapshotData: csta.SnapshotDeviceResponseCrossRefIDorSnapshotData{SnapshotData: list}}
}

// snapshotCall lists the connections of a call (ECMA-269, 16.1.1).
func (b *Board) snapshotCall(who Principal, r csta.SnapshotCall) (csta.Response, error) {
	_, c, ok := b.call(r.SnapshotObject.Call)
	if !ok {
		return nil, csta.ErrInvalidCallID
	}
	if !b.mayObserve(who, c) {
		return nil, csta.ErrPrivilege.With(fmt.Errorf("%s may not observe a device of the call %q", who.User, c.ID))
	}
	list := &csta.SnapshotCallDataList{}
	for _, l := range c.Legs {
		list.SnapshotCallResponseInfo = append(list.SnapshotCallResponseInfo, csta.SnapshotCallResponseInfo{
			DeviceOnCall: l.Shown(), CallIdentifier: &csta.ConnectionID{Call: c.ID, Device: l.Device}, LocalConnectionInfo: l.State,
		})
	}
	res := csta.SnapshotCallResponse{CrossRefIDorSnapshotData: csta.SnapshotCallResponseCrossRefIDorSnapshotData{SnapshotData: list}}
	if c.Calling.Shown != callmodel.Absent {
		res.CallingDevice = new(c.Calling.Subject())
	}
	if c.Called.Shown != callmodel.Absent {
		res.CalledDevice = new(c.Called.Subject())
	}
	return res, nil
}
