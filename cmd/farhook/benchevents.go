package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"farhook/csta"
)

// crowd is an open-loop measurement: calls are due at a rate, whatever the gateway does, and so many sessions watch each line.
type crowd struct {
	rate      int // calls a second
	endpoints int // sessions of each line
}

var crowds = []crowd{{100, 1}, {100, 10}, {20, 100}}

// toldOfCall is what every session of a line must hear of one of its calls, in this order: an outside call that rings, and is ended.
var toldOfCall = []string{"ServiceInitiated", "Originated", "NetworkReached", "Delivered", "ConnectionCleared", "ConnectionCleared"}

// heard is what came of a crowd.
type heard struct {
	latencies                 []time.Duration // from when the request was due that caused it
	lost, doubled, disordered int
}

// listener is one session of a crowd.
type listener struct {
	*caller
	line  *benchLine
	calls map[string][]string // names of events, by call
}

// benchLine is a line, and when its requests were due.
type benchLine struct {
	number       string
	made, ending atomic.Int64 // Unix nanoseconds
	speaker      *listener
	answers      chan string // callID of its MakeCallResponse, or "" for another answer
}

// events measures a crowd. Every second session answers the events it gets, the others never answer any.
func (b *benchCmd) events(ctx context.Context, t *target, c crowd) (heard, error) {
	lines := min(c.rate, b.Sessions/c.endpoints+1)
	g, err := newGenerator(ctx, t.addr, b.Connections, 0)
	if err != nil {
		return heard{}, err
	}
	defer g.close()
	defer context.AfterFunc(ctx, g.close)()
	all := make([]*benchLine, lines)
	byConn := make([][]*listener, len(g.conns))
	for n := range lines {
		all[n] = &benchLine{number: lineNumber(n), answers: make(chan string, 1)}
		for e := range c.endpoints {
			i := (n + e) % len(g.conns)
			s := &listener{caller: g.conns[i].add(g.id, i, all[n].number), line: all[n], calls: make(map[string][]string)}
			byConn[i] = append(byConn[i], s)
			if e == 0 {
				all[n].speaker = s
			}
		}
	}
	if err := g.signIn(); err != nil {
		return heard{}, err
	}
	if err := g.once([]step{monitorStart}); err != nil {
		return heard{}, err
	}
	ears := make([]*ear, len(g.conns))
	var wg sync.WaitGroup
	for i, conn := range g.conns {
		ears[i] = &ear{conn: conn, listeners: byConn[i]}
		wg.Go(func() { ears[i].err = ears[i].listen() })
	}
	calls, err := speak(ctx, g, all, c.rate, b.Duration)
	for _, x := range ears {
		x.expect(calls)
	}
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline) && slices.ContainsFunc(ears, func(x *ear) bool { return !x.complete() }); {
		time.Sleep(10 * time.Millisecond)
	}
	for i := range ears {
		var byes []byte
		for _, s := range byConn[i] {
			byes = s.frame(byes, "BYE", nil)
		}
		_ = g.conns[i].send(byes)
	}
	g.close()
	wg.Wait()
	var h heard
	for _, x := range ears {
		if !errors.Is(x.err, net.ErrClosed) {
			err = errors.Join(err, x.err)
		}
		x.judge(&h, calls)
	}
	return h, err
}

// speak makes the calls when they are due, each ended as soon as its MakeCall is answered. It says how many each line made.
func speak(ctx context.Context, g *generator, all []*benchLine, rate int, d time.Duration) (map[*benchLine]int, error) {
	calls := make(map[*benchLine]int)
	began := time.Now()
	gap := time.Second / time.Duration(rate)
	total := int(d / gap)
	busy := make([]sync.WaitGroup, len(all))
	var mu sync.Mutex
	var failed error
	for n := range total {
		due := began.Add(time.Duration(n) * gap)
		select {
		case <-ctx.Done():
			return calls, ctx.Err()
		case <-time.After(time.Until(due)):
		}
		l := all[n%len(all)]
		busy[n%len(all)].Wait() // one call of a line at a time, so that each event has one cause
		calls[l]++
		busy[n%len(all)].Go(func() {
			if err := l.call(g, due); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = err
			}
		})
	}
	for i := range busy {
		busy[i].Wait()
	}
	return calls, failed
}

