package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard"
	"farhook/web"
	"farhook/web/access"
)

// A browser's streams end with its session: when it signs out, and when the password changes. Other browsers of the same user go on.
func TestStreamsEndWithTheSession(t *testing.T) {
	g := guarded(t)
	anna := access.User{Name: "anna", Grant: access.Grant{Scopes: []access.Scope{access.ObserveState}, AllDevices: true}}
	if _, err := g.access.PutUser(t.Context(), anna, "correct horse battery", true); err != nil {
		t.Fatal(err)
	}
	type browser struct {
		cookie string
		*sse
	}
	sit := func() browser {
		t.Helper()
		cookie, _, err := g.access.SignIn(t.Context(), "anna", "correct horse battery")
		if err != nil {
			t.Fatal(err)
		}
		own := g.token
		g.token = ""
		defer func() { g.token = own }()
		b := browser{cookie, g.follow("GET", "/api/v1/events", "kind=feature", "Cookie", "farhook_session="+cookie)}
		b.next()
		return b
	}
	one, two := sit(), sit()
	if err := g.access.SignOut(t.Context(), one.cookie); err != nil {
		t.Fatal(err)
	}
	if d := one.next(); d.Type != "end" || !strings.Contains(d.Reason, "rights") {
		t.Errorf("signed out: %s", d.raw)
	}
	if err := g.pbx.Phone(1003).SetDoNotDisturb(true); err != nil {
		t.Fatal(err)
	}
	if d := two.next(); d.Event != "DoNotDisturbEvent" {
		t.Errorf("the other browser: %s", d.raw)
	}
	if _, err := g.access.PutUser(t.Context(), anna, "another horse battery", false); err != nil {
		t.Fatal(err)
	}
	if d := two.next(); d.Type != "end" {
		t.Errorf("the password has changed: %s", d.raw)
	}
}

// movingPBX is a PBX with two phones; swap gives each the other's extension.
type movingPBX struct{ swap chan struct{} }

func (movingPBX) Services() csta.Services { return csta.Services{} }

func (p movingPBX) Run(ctx context.Context, r pbxadapter.Reporter) error {
	a, b := "1001", "1002"
	tell := func() {
		r.Devices([]pbxadapter.Device{{ID: "tel:+15551001", Aliases: []string{a}}, {ID: "tel:+15551002", Aliases: []string{b}}})
	}
	tell()
	r.Resync(callmodel.State{})
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.swap:
			a, b = b, a
			tell()
		}
	}
}

