package web_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gorilla/websocket"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/web"
	"farhook/web/access"
	"farhook/web/history"
)

var update = flag.Bool("update", false, "write openapi.yaml")

// gateway is the web side of a board with a simulated PBX whose phones wait for their users.
type gateway struct {
	t      *testing.T
	url    string
	pbx    *sim.PBX
	clock  *sim.ManualClock
	access *access.Access
	server *web.Server
	db     *history.DB
	token  string       // sent with requests; empty: none
	client *http.Client // nil: the default one
}

// codes are those of the simulated PBX.
var codes = switchboard.Codes{Voicemail: "*98{extension}", ThroughDoNotDisturb: "*99{extension}"}

// keep is what the journal keeps: little, so that a test can go beyond it.
const keep = 3 << 20

// start is a gateway where nobody signs in.
func start(t *testing.T) *gateway { return startWith(t, access.Config{Open: true}) }

func startWith(t *testing.T, conf access.Config, more ...func(*web.Config)) *gateway {
	t.Helper()
	clock := sim.NewClock(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC))
	pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 24, Quiet: true, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, conf, pbx, clock, switchboard.Options{Keep: keep}, web.Config{Version: "test", Console: fstest.MapFS{
		"index.html": {Data: []byte("<!doctype html>")}, "assets/a-1.js": {Data: []byte("1")},
	}}, more...)
}

// startOn is startWith with a PBX, a board and a configuration of one's own.
func startOn(t *testing.T, conf access.Config, pbx *sim.PBX, clock *sim.ManualClock, o switchboard.Options, c web.Config, more ...func(*web.Config)) *gateway {
	t.Helper()
	return startBoard(t, conf, pbx, clock, o, c, func(*switchboard.Board) {}, more...)
}

