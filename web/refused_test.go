package web_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
	"farhook/web"
	"farhook/web/access"
	"farhook/web/history"
)

// Whatever no operation is for is answered with a problem document too; what may be asked for is named.
func TestNothingThere(t *testing.T) {
	for _, g := range []*gateway{start(t), startWith(t, accessOpen, func(c *web.Config) { c.Console = nil })} {
		for _, c := range []struct {
			method, path string
			status       int
			allow        string
		}{
			{"GET", "/api/v1/nothing", 404, ""},
			{"POST", "/api/v1/nothing", 404, ""},
			{"DELETE", "/api/v1/calls", 405, "GET, POST"},
			{"PUT", "/api/v1/calls/x/clear", 405, "POST"},
			{"GET", "/api/v1/webhooks/x/rotate", 405, "POST"},
			{"PATCH", "/api/v1/users/anna", 405, "PUT, DELETE"},
			{"OPTIONS", "/api/v1/devices", 405, "GET"},
			{"POST", "/api/v1/events", 405, "GET"},
			{"POST", "/nothing", 405, "GET"},
		} {
			status, h, text := g.do(c.method, c.path, "")
			if c.path == "/nothing" && g.server != nil && status == 404 {
				continue // without a console nothing is there
			}
			var p struct {
				Status  int
				Detail  string
				Outcome string
				Chain   struct{ Trace string }
			}
			if err := json.Unmarshal([]byte(text), &p); err != nil || status != c.status || p.Status != status || h.Get("Content-Type") != "application/problem+json" || p.Chain.Trace == "" || p.Outcome != "refused" {
				t.Errorf("%s %s: %d %v %s", c.method, c.path, status, err, text)
			}
			if h.Get("Allow") != c.allow && c.path != "/nothing" {
				t.Errorf("%s %s: %q is allowed", c.method, c.path, h.Get("Allow"))
			}
		}
	}
}

// Answers about people stay in no cache; a body without a length is bounded as any.
func TestHeadersAndChunks(t *testing.T) {
	g := start(t)
	for _, path := range []string{"/api/v1/devices", "/api/v1/calls", "/api/v1/history", "/api/v1/session", "/api/v1/nothing"} {
		if _, h, _ := g.do("GET", path, ""); h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, h)
		}
	}
	for _, key := range []string{"", "k"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.url+"/api/v1/calls", io.MultiReader(strings.NewReader(`{"callingDevice":"`), bytes.NewReader(bytes.Repeat([]byte("1"), 10<<20))))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if key != "" {
			r.Header.Set("Idempotency-Key", key)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			continue // it was cut off in the middle of it, which is an answer too
		}
		if res.StatusCode != 413 || res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("with key %q: %s %s", key, res.Status, res.Header.Get("Content-Type"))
		}
		res.Body.Close()
	}
}

// Who asks for the stream's headers gets them, and no stream that nobody reads.
func TestHeadOfTheStream(t *testing.T) {
	g := start(t)
	for range 3 {
		if status, h, _ := g.do("HEAD", "/api/v1/events", ""); status != 200 || h.Get("Content-Type") != "text/event-stream" {
			t.Errorf("%d %v", status, h)
		}
	}
	if n := g.server.Streams(); n != 0 {
		t.Errorf("%d streams", n)
	}
}

// What was written for a webhook while it was being deleted is gone after the next start.
func TestNothingWaitsForNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.db")
	db, err := history.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	g := startWith(t, accessOpen, webhooks(time.Hour), func(c *web.Config) { c.DB = db })
	kept, gone := g.hook(`{"url":"http://127.0.0.1:9/","kinds":["feature"]}`), g.hook(`{"url":"http://127.0.0.1:9/","kinds":["feature"]}`)
	if err := g.pbx.Phone(1003).SetDoNotDisturb(true); err != nil {
		t.Fatal(err)
	}
	waits := func(id string) int {
		t.Helper()
		list, err := db.Waiting(t.Context(), id, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	for began := time.Now(); waits(gone.ID) == 0 || waits(kept.ID) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatal("nothing waits")
		}
	}
	if _, err := db.Delete(t.Context(), "webhook", gone.ID); err != nil { // as if the process had died in the middle of it
		t.Fatal(err)
	}
	again, err := history.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	acc := access.Open()
	if _, err := web.New(switchboard.New(acc, switchboard.Options{}), web.Config{Access: acc, DB: again}); err != nil {
		t.Fatal(err)
	}
	if waits(gone.ID) != 0 || waits(kept.ID) == 0 {
		t.Errorf("%d for nobody, %d for who is there", waits(gone.ID), waits(kept.ID))
	}
}

