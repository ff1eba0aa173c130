package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/sim"
)

// pairs of phones, the second of which is called by the first; what they do at a step is decided by their number.
type pairs struct {
	t   *testing.T
	pbx *exchange
	n   int
}

func (p pairs) phones(i int) (a, b sim.Hands) {
	return p.pbx.Phone(1025 + 2*i), p.pbx.Phone(1026 + 2*i)
}

// each lets those pairs act for which which says yes.
func (p pairs) each(which func(i int) bool, act func(i int, a, b sim.Hands) error) (n int) {
	p.t.Helper()
	for i := range p.n {
		if which(i) {
			n++
			a, b := p.phones(i)
			if err := act(i, a, b); err != nil {
				p.t.Fatalf("pair %d: %v", i, err)
			}
		}
	}
	return n
}

func every(n, rest int) func(int) bool { return func(i int) bool { return i%n == rest } }

// begin brings three quarters of the calls up: some ring, some are connected, some held.
func (p pairs) begin() {
	dial := func(_ int, a, b sim.Hands) error { return a.Dial(b.Device()) }
	p.each(func(i int) bool { return i%4 != 3 }, dial)
	p.each(func(i int) bool { return i%4 == 0 || i%4 == 2 }, func(_ int, _, b sim.Hands) error { return b.Answer() })
	p.each(every(4, 2), func(_ int, _, b sim.Hands) error { return b.Hold() })
}

// goOn changes the state of a pair: who talks hangs up, who rings is answered, who holds retrieves, who is idle calls.
func goOn(i int, a, b sim.Hands) error {
	switch i % 4 {
	case 0:
		return a.HangUp()
	case 1:
		return b.Answer()
	case 2:
		return b.Retrieve()
	}
	return a.Dial(b.Device())
}

// Five thousand sessions with monitors, and calls up. The gateway is killed, calls go on without it, and it is started again: no session is
// lost, nobody signs in again, no event comes twice, none is missing, and who missed nothing is told nothing. Then it is upgraded (SIGTERM): the same
// again, without BYE. In the end it's drained: BYE to everybody.
func TestRestart(t *testing.T) {
	const n = 2500
	pbx := newExchange(t, sim.Config{Lines: 2*n + 24, Quiet: true, Clock: sim.NewClock(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC))})
	p := pairs{t, pbx, n}
	var lines []string
	for i := range 2 * n {
		lines = append(lines, "tel:+"+strconv.Itoa(15550000+1025+i))
	}
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "f.yaml"), filepath.Join(dir, "c")
	conf := fmt.Sprintf(`
sip: {listen: ["127.0.0.1:0"], store: %s}
http: {listen: ""}
metrics: {listen: "127.0.0.1:0"}
control: %s
log: {format: json}
rights: trusted
pbx: [{name: sim, kind: remote, settings: {address: "%s"}}]
`, filepath.Join(dir, "sessions.db"), socket, pbx.addr)
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	serve := func() *process {
		g := begin(t, "serve", "--config", file)
		g.logged(`"PBX link up"`)
		return g
	}

	g := serve()
	uc := newUCServer(t, lines)
	uc.dial(g.sip, 8)
	uc.signIn()
	p.begin()
	uc.quiet(500 * time.Millisecond)
	uc.compare()
	until(t, "all is stored", func() bool { return g.metric("farhook_store_pending") == 0 })

	// Killed. What the pairs do now nobody hears.
	before := uc.eventsOf()
	if err := g.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if <-g.ended == nil {
		t.Error("it ended well")
	}
	uc.readAll()
	changed := every(5, 0)
	p.each(changed, goOn)

	// Half of the sessions are reached again by the gateway alone, on their route; the others come back with the next request.
	g = serve()
	g.logged(fmt.Sprintf(`"sessions restored".*"sessions":%d,"expired":0,"unreadable":0`, 2*n))
	if g.metric("farhook_sessions") != 2*n || g.metric("farhook_monitors") != 2*n {
		t.Errorf("%v sessions, %v monitors", g.metric("farhook_sessions"), g.metric("farhook_monitors"))
	}
	until(t, "who missed something is told", func() bool {
		for i, now := range uc.eventsOf() {
			if changed(i/2) && now == before[i] {
				return false
			}
		}
		return true
	})
	uc.quiet(500 * time.Millisecond)
	for i, now := range uc.eventsOf() {
		if told := now - before[i]; !changed(i/2) && told > 0 {
			t.Errorf("%s has missed nothing, and is told %d events", uc.sessions[i].line, told)
		}
	}
	uc.dial(g.sip, 8)
	uc.compare()
	uc.all("UPDATE", func(*ucSession) csta.Message { return nil }, func(*ucSession, ucMessage, csta.Message) {})
	p.each(every(5, 1), goOn)
	uc.quiet(500 * time.Millisecond)
	uc.compare()

	// The upgrade.
	if err := g.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	g.end()
	uc.readAll()
	p.each(every(5, 2), goOn)
	g = serve()
	uc.dial(g.sip, 8)
	uc.quiet(500 * time.Millisecond)
	uc.compare()
	if n := uc.byes.Load(); n > 0 {
		t.Errorf("%d BYEs", n)
	}
	for _, s := range uc.sessions {
		if s.invites != 1 {
			t.Fatalf("%s had to sign in %d times", s.line, s.invites)
		}
	}

	// Drained, and a new session is refused for the moment.
	var out bytes.Buffer
	if status := run(t.Context(), []string{"drain", "--control", socket}, &out, &out); status != 0 || out.String() != fmt.Sprintf("%d sessions ended\n", 2*n) {
		t.Errorf("%d, %s", status, out.String())
	}
	until(t, "everybody has a BYE", func() bool { return uc.byes.Load() == 2*n })
	late := newUCServer(t, lines[:1])
	late.dial(g.sip, 1)
	s := late.sessions[0]
	s.conn.write(true, s.request(late, "INVITE", csta.Encode(nil, csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: csta.DeviceID(s.line)}}, csta.Ed3)))
	if m := s.await(t); m.start != "SIP/2.0 503 Service Unavailable" || m.head.Get("Retry-After") == "" {
		t.Errorf("%s %v", m.start, m.head)
	}
	out.Reset()
	if status := run(t.Context(), []string{"drain", "--stop", "--control", socket}, &out, &out); status != 0 || out.String() != "0 sessions ended\n" {
		t.Errorf("%d, %s", status, out.String())
	}
	g.end()
}
