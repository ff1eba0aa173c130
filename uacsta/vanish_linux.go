package uacsta

import (
	"errors"
	"net"
	"syscall"
	"time"
)

const tcpUserTimeout = 0x12 // of tcp(7), in milliseconds

// setUserTimeout bounds how long what was written may stay unacknowledged, or the other end's window closed.
func setUserTimeout(t *net.TCPConn, limit time.Duration) error {
	raw, err := t.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(limit/time.Millisecond))
	})
	return errors.Join(err, set)
}
