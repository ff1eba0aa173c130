package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"go.uber.org/zap"

	"farhook/pbxadapter"
	dirs "farhook/pbxadapter/directory"
	"farhook/pbxadapter/sim"
	"farhook/uacsta/uactest"
)

// documented reads the table of docs/metrics.md: name, type and labels of each metric.
func documented(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	table := make(map[string]string)
	for _, m := range regexp.MustCompile("(?m)^\\| `(farhook_\\w+)` \\| (\\w+) \\| ([^|]*) \\| [^|]+ \\|$").FindAllStringSubmatch(string(text), -1) {
		table[m[1]] = m[2] + " " + strings.ReplaceAll(strings.TrimSpace(m[3]), "`", "")
	}
	return table
}

// What is documented is what there is, names, types and labels; the names are such as Prometheus wants them.
func TestMetricsAreDocumented(t *testing.T) {
	c, err := parse("test", []byte(simExample))
	if err != nil {
		t.Fatal(err)
	}
	c.SIP.Listen, c.HTTP.Listen = []string{"127.0.0.1:0"}, ""
	c.SIP.TLS = newRingFiles(t, uactest.NewAuthority(t), uactest.Wanted{Names: []string{"gw.example.com"}}).TLSConfig
	c.SIP.TLS.Listen = []string{"127.0.0.1:0"}
	c.Directory.Users = []dirs.Entry{{User: "sip:alice@example.com", Lines: []string{"tel:+15551001"}}}
	conf := sim.Demo()
	g, err := open(c, "", &streams{out: new(output), err: new(output)}, &conf)
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	g.board.Meter("demo", pbxadapter.Work{Command: "Originate", Outcome: pbxadapter.Refused}) // the simulated PBX takes none
	all, err := g.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	want := documented(t)
	for _, f := range all {
		name := f.GetName()
		if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") {
			continue
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		slices.Sort(labels)
		got := strings.ToLower(f.GetType().String()) + " " + strings.Join(labels, ", ")
		if want[name] != got {
			t.Errorf("%s is %q, documented as %q", name, got, want[name])
		}
		delete(want, name)
		if isCounter := f.GetType() == dto.MetricType_COUNTER; isCounter != strings.HasSuffix(name, "_total") {
			t.Errorf("%s: counters end in _total, others don't", name)
		}
		if f.GetHelp() == "" || len(f.GetMetric()) > 200 {
			t.Errorf("%s: help %q, %d series", name, f.GetHelp(), len(f.GetMetric()))
		}
	}
	for name := range want {
		t.Errorf("%s is documented, and isn't there", name)
	}
}

// On the HTTP listener metrics are for this machine; on a listener of their own there is nothing else.
func TestWhereMetricsAre(t *testing.T) {
	m, stop := start(t, `http://(127\.0\.0\.1:\d+)/`, "demo", "--quiet", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0")
	defer stop()
	for path, want := range map[string]int{"/metrics": 200, "/metrics/x": 404} {
		r, err := http.Get("http://" + m[1] + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, r.StatusCode, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	g := begin(t, "serve", "--config", config(t, `sip: {listen: ["127.0.0.1:0"]}`))
	g.logged(`"PBX link up"`)
	if g.metric(`farhook_pbx_up{pbx="sim"}`) != 1 {
		t.Error("the PBX is down")
	}
	r, err := http.Get("http://" + g.metrics + "/api/v1/devices")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusNotFound {
		t.Errorf("%d", r.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
}

// BenchmarkScrape is what one scrape costs.
func BenchmarkScrape(b *testing.B) {
	c, err := parse("test", []byte(simExample))
	if err != nil {
		b.Fatal(err)
	}
	c.SIP.Listen, c.HTTP.Listen = []string{"127.0.0.1:0"}, ""
	conf := sim.Demo()
	g, err := open(c, "", &streams{out: new(output), err: new(output)}, &conf)
	if err != nil {
		b.Fatal(err)
	}
	defer g.close()
	h := metricsHandler(g.registry, zap.NewNop())
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
