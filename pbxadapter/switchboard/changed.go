package switchboard

import (
	"maps"
	"slices"

	"farhook/csta"
)

// DevicesChanged is what the journal tells, beside the events, of devices themselves: phones come and go, are called otherwise, can do other things. Its
// entry's audience are those devices; followers whose Filter has Beside hear of it. As many changes as come at once are told in several entries.
type DevicesChanged struct {
	Changed []csta.DeviceID // they are as Board.Device says; some of them are new
	Gone    []csta.DeviceID // nobody has them any more
}

// mostChanged is how many devices one entry tells.
const mostChanged = 500

// Only is what is left of it for who asked for some devices only. false: nothing.
func (c DevicesChanged) Only(devices []csta.DeviceID) (DevicesChanged, bool) {
	not := func(d csta.DeviceID) bool { return !slices.Contains(devices, d) }
	c.Changed, c.Gone = slices.DeleteFunc(slices.Clone(c.Changed), not), slices.DeleteFunc(slices.Clone(c.Gone), not)
	return c, len(c.Changed)+len(c.Gone) > 0
}

// toldDevice is a device as the journal's followers know it.
type toldDevice struct {
	*device
	works            *works // what its PBX can do, and its codes
	name, department string // of its owner
}

func (t toldDevice) same(o toldDevice) bool {
	return t.link == o.link && t.works == o.works && t.name == o.name && t.department == o.department && t.Kind == o.Kind && t.Name == o.Name &&
		slices.Equal(t.Aliases, o.Aliases) && slices.Equal(t.Members, o.Members) && maps.Equal(t.Lacks, o.Lacks)
}

// tellDevices tells what has changed of the devices since it was told last. A PBX's devices are told when it has told its state for the first time.
func (b *Board) tellDevices() {
	b.mu.Lock()
	defer b.mu.Unlock()
	ix := b.index.Load()
	var c DevicesChanged
	for id := range b.told {
		if ix.byID[id] == nil {
			c.Gone = append(c.Gone, id)
			delete(b.told, id)
		}
	}
	slices.Sort(c.Gone)
	for _, d := range ix.sorted {
		if !d.link.synced.Load() {
			continue
		}
		now := toldDevice{device: d, works: d.link.works.Load()}
		if p := b.people.person(d.ID); p != nil {
			now.name, now.department = p.Name, p.Department
		}
		was, known := b.told[d.ID]
		b.told[d.ID] = now // also where it is the same: the old one goes
		if !known || !was.same(now) {
			c.Changed = append(c.Changed, d.ID)
		}
	}
	for list := range slices.Chunk(c.Gone, mostChanged) {
		b.Tell(System, DevicesChanged{Gone: list}, list...)
	}
	b.tellChanged(c.Changed)
}

// tellChanged tells devices of which something is otherwise than it was told.
func (b *Board) tellChanged(devices []csta.DeviceID) {
	for list := range slices.Chunk(devices, mostChanged) {
		b.Tell(System, DevicesChanged{Changed: list}, list...)
	}
}
