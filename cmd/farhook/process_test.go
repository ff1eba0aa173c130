package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// asMain, set in the environment, makes the test's own program the gateway: a process that can be killed.
const asMain = "FARHOOK_TEST_AS_MAIN"

// testNames, set in the environment, is the address of the name server that the gateway asks.
const testNames = "FARHOOK_TEST_NAMES"

// useNames makes the gateway's process ask the test's name server.
func useNames(addr string) {
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", addr)
	}}
}

// carryBallast lets the process take nine tenths of its memory at SIGUSR1, and let them go at SIGUSR2.
func carryBallast() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1, syscall.SIGUSR2)
	var hold struct{ ballast []byte }
	held := &hold // what only a later round looks at is collected, unless something points to it
	for s := range c {
		held.ballast = nil
		if s == syscall.SIGUSR1 {
			held.ballast = make([]byte, debug.SetMemoryLimit(-1)/10*9)
		}
		runtime.GC()
	}
	runtime.KeepAlive(held)
}

// patience is how long a busy machine may take for anything.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		adapters["remote"] = newRemote
		if addr := os.Getenv(testNames); addr != "" {
			useNames(addr)
		}
		limitSelf()
		go carryBallast()
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// process is a gateway in a process of its own.
type process struct {
	*exec.Cmd
	t            *testing.T
	log          output
	sip, metrics string // addresses
	ended        chan error
}

// begin starts it, and waits until it is there. Its log must be JSON.
func begin(t *testing.T, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return beginProgram(t, self, nil, args...)
}

// beginProgram starts another version of it, or this one with more in its environment.
func beginProgram(t *testing.T, program string, env []string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(program, args...), t: t, ended: make(chan error, 1)}
	p.Env = slices.Concat(os.Environ(), []string{asMain + "=1"}, env)
	p.SysProcAttr = diesWithUs()
	p.Stdout, p.Stderr = &p.log, &p.log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.Wait() }()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		if strings.Contains(p.log.String(), "DATA RACE") {
			t.Error("the race detector has found something")
		}
		if t.Failed() {
			text := p.log.String()
			t.Logf("log of %d:\n%s", p.Process.Pid, text[max(0, len(text)-4000):])
		}
	})
	var line struct{ SIP, Metrics []string }
	if err := json.Unmarshal([]byte(p.logged(`(?m)^.*"farhook started".*$`)[0]), &line); err != nil || len(line.SIP) != 1 {
		t.Fatal(err, line)
	}
	p.sip = line.SIP[0]
	if len(line.Metrics) > 0 {
		p.metrics = line.Metrics[0]
	}
	return p
}

// logged waits until the log matches.
func (p *process) logged(want string) []string {
	p.t.Helper()
	re := regexp.MustCompile(want)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		over := len(p.ended) > 0 // then all of its log is there
		if m := re.FindStringSubmatch(p.log.String()); m != nil {
			return m
		}
		if over {
			p.t.Fatalf("it ended: %v\n%s", <-p.ended, p.log.String())
		}
	}
	p.t.Fatalf("no %s in\n%s", want, p.log.String())
	return nil
}

// end waits until it has ended, which it does without complaint.
func (p *process) end() {
	p.t.Helper()
	select {
	case err := <-p.ended:
		if err != nil {
			p.t.Errorf("it ended with %v", err)
		}
	case <-time.After(patience):
		_ = p.Process.Signal(syscall.SIGQUIT) // its log says then where it stands
		err := <-p.ended
		text := p.log.String()
		i := max(strings.Index(text, "SIGQUIT: quit"), 0)
		p.t.Fatalf("it doesn't end: %v\n%.20000s", err, text[i:])
	}
}

// metric reads one value from /metrics.
func (p *process) metric(name string) float64 {
	p.t.Helper()
	defer http.DefaultClient.CloseIdleConnections()
	var text []byte
	until(p.t, "there are metrics", func() bool { // a gateway that is too busy to gather them says 503
		r, err := http.Get("http://" + p.metrics + "/metrics")
		if err != nil {
			p.t.Fatal(err)
		}
		defer r.Body.Close()
		if text, err = io.ReadAll(r.Body); err != nil {
			p.t.Fatal(err)
		}
		return r.StatusCode == http.StatusOK
	})
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, name+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			if err != nil {
				p.t.Fatal(err)
			}
			return f
		}
	}
	p.t.Fatalf("there is no metric %s", name)
	return 0
}

// until waits for a condition.
func until(t *testing.T, what string, condition func() bool, otherwise ...func()) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if condition() {
			return
		}
	}
	for _, f := range otherwise {
		f()
	}
	t.Fatalf("it never came that %s", what)
}
