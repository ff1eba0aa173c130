package web_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/web"
	"farhook/web/access"
)

// guarded is a gateway where one signs in. Its own requests are those of an administrator.
func guarded(t *testing.T) *gateway {
	g := startWith(t, access.Config{PerMinute: 0})
	g.token = g.secret(access.Everything())
	return g
}

// secret makes a token.
func (g *gateway) secret(grant access.Grant) string {
	g.t.Helper()
	_, s, err := g.access.NewToken(g.t.Context(), access.Token{Note: "test", Grant: grant})
	if err != nil {
		g.t.Fatal(err)
	}
	return s
}

// as makes a request with another token; empty: with none.
func (g *gateway) as(token, method, path, body string) (int, string) {
	g.t.Helper()
	own := g.token
	g.token = token
	defer func() { g.token = own }()
	status, _, text := g.do(method, path, body)
	return status, text
}

type document struct {
	Paths map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Scope       string `json:"x-scope"`
		Security    []map[string][]string
	}
}

// open are the operations that need no sign-in. Whoever adds one says so here.
var openOperations = []string{"health", "get-session", "sign-in", "sign-out", "sign-in-ways"}

// Every operation of the document wants a token, its scope, and a line that is the sender's.
func TestTheWholeDocumentIsGuarded(t *testing.T) {
	var box driver
	g := startWith(t, access.Config{}, func(c *web.Config) { c.Sims = []web.SimPBX{{Name: "sim", Sim: &box}} })
	box.pbx, g.token = g.pbx, g.secret(access.Everything())
	// A call between others, so that paths name what there is.
	call := strings.TrimPrefix(g.talking(1001, 1002), "/api/v1/calls/")
	var doc document
	g.get("/openapi.json", &doc)
	own := []csta.DeviceID{"tel:+15551005"}
	without := map[string]string{} // for each scope a token that has all others
	for _, s := range access.Scopes {
		grant := access.Grant{AllDevices: true}
		for _, o := range access.Scopes {
			if o != s && (s != access.ObserveState || o == access.Administer) { // control and parties include the state
				grant.Scopes = append(grant.Scopes, o)
			}
		}
		without[string(s)] = g.secret(grant)
	}
	elsewhere := g.secret(access.Grant{Scopes: access.Scopes[:3], OwnLines: own})
	bodies := map[string]string{
		"make-call":                         `{"callingDevice":"1001","calledDirectoryNumber":"1005"}`,
		"set-note":                          `{"text":"away"}`,
		"set-desk-note":                     `{"text":"mind the lift"}`,
		"set-do-not-disturb":                `{"on":true}`,
		"set-forwarding":                    `{"on":true,"to":"1005"}`,
		"set-message-waiting":               `{"on":true}`,
		"set-microphone-mute":               `{"on":true}`,
		"consult-connection":                `{"consultedDevice":"1005"}`,
		"deflect-connection":                `{"to":"1005"}`,
		"move-connection":                   `{"to":"1005"}`,
		"digits-connection":                 `{"charactersToSend":"1"}`,
		"park-connection":                   `{"parkTo":"701"}`,
		"pickup-connection":                 `{"requestingDevice":"1005"}`,
		"csta":                              `{"HoldCall":{"callToBeHeld":{"callID":"` + strings.ReplaceAll(call, "%3A", ":") + `","deviceID":"1001"}}}`,
		"single-step-transfer-connection":   `{"to":"1005"}`,
		"single-step-conference-connection": `{"deviceToJoin":"1005"}`,
		"sim-call":                          `{"from":"tel:+498912345","to":"1005"}`,
		"sim-clock":                         `{"seconds":1}`,
		"sim-hand":                          `{"act":"hangUp"}`,
		"sim-link":                          `{"up":false}`,
		"sim-loss":                          `{"facts":1}`,
		"sim-trouble":                       `{"service":"MakeCall"}`,
	}
	n := 0
	for path, methods := range doc.Paths {
		for method, o := range methods {
			n++
			t.Run(o.OperationID, func(t *testing.T) {
				if slices.Contains(openOperations, o.OperationID) {
					if o.Scope != "" {
						t.Error("it says that it takes a scope")
					}
					return
				}
				if o.Scope == "" || len(o.Security) == 0 || !slices.Contains(o.Security[0]["token"], o.Scope) {
					t.Fatalf("it names no scope: %+v", o)
				}
				p := strings.NewReplacer("{call}", call, "{device}", "1001", "{id}", "x", "{name}", "x", "{message}", "x").Replace(path)
				body := bodies[o.OperationID]
				m := strings.ToUpper(method)
				if status, text := g.as("", m, p, body); status != 401 {
					t.Errorf("without a token: %d %s", status, text)
				}
				if status, text := g.as(without[o.Scope], m, p, body); status != 403 || !strings.Contains(text, o.Scope) {
					t.Errorf("without %s: %d %s", o.Scope, status, text)
				}
				if o.Scope == string(access.Administer) || !strings.Contains(path, "{device}") && !strings.Contains(path, "{call}") && bodies[o.OperationID] == "" {
					return
				}
				if status, text := g.as(elsewhere, m, p, body); status != 404 {
					t.Errorf("another user's line: %d %s", status, text)
				}
			})
		}
	}
	if n < 70 {
		t.Errorf("%d operations only", n)
	}
	if doc.Paths["/api/v1/sim/link"] == nil {
		t.Error("the simulated PBX's driver is not in the document")
	}
	if got := g.legs("1001"); got != "1001 connected, 1002 connected" {
		t.Errorf("something was done: %s", got)
	}
}

