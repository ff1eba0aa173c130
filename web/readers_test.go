package web_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/web"
)

// weigh is the memory in use.
func weigh() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// 2,000 readers that never read cost a bounded amount of memory, and the one that reads nothing of its events.
func TestManyReaders(t *testing.T) {
	const readers = 2000
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur < 2*readers+100 {
		t.Skipf("this process may open %d files", files.Cur)
	}
	g := start(t)
	before := weigh()
	host := strings.TrimPrefix(g.url, "http://")
	for range readers {
		c, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if _, err := fmt.Fprintf(c, "GET /api/v1/events?kind=call HTTP/1.1\r\nHost: %s\r\n\r\n", host); err != nil {
			t.Fatal(err)
		}
	}
	s := g.follow("GET", "/api/v1/events", "kind=feature")
	s.next()
	for i := range 10 {
		if err := g.pbx.Phone(1003).SetDoNotDisturb(i%2 == 0); err != nil {
			t.Fatal(err)
		}
		g.talking(1001, 1002)
		if err := g.pbx.Phone(1001).HangUp(); err != nil {
			t.Fatal(err)
		}
	}
	for n := 0; n < 10; {
		switch d := s.next(); {
		case d.Event == "DoNotDisturbEvent":
			n++
		case d.Type != "heartbeat":
			t.Fatalf("%s", d.raw)
		}
	}
	for began := time.Now(); g.streams() < readers+1; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("%d streams", g.streams())
		}
	}
	// Each keeps two goroutines, the server's buffers and what waits to be written; the events themselves are shared.
	if each := (weigh() - before) / readers; each > 128<<10 {
		t.Errorf("%d KiB for each reader", each>>10)
	} else {
		t.Logf("%d KiB for each reader", each>>10)
	}
}

// pipes is a listener without a network between: what isn't read on one side isn't written on the other.
type pipes struct {
	conns chan net.Conn
	ended chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p pipes) Close() error { close(p.ended); return nil }

// 2,000 readers that stop reading while more happens than may wait for one: what waits for them is bounded, is given back when they have fallen behind, and costs who
// reads nothing.
func TestReadersFallBehind(t *testing.T) {
	const readers, most, waits = 2000, 8192, 8000
	g := start(t)
	l := pipes{make(chan net.Conn), make(chan struct{})}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- g.server.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	s := g.follow("GET", "/api/v1/events", "kind=feature")
	s.next()
	before := weigh()
	for range readers {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { ours.Close() })
		l.conns <- theirs
		if _, err := fmt.Fprint(ours, "GET /api/v1/events?kind=feature HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		head := make([]byte, 1<<10)
		if n, err := ours.Read(head); err != nil || !strings.HasPrefix(string(head[:n]), "HTTP/1.1 200") {
			t.Fatalf("%q %v", head[:n], err)
		}
	}
	happens := func(n int) {
		t.Helper()
		for i := range n {
			if err := g.pbx.Phone(1003).SetDoNotDisturb(i%2 == 0); err != nil {
				t.Fatal(err)
			}
			if i%1000 == 999 {
				for range 1000 {
					if d := s.next(); d.Event != "DoNotDisturbEvent" && d.Type != "heartbeat" {
						t.Fatalf("who reads: %s", d.raw)
					}
				}
			}
		}
	}
	each := func() uint64 { return (max(weigh(), before) - before) / readers >> 10 }
	happens(waits)
	full := each()
	happens(most)
	behind := each()
	t.Logf("%d KiB for each reader that waits, %d for each that has fallen behind", full, behind)
	if full > 192 || behind > 96 {
		t.Errorf("%d KiB for each reader that waits, %d for each that has fallen behind", full, behind)
	}
}

// A reader that is too slow is told so in the last document, with the position up to which it was served, over a WebSocket in its last frame too; it comes back there, and
// misses nothing.
func TestSlowReaderIsCutWithAReason(t *testing.T) {
	for _, transport := range []string{"SSE", "WebSocket"} {
		t.Run(transport, func(t *testing.T) {
			pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 4, Quiet: true})
			if err != nil {
				t.Fatal(err)
			}
			// The journal keeps much more than waits for one follower.
			g := startOn(t, accessOpen, pbx, nil, switchboard.Options{Keep: 64 << 20}, web.Config{Version: "test"})
			next := g.slowly(transport)
			d, _ := next()
			last, n := d.Position, 0
			const told = 24_000
			for i := range told {
				if err := pbx.Phone(1003).SetDoNotDisturb(i%2 == 0); err != nil {
					t.Fatal(err)
				}
			}
			for d, _ = next(); d.Type != "end"; d, _ = next() {
				if last = d.Position; d.Type == "event" {
					n++
				}
			}
			if !strings.Contains(d.Reason, "too slow") || d.Position != last {
				t.Errorf("after %s: %+v", last, d)
			}
			if n == told {
				t.Fatal("all events came before the cut")
			}
			_, err = next()
			if transport == "WebSocket" && (!websocket.IsCloseError(err, websocket.CloseTryAgainLater) || !strings.Contains(err.Error(), "too slow")) {
				t.Errorf("the last frame: %v", err)
			}
			at := last
			for range 4 { // a few are enough: the order of the rest is the stream's
				d := g.follow("GET", "/api/v1/events", "kind=feature&after="+at).next()
				if d.Type != "event" || g.after(d.id) != g.after(at)+1 {
					t.Fatalf("after %s: %.200s", at, d.raw)
				}
				at = d.id
			}
		})
	}
}

// slowly follows features with a small window, and reads a document whenever it is called; an error is how the stream ended.
func (g *gateway) slowly(transport string) func() (message, error) {
	g.t.Helper()
	host := strings.TrimPrefix(g.url, "http://")
	dial := func(network, address string) (net.Conn, error) {
		c, err := net.Dial(network, address)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(16 << 10)
		}
		return c, err
	}
	if transport == "WebSocket" {
		c, _, err := (&websocket.Dialer{NetDial: dial}).DialContext(g.t.Context(), "ws://"+host+"/api/v1/events?kind=feature", nil)
		if err != nil {
			g.t.Fatal(err)
		}
		g.t.Cleanup(func() { c.Close() })
		return func() (m message, err error) {
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
			return m, c.ReadJSON(&m)
		}
	}
	c, err := dial("tcp", host)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "GET /api/v1/events?kind=feature HTTP/1.1\r\nHost: %s\r\n\r\n", host)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		g.t.Fatal(err)
	}
	s := &sse{g.t, res.Body, bufio.NewScanner(res.Body)}
	s.in.Buffer(nil, 10<<20)
	ended := false
	return func() (message, error) {
		if ended {
			return message{}, nil
		}
		d := s.next()
		ended = d.Type == "end"
		return d.message, nil
	}
}
