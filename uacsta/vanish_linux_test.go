package uacsta_test

import (
	"net"
	"syscall"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
)

// A peer that vanishes without FIN: its kernel drops whatever comes, and acknowledges nothing, as if somebody had pulled its cable. The connection ends, where
// nothing is said on it and where something is to be told; the session stands, and what was told in vain is told again when the peer comes back.
func TestVanished(t *testing.T) {
	t.Run("in silence", func(t *testing.T) { testVanished(t, 0) })
	t.Run("with events on their way", func(t *testing.T) { testVanished(t, 3) })
}

func testVanished(t *testing.T, events int) {
	t.Parallel()
	h := newHouse(t, switchboard.OwnLine{}, false, func(c *uacsta.Config) { c.Vanished = 2 * time.Second })
	lc := net.ListenConfig{KeepAlive: -1} // the server's own is what counts
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	seen := &spy{Listener: l, conns: make(chan *net.TCPConn, 1)}
	done := make(chan struct{})
	go func() { _ = h.uc.Serve(t.Context(), seen, nil); close(done) }()
	defer func() { l.Close(); <-done }()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p := newPeer(t, client)
	p.signIn("tel:+15551001")
	if err := h.pbx.Phone(1001).SetDoNotDisturb(true); err != nil {
		t.Fatal(err)
	}
	p.send(answerTo(p.read(), 200))
	p.ask(csta.RequestSystemStatus{}) // its answer is behind that
	ours, err := (<-seen.conns).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	pullCable(t, client.(*net.TCPConn))
	for i := range events {
		if err := h.pbx.Phone(1001).SetDoNotDisturb(i%2 == 1); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(time.Minute); ours.Control(func(uintptr) {}) == nil; time.Sleep(10 * time.Millisecond) { // until it's closed
		if time.Now().After(end) {
			t.Fatal("a minute later the connection of a peer that is gone for longer than 2 s still stands")
		}
	}
	if n := h.uc.Count(); n != 1 {
		t.Errorf("%d sessions", n)
	}
	back, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	p.moveTo(back)
	p.send(p.request("INFO", encode(csta.RequestSystemStatus{})))
	for i := range events {
		if e, ok := p.event().(csta.DoNotDisturbEvent); !ok || e.DoNotDisturbOn != (i%2 == 1) {
			t.Errorf("event %d after it came back: %+v", i, e)
		}
	}
	if g := p.read(); g.status() != 200 {
		t.Error(g.head)
	}
}

// pullCable has a socket's kernel drop whatever comes for it, before TCP sees it.
func pullCable(t *testing.T, c *net.TCPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var set error
	if err := raw.Control(func(fd uintptr) {
		set = syscall.AttachLsf(int(fd), []syscall.SockFilter{{Code: syscall.BPF_RET | syscall.BPF_K, K: 0}}) //nolint:staticcheck // x/sys has it too, and is no dependency of this package
	}); err != nil {
		t.Fatal(err)
	}
	if set != nil {
		t.Skipf("this kernel lets nobody drop what comes for a socket: %v", set)
	}
}

// spy gives what was accepted.
type spy struct {
	net.Listener
	conns chan *net.TCPConn
}

func (s *spy) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err == nil {
		select {
		case s.conns <- c.(*net.TCPConn):
		default:
		}
	}
	return c, err
}
