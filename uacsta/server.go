// Package uacsta is CSTA over SIP, as ECMA TR/87 lays it down and Microsoft's clients do it: listeners, the few transactions that a stream
// needs, dialogs, sessions, monitors and session timers.
//
// Order: what a connection brings is taken in the order of the wire, by its one reader, which never waits for anything. Requests of a session
// on one device are carried out one after the other, those on different devices side by side. An answer is written before the
// events that its request caused; events are written in the order of the journal, and wait for no answer of the peer's.
// Loss: events that a peer does not take wait in the journal; one that takes nothing loses its connection, after a time or at a bound of unsent octets; a session that falls behind the journal is
// told the difference.
package uacsta

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base32"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
	"farhook/pbxadapter/switchboard/wiretap"
)

// Config is a server's limits. Zero values mean the defaults.
type Config struct {
	Contact         string        // host in our Contact and Via; default the connection's own address
	SessionExpires  time.Duration // offered; default 30 min
	MinSE           time.Duration // least that is accepted; default 90 s
	SessionsPerLine int           // when there is one more, the oldest ends; default 8
	Connections     int           // in all; default 1000
	Sessions        int           // in all; default 200,000
	Peers           []Peer        // the UC servers that are trusted; none: everybody is
	Mailbox         int           // requests that may wait in one session; default 64
	Monitors        int           // of one session; default 64
	Unsent          int           // octets that a connection may have unsent; default 4 MiB
	Vanished        time.Duration // after which a peer that the network does not reach has lost its connection; default 30 s
	SignIns         float64       // new sessions a second, beyond a burst of ten times as many, that are admitted; 0: any number
	Admit           func() error  // why no new session is taken at the moment, asked at each; nil, and a nil func: it is. It must be quick
	Dial            *tls.Config   // for connections of our own over TLS; nil: there are none
	Tap             *wiretap.Tap  // records every message; nil: none
	Store           Store         // keeps sessions beyond the process; nil: they end with it
	Log             *zap.Logger   // nil: none
}

// Server serves sessions. All methods are safe for concurrent use.
type Server struct {
	board   *switchboard.Board
	conf    Config
	log     *zap.Logger
	node    string    // part of every monitor reference
	secret  [32]byte  // of the tags of refusals
	tasks   taskGroup // everything that must have ended before Run returns
	ctx     context.Context
	stop    context.CancelFunc // ends services and dialling
	dials   singleflight.Group
	rate    *rate.Limiter // of new sessions
	trust   *trust
	contact contact
	counts  *counts
	byes    atomic.Int64 // that wait for a connection
	own     sync.Map     // addresses of connections that are the gateway's own (Own)

	mu       sync.Mutex
	sessions map[string]*session // by our tag
	opened   map[string]*session // by Call-ID and the peer's tag
	lines    map[csta.DeviceID][]*session
	conns    map[*conn]struct{}
	ports    map[string][]string // on which we listen, for TCP and for TLS
	monitors uint64
	draining bool // no new sessions
	stopping bool // nothing new at all
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
	set(&c.Sessions, 200_000)
	set(&c.Mailbox, 64)
	set(&c.Monitors, 64)
	set(&c.Unsent, 4<<20)
	if c.SessionExpires <= 0 {
		c.SessionExpires = 30 * time.Minute
	}
	if c.Vanished <= 0 {
		c.Vanished = 30 * time.Second
	}
	if c.MinSE <= 0 {
		c.MinSE = 90 * time.Second
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	s := &Server{
		counts: newCounts(), board: b, conf: c, log: c.Log, node: strings.ToLower(rand.Text()[:4]), rate: rate.NewLimiter(rate.Inf, 0), tasks: newTasks(),
		sessions: make(map[string]*session), opened: make(map[string]*session), lines: make(map[csta.DeviceID][]*session),
		conns: make(map[*conn]struct{}), ports: make(map[string][]string), trust: newTrust(c.Peers),
	}
	_, _ = rand.Read(s.secret[:])
	if c.SignIns > 0 {
		s.rate = rate.NewLimiter(rate.Limit(c.SignIns), max(int(10*c.SignIns), 1))
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// newTag is a tag that nobody can guess.
func newTag() string { return strings.ToLower(rand.Text()[:20]) }

// tagFor is the tag in answers to a request that opens no dialog: one that comes twice has the same answer, which nobody remembers (RFC 3261, 8.2.6.2 and
// 8.2.7).
func (s *Server) tagFor(m *message) string {
	h := hmac.New(sha256.New, s.secret[:])
	for _, v := range [...]string{m.method, m.uri, m.get("Via"), m.get("From"), m.get("Call-ID"), m.get("CSeq")} {
		h.Write([]byte(v))
		h.Write([]byte{0})
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil))[:20])
}

// serve reads a connection until it ends. Sessions with events that it may not have brought make another.
func (s *Server) serve(c *conn) {
	c.read()
	s.mu.Lock()
	delete(s.conns, c)
	var owed []*session
	for _, x := range s.sessions {
		if !s.stopping && x.sent.owed() {
			owed = append(owed, x)
		}
	}
	s.mu.Unlock()
	for _, x := range owed {
		x.post(mail{kind: broken, conn: c})
	}
	if c.from != nil {
		s.trust.give(s.trust.conns, c.from.Name)
	}
}

// Run keeps the server until ctx ends, and returns when nothing of the server is left. Sessions that are stored are left to the next process; others are
// told goodbye.
func (s *Server) Run(ctx context.Context) error {
	s.tasks.Go(func() { s.watchRights(ctx) })
	<-ctx.Done()
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	s.stop()
	if s.conf.Store == nil {
		s.tellAll(mail{kind: ending, reason: "shutdown", bye: true})
	} else {
		s.tellAll(mail{kind: stopping})
	}
	s.mu.Lock()
	conns := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() { c.drain(stopLimit) })
	}
	wg.Wait()
	s.tasks.wait()
	return nil
}

