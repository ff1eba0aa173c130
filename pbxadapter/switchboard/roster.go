package switchboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/directory"
	"farhook/pbxadapter/numbering"
)

// The devices that each PBX told last are kept on disk, so that after a start beside a PBX that is down its lines can be signed in to: provisionally,
// until it tells what it has now.

const (
	rosterVersion = 1
	rosterAge     = 30 * 24 * time.Hour // a device that its PBX hasn't told for so long is forgotten
	rosterSettle  = time.Second         // a PBX that is read at the start tells its devices several times
	rosterLargest = 64 << 20            // octets of a file that is read
)

// roster is the file of one PBX.
type roster struct {
	Version int            `json:"farhookDevices"`
	PBX     string         `json:"pbx"`
	Devices []rosterDevice `json:"devices"`
}

// rosterDevice is a device as it was last told.
type rosterDevice struct {
	ID      csta.DeviceID `json:"id"`
	Aliases []string      `json:"aliases,omitempty"`
	Seen    time.Time     `json:"seen"`
}

func (b *Board) rosterFile(pbx string) string {
	return filepath.Join(b.roster, "devices-"+pbx+".json")
}

// recall reads what a PBX told last. A file that is no good is told, and is as if there were none.
func (b *Board) recall(l *link) {
	if b.roster == "" {
		return
	}
	list, err := readRoster(b.rosterFile(l.name), l.name, time.Now())
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		l.log.Warn("the devices that the PBX told last cannot be read: lines that the directory hasn't are not known before it tells them again", zap.Error(err))
	default:
		l.recalled = list
		l.log.Info("devices that the PBX told last", zap.Int("devices", len(list)))
	}
}

// readRoster gives the devices of a file that were told of late.
func readRoster(file, pbx string, now time.Time) ([]rosterDevice, error) {
	switch info, err := os.Stat(file); {
	case err != nil:
		return nil, err
	case info.Size() > rosterLargest:
		return nil, fmt.Errorf("%s is larger than %d octets", file, rosterLargest)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var r roster
	switch err := json.Unmarshal(text, &r); {
	case err != nil:
		return nil, fmt.Errorf("%s is damaged: %w", file, err)
	case r.Version != rosterVersion:
		return nil, fmt.Errorf("%s has form %d, this program knows %d", file, r.Version, rosterVersion)
	case r.PBX != pbx:
		return nil, fmt.Errorf("%s is of the PBX %q", file, clip(r.PBX))
	}
	return slices.DeleteFunc(r.Devices, func(d rosterDevice) bool {
		_, err := numbering.Parse(string(d.ID))
		return err != nil || now.Sub(d.Seen) > rosterAge
	}), nil
}

// keepSoon lets keepRosters look.
func (b *Board) keepSoon() {
	select {
	case b.devicesTold <- struct{}{}:
	default:
	}
}

// keepRosters writes what PBXs tell of their devices, soon after they tell it, once a day, and at the end. It ends when ctx does.
func (b *Board) keepRosters(ctx context.Context) {
	day := time.NewTicker(24 * time.Hour)
	defer day.Stop()
	written := make(map[*link]*[]pbxadapter.Device)
	failed := ""
	write := func(again bool) {
		var errs error
		for _, l := range b.all() {
			list := l.devices.Load()
			if list == nil || !l.synced.Load() || list == written[l] && (!again || !l.up.Load()) {
				continue
			}
			if err := b.writeRoster(l, *list); err != nil {
				errs = errors.Join(errs, err)
				continue
			}
			written[l] = list
		}
		if text := fmt.Sprint(errs); errs == nil {
			failed = ""
		} else if text != failed {
			failed = text
			b.log.Warn("the devices of a PBX cannot be kept: after a start beside a PBX that is down, lines that the directory hasn't are not known", zap.Error(errs))
		}
	}
	for {
		select {
		case <-ctx.Done():
			write(false)
			return
		case <-day.C:
			write(true)
		case <-b.devicesTold:
			select {
			case <-ctx.Done():
			case <-time.After(rosterSettle):
			}
			write(false)
		}
	}
}

// writeRoster writes a PBX's devices, whole or not at all. Those that it told of late and doesn't tell now stay, unless their numbers are another's: a PBX
// that forgets its phones for a moment takes none of them away.
func (b *Board) writeRoster(l *link, devices []pbxadapter.Device) error {
	now := time.Now()
	r := roster{Version: rosterVersion, PBX: l.name, Devices: make([]rosterDevice, 0, len(devices))}
	told := make(map[string]bool, 2*len(devices))
	for _, d := range devices {
		r.Devices = append(r.Devices, rosterDevice{d.ID, d.Aliases, now})
		told[string(d.ID)] = true
		for _, a := range d.Aliases {
			told[a] = true
		}
	}
	before, _ := readRoster(b.rosterFile(l.name), l.name, now) // what can't be read was told at the start
	for _, d := range before {
		if !told[string(d.ID)] && !slices.ContainsFunc(d.Aliases, func(a string) bool { return told[a] }) {
			r.Devices = append(r.Devices, d)
		}
	}
	return directory.Whole(b.rosterFile(l.name), func(w io.Writer) error { return json.NewEncoder(w).Encode(r) })
}