// A user sees which clients are signed in to his own line, and an administrator those of all.
func TestSessionsOfOnesOwnLine(t *testing.T) {
	g := guarded(t)
	own := g.secret(access.Grant{Scopes: []access.Scope{access.ObserveState}, AllDevices: true, OwnLines: []csta.DeviceID{"tel:+15551001"}})
	admin := g.secret(access.Grant{Scopes: []access.Scope{access.ObserveState, access.Administer}, AllDevices: true})
	for _, c := range []struct {
		token, query string
		status       int
	}{
		{own, "?line=1001", 200}, {own, "?line=1002", 403}, {own, "", 403}, {admin, "?line=1002", 200}, {admin, "", 200},
	} {
		if status, text := g.as(c.token, "GET", "/api/v1/sip-sessions"+c.query, ""); status != c.status {
			t.Errorf("%q: %d, want %d: %s", c.query, status, c.status, text)
		}
	}
}

// Lists hold what may be seen, and nothing else.
func TestListsAreNarrowed(t *testing.T) {
	g := guarded(t)
	g.talking(1001, 1002)
	g.talking(1003, 1004)
	mine := g.secret(access.Grant{Scopes: []access.Scope{access.ObserveParties}, OwnLines: []csta.DeviceID{"tel:+15551001"}})
	_, text := g.as(mine, "GET", "/api/v1/devices", "")
	var d devices
	if err := json.Unmarshal([]byte(text), &d); err != nil || len(d.Devices) != 1 || d.Devices[0].ID != "tel:+15551001" {
		t.Errorf("%v %s", err, text)
	}
	if _, text := g.as(mine, "GET", "/api/v1/calls", ""); !strings.Contains(text, "1002") || strings.Contains(text, "1003") || strings.Contains(text, "1004") {
		t.Error(text)
	}
	group := g.secret(access.Grant{Scopes: []access.Scope{access.ObserveState}, Devices: []csta.DeviceID{"tel:+15551000"}})
	if _, text := g.as(group, "GET", "/api/v1/devices", ""); strings.Count(text, `"deviceID"`) < 3 {
		t.Errorf("a group stands for its members: %s", text)
	}
}

