package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The demonstration's second PBX stands beside the first: its link is cut alone, and its lamps lie and heal alone.
func TestAnnex(t *testing.T) {
	defer goleak.VerifyNone(t)
	m, stop := start(t, `(?s)console +(http://127\.0\.0\.1:\d+)/.*PBX link up.*PBX link up`,
		"demo", "--quiet", "--annex", "12", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0")
	defer stop()
	defer http.DefaultClient.CloseIdleConnections()
	ask := func(method, path, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, m[1]+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
	act := func(path, body string) {
		t.Helper()
		if status, text := ask("POST", "/api/v1/sim/"+path, body); status != 204 {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	type device struct {
		PBX    string
		LinkUp bool
		Calls  []struct{ CallID string }
	}
	look := func(number string) (d device) {
		t.Helper()
		status, text := ask("GET", "/api/v1/devices/"+number, "")
		if err := json.Unmarshal([]byte(text), &d); err != nil || status != 200 {
			t.Fatalf("%d %s", status, text)
		}
		return d
	}
	if one, two := look("1001"), look("2001"); one.PBX != "sim" || two.PBX != "annex" {
		t.Errorf("%+v %+v", one, two)
	}
	act("loss", `{"device":"2001","facts":9}`)
	act("devices/2001/hand", `{"act":"dial","value":"2002"}`)
	if d := look("2001"); len(d.Calls) != 0 {
		t.Errorf("%+v", d)
	}
	if status, text := ask("POST", "/api/v1/devices/2001/check", ""); status != 200 || !strings.Contains(text, `"repaired":1`) {
		t.Errorf("%d %s", status, text)
	}
	if d := look("2001"); len(d.Calls) != 1 {
		t.Errorf("%+v", d)
	}
	act("link?pbx=annex", `{"up":false}`)
	for end := time.Now().Add(20 * time.Second); look("2001").LinkUp; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the annex's link holds")
		}
	}
	if !look("1001").LinkUp {
		t.Error("the first PBX's link was cut too")
	}
	if status, text := ask("POST", "/api/v1/sim/link?pbx=attic", `{"up":false}`); status != 404 || !strings.Contains(text, "attic") {
		t.Errorf("%d %s", status, text)
	}
}
