package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"farhook/csta"
	"farhook/web/access"
)

// No request goes to an address that is not public, whatever a name or a redirect says.
func TestWebhooksStayOutside(t *testing.T) {
	g := start(t)
	for _, url := range []string{
		"http://example.com/", "https://127.0.0.1/", "https://[::1]/", "https://10.1.2.3/", "https://192.168.1.1/x", "https://169.254.169.254/latest", "https://[fd00::1]/",
		"https://[::ffff:127.0.0.1]/", "https://100.64.0.1/", "https://0.0.0.0/", "ftp://example.com/", "https://user:pw@example.com/", "nonsense",
	} {
		if status, _, text := g.do("POST", "/api/v1/webhooks", `{"url":"`+url+`"}`); status != 400 || !strings.Contains(text, "URL") {
			t.Errorf("%s: %d %s", url, status, text)
		}
	}
	// A name that leads inside is found out when it is connected to.
	h := g.hook(`{"url":"https://localhost:9/","kinds":["feature"],"devices":["1003"]}`)
	if err := g.pbx.Phone(1003).SetDoNotDisturb(true); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		list, err := g.db.Waiting(t.Context(), h.ID, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 1 {
			if q, _, err := g.db.Queued(t.Context(), list[0].ID); err != nil {
				t.Fatal(err)
			} else if q.Tries > 0 {
				if !strings.Contains(q.Said, "no public address") {
					t.Error(q.Said)
				}
				break
			}
		}
		if time.Since(began) > 20*time.Second {
			t.Fatal("it was not tried")
		}
	}
}

