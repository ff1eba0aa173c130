package main

import (
	"context"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// The load is made, answered and counted: each request once, and no event is lost, doubled or out of order, for every second session never answers one.
func TestBench(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	g, ctx := errgroup.WithContext(ctx)
	if err := serveMeasured(ctx, g, l, 200); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stop()
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
	}()
	b := &benchCmd{Duration: 300 * time.Millisecond, Rounds: 1, Connections: 3, Sessions: 64, Outstanding: 12, Rate: 300}
	at := &target{kind: "gateway", addr: l.Addr().String()}
	for _, w := range workloads {
		gen, err := newGenerator(ctx, at.addr, b.Connections, b.Sessions)
		if err != nil {
			t.Fatal(err)
		}
		if err := gen.signIn(); err != nil {
			t.Fatal(err)
		}
		r, err := gen.run(w.steps, b.Outstanding, b.Duration)
		if err != nil || r.n == 0 || len(r.latencies) != r.n {
			t.Errorf("%s: %d requests, %v", w.name, r.n, err)
		}
		if err := gen.signOut(); err != nil {
			t.Errorf("%s: %v", w.name, err)
		}
		gen.close()
		r, err = b.openLoop(ctx, at, w)
		if err != nil || r.n != 90 || len(r.latencies) != 90 || r.took < 290*time.Millisecond {
			t.Errorf("%s, when due: %d requests in %v, %v", w.name, r.n, r.took, err)
		}
	}
	for _, c := range []crowd{{40, 1}, {20, 10}} {
		h, err := b.events(ctx, at, c)
		calls := int(b.Duration / (time.Second / time.Duration(c.rate)))
		if want := calls * c.endpoints * len(toldOfCall); err != nil || len(h.latencies) != want || h.lost+h.doubled+h.disordered != 0 {
			t.Errorf("%+v: %d events of %d, %d lost, %d doubled, %d out of order, %v", c, len(h.latencies), want, h.lost, h.doubled, h.disordered, err)
		}
	}
}

// The web side is measured: every document comes to every reader, requests are answered, calls are on disk.
func TestBenchWeb(t *testing.T) {
	var out output
	status := run(t.Context(), strings.Fields("bench web --duration 1s --readers 10 --rate 20 --calls 1000"), &out, &out)
	m := regexp.MustCompile(`(?s)^farhook \S+, go[^\n]+, \d+ processors, [^\n]+\n10 readers, (\d+) events in 1s: (\d+) of (\d+) documents came; p50 [\d.]+[mµ]?s, p99 [\d.]+[mµ]?s
GET device: \d+/s, a bare huma operation that answers the same \d+/s, ratio [\d.]+
make and clear: (\d+) calls/s on one connection
history: 1000 calls were told, 1000 are on disk after [\d.]+m?s: \d+/s \(\d+ rows/s\)
$`).FindStringSubmatch(out.String())
	if status != 0 || m == nil || m[1] == "0" || m[2] != m[3] || m[4] == "0" {
		t.Errorf("%d\n%s", status, out.String())
	}
	for args, want := range map[string]string{"--duration 1ms": "1s to 1m", "--readers 1": "2 to 4000", "--rate 0": "1 to 1000", "--calls 1": "1000 to 1000000"} {
		var out output
		if status := run(t.Context(), append([]string{"bench", "web"}, strings.Fields(args)...), &out, &out); status == 0 || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %d, %s", args, status, out.String())
		}
	}
}

func TestBenchRefuses(t *testing.T) {
	for args, want := range map[string]string{
		"--duration 1ms": "--duration (ms): 1 is out of range: 200 to 60000", "--rounds 0": "--rounds", "--outstanding 2000": "1 to 1024", "--rate -1": "--rate",
	} {
		var out output
		if status := run(t.Context(), append([]string{"bench"}, strings.Fields(args)...), &out, &out); status == 0 || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %d, %s", args, status, out.String())
		}
	}
}
