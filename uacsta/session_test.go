package uacsta_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/extension"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
)

// house is the gateway with a simulated PBX whose clock stands still, on a socket.
type house struct {
	addr  string
	pbx   *faulty
	clock *sim.ManualClock
	board *switchboard.Board
	uc    *uacsta.Server
}

func newHouse(t testing.TB, p switchboard.Policy, late bool, change ...func(*uacsta.Config)) *house {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return newHouseOn(t, l, func(p *faulty) pbxadapter.Adapter { return p }, p, late, change...)
}

// newHouseOn is newHouse on a listener of one's own, with something between the board and the simulated PBX.
func newHouseOn(t testing.TB, l net.Listener, through func(*faulty) pbxadapter.Adapter, p switchboard.Policy, late bool, change ...func(*uacsta.Config)) *house {
	t.Helper()
	clock := sim.NewClock(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC))
	pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 24, Quiet: true, ReportLate: late, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{pbx: &faulty{PBX: pbx}, clock: clock}
	conf := uacsta.Config{}
	for _, f := range change {
		f(&conf)
	}
	h.board = switchboard.New(p, switchboard.Options{Log: conf.Log}, switchboard.PBX{Name: "sim", Adapter: through(h.pbx)})
	h.uc = uacsta.New(h.board, conf)
	h.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	boardCtx, stopBoard := context.WithCancel(context.Background())
	done := make(chan struct{}, 3)
	go func() { _ = h.board.Run(boardCtx); done <- struct{}{} }()
	go func() { _ = h.uc.Run(ctx); done <- struct{}{} }()
	go func() { _ = h.uc.Serve(ctx, l, nil); done <- struct{}{} }()
	t.Cleanup(func() {
		h.pbx.goOn()
		cancel()
		<-done
		<-done
		stopBoard()
		<-done
	})
	for up := false; !up; {
		d, ok := h.board.Device(switchboard.Principal{User: "test", Via: "http"}, "tel:+15551001")
		if up = ok && d.LinkUp; !up {
			time.Sleep(time.Millisecond)
		}
	}
	return h
}

// peer is a raw SIP peer with one dialog.
type peer struct {
	t      testing.TB
	conn   net.Conn
	r      *bufio.Reader
	callID string
	toTag  string
	cseq   int
}

func (h *house) dial(t testing.TB) *peer {
	t.Helper()
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	return newPeer(t, c)
}

var peers atomic.Int64

func newPeer(t testing.TB, c net.Conn) *peer {
	t.Helper()
	t.Cleanup(func() { c.Close() })
	return &peer{t: t, conn: c, r: bufio.NewReader(c), callID: fmt.Sprintf("call-%d", peers.Add(1))}
}

// moveTo is what a peer does whose connection is gone: it goes on by another.
func (p *peer) moveTo(c net.Conn) {
	p.t.Cleanup(func() { c.Close() })
	p.conn, p.r = c, bufio.NewReader(c)
}

func (p *peer) send(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, text); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) request(method, body string) string {
	p.cseq++
	to := "<sip:rccgw@contoso.test>"
	if p.toTag != "" {
		to += ";tag=" + p.toTag
	}
	extra := ""
	if method == "INVITE" || method == "UPDATE" {
		extra = "Contact: <sip:alice@127.0.0.1:9;opaque=user:epid:x;gruu>\r\nSupported: timer\r\n"
	}
	if body != "" {
		extra += "Content-Type: application/csta+xml\r\n"
	}
	return fmt.Sprintf("%s sip:rccgw@contoso.test SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.10:1;branch=z9hG4bK%s%d\r\nMax-Forwards: 70\r\n"+
		"From: <sip:alice@contoso.test>;tag=9a1b;epid=0f1e\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n%sContent-Length: %d\r\n\r\n%s",
		method, method, p.cseq, to, p.callID, p.cseq, method, extra, len(body), body)
}

// got is one message as read.
type got struct {
	start string
	head  string
	body  string
}

func (g got) header(name string) string {
	for l := range strings.SplitSeq(g.head, "\r\n") {
		if k, v, ok := strings.Cut(l, ": "); ok && k == name {
			return v
		}
	}
	return ""
}

func (g got) message(t testing.TB) csta.Message {
	t.Helper()
	m, _, err := csta.Decode([]byte(g.body))
	if err != nil {
		t.Fatalf("%v in %s%s", err, g.head, g.body)
	}
	return m
}

// read reads the next message. A 200 to an INVITE that comes again, because a slow machine's ACK was late, is passed over.
func (p *peer) read() got {
	p.t.Helper()
	for {
		if g := p.readAny(); !comesAgain(g) {
			return g
		}
	}
}

// oks are the 200s to INVITEs that were read.
var oks sync.Map

// comesAgain says whether g is a 200 to an INVITE that was read before.
func comesAgain(g got) bool {
	if g.status() != 200 || !strings.HasSuffix(g.header("CSeq"), " INVITE") {
		return false
	}
	_, again := oks.LoadOrStore(g.head, true)
	return again
}

