package web_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/web/access"
)

// pastCall is a call as history has it.
type pastCall struct {
	ID, CallID, Reference, By, PBX, Outcome, JoinedTo string
	Calling, Called                                   struct{ Number string }
}

// past waits until history finds as many calls.
func (g *gateway) past(query string, want int) []pastCall {
	g.t.Helper()
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		var list struct{ Calls []pastCall }
		g.get("/api/v1/history?"+query, &list)
		if len(list.Calls) == want {
			return list.Calls
		}
		if time.Since(began) > 20*time.Second {
			g.t.Fatalf("%s: %d calls, want %d: %+v", query, len(list.Calls), want, list.Calls)
		}
	}
}

// A reference is on its call wherever that is told: answers, the stream, webhooks and history; a consultation has its own; and what they are joined to keeps
// the one that it had.
func TestReferenceEverywhere(t *testing.T) {
	for _, join := range []string{"conference", "transfer"} {
		t.Run(join, func(t *testing.T) {
			g := startWith(t, accessOpen, webhooks(time.Hour))
			r := newReceiver(t, func(delivery) int { return 200 })
			g.hook(`{"url":"` + r.URL + `","kinds":["call"]}`)
			s := g.follow("GET", "/api/v1/events", "kind=call")
			s.next()
			first := g.post("/api/v1/calls", `{"callingDevice":"1001","calledDirectoryNumber":"1002","prompt":"hands-free","reference":"case 7"}`, 201).CallingDevice.CallID
			g.hand(1002, "answer")
			second := g.post("/api/v1/calls/"+url.PathEscape(first)+"/connections/1001/consult", `{"consultedDevice":"1003","reference":"asking Ada"}`, 200).Connection.CallID
			g.hand(1003, "answer")
			for id, want := range map[string]string{first: "case 7", second: "asking Ada"} {
				var c struct{ Reference string }
				if g.get("/api/v1/calls/"+url.PathEscape(id), &c); c.Reference != want {
					t.Errorf("before: %q has %q", id, c.Reference)
				}
			}
			result := g.post("/api/v1/calls/"+url.PathEscape(second)+"/connections/1001/"+join, `{}`, 200).Connection.CallID
			var after struct {
				Calls []struct{ CallID, Reference string }
			}
			if g.get("/api/v1/calls", &after); len(after.Calls) != 1 || after.Calls[0].CallID != result || after.Calls[0].Reference == "" {
				t.Fatalf("after: %+v", after)
			}
			kept := after.Calls[0].Reference
			g.hangUp(1002)
			if join == "conference" {
				g.hangUp(1003)
			}
			// Every document names the reference of each of its calls, from the first event to the last.
			want := map[string]string{first: "case 7", second: "asking Ada"}
			documents, joined, raw := 0, false, map[string]string{}
			for cleared := false; !cleared; {
				d := s.next()
				if d.Type != "event" {
					continue
				}
				raw[d.id] = d.raw
				documents++
				if d.Event == "ConferencedEvent" || d.Event == "TransferedEvent" {
					joined = true
				}
				if joined {
					want = map[string]string{first: "case 7", second: "asking Ada", result: kept}
				}
				for _, c := range d.Calls {
					if c.Reference != want[c.CallID] {
						t.Errorf("%s: call %s has %q, want %q", d.Event, c.CallID, c.Reference, want[c.CallID])
					}
				}
				cleared = d.Event == "CallClearedEvent"
			}
			if !joined {
				t.Error("nothing was joined")
			}
			for _, d := range r.await(t, documents) {
				if raw[d.doc.Position] != string(d.body) {
					t.Errorf("%s\nthe stream: %s", d.body, raw[d.doc.Position])
				}
			}
			all := g.past("", 2)
			refs := []string{all[0].Reference, all[1].Reference}
			slices.Sort(refs)
			if refs[0] != "asking Ada" || refs[1] != "case 7" {
				t.Errorf("%+v", all)
			}
			if found := g.past("reference="+url.QueryEscape(kept), 1); found[0].CallID != result {
				t.Errorf("%+v, want %s", found, result)
			}
		})
	}
}

// hand does something at a phone.
func (g *gateway) hand(ext int, act string) {
	g.t.Helper()
	h := g.pbx.Phone(ext)
	if err := map[string]func() error{"answer": h.Answer, "hangUp": h.HangUp}[act](); err != nil {
		g.t.Fatal(err)
	}
}