// startBoard is startOn where somebody wants the board before it runs.
func startBoard(
	t *testing.T, conf access.Config, pbx *sim.PBX, clock *sim.ManualClock, o switchboard.Options, c web.Config, made func(*switchboard.Board), more ...func(*web.Config),
) *gateway {
	t.Helper()
	db, err := history.Open("", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	acc, err := access.New(conf, db)
	if err != nil {
		t.Fatal(err)
	}
	b := switchboard.New(acc, o, switchboard.PBX{Name: "sim", Adapter: pbx, Codes: codes})
	made(b)
	c.Access, c.DB = acc, db
	for _, f := range more {
		f(&c)
	}
	s, err := web.New(b, c)
	if err != nil {
		t.Fatal(err)
	}
	told := allTold(t, b)
	url, _ := serve(t, b, s)
	told("tel:+15551001")
	if err := acc.Refresh(t.Context()); err != nil { // groups are known now
		t.Fatal(err)
	}
	return &gateway{t: t, url: url, pbx: pbx, clock: clock, access: acc, server: s, db: db}
}

// allTold is to be called before a board runs; what it gives waits until its only PBX, which has this device, is connected and everything about its devices has been
// told: who follows then hears of no beginning any more.
func allTold(t *testing.T, b *switchboard.Board) func(csta.DeviceID) {
	t.Helper()
	news := make(chan struct{}, 1)
	c := b.Follow(access.Gateway, switchboard.Now, switchboard.Filter{All: true, Beside: true}, func() { news <- struct{}{} })
	return func(one csta.DeviceID) {
		t.Helper()
		defer c.Close()
		late := time.After(20 * time.Second)
		for told := map[csta.DeviceID]bool{}; !told[one] || len(told) < len(b.Devices(access.Gateway)); {
			e, more, err := c.Next()
			if err != nil {
				t.Fatal(err)
			}
			if x, ok := e.Beside.(switchboard.DevicesChanged); ok {
				for _, d := range x.Changed {
					told[d] = true
				}
			}
			if !more {
				select {
				case <-news:
				case <-late:
					t.Fatal("the PBX isn't connected")
				}
			}
		}
		if d, ok := b.Device(access.Gateway, one); !ok || !d.LinkUp {
			t.Fatalf("%+v", d)
		}
	}
}

// do makes a request; headers are name, value pairs. It gives status, headers and body.
func (g *gateway) do(method, path, body string, headers ...string) (int, http.Header, string) {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.t.Context(), method, g.url+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if g.token != "" {
		r.Header.Set("Authorization", "Bearer "+g.token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	client := http.DefaultClient
	if g.client != nil {
		client = g.client
	}
	res, err := client.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

func (g *gateway) get(path string, into any) {
	g.t.Helper()
	status, _, body := g.do("GET", path, "")
	if status != 200 {
		g.t.Fatalf("%s: %d %s", path, status, body)
	}
	if err := json.Unmarshal([]byte(body), into); err != nil {
		g.t.Fatalf("%s: %v in %s", path, err, body)
	}
}

type devices struct {
	Devices []struct {
		ID   string `json:"deviceID"`
		Kind string
		Name string
	}
	Next string
}

func TestDevices(t *testing.T) {
	g := start(t)
	var all devices
	g.get("/api/v1/devices", &all)
	if len(all.Devices) != 34 || all.Next != "" {
		t.Errorf("%d devices, next %q", len(all.Devices), all.Next)
	}
	var paged []string
	for after := ""; ; {
		var page devices
		g.get("/api/v1/devices?kind=phone&limit=7&after="+url.QueryEscape(after), &page)
		for _, d := range page.Devices {
			paged = append(paged, d.ID)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if len(paged) != 24 || paged[0] != "tel:+15551001" || paged[23] != "tel:+15551024" {
		t.Errorf("in pages: %v", paged)
	}
	var found devices
	g.get("/api/v1/devices?q=brandt", &found)
	if len(found.Devices) != 1 || found.Devices[0].ID != "tel:+15551001" {
		t.Errorf("%+v", found)
	}
	for _, spelling := range []string{"1020", "tel:+15551020", "tel:1020;phone-context=dialstring"} {
		var d struct {
			ID       string `json:"deviceID"`
			Offers   []string
			Features struct{ DoNotDisturb bool }
		}
		g.get("/api/v1/devices/"+url.PathEscape(spelling), &d)
		if d.ID != "tel:+15551020" || !d.Features.DoNotDisturb || len(d.Offers) < 25 {
			t.Errorf("%s: %+v", spelling, d)
		}
	}
	var out struct{ OutOfService *string }
	if g.get("/api/v1/devices/1023", &out); out.OutOfService == nil {
		t.Error("1023 is in service")
	}
	var lacks struct{ Lacks map[string]string }
	if g.get("/api/v1/devices/1024", &lacks); lacks.Lacks["AnswerCall"] == "" {
		t.Error("1024 lacks nothing")
	}
}

func TestCall(t *testing.T) {
	g := start(t)
	status, h, body := g.do("POST", "/api/v1/calls", `{"callingDevice":"1001","calledDirectoryNumber":"1002","prompt":"hands-free"}`)
	var made struct {
		CallingDevice struct{ CallID, DeviceID string }
	}
	if err := json.Unmarshal([]byte(body), &made); err != nil || status != 201 || made.CallingDevice.DeviceID != "tel:+15551001" {
		t.Fatalf("%d %s", status, body)
	}
	call := h.Get("Location")
	if call != "/api/v1/calls/"+made.CallingDevice.CallID {
		t.Errorf("Location is %s", call)
	}
	states := func() string {
		var c struct {
			Legs []struct{ DeviceID, State string }
		}
		g.get(call, &c)
		return fmt.Sprint(c.Legs)
	}
	act := func(device, what string, want int) {
		t.Helper()
		if status, _, body := g.do("POST", call+"/connections/"+url.PathEscape(device)+"/"+what, ""); status != want {
			t.Errorf("%s %s: %d %s", device, what, status, body)
		}
	}
	act("tel:+15551002;ext=1002", "answer", 204)
	act("1002", "answer", 409)
	act("1002", "retrieve", 409)
	act("1002", "hold", 204)
	if s := states(); s != "[{tel:+15551001 connected} {tel:+15551002 hold}]" {
		t.Error(s)
	}
	act("1002", "retrieve", 204)
	act("1003", "clear", 404)
	act("1001", "clear", 204)
	if status, _, _ := g.do("GET", call, ""); status != 404 {
		t.Errorf("after its end: %d", status)
	}
	var none struct{ Calls []any }
	if g.get("/api/v1/calls", &none); len(none.Calls) != 0 {
		t.Errorf("%v", none)
	}
}

// Every refusal is a problem document that says what was wrong.
func TestProblems(t *testing.T) {
	g := start(t)
	json70K := `{"callingDevice":"` + strings.Repeat("1", 70_000) + `"}`
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		says                     string
	}{
		{"unknown phone", "POST", "/api/v1/calls", `{"callingDevice":"1099","calledDirectoryNumber":"1002"}`, nil, 404, "urn:csta:error:operation:invalidCallingDeviceID"},
		{"no number", "POST", "/api/v1/calls", `{"callingDevice":"1001","calledDirectoryNumber":"a b"}`, nil, 400, "calledDirectoryNumber"},
		{"line end", "POST", "/api/v1/calls", `{"callingDevice":"1001","calledDirectoryNumber":"1\r\n2"}`, nil, 400, "invalidCalledDeviceID"},
		{"out of service", "POST", "/api/v1/calls", `{"callingDevice":"1023","calledDirectoryNumber":"1002"}`, nil, 503, "deviceOutOfService"},
		{"missing", "POST", "/api/v1/calls", `{"callingDevice":"1001"}`, nil, 422, "calledDirectoryNumber"},
		{"unknown member", "POST", "/api/v1/calls", `{"callingDevice":"1001","calledDirectoryNumber":"1002","x":1}`, nil, 422, "body.x"},
		{"wrong value", "POST", "/api/v1/calls", `{"callingDevice":"1001","calledDirectoryNumber":"1002","prompt":"x"}`, nil, 422, "prompt"},
		{"not JSON", "POST", "/api/v1/calls", `{`, nil, 400, ""},
		{"large", "POST", "/api/v1/calls", json70K, nil, 413, ""},
		{"type", "POST", "/api/v1/calls", `a=b`, []string{"Content-Type", "text/plain"}, 415, "application/json"},
		{"unknown call", "POST", "/api/v1/calls/x/connections/1001/answer", "", nil, 404, "invalidCallID"},
		{"unknown device", "GET", "/api/v1/devices/1099", "", nil, 404, "invalidDeviceID"},
		{"unknown path", "GET", "/api/v1/nothing", "", nil, 404, "there is nothing"},
		{"Host", "GET", "/api/v1/calls", "", []string{"Host", "evil.example"}, 403, "Host"},
		{"Origin", "POST", "/api/v1/calls", `{}`, []string{"Origin", "http://evil.example"}, 403, "Origin"},
		{"unknown parameter", "GET", "/api/v1/devices?colour=red", "", nil, 422, "query.colour"},
		{"deep JSON", "POST", "/api/v1/calls", `{"callingDevice":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, nil, 400, ""},
		{"10 MB", "POST", "/api/v1/calls", `{"callingDevice":"` + strings.Repeat("1", 10<<20) + `"}`, nil, 413, "allowed"},
		{"wrong type", "POST", "/api/v1/calls", `{"callingDevice":1001,"calledDirectoryNumber":"1002"}`, nil, 422, "body.callingDevice"},
		{"token", "GET", "/api/v1/calls", "", []string{"Authorization", "Bearer fhk_nothing"}, 401, "token"},
		{"limit", "GET", "/api/v1/devices?limit=0", "", nil, 422, "limit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, h, body := g.do(c.method, c.path, c.body, c.headers...)
			if status != c.status || !strings.HasPrefix(h.Get("Content-Type"), "application/problem+json") || !strings.Contains(body, c.says) {
				t.Errorf("%d %s %s", status, h.Get("Content-Type"), body)
			}
		})
	}
	if status, _, _ := g.do("DELETE", "/api/v1/calls", ""); status != 405 {
		t.Errorf("DELETE: %d", status)
	}
}

func TestConsoleIsServed(t *testing.T) {
	g := start(t)
	status, h, body := g.do("GET", "/", "")
	if status != 200 || body != "<!doctype html>" || h.Get("Cache-Control") != "no-cache" || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'self'") {
		t.Errorf("%d %v %s", status, h, body)
	}
	if status, h, _ := g.do("GET", "/assets/a-1.js", ""); status != 200 || !strings.Contains(h.Get("Cache-Control"), "immutable") {
		t.Errorf("%d %v", status, h)
	}
	for _, path := range []string{"/assets/", "/none", "/../etc/passwd"} {
		if status, _, body := g.do("GET", path, ""); status != 404 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

// stream is one follower.
type stream struct {
	t    *testing.T
	conn *websocket.Conn
}

type message struct {
	Type, Position, Event, By string
	Reason, After, Kind       string
	Devices                   []struct {
		ID       string `json:"deviceID"`
		Features struct{ DoNotDisturb bool }
	}
	Calls []struct {
		CallID, Reference, Cause string
		Ended                    bool
		Legs                     []struct{ DeviceID, State string }
	}
}

func (g *gateway) authorization() http.Header {
	if g.token == "" {
		return nil
	}
	return http.Header{"Authorization": {"Bearer " + g.token}}
}

func (g *gateway) stream(after string) *stream {
	g.t.Helper()
	c, _, err := websocket.DefaultDialer.DialContext(g.t.Context(), strings.Replace(g.url, "http", "ws", 1)+"/api/v1/stream?after="+after, g.authorization())
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	return &stream{g.t, c}
}

func (s *stream) next() message {
	s.t.Helper()
	_ = s.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	var m message
	if err := s.conn.ReadJSON(&m); err != nil {
		s.t.Fatal(err)
	}
	return m
}

func TestStream(t *testing.T) {
	g := start(t)
	s := g.stream("")
	snap := s.next()
	if snap.Type != "snapshot" || len(snap.Devices) != 34 || len(snap.Calls) != 0 {
		t.Fatalf("%+v", snap)
	}
	if err := g.pbx.Phone(1001).Dial("tel:+15551002"); err != nil {
		t.Fatal(err)
	}
	var last message
	for _, want := range []string{"ServiceInitiatedEvent", "OriginatedEvent", "DeliveredEvent"} {
		if last = s.next(); last.Type != "event" || last.Event != want || len(last.Calls) != 1 {
			t.Fatalf("%+v, want %s", last, want)
		}
	}
	if fmt.Sprint(last.Calls[0].Legs) != "[{tel:+15551001 connected} {tel:+15551002 alerting}]" {
		t.Errorf("%+v", last)
	}
	if err := g.pbx.Phone(1003).SetDoNotDisturb(true); err != nil {
		t.Fatal(err)
	}
	if m := s.next(); m.Event != "DoNotDisturbEvent" || len(m.Devices) != 1 || !m.Devices[0].Features.DoNotDisturb {
		t.Errorf("%+v", m)
	}
	if err := g.pbx.Phone(1001).HangUp(); err != nil {
		t.Fatal(err)
	}
	var end message
	for end.Event != "CallClearedEvent" {
		end = s.next()
	}
	if len(end.Calls) != 1 || !end.Calls[0].Ended {
		t.Errorf("%+v", end)
	}
	// Whoever comes back with a good position gets what he missed, and nothing twice.
	again := g.stream(last.Position)
	if m := again.next(); m.Event != "DoNotDisturbEvent" {
		t.Errorf("%+v", m)
	}
	// A position of another journal, or no position at all, is a snapshot.
	for _, bad := range []string{"other.5", "nonsense", snap.Position + "9999999999999999999999", snap.Position + "000"} {
		s := g.stream(bad)
		gap, snap := s.next(), s.next()
		if gap.Type != "gap" || gap.Reason == "" || gap.After != bad || snap.Type != "snapshot" || g.after(snap.Position) != g.after(gap.Position) {
			t.Errorf("after %s: %+v, %+v", bad, gap, snap)
		}
	}
}

func TestStreamRefusesOtherSites(t *testing.T) {
	g := start(t)
	_, res, err := websocket.DefaultDialer.Dial(strings.Replace(g.url, "http", "ws", 1)+"/api/v1/stream", http.Header{"Origin": {"http://evil.example"}})
	if err == nil || res.StatusCode != 403 {
		t.Errorf("%v, %v", res, err)
	}
}

// A follower that never reads costs the others nothing.
func TestSlowReader(t *testing.T) {
	g := start(t)
	g.stream("")
	s := g.stream("")
	s.next()
	for i := range 3000 {
		if err := g.pbx.Phone(1003).SetDoNotDisturb(i%2 == 0); err != nil {
			t.Fatal(err)
		}
	}
	for range 3000 {
		if m := s.next(); m.Event != "DoNotDisturbEvent" {
			t.Fatalf("%+v", m)
		}
	}
}

func TestOpenAPI(t *testing.T) {
	got, err := web.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("openapi.yaml", got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("openapi.yaml")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("openapi.yaml is not what the operations say (%v): go test ./web -update", err)
	}
}

var accessOpen = access.Config{Open: true}

// heartbeats makes them come more often.
func heartbeats(every time.Duration) func(*web.Config) {
	return func(c *web.Config) { c.Heartbeat = every }
}

// streams is how many there are.
func (g *gateway) streams() int { return g.server.Streams() }
