package web

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/web/access"
)

// retainEvery is how often calls that are too old are forgotten.
const retainEvery = time.Hour

// Run keeps history, delivers webhooks and looks after rights until ctx ends; what has happened by then is written when it returns. It must begin before
// the board runs or soon after.
func (s *Server) Run(ctx context.Context) error {
	var all sync.WaitGroup
	all.Go(func() { _ = s.access.Run(ctx) })
	if s.spool != nil {
		all.Go(func() { _ = s.spool.Run(ctx) })
		all.Go(func() { retention{s.conf.Retention, time.Now, s.db.Retain, s.log}.run(ctx) })
		all.Go(func() { s.notes.run(ctx) })
		all.Go(func() { _ = s.hooks.Run(ctx) })
	}
	all.Wait()
	return nil
}

// retention forgets calls that are too old.
type retention struct {
	keep   time.Duration // 0: for ever
	now    func() time.Time
	forget func(ctx context.Context, before time.Time) (calls int64, err error)
	log    *zap.Logger
}

// run forgets now, and every hour, until ctx ends; or until the clock has been put forward.
func (r retention) run(ctx context.Context) {
	if r.keep <= 0 {
		return
	}
	tick := time.NewTicker(retainEvery)
	defer tick.Stop()
	for began := r.now(); ; {
		now := r.now()
		if jump := clockJump(began, now); jump > retainEvery { // what looks old may be of yesterday
			r.log.Error("the clock has gone forward: no calls are forgotten until farhook is started again", zap.Duration("jump", jump))
			return
		}
		n, err := r.forget(ctx, now.Add(-r.keep))
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			r.log.Error("old calls not forgotten", zap.Error(err))
		case n > 0:
			r.log.Info("old calls forgotten", zap.Int64("calls", n))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// clockJump is how far the wall clock was put forward between two readings of this process, beyond the time that went by.
func clockJump(began, now time.Time) time.Duration {
	return now.Round(0).Sub(began.Round(0)) - now.Sub(began) // Round takes the monotonic reading off
}

// members are the members of a group.
func (s *Server) members(d csta.DeviceID) []csta.DeviceID {
	i, ok := s.board.Device(access.Gateway, d)
	if !ok {
		return nil
	}
	return i.Members
}
