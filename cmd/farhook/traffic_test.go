package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"farhook/pbxadapter/sim"
)

// Killed again and again while calls come and go: every session goes on each time, in the end everybody knows what is, and no event came twice, though the database
// is always behind by a batch when the kill comes. What is being written at that very moment may come twice, so that moment is a quiet one here; on a machine
// that is busy with other things it may not be quite, and a few are let pass.
func TestKilledInTraffic(t *testing.T) {
	const n = 100
	pbx := newExchange(t, sim.Config{Lines: 2*n + 24, Quiet: true, Clock: sim.NewClock(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC))})
	p := pairs{t, pbx, n}
	var lines []string
	for i := range 2 * n {
		lines = append(lines, "tel:+"+strconv.Itoa(15550000+1025+i))
	}
	file := filepath.Join(t.TempDir(), "f.yaml")
	conf := fmt.Sprintf(`
sip: {listen: ["127.0.0.1:0"], store: %s}
http: {listen: ""}
metrics: {listen: "127.0.0.1:0"}
log: {format: json}
rights: trusted
pbx: [{name: sim, kind: remote, settings: {address: "%s"}}]
`, filepath.Join(t.TempDir(), "sessions.db"), pbx.addr)
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	g := begin(t, "serve", "--config", file)
	g.logged(`"PBX link up"`)
	uc := newUCServer(t, lines)
	uc.dial(g.sip, 4)
	uc.signIn()

	stop := make(chan struct{})
	var pause sync.Mutex
	var traffic sync.WaitGroup
	traffic.Go(func() { // calls come, are answered, held, retrieved and ended, some 1,000 events a second
		for r := rand.New(rand.NewPCG(1, 2)); ; time.Sleep(2 * time.Millisecond) {
			select {
			case <-stop:
				return
			default:
			}
			pause.Lock()
			a, b := p.phones(r.IntN(n))
			switch r.IntN(5) {
			case 0:
				_ = a.Dial(b.Device())
			case 1:
				_ = b.Answer()
			case 2:
				_ = b.Hold()
			case 3:
				_ = b.Retrieve()
			case 4:
				_ = a.HangUp()
			}
			pause.Unlock()
		}
	})
	uc.onTheirWay.Store(1 << 40)
	earlier := int64(0) // events, of the gateways before
	for range 5 {
		enough := uc.events.Load() + 300 + rand.Int64N(300)
		until(t, "there is traffic", func() bool { return uc.events.Load() >= enough })
		pause.Lock()
		until(t, "a moment is quiet", func() bool {
			uc.quiet(40 * time.Millisecond)
			return int64(g.metric("farhook_events_written_total")) == uc.events.Load()-earlier
		})
		if err := g.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		pause.Unlock()
		if <-g.ended == nil {
			t.Error("it ended well")
		}
		uc.readAll()
		earlier = uc.events.Load()
		g = begin(t, "serve", "--config", file)
		g.logged(fmt.Sprintf(`"sessions restored".*"sessions":%d,`, 2*n))
	}
	close(stop)
	traffic.Wait()
	g.logged(`"PBX link up"`)
	uc.quiet(500 * time.Millisecond)
	uc.dial(g.sip, 4)
	uc.compare()
	events, twice := uc.events.Load(), 1<<40-uc.onTheirWay.Load()
	t.Logf("%d events, %d of them twice", events, twice)
	if twice > events/25 {
		t.Errorf("%d events, %d of them twice", events, twice)
	}
}
