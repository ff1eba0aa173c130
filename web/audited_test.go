package web_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/pbxadapter/switchboard/audit"
	"farhook/web"
	"farhook/web/access"
)

// Who signs in or fails to, and who changes what others may, stands in the audit record, without what was secret in it.
func TestAdministrationIsAudited(t *testing.T) {
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
	g.post("/api/v1/users", `{"name":"anna","password":"correct horse battery","grant":{"scopes":["control"],"ownLines":["1001"]}}`, 201)
	g.post("/api/v1/tokens", `{"note":"x","grant":{"scopes":["fly"]}}`, 422)
	g.post("/api/v1/history/erase", `{"number":"+498912345"}`, 200)
	g.send("PUT", "/api/v1/devices/1001/note", `{"text":"at the psychiatrist's"}`, 200)
	g.send("DELETE", "/api/v1/users/anna", "", 204)
	own := g.token
	g.token = ""
	for password, status := range map[string]int{"wrong horse battery": 401} {
		if got, _, text := g.do("POST", "/api/v1/session", `{"user":"anna","password":"`+password+`"}`); got != status {
			t.Errorf("%d %s", got, text)
		}
	}
	g.token = own
	g.post("/api/v1/users", `{"name":"bert","password":"correct horse battery","grant":{"scopes":["control"],"ownLines":["1001"]}}`, 201)
	g.token = ""
	if got, _, text := g.do("POST", "/api/v1/session", `{"user":"bert","password":"correct horse battery"}`); got != 200 {
		t.Errorf("%d %s", got, text)
	}
	g.token = g.secret(access.Grant{Scopes: []access.Scope{access.Control}, AllDevices: true})
	g.send("DELETE", "/api/v1/users/bert", "", 403) // who may not administer is no administrator's act
	if err := record.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"horse", "psychiatrist", "498912345", "fhk_"} {
		if strings.Contains(string(b), secret) {
			t.Errorf("%s is in the record", secret)
		}
	}
	var got []string
	for line := range strings.Lines(string(b)) {
		var e audit.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		who, _, _ := strings.Cut(e.User, ":")
		if e.Act == audit.SignedIn || e.Act == audit.SignInFailed {
			who = e.User
		}
		if e.Act != audit.Opened {
			got = append(got, strings.TrimSpace(strings.Join([]string{who, string(e.Act), e.Detail, e.Line, e.Result}, " ")))
		}
		if e.Act != audit.Opened && (e.Peer == "" || e.Via != "http" || e.Trace == "") {
			t.Errorf("%+v", e)
		}
	}
	want := []string{
		"token administered make-user /api/v1/users  ok",
		"token administered make-token /api/v1/tokens  422 Unprocessable Entity",
		"token administered erase-history /api/v1/history/erase  ok",
		"token note changed written tel:+15551001 ok",
		"token administered delete-user /api/v1/users/anna  ok",
		"user:anna sign-in failed   refused",
		"token administered make-user /api/v1/users  ok",
		"user:bert signed in   ok",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the record is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
