package uacsta_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

// pitfalls are those of SIP over streams that a library of SIP transactions leads into, each with the test that meets it. never: it can't be met, and why.
var pitfalls = []struct {
	name  string
	test  func(t *testing.T)
	never string
}{
	{name: "P1 order within a connection", test: testOrder},
	{name: "P2 an ACK races the first INFO", test: testAckRace},
	{name: "P2b a Via without branch", test: testNoBranch},
	{name: "P3 requests of ours go by the accepted connection", test: testAcceptedConnection},
	{name: "P4 a connection that is gone is made to the next hop", test: testNextHop},
	{name: "P5 numbers of our requests", test: testNumbers},
	{name: "P6 the end of a connection is noticed", test: testConnectionEnds},
	{name: "P7 a request whose connection dies", test: testAnswerByNext},
	{name: "P8 a peer that stops reading", test: testStalled},
	{name: "P9 headers that are missing, handlers that panic", test: testMissingHeaders},
	{name: "P10 a header that cannot be read", test: testBadHeader},
	{name: "P11 parameters of Record-Route", test: testRecordRoute},
	{name: "P12 short names", test: testShortNames},
	{name: "P13 several contacts, tel:, spaces in CSeq", test: testContacts},
	{name: "P14 a segment that ends at a fold, a ping cut in two", test: testCutAtFold},
	{name: "P15 line ends in values", test: testLineEnds},
	{name: "P16 large messages", test: testLargeMessage},
	{name: "P17 datagrams over 1300 octets", never: "nothing is served over UDP"},
	{name: "P18 the pool of UDP sources", never: "nothing is served over UDP"},
	{name: "P19 connections of one listener", test: testOwnConnection},
	{name: "P20 a service takes longer than its handler", test: testSlowService},
	{name: "P21 unknown methods, and ACK", test: testUnknownMethods},
	{name: "P22 session timers", test: testSessionTimer},
	{name: "P23 what is logged of a message that cannot be read", test: testLogs},
	{name: "P24 a TLS handshake that does not come", test: testSilentHandshake},
	{name: "P25 stopping", test: testStopping},
	{name: "P26 settings for the whole process", test: testNoGlobals},
	{name: "P27 dialogs that we open", never: "we open none: every dialog is the client's"},
}

func TestPitfalls(t *testing.T) {
	for _, p := range pitfalls {
		t.Run(p.name, func(t *testing.T) {
			if p.never != "" {
				t.Log(p.never)
				return
			}
			p.test(t)
		})
	}
}

// Services of one device, hundreds in one segment, are carried out in the order of the wire.
func testOrder(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false, func(c *uacsta.Config) { c.Mailbox = 1000 })
	p := h.openSession(t, "tel:+15551001")
	var all strings.Builder
	const n = 200
	for i := range n {
		all.WriteString(p.request("INFO", encode(csta.SetDoNotDisturb{Device: "tel:+15551001", DoNotDisturbOn: i%2 == 0})))
	}
	p.send(all.String())
	answers, events := 0, 0
	for range 2 * n {
		g := p.read()
		if g.status() == 200 {
			answers++
			continue
		}
		if e, ok := g.message(t).(csta.DoNotDisturbEvent); !ok || e.DoNotDisturbOn != (events%2 == 0) || events >= answers {
			t.Fatalf("event %d after %d answers: %s", events, answers, g.body)
		}
		events++
	}
}

func testAckRace(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false, func(c *uacsta.Config) { c.SessionsPerLine = 200 })
	for i := range 100 {
		p := h.dial(t)
		p.send(p.request("INVITE", statusRequest("tel:+15551001")))
		_, p.toTag, _ = strings.Cut(p.read().header("To"), ";tag=")
		ack := p.request("ACK", "")
		p.cseq--
		info := p.request("INFO", encode(csta.RequestSystemStatus{}))
		if i%2 == 0 {
			p.send(ack + info)
		} else {
			p.send(info + ack)
		}
		if g := p.read(); g.status() != 200 || !strings.HasSuffix(g.header("CSeq"), " INFO") {
			t.Fatal(g.head)
		}
	}
}

