package history

import (
	"context"
	"fmt"
	"sync/atomic"
)

// counts are a spool's counters.
type counts struct {
	batches, failed, lost atomic.Uint64
	waiting               atomic.Int64
	err                   atomic.Pointer[error]
}

// count notes what came of a batch.
func (s *Spool) count(err error) {
	s.counts.waiting.Store(0)
	if err != nil {
		s.counts.waiting.Store(int64(len(s.done) + len(s.dirty) + len(s.outbox)))
		s.counts.failed.Add(1)
		s.counts.err.Store(&err)
		return
	}
	s.counts.batches.Add(1)
	s.counts.err.Store(nil)
}

// SpoolStats are a spool's figures.
type SpoolStats struct {
	Batches uint64 // written
	Failed  uint64 // batches that couldn't be, and were or will be tried again
	Lost    uint64 // calls and documents that were given up, for want of a disk
	Waiting int    // calls and documents that the last batch left unwritten
}

// Stats tells how the spool fares.
func (s *Spool) Stats() SpoolStats {
	return SpoolStats{s.counts.batches.Load(), s.counts.failed.Load(), s.counts.lost.Load(), int(s.counts.waiting.Load())}
}

// Err is why the last batch couldn't be written; nil when it was.
func (s *Spool) Err() error {
	if err := s.counts.err.Load(); err != nil {
		return *err
	}
	return nil
}

// OutboxStats counts the documents that wait for webhooks, and those that were put aside.
func (d *DB) OutboxStats(ctx context.Context) (waiting, aside int, err error) {
	if err := d.read.QueryRowContext(ctx, "SELECT COALESCE(SUM(dead = 0), 0), COALESCE(SUM(dead > 0), 0) FROM outbox").Scan(&waiting, &aside); err != nil {
		return 0, 0, fmt.Errorf("history: %w", err)
	}
	return waiting, aside, nil
}
