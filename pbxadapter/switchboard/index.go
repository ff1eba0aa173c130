package switchboard

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/numbering"
)

// index is every device of every PBX, by id and by number. It is replaced as a whole.
type index struct {
	byID    map[csta.DeviceID]*device
	numbers numbering.Index
	sorted  []*device
	coded   []*link // that have a code for calling through a do not disturb
	// Every PBX has told its devices since the board began. Before that, a device that nobody knows may well be there.
	complete bool
	// awaited are those that haven't, but of which it's known what they told before the board began; recalled are those devices.
	awaited  []*link
	recalled numbering.Index
}

// device is one device as the board knows it.
type device struct {
	pbxadapter.Device
	link *link
}

// rebuild makes the index anew from what every link last told.
func (b *Board) rebuild() {
	b.mu.Lock()
	defer b.mu.Unlock()
	ix := &index{byID: make(map[csta.DeviceID]*device), complete: b.Complete()}
	for _, l := range b.all() {
		if l.codes().ThroughDoNotDisturb != "" {
			ix.coded = append(ix.coded, l)
		}
		if len(l.recalled) > 0 && !l.synced.Load() {
			ix.awaited = append(ix.awaited, l)
			for _, d := range l.recalled {
				_ = ix.recalled.Add(d.ID, d.Aliases) // an alias that is no number was told when its PBX had it
			}
		}
		devices := l.devices.Load()
		if devices == nil {
			continue
		}
		for _, d := range *devices {
			if _, taken := ix.byID[d.ID]; taken {
				continue
			}
			dev := &device{Device: d, link: l}
			ix.byID[d.ID] = dev
			ix.sorted = append(ix.sorted, dev)
			if err := ix.numbers.Add(d.ID, d.Aliases); err != nil {
				l.log.Warn("a device has an alias that is no number", zap.Error(err))
			}
		}
	}
	slices.SortFunc(ix.sorted, func(a, b *device) int { return strings.Compare(string(a.ID), string(b.ID)) })
	b.index.Store(ix)
	b.people.rebuild(ix)
}

// follow finds the directory's lines anew whenever it has changed.
func (b *Board) follow(ctx context.Context) {
	for {
		changed := b.people.directory.Changed()
		b.mu.Lock()
		b.people.rebuild(b.index.Load())
		b.mu.Unlock()
		b.tellDevices()
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// sameNumbers says whether another index has the same devices with the same numbers, and waits for more like this one.
func (ix *index) sameNumbers(o *index) bool {
	return o != nil && o.complete == ix.complete && slices.Equal(ix.awaited, o.awaited) && slices.EqualFunc(ix.sorted, o.sorted, func(a, b *device) bool { return a.ID == b.ID && slices.Equal(a.Aliases, b.Aliases) })
}

// resolve finds a device by any spelling. The error is why the spelling is no number at all.
func (ix *index) resolve(spelling string) (*device, error) {
	if d := ix.byID[csta.DeviceID(spelling)]; d != nil {
		return d, nil
	}
	n, err := numbering.Parse(spelling)
	if err != nil {
		return nil, err
	}
	id, err := ix.numbers.Find(n)
	if err != nil {
		return nil, nil //nolint:nilerr // a number, and nobody's or not one device's
	}
	return ix.byID[id], nil
}

// recall is the device that a PBX which has told none yet had by that spelling when it last told them.
func (ix *index) recall(spelling string) (csta.DeviceID, bool) {
	n, err := numbering.Parse(spelling)
	if len(ix.awaited) == 0 || err != nil {
		return "", false
	}
	d, err := ix.recalled.Find(n)
	return d, err == nil
}

// expects is the device that a line of the directory which no PBX has told will be, if it's there at all: what it was, else its own number. false: all have
// told theirs, or it was none and is no global number.
func (ix *index) expects(line string) (csta.DeviceID, bool) {
	if d, ok := ix.recall(line); ok {
		return d, true
	}
	n, err := numbering.Parse(line)
	if ix.complete || err != nil || !n.Global {
		return "", false
	}
	return n.Dialled(), true
}

// Resolve turns any spelling of a peer (tel:+15551001, tel:+15551001;ext=1001, tel:1001;phone-context=dialstring, 1001) into a device. While PBXs are still
// to tell their devices, a line of the directory is one already, and so is what such a PBX had last. operation/invalidDeviceID where there is none.
func (b *Board) Resolve(spelling string) (csta.DeviceID, error) {
	d, err := b.index.Load().resolve(spelling)
	switch {
	case err != nil:
		return "", csta.ErrInvalidDeviceID.With(fmt.Errorf("the device %q: %w", clip(spelling), err))
	case d == nil:
		if id, ok := b.index.Load().recall(spelling); ok {
			return id, nil
		}
		if id, ok := b.people.expects(spelling); ok {
			return id, nil
		}
		return "", csta.ErrInvalidDeviceID.With(fmt.Errorf("no PBX has the device %q", clip(spelling)))
	}
	return d.ID, nil
}

func clip(s string) string { return s[:min(len(s), 80)] }

// offers says why a device doesn't offer a service; "" where it does.
func (d *device) lacks(s csta.Service) pbxadapter.Reason {
	if own[s] {
		return ""
	}
	if d.link.works.Load().services[s] == nil {
		return "this kind of PBX does not do it"
	}
	return d.Lacks[s]
}

func (b *Board) info(d *device) DeviceInfo {
	codes, extension := d.link.codes(), d.extension()
	i := DeviceInfo{
		Device: d.Device, PBX: d.link.name, LinkUp: d.link.up.Load(),
		Voicemail: codes.Voicemail.at(extension), Through: codes.ThroughDoNotDisturb.at(extension),
	}
	if who, ok := b.Who(d.ID); ok {
		i.Owner, i.Name = who, cmp.Or(who.Name, i.Name)
	}
	for _, s := range slices.Sorted(maps.Keys(services)) {
		if d.lacks(s) == "" {
			i.Offers = append(i.Offers, s)
		}
	}
	return i
}

// Dialled turns a number that is to be called, in any spelling, into the device that it means, or else into the canonical number of somebody
// outside. operation/invalidCalledDeviceID where it's no number.
func (b *Board) Dialled(spelling string) (csta.DeviceID, error) {
	d, err := b.index.Load().resolve(spelling)
	if d != nil {
		return d.ID, nil
	}
	if err == nil {
		var n numbering.Number
		if n, err = numbering.Parse(spelling); err == nil {
			return n.Dialled(), nil
		}
	}
	return "", csta.ErrInvalidCalledDeviceID.With(fmt.Errorf("%q %w", clip(spelling), err))
}
