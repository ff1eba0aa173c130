//go:build linux

package main

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/extension"
	"farhook/pbxadapter/sim"
)

// trial is a gateway with everything that it keeps on a small disk, a PBX that it finds by name and whose link can be cut, and UC users with calls.
type trial struct {
	t       *testing.T
	disk    volume
	file    string // the configuration
	pbx     pairs
	gate    *gate
	names   *names
	uc      *ucServer
	g       *process
	http    string // address
	soaking bool
	next    int              // pair that calls
	stopped []string         // by the fault
	within  time.Duration    // how long the probe waits
	why     map[string]error // probes failed of late
	pause   sync.Mutex       // of the load
}

const (
	trialPairs = 8 // whose calls are probes
	loadPairs  = 8 // whose calls are load, where there is any
)

func newTrial(t *testing.T, v volume) *trial {
	x := &trial{t: t, disk: v, names: newNames(t), why: make(map[string]error), within: amply}
	pbx := newExchange(t, sim.Config{Lines: 2*(trialPairs+loadPairs) + 26, Quiet: true, Clock: sim.NewClock(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC))})
	x.pbx, x.gate = pairs{t, pbx, trialPairs + loadPairs}, newGate(t, pbx.addr)
	_, port, _ := net.SplitHostPort(x.gate.Addr().String())
	x.file = filepath.Join(t.TempDir(), "f.yaml")
	conf := fmt.Sprintf(`
sip: {listen: ["127.0.0.1:0"], store: %[1]s/sessions.db, session_expires: 5m}
http: {listen: "127.0.0.1:0"}
web: {store: %[1]s/history.db, sign_in: false}
metrics: {listen: "127.0.0.1:0"}
audit: {file: %[1]s/audit.jsonl}
log: {format: json}
journal: 1MiB
wiretap: {keep: 1MiB}
rights: trusted
pbx: [{name: main, kind: remote, settings: {address: "pbx.test:%[2]s"}}]
`, x.disk.dir, port)
	if err := os.WriteFile(x.file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	x.start()
	var lines []string
	for i := range 2 * (trialPairs + loadPairs) {
		lines = append(lines, "tel:+"+strconv.Itoa(15550000+1025+i))
	}
	x.uc = newUCServer(t, lines)
	x.uc.onTheirWay.Store(1 << 40) // the moment of a kill is any
	x.dial()
	x.uc.signIn()
	return x
}

// start starts the gateway.
func (x *trial) start() {
	x.t.Helper()
	self, err := os.Executable()
	if err != nil {
		x.t.Fatal(err)
	}
	env := []string{testNames + "=" + x.names.addr(), "GOMEMLIMIT=256MiB"}
	if x.disk.env != nil {
		env = append(env, x.disk.env()...)
	}
	x.g = beginProgram(x.t, self, env, "serve", "--config", x.file)
	x.g.logged(`"PBX link up"`)
	x.http = x.g.logged(`"farhook started".*"http":\["([^"]+)"\]`)[1]
}

// dial gives all sessions connections to the gateway as it runs now.
func (x *trial) dial() { x.uc.dial(x.g.sip, 2) }

// load lets calls come and go, some fifty events a second, until stop.
func (x *trial) load() (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for r := mathrand.New(mathrand.NewPCG(1, 2)); ; {
			select {
			case <-quit:
				return
			case <-time.After(20 * time.Millisecond):
			}
			x.pause.Lock()
			a, b := x.pbx.phones(trialPairs + r.IntN(loadPairs))
			switch r.IntN(5) {
			case 0:
				_ = a.Dial(b.Device())
			case 1:
				_ = b.Answer()
			case 2:
				_ = b.Hold()
			case 3:
				_ = b.Retrieve()
			case 4:
				_ = a.HangUp()
			}
			x.pause.Unlock()
		}
	}()
	return func() { close(quit); <-ended }
}

// restart ends the gateway with a signal, does something, and starts it again.
func (x *trial) restart(sig syscall.Signal, between func()) {
	x.t.Helper()
	_ = x.g.Process.Signal(sig)
	if err := <-x.g.ended; err != nil && sig == syscall.SIGTERM {
		x.t.Error("asked to end, it failed:", err)
	}
	x.uc.readAll()
	between()
	x.start()
	x.dial()
}

