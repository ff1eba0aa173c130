// Package switchboard stands between those who ask (sessions, web) and those who do (adapters): it resolves spellings, checks rights,
// finds the PBX, keeps deadlines, and remembers what happened in one journal.
//
// Ordering: the journal gives every event one number; followers see the events of the devices they watch once each, in that order. Two
// followers may be at different numbers. Appending never waits for a follower; one that is further behind than the ring
// keeps gets ErrLagged and starts again from a snapshot.
package switchboard

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// Principal is who asks. The zero value may do nothing.
type Principal struct {
	User string        // SIP address or web user; for logs and audit
	Line csta.DeviceID // the line a session signed in to; empty on the web
	Via  string        // "sip", "http", …
	Peer string        // address or name of the host it came by
}

// Policy says who may do what. It is called often, concurrently, and must be quick.
type Policy interface {
	May(who Principal, right csta.Right, d csta.DeviceID) bool
	// Changed is closed when rights may have changed; the next call gives a new channel.
	Changed() <-chan struct{}
}

// PBX is one adapter under its name.
type PBX struct {
	Name    string
	Adapter pbxadapter.Adapter
}

// Options are a board's limits.
type Options struct {
	Keep int         // octets of events the ring keeps (estimated); default 16 MiB
	Node string      // names this process in the journal's epoch; default made up
	Log  *zap.Logger // nil: none
}

// Seq is the number of a journal entry, from 1. It is only good for the journal that gave it: see Board.Epoch.
type Seq uint64

// Entry is one event in its place.
type Entry struct {
	Seq Seq
	PBX string
	By  Principal // whose request caused it; zero: nobody's of ours
	callmodel.Told
}

// ErrLagged says that a follower was further behind than the journal keeps: it starts again from a Snapshot.
var ErrLagged = errors.New("switchboard: follower lagged behind the journal")

// Filter chooses what a follower hears or a snapshot holds.
type Filter struct {
	All     bool // every device that the principal may observe
	Devices []csta.DeviceID
}

// Board is the switchboard. All methods are safe for concurrent use.
type Board struct{}

// New makes a board; Run makes it work.
func New(p Policy, o Options, pbxs ...PBX) *Board { return &Board{} }

// Run runs every PBX's adapter, and runs it again after growing, jittered waits when it returns. It ends, with nil, when ctx does.
func (b *Board) Run(ctx context.Context) error { return nil }

// Epoch names this journal: positions travel as epoch.number on the web.
func (b *Board) Epoch() string { return "" }

// Resolve turns any spelling of a peer (tel:+15551001, tel:+15551001;ext=1001, tel:1001;phone-context=dialstring, 1001) into a device.
// operation/invalidDeviceID where no PBX has it.
func (b *Board) Resolve(spelling string) (csta.DeviceID, error) { return "", nil }

// Begin gives a mark for a request that is about to be made: put it into the context with pbxadapter.WithOp before Do, and the
// entries it causes carry it. Do makes its own where there is none.
func (b *Board) Begin() callmodel.OpID { return 0 }

// Do carries a request out for who: completes it (spellings to devices, callID to the principal's own connection), checks every
// right it needs, finds the PBX, and calls the adapter under that service's deadline. Errors with a meaning are *csta.Error.
func (b *Board) Do(ctx context.Context, who Principal, r csta.Request) (csta.Response, error) {
	return nil, nil
}

// Devices lists the devices that who may observe, sorted by ID.
func (b *Board) Devices(who Principal) []DeviceInfo { return nil }

// Device finds one device, under the same rule.
func (b *Board) Device(who Principal, d csta.DeviceID) (DeviceInfo, bool) { return DeviceInfo{}, false }

// DeviceInfo is a device and what it can do.
type DeviceInfo struct {
	pbxadapter.Device
	PBX    string
	LinkUp bool
	Offers []csta.Service // sorted; what the adapter's table has, less what the device lacks, plus the board's own
}

// Call finds one call by any name it has or had within 30 s.
func (b *Board) Call(who Principal, id csta.CallID) (callmodel.Call, bool) {
	return callmodel.Call{}, false
}

// Snapshot is the state that f asks for and who may observe, and the number of the last entry it contains.
func (b *Board) Snapshot(who Principal, f Filter) (callmodel.State, Seq) { return callmodel.State{}, 0 }

// Follow gives a cursor over the entries after the given number. wake is called, from any goroutine and never twice without a Next
// that said "nothing more" in between, when there is something to read; it must only schedule.
func (b *Board) Follow(who Principal, after Seq, f Filter, wake func()) *Cursor { return &Cursor{} }

// Cursor is one follower's place in the journal. Its methods are for one goroutine at a time.
type Cursor struct{}

// Watch adds a device and gives the number from which its entries count: entries up to it are not delivered for this device. It is the
// close look of a monitor: an adapter that is a pbxadapter.Watcher hears of the first and the last one (Filter.Devices does not count).
func (c *Cursor) Watch(d csta.DeviceID) Seq { return 0 }

// WatchCall adds a call, wherever it goes (call monitors); the same rule.
func (c *Cursor) WatchCall(id csta.CallID) Seq { return 0 }

// Unwatch takes a device away.
func (c *Cursor) Unwatch(d csta.DeviceID) {}

// UnwatchCall takes a call away.
func (c *Cursor) UnwatchCall(id csta.CallID) {}

// Next is the next entry for this follower. false: nothing now; wake will be called. Its audience is whole: the follower
// looks only at the seats it watches. ErrLagged: the follower takes a Snapshot and calls Skip.
func (c *Cursor) Next() (Entry, bool, error) { return Entry{}, false, nil }

// Skip goes on after the given number: after a Snapshot.
func (c *Cursor) Skip(to Seq) {}

// Close ends it. wake is not called afterwards.
func (c *Cursor) Close() {}

// deadline of one service; see services.go for the table.
type deadline struct {
	proof bool // the PBX has shown the result; else it has taken the request
	limit time.Duration
}
