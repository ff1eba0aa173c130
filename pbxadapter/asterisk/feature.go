package asterisk

import (
	"slices"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/asterisk/ami"
)

// deviceState is a phone that came or went, or a feature that somebody set, at a phone or by a code.
func (t *tracker) deviceState(m ami.Message) {
	device, state := m.Get("Device"), m.Get("State")
	if endpoint, ok := strings.CutPrefix(device, "PJSIP/"); ok {
		if p := t.book.endpoints[endpoint]; p != nil {
			t.service(p.device, state != "UNAVAILABLE" && state != "INVALID")
		}
		return
	}
	if !strings.HasPrefix(device, "Custom:") {
		return
	}
	f, p := t.book.custom(device)
	if p == nil {
		return
	}
	on := state != "NOT_INUSE" && state != "UNKNOWN" && state != "INVALID"
	if f == "" {
		t.feature(p.device, callmodel.DoNotDisturb{On: on}, 0)
		return
	}
	old := t.forwarding(p.device, f)
	switch {
	case !on:
		old.On = false
		t.feature(p.device, old, 0)
	case t.wonder != nil:
		t.wonder(question{device: p.device, kind: f})
	case !old.On:
		old.On = true
		t.feature(p.device, old, 0)
	}
}

func (t *tracker) messageWaiting(m ami.Message) {
	mailbox := m.Get("Mailbox")
	if p := t.book.mailboxes[mailbox]; p != nil {
		t.feature(p.device, callmodel.MessageWaiting{On: number(m.Get("New")) > 0 || m.Get("New") == "" && number(m.Get("Waiting")) > 0}, 0)
	}
}

// service tells a phone that is registered, or isn't any more.
func (t *tracker) service(d csta.DeviceID, in bool) {
	if t.out[d] != in {
		return
	}
	if in {
		delete(t.out, d)
	} else {
		t.out[d] = true
	}
	f := callmodel.Service{Meta: callmodel.Meta{At: t.now}, Device: d, In: in}
	if !in {
		f.Cause = csta.CauseDestOutOfOrder
	}
	t.say(f)
}

// feature sets one, and tells it if it is new.
func (t *tracker) feature(d csta.DeviceID, f callmodel.Feature, op callmodel.OpID) {
	list := slices.Clone(t.features[d])
	i := slices.IndexFunc(list, func(o callmodel.Feature) bool { return sameFeature(o, f) })
	switch {
	case i >= 0 && list[i] == f:
		return
	case i >= 0:
		list[i] = f
	default:
		list = append(list, f)
	}
	t.features[d], t.touched[d] = list, t.now
	t.say(callmodel.FeatureSet{Meta: callmodel.Meta{At: t.now, Op: op}, Device: d, Feature: f})
}

func sameFeature(a, b callmodel.Feature) bool {
	switch a := a.(type) {
	case callmodel.DoNotDisturb:
		_, ok := b.(callmodel.DoNotDisturb)
		return ok
	case callmodel.MessageWaiting:
		_, ok := b.(callmodel.MessageWaiting)
		return ok
	case callmodel.Forwarding:
		b, ok := b.(callmodel.Forwarding)
		return ok && a.Type == b.Type
	}
	return false
}

// forwarding is one type of forwarding of a device, as it is known.
func (t *tracker) forwarding(d csta.DeviceID, kind csta.ForwardingType) callmodel.Forwarding {
	for _, f := range t.features[d] {
		if f, ok := f.(callmodel.Forwarding); ok && f.Type == kind {
			return f
		}
	}
	return callmodel.Forwarding{Type: kind}
}

// forwards says whether the device forwards at once.
func (t *tracker) forwards(d csta.DeviceID) bool { return t.forwarding(d, csta.ForwardImmediate).On }

// disturbed says whether the device is not to be disturbed.
func (t *tracker) disturbed(d csta.DeviceID) bool {
	return slices.Contains(t.features[d], callmodel.Feature(callmodel.DoNotDisturb{On: true}))
}
