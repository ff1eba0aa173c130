package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/switchboard"
	"farhook/web/access"
)

// Batch is the longest that something noted waits to be written; what goes out to webhooks waits only Soon.
const (
	Batch = time.Second
	Soon  = 50 * time.Millisecond
	most  = 2000 // entries in one batch
)

// Sending is a document for a webhook.
type Sending struct {
	Webhook  string
	Message  string // its id: the same on every try
	Ordered  string // documents with the same are delivered in order
	Document []byte
}

// Spool follows the journal, and writes what is to last: calls, and documents for webhooks.
type Spool struct {
	db    *DB
	board *switchboard.Board
	log   *zap.Logger
	out   func(switchboard.Entry) []Sending // nil: nothing goes out
	sent  func()                            // called when there is something to deliver; nil: nobody waits
	gap   func(reason string) []Sending     // says that documents are lost; nil: nobody is told

	cursor  *switchboard.Cursor
	news    chan struct{}
	open    map[csta.CallID]*Call
	orphans map[csta.CallID]*Call // open rows of an earlier process, whose PBX hasn't told its state yet
	done    []*Call               // ended, not written
	dirty   map[*Call]bool        // open, and not as written
	outbox  []Sending
	last    int64 // of the ids of rows
	counts  counts
}

// NewSpool reads the calls that were open when the last process ended, and gives the board their references. It must be made before the board runs. out
// gives the documents that an entry sends out; sent is told when they are on disk.
func NewSpool(ctx context.Context, db *DB, b *switchboard.Board, log *zap.Logger, out func(switchboard.Entry) []Sending, sent func()) (*Spool, error) {
	s := &Spool{
		db: db, board: b, log: log, out: out, sent: sent, news: make(chan struct{}, 1),
		open: make(map[csta.CallID]*Call), orphans: make(map[csta.CallID]*Call), dirty: make(map[*Call]bool),
	}
	calls, err := db.openCalls(ctx)
	if err != nil {
		return nil, err
	}
	// It follows from now on: nothing that happens before Run is lost.
	s.cursor = b.Follow(access.Gateway, switchboard.Now, switchboard.Filter{All: true, Beside: true}, func() {
		select {
		case s.news <- struct{}{}:
		default:
		}
	})
	for _, c := range calls {
		s.orphans[c.CallID] = c
		if c.Reference != "" {
			b.Refer(c.CallID, c.Reference)
		}
	}
	return s, nil
}

// Gaps has f give the documents that say that some are lost: now those of the time when no gateway ran, later those that came faster than they were
// read. To be called before Run, and before there are new receivers.
func (s *Spool) Gaps(f func(reason string) []Sending) {
	s.gap = f
	s.lost("the gateway was started again")
}

// lost notes that documents are.
func (s *Spool) lost(reason string) {
	if s.gap != nil {
		s.outbox = append(s.outbox, s.gap(reason)...)
	}
}

// Run follows until ctx ends; then it writes what is left. Writing goes on beside: a disk that takes its time holds up nobody who reads the journal.
func (s *Spool) Run(ctx context.Context) error {
	f, news := s.cursor, s.news
	defer f.Close()
	s.adopt(time.Now())
	timer := time.NewTimer(Batch)
	defer timer.Stop()
	written := make(chan error)
	var writing *batch // nil: nothing is being written
	due, failing, last := time.Now().Add(Batch), false, false
	settle := func(err error) {
		if failing = err != nil; failing {
			s.log.Error("history not written; trying again", zap.Error(err), zap.Int("calls", len(writing.ended)+len(writing.open)), zap.Int("documents", len(writing.out)))
			s.takeBack(writing)
			due = time.Now().Add(Batch)
		} else if len(writing.out) > 0 && s.sent != nil {
			s.sent()
		}
		writing = nil
		s.count(err)
	}
	for {
		more := s.drain(f)
		now := time.Now()
		if soon := now.Add(Soon); len(s.outbox) > 0 && due.After(soon) && !failing {
			due = soon
		}
		ended := ctx.Err() != nil && !more
		if writing == nil && (ended || !now.Before(due) || len(s.done)+len(s.dirty)+len(s.outbox) >= most && !failing) {
			s.reconcile(now)
			due = now.Add(Batch)
			if writing = s.batch(); writing != nil {
				b := writing
				go func() { written <- s.db.writeBatch(context.WithoutCancel(ctx), b.ended, b.open, b.out) }()
			} else if ended {
				return nil
			}
		}
		switch {
		case ended:
			settle(<-written)
			if failing && last {
				return nil // it was tried once more
			}
			last = failing
			continue
		case more:
			select {
			case err := <-written:
				settle(err)
			default:
			}
			continue
		}
		timer.Reset(max(time.Until(due), 0))
		if writing != nil && time.Until(due) <= 0 {
			timer.Stop() // the next one follows this one
		}
		select {
		case <-ctx.Done():
		case <-news:
		case err := <-written:
			settle(err)
		case <-timer.C:
		}
	}
}

// mostKept bounds what is kept in memory while the disk fails: then the oldest goes.
const mostKept = 100_000

func (s *Spool) bound() {
	if n := len(s.done) - mostKept; n > 0 {
		s.counts.lost.Add(uint64(n))
		s.log.Error("history lost for want of a disk", zap.Int("calls", n))
		s.done = s.done[n:]
	}
	if n := len(s.outbox) - mostKept; n > 0 {
		s.counts.lost.Add(uint64(n))
		s.log.Error("documents for webhooks lost for want of a disk", zap.Int("documents", n))
		s.outbox = s.outbox[n:]
	}
}

