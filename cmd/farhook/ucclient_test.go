package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/extension"
)

// ucServer is a UC server with thousands of users: its sessions, and the proxy that their Record-Route names.
type ucServer struct {
	t          *testing.T
	proxy      net.Listener
	wg         sync.WaitGroup
	sessions   []*ucSession
	byCallID   map[string]*ucSession
	events     atomic.Int64
	byes       atomic.Int64
	onTheirWay atomic.Int64 // events that may come twice: those written when the gateway was killed, before it could note that

	mu       sync.Mutex
	conns    []*ucConn
	problems []string
	ended    bool
}

// ucSession is one user. It keeps what the events told it: the state of each connection.
type ucSession struct {
	line, callID, tag, theirTag string
	answers                     bool // whether it answers events
	monitor                     csta.MonitorID
	conn                        *ucConn

	mu      sync.Mutex
	cseq    int
	theirs  int // the last CSeq of theirs
	told    map[csta.ConnectionID]csta.State
	events  int
	answer  chan ucMessage
	invites int
}

type ucConn struct {
	net.Conn
	over atomic.Bool // everything has been read

	mu  sync.Mutex
	out *bufio.Writer
}

// ucMessage is what came, with what matters of its headers.
type ucMessage struct {
	start string
	head  textproto.MIMEHeader
	body  []byte
}

// newUCServer has sessions for so many lines; the proxy's route is in each of their INVITEs.
func newUCServer(t *testing.T, lines []string) *ucServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &ucServer{t: t, proxy: l, byCallID: make(map[string]*ucSession)}
	for i, line := range lines {
		s := &ucSession{
			line: line, callID: fmt.Sprintf("uc-%d", i), tag: fmt.Sprintf("t%d", i), answers: i%3 != 0, told: make(map[csta.ConnectionID]csta.State),
			answer: make(chan ucMessage, 1),
		}
		u.sessions = append(u.sessions, s)
		u.byCallID[s.callID] = s
	}
	u.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			u.serve(c)
		}
	})
	t.Cleanup(func() {
		l.Close()
		u.hangUp()
		u.wg.Wait()
		for _, p := range u.problems[:min(len(u.problems), 20)] {
			t.Error(p)
		}
	})
	return u
}

func (u *ucServer) serve(n net.Conn) *ucConn {
	c := &ucConn{Conn: n, out: bufio.NewWriterSize(n, 64<<10)}
	u.mu.Lock()
	u.conns = append(u.conns, c)
	if u.ended {
		n.Close()
	}
	u.mu.Unlock()
	u.wg.Go(func() {
		defer c.over.Store(true)
		in := textproto.NewReader(bufio.NewReaderSize(n, 64<<10))
		for {
			m, err := readUC(in)
			if err != nil {
				return
			}
			u.take(c, m, in.R.Buffered() == 0)
		}
	})
	return c
}

// dial makes connections to the gateway, and deals the sessions out to them.
func (u *ucServer) dial(addr string, conns int) {
	u.t.Helper()
	all := make([]*ucConn, conns)
	for i := range all {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			u.t.Fatal(err)
		}
		all[i] = u.serve(c)
	}
	for i, s := range u.sessions {
		s.conn = all[i%conns]
	}
}

// readAll waits until everything has been read that a gateway wrote which has ended: it comes before what the next one says.
func (u *ucServer) readAll() {
	u.t.Helper()
	last, err := net.Dial("tcp", u.proxy.Addr().String())
	if err != nil {
		u.t.Fatal(err)
	}
	last.Close()
	until(u.t, "what the gateway wrote before it ended has been read", func() bool {
		u.mu.Lock()
		defer u.mu.Unlock()
		came := slices.ContainsFunc(u.conns, func(c *ucConn) bool { return c.RemoteAddr().String() == last.LocalAddr().String() }) // and so has who came before it
		return came && !slices.ContainsFunc(u.conns, func(c *ucConn) bool { return !c.over.Load() })
	})
}

// hangUp ends every connection, and those that come.
func (u *ucServer) hangUp() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ended = true
	for _, c := range u.conns {
		c.Close()
	}
}