// Neither INVITE nor ACK has a branch: the session is confirmed, its 200 isn't sent again, and 32 s later it still stands.
func testNoBranch(t *testing.T) {
	underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
		p := newPeer(t, l.Dial())
		bare := regexp.MustCompile(`;branch=[^\r]*`)
		ask := func(method, body string) { p.send(bare.ReplaceAllString(p.request(method, body), "")) }
		ask("INVITE", statusRequest("tel:+15551001"))
		_, p.toTag, _ = strings.Cut(p.read().header("To"), ";tag=")
		p.cseq-- // an ACK has the number of its INVITE
		ask("ACK", "")
		time.Sleep(5 * time.Minute)
		for range 3 {
			ask("INFO", encode(csta.RequestSystemStatus{}))
			if g := p.read(); g.status() != 200 || !strings.HasSuffix(g.header("CSeq"), " INFO") {
				t.Fatal(g.head)
			}
			p.cseq = 0 // that client counts anew
		}
	})
}

// The Contact and the Route of a dialog name a place where somebody listens; events still go by the connection that the client came by.
func testAcceptedConnection(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	p := h.dial(t)
	p.signInBy(other.Addr().String())
	h.undisturbed(t, p, 1001)
	_ = other.(*net.TCPListener).SetDeadline(time.Now().Add(50 * time.Millisecond))
	if c, err := other.Accept(); err == nil {
		c.Close()
		t.Error("somebody was dialled")
	}
}

// signInBy opens a session on 1001 whose route goes by an address.
func (p *peer) signInBy(addr string) {
	p.t.Helper()
	text := p.request("INVITE", statusRequest("tel:+15551001"))
	p.send(strings.Replace(text, "Max-Forwards", "Record-Route: <sip:"+addr+";transport=tcp;lr>;tag=2BF0\r\nMax-Forwards", 1))
	_, p.toTag, _ = strings.Cut(p.read().header("To"), ";tag=")
	p.send(p.request("ACK", ""))
	p.cseq--
	if r := p.ask(csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: "tel:+15551001"}}); r.Element() != "MonitorStartResponse" {
		p.t.Fatal(r)
	}
}

func testNextHop(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	fe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer fe.Close()
	p := h.dial(t)
	p.signInBy(fe.Addr().String())
	if err := h.pbx.Phone(1001).SetDoNotDisturb(false); err != nil {
		t.Fatal(err)
	}
	if err := h.pbx.Phone(1001).SetDoNotDisturb(true); err != nil {
		t.Fatal(err)
	}
	p.send(answerTo(p.read(), 200)) // it is one that answers events, so what it has not answered is told again
	p.conn.Close()
	if err := h.pbx.Phone(1001).SetDoNotDisturb(false); err != nil {
		t.Fatal(err)
	}
	_ = fe.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	c, err := fe.Accept()
	if err != nil {
		t.Fatal(err)
	}
	p.moveTo(c)
	p.events("DoNotDisturb")
	h.undisturbed(t, p, 1001) // and requests come by it as well
}

// What several PBX devices tell at once has numbers without gaps or doubles, in the order of the wire.
func testNumbers(t *testing.T) {
	h := newHouse(t, switchboard.AnyLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	const phones, times = 4, 50
	for ext := 1002; ext < 1002+phones; ext++ {
		if r := p.ask(csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: csta.DeviceID(fmt.Sprintf("tel:+1555%d", ext))}}); r.Element() != "MonitorStartResponse" {
			t.Fatal(r)
		}
	}
	for ext := 1002; ext < 1002+phones; ext++ {
		go func() {
			for i := range times {
				_ = h.pbx.Phone(ext).SetDoNotDisturb(i%2 == 0)
			}
		}()
	}
	for i := range phones * times {
		if g := p.read(); g.header("CSeq") != fmt.Sprintf("%d INFO", i+1) {
			t.Fatalf("event %d has %s", i+1, g.header("CSeq"))
		}
	}
}

// One connection is allowed: when it has ended there is room for the next.
func testConnectionEnds(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false, func(c *uacsta.Config) { c.Connections = 1 })
	for i := range 5 {
		for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			if answers, alive := exchange(t, h.addr, ""); alive && len(answers) == 0 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("connection %d is refused", i)
			}
		}
	}
}

