package uacsta

import (
	"cmp"
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Limits of one connection.
const (
	handshakeLimit = 10 * time.Second
	messageLimit   = 32 * time.Second // for a message that has begun to come
	writeLimit     = 20 * time.Second // for a peer that takes nothing
	stopLimit      = 2 * time.Second  // when we stop: what was told must reach a slow peer, for the next process won't tell it again
	idleSize       = 2 << 10          // of the buffer that a quiet connection reads into
	readSize       = 16 << 10
)

// conn is one connection, to or from a peer. One goroutine reads it, in order; whoever writes leaves octets, and one goroutine writes
// them while there are any, many messages at a time. A failed write ends it: half a message cannot be taken back.
type conn struct {
	server  *Server
	net     net.Conn
	via     string // "TCP" or "TLS"
	peer    string // its address
	from    *Peer  // as whom it is trusted; nil: everybody is
	dialled string // what we connected to, where we did: a name and a port
	host    string // our address on it, for Via and Contact

	mu      sync.Mutex
	out     []byte
	writing bool
	inWrite bool      // the socket has octets that taken doesn't count yet
	settled sync.Cond // inWrite is over
	corked  bool      // the reader is at work: what it and others write goes out together when it's done
	closed  bool
	room    chan struct{} // closed when there is room again; nil: nobody waits for it
	left    uint64        // octets that were ever left to be written
	taken   uint64        // of them, those that the socket has taken
	waiters []waiter
}

func (s *Server) newConn(n net.Conn, via string, from *Peer) *conn {
	c := &conn{server: s, net: n, via: via, peer: n.RemoteAddr().String(), from: from}
	c.settled.L = &c.mu
	c.host = s.reachedAt(n, via)
	return c
}

// reachedAt is where others find us who want a connection like n: the host is the configured one, else n's own, the port that of the listener. That of n
// would do only where n was accepted.
func (s *Server) reachedAt(n net.Conn, via string) string {
	local := n.LocalAddr().String()
	host, port, err := net.SplitHostPort(local)
	if err != nil {
		return local
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ports := s.ports[via]; len(ports) > 0 && !slices.Contains(ports, port) {
		port = ports[0]
	}
	return net.JoinHostPort(cmp.Or(s.conf.Contact, host), port)
}

// contact is where requests of a dialog reach us.
func (c *conn) contact() string {
	return "<sip:" + c.host + ";transport=" + strings.ToLower(c.via) + ">"
}

var errClosed = errors.New("uacsta: the connection has ended")

// write leaves octets to be written. It never blocks. A peer that takes too little loses the connection.
func (c *conn) write(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.leave(b); err != nil {
		return err
	}
	c.start()
	return nil
}

// leave is write without the start; the connection is locked.
func (c *conn) leave(b []byte) error {
	if c.closed {
		return errClosed
	}
	if len(c.out)+len(b) > c.server.conf.Unsent {
		c.server.counts.stalled.Add(1)
		c.server.log.Warn("peer takes nothing: connection ended", zap.String("peer", c.peer), zap.Int("unsent", len(c.out)))
		c.end()
		return errClosed
	}
	c.out = append(c.out, b...)
	c.left += uint64(len(b))
	return nil
}

// waiter is a session that wants to know when the socket has taken so many octets in all.
type waiter struct {
	session *session
	octets  uint64
}

// mark is how many octets were left to be written up to now.
func (c *conn) mark() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left
}

// wrote says whether the socket has taken everything up to a mark, or never will. Where it hasn't yet, the session hears when it has.
func (c *conn) wrote(mark uint64, x *session) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.taken >= mark {
		return true
	}
	c.waiters = append(c.waiters, waiter{x, mark})
	return false
}

// took says whether the socket has taken everything up to a mark. Of a connection that is closed it's known for good: what was being written then, and the
// peer may have read, has been counted.
func (c *conn) took(mark uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.closed && c.inWrite {
		c.settled.Wait()
	}
	return c.taken >= mark
}

// crowded says whether so much waits to be written that events had better wait in the journal.
func (c *conn) crowded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.closed && len(c.out) > c.server.conf.Unsent/2
}

// tellWaiters tells those that need wait no longer; the connection is locked.
func (c *conn) tellWaiters() {
	c.waiters = slices.DeleteFunc(c.waiters, func(w waiter) bool {
		if !c.closed && w.octets > c.taken {
			return false
		}
		w.session.post(mail{kind: written})
		return true
	})
	if len(c.waiters) == 0 {
		c.waiters = nil
	}
}

// start has what there is written, unless somebody does already; the connection is locked.
func (c *conn) start() {
	if !c.writing && !c.corked && len(c.out) > 0 && !c.closed {
		c.writing = true
		c.server.tasks.Go(c.flush)
	}
}

// cork gathers what is written until it is taken away: one write for the answers to all that one read has brought.
func (c *conn) cork(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.corked = on
	c.start()
}

