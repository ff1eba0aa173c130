package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"farhook/pbxadapter/switchboard"
)

// Limits of followers.
const (
	heartbeatEvery = 20 * time.Second
	writeWithin    = 10 * time.Second
	maxStreams     = 4096
	// gather is how long a follower waits for more before it writes: under load many events go out in one write.
	gather = 10 * time.Millisecond
)

// Why streams are cut, or don't begin. Each has its reason for people.
var (
	errFull     = errors.New("there are too many streams already")
	errSlow     = errors.New("too slow: more events waited than are kept for one follower; come back with the last position")
	errRights   = errors.New("the rights have changed: sign in again")
	errMoved    = errors.New("a number in the filter means another device now: begin anew, without a position")
	errStopping = errors.New("the gateway is stopping")
)

// Streams serves SSE and WebSocket.
type Streams struct {
	*Story
	log     *zap.Logger
	allowed func(*http.Request) bool
	refuse  func(http.ResponseWriter, int, string)
	ctx     context.Context
	end     context.CancelFunc
	beat    time.Duration

	mu     sync.Mutex
	closed bool // none begins any more
	count  int
	open   sync.WaitGroup
}

// NewStreams makes them. allowed says whether a request may come from where it says it does; refuse answers one that can't be a WebSocket, and says why.
func NewStreams(b *switchboard.Board, log *zap.Logger, allowed func(*http.Request) bool, refuse func(w http.ResponseWriter, status int, why string)) *Streams {
	ctx, end := context.WithCancel(context.Background())
	return &Streams{Story: NewStory(b), log: log, allowed: allowed, refuse: refuse, ctx: ctx, end: end, beat: heartbeatEvery}
}

// Heartbeat changes how often a follower that hears nothing gets its position. Before anybody follows.
func (s *Streams) Heartbeat(every time.Duration) { s.beat = every }

// Close ends every stream, and returns when they have. None begins after it.
func (s *Streams) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.open.Wait()
}

// Begin counts a stream in. The error says why it may not begin.
func (s *Streams) Begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errStopping
	case s.count >= maxStreams:
		return errFull
	}
	s.count++
	s.open.Add(1)
	return nil
}

func (s *Streams) finish() {
	s.mu.Lock()
	s.count--
	s.mu.Unlock()
	s.open.Done()
}

// Open is how many streams there are.
func (s *Streams) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// writer is one transport's way to write. send may buffer until flush.
type writer interface {
	send(Encoded) error
	flush() error
	ping() error
}

// follow writes documents until ctx ends or something else does. Where it cuts the stream the last document says why.
func (s *Streams) follow(ctx context.Context, w writer, v Viewer, after string, f Filter) error {
	f.Calls = slices.Clone(f.Calls)
	for i, id := range f.Calls {
		f.Calls[i] = s.Meant(v, id)
	}
	t := teller{streams: s, w: w, v: v, f: f, last: after}
	err := t.tell(ctx, after)
	for _, reason := range []error{errSlow, errRights, errMoved, errStopping} {
		if errors.Is(err, reason) && t.send(Document{Type: typeEnd, Position: t.last, At: time.Now(), Reason: reason.Error()}) == nil {
			_ = w.flush()
		}
	}
	return err
}

// teller is one follower at work.
type teller struct {
	streams *Streams
	w       writer
	v       Viewer
	f       Filter
	cursor  *switchboard.Cursor
	told    bool   // something of the journal has been told
	last    string // position
}

func (t *teller) tell(ctx context.Context, after string) error {
	s := t.streams
	news := make(chan struct{}, 1)
	from, owed, why := switchboard.Now, false, ""
	if after != "" {
		from, owed, why = s.Read(after)
	}
	t.cursor = s.board.Follow(t.v.Principal, from, t.f.board(), func() {
		select {
		case news <- struct{}{}:
		default:
		}
	})
	defer t.cursor.Close()
	for _, c := range t.f.Calls {
		t.cursor.WatchCall(c)
	}
	if after == "" || owed || why != "" {
		if err := t.start(after, why); err != nil {
			return err
		}
	} else if len(t.f.Calls) > 0 {
		t.cursor.Skip(from) // now that the calls are watched, their past counts
	}
	beat := time.NewTicker(s.beat)
	defer beat.Stop()
	changed := s.board.RightsChanged()
	for {
		upTo, err := t.drain(after)
		if err != nil {
			return err
		}
		if err := t.w.flush(); err != nil {
			return err
		}
		select {
		case <-news:
			pause(ctx, gather)
		case <-beat.C:
			if err = t.moved(); err == nil {
				err = t.heartbeat(upTo)
			}
		case <-changed:
			changed = s.board.RightsChanged()
			err = t.moved()
		case <-t.v.Done:
			err = errRights
		case <-s.ctx.Done():
			err = errStopping
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		select {
		case <-t.v.Done:
			return errRights
		default:
		}
	}
}

// moved says whether the directory or the PBXs have given the filter's numbers to other devices.
func (t *teller) moved() error {
	if t.v.Moved != nil && t.v.Moved() {
		return errMoved
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// start tells a snapshot, and before it what was lost.
func (t *teller) start(after, why string) error {
	d, seq := t.streams.Snapshot(t.v, t.f)
	t.cursor.Skip(seq)
	if why != "" {
		if err := t.send(Document{Type: typeGap, Position: t.streams.owed(seq), At: d.At, Reason: why, After: clip(after)}); err != nil {
			return err
		}
	}
	t.told = true
	if t.f.Part > 0 {
		return t.inParts(d, seq)
	}
	return t.send(d) // who doesn't read holds no more of it than its octets
}

func (t *teller) inParts(d Document, seq switchboard.Seq) error {
	for _, part := range t.streams.parts(d, seq, t.f.Part) {
		if err := t.send(part); err != nil {
			return err
		}
	}
	return nil
}

func clip(s string) string { return s[:min(len(s), 100)] }

func (t *teller) send(d Document) error {
	enc, err := Encode(d)
	if err != nil {
		return fmt.Errorf("live: encoding a document: %w", err)
	}
	t.last = enc.Position
	return t.w.send(enc)
}

// drain tells what waits, and gives the number up to which everything has been told.
func (t *teller) drain(after string) (switchboard.Seq, error) {
	for {
		last := t.streams.board.Last()
		e, ok, err := t.cursor.Next()
		switch {
		case errors.Is(err, switchboard.ErrLagged) && t.told:
			return 0, errSlow
		case errors.Is(err, switchboard.ErrLagged):
			if err := t.start(after, "the position is too old: the journal doesn't keep it any more"); err != nil {
				return 0, err
			}
			continue
		case err != nil:
			return 0, err
		case !ok:
			return last, nil
		}
		t.told, t.last = true, t.streams.At(e.Seq)
		if !t.f.Wants(e) {
			continue
		}
		enc, ok, err := t.streams.Encoded(t.v, t.f, e)
		if err != nil {
			return 0, fmt.Errorf("live: encoding an event: %w", err)
		}
		if ok {
			if err := t.w.send(enc); err != nil {
				return 0, err
			}
		}
	}
}

func (t *teller) heartbeat(last switchboard.Seq) error {
	if err := t.send(Document{Type: typeHeartbeat, Position: t.streams.At(last), At: time.Now()}); err != nil {
		return err
	}
	if err := t.w.ping(); err != nil {
		return err
	}
	return t.w.flush()
}
