// Package web is farhook over HTTP: REST operations that build CSTA requests or read the model, problem documents, streams of what happens, and
// the operator's console. It adds no behaviour of its own: every act goes through the switchboard.
//
// Who comes is found first (package access); each operation names the scope that it takes, and the switchboard's policy says on which lines. Host
// and Origin are checked besides: no page of another site is believed (DNS rebinding, cross-site requests).
package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard"
	"farhook/pbxadapter/switchboard/wiretap"
	"farhook/web/access"
	"farhook/web/history"
	"farhook/web/live"
	"farhook/web/webhook"
)

// Config is what a server needs beside the board.
type Config struct {
	Log          *zap.Logger // nil: none
	Version      string
	AllowedHosts []string       // names in Host beside localhost and loopback addresses
	Console      fs.FS          // the console's files; nil: none
	Metrics      http.Handler   // answers GET /metrics, for this machine only; nil: nobody does
	Probes       http.Handler   // answers GET /healthz and /readyz, for this machine only; nil: nobody does
	Access       *access.Access // who may come in; nil: everybody who reaches us, for loopback only
	// Heartbeat is how often a follower that hears nothing gets its position; 0: every 20 s.
	Heartbeat time.Duration
	// DB keeps history, tokens, users and webhooks; nil: there are none.
	DB *history.DB
	// Webhooks bounds deliveries.
	Webhooks webhook.Config
	// Retention is how long finished calls are kept; 0: for ever.
	Retention time.Duration
	// Sims are the drivers of simulated PBXs; none: the PBXs are real.
	Sims []SimPBX
	// OIDC signs browsers in at an OpenID provider; nil: none.
	OIDC *access.OIDC
	// Tap has what was said of late, for the ladders of calls; nil: nobody has.
	Tap *wiretap.Tap
	// Administration is what the gateway tells of itself.
	Administration Administration
	// Sessions lists the SIP sessions, those of one line where it isn't empty; nil: there are none to be told.
	Sessions func(line csta.DeviceID) []Session
	// Diagnose goes the way of one user from end to end, of the gateway alone where user is empty; nil: nobody does.
	Diagnose func(ctx context.Context, user string) Diagnosis
	// Called hears which trace, under which span of his own, a caller brought with his request; nil: nobody does.
	Called func(t pbxadapter.TraceID, parent [8]byte, sampled bool)
	// Admit says why no new stream is taken at the moment; nil, and a nil func: it is.
	Admit func() error
	// Dials says what a PBX dials for a number, and rule by rule how that comes about; an error: its rules refuse the number. nil: the number as it is.
	Dials func(pbx string, number csta.DeviceID) (native string, rules []switchboard.Step, err error)
}

// Server is the web side. Make it with New.
type Server struct {
	board      *switchboard.Board
	conf       Config
	log        *zap.Logger
	access     *access.Access
	streams    *live.Streams
	handler    http.Handler
	api        huma.API
	operations []op
	tries      tries
	db         *history.DB
	spool      *history.Spool
	hooks      *webhook.Deliverer
	notes      *notebook // nil: none are kept
	checks     chan struct{}
}

const (
	maxBody     = 64 << 10
	gracePeriod = time.Second
	// writeWithin is how long an answer may take, longest wait included; streams and exports have limits of their own, write by write.
	writeWithin = longestWait + time.Minute
)

// New makes the handlers. It listens to nothing.
func New(b *switchboard.Board, c Config) (*Server, error) {
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	if c.Access == nil {
		c.Access = access.Open()
	}
	s := &Server{board: b, conf: c, log: c.Log, access: c.Access, db: c.DB, checks: make(chan struct{}, checksAtOnce)}
	s.streams = live.NewStreams(b, s.log, s.sameOrigin, problem)
	if c.Heartbeat > 0 {
		s.streams.Heartbeat(c.Heartbeat)
	}
	if b != nil {
		s.access.Lines(b.Resolve, s.members)
	}
	if c.DB != nil {
		var err error
		c.Webhooks.Log = s.log.Named("webhook")
		if s.hooks, err = webhook.New(context.Background(), c.Webhooks, c.DB, s.streams.Story, s.viewerOf); err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		if s.notes, err = openNotebook(context.Background(), b, c.DB, s.log.Named("notes")); err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		s.streams.KeepNotes(s.notes.all)
		if s.spool, err = history.NewSpool(context.Background(), c.DB, b, s.log.Named("history"), s.hooks.Outgoing, s.hooks.Wake); err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		s.spool.Gaps(s.hooks.Gap)
	}
	mux := http.NewServeMux()
	s.api = humago.New(mux, apiConfig(c.Version))
	s.gatewayOperations()
	s.sessionOperations()
	s.oidcOperations()
	s.deviceOperations()
	s.deviceActs()
	s.checkOperations()
	s.callOperations()
	s.makeOperations()
	s.connectionActs()
	s.ladderOperations()
	s.adminOperations()
	s.rawDoor()
	s.pastOperations()
	s.accessOperations()
	s.hookOperations()
	s.noteOperations()
	s.simOperations()
	s.document()
	mux.HandleFunc("GET /api/v1/stream", s.events)
	mux.HandleFunc("GET /api/v1/events", s.events)
	mux.HandleFunc("GET /asyncapi.yaml", s.asyncapi)
	c.observed(mux)
	if c.Console != nil {
		mux.Handle(everything, s.console())
	}
	s.handler = traced(s.guard(s.identify(s.once(s.there(mux)))), c.Called)
	return s, nil
}

