package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"farhook/pbxadapter/asterisk/fake"
)

// buildFrom builds farhook from a source tree, under a version.
func buildFrom(t *testing.T, tree, version string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "farhook")
	c := exec.Command("go", "build", "-trimpath", "-ldflags", "-X main.version="+version, "-o", file, "./cmd/farhook")
	c.Dir = tree
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", version, err, out)
	}
	return file
}

// previous builds the release before this one: that of the newest tag before the commit. Before the first release it's this very source, under another version:
// then the test shows that stopping and starting loses nothing, and no more.
func previous(t *testing.T) string {
	t.Helper()
	root := filepath.Join("..", "..")
	tag, err := exec.Command("git", "-C", root, "describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^").Output()
	if err != nil {
		t.Log("there is no release before this one: both sides are of this source")
		return buildFrom(t, root, "0.0.1")
	}
	name, tree := strings.TrimSpace(string(tag)), t.TempDir()
	archive := fmt.Sprintf("git -C %q archive %q | tar -x -C %q", root, name, tree)
	if out, err := exec.Command("bash", "-euo", "pipefail", "-c", archive).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return buildFrom(t, tree, name)
}

// While calls come and go, the release before this one becomes this one, and then this one that again: sessions go on each time, nobody signs in again, the events
// have told what is, and the history has the calls of all three.
func TestUpgradeAndDowngrade(t *testing.T) {
	t.Parallel()
	const n = 8 // pairs of phones
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is missing")
	}
	old, now := previous(t), buildFrom(t, filepath.Join("..", ".."), "9999.0.0")
	conf := fake.Config{Slots: [2]int{701, 720}, Lines: true, Secret: "s3cret"}
	for i := range 2 * n {
		conf.Phones = append(conf.Phones, fmt.Sprint(101+i))
	}
	pbx := fake.New(conf)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go pbx.Serve(l)
	dir := t.TempDir()
	file := filepath.Join(dir, "f.yaml")
	text := fmt.Sprintf(`
sip: {listen: ["127.0.0.1:0"], store: %[1]s/sessions.db}
http: {listen: "127.0.0.1:0"}
web: {store: %[1]s/history.db, sign_in: false}
metrics: {listen: "127.0.0.1:0"}
audit: {file: %[1]s/audit.jsonl}
log: {format: json}
rights: trusted
pbx: [{name: main, kind: asterisk, settings: {address: %[2]q, username: farhook, secret: s3cret}}]
`, dir, l.Addr())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start := func(program string) *process {
		g := beginProgram(t, program, nil, "serve", "--config", file)
		g.logged(`"PBX link up"`)
		return g
	}

	calls := func(g *process) int {
		t.Helper()
		r, err := http.Get("http://" + g.logged(`"farhook started".*"http":\["([^"]+)"\]`)[1] + "/api/v1/history?limit=1000")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		defer http.DefaultClient.CloseIdleConnections()
		var page struct{ Calls []json.RawMessage }
		if err := json.NewDecoder(r.Body).Decode(&page); err != nil {
			t.Fatal(err)
		}
		return len(page.Calls)
	}
	g := start(old)
	uc := newUCServer(t, conf.Phones)
	uc.onTheirWay.Store(1 << 20) // an event that is being written when it ends may come twice
	uc.dial(g.sip, 2)
	uc.signIn()
	var pause sync.Mutex
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() { // each pair calls, talks, and hangs up
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
			a, b := fmt.Sprint(101+2*(i%n)), fmt.Sprint(102+2*(i%n))
			pause.Lock()
			switch i / n % 3 {
			case 0:
				_ = pbx.Call(a, b)
			case 1:
				_ = pbx.Answer(b)
			case 2:
				_ = pbx.HangUp(a)
			}
			pause.Unlock()
		}
	}()
	defer func() { close(stop); <-ended }()

	kept := 0
	for i, next := range []string{now, old} {
		until(t, "calls are in the history", func() bool { return calls(g) > kept+n })
		kept = calls(g)
		if err := g.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		g.end()
		uc.readAll()
		g = start(next)
		g.logged(fmt.Sprintf(`"sessions restored".*"sessions":%d,"expired":0,"unreadable":0`, 2*n))
		uc.dial(g.sip, 2)
		if got := calls(g); got < kept {
			t.Errorf("step %d: %d calls are in the history, there were %d", i, got, kept)
		}
		func() {
			pause.Lock()
			defer pause.Unlock()
			uc.quiet(300 * time.Millisecond)
			uc.compare()
		}()
	}
	until(t, "calls are in the history", func() bool { return calls(g) > kept+n })
	for _, s := range uc.sessions {
		if s.invites != 1 {
			t.Errorf("%s had to sign in %d times", s.line, s.invites)
		}
	}
	if n := uc.byes.Load(); n > 0 {
		t.Errorf("%d BYEs", n)
	}
	if answer(t, 0, "audit", "verify", filepath.Join(dir, "audit.jsonl")) == "" {
		t.Error("the audit record isn't whole")
	}
}
