package web_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"farhook/web"
	"farhook/web/access"
	"farhook/web/history"
)

// The streams are no operations of the document; they are guarded like one.
func TestStreamsAreGuarded(t *testing.T) {
	g := guarded(t)
	administer := g.secret(access.Grant{AllDevices: true, Scopes: []access.Scope{access.Administer}})
	for _, path := range []string{"/api/v1/events", "/api/v1/stream"} {
		for token, want := range map[string]int{"": 401, administer: 403, g.token: 200} {
			status, text := g.as(token, "HEAD", path, "")
			if status != want {
				t.Errorf("%s: %d, want %d %s", path, status, want, text)
			}
		}
	}
}

// What lets somebody in isn't kept: of a token its hash, of a password what argon2id makes of it at the strength that is meant.
func TestSecretsAreNotKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.db")
	db, err := history.Open(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := access.New(access.Config{}, db)
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := a.NewToken(t.Context(), access.Token{Note: "kept by its note", Grant: access.Everything()})
	if err != nil {
		t.Fatal(err)
	}
	const password = "correct horse battery"
	if _, err := a.PutUser(t.Context(), access.User{Name: "anna", Grant: access.Everything()}, password, true); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob(file + "*")
	if err != nil {
		t.Fatal(err)
	}
	var kept []byte
	for _, name := range all {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, b...)
	}
	for _, gone := range []string{secret, strings.TrimPrefix(secret, "fhk_"), password} {
		if bytes.Contains(kept, []byte(gone)) {
			t.Errorf("%q is in the file", gone)
		}
	}
	for _, there := range []string{"kept by its note", "$argon2id$v=19$m=65536,t=3,"} {
		if !bytes.Contains(kept, []byte(there)) {
			t.Errorf("%q is not in the file", there)
		}
	}
}

// What the PBX says in its own words is for who may control.
func TestWordsOfThePBX(t *testing.T) {
	var box driver
	g := startWith(t, access.Config{}, func(c *web.Config) { c.Sims = []web.SimPBX{{Name: "sim", Sim: &box}} })
	box.pbx = g.pbx
	g.token = g.secret(access.Everything())
	for token, told := range map[string]bool{
		g.secret(access.Grant{AllDevices: true, Scopes: []access.Scope{access.ObserveState}}): false,
		g.token: true,
	} {
		g.send("POST", "/api/v1/sim/trouble", `{"service":"GetForwarding","category":"stateIncompatibility","value":"noActiveCall","pbx":"line 7 of extensions.conf"}`, 204)
		status, text := g.as(token, "POST", "/api/v1/csta", `{"GetForwarding":{"device":"1001"}}`)
		if status != 409 || strings.Contains(text, "line 7") != told {
			t.Errorf("may control: %v; %d %s", told, status, text)
		}
	}
}

// The clock of the simulated PBX is put forward, and a service is as late as was asked for.
func TestTimeOfTheSimulatedPBX(t *testing.T) {
	var box driver
	g := startWith(t, accessOpen, func(c *web.Config) { c.Sims = []web.SimPBX{{Name: "sim", Sim: &box}} })
	box.pbx = g.pbx
	before := g.clock.Now()
	g.send("POST", "/api/v1/sim/clock", `{"seconds":90}`, 204)
	if took := g.clock.Now().Sub(before); took != 90*time.Second {
		t.Errorf("the clock went %v", took)
	}
	g.send("POST", "/api/v1/sim/trouble", `{"service":"GetForwarding","delayMilliseconds":300}`, 204)
	began := time.Now()
	g.send("POST", "/api/v1/csta", `{"GetForwarding":{"device":"1001"}}`, 200)
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("it was answered after %v", took)
	}
}
