package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/gorilla/websocket"
	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/web/access"
	"farhook/web/history"
)

// benchWebCmd measures the web side: what it serves and who reads it share this machine's cores.
type benchWebCmd struct {
	Duration time.Duration `default:"5s" help:"How long each measurement takes: 1s to 60s."`
	Readers  int           `default:"1000" help:"Followers, half of them by WebSocket, half by SSE: 2 to 4000."`
	Rate     int           `default:"100" help:"Events a second: 1 to 1000."`
	Calls    int           `default:"50000" help:"Calls for the history: 1000 to 1000000."`
}

// Run measures, and prints.
func (b *benchWebCmd) Run(ctx context.Context, s *streams) error {
	switch {
	case b.Duration < time.Second || b.Duration > time.Minute:
		return fmt.Errorf("--duration: %v is out of range: 1s to 1m", b.Duration)
	case b.Readers < 2 || b.Readers > 4000:
		return fmt.Errorf("--readers: %d is out of range: 2 to 4000", b.Readers)
	case b.Rate < 1 || b.Rate > 1000:
		return fmt.Errorf("--rate: %d is out of range: 1 to 1000", b.Rate)
	case b.Calls < 1000 || b.Calls > 1_000_000:
		return fmt.Errorf("--calls: %d is out of range: 1000 to 1000000", b.Calls)
	}
	fmt.Fprintln(s.out, machine())
	c, err := parse("bench", []byte(simExample))
	if err != nil {
		return err
	}
	c.SIP.Listen, c.HTTP.Listen, c.Log.Level = []string{"127.0.0.1:0"}, "127.0.0.1:0", "error"
	pbx := sim.Config{Lines: 24, Quiet: true}
	g, err := open(c, "", s, &pbx)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- g.run(ctx) }()
	err = b.measure(ctx, g, s.out)
	stop()
	return errors.Join(err, <-done)
}

func (b *benchWebCmd) measure(ctx context.Context, g *gateway, out io.Writer) error {
	host := g.httpAddr().String()
	for !g.board.Synced("tel:+15551001") {
		time.Sleep(time.Millisecond)
	}
	if err := b.fanOut(ctx, g, host, out); err != nil {
		return err
	}
	if err := b.requests(ctx, host, out); err != nil {
		return err
	}
	return b.history(ctx, out)
}

// fanOut tells events to many readers, and says how long after its fact each document came.
func (b *benchWebCmd) fanOut(ctx context.Context, g *gateway, host string, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var mu sync.Mutex
	var late []time.Duration
	var all sync.WaitGroup
	ready := make(chan error, b.Readers)
	take := func(doc []byte) {
		now := time.Now()
		_, rest, ok := bytes.Cut(doc, []byte(`"type":"event"`))
		if !ok {
			return
		}
		_, rest, _ = bytes.Cut(rest, []byte(`"at":"`))
		text, _, _ := bytes.Cut(rest, []byte(`"`))
		if at, err := time.Parse(time.RFC3339Nano, string(text)); err == nil {
			mu.Lock()
			late = append(late, now.Sub(at))
			mu.Unlock()
		}
	}
	for i := range b.Readers {
		if i%2 == 0 {
			all.Go(func() { ready <- readSocket(ctx, host, ready, take) })
		} else {
			all.Go(func() { ready <- readEvents(ctx, host, ready, take) })
		}
	}
	for range b.Readers {
		if err := <-ready; err != nil {
			return err
		}
	}
	n := 0
	tick := time.NewTicker(time.Second / time.Duration(b.Rate))
	defer tick.Stop()
	for end := time.Now().Add(b.Duration); time.Now().Before(end); n++ {
		<-tick.C
		if _, err := g.board.Do(ctx, switchboard.Principal{User: "local", Via: "http"}, csta.SetDoNotDisturb{Device: "tel:+15551001", DoNotDisturbOn: n%2 == 0}); err != nil {
			return err
		}
	}
	for wait := time.Now().Add(10 * time.Second); time.Now().Before(wait); time.Sleep(10 * time.Millisecond) {
		mu.Lock()
		got := len(late)
		mu.Unlock()
		if got >= n*b.Readers {
			break
		}
	}
	stop()
	go func() {
		for range ready {
		}
	}()
	all.Wait()
	close(ready)
	if len(late) == 0 {
		return errors.New("no reader has seen an event")
	}
	slices.Sort(late)
	fmt.Fprintf(out, "%d readers, %d events in %v: %d of %d documents came; p50 %v, p99 %v\n", b.Readers, n, b.Duration, len(late), n*b.Readers,
		late[len(late)/2].Round(10*time.Microsecond), late[len(late)*99/100].Round(10*time.Microsecond))
	return nil
}

// readSocket follows by WebSocket. It says on ready that it has begun, and gives nil when ctx has ended.
func readSocket(ctx context.Context, host string, ready chan<- error, take func([]byte)) error {
	c, _, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+host+"/api/v1/events?kind=feature", nil)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	for first := true; ; first = false {
		_, doc, err := c.ReadMessage()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if first {
			ready <- nil
		}
		take(doc)
	}
}

// readEvents follows by server-sent events, likewise.
func readEvents(ctx context.Context, host string, ready chan<- error, take func([]byte)) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", host)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if _, err := fmt.Fprintf(c, "GET /api/v1/events?kind=feature HTTP/1.1\r\nHost: %s\r\n\r\n", host); err != nil {
		return err
	}
	in := bufio.NewReaderSize(c, 4096)
	for first := true; ; {
		line, err := in.ReadBytes('\n')
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if !bytes.HasPrefix(line, []byte("data: ")) {
			continue
		}
		if first {
			ready <- nil
			first = false
		}
		take(line)
	}
}

