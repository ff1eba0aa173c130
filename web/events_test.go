package web_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// sse is one follower by server-sent events.
type sse struct {
	t    *testing.T
	body io.ReadCloser
	in   *bufio.Scanner
}

// told is one document, as it came.
type told struct {
	message
	id, kind, raw string
}

// follow opens a stream of server-sent events; query is what stands behind the question mark.
func (g *gateway) follow(method, path, query string, headers ...string) *sse {
	g.t.Helper()
	if query != "" {
		path += "?" + query
	}
	r, err := http.NewRequestWithContext(g.t.Context(), method, g.url+path, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	if g.token != "" {
		r.Header.Set("Authorization", "Bearer "+g.token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		g.t.Fatalf("%d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	in := bufio.NewScanner(res.Body)
	in.Buffer(nil, 10<<20)
	return &sse{g.t, res.Body, in}
}

func (s *sse) next() told {
	s.t.Helper()
	limit := time.AfterFunc(20*time.Second, func() { s.body.Close() })
	defer limit.Stop()
	var d told
	for s.in.Scan() {
		name, value, _ := strings.Cut(s.in.Text(), ": ")
		switch name {
		case "id":
			d.id = value
		case "event":
			d.kind = value
		case "data":
			d.raw = value
		case "":
			if err := json.Unmarshal([]byte(d.raw), &d.message); err != nil {
				s.t.Fatalf("%v in %s", err, d.raw)
			}
			if d.id != d.Position || d.kind != d.Type {
				s.t.Errorf("id %s and type %s of %s", d.id, d.kind, d.raw)
			}
			return d
		}
	}
	s.t.Fatal("the stream has ended: ", s.in.Err())
	return d
}

// until reads to a document, and gives all of them, one behind the other.
func (s *sse) until(last func(string) bool) string {
	s.t.Helper()
	var all strings.Builder
	for {
		d := s.next()
		all.WriteString(d.raw + "\n")
		if last(d.raw) {
			return all.String()
		}
	}
}

// SSE and WebSocket tell the same documents in the same order.
func TestOneStory(t *testing.T) {
	g := start(t)
	a, b := g.follow("GET", "/api/v1/events", ""), g.stream("")
	first := a.next()
	b.next()
	for range 3 {
		g.talking(1001, 1002)
		g.hangUp(1001)
	}
	var last told
	for n := 0; n < 3; {
		last = a.next()
		_, raw, err := b.conn.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if last.raw != string(raw) {
			t.Fatalf("SSE: %s\nWebSocket: %s", last.raw, raw)
		}
		if last.Event == "CallClearedEvent" {
			n++
		}
	}
	// Who comes back by Last-Event-ID gets the same again, and nothing else.
	again := g.follow("GET", "/api/v1/events", "", "Last-Event-ID", first.id)
	for d := again.next(); ; d = again.next() {
		if d.Type != "event" {
			t.Fatalf("%+v", d)
		}
		if d.id == last.id {
			if d.raw != last.raw {
				t.Errorf("%s\n%s", d.raw, last.raw)
			}
			break
		}
	}
}

// A filter lets through what it names; the position moves on all the same.
func TestFilters(t *testing.T) {
	g := startWith(t, accessOpen, heartbeats(30*time.Millisecond))
	device := g.follow("GET", "/api/v1/events", "device=1002")
	if snap := device.next(); len(snap.Devices) != 1 || snap.Devices[0].ID != "tel:+15551002" {
		t.Errorf("%s", snap.raw)
	}
	features := g.follow("GET", "/api/v1/events", "kind=feature")
	features.next()
	nothing := g.follow("GET", "/api/v1/events", "kind=FailedEvent&device=1009")
	nothing.next()
	call := g.talking(1003, 1004)
	id := strings.TrimPrefix(call, "/api/v1/calls/")
	one := g.follow("GET", "/api/v1/events", "call="+id)
	if snap := one.next(); len(snap.Calls) != 1 || len(snap.Devices) != 0 {
		t.Errorf("%s", snap.raw)
	}
	g.talking(1001, 1002)
	if err := g.pbx.Phone(1005).SetDoNotDisturb(true); err != nil {
		t.Fatal(err)
	}
	g.hangUp(1003)
	event := func(s *sse) told {
		for {
			if d := s.next(); d.Type == "event" {
				return d
			}
		}
	}
	if d := event(device); d.Event != "DeliveredEvent" || !strings.Contains(d.raw, "1002") {
		t.Errorf("%s", d.raw)
	}
	if d := event(features); d.Event != "DoNotDisturbEvent" || d.Kind != "feature" {
		t.Errorf("%s", d.raw)
	}
	if d := event(one); !strings.Contains(d.raw, "1003") && !strings.Contains(d.raw, "1004") {
		t.Errorf("%s", d.raw)
	}
	var v struct{ Epoch string }
	g.get("/api/v1/version", &v)
	beat := nothing.next()
	for beat.Type == "heartbeat" && g.after(beat.id) == 0 {
		beat = nothing.next()
	}
	if beat.Type != "heartbeat" || !strings.HasPrefix(beat.id, v.Epoch+".") {
		t.Errorf("%s", beat.raw)
	}
	for query, says := range map[string]string{"device=1099": "1099", "kind=Dance": "Dance", "colour=red": "colour"} {
		status, _, body := g.do("GET", "/api/v1/events?"+query, "")
		if status != 422 && status != 404 || !strings.Contains(body, says) {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
}

// after is the number of a position.
func (g *gateway) after(position string) int {
	_, n, _ := strings.Cut(position, ".")
	last := 0
	for _, r := range n {
		last = last*10 + int(r-'0')
	}
	return last
}

// A position that the journal doesn't keep any more is a gap, then a snapshot: never a silent hole.
func TestTooOld(t *testing.T) {
	g := start(t)
	first := g.follow("GET", "/api/v1/events", "").next()
	for i := range 6_000 {
		if err := g.pbx.Phone(1003).SetDoNotDisturb(i%2 == 0); err != nil {
			t.Fatal(err)
		}
	}
	s := g.follow("GET", "/api/v1/events", "after="+first.id)
	gap, snap := s.next(), s.next()
	if gap.Type != "gap" || !strings.Contains(gap.Reason, "too old") || snap.Type != "snapshot" || g.after(gap.id) != g.after(snap.id) {
		t.Errorf("%s\n%.200s", gap.raw, snap.raw)
	}
	// Whoever was cut off between the two comes back to the snapshot.
	if d := g.follow("GET", "/api/v1/events", "after="+gap.id).next(); d.Type != "snapshot" || d.id != snap.id {
		t.Errorf("%.200s", d.raw)
	}
	if err := g.pbx.Phone(1003).SetDoNotDisturb(true); err != nil {
		t.Fatal(err)
	}
	if d := s.next(); d.Type != "event" || g.after(d.id) != g.after(snap.id)+1 {
		t.Errorf("%s", d.raw)
	}
}

// A snapshot comes in parts to who asks for them: together they are the whole one, and who is cut off between them gets all of it when he comes back.
func TestParts(t *testing.T) {
	g := start(t)
	var all message
	whole := g.follow("GET", "/api/v1/events", "").next()
	if err := json.Unmarshal([]byte(whole.raw), &all); err != nil || strings.Contains(whole.raw, `"parts"`) {
		t.Fatalf("%v: %.200s", err, whole.raw)
	}
	if err := g.pbx.Phone(1001).Dial("tel:+15551002"); err != nil {
		t.Fatal(err)
	}
	s := g.follow("GET", "/api/v1/events", "part=10")
	var devices []string
	var cut string
	for n := 1; n <= 4; n++ {
		d := s.next()
		var m struct {
			message
			Part, Parts int
		}
		if err := json.Unmarshal([]byte(d.raw), &m); err != nil {
			t.Fatal(err)
		}
		if m.Type != "snapshot" || m.Part != n || m.Parts != 4 || (len(m.Calls) == 1) != (n == 4) || len(m.Devices) > 10 {
			t.Errorf("%d: %.300s", n, d.raw)
		}
		for _, d := range m.Devices {
			devices = append(devices, d.ID)
		}
		switch n {
		case 2:
			cut = d.id
		case 4:
			if g.after(cut) != g.after(d.id) || cut == d.id {
				t.Errorf("parts at %s and %s", cut, d.id)
			}
		}
	}
	want := make([]string, 0, len(all.Devices))
	for _, d := range all.Devices {
		want = append(want, d.ID)
	}
	if !slices.Equal(devices, want) {
		t.Errorf("%v, want %v", devices, want)
	}
	if d := g.follow("GET", "/api/v1/events", "after="+cut).next(); d.Type != "snapshot" || strings.Contains(d.raw, `"parts"`) || !strings.Contains(d.raw, `"callID"`) {
		t.Errorf("after a part: %.200s", d.raw)
	}
	for _, bad := range []string{"9", "10001", "x", "-10", "1e2"} {
		if status, _, body := g.do("GET", "/api/v1/events?part="+bad, ""); status != 422 || !strings.Contains(body, "query.part") {
			t.Errorf("part=%s: %d %s", bad, status, body)
		}
	}
}
