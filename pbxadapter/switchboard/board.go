// Package switchboard stands between those who ask (sessions, web) and those who do (adapters): it resolves spellings, checks rights,
// finds the PBX, keeps deadlines, and remembers what happened in one journal.
//
// Ordering: the journal gives every event one number; followers see the events of the devices they watch once each, in that order. Two
// followers may be at different numbers. Appending never waits for a follower; one that is further behind than the ring
// keeps gets ErrLagged and starts again from a snapshot.
package switchboard

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/numbering"
	"farhook/pbxadapter/switchboard/audit"
	"farhook/pbxadapter/switchboard/wiretap"
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
	Codes   Codes
}

// Options are a board's limits.
type Options struct {
	Keep int         // octets of events the ring keeps (estimated); default 16 MiB
	Node string      // names this process in the journal's epoch; default made up
	Log  *zap.Logger // nil: none
	// Audit is told who controlled, or wanted to control, whose line; nil: nobody is.
	Audit *audit.Record
	// People are a directory's; nil: there is none. A policy that needs them is made of the same.
	People *People
	// Emergency knows the numbers of emergency services; nil: no number is one.
	Emergency *numbering.Emergency
	Tap       *wiretap.Tap // takes what PBXs and other programs say; nil: none
	// Roster is the folder in which the devices that each PBX told last are kept, so that their lines can be signed in to before it tells them again; empty:
	// none are.
	Roster string
}

// Seq is the number of a journal entry, from 1. It is only good for the journal that gave it: see Board.Epoch.
type Seq uint64

// Entry is one event in its place.
type Entry struct {
	Seq Seq
	PBX string
	By  Principal // whose request caused it; zero: nobody's of ours
	// References are those of Told.Calls (WithReference), one each; nil where none has one.
	References []string
	Trace      pbxadapter.TraceID // of the request that caused it
	Came       time.Time          // when the journal took it, by this machine's clock; At is when it happened
	// Beside is what Tell was given, where the entry is no event of a PBX's: then Event is nil.
	Beside any
	callmodel.Told
	shared *record
}

// ErrLagged says that a follower was further behind than the journal keeps: it starts again from a Snapshot.
var ErrLagged = errors.New("switchboard: follower lagged behind the journal")

// Filter chooses what a follower hears or a snapshot holds.
type Filter struct {
	All     bool // every device that the principal may observe
	Devices []csta.DeviceID
	Beside  bool // also what Tell was given; of a follower only
}

// Board is the switchboard. All methods are safe for concurrent use.
type Board struct {
	policy  andSystem
	people  *People // nil: there is no directory
	log     *zap.Logger
	links   atomic.Pointer[[]*link] // replaced as a whole; those that stay keep their order, in which they are locked
	index   atomic.Pointer[index]
	journal *journal
	ops     ops
	audit   *audit.Record
	tap     *wiretap.Tap

	programs atomic.Uint64 // requests, as tapProgram counts them
	meters   *meters
	counts   *counts

	emergency *numbering.Emergency

	mu      sync.Mutex // guards rebuilding the index, and what was told of devices
	told    map[csta.DeviceID]toldDevice
	arrived chan struct{} // closed, and replaced, when a PBX has told its state for the first time

	roster      string
	devicesTold chan struct{} // a PBX has told its devices

	changing sync.Mutex      // one Change at a time
	ctx      context.Context // of Run; nil: it does not run
	running  sync.WaitGroup  // links
}

