// Package store keeps SIP sessions on disk, so that they outlive the process: opaque values by key, in a SQLite file that one gateway owns.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"go.uber.org/zap"
)

// The bounds of the store.
const (
	Batch    = 100 * time.Millisecond // a change is written at most this much later
	MaxKey   = 512                    // octets
	MaxValue = 256 << 10              // octets
)

// Why a file isn't opened, and why a store writes nothing more.
var (
	ErrNewer  = errors.New("written by a newer version of the program")
	ErrBroken = errors.New("not a session store, or corrupt")
	ErrInUse  = errors.New("in use by another process")
	ErrClosed = errors.New("session store: closed")
)

// Store is an open file. Its methods may be called by several goroutines at once.
type Store struct {
	path string
	file fs.FileInfo // what path was when it was opened
	db   *sql.DB     // one connection, which holds the lock on the file; nil, and so is file, while the disk stands in the way of opening it
	log  *zap.Logger

	wake  chan struct{} // there is something to write
	hurry chan struct{} // somebody waits in Sync
	quit  chan struct{} // closed by Close
	ended chan struct{} // closed by the writer, after its last batch

	mu      sync.Mutex
	pending map[string][]byte // nil: delete
	tail    *tail
	taken   uint64        // batches the writer has begun
	stored  uint64        // the last batch on disk; what an earlier one failed to write is in it
	moved   chan struct{} // closed, and made anew, when stored changes
	err     error         // of the last batch
	closed  bool
	failed  uint64 // batches that couldn't be written
	writing int    // changes of the batch that is being written
}

// Stats are a store's figures.
type Stats struct {
	Batches uint64 // written
	Failed  uint64 // batches that couldn't be, and were or will be tried again
	Pending int    // changes that aren't written yet
}

// Stats tells how the store fares.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{s.taken - s.failed, s.failed, len(s.pending) + s.writing}
}

// Put notes that key has this value now. It is in the database within Batch, together with other changes; of several changes of a key the last counts. Until
// then it is in a file beside it, so that the process may be killed at any time.
// The caller doesn't change value any more. A key or value beyond the bounds, or an empty key, isn't stored: an older value of that key goes too,
// since a session restored from it would be out of step with its peer. After Close it does nothing.
func (s *Store) Put(key string, value []byte) {
	if len(key) == 0 || len(key) > MaxKey {
		s.log.Warn("session not stored: key out of bounds", zap.Int("octets", len(key)))
		return
	}
	if len(value) > MaxValue {
		s.log.Warn("session not stored: value too large", zap.String("key", key), zap.Int("octets", len(value)))
		s.note(key, nil)
		return
	}
	if value == nil {
		value = []byte{}
	}
	s.note(key, value)
}

// Delete notes that key has no value any more; see Put.
func (s *Store) Delete(key string) {
	if len(key) == 0 || len(key) > MaxKey {
		return
	}
	s.note(key, nil)
}

func (s *Store) note(key string, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.pending[key] = value
	if err := s.tail.add(key, value); err != nil {
		s.log.Warn("changes are kept for a tenth of a second in memory alone: the file beside the store cannot be written", zap.Error(err))
	}
	if len(s.pending) == 1 {
		signal(s.wake)
	}
}

// Sync waits until every change noted before is written, such that it survives the end of the process. While the disk fails it goes on waiting;
// when ctx ends first, the error tells that failure too.
func (s *Store) Sync(ctx context.Context) error {
	s.mu.Lock()
	want := s.taken
	if len(s.pending) > 0 {
		want++
		signal(s.hurry)
	}
	for s.stored < want {
		moved := s.moved
		s.mu.Unlock()
		select {
		case <-moved:
		case <-s.ended:
			return s.afterEnd(want)
		case <-ctx.Done():
			return errors.Join(ctx.Err(), s.Err())
		}
		s.mu.Lock()
	}
	s.mu.Unlock()
	return nil
}

func (s *Store) afterEnd(want uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stored >= want {
		return nil
	}
	return errors.Join(ErrClosed, s.err)
}

// Err is why the last batch couldn't be written; nil when it was. Nothing is lost meanwhile: it is tried again, at growing intervals.
func (s *Store) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close writes what is pending, trying once, and lets go of the file. An error tells what remained unwritten. Another Close waits and does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	first := !s.closed
	if first {
		s.closed = true
		close(s.quit)
	}
	s.mu.Unlock()
	<-s.ended
	if !first {
		return nil
	}
	s.mu.Lock()
	left, err := len(s.pending), s.err
	switch {
	case left > 0 && s.tail.holds():
		err = fmt.Errorf("%d changes are left beside the file, for the next start: %w", left, err)
	case left > 0:
		err = fmt.Errorf("%d changes lost: %w", left, err)
	}
	s.tail.close()
	s.mu.Unlock()
	if s.db == nil {
		return err
	}
	return errors.Join(err, s.db.Close())
}

// signal leaves a token that whoever looks next will find.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
