package live

import (
	"farhook/csta"
	"farhook/pbxadapter/switchboard"
)

// devices is what has changed of devices, as far as a viewer may see them. false: nothing.
func (s *Story) devices(v Viewer, e switchboard.Entry, c switchboard.DevicesChanged) (Document, bool) {
	d := Document{Type: typeEvent, Position: s.At(e.Seq), At: e.At, Kind: kindDevice}
	state, _ := s.board.Snapshot(v.Principal, switchboard.Filter{Devices: c.Changed})
	for _, id := range c.Changed {
		if i, ok := s.board.Device(v.Principal, id); ok {
			d.Devices = append(d.Devices, DeviceOf(i, state))
		}
	}
	for _, id := range c.Gone {
		if s.board.May(v.Principal, csta.Observe, id) {
			d.Gone = append(d.Gone, id)
		}
	}
	return d, len(d.Devices)+len(d.Gone) > 0
}
