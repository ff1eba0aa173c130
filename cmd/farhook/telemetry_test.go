package main

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"farhook/csta"
)

// spanCollector is an OpenTelemetry collector: OTLP over HTTP, as its specification has it.
type spanCollector struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*otlp.Span
	key   string
}

func newSpanCollector(t *testing.T) *spanCollector {
	c := new(spanCollector)
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(body)
			if err != nil {
				t.Error(err)
			}
			body = z
		}
		b, err := io.ReadAll(body)
		var q collector.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(b, &q) != nil {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.key = r.Header.Get("Authorization")
		for _, rs := range q.ResourceSpans {
			for _, s := range rs.ScopeSpans {
				c.spans = append(c.spans, s.Spans...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// of gives a trace's spans by name.
func (c *spanCollector) of(trace string) map[string]*otlp.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	byName := make(map[string]*otlp.Span)
	for _, s := range c.spans {
		if hex.EncodeToString(s.TraceId) == trace {
			byName[s.Name] = s
		}
	}
	return byName
}

func (c *spanCollector) traceOf(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.Name == name {
			return hex.EncodeToString(s.TraceId)
		}
	}
	return ""
}

// From the INFO to the PBX's command, its proof and the events there is one trace; who brings a trace over REST finds it continued under his span. A number is
// nowhere in it.
func TestTraces(t *testing.T) {
	t.Parallel()
	c := newSpanCollector(t)
	file := config(t, `
sip: {listen: ['127.0.0.1:0']}
http: {listen: "127.0.0.1:0"}
web: {sign_in: false}
telemetry: {endpoint: %q, headers: {Authorization: secret}}
`, c.URL)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	file = folder(t, map[string]string{"farhook.yaml": strings.Replace(string(text), "http: {listen: \"\"}\n", "", 1)})
	g := begin(t, "serve", "--config", file)
	g.logged(`"PBX link up"`)
	uc := newUCServer(t, []string{"tel:+15551001", "tel:+15551002"})
	uc.dial(g.sip, 1)
	uc.signIn()
	a := uc.sessions[0]
	a.conn.write(true, a.request(uc, "INFO", csta.Encode(nil, csta.MakeCall{
		CallingDevice: "tel:+15551001", CalledDirectoryNumber: "tel:+15551002", AutoOriginate: csta.AutoOriginateDoNotPrompt,
	}, csta.Ed3)))
	a.await(t)
	var spans map[string]*otlp.Span
	until(t, "the call's trace has come whole", func() bool {
		spans = c.of(c.traceOf("MakeCall"))
		return spans["MakeCall"] != nil && spans["OriginatedEvent"] != nil && spans["DeliveredEvent"] != nil
	})
	commands := 0
	c.mu.Lock()
	for _, s := range c.spans {
		if hex.EncodeToString(s.TraceId) != hex.EncodeToString(spans["MakeCall"].TraceId) {
			continue
		}
		switch {
		case s.Kind == otlp.Span_SPAN_KIND_SERVER:
			spans["request"] = s
		case s.Kind == otlp.Span_SPAN_KIND_CLIENT && s.Name == "MakeCall" && s.EndTimeUnixNano > s.StartTimeUnixNano: // the simulated PBX's command is called so, too
			commands++
		case s.Kind == otlp.Span_SPAN_KIND_CONSUMER:
			spans["proof"] = s
		}
	}
	if c.key != "secret" {
		t.Errorf("the collector's header is %q", c.key)
	}
	for _, s := range c.spans {
		if strings.Contains(s.String(), "1555") {
			t.Errorf("a number is in %v", s)
		}
	}
	c.mu.Unlock()
	request := spans["request"]
	if request == nil || commands != 1 {
		t.Fatalf("no request among %v, or %d commands", spans, commands)
	}
	for _, name := range []string{"OriginatedEvent", "DeliveredEvent", "proof"} {
		if s := spans[name]; s == nil || hex.EncodeToString(s.ParentSpanId) != hex.EncodeToString(request.SpanId) || (s.Kind != otlp.Span_SPAN_KIND_PRODUCER) != (name == "proof") || s.StartTimeUnixNano < request.StartTimeUnixNano {
			t.Errorf("%v", s)
		}
	}

	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	base := "http://" + g.logged(`"farhook started".*"http":\["([^"]+)"\]`)[1]
	q, err := http.NewRequest(http.MethodPost, base+"/api/v1/calls", strings.NewReader(`{"callingDevice": "1003", "calledDirectoryNumber": "1004"}`))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Traceparent", "00-"+trace+"-"+parent+"-01")
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	until(t, "the caller's trace has come", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, s := range c.spans {
			if hex.EncodeToString(s.TraceId) == trace && hex.EncodeToString(s.ParentSpanId) == parent && s.Kind == otlp.Span_SPAN_KIND_SERVER {
				return true
			}
		}
		return false
	})
	if g.metric("farhook_spans_exported_total") == 0 {
		t.Error("nothing is counted")
	}
}

// A caller may make many requests in one trace: each has a span, under the one that he brought with it; one that was refused says so. What he doesn't sample isn't told.
func TestManyRequestsInOneTrace(t *testing.T) {
	c := newSpanCollector(t)
	file := config(t, "telemetry: {endpoint: %q}\nweb: {sign_in: false}\n", c.URL)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	file = folder(t, map[string]string{"farhook.yaml": strings.Replace(string(text), `http: {listen: ""}`, `http: {listen: "127.0.0.1:0"}`, 1) + "sip: {listen: ['127.0.0.1:0']}\n"})
	g := begin(t, "serve", "--config", file)
	g.logged(`"PBX link up"`)
	base := "http://" + g.logged(`"farhook started".*"http":\["([^"]+)"\]`)[1]
	dial := func(from, traceparent string, want int) {
		t.Helper()
		q, err := http.NewRequest(http.MethodPost, base+"/api/v1/calls", strings.NewReader(`{"callingDevice": "`+from+`", "calledDirectoryNumber": "1020"}`))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", "application/json")
		q.Header.Set("Traceparent", traceparent)
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if body, _ := io.ReadAll(res.Body); res.StatusCode != want {
			t.Errorf("%s: %d %s", from, res.StatusCode, body)
		}
	}
	defer http.DefaultClient.CloseIdleConnections()
	const trace, other = "4bf92f3577b34da6a3ce929d0e0e4736", "4bf92f3577b34da6a3ce929d0e0e4737"
	parents := []string{"00f067aa0ba902b1", "00f067aa0ba902b2", "00f067aa0ba902b3"}
	dial("1003", "00-"+other+"-"+parents[0]+"-00", 201)
	dial("1005", "00-"+trace+"-"+parents[0]+"-01", 201)
	dial("1023", "00-"+trace+"-"+parents[1]+"-01", 503) // it is out of service
	dial("1007", "00-"+trace+"-"+parents[2]+"-01", 201)
	requests := make(map[string]*otlp.Span)
	commands := make(map[string]string) // parents by the command's span
	until(t, "each request has its span", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, s := range c.spans {
			switch {
			case hex.EncodeToString(s.TraceId) == other:
				t.Errorf("it wasn't to be sampled: %v", s)
			case s.Kind == otlp.Span_SPAN_KIND_SERVER:
				requests[hex.EncodeToString(s.ParentSpanId)] = s
			case s.Kind == otlp.Span_SPAN_KIND_CLIENT:
				commands[hex.EncodeToString(s.SpanId)] = hex.EncodeToString(s.ParentSpanId)
			}
		}
		return requests[parents[0]] != nil && requests[parents[1]] != nil && requests[parents[2]] != nil && len(commands) >= 2
	}, func() { t.Errorf("%v %v", requests, commands) })
	for i, p := range parents {
		if s := requests[p]; s.Name != "MakeCall" || (s.Status.GetCode() == otlp.Status_STATUS_CODE_ERROR) != (i == 1) || s.EndTimeUnixNano < s.StartTimeUnixNano {
			t.Errorf("%v", s)
		}
	}
	under := make(map[string]bool)
	for _, p := range commands {
		under[p] = true
	}
	for _, p := range []string{parents[0], parents[2]} {
		if !under[hex.EncodeToString(requests[p].SpanId)] {
			t.Errorf("no command is under %v", requests[p])
		}
	}
}

// A collector that isn't there costs nothing but spans, which are counted.
func TestNoCollector(t *testing.T) {
	c := newSpanCollector(t)
	c.Close()
	g := begin(t, "serve", "--config", config(t, "sip: {listen: ['127.0.0.1:0'], store: %s}\ntelemetry: {endpoint: %q}\n", filepath.Join(t.TempDir(), "s.db"), c.URL))
	g.logged(`"PBX link up"`)
	uc := newUCServer(t, []string{"tel:+15551001"})
	uc.dial(g.sip, 1)
	uc.signIn()
	until(t, "spans are dropped, and counted", func() bool { return g.metric(`farhook_spans_dropped_total{reason="collector"}`) > 0 })
	uc.all("INFO", func(s *ucSession) csta.Message { return csta.SnapshotDevice{SnapshotObject: csta.DeviceID(s.line)} }, func(_ *ucSession, _ ucMessage, got csta.Message) {
		if _, ok := got.(csta.SnapshotDeviceResponse); !ok {
			t.Errorf("%T", got)
		}
	})
}
