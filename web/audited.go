package web

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard/audit"
	"farhook/web/access"
)

// audit enters an act of the sender's in the audit record.
func (s *Server) audit(ctx context.Context, e audit.Entry) {
	p := who(ctx)
	if e.User == "" {
		e.User = p.User
	}
	e.Via, e.Peer, e.Trace = p.Via, p.Peer, pbxadapter.Trace(ctx).String()
	s.board.Audit(e)
}

// administers says whether an operation changes who may do what, or shows what was said: both are entered in the audit record. Acts on lines the
// switchboard enters itself.
func (o op) administers() bool {
	switch {
	case o.tag == "Simulated PBX":
		return false
	case o.method != http.MethodGet:
		return o.scope == access.Administer || o.tag == "Webhooks"
	}
	return o.reveals
}

// record enters what an operation of administration came to; its body isn't told.
func (s *Server) record(o op) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		next(ctx)
		e := audit.Entry{Act: audit.Administered, Detail: o.id + " " + ctx.URL().Path, Result: "ok"}
		if status := ctx.Status(); status >= http.StatusBadRequest {
			e.Result = fmt.Sprintf("%d %s", status, http.StatusText(status))
		}
		s.audit(ctx.Context(), e)
	}
}