// Streams is how many follow.
func (s *Server) Streams() int { return s.streams.Open() }

// Handler is everything, guarded.
func (s *Server) Handler() http.Handler { return s.handler }

// Serve serves l until ctx ends, and closes it. Requests under way get a moment, streams are told to go.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 20 * time.Second, WriteTimeout: writeWithin, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 32 << 10, ErrorLog: zap.NewStdLog(s.log),
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		grace, cancel := context.WithTimeout(context.Background(), gracePeriod)
		defer cancel()
		s.streams.Close()
		if err := srv.Shutdown(grace); err != nil {
			srv.Close()
		}
	})
	err := srv.Serve(l)
	if stop() {
		s.streams.Close()
		return fmt.Errorf("web: %w", err)
	}
	<-done
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// whole reads a request's body, which can be read again. false: it couldn't be read, and that is answered.
func whole(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	body, err := io.ReadAll(r.Body)
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		problem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than the %d octets allowed", maxBody))
		return nil, false
	} else if err != nil {
		problem(w, http.StatusBadRequest, "the body has not come whole")
		return nil, false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, true
}

// guard lets in who may come in, and sets what every answer has.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if strings.HasPrefix(r.URL.Path, "/api/") { // who speaks with whom stays in no cache
			h.Set("Cache-Control", "no-store")
		}
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		switch {
		case !s.knownHost(r.Host):
			problem(w, http.StatusForbidden, fmt.Sprintf("the Host %q is not one of this gateway's: use localhost or a loopback address, or enter the name under http.hosts", r.Host))
			return
		case r.Method != http.MethodGet && r.Method != http.MethodHead && !s.sameOrigin(r):
			problem(w, http.StatusForbidden, fmt.Sprintf("the Origin %q is another site", r.Header.Get("Origin")))
			return
		case r.ContentLength > maxBody:
			problem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has %d octets, %d are allowed", r.ContentLength, maxBody))
			return
		case unsafe(r) && r.ContentLength != 0 && !isJSON(r) && r.URL.Path != rawPath:
			problem(w, http.StatusUnsupportedMediaType, "the body must be application/json")
			return
		}
		if strings.HasPrefix(r.URL.Path, "/api/") {
			if status, why := readable(r); why != "" {
				problem(w, status, why)
				return
			}
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if r.ContentLength < 0 { // its length shows when it is read
			if _, ok := whole(w, r); !ok {
				return
			}
		}
		defer func() {
			if p := recover(); p == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so too
				panic(p)
			} else if p != nil {
				s.log.Error("panic in a handler", zap.Any("panic", p), zap.Stack("stack"), zap.String("path", r.URL.Path), pbxadapter.TraceField(r.Context()))
				problem(w, http.StatusInternalServerError, "a fault of the gateway's; its log has it")
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func isJSON(r *http.Request) bool {
	t, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(t), "application/json")
}

// knownHost says whether a Host header names this gateway.
func (s *Server) knownHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if ip := net.ParseIP(host); ip != nil { // where one signs in, any address: a page of another site has no cookie for it, and no token
		return ip.IsLoopback() || s.access.Nobody() == nil
	}
	return strings.EqualFold(host, "localhost") || slices.ContainsFunc(s.conf.AllowedHosts, func(a string) bool { return strings.EqualFold(a, host) })
}

// sameOrigin says whether a request comes from no page at all, or from one of ours.
func (s *Server) sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

// console serves the page: what has a hash in its name for ever, the rest never from a cache.
func (s *Server) console() http.Handler {
	files := http.FileServerFS(s.conf.Console)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
		switch info, err := fs.Stat(s.conf.Console, name); {
		case strings.HasPrefix(r.URL.Path, "/api/"):
			problem(w, http.StatusNotFound, fmt.Sprintf("there is nothing at %s", r.URL.Path))
			return
		case name != "" && (err != nil || info.IsDir()):
			problem(w, http.StatusNotFound, fmt.Sprintf("there is nothing at %s", r.URL.Path))
			return
		case strings.HasPrefix(name, "assets/"):
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		default:
			w.Header().Set("Cache-Control", "no-cache")
		}
		files.ServeHTTP(w, r)
	})
}
