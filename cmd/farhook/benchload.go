package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"farhook/csta"
	"farhook/csta/extension"
)

// step is one request of a session: its body, from the session's line and the call it made last.
type step func(line string, call string) csta.Request

// workload is requests that every session makes, one after the other, again and again.
type workload struct {
	name  string
	steps []step
}

var workloads = []workload{
	{"RequestSystemStatus", []step{func(string, string) csta.Request { return csta.RequestSystemStatus{} }}},
	{"SnapshotDevice", []step{snapshotDevice}},
	{"MonitorStart + MonitorStop", []step{monitorStart, monitorStop}},
	{"MakeCall + ClearConnection", []step{makeCall, clearConnection}},
}

func makeCall(line, _ string) csta.Request {
	return csta.MakeCall{CallingDevice: csta.DeviceID(line), CalledDirectoryNumber: "tel:+15559000002", AutoOriginate: csta.AutoOriginateDoNotPrompt}
}

func clearConnection(line, call string) csta.Request {
	return csta.ClearConnection{ConnectionToBeCleared: csta.ConnectionID{Call: csta.CallID(call), Device: csta.DeviceID(line)}}
}

func snapshotDevice(line, _ string) csta.Request {
	return csta.SnapshotDevice{SnapshotObject: csta.DeviceID(line)}
}

func features(line, _ string) csta.Request {
	return csta.GetCSTAFeatures{Extensions: extension.WithLine(line)}
}

func monitorStart(line, _ string) csta.Request {
	return csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: csta.DeviceID(line)}}
}

func monitorStop(_, monitor string) csta.Request {
	return csta.MonitorStop{MonitorCrossRefID: csta.MonitorID(monitor)}
}

// generator is a lean generator of raw frames: what is measured is the server, not the load.
type generator struct {
	id    string // makes branches and Call-IDs those of this run
	conns []*loadConn
}

// loadConn is one connection with its sessions.
type loadConn struct {
	conn     net.Conn
	sessions []*caller
	buf      []byte
	out      []byte
	mu       sync.Mutex // orders writes
}

// caller is one dialog.
type caller struct {
	run    string
	conn   int
	index  int
	line   string
	tag    string // the server's
	last   string // callID or monitor reference of the last answer that had one
	cseq   int
	step   int
	frames [][2][]byte // of each step that needs nothing: before and after CSeq
	sent   time.Time
}

func newGenerator(ctx context.Context, addr string, conns, sessions int) (*generator, error) {
	g := &generator{id: strconv.FormatInt(time.Now().UnixNano(), 36)}
	for range conns {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			g.close()
			return nil, err
		}
		g.conns = append(g.conns, &loadConn{conn: c})
	}
	for n := range sessions {
		g.conns[n%conns].add(g.id, n%conns, lineNumber(n))
	}
	return g, nil
}

// lineNumber is the line of session n, one that offers everything.
func lineNumber(n int) string { return "tel:+" + strconv.Itoa(15550000+1025+n) }

func (c *loadConn) add(run string, conn int, line string) *caller {
	s := &caller{run: run, conn: conn, index: len(c.sessions), line: line}
	c.sessions = append(c.sessions, s)
	return s
}

// send writes octets in one piece.
func (c *loadConn) send(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.conn.Write(b)
	return err
}

func (l *generator) close() {
	for _, c := range l.conns {
		c.conn.Close()
	}
}

// signOut ends every session.
func (l *generator) signOut() error {
	return l.each(func(c *loadConn) error {
		c.out = c.out[:0]
		for _, s := range c.sessions {
			c.out = s.frame(c.out, "BYE", nil)
		}
		go c.send(c.out) //nolint:errcheck // the answers that don't come tell
		for range c.sessions {
			for {
				head, _, err := c.read()
				if err != nil {
					return err
				}
				if !bytes.HasPrefix(head, []byte("INFO ")) {
					break
				}
			}
		}
		return nil
	})
}

