package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// /healthz says that it lives, /readyz which part isn't ready, on both listeners.
func TestProbes(t *testing.T) {
	dir := t.TempDir()
	control := filepath.Join(dir, "c.sock")
	ask := func(addr, path string) (status int, r readiness) {
		t.Helper()
		res, err := http.Get("http://" + addr + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&r); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, r
	}
	defer http.DefaultClient.CloseIdleConnections()
	notReady := func(r readiness) (parts []string) {
		for _, p := range r.Parts {
			if !p.Ready {
				parts = append(parts, p.Part+": "+p.Why)
			}
		}
		return parts
	}

	g := begin(t, "serve", "--config", config(t, "sip: {listen: ['127.0.0.1:0'], store: %s}\ncontrol: %s\n", filepath.Join(dir, "none", "sessions.db"), control))
	g.logged(`"PBX link up"`)
	if status, _ := ask(g.metrics, "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d", status)
	}
	status, r := ask(g.metrics, "/readyz")
	if bad := notReady(r); status != http.StatusServiceUnavailable || r.Ready || len(bad) != 1 || !strings.HasPrefix(bad[0], "store: ") {
		t.Errorf("%d, %v", status, bad)
	}
	var out output
	if status := run(t.Context(), []string{"loglevel", "debug", "--control", control}, &out, &out); status != 0 {
		t.Error(out.String())
	}
	g.logged(`"the log's level was changed by command"`)
	if status := run(t.Context(), []string{"drain", "--control", control}, &out, &out); status != 0 {
		t.Error(out.String())
	}
	if _, r := ask(g.metrics, "/readyz"); len(notReady(r)) != 2 || !strings.HasPrefix(notReady(r)[0], "sip: farhook drain") {
		t.Errorf("%v", notReady(r))
	}

	m, stop := start(t, `(?s)http://(127\.0\.0\.1:\d+)/.*PBX link up`, "demo", "--quiet", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0", "--control", control+"2")
	defer stop()
	if status, r := ask(m[1], "/readyz"); status != http.StatusOK || !r.Ready || len(r.Parts) != 3 {
		t.Errorf("%d, %+v", status, r)
	}
}

// The hash names a configuration: another one has another, another secret has the same.
func TestConfigHash(t *testing.T) {
	hash := func(text string) string {
		t.Helper()
		c, err := parse("test", []byte("rights: trusted\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		return c.hash()
	}
	pbx := "pbx: [{name: a, kind: asterisk, settings: {address: '127.0.0.1:1', username: u, secret: "
	one := hash(pbx + "x}}]")
	if len(one) != 8 || one == hash("journal: 32MiB\n"+pbx+"x}}]") || one != hash(pbx+"y}}]") {
		t.Errorf("%s, %s, %s", one, hash("journal: 32MiB\n"+pbx+"x}}]"), hash(pbx+"y}}]"))
	}
}