// Every parameter of the search narrows it to what it says, in the list and in the CSV alike.
func TestHistoryIsSearched(t *testing.T) {
	g := guarded(t)
	for range 2 { // 1002 misses two calls
		g.dial(1001, 1002)
		g.hangUp(1001)
	}
	g.talking(1001, 1003) // 1003 answers one, 1004 misses one
	g.hangUp(1001)
	g.dial(1003, 1004)
	g.hangUp(1003)
	id := g.post("/api/v1/calls", `{"callingDevice":"1005","calledDirectoryNumber":"1006","reference":"case 7"}`, 201).CallingDevice.CallID
	g.hand(1005, "answer")
	g.hand(1006, "answer")
	g.hangUp(1006)
	if all := g.past("", 5); all[0].CallID != id || all[0].Reference != "case 7" || !strings.HasPrefix(all[0].By, "token:") || all[0].PBX != "sim" {
		t.Errorf("%+v", all)
	}
	by := g.past("", 5)[0].By
	for query, want := range map[string]int{
		"missed=1002": 2, "missed=%2B15551002": 2, "missed=1001": 0, "missed=1003": 0, "missed=1004": 1, "missed=1004&device=1001": 0,
		"reference=case+7": 1, "reference=case": 0, "by=" + by: 1, "by=user:nobody": 0, "pbx=sim": 5, "pbx=other": 0,
		"outcome=answered": 2, "outcome=missed": 3, "device=1003": 2, "contact=1003": 2, "number=1003": 2, "number=%25": 0, "name=nobody": 0,
		"from=2026-11-02T00:00:00Z": 0, "from=2026-10-31T00:00:00Z": 5, "to=2026-10-31T00:00:00Z": 0, "to=2026-11-02T00:00:00Z": 5,
	} {
		g.past(query, want)
		if status, _, text := g.do("GET", "/api/v1/history.csv?"+query, ""); status != 200 || strings.Count(text, "\r\n") != 1+want {
			t.Errorf("CSV, %s: %d %s", query, status, text)
		}
	}
	var seen []string
	for after, pages := "", 0; pages < 5; pages++ {
		var page struct {
			Calls []pastCall
			Next  string
		}
		g.get("/api/v1/history?limit=2&after="+after, &page)
		for _, c := range page.Calls {
			seen = append(seen, c.ID)
		}
		if after = page.Next; after == "" {
			if pages != 2 || len(page.Calls) != 1 {
				t.Errorf("page %d has %d calls", pages, len(page.Calls))
			}
			break
		}
	}
	if len(seen) != 5 || !slices.IsSortedFunc(seen, func(a, b string) int { return strings.Compare(b, a) }) || len(slices.Compact(seen)) != 5 {
		t.Errorf("in pages: %v", seen)
	}
	var one pastCall
	if g.get("/api/v1/history/"+seen[0], &one); one.ID != seen[0] {
		t.Errorf("%+v", one)
	}
	for path, want := range map[string]int{"/missed": 404, "?missed=1099": 404, "?outcome=lost": 422, "?after=x": 422, "?limit=0": 422, "?contact=a%20b": 400} {
		if status, _, text := g.do("GET", "/api/v1/history"+path, ""); status != want {
			t.Errorf("%s: %d, want %d %s", path, status, want, text)
		}
	}
}

// Keys that are pressed by REST come to the other side as they are; what is no key doesn't come to the PBX.
func TestDigitsReachTheOtherSide(t *testing.T) {
	g := start(t)
	call := g.talking(1001, 1002)
	g.post(call+"/connections/1001/digits", `{"charactersToSend":"0123456789*#A"}`, 204)
	g.post(call+"/connections/1001/digits", `{"charactersToSend":"42"}`, 204)
	for _, bad := range []string{"1,2", "1 2", "e", "", "1\\r\\n2", strings.Repeat("1", 65)} {
		g.post(call+"/connections/1001/digits", `{"charactersToSend":"`+bad+`"}`, 422)
	}
	if got := g.pbx.Phone(1002).Pressed(); got != "0123456789*#A42" {
		t.Errorf("the other side hears %q", got)
	}
	if got := g.pbx.Phone(1001).Pressed(); got != "" {
		t.Errorf("who presses hears %q", got)
	}
}

// History tells of the calls of one's own lines, and of no others: in the list, in the CSV, by name.
func TestHistoryIsNarrowed(t *testing.T) {
	g := guarded(t)
	g.talking(1001, 1002)
	g.hangUp(1001)
	g.talking(1003, 1004)
	g.hangUp(1003)
	mine := g.secret(access.Grant{Scopes: []access.Scope{access.ObserveParties}, OwnLines: []csta.DeviceID{"tel:+15551001"}})
	for _, c := range g.past("", 2) {
		own, status := strings.HasSuffix(c.Calling.Number, "1001"), 404
		if own {
			status = 200
		}
		if got, text := g.as(mine, "GET", "/api/v1/history/"+c.ID, ""); got != status {
			t.Errorf("%s: %d, want %d %s", c.Calling.Number, got, status, text)
		}
	}
	for _, path := range []string{"", ".csv"} {
		if status, text := g.as(mine, "GET", "/api/v1/history"+path, ""); status != 200 || !strings.Contains(text, "15551002") || strings.Contains(text, "15551003") {
			t.Errorf("%s: %d %s", path, status, text)
		}
		if status, text := g.as(mine, "GET", "/api/v1/history"+path+"?device=1003", ""); status != 404 {
			t.Errorf("%s of another line: %d %s", path, status, text)
		}
	}
}
