package uacsta_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

// A whole session, an octet at a time.
func TestOctetByOctet(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.dial(t)
	trickle := func(text string) {
		for i := range len(text) {
			p.send(text[i : i+1])
		}
	}
	trickle(p.request("INVITE", statusRequest("tel:+15551001")))
	_, p.toTag, _ = strings.Cut(p.read().header("To"), ";tag=")
	trickle("\r\n\r\n")
	trickle(p.request("ACK", ""))
	p.cseq--
	trickle(p.request("INFO", encode(csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: "tel:+15551001"}})))
	if pong, err := p.r.ReadString('\n'); err != nil || pong != "\r\n" {
		t.Fatalf("the ping was answered %q, %v", pong, err)
	}
	if r := p.read().message(t); r.Element() != "MonitorStartResponse" {
		t.Fatal(r)
	}
	h.undisturbed(t, p, 1001)
}

// Hundreds of requests in one segment: each is answered, in the order of the wire.
func TestManyInOneSegment(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	var all strings.Builder
	first := p.cseq + 1
	const n = 300
	for i := range n {
		q := csta.Request(csta.RequestSystemStatus{})
		if i%2 == 1 {
			q = csta.SnapshotDevice{SnapshotObject: "tel:+15551001"}
		}
		all.WriteString(p.request("INFO", encode(q)))
		if i%10 == 0 {
			all.WriteString("\r\n\r\n") // a ping between
		}
	}
	p.send(all.String())
	for i := range n {
		if g := p.read(); g.status() != 200 || g.header("CSeq") != fmt.Sprintf("%d INFO", first+i) {
			t.Fatalf("answer %d: %s", i, g.head)
		}
	}
	h.undisturbed(t, p, 1001)
}

// Single and double line ends between messages are keep-alives, however long they stay alone; half a message is not waited for.
func TestKeepAlives(t *testing.T) {
	underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
		p := newPeer(t, l.Dial())
		p.signIn("tel:+15551001")
		for _, alive := range []string{"\r\n", "\r\n\r\n", "\r", "\n", "\n\r\n"} {
			p.send(alive)
			if alive == "\r\n\r\n" { // a ping (RFC 5626, 3.5.1)
				if pong, err := p.r.ReadString('\n'); err != nil || pong != "\r\n" {
					t.Fatalf("answered %q, %v", pong, err)
				}
			}
			time.Sleep(2 * time.Minute)
			h.undisturbed(t, p, 1001)
		}
		q := newPeer(t, l.Dial())
		q.send("OPTIONS sip:rccgw@contoso.test SIP/2.0\r\n")
		began := time.Now()
		_, err := q.r.ReadByte()
		if took := time.Since(began); !errors.Is(err, io.EOF) || took != 32*time.Second {
			t.Errorf("half a message: %v after %v", err, took)
		}
		h.undisturbed(t, p, 1001)
	})
}

// An octet a second on 500 connections: each costs its buffer, for as long as a message may take, and then its connection.
func TestOctetASecond(t *testing.T) {
	underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
		p := newPeer(t, l.Dial())
		p.signIn("tel:+15551001")
		var wg sync.WaitGroup
		began := time.Now()
		for range 500 {
			c := l.Dial()
			wg.Go(func() {
				defer c.Close()
				for _, b := range []byte(strings.Repeat("OPTIONS sip:a@b SIP/2.0\r\n", 4)) {
					if _, err := c.Write([]byte{b}); err != nil {
						break
					}
					time.Sleep(time.Second)
				}
				if took := time.Since(began); took < 32*time.Second || took > 34*time.Second {
					t.Errorf("the connection lived %v", took)
				}
			})
		}
		time.Sleep(10 * time.Second)
		h.undisturbed(t, p, 1001)
		wg.Wait()
		synctest.Wait()
		h.undisturbed(t, p, 1001)
	})
}

