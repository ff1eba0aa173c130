package web_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/web/access"
)

type note struct {
	Device  string `json:"deviceID"`
	Text    string
	Until   time.Time
	Changed time.Time
	By      string
	Ended   bool
}

// noted is a document's notes.
func noted(t *testing.T, d told) []note {
	t.Helper()
	var doc struct {
		Kind  string
		Notes []note
	}
	if err := json.Unmarshal([]byte(d.raw), &doc); err != nil {
		t.Fatal(err)
	}
	if d.Type == "event" && doc.Kind != "note" {
		t.Fatalf("no note: %s", d.raw)
	}
	return doc.Notes
}

// Two operators share notes: each hears what the other writes, in the one stream, and who comes later has them in the snapshot.
func TestNotes(t *testing.T) {
	g := start(t)
	s := g.follow("GET", "/api/v1/events", "")
	first := s.next()
	if got := noted(t, first); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	const hostile = `<b onclick="x()">in a meeting</b> until three & \u202e\nsecond line`
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	g.send("PUT", "/api/v1/devices/1001/note", `{"text":" `+strings.ReplaceAll(hostile, `"`, `\"`)+` ","until":"`+until.Format(time.RFC3339)+`"}`, 200)
	g.talking(1001, 1002)
	g.send("PUT", "/api/v1/desk/note", `{"text":"The lift is broken"}`, 200)
	want := `<b onclick="x()">in a meeting</b> until three & ` + "\u202e\nsecond line"
	got := noted(t, s.next())
	if len(got) != 1 || got[0].Device != "tel:+15551001" || got[0].Text != want || !got[0].Until.Equal(until) || got[0].By != "operator" || got[0].Ended {
		t.Errorf("%+v", got)
	}
	var desk told
	for desk = s.next(); desk.Event != ""; desk = s.next() {
	}
	if got := noted(t, desk); len(got) != 1 || got[0].Device != "" || got[0].Text != "The lift is broken" || !got[0].Until.IsZero() {
		t.Errorf("%+v", got)
	}
	g.send("PUT", "/api/v1/devices/1001/note", `{"text":"back"}`, 200)
	if got := noted(t, s.next()); len(got) != 1 || got[0].Text != "back" || !got[0].Until.IsZero() {
		t.Errorf("%+v", got)
	}
	later := g.follow("GET", "/api/v1/events", "")
	if got := noted(t, later.next()); len(got) != 2 || got[0].Text != "The lift is broken" || got[1].Text != "back" {
		t.Errorf("%+v", got)
	}
	g.send("DELETE", "/api/v1/devices/1001/note", "", 204)
	if got := noted(t, s.next()); len(got) != 1 || got[0].Device != "tel:+15551001" || !got[0].Ended || got[0].Text != "" {
		t.Errorf("%+v", got)
	}
	g.send("DELETE", "/api/v1/devices/1001/note", "", 404)
	g.send("GET", "/api/v1/devices/1001/note", "", 404)
	var all struct{ Notes []note }
	g.get("/api/v1/notes", &all)
	if len(all.Notes) != 1 || all.Notes[0].Text != "The lift is broken" {
		t.Errorf("%+v", all)
	}
	// By its position a follower has it all again, the notes in their places.
	again := g.follow("GET", "/api/v1/events", "after="+first.Position)
	if got := noted(t, again.next()); got[0].Text != want {
		t.Errorf("%+v", got)
	}
	// And only what was asked for.
	other := g.follow("GET", "/api/v1/events", "device=1002&kind=note")
	if got := noted(t, other.next()); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	g.send("PUT", "/api/v1/devices/1001/note", `{"text":"not for them"}`, 200)
	g.send("PUT", "/api/v1/desk/note", `{"text":"nor this"}`, 200)
	g.hangUp(1001)
	g.send("PUT", "/api/v1/devices/1002/note", `{"text":"for them"}`, 200)
	if got := noted(t, other.next()); got[0].Text != "for them" {
		t.Errorf("%+v", got)
	}
}

func TestBadNotes(t *testing.T) {
	g := start(t)
	for _, bad := range []struct {
		body   string
		status int
		says   string
	}{
		{`{"text":""}`, 422, "text"},
		{`{"text":"  \n "}`, 400, "nothing"},
		{`{"text":"` + strings.Repeat("é", 501) + `"}`, 422, "500"},
		{`{"text":"a\u0000b"}`, 400, "control characters"},
		{`{"text":"a\u001b[31mb"}`, 400, "control characters"},
		{`{"text":"a","until":"2001-01-01T00:00:00Z"}`, 400, "within a year"},
		{`{"text":"a","until":"2999-01-01T00:00:00Z"}`, 400, "within a year"},
		{`{"text":"a","until":"tomorrow"}`, 422, "until"},
		{`{"text":"a","by":"somebody else"}`, 422, "unexpected"},
		{`{"text":5}`, 422, "text"},
		{`{}`, 422, "text"},
	} {
		for _, path := range []string{"/api/v1/devices/1001/note", "/api/v1/desk/note"} {
			if status, _, text := g.do("PUT", path, bad.body); status != bad.status || !strings.Contains(text, bad.says) {
				t.Errorf("%s: %d %s", bad.body, status, text)
			}
		}
	}
	g.send("PUT", "/api/v1/devices/1001/note", `{"text":"`+strings.Repeat("é", 500)+`"}`, 200)
	g.send("PUT", "/api/v1/devices/1099/note", `{"text":"nobody"}`, 404)
}

