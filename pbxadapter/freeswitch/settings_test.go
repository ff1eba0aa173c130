package freeswitch

import (
	"errors"
	"testing"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// A PBX that keeps less than was set, or something else: what is set holds only where nothing contradicts it.
func TestSameSetting(t *testing.T) {
	set := func(on bool, to csta.DeviceID) callmodel.Forwarding {
		return callmodel.Forwarding{Type: csta.ForwardImmediate, On: on, To: to}
	}
	for _, c := range []struct {
		got, want callmodel.Feature
		same      bool
	}{
		{set(true, "203"), set(true, "203"), true},
		{set(true, "204"), set(true, "203"), false},
		{set(true, ""), set(true, "203"), true}, // it only says that it is on
		{set(false, ""), set(true, "203"), false},
		{set(true, "203"), set(false, "203"), false},
		{set(false, ""), set(false, "203"), true},
		{callmodel.DoNotDisturb{On: true}, set(true, "203"), false},
		{callmodel.DoNotDisturb{On: true}, callmodel.DoNotDisturb{On: true}, true},
		{callmodel.DoNotDisturb{}, callmodel.DoNotDisturb{On: true}, false},
	} {
		if same := sameSetting(c.got, c.want); same != c.same {
			t.Errorf("the PBX keeps %+v, and was told %+v: %v", c.got, c.want, same)
		}
	}
}

// What is set is told in the name of who asked; what a PBX keeps that nobody heard of is told when it is asked for.
func TestSettings(t *testing.T) {
	s := onFake(t)
	a := fakeAdapter(t, s.at, false)
	cfna := a.conf.Feat["forward_no_answer"]
	cfna.Set = "db insert/cfna/{user}/{number}/{seconds}"
	a.conf.Feat["forward_no_answer"] = cfna
	delete(a.conf.Feat, "forward_busy")
	s.adapter(a)
	defer func() { _ = s.stop() }()
	told := func(op callmodel.OpID, f callmodel.Feature) {
		t.Helper()
		s.until("it is told", func() bool {
			for i := len(s.told) - 1; i >= 0; i-- {
				if s.told[i].Op == op {
					for _, have := range s.model.Features("202") {
						if have == f {
							return true
						}
					}
				}
			}
			return false
		})
	}
	forwarding := func() map[csta.ForwardingType]csta.ForwardListItem {
		t.Helper()
		m := make(map[csta.ForwardingType]csta.ForwardListItem)
		for _, i := range s.do(csta.GetForwarding{Device: "202"}).(csta.GetForwardingResponse).ForwardingList {
			m[i.ForwardingType] = i
		}
		return m
	}
	ctx := pbxadapter.WithOp(t.Context(), 7)
	if _, err := a.Services()["SetDoNotDisturb"](ctx, csta.SetDoNotDisturb{Device: "202", DoNotDisturbOn: true}); err != nil {
		t.Fatal(err)
	}
	told(7, callmodel.DoNotDisturb{On: true})

	// No type is that of all calls.
	s.do(csta.SetForwarding{Device: "202", ActivateForward: true, ForwardDN: "203"})
	if got := s.f.Kept("cfu/202"); got != "203" {
		t.Errorf("the PBX keeps %q", got)
	}
	// Where it went is remembered when it is off, and when it is on again without a number.
	s.do(csta.SetForwarding{Device: "202", ForwardingType: csta.ForwardImmediate})
	if i := forwarding()[csta.ForwardImmediate]; i.ForwardStatus || i.ForwardDN != "203" {
		t.Errorf("switched off it is %+v", i)
	}
	s.do(csta.SetForwarding{Device: "202", ForwardingType: csta.ForwardImmediate, ActivateForward: true})
	if got := s.f.Kept("cfu/202"); got != "203" {
		t.Errorf("switched on again, the PBX keeps %q", got)
	}
	if list := forwarding(); len(list) != 2 {
		t.Errorf("what isn't configured is listed: %+v", list)
	}
	// Changed unheard.
	s.f.Keep("cfu/202", "204")
	if i := forwarding()[csta.ForwardImmediate]; i.ForwardDN != "204" || !i.ForwardStatus || i.RingCount != nil {
		t.Errorf("it is %+v", i)
	}
	told(0, callmodel.Forwarding{Type: csta.ForwardImmediate, On: true, To: "204"})

	// How long it rings before, by the number of rings: one, where nobody says.
	noAnswer := func(rings *int) {
		t.Helper()
		s.do(csta.SetForwarding{Device: "203", ForwardingType: csta.ForwardNoAns, ActivateForward: true, ForwardDN: "204", RingCount: rings})
	}
	seconds := func(user, want string) {
		t.Helper()
		if got := s.f.Kept("cfna/" + user); got != want {
			t.Errorf("the PBX keeps %q, want %q", got, want)
		}
	}
	a.mu.Lock()
	cfna.Get = "" // the number alone couldn't be read of it
	a.conf.Feat["forward_no_answer"] = cfna
	a.mu.Unlock()
	noAnswer(nil)
	seconds("203", "204/5")
	noAnswer(new(100))
	seconds("203", "204/500")

	for name, c := range map[string]struct {
		r    csta.Request
		want *csta.Error
	}{
		"no rings":       {csta.SetForwarding{Device: "202", ForwardingType: csta.ForwardNoAns, ActivateForward: true, ForwardDN: "203", RingCount: new(0)}, csta.ErrValueOutOfRange},
		"too many rings": {csta.SetForwarding{Device: "202", ForwardingType: csta.ForwardNoAns, ActivateForward: true, ForwardDN: "203", RingCount: new(101)}, csta.ErrValueOutOfRange},
		"no commands":    {csta.SetForwarding{Device: "202", ForwardingType: csta.ForwardBusy, ActivateForward: true, ForwardDN: "203"}, csta.ErrInvalidForwardingType},
		"some callers":   {csta.SetDoNotDisturb{Device: "202", DoNotDisturbOn: true, CallingDeviceList: []csta.DeviceID{"203"}}, csta.ErrInvalidParameterValue},
	} {
		if _, err := a.Services()[c.r.Service()](t.Context(), c.r); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, command := range s.f.Said() {
		if len(command) > 23 && command[:23] == "sendevent PHONE_FEATURE" {
			t.Errorf("no phone synchronises its features, and %q is sent", command)
		}
	}
	delete(a.conf.Feat, "do_not_disturb")
	if _, err := a.Services()["GetDoNotDisturb"](t.Context(), csta.GetDoNotDisturb{Device: "202"}); !errors.Is(err, csta.ErrServiceNotSupported) {
		t.Errorf("without commands: %v", err)
	}
}

// A device says which extension it is, and how many forwardings it has; a slot is no station.
func TestLogicalDevices(t *testing.T) {
	s := newScript(t, false)
	phone := s.do(csta.GetLogicalDeviceInformation{Device: "202"}).(csta.GetLogicalDeviceInformationResponse)
	if phone.ShortFormDeviceID != "202" || phone.MaxFwdSettings == nil || *phone.MaxFwdSettings != 3 || !phone.HasPhysicalElement {
		t.Errorf("a phone is %+v", phone)
	}
	slot := s.do(csta.GetLogicalDeviceInformation{Device: "501"}).(csta.GetLogicalDeviceInformationResponse)
	if slot.NamedDeviceTypes != csta.NamedDeviceTypesParkingDevice || slot.DeviceCategory != csta.DeviceCategoryPark || slot.HasPhysicalElement || slot.MaxFwdSettings != nil {
		t.Errorf("a slot is %+v", slot)
	}
}

// A device's calls are told with its own state first, and the first of the others as who is at the other end.
func TestSnapshotOfDevice(t *testing.T) {
	s := newScript(t, false)
	s.hand(s.hands.Dial("201", "202"))
	s.is("202", csta.Alerting)
	list := s.do(csta.SnapshotDevice{SnapshotObject: "202"}).(csta.SnapshotDeviceResponse).CrossRefIDorSnapshotData.SnapshotData.SnapshotDeviceResponseInfo
	if len(list) != 1 || list[0].EndpointDevice == nil {
		t.Fatalf("%+v", list)
	}
	states := list[0].LocalCallState.CompoundCallState.LocalConnectionState
	if len(states) != 2 || states[0] != csta.Alerting || states[1] != csta.Connected {
		t.Errorf("%v", states)
	}
}
