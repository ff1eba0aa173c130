package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/websocket"

	"farhook/csta"
	"farhook/web/access"
	"farhook/web/live"
)

// maxFilter bounds the devices, calls and kinds that one follower may name.
const maxFilter = 1000

// The devices that one part of a snapshot may hold.
const leastPart, mostPart = 10, 10_000

// events serves the stream: as WebSocket to who asks for one, else as server-sent events.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	who := access.From(r.Context())
	switch {
	case who == nil:
		w.Header().Set("WWW-Authenticate", `Bearer realm="farhook"`)
		problem(w, http.StatusUnauthorized, "sign in, or send a token: Authorization: Bearer fhk_…")
		return
	case !who.Has(access.ObserveState):
		problem(w, http.StatusForbidden, "this takes the scope "+string(access.ObserveState))
		return
	case r.Header.Get("Origin") != "" && !s.sameOrigin(r):
		problem(w, http.StatusForbidden, fmt.Sprintf("the Origin %q is another site", r.Header.Get("Origin")))
		return
	}
	f, p := s.filter(r)
	if p != nil {
		writeProblem(w, p)
		return
	}
	if r.Method == http.MethodHead { // who wants to know whether it is there wants no stream
		w.Header().Set("Content-Type", "text/event-stream")
		return
	}
	after := r.URL.Query().Get("after")
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		after = id
	}
	if s.conf.Admit != nil {
		if err := s.conf.Admit(); err != nil {
			w.Header().Set("Retry-After", "10")
			problem(w, http.StatusServiceUnavailable, err.Error())
			return
		}
	}
	if err := s.streams.Begin(); err != nil {
		w.Header().Set("Retry-After", "10")
		problem(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	v := live.Viewer{Principal: principal(r), Eyes: s.seen(principal(r), who), Done: who.Done()}
	if len(f.Devices) > 0 {
		v.Moved = func() bool {
			now, p := s.filter(r)
			return p == nil && !slices.Equal(now.Devices, f.Devices)
		}
	}
	if websocket.IsWebSocketUpgrade(r) {
		s.streams.WebSocket(w, r, v, after, f)
		return
	}
	s.streams.SSE(w, r, v, after, f)
}

// filter reads ?device=, ?call= and ?kind=, each of which may be there several times or hold a list, and ?part=.
func (s *Server) filter(r *http.Request) (live.Filter, *Problem) {
	var f live.Filter
	q := r.URL.Query()
	for name := range q {
		switch name {
		case "after", "device", "call", "kind", "part":
		default:
			return f, wrong(r.Context(), http.StatusUnprocessableEntity, fmt.Sprintf("query.%s: unknown; after, device, call, kind and part are known", name))
		}
	}
	if p := q.Get("part"); p != "" {
		var err error
		if f.Part, err = strconv.Atoi(p); err != nil || f.Part < leastPart || f.Part > mostPart {
			return f, wrong(r.Context(), http.StatusUnprocessableEntity, fmt.Sprintf("query.part: %q is no number of devices from %d to %d", p, leastPart, mostPart))
		}
	}
	values := func(name string) []string {
		var all []string
		for _, v := range q[name] {
			for x := range strings.SplitSeq(v, ",") {
				if x != "" {
					all = append(all, x)
				}
			}
		}
		return all
	}
	devices, calls := values("device"), values("call")
	f.Kinds = values("kind")
	if len(devices) > maxFilter || len(calls) > maxFilter || len(f.Kinds) > maxFilter {
		return f, wrong(r.Context(), http.StatusUnprocessableEntity, fmt.Sprintf("a filter may name %d devices, calls and kinds", maxFilter))
	}
	for _, d := range devices {
		info, err := s.device(r.Context(), d)
		if err != nil {
			return f, refused(r.Context(), err)
		}
		f.Devices = append(f.Devices, info.ID)
	}
	for _, c := range calls {
		f.Calls = append(f.Calls, csta.CallID(c))
	}
	for _, k := range f.Kinds {
		if !live.KnownKind(k) {
			return f, wrong(r.Context(), http.StatusUnprocessableEntity, fmt.Sprintf("query.kind: %q is none of call, feature, service, note and device, nor the name of an event, such as DeliveredEvent", k))
		}
	}
	return f, nil
}
