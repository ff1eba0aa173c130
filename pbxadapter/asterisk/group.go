package asterisk

import (
	"maps"
	"slices"
	"strings"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/ami"
)

// groupEntry is a queue, or a ring group of the dialplan's.
type groupEntry struct {
	number  string // as Asterisk dials it
	device  csta.DeviceID
	name    string
	queue   string // empty: a ring group
	members []csta.DeviceID
}

// setGroups makes the groups of what configuration says and what QueueStatus lists. A queue whose name is a number has that number; another one
// takes a row of the configuration, for nothing else tells by which number it is reached. It says whether anything is new.
func (b *book) setGroups(configured []GroupConfig, items []ami.Message) bool {
	groups, queues := map[csta.DeviceID]*groupEntry{}, map[string]*groupEntry{}
	add := func(g *groupEntry) {
		g.device = b.dialled(g.number)
		if g.device == "" || b.phones[g.device] != nil || groups[g.device] != nil {
			return
		}
		groups[g.device] = g
		if g.queue != "" {
			queues[g.queue] = g
		}
	}
	for _, c := range configured {
		g := &groupEntry{number: c.Number, name: c.Name, queue: c.Queue}
		for _, endpoint := range c.Members {
			if p := b.endpoints[endpoint]; p != nil {
				g.members = append(g.members, p.device)
			}
		}
		add(g)
	}
	for _, m := range items {
		if name := m.Get("Queue"); m.Event() == "QueueParams" && queues[name] == nil && name != "" && strings.Trim(name, "0123456789") == "" {
			add(&groupEntry{number: name, queue: name})
		}
	}
	for _, m := range items {
		if g := queues[m.Get("Queue")]; g != nil && m.Event() == "QueueMember" {
			if d := b.member(m); d != "" && !slices.Contains(g.members, d) {
				g.members = append(g.members, d)
			}
		}
	}
	same := func(x, y *groupEntry) bool {
		return x.number == y.number && x.name == y.name && x.queue == y.queue && slices.Equal(x.members, y.members)
	}
	for _, g := range groups {
		slices.Sort(g.members)
	}
	fresh := !maps.EqualFunc(groups, b.groups, same)
	b.groups, b.queues = groups, queues
	return fresh
}

// member is the phone of a queue's member: by whose state is looked at, or by what is called.
func (b *book) member(m ami.Message) csta.DeviceID {
	for _, h := range []string{"StateInterface", "Location", "Interface"} {
		technology, rest, _ := strings.Cut(m.Get(h), "/")
		if p := b.endpoints[rest]; technology == "PJSIP" && p != nil {
			return p.device
		}
		if n, _, _ := strings.Cut(rest, "@"); technology == "Local" && b.native[n] != nil {
			return b.native[n].device
		}
	}
	return ""
}

// memberChanged takes over that somebody logged in to or out of a queue, and says whether that is new.
func (b *book) memberChanged(m ami.Message) bool {
	g, d := b.queues[m.Get("Queue")], b.member(m)
	if g == nil || d == "" || slices.Contains(g.members, d) == (m.Event() == "QueueMemberAdded") {
		return false
	}
	members := slices.DeleteFunc(slices.Clone(g.members), func(o csta.DeviceID) bool { return o == d })
	if m.Event() == "QueueMemberAdded" {
		members = append(members, d)
		slices.Sort(members)
	}
	g.members = members
	return true
}

// groupDevices are the groups as devices.
func (b *book) groupDevices() (all []pbxadapter.Device) {
	for _, id := range slices.Sorted(maps.Keys(b.groups)) {
		g := b.groups[id]
		d := pbxadapter.Device{ID: id, Kind: pbxadapter.Group, Name: g.name, Members: slices.Clone(g.members), Lacks: noPhone()}
		if d.Name == "" {
			d.Name = g.queue
		}
		if strings.Trim(g.number, "0123456789*#") == "" {
			d.Aliases = []string{g.number}
		}
		all = append(all, d)
	}
	return all
}

// takeGroups takes over which groups there are, and tells the devices where that is new.
func (a *Adapter) takeGroups(l lists) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.t.book.setGroups(a.conf.Groups, l.queues) {
		a.tellDevices()
	}
}