// Seeing a line's state and seeing with whom it speaks are two rights, and a withheld caller is withheld from both.
func TestPrivacy(t *testing.T) {
	g := guarded(t)
	scopes := func(s ...access.Scope) access.Grant {
		return access.Grant{Scopes: s, Devices: []csta.DeviceID{"tel:+15551001", "tel:+15551002", "tel:+15551003"}}
	}
	for name, who := range map[string]struct {
		token         string
		state, partys bool
	}{
		"state":      {g.secret(scopes(access.ObserveState)), true, false},
		"parties":    {g.secret(scopes(access.ObserveParties)), true, true},
		"control":    {g.secret(scopes(access.Control)), true, false},
		"everything": {g.token, true, true},
		"elsewhere":  {g.secret(access.Grant{Scopes: access.Scopes[:3], OwnLines: []csta.DeviceID{"tel:+15551009"}}), false, false},
	} {
		func() {
			own := g.token
			defer func() { g.token = own }()
			g.token = who.token
			s := g.follow("GET", "/api/v1/events", "")
			s.next()
			g.token = own
			call := g.talking(1001, 1002)
			id, _ := url.PathUnescape(strings.TrimPrefix(call, "/api/v1/calls/"))
			if err := g.pbx.Outside("tel:+4989555774").Dial("tel:+15551003"); err != nil { // it hides itself
				t.Fatal(err)
			}
			views := map[string]string{}
			for view, path := range map[string]string{"device": "/api/v1/devices/1001", "called": "/api/v1/devices/1003", "list": "/api/v1/devices?q=1001", "calls": "/api/v1/calls"} {
				_, views[view] = g.as(who.token, "GET", path, "")
			}
			g.hangUp(1001)
			if err := g.pbx.Phone(1003).Answer(); err != nil {
				t.Fatal(err)
			}
			g.hangUp(1003)
			if err := g.pbx.Phone(1001).SetDoNotDisturb(true); err != nil {
				t.Fatal(err)
			}
			if who.state {
				views["stream"] = s.until(func(d string) bool { return strings.Contains(d, "DoNotDisturbEvent") })
				views["snapshot"] = g.follow("GET", "/api/v1/events", "", "Authorization", "Bearer "+who.token).next().raw
			}
			if who.partys && who.token == own {
				for tries := 0; !strings.Contains(views["history"], `"shown":"restricted"`) && tries < 4000; tries++ {
					_, views["history"] = g.as(own, "GET", "/api/v1/history", "")
					time.Sleep(5 * time.Millisecond)
				}
			}
			for view, text := range views {
				if strings.Contains(text, "4989555774") {
					t.Errorf(name+": %s shows the withheld caller: %s", view, text)
				}
				if view == "snapshot" || view == "called" || view == "history" {
					continue // no call of 1001 is in these
				}
				if who.state != strings.Contains(text, `connected`) {
					t.Errorf(name+": %s: state seen %v: %s", view, !who.state, text)
				}
				// Neither the other party nor the call that both are in is told to who may see states only.
				other := strings.Contains(text, `"calling"`) || strings.Contains(text, `"party"`)
				if other != who.partys {
					t.Errorf(name+": %s: parties seen: %v: %s", view, other, text)
				}
				if name == "state" && strings.Contains(text, id) {
					t.Errorf(name+": %s: the call has its true name, by which its parties can be put together: %s", view, text)
				}
			}
			if err := g.pbx.Phone(1001).SetDoNotDisturb(false); err != nil {
				t.Fatal(err)
			}
		}()
	}
}

// Rights that are withdrawn end streams, and at once what they allowed.
func TestWithdrawn(t *testing.T) {
	g := guarded(t)
	secret := g.secret(access.Grant{Scopes: []access.Scope{access.ObserveState}, AllDevices: true})
	own := g.token
	g.token = secret
	sse, ws := g.follow("GET", "/api/v1/events", ""), g.stream("")
	g.token = own
	sse.next()
	ws.next()
	var id string
	for _, tok := range g.access.Tokens() {
		if !slices.Contains(tok.Grant.Scopes, access.Administer) {
			id = tok.ID
		}
	}
	if status, text := g.as(g.token, "DELETE", "/api/v1/tokens/"+id, ""); status != 204 {
		t.Fatal(status, text)
	}
	if d := sse.next(); d.Type != "end" || !strings.Contains(d.Reason, "rights") {
		t.Errorf("%+v", d)
	}
	if d := ws.next(); d.Type != "end" {
		t.Errorf("%+v", d)
	}
	if status, _ := g.as(secret, "GET", "/api/v1/devices", ""); status != 401 {
		t.Errorf("%d", status)
	}
}