// Drain ends every session for good, with BYE, and takes no new ones from then on (503 with Retry-After): its users are to sign in elsewhere. It
// returns when every BYE that could be written is, and gives how many sessions there were.
func (s *Server) Drain() int {
	s.mu.Lock()
	s.draining = true
	n := len(s.sessions)
	s.mu.Unlock()
	s.log.Info("draining", zap.Int("sessions", n))
	s.tellAll(mail{kind: ending, reason: "drained", bye: true})
	for end := time.Now().Add(2 * dialLimit); time.Now().Before(end) && s.byes.Load() > 0; {
		time.Sleep(2 * time.Millisecond)
	}
	return n
}

// Draining says whether no new sessions are taken any more.
func (s *Server) Draining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

// tellAll posts mail to every session, and waits a moment for them to go.
func (s *Server) tellAll(m mail) {
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.sessions))
	s.mu.Unlock()
	for _, x := range all {
		x.post(m)
	}
	for end := time.Now().Add(time.Second + time.Duration(len(all))*100*time.Microsecond); time.Now().Before(end) && s.Count() > 0; {
		time.Sleep(2 * time.Millisecond)
	}
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
			s.log.Error("panic while receiving", zap.Any("panic", p), zap.Stack("stack"), m.trace.Field())
			if m.method != "" && m.method != "ACK" {
				c.answer(m, answer{status: 500}, "")
			}
		}
	}()
	if m.status != 0 {
		s.answered(c, m)
		return
	}
	tag := param(m.get("To"), "tag")
	var x *session
	if tag != "" {
		s.mu.Lock()
		x = s.sessions[tag]
		s.mu.Unlock()
	}
	if x != nil && x.matches(m) {
		m.line = x.who.Line
	} else {
		x = nil
	}
	c.heard(m)
	s.counts.request(m.method)
	if status, why := check(m); status != 0 {
		if m.method != "ACK" {
			c.answer(m, answer{status: status, warning: why}, "")
		}
		return
	}
	if tag == "" {
		s.met(c, m, time.Now())
		s.outside(c, m)
		return
	}
	switch {
	case x == nil:
		if m.method != "ACK" {
			c.answer(m, s.unknown(), "")
		}
	case m.method == "ACK":
		x.post(mail{kind: acked, conn: c})
	default:
		s.hand(x, c, m)
	}
}

