package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"farhook/uacsta/uactest"
)

// Each part that can't do its work is said, with its reason, and none besides: a PBX that isn't reached, a certificate that has ended, a directory that has told nothing yet, sessions
// and an audit record that have no place. /healthz goes on saying that the gateway lives, and the answer is for programs that don't keep it.
func TestEachPartThatIsNotReady(t *testing.T) {
	dir := t.TempDir()
	f := newRingFiles(t, uactest.NewAuthority(t), uactest.Wanted{Names: []string{"gw.example.com"}, Expired: true})
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	g := begin(t, "serve", "--config", config(t, `
sip:
  listen: ['127.0.0.1:0']
  store: %s
  tls: {listen: ['127.0.0.1:0'], certificate: %s, key: %s, client_ca: %s}
directory: {ldap: {urls: ['ldap://%s'], bind_dn: cn=x, password_file: %s, base: dc=x}}
pbx:
  - {name: here, kind: sim, settings: {quiet: true}}
  - {name: gone, kind: asterisk, settings: {address: '%s', username: u, secret: s}}
`, filepath.Join(dir, "none", "sessions.db"), f.Certificate, f.Key, f.ClientCA, nobody.Addr(), password, nobody.Addr()))
	g.logged(`"PBX link up"`)
	ask := func(path string) (int, http.Header, []byte) {
		t.Helper()
		res, err := http.Get("http://" + g.metrics + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, res.Header, body
	}
	defer http.DefaultClient.CloseIdleConnections()
	want := map[string]string{
		"sip": "", "pbx here": "", "pbx gone": `^the link is down: .*refused`, "certificate": `^sip\.tls certificate .* has expired on \d{4}-\d\d-\d\d$`,
		"directory ldap": `refused`, "store": `^sessions are not kept`,
	}
	var r readiness
	var wrong []string
	until(t, "each part is said", func() bool {
		status, head, body := ask("/readyz")
		if status != http.StatusServiceUnavailable || head.Get("Content-Type") != "application/json" || head.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %v %s", status, head, body)
		}
		r, wrong = readiness{}, nil
		if err := json.Unmarshal(body, &r); err != nil || r.Ready {
			t.Fatalf("%v: %s", err, body)
		}
		for _, p := range r.Parts {
			why, known := want[p.Part]
			if !known || p.Ready != (why == "") || p.Ready != (p.Why == "") || !regexp.MustCompile(why).MatchString(p.Why) {
				wrong = append(wrong, p.Part+": "+p.Why)
			}
		}
		return len(wrong) == 0 && len(r.Parts) == len(want)
	}, func() { t.Errorf("%q of %+v", wrong, r.Parts) })
	if status, head, body := ask("/healthz"); status != http.StatusOK || string(body) != "{\"status\":\"ok\"}\n" || head.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", status, body)
	}
}