// What is kept to answer an act again holds no secret: neither the one that is shown once, nor anything from which a password could be guessed.
func TestKeptAnswersHoldNoSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.db")
	g, _ := slow(t, path)
	first := map[string]string{}
	for at, body := range map[string]string{
		"/api/v1/tokens": `{"note":"x","grant":{"scopes":["control"]}}`, "/api/v1/webhooks": `{"url":"https://example.com/"}`,
		"/api/v1/users": `{"name":"anna","password":"correct horse battery","grant":{"scopes":[]}}`,
	} {
		status, _, text := g.do("POST", at, body, "Idempotency-Key", "k"+at)
		if status != 201 {
			t.Fatalf("%s: %d %s", at, status, text)
		}
		var a, b struct{ ID, Name, Secret string }
		again, h, kept := g.do("POST", at, body, "Idempotency-Key", "k"+at)
		if json.Unmarshal([]byte(text), &a) != nil || json.Unmarshal([]byte(kept), &b) != nil || again != 201 || h.Get("Idempotency-Replayed") != "true" || a.ID != b.ID || a.Name != b.Name || b.Secret != "" {
			t.Errorf("%s: %s, again %d %s", at, text, again, kept)
		}
		first[at] = a.Secret
	}
	if first["/api/v1/tokens"] == "" || first["/api/v1/webhooks"] == "" {
		t.Fatal(first)
	}
	// The same user with another password is the same request: the password has no part in what is kept.
	if status, h, text := g.do("POST", "/api/v1/users", `{"name":"anna","password":"another horse battery","grant":{"scopes":[]}}`, "Idempotency-Key", "k/api/v1/users"); status != 201 || h.Get("Idempotency-Replayed") == "" {
		t.Errorf("%d %s", status, text)
	}
}

// An act whose handler failed in a way that nobody foresaw has an unknown outcome, and isn't "still running" for ever.
func TestPanicIsAnOutcome(t *testing.T) {
	times := 0
	g := startWith(t, accessOpen, func(c *web.Config) {
		c.Dials = func(string, csta.DeviceID) (string, []switchboard.Step, error) {
			times++
			panic("nobody foresaw this")
		}
	})
	for range 2 {
		status, h, text := g.do("POST", "/api/v1/calls?dryRun=true", makeCall, "Idempotency-Key", "k")
		if status != 500 || !strings.Contains(text, `"outcome":"unknown"`) && times == 2 || h.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%d %s", status, text)
		}
	}
	if times != 1 {
		t.Errorf("it was done %d times", times)
	}
}

// Over TLS a browser is told to stay there, and the session's cookie never travels without.
func TestOverTLS(t *testing.T) {
	g := guarded(t)
	g.post("/api/v1/users", `{"name":"anna","password":"correct horse battery","grant":{"scopes":["observe-state"],"allDevices":true}}`, 201)
	srv := httptest.NewTLSServer(g.server.Handler())
	defer srv.Close()
	g.url, g.token, g.client = srv.URL, "", srv.Client()
	status, h, text := g.do("POST", "/api/v1/session", `{"user":"anna","password":"correct horse battery"}`)
	if status != 200 || h.Get("Strict-Transport-Security") != "max-age=31536000" {
		t.Errorf("%d %v %s", status, h, text)
	}
	if c := h.Get("Set-Cookie"); !strings.Contains(c, "; Secure") || !strings.Contains(c, "; HttpOnly") || !strings.Contains(c, "; SameSite=Strict") {
		t.Error(c)
	}
	srv.Client().CloseIdleConnections()
}