// What each kind of broken framing costs: a message where the next can still be found, else the connection; and never the dialog, which goes on by
// the next connection and misses no event.
func TestBrokenFraming(t *testing.T) {
	const bare = "OPTIONS sip:rccgw@contoso.test SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.10:1;branch=z9hG4bKbad\r\nFrom: <sip:a@contoso.test>;tag=a\r\n" +
		"To: <sip:rccgw@contoso.test>\r\nCall-ID: bad\r\nCSeq: 1 OPTIONS\r\n"
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	for _, c := range []struct {
		name, octets string
		status       int // 0: no answer
		ends         bool
	}{
		{"no Content-Length", bare + "\r\n", 400, true},
		{"Content-Length negative", bare + "Content-Length: -1\r\n\r\n", 400, true},
		{"Content-Length with a sign", bare + "Content-Length: +0\r\n\r\n", 400, true},
		{"Content-Length in hex", bare + "Content-Length: 0x10\r\n\r\n", 400, true},
		{"Content-Length empty", bare + "Content-Length:\r\n\r\n", 400, true},
		{"Content-Length beyond an int", bare + "Content-Length: 99999999999999999999\r\n\r\n", 400, true},
		{"Content-Length of 2 GB", bare + "Content-Length: 2147483647\r\n\r\n", 413, true},
		{"a body of 200 KB", bare + "Content-Length: 200000\r\n\r\n" + strings.Repeat("INVITE", 200_000/6) + "xx", 413, false},
		{"Content-Length twice, the same", bare + "Content-Length: 2\r\nl: 2\r\n\r\nhi", 200, false},
		{"Content-Length twice, different", bare + "Content-Length: 0\r\nl: 2\r\n\r\nhi", 400, true},
		{"Content-Length twice in one header", bare + "Content-Length: 0, 0\r\n\r\n", 400, true},
		{"10,000 headers", bare + strings.Repeat("X: y\r\n", 10_000) + "Content-Length: 0\r\n\r\n", 400, false},
		{"headers without end", bare + strings.Repeat("X-Endless: y\r\n", 30_000), 0, true},
		{"one header without end", bare + "X-Endless: " + strings.Repeat("y", 300_000), 0, true},
		{"a first line without end", strings.Repeat("A", 300_000), 0, true},
		{"a header without colon", bare + "Nonsense\r\nContent-Length: 0\r\n\r\n", 400, false},
		{"a NUL in a header", bare + "X: a\x00b\r\nContent-Length: 0\r\n\r\n", 400, false},
		{"a bare CR in a header", bare + "X: a\rb: c\r\nContent-Length: 0\r\n\r\n", 400, false},
		{"a folded first header", strings.Replace(bare, "\r\nVia", "\r\n Via", 1) + "Content-Length: 0\r\n\r\n", 400, false},
		{"line ends without CR", strings.ReplaceAll(bare, "\r\n", "\n") + "Content-Length: 0\n\n", 200, false},
		{"another protocol's name", "EHLO example.com\r\n", 0, true},
		{"HTTP", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 0, true},
		{"octets", "\x00\xFF\x80\x7F\r\n\r\n", 0, true},
		{"XML alone", "<RequestSystemStatus/>\r\n\r\n", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", h.addr)
			if err != nil {
				t.Fatal(err)
			}
			p.moveTo(conn) // the dialog is on the connection that breaks
			h.undisturbed(t, p, 1001)
			last, branch := probe()
			go io.WriteString(conn, c.octets+last) //nolint:errcheck // the answers tell
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			if c.status != 0 {
				if g, err := readAnswer(p.r); err != nil || g.status() != c.status {
					t.Fatalf("answered %v, %v, want %d", g, err, c.status)
				}
			}
			g, err := readAnswer(p.r)
			if ended := err != nil; ended != c.ends || !ended && !strings.Contains(g.header("Via"), branch) {
				t.Fatalf("the connection ended: %v; then came %v, %v", ended, g, err)
			}
			if c.ends { // what happens meanwhile is told on the next connection
				if err := h.pbx.Phone(1001).SetDoNotDisturb(true); err != nil {
					t.Fatal(err)
				}
				next, err := net.Dial("tcp", h.addr)
				if err != nil {
					t.Fatal(err)
				}
				p.moveTo(next)
				p.send(p.request("INFO", encode(csta.RequestSystemStatus{})))
				told, answered := 0, 0
				for range 2 {
					if g := p.read(); g.status() == 200 {
						answered++
					} else if strings.Contains(g.body, "<DoNotDisturbEvent") {
						told++
					}
				}
				if told != 1 || answered != 1 {
					t.Fatalf("%d events, %d answers", told, answered)
				}
				if err := h.pbx.Phone(1001).SetDoNotDisturb(false); err != nil {
					t.Fatal(err)
				}
				p.events("DoNotDisturb")
			}
			h.undisturbed(t, p, 1001)
		})
	}
}