// call makes one call and ends it.
func (l *benchLine) call(g *generator, due time.Time) error {
	s := l.speaker
	l.made.Store(due.UnixNano())
	if err := g.conns[s.conn].send(s.frame(nil, "INFO", csta.Encode(nil, makeCall(l.number, ""), csta.Ed3))); err != nil {
		return err
	}
	id, err := l.answer()
	if err != nil {
		return err
	}
	l.ending.Store(time.Now().UnixNano())
	if err := g.conns[s.conn].send(s.frame(nil, "INFO", csta.Encode(nil, clearConnection(l.number, id), csta.Ed3))); err != nil {
		return err
	}
	_, err = l.answer()
	return err
}

func (l *benchLine) answer() (string, error) {
	select {
	case id := <-l.answers:
		if strings.HasPrefix(id, "error") {
			return "", fmt.Errorf("%s: %s", l.number, id)
		}
		return id, nil
	case <-time.After(answerLimit):
		return "", fmt.Errorf("%s: an answer did not come", l.number)
	}
}

// ear reads one connection.
type ear struct {
	conn      *loadConn
	listeners []*listener
	err       error

	mu        sync.Mutex
	got, want int
	latencies []time.Duration
}

func (x *ear) listen() error {
	for {
		var out []byte
		for first := true; first || x.conn.whole(); first = false {
			head, body, err := x.conn.read()
			if err != nil {
				return err
			}
			s, err := x.conn.session(head)
			if err != nil {
				return err
			}
			l := x.listeners[s.index]
			if !bytes.HasPrefix(head, []byte("INFO ")) {
				if !strings.HasSuffix(valueOf(head, "CSeq: "), "INFO") {
					continue // a goodbye
				}
				id := between(string(body), "<callID>", "</callID>")
				if bytes.Contains(body, []byte("<CSTAErrorCode")) {
					id = "error " + string(body)
				}
				l.line.answers <- id
				continue
			}
			x.hear(l, string(body))
			if s.index%2 == 0 {
				out = appendOK(out, head)
			}
		}
		if len(out) > 0 {
			if err := x.conn.send(out); err != nil {
				return err
			}
		}
	}
}

// hear takes one event.
func (x *ear) hear(l *listener, body string) {
	i := strings.Index(body, "Event xmlns=")
	name := body[strings.LastIndexByte(body[:max(i, 0)], '<')+1 : max(i, 0)]
	id := between(body, "<callID>", "</callID>")
	due := l.line.made.Load()
	if name == "ConnectionCleared" {
		due = l.line.ending.Load()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	l.calls[id] = append(l.calls[id], name)
	x.latencies = append(x.latencies, time.Duration(time.Now().UnixNano()-due))
	x.got++
}

func (x *ear) expect(calls map[*benchLine]int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, l := range x.listeners {
		x.want += calls[l.line] * len(toldOfCall)
	}
}

func (x *ear) complete() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.got >= x.want
}

// judge compares what each session heard of each call with what it must have heard.
func (x *ear) judge(h *heard, calls map[*benchLine]int) {
	h.latencies = append(h.latencies, x.latencies...)
	for _, l := range x.listeners {
		h.lost += max(calls[l.line]-len(l.calls), 0) * len(toldOfCall)
		for _, names := range l.calls {
			switch d := len(names) - len(toldOfCall); {
			case d < 0:
				h.lost -= d
			case d > 0:
				h.doubled += d
			case !slices.Equal(names, toldOfCall):
				h.disordered++
			}
		}
	}
}

// appendOK appends the answer to a request of the server's.
func appendOK(b, head []byte) []byte {
	b = append(b, "SIP/2.0 200 OK\r\n"...)
	for _, name := range []string{"Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: "} {
		b = append(append(append(b, name...), valueOf(head, name)...), "\r\n"...)
	}
	return append(b, "Content-Length: 0\r\n\r\n"...)
}
