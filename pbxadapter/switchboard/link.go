package switchboard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// Waits before an adapter runs again: they double from the first to the longest, and start anew after a stretch that held.
const (
	firstWait   = 500 * time.Millisecond
	longestWait = 30 * time.Second
	goodStretch = time.Minute
)

// link is one PBX: its adapter, its model, and whether it is connected.
type link struct {
	board   *Board
	name    string
	works   atomic.Pointer[works]
	log     *zap.Logger
	devices atomic.Pointer[[]pbxadapter.Device]
	up      atomic.Bool // Resync has come
	synced  atomic.Bool // it has come at least once
	// What it told before the board began, of late; it never changes.
	recalled []rosterDevice
	counts   linkCounts

	lostFor atomic.Pointer[loss]

	mu      sync.Mutex // orders facts; taken before the journal's lock
	model   *callmodel.Model
	current *reporter
	again   context.CancelFunc // ends the current run, or the pause after it; the next one begins at once
	stop    context.CancelFunc // ends them all
	ended   chan struct{}      // closed then
}

// loss is when and why a link was last lost, or couldn't be made.
type loss struct {
	at  time.Time
	why string
}

// LinkInfo is one PBX and its link.
type LinkInfo struct {
	Name     string
	Up       bool           // connected
	Synced   bool           // it has told its state since the board began
	Services []csta.Service // what its adapter can carry out, sorted
	Lost     time.Time      // when the link was last lost, or last failed to be made; zero: never
	Why      string         // likewise
}

// Links lists the PBXs, in the order of New.
func (b *Board) Links() []LinkInfo {
	links := b.all()
	list := make([]LinkInfo, len(links))
	for i, l := range links {
		list[i] = LinkInfo{Name: l.name, Up: l.up.Load(), Synced: l.synced.Load(), Services: slices.Sorted(maps.Keys(l.works.Load().services))}
		if x := l.lostFor.Load(); x != nil {
			list[i].Lost, list[i].Why = x.at, x.why
		}
	}
	return list
}

// Complete says whether every PBX has told its devices since the board began. Before that, a device that nobody knows may well be there.
func (b *Board) Complete() bool {
	return !slices.ContainsFunc(b.all(), func(l *link) bool { return !l.synced.Load() })
}

// Arrived is closed when a PBX has told its state for the first time: what was expected of it is there now, or isn't. The next call gives a new channel.
func (b *Board) Arrived() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.arrived
}

// arrive closes Arrived's channel.
func (b *Board) arrive() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.arrived)
	b.arrived = make(chan struct{})
}

// run keeps the adapter running until ctx ends.
func (l *link) run(ctx context.Context) {
	wait := firstWait
	for ctx.Err() == nil {
		began := time.Now()
		r := &reporter{link: l}
		turn, again := context.WithCancel(ctx)
		one, cancel := context.WithCancel(turn)
		l.mu.Lock()
		l.current, l.again = r, again
		l.mu.Unlock()
		l.counts.runs.Add(1)
		err := l.runAdapter(one, r)
		replaced := turn.Err() != nil
		cancel()
		if ctx.Err() != nil {
			again()
			l.end()
			return
		}
		l.lost()
		if replaced {
			wait = firstWait
			continue
		}
		if time.Since(began) >= goodStretch {
			wait = firstWait
		}
		pause := wait/2 + rand.N(wait/2+1)
		l.lostFor.Store(&loss{time.Now(), err.Error()})
		l.log.Warn("PBX link lost", zap.Error(err), zap.Duration("retry_in", pause))
		wait = min(wait*2, longestWait)
		select {
		case <-turn.Done():
			wait = firstWait
		case <-time.After(pause):
		}
		again()
	}
}

// runAdapter turns a panic of an adapter into the loss of its link.
func (l *link) runAdapter(ctx context.Context, r *reporter) (err error) {
	defer func() {
		if p := recover(); p != nil {
			l.log.Error("adapter panicked", zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
			err = fmt.Errorf("adapter panicked: %v", p)
		}
	}()
	if err = l.works.Load().adapter.Run(ctx, r); err == nil && ctx.Err() == nil {
		err = errors.New("the adapter ended without a reason")
	}
	return err
}

// end is lost where the board itself ends: nobody is left to be told.
func (l *link) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current = nil
	l.up.Store(false)
}