// A stream that follows an extension ends when that becomes another phone's: it never tells of a phone that it wasn't asked for.
func TestFiltersFollowTheNumbers(t *testing.T) {
	pbx := movingPBX{make(chan struct{})}
	acc := access.Open()
	b := switchboard.New(acc, switchboard.Options{}, switchboard.PBX{Name: "moving", Adapter: pbx})
	s, err := web.New(b, web.Config{Access: acc, Heartbeat: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	url, _ := serve(t, b, s)
	for !b.Synced("tel:+15551001") {
		time.Sleep(time.Millisecond)
	}
	g := &gateway{t: t, url: url}
	byExtension, byNumber := g.follow("GET", "/api/v1/events", "device=1001"), g.follow("GET", "/api/v1/events", "device=%2B15551001")
	for _, f := range []*sse{byExtension, byNumber} {
		if d := f.next(); d.Type != "snapshot" || !strings.Contains(d.raw, "tel:+15551001") {
			t.Fatal(d.raw)
		}
	}
	pbx.swap <- struct{}{}
	for {
		d := byExtension.next()
		if d.Type == "heartbeat" || d.Kind == "device" {
			continue
		}
		if d.Type != "end" || !strings.Contains(d.Reason, "another device") {
			t.Error(d.raw)
		}
		break
	}
	for range 3 {
		if d := byNumber.next(); d.Type != "heartbeat" && d.Kind != "device" {
			t.Error(d.raw)
		}
	}
	var d struct{ DeviceID string }
	if _, _, text := g.do("GET", "/api/v1/devices/1001", ""); json.Unmarshal([]byte(text), &d) != nil || d.DeviceID != "tel:+15551002" {
		t.Error(text)
	}
}

// Who may see states and not parties neither gets a call's true name from the place where a list goes on, nor finds out by a reference which lines speak with each other.
func TestListsTellNoPartiesToWhoSeesStates(t *testing.T) {
	g := guarded(t)
	for _, ext := range []int{1001, 1003, 1005} {
		g.post("/api/v1/calls", fmt.Sprintf(`{"callingDevice":"%d","calledDirectoryNumber":"%d","reference":"case 7"}`, ext, ext+1), 201)
	}
	var all struct{ Calls []struct{ CallID string } }
	if g.get("/api/v1/calls?reference=case+7", &all); len(all.Calls) != 3 {
		t.Fatalf("%+v", all)
	}
	states := g.secret(access.Grant{Scopes: []access.Scope{access.ObserveState}, AllDevices: true})
	if status, text := g.as(states, "GET", "/api/v1/calls?reference=case+7", ""); status != 200 || !strings.Contains(text, `"calls":[]`) {
		t.Errorf("by reference: %d %s", status, text)
	}
	after, n := "", 0
	for pages := 0; pages == 0 || after != ""; pages++ {
		status, text := g.as(states, "GET", "/api/v1/calls?limit=1&after="+after, "")
		var page struct {
			Calls []struct{ CallID string }
			Next  string
		}
		if err := json.Unmarshal([]byte(text), &page); err != nil || status != 200 || pages > 3 {
			t.Fatalf("page %d: %d %s", pages, status, text)
		}
		for _, c := range all.Calls {
			if strings.Contains(text, `"`+c.CallID+`"`) {
				t.Errorf("the true name of a call: %s", text)
			}
		}
		n, after = n+len(page.Calls), page.Next
	}
	if n != 3 {
		t.Errorf("%d calls in pages", n)
	}
	// By the name that he knows a part by he finds it again, and follows it: no other line's.
	var known struct {
		Calls []struct {
			CallID string
			Legs   []struct{ DeviceID string }
		}
	}
	if _, text := g.as(states, "GET", "/api/v1/calls", ""); json.Unmarshal([]byte(text), &known) != nil || len(known.Calls) < 3 {
		t.Fatal(text)
	}
	for _, c := range known.Calls {
		if status, text := g.as(states, "GET", "/api/v1/calls/"+c.CallID, ""); status != 200 || !strings.Contains(text, `"`+c.CallID+`"`) || !strings.Contains(text, `"`+c.Legs[0].DeviceID+`"`) {
			t.Errorf("%s: %d %s", c.CallID, status, text)
		}
	}
	own := g.token
	g.token = states
	follower := g.follow("GET", "/api/v1/events", "call="+known.Calls[0].CallID)
	g.token = own
	if d := follower.next(); d.Type != "snapshot" || !strings.Contains(d.raw, `"`+known.Calls[0].CallID+`"`) || strings.Contains(d.raw, `"`+known.Calls[2].CallID+`"`) {
		t.Errorf("followed by its part: %s", d.raw)
	}
	if status, _ := g.as(states, "GET", "/api/v1/calls/part-00", ""); status != 404 {
		t.Errorf("a part of nothing: %d", status)
	}
	if status, text := g.as(states, "GET", "/api/v1/calls?after=part-00", ""); status != 404 || !strings.Contains(text, "begin anew") {
		t.Errorf("after a call that has ended: %d %s", status, text)
	}
}

// The raw door opens no microphone either that isn't the sender's own.
func TestHandsFreeByTheRawDoor(t *testing.T) {
	g := guarded(t)
	own := g.secret(access.Grant{Scopes: []access.Scope{access.Control}, AllDevices: true, OwnLines: []csta.DeviceID{"tel:+15551001"}})
	for _, c := range []struct {
		token, calling, prompt string
		status                 int
	}{
		{g.token, "1001", `,"autoOriginate":"doNotPrompt"`, 403},
		{g.token, "1007", "", 200},
		{g.token, "1003", `,"autoOriginate":"prompt"`, 200},
		{own, "1001", `,"autoOriginate":"doNotPrompt"`, 200},
		{own, "1005", `,"autoOriginate":"doNotPrompt"`, 403},
	} {
		body := `{"MakeCall":{"callingDevice":"` + c.calling + `","calledDirectoryNumber":"1002"` + c.prompt + `}}`
		if status, text := g.as(c.token, "POST", "/api/v1/csta", body); status != c.status || status == 403 && !strings.Contains(text, "microphone") {
			t.Errorf("%s: %d, want %d %s", body, status, c.status, text)
		}
	}
}

// A stream tells nothing of what goes on at other lines, not even that it does: neither an event nor the end of a call, whichever of the rights one has on one's own.
func TestStreamsTellNothingOfOtherLines(t *testing.T) {
	g := guarded(t)
	for _, scope := range []access.Scope{access.ObserveState, access.ObserveParties, access.Control} {
		mine := g.secret(access.Grant{Scopes: []access.Scope{scope}, OwnLines: []csta.DeviceID{"tel:+15551009"}})
		s := g.follow("GET", "/api/v1/events", "", "Authorization", "Bearer "+mine)
		if first := s.next(); strings.Contains(first.raw, "1001") || !strings.Contains(first.raw, "1009") {
			t.Errorf("%s: %s", scope, first.raw)
		}
		g.post(g.consulted()+"/connections/1001/conference", "", 200)
		g.hangUp(1001)
		g.hangUp(1002)
		if err := g.pbx.Phone(1003).SetDoNotDisturb(true); err != nil {
			t.Fatal(err)
		}
		g.send("PUT", "/api/v1/devices/1003/note", `{"text":"away"}`, 200)
		if err := g.pbx.Phone(1003).SetDoNotDisturb(false); err != nil {
			t.Fatal(err)
		}
		if err := g.pbx.Phone(1009).SetMessageWaiting(true); err != nil {
			t.Fatal(err)
		}
		if d := s.next(); d.Event != "MessageWaitingEvent" {
			t.Errorf("%s: %s", scope, d.raw)
		}
		if err := g.pbx.Phone(1009).SetMessageWaiting(false); err != nil {
			t.Fatal(err)
		}
	}
}
