package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
)

// manager is a service manager's socket.
func manager(t *testing.T) *net.UnixConn {
	t.Helper()
	return managerAt(t, filepath.Join(t.TempDir(), "notify"))
}

func managerAt(t *testing.T, path string) *net.UnixConn {
	t.Helper()
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
	abstract := managerAt(t, fmt.Sprintf("@farhook-test-%d", os.Getpid()))
	if err := notify("READY=1"); err != nil {
		t.Error(err)
	}
	hears(t, abstract, "READY=1")
}

// A gateway says that it is ready when it can be reached, that it lives for as long as it does, and that it stops.
func TestServiceManagerHearsOfTheGateway(t *testing.T) {
	c := manager(t)
	t.Setenv("WATCHDOG_USEC", "200000")
	g := begin(t, "serve", "--config", config(t, "sip: {listen: ['127.0.0.1:0']}\n"))
	hears(t, c, "READY=1")
	for _, addr := range []string{g.sip, g.metrics} {
		there, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		there.Close()
	}
	for range 3 {
		hears(t, c, "WATCHDOG=1")
	}
	_ = g.Process.Signal(syscall.SIGTERM)
	_ = c.SetReadDeadline(time.Now().Add(patience))
	for said := "WATCHDOG=1"; said != "STOPPING=1"; {
		b := make([]byte, 100)
		n, err := c.Read(b)
		if said = string(b[:n]); err != nil || said != "WATCHDOG=1" && said != "STOPPING=1" {
			t.Fatalf("%q %v", said, err)
		}
	}
	if err := <-g.ended; err != nil {
		t.Error(err)
	}
}