// lost tells every device of the PBX out of service. Its calls are left as they were: they may well go on.
func (l *link) lost() {
	l.mu.Lock()
	l.current = nil
	if !l.up.Swap(false) {
		l.mu.Unlock()
		return
	}
	at := time.Now()
	var (
		told []callmodel.Told
		out  []csta.DeviceID // already: of them no event tells that the link is lost
	)
	for _, d := range *l.devices.Load() {
		t := l.model.Apply(callmodel.Service{Meta: callmodel.Meta{At: at, Cause: csta.CauseNetworkOutOfOrder}, Device: d.ID})
		if told = append(told, t...); len(t) == 0 {
			out = append(out, d.ID)
		}
	}
	w := l.board.journal.append(l.name, told, l.board.ops.of)
	l.mu.Unlock()
	w.call()
	l.board.tellChanged(out)
}

// reporter is one run's Reporter; after the run it does nothing.
type reporter struct{ link *link }

// Devices replaces the list.
func (r *reporter) Devices(all []pbxadapter.Device) {
	r.link.mu.Lock()
	stale := r.link.current != r
	if !stale {
		r.link.devices.Store(&all)
	}
	r.link.mu.Unlock()
	if !stale {
		r.link.board.rebuild()
		r.link.board.journal.recount(all)
		r.link.board.tellDevices()
		r.link.board.keepSoon()
	}
}

// Resync replaces the state, and brings devices back into service.
func (r *reporter) Resync(s callmodel.State) {
	first, was := false, false
	s = r.link.board.namedState(s)
	r.tell(func(l *link) []callmodel.Told {
		first = !l.synced.Swap(true)
		if l.devices.Load() == nil {
			l.devices.Store(&[]pbxadapter.Device{})
		}
		told := l.model.Resync(s, time.Now())
		was = l.up.Swap(true)
		l.counts.resyncs.Add(1)
		l.log.Info("PBX link up", zap.Int("devices", len(*l.devices.Load())), zap.Int("calls", len(s.Calls)))
		return told
	}, func(l *link, w wakes) wakes {
		if first {
			w = l.board.journal.arrived(*l.devices.Load(), w)
		}
		return w
	})
	if first { // a line that no PBX has isn't waited for any more
		r.link.board.rebuild()
		r.link.board.arrive()
		r.link.board.keepSoon()
	}
	r.link.board.tellDevices()
	if !first && !was { // no event tells of those that stay out of service that the link is there again
		r.link.board.tellChanged(slices.Sorted(maps.Keys(s.Out)))
	}
}

// Report tells one fact.
func (r *reporter) Report(f callmodel.Fact) {
	f = r.link.board.named(f)
	r.tell(func(l *link) []callmodel.Told {
		odd := l.model.Odd()
		told := l.model.Apply(f)
		l.counts.facts.Add(1)
		if l.model.Odd() != odd {
			l.counts.odd.Add(1)
			var trace pbxadapter.TraceID
			if len(told) > 0 && told[0].Op != 0 {
				trace = l.board.ops.of(told[0].Op).trace
			}
			l.log.Warn("a fact the table of state changes does not know", zap.String("fact", fmt.Sprintf("%+v", f)), trace.Field())
		}
		return told
	}, nil)
}

// tell appends what apply says; after, if not nil, comes before another fact can.
func (r *reporter) tell(apply func(*link) []callmodel.Told, after func(*link, wakes) wakes) {
	l := r.link
	l.mu.Lock()
	if l.current != r {
		l.mu.Unlock()
		return
	}
	w := l.board.journal.append(l.name, apply(l), l.board.ops.of)
	if after != nil {
		w = after(l, w)
	}
	l.mu.Unlock()
	w.call()
}
