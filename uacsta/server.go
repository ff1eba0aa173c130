// Package uacsta is CSTA over SIP, as ECMA TR/87 lays it down and Microsoft's clients do it: listeners, the few transactions that a stream
// needs, dialogs, sessions, monitors and session timers.
//
// Order: what a connection brings is taken in the order of the wire, by its one reader, which never waits for anything. Requests of a session
// on one device are carried out one after the other, those on different devices side by side. An answer is written before the
// events that its request caused; events are written in the order of the journal, and wait for no answer of the peer's.
// Loss: a peer that takes nothing loses its connection, at a bound of unsent octets; a session that falls behind the journal is
// told the difference.
package uacsta

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
)

// Config is a server's limits. Zero values mean the defaults.
type Config struct {
	Contact         string        // host in our Contact and Via; default the connection's own address
	SessionExpires  time.Duration // offered; default 30 min
	MinSE           time.Duration // least that is accepted; default 90 s
	SessionsPerLine int           // when there is one more, the oldest ends; default 8
	Connections     int           // in all; default 1000
	Mailbox         int           // requests that may wait in one session; default 64
	Monitors        int           // of one session; default 64
	Unsent          int           // octets that a connection may have unsent; default 1 MiB
	Log             *zap.Logger   // nil: none
}

// Server serves sessions. All methods are safe for concurrent use.
type Server struct {
	board *switchboard.Board
	conf  Config
	log   *zap.Logger
	node  string    // part of every monitor reference
	tasks taskGroup // everything that must have ended before Run returns

	mu       sync.Mutex
	sessions map[string]*session // by our tag
	opened   map[string]*session // by Call-ID and the peer's tag
	lines    map[csta.DeviceID][]*session
	conns    map[*conn]struct{}
	monitors uint64
	stopping bool
}

// New makes a server of b.
func New(b *switchboard.Board, c Config) *Server {
	set := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	set(&c.SessionsPerLine, 8)
	set(&c.Connections, 1000)
	set(&c.Mailbox, 64)
	set(&c.Monitors, 64)
	set(&c.Unsent, 1<<20)
	if c.SessionExpires <= 0 {
		c.SessionExpires = 30 * time.Minute
	}
	if c.MinSE <= 0 {
		c.MinSE = 90 * time.Second
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	return &Server{
		board: b, conf: c, log: c.Log, node: strings.ToLower(rand.Text()[:4]),
		sessions: make(map[string]*session), opened: make(map[string]*session), lines: make(map[csta.DeviceID][]*session),
		conns: make(map[*conn]struct{}),
	}
}

// taskGroup counts goroutines that are begun from anywhere, also while somebody waits.
type taskGroup struct{ wg sync.WaitGroup }

func (t *taskGroup) Go(f func()) { t.wg.Go(f) }

// newTag is a tag that nobody can guess.
func newTag() string { return strings.ToLower(rand.Text()[:20]) }

// Serve accepts connections from l until ctx ends; TLS ones where conf isn't nil. It closes l.
func (s *Server) Serve(ctx context.Context, l net.Listener, conf *tls.Config) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	defer l.Close()
	for {
		n, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if n != nil {
				n.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("uacsta: the listener on %s was closed", l.Addr())
		case err != nil:
			s.log.Warn("accept", zap.Error(err))
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		s.tasks.Go(func() { s.accepted(n, conf) })
	}
}

func (s *Server) accepted(n net.Conn, conf *tls.Config) {
	via := "TCP"
	if conf != nil {
		t, err := handshake(n, conf)
		if err != nil {
			s.log.Info("TLS handshake failed", zap.String("peer", n.RemoteAddr().String()), zap.Error(err))
			n.Close()
			return
		}
		n, via = t, "TLS"
	}
	s.serve(s.newConn(n, via))
}

// serve reads a connection until it ends.
func (s *Server) serve(c *conn) {
	s.mu.Lock()
	full := s.stopping || len(s.conns) >= s.conf.Connections
	if !full {
		s.conns[c] = struct{}{}
	}
	s.mu.Unlock()
	if full {
		s.log.Warn("connection refused: there are too many", zap.String("peer", c.net.RemoteAddr().String()))
		c.close()
		return
	}
	c.read()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// Run keeps the server until ctx ends. Then it says goodbye to every session, and returns when nothing of the server is left.
func (s *Server) Run(ctx context.Context) error {
	<-ctx.Done()
	s.mu.Lock()
	s.stopping = true
	var all []*session
	for _, x := range s.sessions {
		all = append(all, x)
	}
	s.mu.Unlock()
	for _, x := range all {
		x.post(mail{kind: ending, reason: "shutdown", bye: true})
	}
	// The goodbyes are written while this waits; then the connections end, whatever is still unsent.
	for end := time.Now().Add(time.Second); time.Now().Before(end) && s.Count() > 0; {
		time.Sleep(2 * time.Millisecond)
	}
	s.mu.Lock()
	var conns []*conn
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() { c.drain(300 * time.Millisecond) })
	}
	wg.Wait()
	s.tasks.wg.Wait()
	return nil
}

