package uacsta

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// A connection that is gone is made again after growing waits. After the last try the dialog is over, but for one that was restored: its peer
// may not know yet that we are back, and has until the end of the session's interval.
const (
	dialLimit   = 5 * time.Second
	firstRedial = time.Second
	lastRedial  = time.Minute
	maxRedials  = 6
)

// reach is how a session's requests get to its peer. It belongs to the session's loop.
type reach struct {
	conn     *conn     // the last one that the dialog used; nil: none yet
	earlier  *conn     // the one before, which may outlive the last; nil: none
	redialAt time.Time // zero: not waiting
	tries    int32
	dialling bool
	restored bool // from the store, and the peer hasn't been heard of since
}

// reached notes the connection on which the peer speaks now.
func (x *session) reached(c *conn) {
	x.restored = false
	if x.conn == c {
		return
	}
	back := x.conn == nil || x.conn.dead()
	x.earlier = x.conn
	x.conn, x.tries, x.redialAt = c, 0, time.Time{}
	if back {
		x.resend(nil)
		x.post(mail{kind: woken}) // what waited for a connection
	}
}

// reachable says whether there is a connection to write to; where there is none, it has one made, and follow is called again then.
func (x *session) reachable() bool {
	if x.conn != nil && !x.conn.dead() {
		return true
	}
	if !x.dialling && x.redialAt.IsZero() {
		x.redial()
	}
	return false
}

// redial finds another connection to the next hop: one that stands, else a new one.
func (x *session) redial() {
	x.dialling, x.redialAt = true, time.Time{}
	hop, routed := x.hop(), len(x.routes) > 0
	x.server.tasks.Go(func() {
		c, err := x.server.dial(hop, routed)
		if err != nil {
			x.post(mail{kind: dialled, reason: err.Error()})
			return
		}
		x.post(mail{kind: dialled, conn: c})
	})
}

// hop is where requests of ours go: the first of the route set, else the target.
func (x *session) hop() string {
	if len(x.routes) > 0 {
		return address(x.routes[0])
	}
	return x.target
}

// reconnected takes what came of redial.
func (x *session) reconnected(c *conn, why string) {
	x.dialling = false
	if x.conn != nil && !x.conn.dead() {
		return // the peer was quicker
	}
	if c != nil {
		x.conn, x.tries = c, 0
		x.resend(nil)
		x.follow()
		return
	}
	x.tries++
	if old := x.earlier; x.tries >= maxRedials && old != nil && !old.dead() { // its peer has left it, but better this than nothing
		x.earlier = nil
		x.reconnected(old, "")
		return
	}
	if x.tries >= maxRedials && !x.restored {
		x.end("the connection cannot be made again: "+why, false)
		return
	}
	now := time.Now()
	x.redialAt = now.Add(min(firstRedial<<min(x.tries-1, 10), lastRedial))
	x.schedule(now)
}

// dial connects to a SIP URI's host; several sessions that want the same one get the same connection. routed: it's a proxy's, and every connection of that
// proxy will do.
func (s *Server) dial(uri string, routed bool) (*conn, error) {
	var u sip.Uri
	if err := sip.ParseUri(uri, &u); err != nil {
		return nil, err
	}
	transport, _ := u.UriParams.Get("transport")
	if maddr, ok := u.UriParams.Get("maddr"); ok {
		u.Host = maddr
	}
	secure := strings.EqualFold(transport, "tls") || strings.EqualFold(u.Scheme, "sips")
	host := strings.Trim(u.Host, "[]")
	if routed && secure {
		if c := s.proven(host); c != nil {
			return c, nil
		}
	}
	if secure && s.conf.Dial == nil {
		return nil, errors.New("connections of our own over TLS are not configured")
	}
	port := u.Port
	if port == 0 {
		port = 5060
		if secure {
			port = 5061
		}
	}
	addr := net.JoinHostPort(host, strconv.Itoa(port))
	c, err, _ := s.dials.Do(addr, func() (any, error) { return s.connect(addr, host, secure) })
	if err != nil {
		return nil, err
	}
	return c.(*conn), nil
}

// connect gives the connection to addr that stands, or a new one.
func (s *Server) connect(addr, host string, secure bool) (*conn, error) {
	if c := s.standing(addr, secure); c != nil {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, dialLimit)
	defer cancel()
	var d net.Dialer
	if !secure {
		d.Control = s.trust.mayDial
	}
	n, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	s.watchOver(n)
	via := "TCP"
	if secure {
		conf := s.conf.Dial.Clone()
		conf.ServerName = host
		t := tls.Client(n, conf)
		if err := t.HandshakeContext(ctx); err != nil {
			n.Close()
			return nil, err
		}
		n, via = t, "TLS"
	}
	from, err := s.identify(n)
	if err != nil {
		n.Close()
		return nil, err
	}
	c := s.newConn(n, via, from)
	c.dialled = addr
	if err := s.admit(c); err != nil {
		n.Close()
		return nil, err
	}
	s.tasks.Go(func() { s.serve(c) })
	return c, nil
}

// standing finds a connection to a peer's address that is up.
func (s *Server) standing(addr string, secure bool) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if (c.peer == addr || c.dialled == addr) && (c.via == "TLS") == secure && !c.dead() {
			return c
		}
	}
	return nil
}

// proven finds a connection that is up and whose other end has proved by its certificate that it's host, a name: whoever opened it, it's trusted both ways.
func (s *Server) proven(host string) *conn {
	if net.ParseIP(host) != nil {
		return nil // several can share an address
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		t, secure := c.net.(*tls.Conn)
		if !secure || c.dead() {
			continue
		}
		if state := t.ConnectionState(); len(state.VerifiedChains) > 0 && state.PeerCertificates[0].VerifyHostname(host) == nil {
			return c
		}
	}
	return nil
}
