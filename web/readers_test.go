package web_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/web"
)

// 2,000 readers that never read cost a bounded amount of memory, and the one that reads nothing of its events.
func TestManyReaders(t *testing.T) {
	const readers = 2000
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur < 2*readers+100 {
		t.Skipf("this process may open %d files", files.Cur)
	}
	g := start(t)
	weigh := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
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

// A reader that is too slow is told so in the last document, with the position up to which it was served; it comes back there, and misses nothing.
func TestSlowReaderIsCutWithAReason(t *testing.T) {
	pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 4, Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	// The journal keeps much more than waits for one follower.
	g := startOn(t, accessOpen, pbx, nil, switchboard.Options{Keep: 64 << 20}, web.Config{Version: "test"})
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(16 << 10)
	fmt.Fprintf(conn, "GET /api/v1/events?kind=feature HTTP/1.1\r\nHost: %s\r\n\r\n", strings.TrimPrefix(g.url, "http://"))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	slow := &sse{t, res.Body, bufio.NewScanner(res.Body)}
	slow.in.Buffer(nil, 10<<20)
	last, n := slow.next().id, 0
	const told = 24_000
	for i := range told {
		if err := pbx.Phone(1003).SetDoNotDisturb(i%2 == 0); err != nil {
			t.Fatal(err)
		}
	}
	for d := slow.next(); ; d = slow.next() {
		if d.Type == "end" {
			if !strings.Contains(d.Reason, "too slow") || d.id != last {
				t.Errorf("after %s: %s", last, d.raw)
			}
			break
		}
		if last = d.id; d.Type == "event" {
			n++
		}
	}
	if n == told {
		t.Fatal("all events came before the cut")
	}
	for at := last; n < told; n++ {
		d := g.follow("GET", "/api/v1/events", "kind=feature&after="+at).next()
		if d.Type != "event" || g.after(d.id) != g.after(at)+1 {
			t.Fatalf("after %s: %.200s", at, d.raw)
		}
		if n > 3 { // a few are enough: the order of the rest is the stream's
			break
		}
		at = d.id
	}
}