// Count is how many sessions there are.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// receive takes one message, on its connection's reader. Whatever goes wrong costs this message alone.
func (s *Server) receive(c *conn, m *message) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("panic while receiving", zap.Any("panic", p), zap.Stack("stack"))
			if m.method != "" && m.method != "ACK" {
				_ = c.write(answer{status: 500}.bytes(c, m, ""))
			}
		}
	}()
	if m.status != 0 {
		s.answered(m)
		return
	}
	if status, why := check(m); status != 0 {
		if m.method != "ACK" {
			_ = c.write(answer{status: status, warning: why}.bytes(c, m, ""))
		}
		return
	}
	tag := param(m.get("To"), "tag")
	if tag == "" {
		s.outside(c, m)
		return
	}
	s.mu.Lock()
	x := s.sessions[tag]
	s.mu.Unlock()
	switch {
	case x == nil || !x.matches(m):
		if m.method != "ACK" {
			_ = c.write(answer{status: 481}.bytes(c, m, ""))
		}
	case m.method == "ACK":
		x.post(mail{kind: acked, conn: c})
	case !x.post(mail{kind: request, conn: c, msg: m}):
		_ = c.write(answer{status: 503, extra: []header{{"Retry-After", "2"}}}.bytes(c, m, ""))
	}
}

// check looks at what every request must have (RFC 3261, 8.1.1). 0: it is there.
func check(m *message) (status int, why string) {
	if m.version != "2.0" {
		return 505, ""
	}
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		if n := m.count(name); n == 0 {
			return 400, name + " is missing"
		} else if n > 1 && name != "Via" {
			return 400, "there are several " + name
		}
	}
	_, method, err := m.cseq()
	scheme, _, _ := strings.Cut(m.uri, ":")
	switch {
	case err != nil:
		return 400, err.Error()
	case method != m.method:
		return 400, "CSeq is of another method"
	case !balanced(m.get("From")) || !balanced(m.get("To")):
		return 400, "From or To has quotes or brackets that do not close"
	case param(m.get("From"), "tag") == "":
		return 400, "From has no tag"
	case len(m.get("Call-ID")) > 256 || len(m.get("From")) > 2048 || len(m.get("To")) > 2048:
		return 400, "a header is too long"
	case !strings.EqualFold(scheme, "sip") && !strings.EqualFold(scheme, "sips"):
		return 416, ""
	}
	return 0, ""
}

// outside takes a request that belongs to no dialog.
func (s *Server) outside(c *conn, m *message) {
	switch m.method {
	case "INVITE":
		s.invite(c, m)
	case "ACK":
	case "OPTIONS":
		_ = c.write(optionsAnswer().bytes(c, m, ""))
	case "CANCEL":
		// An INVITE is answered as it comes: there is never one to cancel. One of a session that stands is told so.
		s.mu.Lock()
		x := s.opened[dialogKey(m)]
		s.mu.Unlock()
		if x != nil {
			_ = c.write(answer{status: 200}.bytes(c, m, x.tag))
			return
		}
		_ = c.write(answer{status: 481}.bytes(c, m, ""))
	case "INFO", "BYE", "UPDATE":
		_ = c.write(answer{status: 481}.bytes(c, m, ""))
	default:
		_ = c.write(answer{status: 405, extra: []header{{"Allow", allow}}}.bytes(c, m, ""))
	}
}

func optionsAnswer() answer {
	return answer{status: 200, extra: []header{{"Allow", allow}, {"Accept", contentType}, {"Supported", "timer"}}}
}

func dialogKey(m *message) string { return m.get("Call-ID") + "\x00" + param(m.get("From"), "tag") }

// answered takes a response: only a refusal of one of our requests matters.
func (s *Server) answered(m *message) {
	if m.status < 300 {
		return
	}
	s.mu.Lock()
	x := s.sessions[param(m.get("From"), "tag")]
	s.mu.Unlock()
	if x != nil {
		x.post(mail{kind: refusal, msg: m})
	}
}