// A bad message of one dialog, between those of another on the same connection, costs itself.
func TestBadAmongGood(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	bad := strings.Replace(strings.Replace(p.request("INFO", encode(csta.RequestSystemStatus{})), "CSeq: ", "CSeq: x", 1), "branch=", "branch=bad", 1)
	p.send(p.request("INFO", encode(csta.RequestSystemStatus{})) + bad + p.request("INFO", encode(csta.RequestSystemStatus{})))
	statuses := map[int]int{}
	for range 3 {
		statuses[p.read().status()]++
	}
	if statuses[200] != 2 || statuses[400] != 1 {
		t.Fatal(statuses)
	}
	h.undisturbed(t, p, 1001)
}

// TLS on the TCP port ends at once; plain SIP on the TLS port too.
func TestWrongPort(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	_, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", h.addr, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // nothing is trusted
	if err == nil {
		t.Error("a TLS handshake on the TCP port")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = h.uc.Serve(t.Context(), l, &tls.Config{}); close(done) }() //nolint:gosec // nothing is said on it
	if answers, alive := exchange(t, l.Addr().String(), ""); len(answers) > 0 || alive {
		t.Errorf("plain SIP on the TLS port: %v", answers)
	}
	l.Close()
	<-done
	h.undisturbed(t, p, 1001)
}

// Resets in mid-request, of connections that carry a dialog and of others.
func TestResets(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	whole := p.request("INFO", encode(csta.RequestSystemStatus{}))
	for i := range 60 {
		c, err := net.Dial("tcp", h.addr)
		if err != nil {
			t.Fatal(err)
		}
		p.moveTo(c)
		p.send(whole[:i*len(whole)/60])
		_ = c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	p.moveTo(c)
	h.undisturbed(t, p, 1001)
}

// 5,000 idle connections, as far as the system lets a process have them: what each costs is bounded, and the sessions beside them go on.
func TestIdleConnections(t *testing.T) {
	n := 5000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil {
		n = min(n, int(min(limit.Cur, 1<<20)-500)/2)
	}
	h := newHouse(t, switchboard.OwnLine{}, false, func(c *uacsta.Config) { c.Connections = n + 1 })
	p := h.openSession(t, "tel:+15551001")
	before := heap()
	all := make([]net.Conn, n)
	defer func() {
		for _, c := range all {
			if c != nil {
				c.Close()
			}
		}
	}()
	for i := range all {
		c, err := net.Dial("tcp", h.addr)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = c
	}
	for _, c := range all[n-10:] { // they are all served, and not only accepted
		if _, err := io.WriteString(c, "\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.ReadFull(c, make([]byte, 2)); err != nil {
			t.Fatal(err)
		}
	}
	if each := (heap() - before) / int64(n); each > 8<<10 { // both ends
		t.Errorf("%d octets of heap for each idle connection", each)
	}
	h.undisturbed(t, p, 1001)
	extra, err := net.Dial("tcp", h.addr) // one more than are allowed
	if err != nil {
		t.Fatal(err)
	}
	defer extra.Close()
	_ = extra.SetReadDeadline(time.Now().Add(patience))
	if _, err := extra.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("one too many: %v", err)
	}
	h.undisturbed(t, p, 1001)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A peer that sends and sends, and reads nothing, is read no further once its answers fill the bound.
func TestReadsNothing(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false, func(c *uacsta.Config) { c.Unsent = 256 << 10 })
	p := h.openSession(t, "tel:+15551001")
	before := heap()
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	text, _ := probe()
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	sent, _ := io.Copy(c, io.LimitReader(&again{text: []byte(strings.Repeat(text, 100))}, 1<<30))
	if sent == 1<<30 {
		t.Error("everything was taken")
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("%d octets of heap for one that reads nothing", grown)
	}
	h.undisturbed(t, p, 1001)
	r := bufio.NewReaderSize(c, 1<<20) // it reads after all: all of it is there, in order
	_ = c.SetReadDeadline(time.Now().Add(patience))
	for range min(sent/int64(len(text)), 2000) {
		if g, err := readAnswer(r); err != nil || g.status() != 200 {
			t.Fatal(g, err)
		}
	}
}

// again reads the same octets for ever.
type again struct {
	text []byte
	r    bytes.Reader
}

func (a *again) Read(p []byte) (int, error) {
	if a.r.Len() == 0 {
		a.r.Reset(a.text)
	}
	return a.r.Read(p)
}
