//go:build !linux

package uacsta

import (
	"net"
	"time"
)

// setUserTimeout does nothing: other systems have no such bound, or none that Go knows.
func setUserTimeout(*net.TCPConn, time.Duration) error { return nil }