func (u *ucServer) wrong(format string, args ...any) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.problems = append(u.problems, fmt.Sprintf(format, args...))
}

// twice is wrong, but for a few events that were on their way when the gateway was killed.
func (u *ucServer) twice(format string, args ...any) {
	if u.onTheirWay.Add(-1) < 0 {
		u.wrong(format, args...)
	}
}

// readUC reads the next message. A 200 to an INVITE that comes again, because a slow machine's ACK was late, is passed over.
func readUC(in *textproto.Reader) (m ucMessage, err error) {
	for {
		m, err = readAnyUC(in)
		if err != nil || m.start != "SIP/2.0 200 OK" || !strings.HasSuffix(m.head.Get("Cseq"), " INVITE") {
			return m, err
		}
		if _, again := ucOKs.LoadOrStore(m.head.Get("To")+m.head.Get("Cseq"), true); !again {
			return m, nil
		}
	}
}

// ucOKs are the 200s to INVITEs that were read.
var ucOKs sync.Map

func readAnyUC(in *textproto.Reader) (m ucMessage, err error) {
	for m.start == "" {
		if m.start, err = in.ReadLine(); err != nil {
			return m, err
		}
	}
	if m.head, err = in.ReadMIMEHeader(); err != nil {
		return m, err
	}
	n, err := strconv.Atoi(m.head.Get("Content-Length"))
	if err != nil {
		return m, err
	}
	m.body = make([]byte, n)
	_, err = io.ReadFull(in.R, m.body)
	return m, err
}

// take takes a message; last: nothing more is there at the moment, so what was written may go.
func (u *ucServer) take(c *ucConn, m ucMessage, last bool) {
	s := u.byCallID[m.head.Get("Call-Id")]
	switch {
	case s == nil:
		u.wrong("a message of a dialog that isn't ours: %s %v", m.start, m.head)
	case strings.HasPrefix(m.start, "SIP/2.0"):
		s.answer <- m
	case strings.HasPrefix(m.start, "BYE "):
		u.byes.Add(1)
		c.write(last, "SIP/2.0 200 OK\r\nVia: "+m.head.Get("Via")+"\r\nFrom: "+m.head.Get("From")+"\r\nTo: "+m.head.Get("To")+
			"\r\nCall-ID: "+s.callID+"\r\nCSeq: "+m.head.Get("Cseq")+"\r\nContent-Length: 0\r\n\r\n")
	default:
		u.event(c, s, m, last)
	}
}

// event takes an event, and answers it where this session does.
func (u *ucServer) event(c *ucConn, s *ucSession, m ucMessage, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cseq, _, _ := strings.Cut(m.head.Get("Cseq"), " ")
	n, _ := strconv.Atoi(cseq)
	if n <= s.theirs {
		u.twice("%s: CSeq %d after %d", s.line, n, s.theirs)
	}
	s.theirs = n
	from, to := m.head.Get("From"), m.head.Get("To")
	if !strings.HasSuffix(from, ";tag="+s.theirTag) || !strings.HasSuffix(to, ";tag="+s.tag) || m.head.Get("Route") != u.route() {
		u.wrong("%s: an event under other tags or another route: %v", s.line, m.head)
	}
	if s.answers {
		c.write(last, "SIP/2.0 200 OK\r\nVia: "+m.head.Get("Via")+"\r\nFrom: "+from+"\r\nTo: "+to+"\r\nCall-ID: "+s.callID+"\r\nCSeq: "+
			m.head.Get("Cseq")+"\r\nContent-Length: 0\r\n\r\n")
	}
	msg, _, err := csta.Decode(m.body)
	if err != nil {
		u.wrong("%s: %v", s.line, err)
		return
	}
	s.events++
	u.events.Add(1)
	s.learn(u, msg)
}