// requests measures GET of a device beside a bare huma operation that gives as much, in turns; then calls that are made and cleared.
func (b *benchWebCmd) requests(ctx context.Context, host string, out io.Writer) error {
	res, err := http.Get("http://" + host + "/api/v1/devices/1001")
	if err != nil {
		return err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	type answer struct{ Body []byte }
	huma.Get(humago.New(mux, huma.DefaultConfig("bare", "1")), "/devices/{device}", func(context.Context, *struct {
		Device string `path:"device" maxLength:"256"`
	},
	) (*answer, error) {
		return &answer{body}, nil
	})
	bare := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = bare.Serve(l) }()
	defer bare.Close()
	var ours, theirs float64
	for range 3 {
		a, err := perSecond(ctx, b.Duration/3, "http://"+host+"/api/v1/devices/1001")
		if err != nil {
			return err
		}
		c, err := perSecond(ctx, b.Duration/3, "http://"+l.Addr().String()+"/devices/1001")
		if err != nil {
			return err
		}
		ours, theirs = ours+a/3, theirs+c/3
	}
	fmt.Fprintf(out, "GET device: %.0f/s, a bare huma operation that answers the same %.0f/s, ratio %.2f\n", ours, theirs, ours/theirs)
	n, began := 0, time.Now()
	for ; time.Since(began) < b.Duration && ctx.Err() == nil; n++ {
		res, err := http.Post("http://"+host+"/api/v1/calls", "application/json", strings.NewReader(`{"callingDevice":"1002","calledDirectoryNumber":"1003","prompt":"hands-free"}`))
		if err != nil {
			return err
		}
		res.Body.Close()
		where := res.Header.Get("Location")
		if res.StatusCode != http.StatusCreated {
			return fmt.Errorf("make: %s", res.Status)
		}
		if res, err = http.Post("http://"+host+where+"/clear", "application/json", nil); err != nil {
			return err
		}
		res.Body.Close()
		if res.StatusCode != http.StatusNoContent {
			return fmt.Errorf("clear: %s", res.Status)
		}
	}
	fmt.Fprintf(out, "make and clear: %.0f calls/s on one connection\n", float64(n)/time.Since(began).Seconds())
	return nil
}

// perSecond is how many requests eight connections get answered.
func perSecond(ctx context.Context, d time.Duration, url string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	counts := make(chan int, 8)
	began := time.Now()
	for range 8 {
		go func() {
			n := 0
			for ctx.Err() == nil {
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
				if err != nil {
					break
				}
				res, err := client.Do(r)
				if err != nil {
					break
				}
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if res.StatusCode == http.StatusOK {
					n++
				}
			}
			counts <- n
		}()
	}
	all := 0
	for range 8 {
		all += <-counts
	}
	if all == 0 {
		return 0, fmt.Errorf("%s answers nothing", url)
	}
	return float64(all) / time.Since(began).Seconds(), nil
}

// told is no call's number: the factory is to do nothing.
const told = -1

// factory is a PBX that tells of finished calls as fast as it is asked to.
type factory struct{ calls chan int }

// Services are none.
func (factory) Services() csta.Services { return csta.Services{} }

// Run tells.
func (f factory) Run(ctx context.Context, r pbxadapter.Reporter) error {
	const from, to = csta.DeviceID("tel:+15551001"), csta.DeviceID("tel:+15551002")
	r.Devices([]pbxadapter.Device{{ID: from}, {ID: to}})
	r.Resync(callmodel.State{})
	for {
		select {
		case <-ctx.Done():
			return nil
		case n := <-f.calls:
			if n == told {
				continue
			}
			call := csta.CallID(fmt.Sprint("bench-", n))
			move := func(d csta.DeviceID, s csta.State) {
				r.Report(callmodel.Moved{Meta: callmodel.Meta{At: time.Now()}, Connection: csta.ConnectionID{Call: call, Device: d}, To: s})
			}
			move(from, csta.Connected)
			move(to, csta.Alerting)
			move(to, csta.Connected)
			move(to, csta.Null)
			move(from, csta.Null)
		}
	}
}

// history writes calls as fast as they are told, and counts what is on disk.
func (b *benchWebCmd) history(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "farhook-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := history.Open(filepath.Join(dir, "history.db"), nil)
	if err != nil {
		return err
	}
	defer db.Close()
	f := factory{calls: make(chan int)}
	board := switchboard.New(access.Open(), switchboard.Options{Keep: 64 << 20}, switchboard.PBX{Name: "bench", Adapter: f})
	spool, err := history.NewSpool(ctx, db, board, zap.NewNop(), nil, nil)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() { _ = board.Run(running) })
	spooling, stopSpool := context.WithCancel(ctx)
	all.Go(func() { _ = spool.Run(spooling) })
	began := time.Now()
	const pace = 8000 // calls a second: more than is to be reached, and no more than a follower may lag behind
	for n := range b.Calls {
		if ahead := time.Duration(n)*time.Second/pace - time.Since(began); ahead > 0 {
			time.Sleep(ahead)
		}
		f.calls <- n
	}
	f.calls <- told // it is taken when the last call has been told
	stopSpool()     // it writes what is left
	stop()
	all.Wait()
	took := time.Since(began)
	kept := 0
	if err := db.Each(ctx, history.Query{}, func(history.Call) error { kept++; return nil }); err != nil {
		return err
	}
	fmt.Fprintf(out, "history: %d calls were told, %d are on disk after %v: %.0f/s (%.0f rows/s)\n", b.Calls, kept, took.Round(time.Millisecond),
		float64(kept)/took.Seconds(), float64(3*kept)/took.Seconds())
	return nil
}
