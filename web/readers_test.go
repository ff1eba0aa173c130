package web_test

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
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