func TestTokensAndUsers(t *testing.T) {
	g := guarded(t)
	status, _, text := g.do("POST", "/api/v1/tokens", `{"note":"tickets","grant":{"scopes":["control"],"ownLines":["1001"],"deny":["\\+1900.*"],"allow":["\\+.*"]}}`)
	var made struct{ ID, Secret, Hash string }
	if err := json.Unmarshal([]byte(text), &made); err != nil || status != 201 || !strings.HasPrefix(made.Secret, "fhk_") || made.Hash != "" {
		t.Fatalf("%d %s", status, text)
	}
	if _, _, text := g.do("GET", "/api/v1/tokens", ""); strings.Contains(text, made.Secret) || strings.Contains(text, "hash") || !strings.Contains(text, "tel:+15551001") {
		t.Errorf("%s", text)
	}
	for _, c := range []struct {
		to     string
		status int
	}{{"+15550100", 200}, {"+1 900 555 0100", 200}, {"*62", 200}} {
		status, text := g.as(made.Secret, "POST", "/api/v1/calls?dryRun=true", `{"callingDevice":"1001","calledDirectoryNumber":"`+c.to+`"}`)
		allowed := strings.Contains(text, `"offered":true`)
		if status != c.status || allowed != (c.to == "+15550100") {
			t.Errorf("%s: %d %s", c.to, status, text)
		}
	}
	for _, bad := range []string{
		`{"note":"x","grant":{"scopes":["fly"]}}`, `{"note":"x","grant":{"scopes":["control"],"deny":["("]}}`, `{"note":"x","grant":{"scopes":["control"],"devices":["1099"]}}`,
		`{"note":"x","grant":{"scopes":["control"]},"expires":"2001-01-01T00:00:00Z"}`, `{"note":"x\u001b[2J","grant":{"scopes":["control"]}}`,
		`{"note":"x\u0085y","grant":{"scopes":["control"]}}`,
	} {
		if status, _, text := g.do("POST", "/api/v1/tokens", bad); status != 400 && status != 422 {
			t.Errorf("%s: %d %s", bad, status, text)
		}
	}
	if _, _, err := g.access.NewToken(t.Context(), access.Token{Note: "a\nb", Grant: access.Everything()}); !errors.Is(err, access.ErrNote) {
		t.Errorf("%v", err)
	}
	if status, _, text := g.do("POST", "/api/v1/webhooks", `{"url":"https://8.8.8.8/","note":"a\u0007b"}`); status != 400 || !strings.Contains(text, "control characters") {
		t.Errorf("%d %s", status, text)
	}
	if status, _, text := g.do("POST", "/api/v1/users", `{"name":"anna","password":"short","grant":{"scopes":[]}}`); status != 422 {
		t.Errorf("%d %s", status, text)
	}
}