// A service is under way when its connection dies; the peer asks again by another, and gets the answer there, once.
func testAnswerByNext(t *testing.T) {
	h, slow := newSlowHouse(t)
	p := h.openSession(t, "tel:+15551001")
	text := p.in("INFO", "dies", 50, "", makeCallText)
	p.send(text)
	<-slow.started
	_ = p.conn.(*net.TCPConn).SetLinger(0)
	p.conn.Close()
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	p.moveTo(c)
	p.send(text)
	h2 := p.ask(csta.RequestSystemStatus{}) // by then the gateway has taken the request that came again
	if h2.Element() != "RequestSystemStatusResponse" {
		t.Fatal(h2)
	}
	slow.let <- struct{}{}
	if g := p.read(); g.status() != 200 || g.header("CSeq") != "50 INFO" || !strings.Contains(g.body, "<MakeCallResponse") {
		t.Fatalf("%s%s", g.head, g.body)
	}
	p.events("ServiceInitiated", "Originated", "Delivered")
	if n := slow.carriedOut(); n != 1 {
		t.Errorf("the call was made %d times", n)
	}
}

// Who reads nothing is written no more than its bound: what is beyond waits in the journal. The other session on its line hears everything meanwhile, and
// nothing waits; and the one that reads again is told all of it, in order. (Whoever goes on reading nothing loses its connection: TestStopsReading.)
func testStalled(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false, func(c *uacsta.Config) { c.Unsent = 64 << 10 })
	deaf, p := h.openSession(t, "tel:+15551001"), h.openSession(t, "tel:+15551001")
	_ = deaf.conn.(*net.TCPConn).SetReadBuffer(128 << 10)
	const n = 6000 // far more than the bound and the sockets' buffers hold
	told := func(p *peer, i int) {
		t.Helper()
		if e := p.events("DoNotDisturb")[0].(csta.DoNotDisturbEvent); e.DoNotDisturbOn != (i%2 == 0) {
			t.Fatalf("event %d: %+v", i, e)
		}
	}
	for i := range n {
		if err := h.pbx.Phone(1001).SetDoNotDisturb(i%2 == 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []*peer{p, deaf} {
		for i := range n {
			told(x, i)
		}
	}
	if n := h.uc.Count(); n != 2 {
		t.Errorf("%d sessions", n)
	}
}

// Two peers of one listener: each hears its own.
func testOwnConnection(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p, q := h.openSession(t, "tel:+15551001"), h.openSession(t, "tel:+15551002")
	for range 20 {
		h.undisturbed(t, p, 1001)
		h.undisturbed(t, q, 1002)
	}
}

// Other requests are answered while one is carried out, those on its device after it.
func testSlowService(t *testing.T) {
	h, slow := newSlowHouse(t)
	p := h.openSession(t, "tel:+15551001")
	p.send(p.in("INFO", "slow", 50, "", makeCallText) + p.in("INFO", "after", 51, "", encode(csta.GetDoNotDisturb{Device: "tel:+15551001"})))
	<-slow.started
	if r := p.ask(csta.RequestSystemStatus{}); r.Element() != "RequestSystemStatusResponse" {
		t.Fatal(r)
	}
	slow.let <- struct{}{}
	var got []string
	for range 5 {
		g := p.read()
		got = append(got, g.message(t).Element())
	}
	if a, b := slices.Index(got, "MakeCallResponse"), slices.Index(got, "GetDoNotDisturbResponse"); a != 0 || b < a {
		t.Error(got)
	}
}

func testUnknownMethods(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	for _, m := range []string{"SUBSCRIBE", "NOTIFY", "REFER", "MESSAGE", "SERVICE", "PRACK", "PUBLISH", "REGISTER", "NEGOTIATE", "BENOTIFY"} {
		if g := one(t, h.addr, strings.Replace(p.in(m, "out", 60, "", ""), ";tag="+p.toTag, "", 1), 405); g.header("Allow") == "" {
			t.Errorf("%s: %s", m, g.head)
		}
	}
	if answers, _ := exchange(t, h.addr, p.in("ACK", "ack", 60, "", "")); len(answers) > 0 {
		t.Errorf("an ACK was answered: %v", answers)
	}
	h.undisturbed(t, p, 1001)
}

// The interval that was agreed on ends the session a third before its end, unless it is refreshed by UPDATE or re-INVITE.
func testSessionTimer(t *testing.T) {
	underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
		p := newPeer(t, l.Dial())
		p.send(strings.Replace(p.request("INVITE", statusRequest("tel:+15551001")), "Supported: timer", "Supported: timer\r\nSession-Expires: 90", 1))
		_, p.toTag, _ = strings.Cut(p.read().header("To"), ";tag=")
		p.send(p.request("ACK", ""))
		for i, method := range []string{"UPDATE", "INVITE", "UPDATE"} {
			time.Sleep(59 * time.Second)
			p.send(p.in(method, fmt.Sprint("refresh", i), 60+i, "Contact: <sip:a@b>\r\nSession-Expires: 90\r\n", ""))
			if g := p.read(); g.status() != 200 || g.header("Session-Expires") != "90;refresher=uac" {
				t.Fatal(g.head)
			}
			if method == "INVITE" {
				p.send(p.request("ACK", ""))
			}
		}
		began := time.Now()
		_ = p.conn.SetReadDeadline(time.Time{})
		g, err := readAnswer(p.r)
		if took := time.Since(began); err != nil || !strings.HasPrefix(g.start, "BYE ") || took != 60*time.Second {
			t.Errorf("%v, %v after %v", g, err, took)
		}
		synctest.Wait()
		if n := h.uc.Count(); n != 0 {
			t.Errorf("%d sessions", n)
		}
	})
}

