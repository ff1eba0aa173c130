package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"farhook/uacsta/uactest"
)

// house is a gateway's configuration for HTTP beyond loopback, and a client that believes its certificate.
type house struct {
	t      *testing.T
	config string
	store  string
	client *http.Client
	addr   string // where it listens, by a loopback address
}

const httpsName = "farhook.example.com"

func newHouse(t *testing.T) *house {
	t.Helper()
	a := uactest.NewAuthority(t)
	keys := newRingFiles(t, a, uactest.Wanted{Names: []string{httpsName}})
	dir := t.TempDir()
	h := &house{t: t, config: filepath.Join(dir, "farhook.yaml"), store: filepath.Join(dir, "web.db")}
	h.write("  store: " + h.store + "\n  certificate: " + keys.Certificate + "\n  key: " + keys.Key)
	h.client = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: a.Pool, ServerName: httpsName},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", h.addr)
		},
	}}
	t.Cleanup(h.client.CloseIdleConnections)
	return h
}

func (h *house) write(web string) {
	h.t.Helper()
	text := "control: ''\nrights: demo\nsip: {listen: ['127.0.0.1:0'], contact: localhost}\nhttp: {listen: '0.0.0.0:0', hosts: [" + httpsName + "]}\nweb:\n" + web +
		"\npbx: [{name: sim, kind: sim, settings: {quiet: true, lines: 4}}]\n"
	if err := os.WriteFile(h.config, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// ask makes a request; headers are name, value pairs.
func (h *house) ask(method, path, body string, headers ...string) (*http.Response, string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, "https://"+httpsName+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	res, err := h.client.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res, string(text)
}

// Beyond loopback there is no HTTP without sign-in and TLS. With both one signs in, a browser is told to stay on TLS, and who has no token gets nothing.
func TestHTTPSBeyondLoopback(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	whole, err := os.ReadFile(h.config)
	if err != nil {
		t.Fatal(err)
	}
	for web, want := range map[string]string{"  store: ''": "nobody has to sign in", "  store: " + h.store: "there is no TLS"} {
		h.write(web)
		if status, out := command(t, "config", "check", h.config); status == 0 || !strings.Contains(out, want) {
			t.Errorf("%s: %d %s", web, status, out)
		}
	}
	if err := os.WriteFile(h.config, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	// The first user is made on the machine, the password read from standard input.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "access", "user", "--config", h.config, "--scopes", "observe-state,control", "--own", "tel:+15551001", "anna")
	cmd.Env = append(os.Environ(), asMain+"=1")
	cmd.Stdin = strings.NewReader("correct horse battery\n")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "user anna: ok") {
		t.Fatalf("%v %s", err, out)
	}
	if info, err := os.Stat(h.store); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	m, stop := start(t, `"http": \["[^"]*:(\d+)"\]`, "serve", "--config", h.config)
	defer stop()
	h.addr = "127.0.0.1:" + m[1]
	for _, c := range []struct {
		path, host string
		status     int
	}{{"/api/v1/devices", httpsName, 401}, {"/api/v1/health", httpsName, 200}, {"/", httpsName, 200}, {"/api/v1/health", "evil.example", 403}, {"/metrics", httpsName, 200}} {
		res, text := h.ask("GET", c.path, "", "Host", c.host)
		if res.StatusCode != c.status || res.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s of %s: %s %v %.100s", c.path, c.host, res.Status, res.Header, text)
		}
	}
	res, text := h.ask("POST", "/api/v1/session", `{"user":"anna","password":"correct horse battery"}`)
	cookie := res.Header.Get("Set-Cookie")
	for _, flag := range []string{"farhook_session=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"} {
		if !strings.Contains(cookie, flag) {
			t.Errorf("%s: no %s in %s", res.Status, flag, cookie)
		}
	}
	csrf := regexp.MustCompile(`"csrf":"([^"]+)"`).FindStringSubmatch(text)
	if csrf == nil {
		t.Fatal(text)
	}
	cookie, _, _ = strings.Cut(cookie, ";")
	until(t, "the PBX is connected", func() bool {
		_, text := h.ask("GET", "/api/v1/devices/1001", "", "Cookie", cookie)
		return strings.Contains(text, `"linkUp":true`)
	})
	const call = `{"callingDevice":"1001","calledDirectoryNumber":"1002"}`
	for _, c := range []struct {
		headers []string
		status  int
	}{
		{[]string{"Cookie", cookie}, 403},
		{[]string{"Cookie", cookie, "X-CSRF-Token", csrf[1], "Origin", "https://evil.example"}, 403},
		{[]string{"Cookie", cookie, "X-CSRF-Token", csrf[1], "Origin", "https://" + httpsName}, 201},
	} {
		if res, text := h.ask("POST", "/api/v1/calls", call, c.headers...); res.StatusCode != c.status {
			t.Errorf("%v: %s %s", c.headers[2:], res.Status, text)
		}
	}
	// Who speaks HTTP without TLS gets nothing but a complaint.
	plain, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	fmt.Fprintf(plain, "GET /api/v1/health HTTP/1.1\r\nHost: %s\r\n\r\n", httpsName)
	if line, err := bufio.NewReader(plain).ReadString('\n'); err == nil && !strings.HasPrefix(line, "HTTP/1.0 400") {
		t.Errorf("%q", line)
	}
}

// Tokens are made, listed and withdrawn by command while the gateway runs; it hears of it within one refresh, and ends what the token had open.
func TestAccessCommand(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m, stop := start(t, `"http": \["[^"]*:(\d+)"\]`, "serve", "--config", h.config)
	defer stop()
	h.addr = "127.0.0.1:" + m[1]
	status, secret := command(t, "access", "token", "--config", h.config, "--note", "tickets", "--scopes", "observe-state", "--all-devices", "--for", "1h")
	secret = strings.TrimSpace(secret)
	if status != 0 || !strings.HasPrefix(secret, "fhk_") {
		t.Fatalf("%d %s", status, secret)
	}
	bearer := []string{"Authorization", "Bearer " + secret}
	until(t, "the gateway knows the token", func() bool {
		res, _ := h.ask("GET", "/api/v1/devices", "", bearer...)
		return res.StatusCode == 200
	})
	if res, _ := h.ask("POST", "/api/v1/calls", `{"callingDevice":"1001","calledDirectoryNumber":"1002"}`, bearer...); res.StatusCode != 403 {
		t.Errorf("more than its scope: %s", res.Status)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+httpsName+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(bearer[0], bearer[1])
	res, err := h.client.Do(r)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(err, res)
	}
	defer res.Body.Close()
	status, list := command(t, "access", "list", "--config", h.config)
	id := regexp.MustCompile(`(?m)^token +([a-z0-9]+) +\[observe-state\] +tickets$`).FindStringSubmatch(list)
	if status != 0 || id == nil || strings.Contains(list, secret) {
		t.Fatalf("%d %s", status, list)
	}
	if status, out := command(t, "access", "delete", "token", "nothing", "--config", h.config); status != 1 || !strings.Contains(out, "there is no token nothing") {
		t.Errorf("%d %s", status, out)
	}
	if status, out := command(t, "access", "delete", "token", id[1], "--config", h.config); status != 0 || !strings.Contains(out, "deleted") {
		t.Errorf("%d %s", status, out)
	}
	text, err := io.ReadAll(res.Body) // it ends by itself
	if err != nil || !strings.Contains(string(text), `"type":"end"`) || !strings.Contains(string(text), "the rights have changed") {
		t.Errorf("%v %s", err, text)
	}
	if res, _ := h.ask("GET", "/api/v1/devices", "", bearer...); res.StatusCode != 401 {
		t.Errorf("afterwards: %s", res.Status)
	}
	if status, out := command(t, "access", "token", "--config", h.config, "--note", "x", "--scopes", "fly"); status != 1 || !strings.Contains(out, "fly") {
		t.Errorf("%d %s", status, out)
	}
}