// A browser signs in with name and password, shows its CSRF token with what changes something, and signs out.
func TestSignIn(t *testing.T) {
	g := guarded(t)
	g.post("/api/v1/users", `{"name":"anna","password":"correct horse battery","grant":{"scopes":["control","observe-parties"],"ownLines":["1001"]}}`, 200+1)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	ask := func(method, path, body string, headers ...string) (int, string) {
		t.Helper()
		g.client, g.token = browser, ""
		status, _, text := g.do(method, path, body, headers...)
		return status, text
	}
	if status, text := ask("GET", "/api/v1/session", ""); status != 401 {
		t.Errorf("%d %s", status, text)
	}
	if status, text := ask("POST", "/api/v1/session", `{"user":"anna","password":"wrong horse battery"}`); status != 401 || strings.Contains(text, "user is unknown") {
		t.Errorf("%d %s", status, text)
	}
	status, text := ask("POST", "/api/v1/session", `{"user":"anna","password":"correct horse battery"}`)
	var me struct{ ID, CSRF string }
	if err := json.Unmarshal([]byte(text), &me); err != nil || status != 200 || me.ID != "user:anna" || me.CSRF == "" {
		t.Fatalf("%d %s", status, text)
	}
	u, _ := url.Parse(g.url)
	for _, c := range jar.Cookies(u) {
		if c.Name != "farhook_session" || strings.Contains(text, c.Value) {
			t.Errorf("%+v", c)
		}
	}
	const call = `{"callingDevice":"1001","calledDirectoryNumber":"1002","prompt":"hands-free"}`
	if status, text := ask("POST", "/api/v1/calls", call); status != 403 || !strings.Contains(text, "X-CSRF-Token") {
		t.Errorf("without the CSRF token: %d %s", status, text)
	}
	if status, text := ask("POST", "/api/v1/calls", call, "X-CSRF-Token", me.CSRF); status != 201 {
		t.Errorf("%d %s", status, text)
	}
	if status, text := ask("POST", "/api/v1/calls", strings.Replace(call, "1001", "1003", 1), "X-CSRF-Token", me.CSRF); status != 404 {
		t.Errorf("another line: %d %s", status, text)
	}
	if status, text := ask("DELETE", "/api/v1/session", "", "X-CSRF-Token", me.CSRF); status != 204 {
		t.Errorf("%d %s", status, text)
	}
	if status, _ := ask("GET", "/api/v1/devices", ""); status != 401 {
		t.Errorf("after signing out: %d", status)
	}
	browser = http.DefaultClient // without cookies
	for range 10 {               // an office behind one address
		if status, text := ask("POST", "/api/v1/session", `{"user":"anna","password":"correct horse battery"}`); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
	}
	if status, _ := ask("POST", "/api/v1/session", `{"user":"nobody","password":"x"}`); status != 401 {
		t.Errorf("the third that fails: %d", status)
	}
	for range 11 {
		status, _ = ask("POST", "/api/v1/session", `{"user":"nobody","password":"x"}`)
	}
	if _, h, _ := g.do("POST", "/api/v1/session", `{"user":"nobody","password":"x"}`); status != 429 || h.Get("Retry-After") != "60" || h.Get("Content-Type") != "application/problem+json" {
		t.Errorf("the 12th try: %d %v", status, h)
	}
}

// Hands-free opens a microphone: only on one's own lines.
func TestHandsFree(t *testing.T) {
	g := guarded(t)
	const call = `{"callingDevice":"1001","calledDirectoryNumber":"1002","prompt":"hands-free"}`
	if status, _, text := g.do("POST", "/api/v1/calls", call); status != 403 || !strings.Contains(text, "microphone") {
		t.Errorf("%d %s", status, text)
	}
	own := g.secret(access.Grant{Scopes: []access.Scope{access.Control}, OwnLines: []csta.DeviceID{"tel:+15551001"}})
	if status, text := g.as(own, "POST", "/api/v1/calls", call); status != 201 {
		t.Errorf("%d %s", status, text)
	}
}

func TestRateLimit(t *testing.T) {
	g := guarded(t)
	secret := g.secret(access.Grant{Scopes: []access.Scope{access.ObserveState}, AllDevices: true, PerMinute: 60})
	own := g.token
	g.token = secret
	var refused int
	for range 15 {
		status, h, text := g.do("GET", "/api/v1/version", "")
		if h.Get("RateLimit") == "" || h.Get("RateLimit-Policy") == "" {
			t.Fatalf("%v", h)
		}
		if status == 429 {
			refused++
			if h.Get("Retry-After") == "" || !strings.Contains(text, "allowed") {
				t.Errorf("%v %s", h, text)
			}
		}
	}
	if refused == 0 || refused > 5 {
		t.Errorf("%d of 15 refused; 10 at once and one a second are allowed", refused)
	}
	g.token = own
	if status, _, _ := g.do("GET", "/api/v1/version", ""); status != 200 {
		t.Errorf("another token pays for it: %d", status)
	}
}
