package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// output collects what a command writes, while it writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start runs a command, and waits until what it has written matches.
func start(t *testing.T, want string, args ...string) (match []string, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var out output
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, args, &out, &out) }()
	re := regexp.MustCompile(want)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		if match = re.FindStringSubmatch(out.String()); match != nil {
			break
		}
		select {
		case status := <-ended:
			t.Fatalf("ended with %d:\n%s", status, out.String())
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("no %s in\n%s", want, out.String())
		}
	}
	return match, func() int {
		cancel()
		return <-ended
	}
}

func TestDemo(t *testing.T) {
	defer goleak.VerifyNone(t)
	m, stop := start(t, `(?s)sip:(127\.0\.0\.1:\d+);transport=tcp.*console +(http://127\.0\.0\.1:\d+)/.*PBX link up`,
		"demo", "--quiet", "--lines", "30", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0")
	for path, want := range map[string]int{"/": 200, "/api/v1/devices/1030": 200, "/api/v1/devices/1031": 404, "/openapi.yaml": 200} {
		r, err := http.Get(m[2] + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, r.StatusCode, want)
		}
	}
	// The three things to try, as printed.
	tries := regexp.MustCompile(`1\. Open the console: +(\S+)\n.*go run \./cmd/ucsim --server (\S+) --line (\S+)\n.*curl -s -H 'Content-Type: application/json' -d '(.*)' (\S+)\n`).FindStringSubmatch(m[0])
	if tries == nil {
		t.Fatalf("there are not three things to try in\n%s", m[0])
	}
	if tries[1] != m[2]+"/" || tries[2] != m[1] || tries[3] != "tel:+15551002" {
		t.Errorf("%q", tries)
	}
	r, err := http.Post(tries[5], "application/json", strings.NewReader(tries[4]))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusCreated {
		t.Errorf("the curl line: %s", r.Status)
	}
	c, err := net.Dial("tcp", tries[2])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	http.DefaultClient.CloseIdleConnections()
	if status := stop(); status != 0 {
		t.Errorf("ended with %d", status)
	}
}

// serve with what config example --sim prints is the demo.
func TestServe(t *testing.T) {
	defer goleak.VerifyNone(t)
	var out bytes.Buffer
	if run(t.Context(), []string{"config", "example", "--sim"}, &out, &out) != 0 {
		t.Fatal(out.String())
	}
	text := strings.NewReplacer("127.0.0.1:5060", "127.0.0.1:0", "127.0.0.1:8080", "127.0.0.1:0").Replace(out.String())
	file := filepath.Join(t.TempDir(), "f.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if status := run(t.Context(), []string{"config", "check", file}, &out, &out); status != 0 || !strings.Contains(out.String(), "ok, 1 PBX") {
		t.Errorf("%d: %s", status, out.String())
	}
	_, stop := start(t, "PBX link up", "serve", "--config", file)
	if status := stop(); status != 0 {
		t.Errorf("ended with %d", status)
	}
}

// What cannot be done is said in one sentence, and the exit status is 1.
func TestCannot(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().String()
	for want, args := range map[string][]string{
		"SIP cannot listen on " + port + ": another program has that port":    {"demo", "--sip", port, "--http", "127.0.0.1:0"},
		"HTTP cannot listen on " + port + ": another program has that port":   {"demo", "--sip", "127.0.0.1:0", "--http", port},
		"--lines: 0 is out of range: 1 to 200000":                             {"demo", "--lines", "0"},
		"--http: \"0.0.0.0:1\" is not a loopback address":                     {"demo", "--http", "0.0.0.0:1"},
		"--sip: \"0.0.0.0:1\" is not a loopback address":                      {"demo", "--sip", "0.0.0.0:1"},
		"none.yaml: cannot read the configuration: no such file or directory": {"serve", "--config", "none.yaml"},
		"--pprof 0.0.0.0:1: profiles are served on loopback only":             {"demo", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0", "--pprof", "0.0.0.0:1"},
	} {
		var out bytes.Buffer
		if status := run(t.Context(), args, &out, &out); status != 1 || !strings.Contains(out.String(), want) || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("%v: %d, %q, want %q", args, status, out.String(), want)
		}
	}
	var out bytes.Buffer
	if status := run(t.Context(), []string{"fly"}, &out, &out); status != 2 || !strings.Contains(out.String(), "--help tells more") {
		t.Errorf("%d, %q", status, out.String())
	}
	out.Reset()
	if status := run(t.Context(), []string{"--version"}, &out, &out); status != 0 || !strings.HasPrefix(out.String(), "farhook ") {
		t.Errorf("%d, %q", status, out.String())
	}
}

// The gateway has no test code in it.
func TestNoTestCode(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range strings.Fields(string(out)) {
		if p == "testing" || strings.HasPrefix(p, "testing/") || strings.HasSuffix(p, "/adaptertest") {
			t.Errorf("the gateway has package %s in it", p)
		}
	}
}
