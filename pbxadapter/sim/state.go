package sim

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// devices is everybody there is.
func (p *PBX) devices() []pbxadapter.Device {
	all := make([]pbxadapter.Device, 0, p.conf.Lines+10)
	for ext := p.conf.First; p.has(ext); ext++ {
		d := pbxadapter.Device{ID: line(ext), Name: name(ext), Aliases: []string{strconv.Itoa(ext)}}
		if ext == p.conf.First+23 {
			d.Lacks = map[csta.Service]pbxadapter.Reason{"AnswerCall": "this phone cannot be answered remotely"}
		}
		all = append(all, d)
	}
	all = append(all, pbxadapter.Device{ID: p.group, Kind: pbxadapter.Group, Name: "Main number", Aliases: []string{strconv.Itoa(p.conf.First - 1)}, Members: p.members(), Lacks: only()})
	for n := 1; n <= slots; n++ {
		id := string(p.slotsAt) + strconv.Itoa(n)
		all = append(all, pbxadapter.Device{ID: csta.DeviceID(id), Kind: pbxadapter.ParkSlot, Name: "Park slot " + id, Lacks: only()})
	}
	return all
}

// only is what groups and park slots lack: they are no phones.
func only() map[csta.Service]pbxadapter.Reason {
	lacks := make(map[csta.Service]pbxadapter.Reason)
	for s := range new(PBX).Services() {
		if s != "SnapshotDevice" && s != "SnapshotCall" && s != "GetLogicalDeviceInformation" && s != "ClearConnection" && s != "ClearCall" && s != "DeflectCall" {
			lacks[s] = "this is no phone"
		}
	}
	return lacks
}

// state is everything there is.
func (p *PBX) state() callmodel.State {
	s := callmodel.State{Features: make(map[csta.DeviceID][]callmodel.Feature), Out: make(map[csta.DeviceID]csta.EventCause)}
	for _, c := range p.calls {
		s.Calls = append(s.Calls, c.state())
	}
	slices.SortFunc(s.Calls, func(a, b callmodel.Call) int { return strings.Compare(string(a.ID), string(b.ID)) })
	maps.Copy(s.Features, p.features)
	for d := range p.out {
		s.Out[d] = csta.CauseDestOutOfOrder
	}
	return s
}

func (c *call) state() callmodel.Call {
	out := callmodel.Call{ID: c.id, Began: c.began, Calling: c.calling, Called: c.called, LastRedirected: c.lastRd}
	for _, l := range c.legs {
		out.Legs = append(out.Legs, callmodel.Leg{Device: l.device, State: l.state, Kind: l.kind, Party: l.party, Since: l.since})
	}
	return out
}

// feature finds the setting of one kind.
func feature[F callmodel.Feature](p *PBX, d csta.DeviceID, is func(F) bool) (F, bool) {
	for _, f := range p.features[d] {
		if f, ok := f.(F); ok && is(f) {
			return f, true
		}
	}
	var none F
	return none, false
}

// set changes a setting, and tells it.
func set[F callmodel.Feature](p *PBX, d csta.DeviceID, f F, is func(F) bool) {
	list := slices.Clone(p.features[d])
	i := slices.IndexFunc(list, func(o callmodel.Feature) bool {
		same, ok := o.(F)
		return ok && is(same)
	})
	if i < 0 {
		list = append(list, f)
	} else {
		list[i] = f
	}
	p.features[d] = list
	p.tell(callmodel.FeatureSet{Meta: p.meta(""), Device: d, Feature: f})
}

func (p *PBX) doNotDisturb(d csta.DeviceID) bool {
	f, _ := feature(p, d, func(callmodel.DoNotDisturb) bool { return true })
	return f.On
}

// forwarding is the forwarding of one type, where it is on.
func (p *PBX) forwarding(d csta.DeviceID, t csta.ForwardingType) (callmodel.Forwarding, bool) {
	f, ok := feature(p, d, func(f callmodel.Forwarding) bool { return f.Type == t })
	return f, ok && f.On
}
