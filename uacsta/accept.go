package uacsta

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"go.uber.org/zap"
)

// Serve accepts connections from l until ctx ends; TLS ones where conf isn't nil. It closes l.
func (s *Server) Serve(ctx context.Context, l net.Listener, conf *tls.Config) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	defer l.Close()
	s.listens(l, conf != nil)
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

// listens notes a listener's port: where others are to find us.
func (s *Server) listens(l net.Listener, secure bool) {
	via := "TCP"
	if secure {
		via = "TLS"
	}
	if _, port, err := net.SplitHostPort(l.Addr().String()); err == nil {
		s.mu.Lock()
		s.ports[via] = append(s.ports[via], port)
		s.mu.Unlock()
	}
}

// Own makes connections from an address (host:port) known as the gateway's own, which looks whether it can be reached: they are greeted as every other's,
// end then, and are neither counted nor told. The function ends that.
func (s *Server) Own(address string) func() {
	s.own.Store(address, true)
	return func() { s.own.Delete(address) }
}

func (s *Server) accepted(n net.Conn, conf *tls.Config) {
	if _, own := s.own.Load(n.RemoteAddr().String()); own {
		if conf != nil {
			if t, err := s.handshake(n, conf); err == nil {
				n = t
			}
		}
		n.Close()
		return
	}
	s.watchOver(n)
	via := "TCP"
	if conf != nil {
		t, err := s.handshake(n, conf)
		switch {
		case err != nil && s.ctx.Err() != nil: // we are stopping
			n.Close()
			return
		case err != nil:
			s.refused(Refusal{Reason: refusedHandshake, Peer: n.RemoteAddr().String(), Detail: err.Error()})
			n.Close()
			return
		}
		n, via = t, "TLS"
	}
	from, err := s.identify(n)
	if err != nil {
		s.refused(Refusal{Reason: refusedPeer, Peer: n.RemoteAddr().String(), Detail: err.Error()})
		n.Close()
		return
	}
	c := s.newConn(n, via, from)
	if err := s.admit(c); err != nil {
		s.refused(Refusal{Reason: refusedConnections, Peer: c.peer, Detail: err.Error()})
		c.close()
		return
	}
	s.serve(c)
}

// admit enters a connection, if there is room.
func (s *Server) admit(c *conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopping:
		return errors.New("uacsta: the server is stopping")
	case len(s.conns) >= s.conf.Connections:
		return fmt.Errorf("uacsta: there are %d connections, which is the limit", s.conf.Connections)
	case c.from != nil && !s.trust.take(s.trust.conns, c.from.Name, c.from.Connections):
		return fmt.Errorf("uacsta: %s has %d connections, which is its limit", c.from.Name, c.from.Connections)
	}
	s.conns[c] = struct{}{}
	return nil
}