// drain takes what has come, but no more than a batch. true: there is more.
func (s *Spool) drain(f *switchboard.Cursor) bool {
	for range most {
		e, ok, err := f.Next()
		switch {
		case errors.Is(err, switchboard.ErrLagged):
			s.log.Warn("history has lost events: calls that ended meanwhile are entered as unknown")
			f.Skip(s.board.Last())
			s.adopt(time.Now())
			s.lost("more events came than could be kept for webhooks")
		case !ok:
			return false
		default:
			s.take(e)
		}
	}
	return true
}

// adopt brings what is open in line with what there is: at the start, and after events were lost.
func (s *Spool) adopt(now time.Time) {
	state, _ := s.board.Snapshot(access.Gateway, switchboard.Filter{All: true})
	up := make(map[csta.CallID]bool)
	for i := range state.Calls {
		c := &state.Calls[i]
		up[c.ID] = true
		s.call(c.ID, s.pbxOf(c)).see(c, now)
	}
	for id, c := range s.open {
		if !up[id] {
			s.finish(c, Unknown, now)
		}
	}
}

func (s *Spool) pbxOf(c *callmodel.Call) string {
	for _, l := range c.Legs {
		if d, ok := s.board.Device(access.Gateway, l.Device); ok {
			return d.PBX
		}
	}
	return ""
}

// call finds an open call, takes an orphan on, or begins one.
func (s *Spool) call(id csta.CallID, pbx string) *Call {
	c := s.open[id]
	if c == nil {
		if c = s.orphans[id]; c != nil {
			delete(s.orphans, id)
		} else {
			c = &Call{PBX: pbx, CallID: id}
		}
		s.open[id] = c
	}
	s.dirty[c] = true
	return c
}

// take notes what one entry says.
func (s *Spool) take(e switchboard.Entry) {
	if s.out != nil {
		s.outbox = append(s.outbox, s.out(e)...)
	}
	if len(e.Calls) == 0 {
		return
	}
	reference := func(i int) string {
		if e.References == nil {
			return ""
		}
		return e.References[i]
	}
	result := len(e.Calls) - 1
	for i, id := range e.Calls[:result] { // what is joined goes on in the result
		if e.After[i] != nil || id == e.Calls[result] {
			continue
		}
		if c := s.open[id]; c != nil && s.open[e.Calls[result]] == nil {
			delete(s.open, id)
			s.open[e.Calls[result]] = c
		} else if c != nil {
			c.note(e, reference(i))
			c.JoinedTo = e.Calls[result]
			s.finish(c, Joined, e.At)
		}
	}
	id, after := e.Calls[result], e.After[result]
	if after == nil && s.open[id] == nil && s.orphans[id] == nil {
		return // it has ended already
	}
	c := s.call(id, e.PBX)
	c.note(e, reference(result))
	if after != nil {
		c.see(after, e.At)
		return
	}
	if _, last := e.Event.(csta.CallClearedEvent); last {
		s.finish(c, c.result(), e.At)
	}
}

func (s *Spool) finish(c *Call, outcome string, at time.Time) {
	c.end(outcome, at)
	delete(s.open, c.CallID)
	delete(s.dirty, c)
	s.done = append(s.done, c)
}

// reconcile ends the calls of an earlier process that are gone, once their PBX has told what there is.
func (s *Spool) reconcile(now time.Time) {
	if len(s.orphans) == 0 {
		return
	}
	synced := make(map[string]bool)
	for _, l := range s.board.Links() {
		synced[l.Name] = l.Synced
	}
	for id, c := range s.orphans {
		known, there := synced[c.PBX]
		if there && !known {
			continue
		}
		delete(s.orphans, id)
		if now, up := s.board.Call(access.Gateway, id); up {
			s.open[id] = c
			c.see(&now, now.Began)
			s.dirty[c] = true
			continue
		}
		c.Cause = "unknown, gateway restarted"
		c.end(Unknown, now)
		s.done = append(s.done, c)
	}
}

// batch is what is written in one transaction.
type batch struct {
	ended, open []row
	out         []Sending
}

// batch takes what is noted: ended calls as they are, open ones as they are now. nil: there is nothing.
func (s *Spool) batch() *batch {
	if len(s.done)+len(s.dirty)+len(s.outbox) == 0 {
		return nil
	}
	open := make([]*Call, 0, len(s.dirty))
	for c := range s.dirty {
		open = append(open, c)
	}
	b := &batch{ended: s.rows(s.done), open: s.rows(open), out: s.outbox}
	for i := range b.open {
		now := *b.open[i].Call
		now.Legs = slices.Clone(now.Legs)
		b.open[i].Call = &now
	}
	s.done, s.outbox = nil, nil
	clear(s.dirty)
	return b
}

// takeBack notes again what could not be written; it comes before what has been noted since.
func (s *Spool) takeBack(b *batch) {
	done := make([]*Call, 0, len(b.ended)+len(s.done))
	for _, r := range b.ended {
		done = append(done, r.Call)
	}
	s.done = append(done, s.done...)
	for _, r := range b.open {
		if c := s.open[r.CallID]; c != nil && c.row == r.row {
			s.dirty[c] = true
		}
	}
	s.outbox = append(b.out, s.outbox...)
	s.bound()
}

// row is a call to be written; fresh: it has no row yet.
type row struct {
	*Call
	fresh bool
}

// rows gives every call its row's name: it sorts by begin, and no two processes give the same.
func (s *Spool) rows(calls []*Call) []row {
	list := make([]row, len(calls))
	for i, c := range calls {
		fresh := c.row == ""
		if fresh {
			s.last++
			c.row = fmt.Sprintf("%012x-%s-%06x", max(ms(c.Began), 0), s.board.Epoch()[max(len(s.board.Epoch())-8, 0):], s.last)
			c.ID = c.row
		}
		list[i] = row{c, fresh}
	}
	return list
}
