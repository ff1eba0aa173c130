package freeswitch

import (
	"net"
	"syscall"
	"testing"
)

// The connection is kept alive by TCP too: a PBX whose machine has gone sends no FIN.
func TestKeepAlive(t *testing.T) {
	_, at := newFake(t)
	nc, err := fakeAdapter(t, at, false).dialer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	options := map[string][2]int{"SO_KEEPALIVE": {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE}, "TCP_KEEPIDLE": {syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE}}
	got := map[string]int{}
	if err := raw.Control(func(fd uintptr) {
		for name, o := range options {
			got[name], _ = syscall.GetsockoptInt(int(fd), o[0], o[1])
		}
	}); err != nil {
		t.Fatal(err)
	}
	if got["SO_KEEPALIVE"] == 0 || got["TCP_KEEPIDLE"] < 1 || got["TCP_KEEPIDLE"] > 30 {
		t.Errorf("%v", got)
	}
}