// probes are what a gateway does, tried. Each gives up in the end.
var probes = []struct {
	what string
	try  func(x *trial) error
}{
	{"requests", (*trial).requests},
	{"calls", (*trial).call},
	{"new sessions", (*trial).newSession},
	{"HTTP", (*trial).get},
	{"readiness", (*trial).readyz},
}

// failing are the probes and parts that fail at the moment.
func (x *trial) failing() (list []string) {
	x.t.Helper()
	for _, p := range probes {
		x.within = amply
		if slices.Contains(x.stopped, p.what) {
			x.within = shortly
		}
		var u unready
		switch err := p.try(x); {
		case errors.As(err, &u):
			for _, part := range u {
				list = append(list, "part "+part)
			}
		case err != nil:
			list = append(list, p.what)
			x.why[p.what] = err
		}
	}
	return list
}

// How long a probe waits: shortly for what a fault stops, amply for what must go on, though the machine has much else to do.
const (
	shortly = 3 * time.Second
	amply   = 20 * time.Second
)

// ask makes a request on a session that stands.
func (x *trial) ask(s *ucSession, q csta.Message) (csta.Message, error) {
	s.conn.write(true, s.request(x.uc, "INFO", csta.Encode(nil, q, csta.Ed3)))
	select {
	case m := <-s.answer:
		if m.start != "SIP/2.0 200 OK" {
			return nil, errors.New(m.start)
		}
		res, _, err := csta.Decode(m.body)
		if refused, ok := res.(*csta.Error); ok {
			return nil, refused
		}
		return res, err
	case <-time.After(patience):
		x.t.Fatalf("%s: %T is not answered", s.line, q)
		return nil, nil
	}
}

func (x *trial) requests() error {
	for _, s := range x.uc.sessions {
		if _, err := x.ask(s, csta.SnapshotDevice{SnapshotObject: csta.DeviceID(s.line)}); err != nil {
			return err
		}
	}
	return nil
}

// call makes a call of a pair: asked for over SIP, answered at the phone, ended at the phone; and waits until its events have come.
func (x *trial) call() error {
	x.next = (x.next + 1) % trialPairs
	a, b := x.pbx.phones(x.next)
	_, _ = a.HangUp(), b.HangUp() // what an earlier one left
	s := x.uc.sessions[2*x.next]
	s.mu.Lock()
	before := s.events
	s.mu.Unlock()
	_, err := x.ask(s, csta.MakeCall{CallingDevice: csta.DeviceID(s.line), CalledDirectoryNumber: b.Device(), AutoOriginate: csta.AutoOriginateDoNotPrompt})
	if err != nil {
		return err
	}
	if err := errors.Join(b.Answer(), a.HangUp()); err != nil {
		return err
	}
	for end := time.Now().Add(x.within); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		n := s.events - before
		s.mu.Unlock()
		if n >= 3 {
			return nil
		}
	}
	return errors.New("its events don't come")
}

// newSession signs somebody in on a connection of his own, and out.
func (x *trial) newSession() error {
	c, err := net.DialTimeout("tcp", x.g.sip, x.within)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(x.within))
	in := textproto.NewReader(bufio.NewReader(c))
	id := rand.Text()
	say := func(method string, cseq int, tag string, body []byte) (string, error) {
		text := fmt.Sprintf("%s sip:gw@contoso.test SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK%s-%s\r\nMax-Forwards: 70\r\nFrom: <sip:new@contoso.test>;tag=n\r\n"+
			"To: <sip:gw@contoso.test>%s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:new@192.0.2.1;transport=tcp>\r\nContent-Type: application/csta+xml\r\nContent-Length: %d\r\n\r\n%s",
			method, method, id, tag, id, cseq, method, len(body), body)
		if _, err := io.WriteString(c, text); err != nil || method == "ACK" {
			return "", err
		}
		m, err := readUC(in)
		if err == nil && m.start != "SIP/2.0 200 OK" {
			err = errors.New(m.start)
		}
		return m.head.Get("To"), err
	}
	to, err := say("INVITE", 1, "", csta.Encode(nil, csta.RequestSystemStatus{Extensions: extension.WithLine("tel:+15551001")}, csta.Ed3))
	if err != nil {
		return err
	}
	_, tag, _ := strings.Cut(to, ";tag=")
	tag = ";tag=" + tag
	_, err = say("ACK", 1, tag, nil)
	if err == nil {
		_, err = say("BYE", 2, tag, nil)
	}
	return err
}

