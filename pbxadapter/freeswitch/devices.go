package freeswitch

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// fill puts a device's user, a number and a time into a command template. All of them have been checked.
func (a *Adapter) fill(template, u, number string, seconds int) string {
	return strings.NewReplacer("{user}", u, "{domain}", a.conf.Domain, "{number}", number, "{seconds}", strconv.Itoa(seconds)).Replace(template)
}

// learn takes phones over that are registered. It is called with the lock.
func (a *Adapter) learn(phones []registration) {
	for _, r := range phones {
		a.device(r.User)
		if p := a.stations[r.User]; p != nil {
			if r.Agent != "" {
				p.agent = r.Agent
			}
			if part := strings.SplitN(r.URL, "/", 3); len(part) == 3 && isName(part[1]) {
				p.profile = part[1]
			}
		}
	}
}

// device makes a device of a user that registered, where the configuration wants that. True: it is new.
func (a *Adapter) device(u string) bool {
	if !a.conf.Registrations || a.stations[u] != nil || !isName(u) || strings.Trim(u, "0123456789*#") != "" {
		return false
	}
	id := a.numbers.Canonical(u, pbxadapter.Called)
	if id == "" || a.byID[id] != nil {
		return false
	}
	a.station(&phoneLine{user: u, id: id})
	a.track.stations[u] = station{id: id}
	return true
}

// seen notes what kind of phone registered. It is called with the lock.
func (a *Adapter) seen(u, agent string) {
	fresh := a.device(u)
	p := a.stations[u]
	if p == nil {
		return
	}
	was := p.style(a.conf.Styles)
	if agent != "" {
		p.agent = agent
	}
	if fresh || was != p.style(a.conf.Styles) {
		if fresh {
			a.feat.out[p.id] = true // the registration that is being heard brings it into service
		}
		if a.reporter != nil && a.ready {
			a.reporter.Devices(a.devices())
		}
	}
}

// devices is everybody there is, with what each lacks.
func (a *Adapter) devices() []pbxadapter.Device {
	var all []pbxadapter.Device
	for _, u := range a.users() {
		p := a.stations[u]
		d := pbxadapter.Device{ID: p.id, Name: p.name, Lacks: a.lacks(p)}
		if strings.Trim(u, "0123456789*#") == "" && csta.DeviceID(u) != p.id {
			d.Aliases = []string{u}
		}
		all = append(all, d)
	}
	for _, s := range a.conf.Park.Slots {
		if a.Services()["ParkCall"] == nil {
			break
		}
		all = append(all, pbxadapter.Device{ID: csta.DeviceID(s), Kind: pbxadapter.ParkSlot, Name: "Park slot " + s, Lacks: a.slotLacks()})
	}
	return all
}

func (a *Adapter) slotLacks() map[csta.Service]pbxadapter.Reason {
	lacks := make(map[csta.Service]pbxadapter.Reason)
	for s := range a.Services() {
		if s != "SnapshotDevice" && s != "SnapshotCall" && s != "GetLogicalDeviceInformation" && s != "ClearConnection" && s != "ClearCall" {
			lacks[s] = "this is no phone"
		}
	}
	return lacks
}

func (a *Adapter) lacks(p *phoneLine) map[csta.Service]pbxadapter.Reason {
	lacks := make(map[csta.Service]pbxadapter.Reason)
	put := func(why string, services ...csta.Service) {
		for _, s := range services {
			if a.Services()[s] != nil {
				lacks[s] = pbxadapter.Reason(why)
			}
		}
	}
	st := p.style(a.conf.Styles)
	of := "of which nothing is known: set devices.style, or a row of styles"
	if p.agent != "" {
		of = fmt.Sprintf("which calls itself %q", clip(p.agent))
	}
	if p.fixed != nil {
		of = "by its configured style"
	}
	if !st.notify() {
		put("the phone, "+of+", does not answer when it is told to", "AnswerCall")
	}
	if st.Header == "off" {
		put("the phone, "+of+", cannot be made to answer at once, and a pickup must not ring", "DirectedPickupCall", "GroupPickupCall")
	}
	if p.group == "" {
		put("the device is in no pickup_group", "GroupPickupCall")
	}
	if len(a.conf.Park.Slots) == 0 {
		put("no park slots are configured", "ParkCall")
	}
	if _, ok := a.conf.Feat["do_not_disturb"]; !ok && !a.conf.Sync {
		put("no commands are configured for do_not_disturb, and feature_sync is off", "SetDoNotDisturb", "GetDoNotDisturb")
	}
	if !a.forwards() {
		put("no commands are configured for forwarding, and feature_sync is off", "SetForwarding", "GetForwarding")
	}
	return lacks
}

func (a *Adapter) forwards() bool {
	for _, name := range forwardNames {
		if _, ok := a.conf.Feat[name]; ok {
			return true
		}
	}
	return a.conf.Sync
}

// state is what is set, and who is out of service.
func (f *features) state() (map[csta.DeviceID][]callmodel.Feature, map[csta.DeviceID]csta.EventCause) {
	out := make(map[csta.DeviceID]csta.EventCause)
	for d, is := range f.out {
		if is {
			out[d] = csta.CauseDestOutOfOrder
		}
	}
	set := make(map[csta.DeviceID][]callmodel.Feature)
	for d, list := range maps.Clone(f.stored) {
		set[d] = slices.Clone(list)
	}
	return set, out
}
