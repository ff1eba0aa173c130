package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"farhook/pbxadapter/sim"
)

// reloading is a running gateway whose configuration is written anew.
type reloading struct {
	*process
	file, control string
	seen          int // how often it said that something changed
}

// reloadable starts a gateway with a configuration; at is the path that it is told.
func reloadable(t *testing.T, at, text string) *reloading {
	t.Helper()
	r := &reloading{file: at, control: filepath.Join(t.TempDir(), "c")}
	r.write(t, text)
	r.process = begin(t, "serve", "--config", at)
	r.logged(`"PBX link up"`)
	return r
}

// write writes the configuration, beside what every one has.
func (r *reloading) write(t *testing.T, text string) {
	t.Helper()
	head := fmt.Sprintf("control: %s\nrights: trusted\nsip: {listen: ['127.0.0.1:0']}\nhttp: {listen: ''}\nmetrics: {listen: '127.0.0.1:0'}\n", r.control)
	if !strings.Contains(text, "log:") {
		head += "log: {format: json}\n"
	}
	if err := os.WriteFile(r.file, []byte(head+text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// changed waits until the gateway has said once more that a path changed.
func (r *reloading) changed(path string) {
	r.t.Helper()
	said := `"configuration changed","path":"` + path + `"`
	r.seen++
	until(r.t, fmt.Sprintf("%s changed, %d times in all", path, r.seen), func() bool { return strings.Count(r.log.String(), said) == r.seen })
}

const (
	reloadOne = "pbx:\n  - {name: one, kind: sim, settings: {quiet: true, lines: 3}}\n"
	reloadTwo = "  - {name: two, kind: sim, settings: {quiet: true, lines: %d, first: 2001}}\n"
)

// SIGHUP alone reloads: of a file behind a link into another folder nothing else tells.
func TestReloadBySignal(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "farhook.yaml")
	if err := os.Symlink(filepath.Join(t.TempDir(), "elsewhere.yaml"), link); err != nil {
		t.Fatal(err)
	}
	g := reloadable(t, link, reloadOne)
	g.write(t, reloadOne+fmt.Sprintf(reloadTwo, 2))
	time.Sleep(3 * settle) // nobody has seen it
	if strings.Contains(g.log.String(), "configuration changed") {
		t.Fatal("it was read before the signal came: this test shows nothing")
	}
	if err := g.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	g.changed("pbx[two].kind")
}

// A change alone reloads, without a signal and without a command: of the file, written or put in its place; of conf.d, which came later; and of a file with a secret.
func TestReloadByItself(t *testing.T) {
	secrets := t.TempDir()
	secret := filepath.Join(secrets, "ami")
	put := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(secret, "geheim-1")
	file := filepath.Join(t.TempDir(), "farhook.yaml")
	g := reloadable(t, file, reloadOne)
	says := func(what string) {
		t.Helper()
		until(t, what, func() bool { return strings.Contains(g.log.String(), what) })
	}
	g.write(t, reloadOne+fmt.Sprintf(reloadTwo, 2))
	says(`"path":"pbx[two].kind"`)

	next := &reloading{file: file + ".new", control: g.control} // as editors do it
	next.write(t, reloadOne+fmt.Sprintf(reloadTwo, 7)+"  - {name: ast, kind: asterisk, settings: {address: '127.0.0.1:1', username: u, secret: !file "+secret+"}}\n")
	if err := os.Rename(next.file, file); err != nil {
		t.Fatal(err)
	}
	says(`"path":"pbx[two].settings.lines","was":"2","now":"7"`)
	says(`"path":"pbx[ast].kind"`)

	put(filepath.Join(filepath.Dir(file), "conf.d", "more.yaml"), "peers: [{name: early, addresses: [10.0.0.1]}]\n")
	says(`"path":"peers[early].addresses"`)
	put(filepath.Join(filepath.Dir(file), "conf.d", "more.yaml"), "peers: [{name: late, addresses: [10.0.0.1]}]\n")
	says(`"path":"peers[late].addresses"`)

	put(secret, "geheim-2")
	says(`"path":"pbx[ast].settings.secret","was":"***","now":"*** (another)"`)
	if strings.Contains(g.log.String(), "geheim") {
		t.Error("a secret is in the log")
	}
}

// accepts says whether a SIP request from an address of loopback is answered, or its connection ended.
func accepts(t *testing.T, addr, from string) bool {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, "OPTIONS sip:gw@contoso.test SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKo\r\nMax-Forwards: 70\r\nFrom: <sip:a@contoso.test>;tag=1\r\n"+
		"To: <sip:gw@contoso.test>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil && !strings.Contains(err.Error(), "reset") && err != io.EOF { //nolint:errorlint // bufio gives EOF as it is
		t.Fatal(err)
	}
	return strings.HasPrefix(line, "SIP/2.0 200")
}

// PBXs and UC servers come, change and go while sessions live: those of the others keep their connections, their dialogs, their monitors and their calls. A file that is wrong anywhere changes nothing of it.
func TestReloadTouchesNobodyElse(t *testing.T) {
	pbx := newExchange(t, sim.Config{Lines: 30, Quiet: true})
	one := fmt.Sprintf("pbx:\n  - {name: one, kind: remote, settings: {address: '%s'}}\n", pbx.addr)
	const (
		here  = "peers:\n  - {name: here, addresses: [127.0.0.1]}\n"
		there = "  - {name: there, addresses: [127.0.0.2]}\n"
	)
	g := reloadable(t, filepath.Join(t.TempDir(), "farhook.yaml"), here+one)
	reload := func(status int, text string) string {
		t.Helper()
		g.write(t, text)
		return answer(t, status, "reload", "--control", g.control)
	}
	uc := newUCServer(t, []string{"tel:+15551025", "tel:+15551026"})
	uc.dial(g.sip, 2)
	uc.signIn()
	a, b := pbx.Phone(1025), pbx.Phone(1026)
	if err := a.Dial(b.Device()); err != nil {
		t.Fatal(err)
	}
	held := false
	untouched := func(after string) {
		t.Helper()
		before := uc.events.Load()
		act := []func() error{a.Hold, a.Retrieve}[map[bool]int{false: 0, true: 1}[held]]
		if held = !held; before > 0 {
			if err := act(); err != nil {
				t.Fatalf("%s: %v", after, err)
			}
			until(t, after+": events still come", func() bool { return uc.events.Load() >= before+2 })
		}
		uc.compare()
		for _, s := range uc.sessions {
			if s.invites != 1 {
				t.Errorf("%s: %s had to sign in %d times", after, s.line, s.invites)
			}
		}
		uc.mu.Lock()
		conns := len(uc.conns)
		uc.mu.Unlock()
		if n := uc.byes.Load(); n != 0 || conns != 2 {
			t.Errorf("%s: %d BYEs, %d connections", after, n, conns)
		}
		if n := g.metric(`farhook_pbx_connects_total{pbx="one"}`); n != 1 {
			t.Errorf("%s: PBX one was connected %v times", after, n)
		}
		if n := g.metric("farhook_sessions_ended_total"); n != 0 {
			t.Errorf("%s: %v sessions ended", after, n)
		}
	}
	if err := b.Answer(); err != nil {
		t.Fatal(err)
	}
	until(t, "the call is told", func() bool { return uc.events.Load() >= 4 })
	untouched("in the beginning")
	if accepts(t, g.sip, "127.0.0.2") {
		t.Error("a UC server that isn't configured is let in")
	}

	reload(0, here+there+one)
	if !accepts(t, g.sip, "127.0.0.2") {
		t.Error("a UC server that has come isn't let in")
	}
	untouched("with another UC server")
	reload(0, here+there+one+fmt.Sprintf(reloadTwo, 3))
	until(t, "PBX two is up", func() bool { return strings.Contains(g.log.String(), `"msg":"PBX link up","pbx":"two","devices":13`) })
	untouched("with another PBX")
	reload(0, here+there+one+fmt.Sprintf(reloadTwo, 4))
	until(t, "PBX two is up again", func() bool { return strings.Contains(g.log.String(), `"msg":"PBX link up","pbx":"two","devices":14`) })
	untouched("with that PBX changed")

	// All or nothing: the UC server isn't taken away, for the PBX is wrong, in the file or as its adapter is made.
	for want, bad := range map[string]string{
		"is no kind of PBX": "  - {name: two, kind: toy}\n",
		"lines: ":           "  - {name: two, kind: sim, settings: {lines: 0}}\n",
	} {
		if out := reload(1, here+one+bad); !strings.Contains(out, want) || !strings.Contains(out, "everything stays as it was") {
			t.Errorf("%s: %s", bad, out)
		}
		if !accepts(t, g.sip, "127.0.0.2") || g.metric(`farhook_pbx_up{pbx="two"}`) != 1 {
			t.Errorf("%s: half of it counts", bad)
		}
	}
	untouched("after bad files")

	reload(0, here+there+one)
	if out := answer(t, 1, "trace", "--control", g.control, "--pbx", "three"); !strings.Contains(out, "there are one\n") {
		t.Errorf("PBX two is still there: %s", out)
	}
	untouched("without that PBX")
	reload(0, here+one)
	if accepts(t, g.sip, "127.0.0.2") {
		t.Error("a UC server that has gone is still let in")
	}
	untouched("without that UC server")
	reload(0, "peers:\n"+there+one)
	until(t, "the connections of a UC server that has gone are ended", func() bool { return g.metric(`farhook_connections{transport="tcp"}`) == 0 })
}

// The log's level follows the file, up and down.
func TestReloadLevel(t *testing.T) {
	level := func(l string) string { return "log: {format: json, level: " + l + "}\n" + reloadOne }
	g := reloadable(t, filepath.Join(t.TempDir(), "farhook.yaml"), level("info"))
	uc := newUCServer(t, []string{"tel:+15551001"})
	uc.dial(g.sip, 1)
	uc.signIn()
	answered := func() int { return strings.Count(g.log.String(), `"level":"debug"`) }
	uc.compare() // a request, which is worth a line of debugging
	if n := answered(); n != 0 {
		t.Fatalf("%d lines of debugging at info", n)
	}
	g.write(t, level("debug"))
	if out := answer(t, 0, "reload", "--control", g.control); !strings.Contains(out, "log.level: info becomes debug") {
		t.Error(out)
	}
	uc.compare()
	until(t, "there are lines of debugging", func() bool { return answered() > 0 })
	g.write(t, level("warn"))
	answer(t, 0, "reload", "--control", g.control)
	before := answered()
	uc.compare()
	if n := answered(); n != before {
		t.Errorf("%d lines of debugging at warn", n-before)
	}
}