// learn takes over what an event told. A connection that is told to be what it was told to be already was told twice.
func (s *ucSession) learn(u *ucServer, m csta.Message) {
	var ref csta.MonitorID
	var c csta.ConnectionID
	var state csta.State
	switch e := m.(type) {
	case csta.ServiceInitiatedEvent:
		ref, c, state = e.MonitorCrossRefID, e.InitiatedConnection, csta.Initiated
	case csta.OriginatedEvent:
		ref, c, state = e.MonitorCrossRefID, e.OriginatedConnection, csta.Connected
	case csta.DeliveredEvent:
		ref, c, state = e.MonitorCrossRefID, e.Connection, csta.Alerting
	case csta.EstablishedEvent:
		ref, c, state = e.MonitorCrossRefID, e.EstablishedConnection, csta.Connected
	case csta.HeldEvent:
		ref, c, state = e.MonitorCrossRefID, e.HeldConnection, csta.Hold
	case csta.RetrievedEvent:
		ref, c, state = e.MonitorCrossRefID, e.RetrievedConnection, csta.Connected
	case csta.ConnectionClearedEvent:
		ref, c, state = e.MonitorCrossRefID, e.DroppedConnection, csta.Null
	case csta.OutOfServiceEvent, csta.BackInServiceEvent:
		return
	default:
		u.wrong("%s: %s", s.line, m.Element())
		return
	}
	if ref != s.monitor {
		u.wrong("%s: monitor %s, not %s", s.line, ref, s.monitor)
	}
	own := csta.ConnectionID{Call: c.Call, Device: csta.DeviceID(s.line)}
	switch {
	case state == csta.Null && s.told[own] == "", state != csta.Null && s.told[c] == state:
		u.twice("%s: %s of %v comes twice, or never had a beginning", s.line, m.Element(), c)
	case state == csta.Null && c.Device == own.Device: // what becomes of the others isn't told any more
		for other := range s.told {
			if other.Call == c.Call {
				delete(s.told, other)
			}
		}
	case state == csta.Null:
		delete(s.told, c)
	default:
		s.told[c] = state
	}
}

func (u *ucServer) route() string { return "<sip:" + u.proxy.Addr().String() + ";transport=tcp;lr>" }

// write leaves text to be written; with the last, what was left goes.
func (c *ucConn) write(last bool, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = c.out.WriteString(text)
	if last {
		_ = c.out.Flush()
	}
}

// request is the next request of a session.
func (s *ucSession) request(u *ucServer, method string, body []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if method != "ACK" {
		s.cseq++
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s sip:gw@contoso.test SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK%s-%s%d\r\nMax-Forwards: 70\r\nFrom: <sip:%s@contoso.test>;tag=%s\r\n"+
		"To: <sip:gw@contoso.test>", method, s.callID, method, s.cseq, s.callID, s.tag)
	if s.theirTag != "" {
		fmt.Fprintf(&b, ";tag=%s", s.theirTag)
	}
	fmt.Fprintf(&b, "\r\nCall-ID: %s\r\nCSeq: %d %s\r\n", s.callID, s.cseq, method)
	if method == "INVITE" || method == "UPDATE" {
		fmt.Fprintf(&b, "Contact: <sip:%s@%s;transport=tcp>\r\nSupported: timer\r\nRecord-Route: %s\r\n", s.callID, u.proxy.Addr(), u.route())
	}
	if len(body) > 0 {
		b.WriteString("Content-Type: application/csta+xml\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(body))
	b.Write(body)
	return b.String()
}

// all lets every session make a request at once, and takes the answers.
func (u *ucServer) all(method string, q func(*ucSession) csta.Message, take func(*ucSession, ucMessage, csta.Message)) {
	u.t.Helper()
	u.ask(u.sessions, method, q, take)
}

// ask lets these do it.
func (u *ucServer) ask(sessions []*ucSession, method string, q func(*ucSession) csta.Message, take func(*ucSession, ucMessage, csta.Message)) {
	u.t.Helper()
	for _, s := range sessions {
		var body []byte
		if m := q(s); m != nil {
			body = csta.Encode(nil, m, csta.Ed3)
		}
		s.conn.write(false, s.request(u, method, body))
	}
	u.flush()
	late := time.After(patience)
	for _, s := range sessions {
		select {
		case m := <-s.answer:
			if m.start != "SIP/2.0 200 OK" {
				u.wrong("%s: %s is answered %s %s", s.line, method, m.start, m.head.Get("Warning"))
				continue
			}
			var msg csta.Message
			if len(m.body) > 0 {
				msg, _, _ = csta.Decode(m.body)
			}
			take(s, m, msg)
		case <-late:
			u.t.Fatalf("%s: %s has no answer", s.line, method)
		}
	}
}

// await is the next answer.
func (s *ucSession) await(t *testing.T) ucMessage {
	t.Helper()
	select {
	case m := <-s.answer:
		return m
	case <-time.After(patience):
		t.Fatalf("%s has no answer", s.line)
		return ucMessage{}
	}
}

func (u *ucServer) flush() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, c := range u.conns {
		c.write(true, "")
	}
}

// signIn opens every session, and monitors its line.
func (u *ucServer) signIn() {
	u.t.Helper()
	for some := range slices.Chunk(u.sessions, 200) { // so that each is acknowledged in its time, however slow the machine is
		u.ask(some, "INVITE", func(s *ucSession) csta.Message {
			s.invites++
			return csta.RequestSystemStatus{Extensions: extension.WithLine(s.line)}
		}, func(s *ucSession, m ucMessage, _ csta.Message) {
			_, s.theirTag, _ = strings.Cut(m.head.Get("To"), ";tag=")
			s.conn.write(true, s.request(u, "ACK", nil)) // at once, as clients do: what has none is sent again
		})
		u.flush()
	}
	u.all("INFO", func(s *ucSession) csta.Message {
		return csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: csta.DeviceID(s.line)}}
	}, func(s *ucSession, _ ucMessage, m csta.Message) {
		r, ok := m.(csta.MonitorStartResponse)
		if !ok {
			u.wrong("%s: MonitorStart is answered %v", s.line, m)
			return
		}
		s.mu.Lock()
		s.monitor = r.MonitorCrossRefID
		s.mu.Unlock()
	})
}

