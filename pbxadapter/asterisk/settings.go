package asterisk

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/ami"
)

// The services on a phone itself. The dialplan keeps forwarding and do not disturb in the AstDB, which raises no event; a custom device state
// does, where the dialplan has one.

// ours finds one of our phones, registered or not, and the link.
func (a *Adapter) ours(d csta.DeviceID) (*phoneEntry, *ami.Conn, error) {
	conn, err := a.connection()
	if err != nil {
		return nil, nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.t.book.phones[d]
	if p == nil {
		return nil, nil, csta.ErrInvalidDeviceID.With(fmt.Errorf("asterisk: there is no phone %q", d))
	}
	return p, conn, nil
}

func (a *Adapter) getForwarding(ctx context.Context, r csta.GetForwarding) (csta.GetForwardingResponse, error) {
	list := []csta.ForwardListItem{}
	p, conn, err := a.ours(r.Device)
	if err != nil {
		return csta.GetForwardingResponse{}, err
	}
	for _, f := range presets[a.conf.Dialplan].forwards {
		to, err := a.stored(ctx, conn, f.family, p.number)
		if err != nil {
			return csta.GetForwardingResponse{}, a.fault(ctx, err)
		}
		a.mu.Lock()
		item := csta.ForwardListItem{ForwardingType: f.kind, ForwardStatus: to != "", ForwardDN: a.t.book.dialled(to)}
		if to == "" {
			item.ForwardDN = a.t.forwarding(r.Device, f.kind).To
		}
		a.mu.Unlock()
		list = append(list, item)
	}
	return csta.GetForwardingResponse{ForwardingList: list}, nil
}

func (a *Adapter) setForwarding(ctx context.Context, r csta.SetForwarding) (csta.SetForwardingResponse, error) {
	var none csta.SetForwardingResponse
	p, conn, err := a.ours(r.Device)
	if err != nil {
		return none, err
	}
	kind := r.ForwardingType
	if kind == "" {
		kind = csta.ForwardImmediate
	}
	f, ok := presets[a.conf.Dialplan].forward(kind)
	if !ok {
		return none, csta.ErrInvalidForwardingType.With(fmt.Errorf("asterisk: the dialplan %s does not keep %s", a.conf.Dialplan, kind))
	}
	if r.RingCount != nil {
		return none, csta.ErrInvalidParameterValue.With("ringCount: how often the phone rings is the dialplan's: leave it out")
	}
	n, err := a.forwardTo(ctx, conn, p, kind, r)
	if err != nil {
		return none, err
	}
	set := callmodel.Forwarding{Type: kind, On: r.ActivateForward}
	a.mu.Lock()
	set.To = a.t.forwarding(r.Device, kind).To
	if n != "" {
		set.To = a.t.book.dialled(n)
	}
	a.mu.Unlock()
	return none, a.set(ctx, conn, p, f, r.ActivateForward, n, set)
}

// forwardTo checks where a phone is to forward to, in its own class of service.
func (a *Adapter) forwardTo(ctx context.Context, conn *ami.Conn, p *phoneEntry, kind csta.ForwardingType, r csta.SetForwarding) (string, error) {
	to := r.ForwardDN
	a.mu.Lock()
	if to == "" && r.ActivateForward {
		to = a.t.forwarding(r.Device, kind).To
	}
	if to == "" && !r.ActivateForward {
		a.mu.Unlock()
		return "", nil
	}
	n, err := a.number(to, csta.ErrInvalidForwardingDest)
	dialplan, unknown := a.dialplan(r.Device)
	a.mu.Unlock()
	switch {
	case to == "" || to == r.Device || n == p.number:
		return "", csta.ErrInvalidForwardingDest.With("forwardDN must be given where none was set before, and be another number than the phone's own")
	case err != nil || !r.ActivateForward:
		return n, err
	case unknown != nil:
		return "", unknown
	}
	is, err := a.extensionExists(ctx, conn, dialplan, n)
	if err == nil && !is {
		return "", csta.ErrInvalidForwardingDest.With(fmt.Errorf("asterisk: %s cannot dial %s: its context %s has no such extension", p.endpoint, n, dialplan))
	}
	return n, a.fault(ctx, err)
}

// set switches a feature on or off, and tells it.
func (a *Adapter) set(ctx context.Context, conn *ami.Conn, p *phoneEntry, f setting, on bool, value string, told callmodel.Feature) error {
	var err error
	if on {
		_, err = conn.Do(ctx, ami.NewAction("DBPut").With("Family", ami.Word, f.family).With("Key", ami.Word, p.number).With("Val", ami.Number, value))
	} else {
		_, err = conn.Do(ctx, ami.NewAction("DBDel").With("Family", ami.Word, f.family).With("Key", ami.Word, p.number))
		if isRefused(err) { // it was off
			_, err = a.stored(ctx, conn, f.family, p.number)
		}
	}
	if err != nil {
		return a.fault(ctx, err)
	}
	a.mu.Lock()
	a.t.until(time.Now())
	a.t.feature(p.device, told, pbxadapter.Op(ctx))
	a.check()
	a.mu.Unlock()
	if f.state == "" {
		return nil
	}
	state := "NOT_INUSE"
	if on {
		state = "BUSY"
	}
	if err := ami.Word.Check(p.number); err != nil {
		return csta.ErrInvalidDeviceID.With(err)
	}
	for _, device := range []string{f.state, f.lamp} {
		if device == "" || err != nil {
			continue
		}
		_, err = conn.Do(ctx, ami.NewAction("Setvar").Fixed("Variable", "DEVICE_STATE(Custom:"+device+p.number+")").Fixed("Value", state))
	}
	return a.fault(ctx, err)
}

func (a *Adapter) getDoNotDisturb(ctx context.Context, r csta.GetDoNotDisturb) (csta.GetDoNotDisturbResponse, error) {
	var none csta.GetDoNotDisturbResponse
	p, conn, err := a.ours(r.Device)
	if err != nil {
		return none, err
	}
	v, err := a.stored(ctx, conn, presets[a.conf.Dialplan].disturb.family, p.number)
	return csta.GetDoNotDisturbResponse{DoNotDisturbOn: v != ""}, a.fault(ctx, err)
}

func (a *Adapter) setDoNotDisturb(ctx context.Context, r csta.SetDoNotDisturb) (csta.SetDoNotDisturbResponse, error) {
	var none csta.SetDoNotDisturbResponse
	if r.CallOrigination != nil || r.CallingDeviceList != nil {
		return none, csta.ErrInvalidParameterValue.With("asterisk: do not disturb is for all callers: leave callOrigination and callingDeviceList out")
	}
	p, conn, err := a.ours(r.Device)
	if err != nil {
		return none, err
	}
	f := presets[a.conf.Dialplan].disturb
	return none, a.set(ctx, conn, p, f, r.DoNotDisturbOn, f.on, callmodel.DoNotDisturb{On: r.DoNotDisturbOn})
}

func (a *Adapter) getMessageWaitingIndicator(ctx context.Context, r csta.GetMessageWaitingIndicator) (csta.GetMessageWaitingIndicatorResponse, error) {
	var none csta.GetMessageWaitingIndicatorResponse
	p, conn, err := a.ours(r.Device)
	if err != nil {
		return none, err
	}
	on, err := a.messageWaits(ctx, conn, p)
	return csta.GetMessageWaitingIndicatorResponse{MessageWaitingOn: on}, a.fault(ctx, err)
}

// messageWaits asks whether somebody has left a message: the module that keeps such for others, or whatever keeps mailboxes.
func (a *Adapter) messageWaits(ctx context.Context, conn *ami.Conn, p *phoneEntry) (bool, error) {
	if !a.may("MWIGet") && a.may("MailboxCount") {
		r, err := conn.Do(ctx, ami.NewAction("MailboxCount").With("Mailbox", ami.Word, p.mailbox))
		return number(r.Get("NewMessages")) > 0, err
	}
	r, err := conn.List(ctx, ami.NewAction("MWIGet").With("Mailbox", ami.Word, p.mailbox))
	if err != nil {
		return false, err
	}
	for _, m := range r.Items {
		if m.Event() == "MWIGet" && m.Get("Mailbox") == p.mailbox {
			return number(m.Get("NewMessages")) > 0, nil
		}
	}
	return false, nil
}

func (a *Adapter) setMessageWaitingIndicator(ctx context.Context, r csta.SetMessageWaitingIndicator) (csta.SetMessageWaitingIndicatorResponse, error) {
	var none csta.SetMessageWaitingIndicatorResponse
	p, conn, err := a.ours(r.Device)
	if err != nil {
		return none, err
	}
	action := ami.NewAction("MWIDelete").With("Mailbox", ami.Word, p.mailbox)
	if r.MessageWaitingOn {
		action = ami.NewAction("MWIUpdate").With("Mailbox", ami.Word, p.mailbox).Fixed("OldMessages", "0").Fixed("NewMessages", "1")
	}
	if _, err := conn.Do(ctx, action); err != nil {
		return none, a.fault(ctx, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.t.until(time.Now())
	a.t.feature(p.device, callmodel.MessageWaiting{On: r.MessageWaitingOn}, pbxadapter.Op(ctx))
	a.check()
	return none, nil
}

func (a *Adapter) snapshotDevice(_ context.Context, r csta.SnapshotDevice) (csta.SnapshotDeviceResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := &csta.SnapshotDeviceDataList{}
	for _, l := range a.t.at[r.SnapshotObject] {
		states := []csta.State{l.state}
		info := csta.SnapshotDeviceResponseInfo{ConnectionIdentifier: l.id()}
		for _, o := range l.call.legs {
			if o == l {
				continue
			}
			states = append(states, o.state)
			if info.EndpointDevice == nil {
				info.EndpointDevice = new(o.party.Subject())
			}
		}
		info.LocalCallState.CompoundCallState = &csta.CompoundCallState{LocalConnectionState: states}
		list.SnapshotDeviceResponseInfo = append(list.SnapshotDeviceResponseInfo, info)
	}
	return csta.SnapshotDeviceResponse{CrossRefIDorSnapshotData: csta.SnapshotDeviceResponseCrossRefIDorSnapshotData{SnapshotData: list}}, nil
}

func (a *Adapter) snapshotCall(_ context.Context, r csta.SnapshotCall) (csta.SnapshotCallResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.t.calls[r.SnapshotObject.Call]
	if k == nil {
		return csta.SnapshotCallResponse{}, csta.ErrInvalidCallID.With(fmt.Errorf("asterisk: there is no call %q", r.SnapshotObject.Call))
	}
	list := &csta.SnapshotCallDataList{}
	for _, l := range k.legs {
		list.SnapshotCallResponseInfo = append(list.SnapshotCallResponseInfo, csta.SnapshotCallResponseInfo{
			DeviceOnCall: l.party.Subject(), CallIdentifier: new(l.id()), LocalConnectionInfo: l.state,
		})
	}
	return csta.SnapshotCallResponse{CrossRefIDorSnapshotData: csta.SnapshotCallResponseCrossRefIDorSnapshotData{SnapshotData: list}}, nil
}

func (a *Adapter) getLogicalDeviceInformation(_ context.Context, r csta.GetLogicalDeviceInformation) (csta.GetLogicalDeviceInformationResponse, error) {
	res := csta.GetLogicalDeviceInformationResponse{
		DeviceCategory: csta.DeviceCategoryStation, NamedDeviceTypes: csta.NamedDeviceTypesStation, HasPhysicalElement: true,
		AppearanceType: csta.AppearanceTypeSelectedStandard, AcdModels: &csta.ACDModels{}, MaxFwdSettings: new(len(presets[a.conf.Dialplan].forwards)),
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	n, _ := a.numbers.Native(r.Device, pbxadapter.Called)
	switch p := a.t.book.phones[r.Device]; {
	case p != nil:
		if _, err := strconv.Atoi(p.number); err == nil {
			res.ShortFormDeviceID = csta.DeviceID(p.number)
		}
	case a.t.book.groups[r.Device] != nil:
		res.DeviceCategory, res.NamedDeviceTypes, res.HasPhysicalElement = csta.DeviceCategoryGroup, csta.NamedDeviceTypesStationGroup, false
		if a.t.book.groups[r.Device].queue != "" {
			res.DeviceCategory, res.NamedDeviceTypes = csta.DeviceCategoryAcd, csta.NamedDeviceTypesAcd
		}
	case a.slots[n] != "":
		res.DeviceCategory, res.NamedDeviceTypes, res.HasPhysicalElement = csta.DeviceCategoryPark, csta.NamedDeviceTypesParkingDevice, false
	default:
		return res, csta.ErrInvalidDeviceID.With(fmt.Errorf("asterisk: there is no device %q", r.Device))
	}
	return res, nil
}