// Numbers and texts of messages that cannot be read do not get into the log.
func testLogs(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	h := newHouse(t, switchboard.OwnLine{}, false, func(c *uacsta.Config) { c.Log = zap.New(core) })
	for _, text := range []string{
		"INFO sip:secret4711 SIP/2.0\r\nContent-Length: secret4711\r\n\r\n", "secret4711 GET HTTP/1.1\r\n\r\n",
		"OPTIONS sip:a@b SIP/2.0\r\nsecret4711\r\nContent-Length: 10\r\n\r\nsecret4711", "\x16\x03\x01secret4711\r\n",
	} {
		exchange(t, h.addr, text)
	}
	for _, e := range logs.All() {
		if line := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(line, "secret4711") {
			t.Errorf("logged: %s", line)
		}
	}
	if logs.Len() == 0 {
		t.Error("nothing was logged")
	}
}

func testSilentHandshake(t *testing.T) {
	underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
		secure := uactest.NewMemory()
		done := make(chan struct{})
		go func() {
			_ = h.uc.Serve(t.Context(), secure, &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}})
			close(done)
		}() //nolint:gosec // a test's
		c := secure.Dial()
		began := time.Now()
		_, err := c.Read(make([]byte, 1))
		if took := time.Since(began); !errors.Is(err, io.EOF) || took != 10*time.Second {
			t.Errorf("the silent one: %v after %v", err, took)
		}
		good := tls.Client(secure.Dial(), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test's
		p := newPeer(t, good)
		p.signIn("tel:+15551001")
		h.undisturbed(t, p, 1001)
		secure.Close()
		<-done
	})
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"gateway.test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Stopping for good: every session is told goodbye, new ones are refused for a while, and then nothing is left.
func testStopping(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	if n := h.uc.Drain(); n != 1 {
		t.Errorf("%d sessions drained", n)
	}
	if g := p.read(); !strings.HasPrefix(g.start, "BYE ") {
		t.Error(g.head)
	}
	q := h.dial(t)
	q.send(q.request("INVITE", statusRequest("tel:+15551002")))
	if g := q.read(); g.status() != 503 || g.header("Retry-After") == "" {
		t.Error(g.head)
	}
}

// From the SIP library we use its URIs: none of its settings, transports or transactions.
func testNoGlobals(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	use := regexp.MustCompile(`\bsip\.([A-Z]\w*)|emiago/sipgo"`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range use.FindAllStringSubmatch(string(text), -1) {
			if !strings.HasSuffix(file, "_test.go") && u[1] != "ParseUri" && u[1] != "Uri" {
				t.Errorf("%s uses %s", file, u[0])
			}
		}
	}
}