// compare asks for each line's calls, until the events have told the same. If they never do, one is missing, or came twice.
func (u *ucServer) compare() {
	u.t.Helper()
	var differ []string
	until(u.t, "the events have told what is", func() bool {
		differ = u.differences()
		if len(differ) > 0 {
			time.Sleep(300 * time.Millisecond)
		}
		return len(differ) == 0
	}, func() { u.t.Error(strings.Join(differ[:min(len(differ), 20)], "\n")) })
}

// differences are those between what the lines' calls are and what the events told.
func (u *ucServer) differences() (all []string) {
	u.t.Helper()
	wrong := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	u.all("INFO", func(s *ucSession) csta.Message { return csta.SnapshotDevice{SnapshotObject: csta.DeviceID(s.line)} },
		func(s *ucSession, _ ucMessage, m csta.Message) {
			r, ok := m.(csta.SnapshotDeviceResponse)
			if !ok {
				u.wrong("%s: SnapshotDevice is answered %v", s.line, m)
				return
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			told := make(map[csta.CallID]bool)
			for c := range s.told {
				told[c.Call] = true
			}
			for _, info := range r.CrossRefIDorSnapshotData.SnapshotData.SnapshotDeviceResponseInfo {
				c := info.ConnectionIdentifier
				delete(told, c.Call)
				states := info.LocalCallState.CompoundCallState.LocalConnectionState
				if s.told[c] != states[0] {
					wrong("%s: %v is %s, the events told %q", s.line, c, states[0], s.told[c])
				}
				for other, state := range s.told {
					if other.Call == c.Call && other != c && !slices.Contains(states[1:], state) {
						wrong("%s: %v was told to be %s, the call has %v", s.line, other, state, states)
					}
				}
			}
			for id := range told {
				wrong("%s: %s is gone, and the events didn't tell", s.line, id)
			}
		})
	return all
}

// eventsOf is how many events each session has had.
func (u *ucServer) eventsOf() []int {
	list := make([]int, len(u.sessions))
	for i, s := range u.sessions {
		s.mu.Lock()
		list[i] = s.events
		s.mu.Unlock()
	}
	return list
}

// quiet waits until no event has come for a while.
func (u *ucServer) quiet(while time.Duration) {
	for last, since := u.events.Load(), time.Now(); time.Since(since) < while; time.Sleep(while / 50) {
		if n := u.events.Load(); n != last {
			last, since = n, time.Now()
		}
	}
}
