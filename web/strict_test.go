package web_test

import (
	"encoding/json"
	"strings"
	"testing"

	"farhook/web/access"
)

// Of two members of one name one would be checked and the other one used: neither is. Names that differ in case alone are one.
func TestMembersAreThereOnce(t *testing.T) {
	g := guarded(t)
	call := g.talking(1001, 1002)
	for _, c := range []struct{ path, body, says string }{
		{"/api/v1/calls", `{"callingDevice":"1003","callingDevice":"1004","calledDirectoryNumber":"1005"}`, "callingDevice"},
		{call + "/connections/1001/digits", `{"charactersToSend":"1","CHARACTERSTOSEND":"1\r\nAction: x"}`, "CHARACTERSTOSEND"},
		{call + "/connections/1001/digits", `{"charactersToSend":"1","characterſToSend":"x"}`, "characterſToSend"},
		{"/api/v1/tokens", `{"note":"x","grant":{"scopes":["control"],"perMinute":1,"perminute":-1}}`, "perminute"},
		{"/api/v1/csta", `{"GetForwarding":{"device":"1001","Device":"1002"}}`, "Device"},
		{"/api/v1/csta", `{"GetForwarding":{"device":"1001"},"GetForwarding":{"device":"1002"}}`, "GetForwarding"},
	} {
		var p struct {
			Detail string
			Errors []struct{ Message string }
		}
		status, text := g.as(g.token, "POST", c.path, c.body)
		if err := json.Unmarshal([]byte(text), &p); err != nil || status != 400 || !strings.Contains(text, c.says) || !strings.Contains(text, "is there twice") {
			t.Errorf("%s: %d %v %s", c.body, status, err, text)
		}
	}
	// The same name in two objects of one body is no second one.
	g.post("/api/v1/tokens", `{"note":"x","grant":{"scopes":["control"],"allow":["1","2"]},"expires":"2100-01-01T00:00:00Z"}`, 201)
	if status, text := g.as(g.token, "POST", "/api/v1/tokens", `{"note":"x","grant":{"scopes":["control"],"deny":[")|(.*"]}}`); status != 400 || !strings.Contains(text, "grant.deny") {
		t.Errorf("a pattern that is none by itself: %d %s", status, text)
	}
}

// A query that would be taken for another than was meant is refused, above all where a phone would ring.
func TestQueriesAreTakenAtTheirWord(t *testing.T) {
	g := start(t)
	const call = `{"callingDevice":"1001","calledDirectoryNumber":"1002"}`
	for query, want := range map[string]int{
		"dryRun=": 422, "dryRun=false&dryRun=true": 422, "dryRun=%zz": 400, "dryRun=true;x=1": 400, "dryRun": 200, "dryRun=true": 200,
	} {
		if status, _, text := g.do("POST", "/api/v1/calls?"+query, call); status != want || status != 200 && !strings.Contains(text, "query") {
			t.Errorf("%s: %d %s", query, status, text)
		}
	}
	for path, want := range map[string]int{
		"/api/v1/calls?device=1001&device=1002": 422, "/api/v1/calls?device=%zz": 400, "/api/v1/history?a;b": 400, "/api/v1/events?after=1&after=2": 422, "/api/v1/calls?after=&limit=1": 200,
	} {
		if status, _, text := g.do("GET", path, ""); status != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	g.follow("GET", "/api/v1/events", "device=1001&device=1002").next()
	if status, _, text := g.do("GET", "/api/v1/calls", ""); status != 200 || !strings.Contains(text, `"calls":[]`) {
		t.Errorf("a phone rings: %s", text)
	}
}

// What was wrong with a body is told without what it holds: a password least of all.
func TestProblemsHoldNoSecrets(t *testing.T) {
	g := startWith(t, access.Config{})
	admin := g.secret(access.Everything())
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/api/v1/users", `{"name":"anna","password":"s3cr3t","grant":{"scopes":[]}}`},
		{"POST", "/api/v1/users", `{"name":"anna","password":"s3cr3t-and-long","grant":{"scopes":[]},"more":1}`},
		{"POST", "/api/v1/users", `{"name":"anna","password":"s3cr3t-and-long","grant":{"scopes":[]}`},
		{"PUT", "/api/v1/users/anna", `{"password":["s3cr3t"],"grant":{"scopes":[]}}`},
		{"POST", "/api/v1/session", `{"user":"anna","password":"s3cr3t` + strings.Repeat("x", 1000) + `"}`},
		{"POST", "/api/v1/session", `{"user":"s3cr3t` + strings.Repeat("x", 1000) + `","password":"p"}`},
	} {
		if status, text := g.as(admin, c.method, c.path, c.body); status != 422 && status != 400 || strings.Contains(text, "s3cr3t") || !strings.Contains(text, `"location"`) {
			t.Errorf("%s %s: %d %s", c.method, c.path, status, text)
		}
	}
	if status, text := g.as(admin, "GET", "/api/v1/calls?limit=0", ""); status != 422 || !strings.Contains(text, `"value":0`) {
		t.Errorf("%d %s", status, text)
	}
	if status, text := g.as(admin, "PUT", "/api/v1/devices/1001/forwarding", `{"on":true,"rings":2.0}`); status != 422 || strings.Contains(text, "Go struct") || !strings.Contains(text, "rings can't be a JSON number") {
		t.Errorf("%d %s", status, text)
	}
}

// A handshake that is none is answered as everything else is.
func TestHandshakesThatAreNone(t *testing.T) {
	g := start(t)
	upgrade := []string{"Connection", "Upgrade", "Upgrade", "websocket"}
	for says, headers := range map[string][]string{
		"Sec-WebSocket-Key": {"Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "x"},
		"version":           {"Sec-WebSocket-Version", "8", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
	} {
		status, h, text := g.do("GET", "/api/v1/events", "", append(headers, upgrade...)...)
		if status != 400 || h.Get("Content-Type") != "application/problem+json" || h.Get("Sec-WebSocket-Version") != "13" || !strings.Contains(text, says) || !strings.Contains(text, `"trace"`) {
			t.Errorf("%s: %d %v %s", says, status, h, text)
		}
	}
}
