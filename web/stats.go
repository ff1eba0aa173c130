package web

import (
	"context"

	"farhook/web/history"
	"farhook/web/webhook"
)

// Stats are the figures of what the web side keeps and sends.
type Stats struct {
	Spool    history.SpoolStats
	Webhooks webhook.Stats
	Waiting  int // documents that wait for a webhook
	Aside    int // documents that were put aside
}

// Stats tells how history and webhooks fare. What can't be read is 0.
func (s *Server) Stats(ctx context.Context) (x Stats) {
	if s.spool == nil {
		return x
	}
	x.Spool, x.Webhooks = s.spool.Stats(), s.hooks.Stats()
	x.Waiting, x.Aside, _ = s.db.OutboxStats(ctx)
	return x
}

// Kept is why history can't be written at the moment; nil: it can, or there is none.
func (s *Server) Kept() error {
	if s.spool == nil {
		return nil
	}
	return s.spool.Err()
}