// each runs f on every connection at once.
func (l *generator) each(f func(*loadConn) error) error {
	errs := make([]error, len(l.conns))
	var wg sync.WaitGroup
	for i, c := range l.conns {
		wg.Go(func() { errs[i] = f(c) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// signIn opens the sessions, all at once.
func (l *generator) signIn() error {
	return l.each(func(c *loadConn) error {
		c.out = c.out[:0]
		for _, s := range c.sessions {
			c.out = s.invite(c.out)
		}
		writes, written := make(chan []byte, len(c.sessions)+1), make(chan struct{})
		go func() {
			for b := range writes {
				_ = c.send(b) // the answers that don't come tell
			}
			close(written)
		}()
		defer func() { close(writes); <-written }()
		writes <- c.out
		var acks []byte
		for range c.sessions {
			head, _, err := c.read()
			if err != nil {
				return err
			}
			s, err := c.session(head)
			if err != nil {
				return err
			}
			if !bytes.HasPrefix(head, []byte("SIP/2.0 200 ")) {
				return fmt.Errorf("INVITE was answered: %s", firstLine(head))
			}
			s.tag = between(valueOf(head, "To: "), ";tag=", "")
			if acks = s.frame(acks, "ACK", nil); !c.whole() {
				writes <- acks
				acks = nil
			}
		}
		writes <- acks
		return nil
	})
}

// once has every session make the steps once, all at once.
func (l *generator) once(steps []step) error {
	return l.each(func(c *loadConn) error {
		var out []byte
		for _, s := range c.sessions {
			for _, f := range steps {
				out = s.frame(out, "INFO", csta.Encode(nil, f(s.line, s.last), csta.Ed3))
			}
		}
		go c.send(out) //nolint:errcheck // the answers that don't come tell
		for range len(c.sessions) * len(steps) {
			head, body, err := c.read()
			if err != nil {
				return err
			}
			if _, err := c.session(head); err != nil {
				return err
			}
			if !bytes.HasPrefix(head, []byte("SIP/2.0 200 ")) || bytes.Contains(body, []byte("CSTAErrorCode")) {
				return fmt.Errorf("answered: %s %s", firstLine(head), body)
			}
		}
		return nil
	})
}

// run keeps so many requests under way for a while, and counts.
func (l *generator) run(steps []step, outstanding int, d time.Duration) (result, error) {
	var mu sync.Mutex
	var total result
	began := time.Now()
	err := l.each(func(c *loadConn) error {
		r, err := c.run(steps, max(outstanding/len(l.conns), 1), began.Add(d))
		mu.Lock()
		defer mu.Unlock()
		total.add(r)
		return err
	})
	total.took = time.Since(began)
	return total, err
}

func (c *loadConn) run(steps []step, window int, end time.Time) (result, error) {
	var r result
	idle := slices.Clone(c.sessions)
	under := 0
	for {
		c.out = c.out[:0]
		now := time.Now()
		if !now.Before(end) { // what was begun is ended
			idle = slices.DeleteFunc(idle, func(s *caller) bool { return s.step%len(steps) == 0 })
		}
		for under < window && len(idle) > 0 {
			s := idle[0]
			idle = idle[1:]
			c.out = s.next(c.out, steps)
			s.sent = now
			under++
		}
		if len(c.out) > 0 {
			if _, err := c.conn.Write(c.out); err != nil {
				return r, err
			}
		}
		if under == 0 {
			return r, nil
		}
		for first := true; first || c.whole(); first = false {
			s, err := c.answered()
			if err != nil {
				return r, err
			}
			if s == nil {
				continue
			}
			r.latencies = append(r.latencies, time.Since(s.sent))
			r.n++
			idle = append(idle, s)
			under--
		}
	}
}

// next appends the session's next request. Those that depend on nothing are made once.
func (s *caller) next(b []byte, steps []step) []byte {
	if len(steps) > 1 {
		f := steps[s.step%len(steps)]
		s.step++
		return s.frame(b, "INFO", csta.Encode(nil, f(s.line, s.last), csta.Ed3))
	}
	if s.frames == nil {
		whole := s.frame(nil, "INFO", csta.Encode(nil, steps[0](s.line, ""), csta.Ed3))
		n := strconv.Itoa(s.cseq)
		mark := []byte(n + ";x\r\n")
		i := bytes.Index(whole, mark)
		j := bytes.Index(whole, []byte("CSeq: "+n))
		s.frames = [][2][]byte{{whole[:i], whole[i+len(n) : j+6]}, {whole[j+6+len(n):], nil}}
		return append(b, whole...)
	}
	s.cseq++
	b = append(b, s.frames[0][0]...)
	b = strconv.AppendInt(b, int64(s.cseq), 10)
	b = append(b, s.frames[0][1]...)
	b = strconv.AppendInt(b, int64(s.cseq), 10)
	return append(b, s.frames[1][0]...)
}

func (s *caller) invite(b []byte) []byte {
	return s.frame(b, "INVITE", csta.Encode(nil, csta.RequestSystemStatus{Extensions: extension.WithLine(s.line)}, csta.Ed3))
}

// frame appends one request.
func (s *caller) frame(b []byte, method string, body []byte) []byte {
	if method != "ACK" {
		s.cseq++
	}
	to := ""
	if s.tag != "" {
		to = ";tag=" + s.tag
	}
	extra := ""
	if method == "INVITE" {
		extra = "Contact: <sip:load@127.0.0.1>\r\nSupported: timer\r\n"
	}
	if len(body) > 0 {
		extra += "Content-Type: application/csta+xml\r\n"
	}
	b = fmt.Appendf(b, "%s sip:gateway@localhost SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK%s.%d.%d.%d;x\r\nMax-Forwards: 70\r\n"+
		"From: <sip:load@localhost>;tag=t%d\r\nTo: <sip:gateway@localhost>%s\r\nCall-ID: b%d-%s\r\nCSeq: %d %s\r\n%sContent-Length: %d\r\n\r\n",
		method, s.run, s.conn, s.index, s.cseq, s.conn, to, s.index, s.run, s.cseq, method, extra, len(body))
	return append(b, body...)
}

// session finds whose answer it is.
func (c *loadConn) session(head []byte) (*caller, error) {
	id, _, _ := strings.Cut(valueOf(head, "Call-ID: b"), "-")
	n, err := strconv.Atoi(id)
	if err != nil || n >= len(c.sessions) {
		return nil, fmt.Errorf("an answer to nothing: %s", firstLine(head))
	}
	return c.sessions[n], nil
}

const answerLimit = 30 * time.Second

// whole says whether a message can be read without waiting.
func (c *loadConn) whole() bool {
	i := bytes.Index(c.buf, []byte("\r\n\r\n"))
	if i < 0 {
		return false
	}
	n, err := strconv.Atoi(valueOf(c.buf[:i], "Content-Length: "))
	return err == nil && len(c.buf) >= i+4+n
}

// read gives the next message, but for provisional answers, and a 200 to an INVITE that comes again because its ACK was late. What it gives is good until the next read.
func (c *loadConn) read() (head, body []byte, err error) {
	for err == nil {
		if head, body, err = c.message(); !bytes.HasPrefix(head, []byte("SIP/2.0 1")) && !c.again(head) {
			break
		}
	}
	return head, body, err
}

// again says whether this is the answer to an INVITE that was answered.
func (c *loadConn) again(head []byte) bool {
	_, cseq, _ := bytes.Cut(head, []byte("\r\nCSeq: "))
	cseq, _, _ = bytes.Cut(cseq, []byte("\r"))
	if !bytes.HasSuffix(cseq, []byte(" INVITE")) {
		return false
	}
	s, err := c.session(head)
	return err == nil && s.tag != ""
}

func (c *loadConn) message() (head, body []byte, err error) {
	for !c.whole() {
		if cap(c.buf)-len(c.buf) < 64<<10 {
			c.buf = append(make([]byte, 0, 256<<10), c.buf...)
		}
		if err := c.conn.SetReadDeadline(time.Now().Add(answerLimit)); err != nil {
			return nil, nil, err
		}
		n, err := c.conn.Read(c.buf[len(c.buf):cap(c.buf)])
		if err != nil {
			return nil, nil, fmt.Errorf("an answer did not come: %w", err)
		}
		c.buf = c.buf[:len(c.buf)+n]
	}
	i := bytes.Index(c.buf, []byte("\r\n\r\n"))
	n, _ := strconv.Atoi(valueOf(c.buf[:i], "Content-Length: "))
	head, body = c.buf[:i], c.buf[i+4:i+4+n]
	c.buf = c.buf[i+4+n:]
	return head, body, nil
}

func valueOf(head []byte, name string) string {
	i := bytes.Index(head, []byte("\r\n"+name))
	if i < 0 {
		return ""
	}
	v := head[i+2+len(name):]
	if j := bytes.IndexByte(v, '\r'); j >= 0 {
		v = v[:j]
	}
	return string(v)
}

func between(s, from, to string) string {
	i := bytes.Index([]byte(s), []byte(from))
	if i < 0 {
		return ""
	}
	s = s[i+len(from):]
	if to == "" {
		return s
	}
	if j := bytes.Index([]byte(s), []byte(to)); j >= 0 {
		return s[:j]
	}
	return ""
}

func firstLine(head []byte) string {
	l, _, _ := bytes.Cut(head, []byte("\r\n"))
	return string(l)
}

// result is what one measurement found.
type result struct {
	n         int
	took      time.Duration
	cpuTime   time.Duration
	latencies []time.Duration
}

func (r *result) add(o result) {
	r.n += o.n
	r.took += o.took
	r.cpuTime += o.cpuTime
	r.latencies = append(r.latencies, o.latencies...)
}

func (r *result) rate() float64 { return float64(r.n) / r.took.Seconds() }

// cpu is the server's microseconds for each request.
func (r *result) cpu() float64 { return float64(r.cpuTime.Microseconds()) / float64(max(r.n, 1)) }

// quantile is in microseconds.
func (r *result) quantile(q float64) float64 {
	if len(r.latencies) == 0 {
		return 0
	}
	slices.Sort(r.latencies)
	return float64(r.latencies[min(int(q*float64(len(r.latencies))), len(r.latencies)-1)].Microseconds())
}
