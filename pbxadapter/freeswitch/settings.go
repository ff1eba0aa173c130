package freeswitch

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// The services on a phone itself. The PBX has no such features of its own: each site's dialplan keeps them, and the configuration says
// with which commands; phones that synchronise their features are told.

// store has the site's dialplan keep a feature, and tells it, and the phone.
func (a *Adapter) store(ctx context.Context, p *phoneLine, name string, v callmodel.Feature, number string, on bool, seconds int) error {
	t, has := a.conf.Feat[name]
	if !has && !a.conf.Sync {
		return csta.ErrServiceNotSupported.With(fmt.Errorf("freeswitch: no commands are configured for %s, and feature_sync is off", name))
	}
	if has {
		command := t.Set
		if !on {
			command = t.Clear
		}
		text, err := a.query(ctx, a.fill(command, p.user, number, seconds))
		if err != nil && clip(text) != noReply {
			return err
		}
	}
	if has && t.Get != "" { // what proves it
		c, err := a.link()
		if err != nil {
			return err
		}
		now, err := a.ask1(ctx, c, name, t.Get, p.user)
		if err != nil {
			return a.fault(err)
		}
		if !sameSetting(now, v) {
			return csta.ErrRequestIncompatible.With(fmt.Errorf("freeswitch: the PBX keeps %+v after it was told %+v", now, v))
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.ready {
		return csta.ErrResourceOutOfService.With(errClosed)
	}
	a.track.now = later(a.track.now, time.Now())
	a.feat.set(p.id, v, pbxadapter.Op(ctx))
	if a.conf.Sync {
		a.tellPhone(ctx, phone{user: p.user, host: a.conf.Domain, device: p.id, changed: v})
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// sameSetting says whether the PBX keeps what it was told to, as far as it can tell.
func sameSetting(got, want callmodel.Feature) bool {
	switch w := want.(type) {
	case callmodel.DoNotDisturb:
		return got == want
	case callmodel.Forwarding:
		g, ok := got.(callmodel.Forwarding)
		return ok && g.On == w.On && (!w.On || g.To == "" || g.To == w.To)
	}
	return true
}

func (a *Adapter) setDoNotDisturb(ctx context.Context, r csta.SetDoNotDisturb) (csta.SetDoNotDisturbResponse, error) {
	var none csta.SetDoNotDisturbResponse
	p, err := ask(a, func(*tracker) (*phoneLine, error) { return a.line(r.Device) })
	if err != nil {
		return none, err
	}
	if r.CallOrigination != nil || r.CallingDeviceList != nil {
		return none, csta.ErrInvalidParameterValue.With("freeswitch: do not disturb is for all callers: leave callOrigination and callingDeviceList out")
	}
	return none, a.store(ctx, p, "do_not_disturb", callmodel.DoNotDisturb{On: r.DoNotDisturbOn}, "", r.DoNotDisturbOn, 0)
}

func (a *Adapter) getDoNotDisturb(ctx context.Context, r csta.GetDoNotDisturb) (csta.GetDoNotDisturbResponse, error) {
	v, err := a.setting(ctx, r.Device, "do_not_disturb")
	d, _ := v.(callmodel.DoNotDisturb)
	return csta.GetDoNotDisturbResponse{DoNotDisturbOn: d.On}, err
}

// setting asks for a feature, and tells it if it was changed unheard.
func (a *Adapter) setting(ctx context.Context, d csta.DeviceID, name string) (callmodel.Feature, error) {
	p, err := ask(a, func(*tracker) (*phoneLine, error) { return a.line(d) })
	if err != nil {
		return nil, err
	}
	if t, has := a.conf.Feat[name]; has && t.Get != "" {
		c, err := a.link()
		if err != nil {
			return nil, err
		}
		v, err := a.ask1(ctx, c, name, t.Get, p.user)
		if err != nil {
			return nil, a.fault(err)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if w, ok := v.(callmodel.Forwarding); ok { // what a template cannot tell is as last told
			last := get(a.feat, d, func(f callmodel.Forwarding) bool { return f.Type == w.Type })
			if w.Rings = last.Rings; w.To == "" {
				w.To = last.To
			}
			v = w
		}
		if a.ready {
			a.track.now = later(a.track.now, time.Now())
			a.feat.set(d, v, 0)
		}
		return v, nil
	} else if !has && !a.conf.Sync {
		return nil, csta.ErrServiceNotSupported.With(fmt.Errorf("freeswitch: no commands are configured for %s, and feature_sync is off", name))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, v := range a.feat.stored[d] {
		if sameFeature(v, featureNames[name](false, "", 0)) {
			return v, nil
		}
	}
	return featureNames[name](false, "", 0), nil
}

// ringSeconds is how long a phone rings in all, if it is to ring so many times.
const ringSeconds = 5

func (a *Adapter) setForwarding(ctx context.Context, r csta.SetForwarding) (csta.SetForwardingResponse, error) {
	var none csta.SetForwardingResponse
	kind := r.ForwardingType
	if kind == "" {
		kind = csta.ForwardImmediate
	}
	name, ok := forwardNames[kind]
	if _, has := a.conf.Feat[name]; !ok || !has && !a.conf.Sync {
		return none, csta.ErrInvalidForwardingType.With(fmt.Errorf("freeswitch: no commands are configured for %s", kind))
	}
	rings := 0
	if r.RingCount != nil {
		if rings = *r.RingCount; rings < 1 || rings > 100 {
			return none, csta.ErrValueOutOfRange.With("ringCount: want 1 to 100")
		}
	}
	var p *phoneLine
	f := callmodel.Forwarding{Type: kind, On: r.ActivateForward, Rings: rings}
	number := ""
	if err := a.do(func(*tracker) (err error) {
		if p, err = a.line(r.Device); err != nil {
			return err
		}
		last := get(a.feat, p.id, func(o callmodel.Forwarding) bool { return o.Type == kind })
		if f.To = r.ForwardDN; f.To == "" {
			f.To = last.To
		}
		if f.Rings == 0 {
			f.Rings = last.Rings
		}
		if f.On && (f.To == "" || f.To == p.id) {
			return csta.ErrInvalidForwardingDest.With("freeswitch: forwardDN must be given where none was set before, and be another number than the phone's own")
		}
		if f.To != "" {
			if number, err = a.dial(f.To, csta.ErrInvalidForwardingDest); err != nil {
				return err
			}
			f.To = a.party(f.To, number).Device
		}
		return nil
	}); err != nil {
		return none, err
	}
	return none, a.store(ctx, p, name, f, number, f.On, max(f.Rings, 1)*ringSeconds)
}

func (a *Adapter) getForwarding(ctx context.Context, r csta.GetForwarding) (csta.GetForwardingResponse, error) {
	list := []csta.ForwardListItem{}
	if _, err := ask(a, func(*tracker) (*phoneLine, error) { return a.line(r.Device) }); err != nil {
		return csta.GetForwardingResponse{}, err
	}
	for _, kind := range []csta.ForwardingType{csta.ForwardImmediate, csta.ForwardBusy, csta.ForwardNoAns} {
		if _, has := a.conf.Feat[forwardNames[kind]]; !has && !a.conf.Sync {
			continue
		}
		v, err := a.setting(ctx, r.Device, forwardNames[kind])
		if err != nil {
			return csta.GetForwardingResponse{}, err
		}
		f, _ := v.(callmodel.Forwarding)
		item := csta.ForwardListItem{ForwardingType: kind, ForwardStatus: f.On, ForwardDN: f.To}
		if f.Rings > 0 {
			item.RingCount = new(f.Rings)
		}
		list = append(list, item)
	}
	return csta.GetForwardingResponse{ForwardingList: list}, nil
}

func (a *Adapter) getMessageWaitingIndicator(_ context.Context, r csta.GetMessageWaitingIndicator) (csta.GetMessageWaitingIndicatorResponse, error) {
	on, err := ask(a, func(*tracker) (bool, error) {
		_, err := a.line(r.Device)
		return get(a.feat, r.Device, func(callmodel.MessageWaiting) bool { return true }).On, err
	})
	return csta.GetMessageWaitingIndicatorResponse{MessageWaitingOn: on}, err
}

func (a *Adapter) setMessageWaitingIndicator(ctx context.Context, r csta.SetMessageWaitingIndicator) (csta.SetMessageWaitingIndicatorResponse, error) {
	var none csta.SetMessageWaitingIndicatorResponse
	p, err := ask(a, func(*tracker) (*phoneLine, error) { return a.line(r.Device) })
	if err != nil {
		return none, err
	}
	yes, count := "no", "0/0 (0/0)"
	if r.MessageWaitingOn {
		yes, count = "yes", "1/0 (0/0)"
	}
	text, err := sendEvent("MESSAGE_WAITING", header{"MWI-Messages-Waiting", yes}, header{"MWI-Message-Account", "sip:" + p.user + "@" + a.conf.Domain},
		header{"MWI-Voice-Message", count})
	if err != nil {
		return none, err
	}
	c, err := a.link()
	if err != nil {
		return none, err
	}
	if err := c.event(ctx, text); err != nil {
		return none, a.fault(err)
	}
	return none, a.await(ctx, a.time.step, "the event MESSAGE_WAITING", func() bool {
		return get(a.feat, p.id, func(callmodel.MessageWaiting) bool { return true }).On == r.MessageWaitingOn
	})
}

// synchronise answers a phone that asked for its features, or changed one: nothing in the PBX does. It is called with the lock.
func (a *Adapter) synchronise(p phone) {
	if !a.conf.Sync || a.conn == nil || !a.ready {
		return
	}
	line := a.stations[p.user]
	if line == nil || !isName(p.host) || !isName(p.profile) {
		return
	}
	line.profile, line.host = p.profile, p.host
	if p.changed == nil {
		a.tellPhone(a.run, p)
		return
	}
	name, on, to, rings := "do_not_disturb", false, csta.DeviceID(""), 0
	switch v := p.changed.(type) {
	case callmodel.DoNotDisturb:
		on = v.On
	case callmodel.Forwarding:
		name, on, to, rings = forwardNames[v.Type], v.On, v.To, v.Rings
	}
	number := ""
	if to != "" {
		var err error
		if number, err = a.dial(to, csta.ErrInvalidForwardingDest); err != nil {
			a.log.Info("a phone forwards to what can't be dialled", zap.String("user", p.user), zap.Error(err))
			return
		}
	}
	if t, has := a.conf.Feat[name]; has {
		command := t.Set
		if !on {
			command = t.Clear
		}
		a.later(a.run, a.fill(command, p.user, number, max(rings, 1)*ringSeconds))
	}
	a.tellPhone(a.run, p)
}

// tellPhone sends a phone its features: the one that was changed, or all. It is called with the lock.
func (a *Adapter) tellPhone(ctx context.Context, p phone) {
	profile := p.profile
	if line := a.stations[p.user]; profile == "" && line != nil {
		if profile = line.profile; line.host != "" {
			p.host = line.host
		}
	}
	if profile == "" {
		return // it is not registered
	}
	base := []header{{"profile", profile}, {"user", p.user}, {"host", p.host}, {"device", p.user}}
	if p.callID != "" {
		base = append(base, header{"call-id", p.callID})
	}
	list := a.feat.stored[p.device]
	kind := "init"
	if p.changed != nil {
		list = []callmodel.Feature{p.changed}
	}
	for _, v := range list {
		switch v := v.(type) {
		case callmodel.DoNotDisturb:
			base = append(base, header{"doNotDisturbOn", strconv.FormatBool(v.On)})
			if p.changed != nil {
				kind = "DoNotDisturbEvent"
			}
		case callmodel.Forwarding:
			number, err := a.dial(v.To, csta.ErrInvalidForwardingDest)
			if err != nil {
				number = "none" // an empty header would be dropped, and nothing be sent
			}
			base = append(base, header{forwardNames[v.Type], number}, header{forwardNames[v.Type] + "_enabled", strconv.FormatBool(v.On)})
			if v.Rings > 0 {
				base = append(base, header{"ringCount", strconv.Itoa(v.Rings)})
			}
			if p.changed != nil {
				kind = "ForwardingEvent"
			}
		}
	}
	text, err := sendEvent("PHONE_FEATURE", append(base, header{"Feature-Event", kind})...)
	if err != nil {
		a.log.Info("a phone's features can't be sent", zap.String("user", p.user), zap.Error(err), pbxadapter.TraceField(ctx))
		return
	}
	c, run := a.conn, a.inRun(ctx)
	a.work.Go(func() {
		ctx, cancel := context.WithTimeout(run, 10*time.Second)
		defer cancel()
		if err := c.event(ctx, text); err != nil && ctx.Err() == nil {
			a.log.Debug("a phone was not told its features", zap.String("user", p.user), zap.Error(err), pbxadapter.TraceField(ctx))
		}
	})
}

func (a *Adapter) snapshotDevice(_ context.Context, r csta.SnapshotDevice) (csta.SnapshotDeviceResponse, error) {
	return ask(a, func(t *tracker) (csta.SnapshotDeviceResponse, error) {
		list := &csta.SnapshotDeviceDataList{}
		for _, own := range t.at(r.SnapshotObject) {
			states := []csta.State{own.state}
			info := csta.SnapshotDeviceResponseInfo{ConnectionIdentifier: t.id(own)}
			for _, o := range own.call.others(own) {
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

func (a *Adapter) snapshotCall(_ context.Context, r csta.SnapshotCall) (csta.SnapshotCallResponse, error) {
	return ask(a, func(t *tracker) (csta.SnapshotCallResponse, error) {
		c := t.find(r.SnapshotObject.Call)
		if c == nil {
			return csta.SnapshotCallResponse{}, csta.ErrInvalidCallID.With(fmt.Errorf("freeswitch: there is no call %q", r.SnapshotObject.Call))
		}
		list := &csta.SnapshotCallDataList{}
		for _, n := range c.conns {
			list.SnapshotCallResponseInfo = append(list.SnapshotCallResponseInfo, csta.SnapshotCallResponseInfo{
				DeviceOnCall: n.party.Subject(), CallIdentifier: new(t.id(n)), LocalConnectionInfo: n.state,
			})
		}
		return csta.SnapshotCallResponse{CrossRefIDorSnapshotData: csta.SnapshotCallResponseCrossRefIDorSnapshotData{SnapshotData: list}}, nil
	})
}

func (a *Adapter) getLogicalDeviceInformation(_ context.Context, r csta.GetLogicalDeviceInformation) (csta.GetLogicalDeviceInformationResponse, error) {
	res := csta.GetLogicalDeviceInformationResponse{
		DeviceCategory: csta.DeviceCategoryStation, NamedDeviceTypes: csta.NamedDeviceTypesStation, HasPhysicalElement: true,
		AppearanceType: csta.AppearanceTypeSelectedStandard, AcdModels: &csta.ACDModels{},
	}
	return ask(a, func(t *tracker) (csta.GetLogicalDeviceInformationResponse, error) {
		p := a.byID[r.Device]
		for _, s := range a.conf.Park.Slots {
			if r.Device == csta.DeviceID(s) {
				res.DeviceCategory, res.NamedDeviceTypes, res.HasPhysicalElement = csta.DeviceCategoryPark, csta.NamedDeviceTypesParkingDevice, false
				return res, nil
			}
		}
		if p == nil {
			_, err := a.line(r.Device)
			return res, err
		}
		res.ShortFormDeviceID = csta.DeviceID(p.user)
		if n := len(forwardNames); a.forwards() {
			res.MaxFwdSettings = new(n)
		}
		return res, nil
	})
}