func (x *trial) get() error {
	_, err := x.fetch("http://" + x.http + "/api/v1/history")
	return err
}

// fetch asks over a connection of its own.
func (x *trial) fetch(url string) ([]byte, error) {
	c := http.Client{Timeout: x.within, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Get(url)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", r.Status, b)
	}
	return b, err
}

// unready are the parts that /readyz says aren't ready.
type unready []string

func (u unready) Error() string { return fmt.Sprint([]string(u)) }

func (x *trial) readyz() error {
	c := http.Client{Timeout: x.within, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Get("http://" + x.g.metrics + "/readyz")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var r readiness
	if err := json.NewDecoder(res.Body).Decode(&r); err != nil {
		return err
	}
	var u unready
	for _, p := range r.Parts {
		if !p.Ready {
			u = append(u, p.Part)
		}
	}
	if u == nil {
		return nil
	}
	return u
}

// whole waits until everything works again, and looks whether anything was lost: no session has had to sign in again, nobody was told BYE, and the events
// have told what is.
func (x *trial) whole() time.Duration {
	x.t.Helper()
	began := time.Now()
	var last []string
	until(x.t, "everything works again", func() bool { last = x.failing(); return last == nil }, func() { x.t.Errorf("%q fail: %v", last, x.why) })
	took := time.Since(began)
	x.pause.Lock()
	defer x.pause.Unlock()
	x.uc.quiet(200 * time.Millisecond)
	x.uc.compare()
	for _, s := range x.uc.sessions {
		if s.invites != 1 {
			x.t.Errorf("%s had to sign in %d times", s.line, s.invites)
		}
	}
	if n := x.uc.byes.Load(); n > 0 {
		x.t.Errorf("%d BYEs", n)
	}
	until(x.t, "all is stored", func() bool { return x.g.metric("farhook_store_pending") == 0 })
	return took
}

// fill lets the disk take nothing more, and gives what makes room again.
func (x *trial) fill() (mend func()) {
	x.t.Helper()
	alive := func() int {
		if x.g == nil || x.g.ProcessState != nil {
			return 0
		}
		return x.g.Process.Pid
	}
	room := x.disk.fill(x.t, alive())
	return func() { room(alive()) }
}

// gate is a way to the PBX that can be cut.
type gate struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func newGate(t *testing.T, to string) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{Listener: l}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", to)
			if err != nil {
				a.Close()
				continue
			}
			g.mu.Lock()
			g.conns = append(g.conns, a, b)
			g.mu.Unlock()
			for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
				wg.Go(func() {
					_, _ = io.Copy(way[0], way[1])
					way[0].Close()
				})
			}
		}
	})
	t.Cleanup(func() { l.Close(); g.cut(); wg.Wait() })
	return g
}

// cut ends what goes through it.
func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.conns {
		c.Close()
	}
	g.conns = nil
}

// names is a name server that knows every name as this machine, or is dead.
type names struct {
	net.PacketConn
	mu   sync.Mutex
	dead bool
}

func newNames(t *testing.T) *names {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{PacketConn: c}
	go func() {
		for b := make([]byte, 512); ; {
			size, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			n.mu.Lock()
			dead := n.dead
			n.mu.Unlock()
			if !dead {
				_, _ = c.WriteTo(answerTo(b[:size]), from)
			}
		}
	}()
	t.Cleanup(func() { c.Close() })
	return n
}

func (n *names) addr() string { return n.LocalAddr().String() }

func (n *names) die(dead bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dead = dead
}

// answerTo answers a question for an address with 127.0.0.1, any other with nothing (RFC 1035, 4.1).
func answerTo(q []byte) []byte {
	end := 12
	for end < len(q) && q[end] != 0 {
		end += int(q[end]) + 1
	}
	end += 5 // the root, type and class
	if end > len(q) {
		return nil
	}
	a := slices.Clone(q[:end])
	a[2], a[3] = 0x81, 0x80
	copy(a[4:12], []byte{0, 1, 0, 0, 0, 0, 0, 0})
	if q[end-3] == 1 {
		a[7] = 1
		a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1)
	}
	return a
}
