package web_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/pbxadapter/switchboard/audit"
	"farhook/web"
	"farhook/web/access"
)

// A do not disturb is called through by who has the right to, and by nobody else, whichever way he asks; it stands in the audit record.
func TestThroughDoNotDisturb(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	record, err := audit.Open(file, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	clock := sim.NewClock(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC))
	pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 24, Quiet: true, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	g := startOn(t, access.Config{}, pbx, clock, switchboard.Options{Keep: keep, Audit: record}, web.Config{Version: "test"})
	g.token = g.secret(access.Everything())
	device := func(number string) string {
		t.Helper()
		_, _, text := g.do("GET", "/api/v1/devices/"+number, "")
		return text
	}
	if text := device("1020"); !strings.Contains(text, `"throughDoNotDisturb":true`) || !strings.Contains(text, `"voicemail":"*981020"`) {
		t.Error(text)
	}
	if text := device("1000"); strings.Contains(text, "throughDoNotDisturb") || strings.Contains(text, "voicemail") { // a group
		t.Error(text)
	}
	operator := []access.Scope{access.ObserveParties, access.Control}
	with := func(lines ...csta.DeviceID) string {
		return g.secret(access.Grant{Scopes: append(operator, access.Override), Devices: lines})
	}
	const asked, plain, code = `{"callingDevice":"1005","calledDirectoryNumber":"1020","prompt":"ring-first","throughDoNotDisturb":true}`,
		`{"callingDevice":"1005","calledDirectoryNumber":"1020"}`, `{"callingDevice":"1005","calledDirectoryNumber":"*99-1020"}`
	raw := `{"MakeCall":{"callingDevice":"1005","calledDirectoryNumber":"*991020"}}`
	for _, c := range []struct {
		name, token, path, body string
		status                  int
		says                    string
	}{
		{"without the right", g.secret(access.Grant{Scopes: operator, AllDevices: true}), "/api/v1/calls", asked, 403, "override"},
		{"without the right, by the code", g.secret(access.Grant{Scopes: operator, AllDevices: true}), "/api/v1/calls", code, 403, "do not disturb"},
		{"without the right, by the raw door", g.secret(access.Grant{Scopes: operator, AllDevices: true}), "/api/v1/csta", raw, 403, "do not disturb"},
		{"a dry run without", g.secret(access.Grant{Scopes: operator, AllDevices: true}), "/api/v1/calls?dryRun=true", asked, 403, "override"},
		{"with the right on another line", with("tel:+15551005"), "/api/v1/calls", asked, 403, "tel:+15551020"},
		{"only the right", g.secret(access.Grant{Scopes: []access.Scope{access.Override}, AllDevices: true}), "/api/v1/calls", asked, 403, "control"},
		{"somebody outside", g.token, "/api/v1/calls", strings.Replace(asked, "1020", "+49891234", 1), 400, "no line of the PBX"},
		{"a group", g.token, "/api/v1/calls", strings.Replace(asked, "1020", "1000", 1), 501, "no extension"},
		{"a dry run", with("tel:+15551005", "tel:+15551020"), "/api/v1/calls?dryRun=true", asked, 200, "may call tel:+15551020 through its do not disturb"},
	} {
		if status, text := g.as(c.token, "POST", c.path, c.body); status != c.status || !strings.Contains(text, c.says) {
			t.Errorf("%s: %d %s", c.name, status, text)
		}
	}
	if got := g.legs("1005"); got != "" {
		t.Errorf("something was done: %s", got)
	}
	for name, body := range map[string]string{"asked": asked, "by the code": code} {
		if status, text := g.as(with("tel:+15551005", "tel:+15551020"), "POST", "/api/v1/calls", body); status != 201 {
			t.Fatalf("%s: %d %s", name, status, text)
		}
		if err := g.pbx.Phone(1005).Answer(); err != nil { // it rings first
			t.Fatal(err)
		}
		if got := g.legs("1005"); got != "1005 connected, 1020 alerting" {
			t.Errorf("%s: %s", name, got)
		}
		g.hangUp(1005)
	}
	g.post("/api/v1/calls", plain, 201)
	if err := g.pbx.Phone(1005).Answer(); err != nil {
		t.Fatal(err)
	}
	if got := g.legs("1005"); got != "1005 connected, 1020 fail" {
		t.Error(got)
	}
	if err := record.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), `"act":"do not disturb overridden"`); n != 2 || !strings.Contains(string(b), `through the do not disturb of tel:+15551020`) {
		t.Errorf("overridden %d times by the record:\n%s", n, b)
	}
	if n := strings.Count(string(b), `"act":"control refused"`); n < 4 {
		t.Errorf("%d refusals in the record:\n%s", n, b)
	}
}

// To voicemail: the number that a device tells goes through the ordinary services.
func TestToVoicemail(t *testing.T) {
	g := start(t)
	if err := g.pbx.Outside("tel:+498912345").Dial("tel:+15551002"); err != nil {
		t.Fatal(err)
	}
	var d struct {
		Voicemail string
		Calls     []struct{ CallID string }
	}
	g.get("/api/v1/devices/1002", &d)
	if d.Voicemail != "*981002" || len(d.Calls) != 1 {
		t.Fatalf("%+v", d)
	}
	g.send("POST", "/api/v1/calls/"+d.Calls[0].CallID+"/connections/1002/deflect", `{"to":"`+d.Voicemail+`"}`, 204)
	g.clock.Advance(10 * time.Second)
	var call struct {
		Legs []struct {
			DeviceID, State string
			Party           struct{ Name string }
		}
	}
	g.get("/api/v1/calls/"+d.Calls[0].CallID, &call)
	if len(call.Legs) != 2 || call.Legs[1].DeviceID != "*981002" || call.Legs[1].State != "connected" || !strings.HasPrefix(call.Legs[1].Party.Name, "Voicemail of ") {
		t.Errorf("%+v", call)
	}
	if _, _, text := g.do("GET", "/api/v1/devices/1002", ""); !strings.Contains(text, `"messageWaiting":true`) {
		t.Error(text)
	}
	// No line of ours is left in the call: whoever may control all of them may end it.
	g.send("POST", "/api/v1/calls/"+d.Calls[0].CallID+"/clear", "", 204)
}
