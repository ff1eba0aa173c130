package main

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/zap"
)

// manager is a service manager's socket.
func manager(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return c
}

func hears(t *testing.T, c *net.UnixConn, want string) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, 100)
	n, err := c.Read(b)
	if err != nil || string(b[:n]) != want {
		t.Fatalf("the service manager heard %q (%v), want %s", b[:n], err, want)
	}
}

func TestServiceManager(t *testing.T) {
	c := manager(t)
	t.Setenv("WATCHDOG_USEC", "40000")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	stuck := make(chan struct{}, 2)
	stuck <- struct{}{}
	stuck <- struct{}{}
	go func() { done <- tellManager(ctx, zap.NewNop(), func() { <-stuck }) }()
	hears(t, c, "READY=1")
	hears(t, c, "WATCHDOG=1")
	hears(t, c, "WATCHDOG=1")
	_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if n, err := c.Read(make([]byte, 100)); err == nil {
		t.Errorf("a gateway that hangs says that it's alive (%d octets)", n)
	}
	cancel()
	stuck <- struct{}{}
	hears(t, c, "WATCHDOG=1")
	hears(t, c, "STOPPING=1")
	if err := <-done; err != nil {
		t.Error(err)
	}
	t.Setenv("WATCHDOG_PID", "1")
	if watchdog() != 0 {
		t.Error("another process's watchdog is taken for ours")
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "none"))
	if notify("READY=1") == nil {
		t.Error("a socket that isn't there was no error")
	}
	t.Setenv("NOTIFY_SOCKET", "")
	if err := notify("READY=1"); err != nil {
		t.Error(err)
	}
}
