package web_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"farhook/csta"
	"farhook/web"
	"farhook/web/access"
	"farhook/web/live"
)

func TestAsyncAPI(t *testing.T) {
	got, err := web.AsyncAPI()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("asyncapi.yaml", got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("asyncapi.yaml")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("asyncapi.yaml is not what the types say (%v): go test ./web -update", err)
	}
	g := start(t)
	if status, _, served := g.do("GET", "/asyncapi.yaml", ""); status != 200 || served != string(want) {
		t.Errorf("%d, %d octets are served", status, len(served))
	}
}

// Everything that is really told is what the description says.
func TestDescribedIsTold(t *testing.T) {
	schema, registry := web.DocumentSchema()
	g := startWith(t, access.Config{}, heartbeats(50*time.Millisecond))
	g.token = g.secret(access.Everything())
	leaver := g.secret(access.Grant{Scopes: []access.Scope{access.ObserveState}, AllDevices: true})
	s := g.follow("GET", "/api/v1/events", "after=old.1")
	left := g.follow("GET", "/api/v1/events", "kind=note", "Authorization", "Bearer "+leaver)
	seen := map[string]int{}
	check := func(d told) {
		t.Helper()
		var v any
		if err := json.Unmarshal([]byte(d.raw), &v); err != nil {
			t.Fatal(err)
		}
		var res huma.ValidateResult
		huma.Validate(registry, schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, &res)
		for _, e := range res.Errors {
			t.Errorf("%s %s: %v\n%s", d.Type, d.Event, e, d.raw)
		}
		if registry.Map()[strings.ToUpper(d.Type[:1])+d.Type[1:]+"Document"] == nil {
			t.Errorf("%s is no message of the description", d.Type)
		}
		seen[d.Type+d.Event]++
	}
	check(s.next())
	check(s.next())
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	line := func(n string) csta.DeviceID { return csta.DeviceID("tel:+1555" + n) }
	g.talking(1001, 1002)
	do(g.pbx.Phone(1001).Hold())
	do(g.pbx.Phone(1001).Retrieve())
	do(g.pbx.Phone(1001).Consult(line("1003")))
	do(g.pbx.Phone(1003).Answer())
	do(g.pbx.Phone(1001).Transfer())
	g.hangUp(1003)
	g.post(g.consulted()+"/connections/1001/conference", "", 200)
	g.hangUp(1001)
	do(g.pbx.Phone(1004).Dial(line("1020"))) // do not disturb
	do(g.pbx.Phone(1004).HangUp())
	do(g.pbx.Phone(1004).Dial(line("1021"))) // forwarded
	do(g.pbx.Phone(1004).HangUp())
	do(g.pbx.Phone(1005).Dial("tel:+498912345"))
	do(g.pbx.Phone(1005).HangUp())
	do(g.pbx.Phone(1005).Dial(line("1000"))) // the group
	do(g.pbx.Phone(1005).HangUp())
	do(g.pbx.Phone(1006).Dial(line("1007")))
	do(g.pbx.Phone(1007).Deflect(line("1008")))
	do(g.pbx.Phone(1006).HangUp())
	do(g.pbx.Phone(1006).SetForwarding(csta.ForwardBusy, true, line("1007"), 0))
	do(g.pbx.Phone(1006).SetMessageWaiting(true))
	g.send("PUT", "/api/v1/devices/1006/microphone-mute", `{"on":true}`, 204)
	g.send("PUT", "/api/v1/devices/1006/note", `{"text":"at lunch","until":"`+time.Now().Add(time.Hour).Format(time.RFC3339)+`"}`, 200)
	g.send("DELETE", "/api/v1/devices/1006/note", "", 204)
	do(g.pbx.Phone(1006).Register(false))
	do(g.pbx.Phone(1006).Register(true))
	do(g.pbx.Phone(1009).SetDoNotDisturb(true))
	for {
		d := s.next()
		check(d)
		if d.Event == "DoNotDisturbEvent" {
			break
		}
	}
	for seen["heartbeat"] == 0 { // as long as nothing happens that it asked for
		check(left.next())
	}
	for _, tok := range g.access.Tokens() {
		if !slices.Contains(tok.Grant.Scopes, access.Administer) {
			if err := g.access.DeleteToken(t.Context(), tok.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	for ended := false; !ended; {
		d := left.next()
		check(d)
		ended = d.Type == "end"
	}
	for _, d := range []string{"snapshot", "gap", "heartbeat", "end"} {
		if d != "event" && seen[d] == 0 {
			t.Errorf("no %s was told", d)
		}
	}
	for _, e := range live.Events() {
		if seen["event"+e.Element()] == 0 {
			t.Logf("%s was not told", e.Element())
		}
	}
	if len(seen) < 18 {
		t.Errorf("%d kinds of document only: %v", len(seen), seen)
	}
	// And a document that isn't as described is found out.
	var res huma.ValidateResult
	huma.Validate(registry, schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, map[string]any{"type": "dance", "position": 1}, &res)
	if len(res.Errors) < 2 {
		t.Errorf("%v", res.Errors)
	}
}