func TestWebhookRedirects(t *testing.T) {
	g := startWith(t, accessOpen, webhooks(time.Hour))
	elsewhere := newReceiver(t, func(delivery) int { return 200 })
	asked := make(chan struct{}, 100)
	r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		asked <- struct{}{}
		http.Redirect(w, q, elsewhere.URL, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(r.Close)
	g.hook(`{"url":"` + r.URL + `","kinds":["feature"]}`)
	if err := g.pbx.Phone(1003).SetDoNotDisturb(true); err != nil {
		t.Fatal(err)
	}
	<-asked
	<-asked // it is tried again, for it came to nothing
	if len(elsewhere.taken()) != 0 {
		t.Error("it followed a redirect to another host")
	}
}

// A webhook sees what its owner may see, is nobody else's, and ends with its owner's rights.
func TestWebhookRights(t *testing.T) {
	g := startWith(t, access.Config{}, webhooks(time.Hour))
	g.token = g.secret(access.Everything())
	mine := g.secret(access.Grant{Scopes: []access.Scope{access.ObserveState}, OwnLines: []csta.DeviceID{"tel:+15551001"}})
	r := newReceiver(t, func(delivery) int { return 200 })
	own := g.token
	g.token = mine
	h := g.hook(`{"url":"` + r.URL + `"}`)
	g.token = own
	other := g.secret(access.Grant{Scopes: []access.Scope{access.ObserveState}, AllDevices: true})
	if status, text := g.as(other, "DELETE", "/api/v1/webhooks/"+h.ID, ""); status != 404 {
		t.Errorf("%d %s", status, text)
	}
	witness := newReceiver(t, func(delivery) int { return 200 })
	g.hook(`{"url":"` + witness.URL + `"}`)
	sees := func(event string) { // every document up to an event has come to whom it may come
		t.Helper()
		for began := time.Now(); ; time.Sleep(2 * time.Millisecond) {
			seen := slices.ContainsFunc(witness.taken(), func(d delivery) bool {
				return d.doc.Event == event && strings.Contains(string(d.body), "1001")
			})
			left, err := g.db.Waiting(t.Context(), h.ID, 0, 10)
			if err != nil || time.Since(began) > 20*time.Second {
				t.Fatal(err, seen, left)
			}
			if seen && len(left) == 0 {
				return
			}
		}
	}
	g.talking(1003, 1004)
	g.talking(1001, 1002)
	sees("EstablishedEvent")
	before := r.taken()
	for _, d := range before {
		if text := string(d.body); strings.Contains(text, "1003") || strings.Contains(text, "1002") || !strings.Contains(text, "1001") || strings.Contains(text, `"body"`) {
			t.Errorf("%s", text)
		}
	}
	for _, tok := range g.access.Tokens() {
		if len(tok.Grant.OwnLines) == 1 {
			if err := g.access.DeleteToken(t.Context(), tok.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := g.pbx.Phone(1001).HangUp(); err != nil {
		t.Fatal(err)
	}
	sees("ConnectionClearedEvent")
	if n := len(r.taken()); len(before) < 3 || n != len(before) {
		t.Errorf("%d were delivered, and %d more afterwards", len(before), n-len(before))
	}
}

// What waits for a receiver whose owner may see less meanwhile stays here.
func TestWebhookOfNarrowedRights(t *testing.T) {
	g := startWith(t, access.Config{}, webhooks(time.Hour))
	g.token = g.secret(access.Everything())
	anna := access.User{Name: "anna", Grant: access.Grant{Scopes: []access.Scope{access.ObserveParties}, AllDevices: true}}
	if _, err := g.access.PutUser(t.Context(), anna, "a long password", true); err != nil {
		t.Fatal(err)
	}
	cookie, who, err := g.access.SignIn(t.Context(), "anna", "a long password")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	open := false
	r := newReceiver(t, func(d delivery) int {
		mu.Lock()
		defer mu.Unlock()
		if !open {
			return 503
		}
		return 200
	})
	admin := g.token
	g.token = ""
	status, _, text := g.do("POST", "/api/v1/webhooks", `{"url":"`+r.URL+`","kinds":["call","note"]}`, "Cookie", "farhook_session="+cookie, "X-CSRF-Token", who.CSRF)
	g.token = admin
	var h hook
	if err := json.Unmarshal([]byte(text), &h); err != nil || status != 201 {
		t.Fatalf("%d %s", status, text)
	}
	g.talking(1001, 1002)
	g.talking(1003, 1004)
	g.send("PUT", "/api/v1/devices/1001/note", `{"text":"at lunch"}`, 200)
	g.send("PUT", "/api/v1/devices/1003/note", `{"text":"at lunch"}`, 200)
	g.send("PUT", "/api/v1/desk/note", `{"text":"of 1003"}`, 200)
	for began := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		list, err := g.db.Waiting(t.Context(), h.ID, 0, 100)
		if err != nil || time.Since(began) > 20*time.Second {
			t.Fatal(err)
		}
		if len(list) >= 11 {
			break
		}
	}
	anna.Grant = access.Grant{Scopes: []access.Scope{access.ObserveParties}, Devices: []csta.DeviceID{"tel:+15551001"}}
	if _, err := g.access.PutUser(t.Context(), anna, "", false); err != nil {
		t.Fatal(err)
	}
	var list struct{ Documents []struct{ Said string } }
	for began := time.Now(); len(list.Documents) < 6; time.Sleep(5 * time.Millisecond) {
		g.get("/api/v1/webhooks/"+h.ID+"/dead", &list)
		if time.Since(began) > 20*time.Second {
			t.Fatalf("%+v", list)
		}
	}
	mu.Lock()
	open = true
	mu.Unlock()
	notes := 0
	for _, d := range r.await(t, 5) {
		text := string(d.body)
		if !strings.Contains(text, "1001") || strings.Contains(text, "1003") {
			t.Error(text)
		}
		if strings.Contains(text, "at lunch") {
			notes++
		}
	}
	if notes != 1 {
		t.Errorf("%d notes were delivered", notes)
	}
	if d := list.Documents[0]; !strings.Contains(d.Said, "may not see this any more") {
		t.Error(d.Said)
	}
}