// ackOf acknowledges a 200 to an INVITE.
func ackOf(g got) string {
	number, _, _ := strings.Cut(g.header("CSeq"), " ")
	return fmt.Sprintf("ACK sip:rccgw@contoso.test SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.10:1;branch=z9hG4bKack%d\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s ACK\r\nContent-Length: 0\r\n\r\n",
		peers.Add(1), g.header("From"), g.header("To"), g.header("Call-ID"), number)
}

func (p *peer) readAny() got {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	var g got
	for {
		l, err := p.r.ReadString('\n')
		if err != nil {
			p.t.Fatalf("read: %v after %q", err, g.head)
		}
		if l == "\r\n" {
			if g.start == "" {
				continue
			}
			break
		}
		if g.start == "" {
			g.start = strings.TrimSpace(l)
		}
		g.head += l
	}
	n, err := strconv.Atoi(g.header("Content-Length"))
	if err != nil {
		p.t.Fatalf("no length: %s", g.head)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(p.r, b); err != nil {
		p.t.Fatal(err)
	}
	g.body = string(b)
	return g
}

func encode(m csta.Message) string { return string(csta.Encode(nil, m, csta.Ed3)) }

// signIn opens the session on a line, and monitors it.
func (p *peer) signIn(line string) csta.MonitorID {
	p.t.Helper()
	p.send(p.request("INVITE", encode(csta.RequestSystemStatus{Extensions: extension.WithLine(line)})))
	ok := p.read()
	if ok.start != "SIP/2.0 200 OK" {
		p.t.Fatalf("INVITE: %s", ok.head)
	}
	_, p.toTag, _ = strings.Cut(ok.header("To"), ";tag=")
	p.send(p.request("ACK", ""))
	p.cseq--
	r, isMonitor := p.ask(csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: csta.DeviceID(line)}}).(csta.MonitorStartResponse)
	if !isMonitor {
		p.t.Fatal("MonitorStart was refused")
	}
	return r.MonitorCrossRefID
}

// ask sends an INFO and reads its answer, which must be what comes next.
func (p *peer) ask(q csta.Request) csta.Message {
	p.t.Helper()
	p.send(p.request("INFO", encode(q)))
	g := p.read()
	if g.start != "SIP/2.0 200 OK" {
		p.t.Fatalf("%s: %s", q.Service(), g.head)
	}
	return g.message(p.t)
}

// event reads an INFO, and answers it.
func (p *peer) event() csta.Event {
	p.t.Helper()
	g := p.read()
	if !strings.HasPrefix(g.start, "INFO ") {
		p.t.Fatalf("want an event, got %s%s", g.head, g.body)
	}
	return g.message(p.t).(csta.Event)
}

func (p *peer) events(names ...string) []csta.Event {
	p.t.Helper()
	var es []csta.Event
	for _, n := range names {
		e := p.event()
		if e.Element() != n+"Event" {
			p.t.Fatalf("got %s, want %s", e.Element(), n)
		}
		es = append(es, e)
	}
	return es
}

func TestCallToOutside(t *testing.T) {
	for _, late := range []bool{false, true} {
		h := newHouse(t, switchboard.OwnLine{}, late)
		p := h.dial(t)
		ref := p.signIn("tel:+15551001;ext=1001")
		r, ok := p.ask(csta.MakeCall{CallingDevice: "tel:+15551001;ext=1001", CalledDirectoryNumber: "tel:+15559000010", AutoOriginate: csta.AutoOriginateDoNotPrompt}).(csta.MakeCallResponse)
		if !ok || r.CallingDevice.Device != "tel:+15551001;ext=1001" {
			t.Fatalf("MakeCall: %+v", r)
		}
		es := p.events("ServiceInitiated", "Originated", "NetworkReached", "Delivered")
		d := es[3].(csta.DeliveredEvent)
		if d.MonitorCrossRefID != ref || d.LocalConnectionInfo != csta.Connected || d.Connection.Call != r.CallingDevice.Call ||
			d.CallingDevice.DeviceIdentifier != "tel:+15551001;ext=1001" {
			t.Errorf("%+v", d)
		}
		h.clock.Advance(time.Second)
		p.events("Established")
		if err := h.pbx.Outside("tel:+15559000010").HangUp(); err != nil {
			t.Fatal(err)
		}
		p.events("ConnectionCleared", "ConnectionCleared")
	}
}

func TestTwoClients(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	a, b := h.dial(t), h.dial(t)
	a.signIn("tel:+15551001")
	b.signIn("tel:+15551001")
	if err := h.pbx.Phone(1002).Dial("tel:+15551001"); err != nil {
		t.Fatal(err)
	}
	d := a.events("Delivered")[0].(csta.DeliveredEvent)
	b.events("Delivered")
	if r := b.ask(csta.AnswerCall{CallToBeAnswered: csta.ConnectionID{Call: d.Connection.Call}}); r.Element() != "AnswerCallResponse" {
		t.Fatal(r)
	}
	a.events("Established")
	b.events("Established")
	if r := b.ask(csta.AnswerCall{CallToBeAnswered: d.Connection}); r.Element() != "CSTAErrorCode" {
		t.Fatal(r)
	}
	if r := a.ask(csta.MakeCall{CallingDevice: "tel:+15551002", CalledDirectoryNumber: "1003"}); r.(*csta.Error).Value != "privilegeViolationSpecifiedDevice" {
		t.Fatal(r)
	}
}
