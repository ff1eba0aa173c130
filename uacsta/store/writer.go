package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"go.uber.org/zap"
)

// How long the writer waits after a failure: doubling, from Batch to this.
const longestWait = 10 * time.Second

// run writes batches until Close, and then what is left, once.
func (s *Store) run() {
	defer close(s.ended)
	wait := Batch
	for {
		select {
		case <-s.wake:
		case <-s.quit:
			s.write()
			return
		}
		hurry := s.hurry
		if wait > Batch { // a disk that fails isn't asked more often because more people wait for it
			hurry = nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-hurry:
		case <-s.quit:
			timer.Stop()
			s.write()
			return
		}
		timer.Stop()
		if s.write() {
			wait = Batch
		} else {
			wait = min(2*wait, longestWait)
		}
	}
}

// write takes what is pending and writes it. What can't be written is pending again, unless the key has changed meanwhile.
func (s *Store) write() bool {
	s.mu.Lock()
	batch := s.pending
	if len(batch) == 0 {
		s.mu.Unlock()
		return true
	}
	s.pending = make(map[string][]byte)
	s.taken++
	n := s.taken
	s.writing = len(batch)
	s.tail.taken()
	s.mu.Unlock()

	err := s.commit(batch)

	s.mu.Lock()
	before := s.err
	s.writing = 0
	s.err = err
	if err != nil {
		s.failed++
		maps.Copy(batch, s.pending)
		s.pending = batch
		signal(s.wake)
	} else {
		s.stored = n
		s.tail.stored()
		close(s.moved)
		s.moved = make(chan struct{})
	}
	s.mu.Unlock()

	switch { // a failure is logged once, not at every attempt
	case err != nil && before == nil:
		s.log.Error("sessions can't be stored, trying again", zap.Error(err))
	case err == nil && before != nil:
		s.log.Info("sessions are stored again", zap.String("path", s.path))
	}
	return err == nil
}

// commit writes a batch; a store that isn't open yet is opened first.
func (s *Store) commit(batch map[string][]byte) error {
	err := s.present()
	if errors.Is(err, errNotOpen) {
		err = explain(s.open())
	}
	if err == nil {
		err = writeTo(s.db, batch)
	}
	if err != nil {
		return fmt.Errorf("session store %s: %w", s.path, err)
	}
	return nil
}

// writeTo writes a batch in one transaction: all of it, or nothing.
func writeTo(db *sql.DB, batch map[string][]byte) (err error) {
	ctx := context.Background()
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			// After some failures SQLite has rolled back by itself; then this fails, and nothing is amiss.
			_, _ = c.ExecContext(ctx, "ROLLBACK")
		}
		_ = c.Close() // goes back to the pool
	}()
	if _, err := c.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := changes(ctx, c, batch); err != nil {
		return err
	}
	_, err = c.ExecContext(ctx, "COMMIT")
	return err
}

// changes carries out a batch: in the order of keys, which is the order on disk, and deletions first, since they make room.
func changes(ctx context.Context, c *sql.Conn, batch map[string][]byte) error {
	remove, err := c.PrepareContext(ctx, "DELETE FROM session WHERE key = ?")
	if err != nil {
		return err
	}
	defer func() { _ = remove.Close() }()
	put, err := c.PrepareContext(ctx, "INSERT INTO session (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
	if err != nil {
		return err
	}
	defer func() { _ = put.Close() }()

	keys := slices.Sorted(maps.Keys(batch))
	for _, k := range keys {
		if batch[k] == nil {
			if _, err := remove.ExecContext(ctx, []byte(k)); err != nil {
				return err
			}
		}
	}
	for _, k := range keys {
		if v := batch[k]; v != nil {
			if _, err := put.ExecContext(ctx, []byte(k), v); err != nil {
				return err
			}
		}
	}
	return nil
}

// present says whether the file is still where it was. Without asking, one would go on writing into a file that nobody can open again.
func (s *Store) present() error {
	if s.file == nil {
		return errNotOpen
	}
	now, err := os.Stat(s.path)
	if err != nil {
		return fmt.Errorf("the file is gone: %w", err)
	}
	if !os.SameFile(s.file, now) {
		return errors.New("another file has taken its place")
	}
	return nil
}