// flush writes until there is nothing more.
func (c *conn) flush() {
	runtime.Gosched() // whoever is about to leave something does so first
	var spare []byte
	for {
		c.mu.Lock()
		if len(c.out) == 0 || c.closed {
			c.writing = false
			if c.out = spare[:0]; cap(spare) > idleSize {
				c.out = nil
			}
			c.mu.Unlock()
			return
		}
		b := c.out
		c.out = spare[:0]
		c.makeRoom()
		c.inWrite = true
		c.mu.Unlock()
		_ = c.net.SetWriteDeadline(time.Now().Add(writeLimit))
		n, err := c.net.Write(b)
		if err != nil {
			c.close()
		}
		c.mu.Lock()
		c.taken += uint64(n)
		c.inWrite = false
		c.settled.Broadcast()
		c.tellWaiters()
		c.mu.Unlock()
		if spare = b; cap(spare) > 64<<10 {
			spare = nil
		}
	}
}

// name is what the other end is called in logs and principals: the peer's name, or its address.
func (c *conn) name() string {
	if c.from != nil {
		return c.from.Name
	}
	return c.peer
}

func (c *conn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end()
}

// end closes; the connection is locked.
func (c *conn) end() {
	if !c.closed {
		c.closed = true
		c.net.Close()
		c.makeRoom()
		c.tellWaiters()
	}
}

// makeRoom wakes the reader where it waits; the connection is locked.
func (c *conn) makeRoom() {
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}

// waitForRoom holds the reader back while its peer takes less than it asks for: answers must not fill what is bounded.
func (c *conn) waitForRoom() {
	c.mu.Lock()
	var room chan struct{}
	if len(c.out) > c.server.conf.Unsent/4 && !c.closed {
		if c.room == nil {
			c.room = make(chan struct{})
		}
		room = c.room
	}
	c.mu.Unlock()
	if room != nil {
		<-room
	}
}

func (c *conn) dead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// drain gives what is still to be written a moment, and then closes.
func (c *conn) drain(limit time.Duration) {
	for end := time.Now().Add(limit); time.Now().Before(end); {
		c.mu.Lock()
		done := len(c.out) == 0 && !c.writing || c.closed
		c.mu.Unlock()
		if done {
			break
		}
		time.Sleep(time.Millisecond)
	}
	c.close()
}

// read takes messages off the connection until it ends.
func (c *conn) read() {
	defer c.close()
	f := framer{}
	spare := make([]byte, idleSize)
	var since time.Time // when the message began to come of which part is there; zero: there is none
	for {
		c.waitForRoom()
		deadline := time.Time{}
		if !since.IsZero() {
			deadline = since.Add(messageLimit)
		}
		if err := c.net.SetReadDeadline(deadline); err != nil {
			return
		}
		n, err := f.fill(c.net, spare)
		if err != nil {
			return
		}
		if n == len(spare) && n < readSize {
			spare = make([]byte, readSize)
		}
		done := f.done
		if !c.take(&f) {
			return
		}
		if !f.begun() {
			since = time.Time{}
		} else if since.IsZero() || f.done != done {
			since = time.Now()
		}
	}
}

// take receives what has come whole. false: the connection cannot go on.
func (c *conn) take(f *framer) bool {
	c.cork(true)
	defer c.cork(false)
	for {
		m, ping, err := f.next()
		switch {
		case err != nil:
			if !c.mend(err) {
				return false
			}
		case ping:
			if c.write([]byte("\r\n")) != nil {
				return false
			}
		case m == nil:
			return true
		default:
			c.server.receive(c, m)
		}
	}
}

// mend answers a message that cannot be read. false: the connection cannot go on.
func (c *conn) mend(err error) bool {
	var one *errMessage
	if errors.As(err, &one) {
		c.refuse(one.req, answer{status: one.status, warning: one.reason})
		return true
	}
	c.server.counts.noSIP.Add(1)
	c.server.log.Info("connection ended: its octets are no SIP", zap.String("peer", c.peer), zap.Error(err))
	var framing *errFraming
	if errors.As(err, &framing) {
		c.refuse(framing.req, answer{status: framing.status, warning: framing.err.Error()})
	}
	c.cork(false)
	c.drain(time.Second)
	return false
}

// refuse answers a request of which no more than the headers may be readable; nil: not even those are.
func (c *conn) refuse(m *message, a answer) {
	if m == nil {
		return
	}
	c.heard(m)
	if m.method != "" && m.method != "ACK" {
		c.answer(m, a, "")
	}
}

// handshake makes TLS of an accepted connection, within its limit, and while the server runs.
func (s *Server) handshake(n net.Conn, conf *tls.Config) (net.Conn, error) {
	t := tls.Server(n, s.trust.verified(conf))
	_ = n.SetDeadline(time.Now().Add(handshakeLimit))
	if err := t.HandshakeContext(s.ctx); err != nil {
		return nil, err
	}
	return t, n.SetDeadline(time.Time{})
}