// Who may read a line's note, and who may write it; the desk's is for those who see everything.
func TestNotesByRight(t *testing.T) {
	g := guarded(t)
	line := []csta.DeviceID{"tel:+15551001"}
	g.send("PUT", "/api/v1/devices/1001/note", `{"text":"at the dentist's"}`, 200)
	g.send("PUT", "/api/v1/devices/1002/note", `{"text":"on leave"}`, 200)
	g.send("PUT", "/api/v1/desk/note", `{"text":"the VIP calls at nine"}`, 200)
	for name, c := range map[string]struct {
		grant                        access.Grant
		read, write, desk, writeDesk int
	}{
		"state":            {access.Grant{Scopes: []access.Scope{access.ObserveState}, Devices: line}, 200, 403, 403, 403},
		"parties":          {access.Grant{Scopes: []access.Scope{access.ObserveParties}, Devices: line}, 200, 403, 404, 403},
		"control":          {access.Grant{Scopes: []access.Scope{access.Control}, Devices: line}, 200, 200, 403, 404},
		"all states":       {access.Grant{Scopes: []access.Scope{access.ObserveState, access.Control}, AllDevices: true}, 200, 200, 403, 404},
		"watches all":      {access.Grant{Scopes: []access.Scope{access.ObserveParties}, AllDevices: true}, 200, 403, 200, 403},
		"operator":         {access.Grant{Scopes: []access.Scope{access.ObserveParties, access.Control}, AllDevices: true}, 200, 200, 200, 200},
		"elsewhere":        {access.Grant{Scopes: []access.Scope{access.ObserveParties, access.Control}, OwnLines: []csta.DeviceID{"tel:+15551009"}}, 404, 404, 404, 404},
		"only administers": {access.Grant{Scopes: []access.Scope{access.Administer}, AllDevices: true}, 403, 403, 403, 403},
	} {
		secret := g.secret(c.grant)
		for _, x := range []struct {
			method, path, body string
			want               int
		}{
			{"GET", "/api/v1/devices/1001/note", "", c.read},
			{"PUT", "/api/v1/devices/1001/note", `{"text":"at the dentist's"}`, c.write},
			{"GET", "/api/v1/desk/note", "", c.desk},
			{"PUT", "/api/v1/desk/note", `{"text":"the VIP calls at nine"}`, c.writeDesk},
		} {
			if status, text := g.as(secret, x.method, x.path, x.body); status != x.want {
				t.Errorf("%s: %s %s: %d %s, want %d", name, x.method, x.path, status, text, x.want)
			}
		}
		if c.read == 403 {
			continue
		}
		_, list := g.as(secret, "GET", "/api/v1/notes", "")
		snapshot := g.follow("GET", "/api/v1/events", "", "Authorization", "Bearer "+secret).next().raw
		for view, text := range map[string]string{"list": list, "snapshot": snapshot} {
			if strings.Contains(text, "dentist") != (c.read == 200) || strings.Contains(text, "VIP") != (c.desk == 200) || strings.Contains(text, "on leave") != c.grant.AllDevices {
				t.Errorf("%s: %s: %s", name, view, text)
			}
		}
	}
	// The desk's note isn't told to who may not read it.
	own := g.token
	g.token = g.secret(access.Grant{Scopes: []access.Scope{access.ObserveState}, Devices: line})
	s := g.follow("GET", "/api/v1/events", "")
	g.token = own
	s.next()
	g.send("PUT", "/api/v1/desk/note", `{"text":"secret"}`, 200)
	g.send("PUT", "/api/v1/devices/1002/note", `{"text":"another's"}`, 200)
	g.send("PUT", "/api/v1/devices/1001/note", `{"text":"mine"}`, 200)
	if got := noted(t, s.next()); got[0].Text != "mine" {
		t.Errorf("%+v", got)
	}
}

// Notes of a number, and those of a user, are erased with the rest.
func TestNotesErased(t *testing.T) {
	g := start(t)
	g.send("PUT", "/api/v1/devices/1001/note", `{"text":"a"}`, 200)
	g.send("PUT", "/api/v1/devices/1002/note", `{"text":"b"}`, 200)
	for body, want := range map[string]string{`{"number":"1001"}`: `"notes":1`, `{"by":"local"}`: `"notes":1`} {
		if status, _, text := g.do("POST", "/api/v1/history/erase", body); status != 200 {
			t.Errorf("%d %s, want %s", status, text, want)
		}
	}
	var all struct{ Notes []note }
	if g.get("/api/v1/notes", &all); len(all.Notes) != 0 {
		t.Errorf("%+v", all)
	}
}
