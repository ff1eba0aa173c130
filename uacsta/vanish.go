package uacsta

import (
	"net"
	"time"

	"go.uber.org/zap"
)

// A peer that dies with its cable says nothing: the kernel asks for it where there is silence, and gives up what it does not acknowledge.
const probes = 3

// watchOver has a connection end whose other end has vanished for longer than the limit: also where there is something to be written, when keep-alive alone
// would wait for a quarter of an hour.
func (s *Server) watchOver(n net.Conn) {
	t, ok := n.(*net.TCPConn)
	if !ok {
		return
	}
	limit := s.conf.Vanished
	err := t.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: limit / 2, Interval: max(limit/(2*probes), time.Second), Count: probes})
	if err == nil {
		err = setUserTimeout(t, limit)
	}
	if err != nil {
		s.log.Debug("keep-alive cannot be set", zap.String("peer", n.RemoteAddr().String()), zap.Error(err))
	}
}