// New makes a board; Run makes it work. It panics if two PBXs have one name.
func New(p Policy, o Options, pbxs ...PBX) *Board {
	if o.Keep <= 0 {
		o.Keep = 16 << 20
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Node == "" {
		o.Node = rand.Text()[:8]
	}
	b := &Board{policy: andSystem{p}, log: o.Log, audit: o.Audit, tap: o.Tap, counts: newCounts(), meters: newMeters(), people: o.People, emergency: o.Emergency, roster: o.Roster}
	b.arrived, b.devicesTold = make(chan struct{}), make(chan struct{}, 1)
	b.journal = newJournal(o.Keep, o.Node+"-"+rand.Text()[:8])
	var links []*link
	for _, x := range pbxs {
		if slices.ContainsFunc(links, func(l *link) bool { return l.name == x.Name }) {
			panic("switchboard: two PBXs are named " + x.Name)
		}
		links = append(links, b.newLink(x))
	}
	b.told = make(map[csta.DeviceID]toldDevice)
	b.links.Store(&links)
	b.journal.watched = b.watched
	b.index.Store(&index{})
	b.rebuild()
	return b
}

// Run runs every PBX's adapter, and runs it again after growing, jittered waits when it returns. It ends, with nil, when ctx does.
func (b *Board) Run(ctx context.Context) error {
	b.changing.Lock()
	b.ctx = ctx
	for _, l := range b.all() {
		b.start(l)
	}
	b.changing.Unlock()
	if b.people != nil {
		b.running.Go(func() { b.follow(ctx) })
	}
	if b.roster != "" {
		b.running.Go(func() { b.keepRosters(ctx) })
	}
	<-ctx.Done()
	b.changing.Lock() // nothing is started from here on
	defer b.changing.Unlock()
	b.running.Wait()
	return nil
}

// all are the links, at this moment.
func (b *Board) all() []*link { return *b.links.Load() }

// Epoch names this journal: positions travel as epoch.number on the web.
func (b *Board) Epoch() string { return b.journal.epoch }

// Last is the number of the newest entry. A follower whose Next says "nothing more" after it asked has seen all up to it.
func (b *Board) Last() Seq { return b.journal.last() }

// watched tells an adapter that wants to know of the first and last close look at a device.
func (b *Board) watched(d csta.DeviceID, on bool) {
	dev := b.index.Load().byID[d]
	if dev == nil {
		return
	}
	if w, ok := dev.link.works.Load().adapter.(pbxadapter.Watcher); ok {
		w.Watched(d, on)
	}
}

// DeviceInfo is a device and what it can do.
type DeviceInfo struct {
	pbxadapter.Device
	PBX    string
	LinkUp bool
	Owner  Who // whose it is, as the directory has it; its name is the device's too
	// Voicemail is the number of its voicemail, and Through the one that calls it through its do not disturb; empty: its PBX has no code for that.
	Voicemail, Through csta.DeviceID
	Offers             []csta.Service // sorted; what the adapter's table has, less what the device lacks, plus the board's own
}

// Devices lists the devices that who may observe, sorted by ID.
func (b *Board) Devices(who Principal) []DeviceInfo {
	ix := b.index.Load()
	list := make([]DeviceInfo, 0, len(ix.sorted))
	for _, d := range ix.sorted {
		if b.policy.May(who, csta.Observe, d.ID) {
			list = append(list, b.info(d))
		}
	}
	return list
}

// Device finds one device, under the same rule.
func (b *Board) Device(who Principal, d csta.DeviceID) (DeviceInfo, bool) {
	dev := b.index.Load().byID[d]
	if dev == nil || !b.policy.May(who, csta.Observe, d) {
		return DeviceInfo{}, false
	}
	return b.info(dev), true
}

// Synced says whether the PBX of d has told its state since the board began: before, what a Snapshot holds of d says nothing.
func (b *Board) Synced(d csta.DeviceID) bool {
	dev := b.index.Load().byID[d]
	return dev != nil && dev.link.synced.Load()
}

// Call finds one call by any name it has or had within 30 s, if who may observe a device in it.
func (b *Board) Call(who Principal, id csta.CallID) (callmodel.Call, bool) {
	_, c, ok := b.call(id)
	if !ok || !b.mayObserve(who, c) {
		return callmodel.Call{}, false
	}
	return c, true
}

func (b *Board) mayObserve(who Principal, c callmodel.Call) bool {
	return slices.ContainsFunc(c.Legs, func(l callmodel.Leg) bool { return b.policy.May(who, csta.Observe, l.Device) })
}

// call finds a call and the link it is on.
func (b *Board) call(id csta.CallID) (*link, callmodel.Call, bool) {
	for _, l := range b.all() {
		l.mu.Lock()
		c, ok := l.model.Call(id)
		l.mu.Unlock()
		if ok {
			return l, c, true
		}
	}
	return nil, callmodel.Call{}, false
}

// Snapshot is the state that f asks for and who may observe, and the number of the last entry it contains.
func (b *Board) Snapshot(who Principal, f Filter) (callmodel.State, Seq) {
	// No entry can be appended while every link is held: state and number belong together.
	links := b.all()
	for _, l := range links {
		l.mu.Lock()
	}
	seq := b.journal.last()
	out := callmodel.State{Features: make(map[csta.DeviceID][]callmodel.Feature), Out: make(map[csta.DeviceID]csta.EventCause)}
	if f.All {
		for _, l := range links {
			s := l.model.State()
			out.Calls = append(out.Calls, s.Calls...)
			maps.Copy(out.Features, s.Features)
			maps.Copy(out.Out, s.Out)
		}
	} else {
		snapshotOf(links, f.Devices, &out)
	}
	for _, l := range links {
		l.mu.Unlock()
	}
	out.Calls = slices.DeleteFunc(out.Calls, func(c callmodel.Call) bool { return !b.mayObserve(who, c) })
	maps.DeleteFunc(out.Features, func(d csta.DeviceID, _ []callmodel.Feature) bool { return !b.policy.May(who, csta.Observe, d) })
	maps.DeleteFunc(out.Out, func(d csta.DeviceID, _ csta.EventCause) bool { return !b.policy.May(who, csta.Observe, d) })
	slices.SortFunc(out.Calls, func(a, b callmodel.Call) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return out, seq
}

// snapshotOf fills out for some devices. The links are held.
func snapshotOf(links []*link, devices []csta.DeviceID, out *callmodel.State) {
	seen := make(map[csta.CallID]bool)
	for _, d := range devices {
		for _, l := range links {
			for _, c := range l.model.At(d) {
				if !seen[c.ID] {
					seen[c.ID] = true
					out.Calls = append(out.Calls, c)
				}
			}
			if fs := l.model.Features(d); len(fs) > 0 {
				out.Features[d] = fs
			}
			if cause, isOut := l.model.OutOfService(d); isOut {
				out.Out[d] = cause
			}
		}
	}
}