// hand gives a request to its session.
func (s *Server) hand(x *session, c *conn, m *message) {
	switch x.visit(mail{kind: request, conn: c, msg: m}) {
	case 481:
		c.answer(m, s.unknown(), "")
	case 503:
		if q, _, err := csta.Decode(m.body); err == nil && s.emergency(q) && x.visit(mail{kind: request, conn: c, msg: m, urgent: true}) == 0 {
			return
		}
		c.answer(m, busy(2), "")
	}
}

// unknown answers a request of a dialog that isn't here. Where we are stopping it may well be in the store: the next process knows it.
func (s *Server) unknown() answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping && s.conf.Store != nil {
		return busy(2)
	}
	return answer{status: 481}
}

// busy refuses a request for some seconds.
func busy(seconds int) answer { return answer{status: 503, extra: []header{retryAfter(seconds)}} }

func retryAfter(seconds int) header { return header{"Retry-After", strconv.Itoa(seconds)} }

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
	case !vias(m):
		return 400, "Via is malformed"
	case !addressFits(m.get("From")) || !addressFits(m.get("To")):
		return 400, "the address in From or To is malformed"
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

func vias(m *message) bool {
	ok := true
	m.each("Via", func(v string) { ok = ok && viaFits(v) })
	return ok
}

// addressFits says whether the address of a From or To is one URI.
func addressFits(value string) bool {
	uri := address(value)
	return strings.IndexByte(uri, ':') > 0 && !strings.ContainsAny(uri, " \t<>\"")
}

// outside takes a request that belongs to no dialog.
func (s *Server) outside(c *conn, m *message) {
	if m.method == "ACK" {
		return
	}
	if m.method == "CANCEL" {
		s.mu.Lock()
		x := s.opened[dialogKey(m)]
		s.mu.Unlock()
		if x != nil {
			s.hand(x, c, m)
			return
		}
		c.answer(m, answer{status: 481}, "")
		return
	}
	var a answer
	switch bad := unsupported(m); {
	case bad != "":
		a = answer{status: 420, extra: []header{{"Unsupported", bad}}}
	case m.method == "INVITE":
		s.invite(c, m)
		return
	case m.method == "OPTIONS":
		a = optionsAnswer()
	case m.method == "BYE" || m.method == "INFO" || m.method == "UPDATE": // only within a dialog
		a = answer{status: 481}
	default:
		a = answer{status: 405, extra: []header{{"Allow", allow}}}
	}
	c.answer(m, a, "")
}

func optionsAnswer() answer {
	return answer{status: 200, extra: []header{{"Allow", allow}, {"Accept", contentType}, {"Supported", "timer"}}}
}

func dialogKey(m *message) string { return m.get("Call-ID") + "\x00" + param(m.get("From"), "tag") }

// answered takes a response to a request of ours, on the connection's reader.
func (s *Server) answered(c *conn, m *message) {
	s.mu.Lock()
	x := s.sessions[param(m.get("From"), "tag")]
	s.mu.Unlock()
	if x == nil || m.get("Call-ID") != x.callID {
		c.heard(m)
		return
	}
	m.line = x.who.Line
	n, method, err := m.cseq()
	event := err == nil && method == "INFO"
	switch {
	case event && m.status >= 200 && m.status < 300:
		e, _ := x.sent.take(n, true)
		m.trace = e.trace
	case event:
		m.trace = x.sent.trace(n)
	}
	c.heard(m)
	switch {
	case m.status < 200 || err != nil:
	case method == "INVITE" || method == "UPDATE":
		x.post(mail{kind: replied, conn: c, msg: m})
	case m.status >= 300:
		x.post(mail{kind: refusal, msg: m})
	}
}
