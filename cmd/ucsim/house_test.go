package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
)

// house is the real gateway before a simulated PBX whose phones wait for their users, on l.
type house struct {
	pbx  *sim.PBX
	uc   *uacsta.Server
	stop func()
}

func newHouse(t testing.TB, l net.Listener, conf *tls.Config) *house {
	t.Helper()
	pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 24, Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	board := switchboard.New(switchboard.AnyLine{}, switchboard.Options{}, switchboard.PBX{Name: "sim", Adapter: pbx})
	h := &house{pbx: pbx, uc: uacsta.New(board, uacsta.Config{})}
	ctx, cancel := context.WithCancel(context.Background())
	boardCtx, stopBoard := context.WithCancel(context.Background())
	var wg, wb sync.WaitGroup
	wb.Go(func() { _ = board.Run(boardCtx) })
	wg.Go(func() { _ = h.uc.Run(ctx) })
	wg.Go(func() { _ = h.uc.Serve(ctx, l, conf) })
	h.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		stopBoard()
		wb.Wait()
	})
	t.Cleanup(h.stop)
	for up := false; !up; time.Sleep(time.Millisecond) {
		d, ok := board.Device(switchboard.Principal{User: "test", Via: "http"}, "tel:+15551001")
		up = ok && d.LinkUp
	}
	return h
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// conf is what the flags' defaults give, for this gateway.
func conf(l net.Listener, line string) cli {
	return cli{
		Server: l.Addr().String(), Line: line, User: "sip:test@localhost", Gateway: "sip:farhook@localhost", Patience: 20 * time.Second,
	}
}

// terminal is a user at the keyboard, and what stands on the screen.
type terminal struct {
	t     testing.TB
	keys  *io.PipeWriter
	ended chan error

	mu     sync.Mutex
	screen bytes.Buffer
	read   int // octets of the screen that have been looked at
	typed  map[string]bool
}

func (x *terminal) Write(b []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.screen.Write(b)
}

func sit(t testing.TB, c cli) *terminal {
	in, keys := io.Pipe()
	x := &terminal{t: t, keys: keys, ended: make(chan error, 1), typed: make(map[string]bool)}
	go func() { x.ended <- run(context.Background(), c, in, x) }()
	t.Cleanup(func() { keys.Close() })
	x.sees("signed in to " + regexp.QuoteMeta(c.Line) + `, monitor m-`)
	return x
}

// types gives a command, and waits for the lines that must follow in this order, others between them.
func (x *terminal) types(command string, want ...string) {
	x.t.Helper()
	x.typed[strings.Fields(command)[0]] = true
	if _, err := io.WriteString(x.keys, command+"\n"); err != nil {
		x.t.Fatal(err)
	}
	x.sees(want...)
}

func (x *terminal) sees(want ...string) {
	x.t.Helper()
	for _, w := range want {
		re := regexp.MustCompile(w)
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			x.mu.Lock()
			news := x.screen.Bytes()[x.read:]
			at := re.FindIndex(news)
			if at != nil {
				x.read += at[1]
			}
			text := string(news)
			x.mu.Unlock()
			if at != nil {
				break
			}
			if strings.Contains(text, "\n") && strings.Contains(text, " ! ") || time.Now().After(end) {
				x.t.Fatalf("want %s, got\n%s", w, text)
			}
		}
	}
}

// hand wants that somebody's act at a phone worked.
func hand(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const outside = csta.DeviceID("tel:+15559000010")
