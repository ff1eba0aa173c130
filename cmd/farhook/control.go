package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard/wiretap"
)

// The control socket is how commands on this machine reach the running gateway: HTTP on a Unix socket that only its owner (and root) may open. It is
// there where HTTP is off, needs no password, and no port that another user could take.

// maxTrace is how many messages one request for a trace gives.
const maxTrace = 100_000

// controlSocket is an open control socket. Its file goes when it is closed, unless another one has taken its place.
type controlSocket struct {
	net.Listener
	path string
	file fs.FileInfo
}

// listenControl opens the socket. The file of a gateway that was killed is replaced, that of one that runs is not.
func listenControl(path string) (net.Listener, error) {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("control cannot listen on %s: "+format, append([]any{path}, args...)...)
	}
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fail("%w", errors.Unwrap(err))
	case info.Mode()&fs.ModeSocket == 0:
		return nil, fail("there is a file that is no socket")
	default:
		if c, err := net.Dial("unix", path); err == nil {
			c.Close()
			return nil, fail("another farhook runs there")
		}
	}
	// Under another name first, so that nobody finds it before only its owner may open it.
	own := path + "." + rand.Text()[:6]
	l, err := net.Listen("unix", own)
	if err != nil {
		var op *os.SyscallError
		if errors.As(err, &op) {
			err = op.Err
		}
		return nil, fail("%w", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	err = os.Chmod(own, 0o600)
	if err == nil {
		err = os.Rename(own, path)
	}
	var file fs.FileInfo
	if err == nil {
		file, err = os.Lstat(path)
	}
	if err != nil {
		l.Close()
		os.Remove(own)
		return nil, fail("%w", err)
	}
	return &controlSocket{l, path, file}, nil
}

// Close removes the socket's file too.
func (s *controlSocket) Close() error {
	err := s.Listener.Close()
	if now, e := os.Lstat(s.path); e == nil && os.SameFile(now, s.file) {
		os.Remove(s.path)
	}
	return err
}

// defaultControl is where the demonstration has its socket, and where commands look that are told nothing else: in the user's own directory for such
// things. Empty where there is none.
func defaultControl() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return dir + "/farhook.sock"
	}
	return ""
}

// freeControl is defaultControl where nobody listens on it; a second demonstration goes without.
func freeControl() string {
	path := defaultControl()
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return ""
	}
	return path
}

// serveControl answers commands until ctx ends; stop ends the gateway.
func (g *gateway) serveControl(ctx context.Context, stop func()) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /drain", func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		forGood := r.URL.Query().Has("stop")
		n := g.uc.Drain()
		g.log.Info("drained", zap.Int("sessions", n), zap.Duration("took", time.Since(began)), zap.Bool("stop", forGood))
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(drained{Ended: n, Left: g.uc.Count()})
		if forGood {
			stop()
		}
	})
	mux.HandleFunc("GET /trace", func(w http.ResponseWriter, r *http.Request) {
		f, err := g.traceFilter(r.URL.Query())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		out := json.NewEncoder(w)
		found := g.tap.Find(f)
		for _, rec := range found {
			if out.Encode(rec) != nil {
				return
			}
		}
		if r.URL.Query().Has("follow") {
			g.follow(ctx, w, r, f, found)
		}
	})
	mux.HandleFunc("GET /doctor", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(g.diagnose(r.Context(), r.URL.Query().Get("user")))
	})
	g.configDoors(mux)
	g.logDoor(mux)
	g.standingDoor(mux)
	return serveHTTP(ctx, "control", g.control, mux)
}

// drained is what became of the sessions.
type drained struct {
	Ended int `json:"ended"`
	Left  int `json:"left"`
}

// traceFilter reads what messages are wanted. A line may be spelt as a client would spell it.
func (g *gateway) traceFilter(q url.Values) (f wiretap.Filter, err error) {
	f = wiretap.Filter{Line: csta.DeviceID(q.Get("line")), Call: csta.CallID(q.Get("call")), Session: q.Get("session"), PBX: q.Get("pbx")}
	if f.Line != "" {
		if d, err := g.board.Resolve(string(f.Line)); err == nil {
			f.Line = d
		}
	}
	if f.PBX != "" {
		var names []string
		for _, l := range g.board.Links() {
			names = append(names, l.Name)
		}
		if !slices.Contains(names, f.PBX) && len(g.tap.Find(wiretap.Filter{PBX: f.PBX, Limit: 1})) == 0 { // one that is gone may be remembered
			return f, fmt.Errorf("pbx %q: there is none of that name; there are %s", f.PBX, strings.Join(names, ", "))
		}
	}
	if t := q.Get("trace"); t != "" {
		if f.Trace, err = pbxadapter.ParseTrace(t); err != nil {
			return f, err
		}
	}
	if s := q.Get("since"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return f, fmt.Errorf("since %q: want a duration such as 10m", s)
		}
		f.Since = time.Now().Add(-d)
	}
	if s := q.Get("limit"); s != "" {
		n, err := strconv.ParseUint(s, 10, 31)
		if err != nil || n == 0 || n > maxTrace {
			return f, fmt.Errorf("limit %q: want 1 to %d", s, maxTrace)
		}
		f.Limit = int(n)
	}
	return f, nil
}
