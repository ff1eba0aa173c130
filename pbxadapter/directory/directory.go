package directory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// Source is where people come from.
type Source interface {
	// Name is for logs and for the file of the last good copy: a-z, 0-9 and -.
	Name() string
	// Load gives everybody to f, one by one, as they stand: what can't be used is for the caller to say. It returns when ctx ends.
	Load(ctx context.Context, f func(Person)) error
}

// Options of a Directory. Zero values mean the defaults.
type Options struct {
	Refresh time.Duration // default 10 min
	Limit   time.Duration // for one load of one source; default 2 min
	Start   time.Duration // how long the first load may take where there is a copy; default 10 s
	Folder  string        // of the last good copies; empty: none are kept
	Look    bool          // the copies are read only: another process keeps them
	Log     *zap.Logger   // nil: none
}

// Directory keeps its sources' people up to date. All methods are safe for concurrent use.
type Directory struct {
	o       Options
	sources []*source
	view    atomic.Pointer[View]
	hurry   chan struct{}

	mu      sync.Mutex
	changed chan struct{}
	loading sync.Mutex // one load at a time
}

// source is a Source and what it told last.
type source struct {
	Source
	people   []Person
	problems checker
	state    SourceState
}

// New makes a directory; nobody is in it before Load.
func New(o Options, sources ...Source) *Directory {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&o.Refresh, 10*time.Minute)
	set(&o.Limit, 2*time.Minute)
	set(&o.Start, 10*time.Second)
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	d := &Directory{o: o, hurry: make(chan struct{}, 1), changed: make(chan struct{})}
	for _, s := range sources {
		d.sources = append(d.sources, &source{Source: s, state: SourceState{Name: s.Name()}})
	}
	d.view.Store(newView(nil))
	return d
}

// View is everybody as last known; never nil.
func (d *Directory) View() *View { return d.view.Load() }

// Changed is closed when there is a new View; the next call gives a new channel.
func (d *Directory) Changed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

// Refresh lets Run load anew at once.
func (d *Directory) Refresh() {
	select {
	case d.hurry <- struct{}{}:
	default:
	}
}

// Load fills the directory for the first time: from every source, or, where one doesn't answer, from its last good copy. The error, which is for sources that
// have given nothing at all, leaves what the others gave.
func (d *Directory) Load(ctx context.Context) error {
	d.loading.Lock()
	defer d.loading.Unlock()
	var bad []error
	for _, s := range d.sources {
		d.restore(s)
	}
	for _, s := range d.sources {
		limit := d.o.Limit
		if s.people != nil {
			limit = min(limit, d.o.Start) // there is somebody to go on with
		}
		if err := d.load(ctx, s, limit); err != nil && s.people == nil {
			bad = append(bad, fmt.Errorf("directory: %s: %w, and there is no copy of it", s.Name(), err))
		}
	}
	d.publish()
	return errors.Join(bad...)
}

// Waits after a source has failed: they double up to the refresh interval.
const firstWait = 5 * time.Second

// Run refreshes until ctx ends.
func (d *Directory) Run(ctx context.Context) error {
	first := min(firstWait, d.o.Refresh)
	wait, failing := d.o.Refresh, d.anyFailed()
	if failing { // at the start: what there is may be an old copy
		wait = first
	}
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-d.hurry:
			timer.Stop()
		case <-timer.C:
		}
		switch good := d.refresh(ctx); {
		case good:
			wait, failing = d.o.Refresh, false
		case !failing:
			wait, failing = first, true
		default:
			wait = min(2*wait, d.o.Refresh)
		}
	}
}

func (d *Directory) anyFailed() bool {
	for _, s := range d.View().Sources {
		if s.Err != nil {
			return true
		}
	}
	return false
}

// refresh loads every source once. false: one of them failed.
func (d *Directory) refresh(ctx context.Context) bool {
	d.loading.Lock()
	defer d.loading.Unlock()
	good := true
	for _, s := range d.sources {
		if d.load(ctx, s, d.o.Limit) != nil {
			good = false
		}
	}
	if ctx.Err() == nil {
		d.publish()
	}
	return good
}

// errNobody is a source that suddenly knows nobody: that is a right lost, or a wrong base, rather than everybody gone.
var errNobody = errors.New("it knows nobody any more, which is taken for a fault of its own")

// load asks a source. Where that fails everything stays as it was.
func (d *Directory) load(ctx context.Context, s *source, limit time.Duration) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var c checker
	people := make([]Person, 0, len(s.people))
	err := s.Load(ctx, func(p Person) {
		if p, ok := c.person(p); ok {
			people = append(people, p)
		}
	})
	if err == nil && len(people) == 0 && len(s.people) > 0 {
		err = errNobody
	}
	failedBefore := s.state.Err != nil
	if err != nil {
		s.state.Err = err
		d.o.Log.Warn("directory source failed: what it told last stays", zap.String("source", s.Name()), zap.Int("people", len(s.people)), zap.Time("as_of", s.state.At), zap.Error(err))
		return err
	}
	s.people, s.problems = people, c
	s.state = SourceState{Name: s.Name(), At: began, People: len(people)}
	level := zap.DebugLevel
	if failedBefore || len(c.problems) > 0 || s.state.At.IsZero() {
		level = zap.InfoLevel
	}
	d.o.Log.Log(level, "directory source loaded", zap.String("source", s.Name()), zap.Int("people", len(people)), zap.Int("problems", len(c.problems)+c.more), zap.Duration("took", time.Since(began)))
	if err := d.keep(s); err != nil {
		d.o.Log.Warn("the last good copy of a directory source cannot be written", zap.String("source", s.Name()), zap.Error(err))
	}
	return nil
}

// publish makes a View of what the sources told last. A user whom several know is the first one's; his other numbers are taken from all of them.
func (d *Directory) publish() {
	n := 0
	for _, s := range d.sources {
		n += len(s.people)
	}
	all := make([]Person, 0, n)
	at := make(map[string]int)
	v := &View{}
	for i, s := range d.sources {
		v.Problems = append(v.Problems, s.problems.problems...)
		v.More += s.problems.more
		v.Sources = append(v.Sources, s.state)
		for _, p := range s.people {
			first, known := 0, false
			if p.User != "" && i > 0 {
				first, known = at[p.User]
			}
			if known {
				all[first].Aliases = append(append([]string(nil), all[first].Aliases...), append(p.Lines, p.Aliases...)...)
				continue
			}
			if p.User != "" && len(d.sources) > 1 {
				at[p.User] = len(all)
			}
			all = append(all, p)
		}
	}
	made := newView(all)
	made.Problems, made.More, made.Sources = v.Problems, v.More, v.Sources
	d.view.Store(made)
	d.mu.Lock()
	close(d.changed)
	d.changed = make(chan struct{})
	d.mu.Unlock()
}
