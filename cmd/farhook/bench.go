package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// benchCmd measures the gateway with the simulated PBX against a bare SIP server that answers every request with a constant body, in one
// run, so that the figures of one machine and moment can be compared.
type benchCmd struct {
	Duration    time.Duration `default:"2s" help:"How long each measurement takes: 200ms to 60s."`
	Rounds      int           `default:"3" help:"How often gateway and bare server take turns: 1 to 20."`
	Connections int           `default:"8" help:"Connections that carry the sessions: 1 to 64."`
	Sessions    int           `default:"1024" help:"Sessions under load: 1 to 50000."`
	Outstanding int           `default:"64" help:"Requests under way at a time: 1 to the number of sessions."`
	Rate        int           `default:"1000" help:"Requests a second where they are made when they are due; 0: leave that out."`
	SignIns     int           `default:"10000" help:"Sessions that sign in at once; 0: leave that out."`
	Held        int           `default:"50000" help:"Sessions held idle for 35 s, to see what they weigh; 0: leave that out."`
	Profile     string        `type:"existingdir" help:"Folder for CPU profiles of the servers, one for each measurement, and one of the heap of the sessions held (go tool pprof reads them)."`
	Only        string        `help:"Only the request measurements whose name contains this."`
}

func (b *benchCmd) check() error {
	for _, c := range []struct {
		flag      string
		v, lo, hi int
	}{
		{"--duration (ms)", int(b.Duration / time.Millisecond), 200, 60_000},
		{"--rounds", b.Rounds, 1, 20},
		{"--connections", b.Connections, 1, 64},
		{"--sessions", b.Sessions, 1, 50_000},
		{"--outstanding", b.Outstanding, 1, b.Sessions},
		{"--rate", b.Rate, 0, 100_000},
		{"--sign-ins", b.SignIns, 0, 50_000},
		{"--held", b.Held, 0, 100_000},
	} {
		if c.v < c.lo || c.v > c.hi {
			return fmt.Errorf("%s: %d is out of range: %d to %d", c.flag, c.v, c.lo, c.hi)
		}
	}
	return nil
}

// Run measures, and prints a table.
func (b *benchCmd) Run(ctx context.Context, s *streams) error {
	if err := b.check(); err != nil {
		return err
	}
	lines := max(b.Sessions, b.SignIns) + 25
	gateway, err := startTarget(ctx, "gateway", lines)
	if err != nil {
		return err
	}
	defer gateway.stop()
	bare, err := startTarget(ctx, "bare", lines)
	if err != nil {
		return err
	}
	defer bare.stop()
	encode, decode, err := codec()
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, machine())
	fmt.Fprintf(s.out, "DeliveredEvent: encoded from its template in %v, decoded in %v\n", encode, decode)
	fmt.Fprintf(s.out, "%d sessions on %d connections, %d requests under way, %d rounds of %v each\n\n", b.Sessions, b.Connections, b.Outstanding, b.Rounds, b.Duration)
	fmt.Fprintf(s.out, "%-30s %10s %10s %7s   %9s %9s %7s   %8s %8s\n", "closed loop", "gateway/s", "bare/s", "ratio", "CPU us", "bare us", "ratio", "p50 us", "p99 us")
	for _, w := range workloads {
		if !strings.Contains(w.name, b.Only) {
			continue
		}
		var g, c result
		for range b.Rounds {
			one, err := b.measure(ctx, gateway, w)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			g.add(one)
			if one, err = b.measure(ctx, bare, w); err != nil {
				return fmt.Errorf("bare, %s: %w", w.name, err)
			}
			c.add(one)
		}
		fmt.Fprintf(s.out, "%-30s %10.0f %10.0f %7.2f   %9.1f %9.1f %7.2f   %8.0f %8.0f\n", w.name, g.rate(), c.rate(), g.rate()/c.rate(),
			g.cpu(), c.cpu(), g.cpu()/c.cpu(), g.quantile(0.5), g.quantile(0.99))
	}
	if b.Rate > 0 {
		if err := b.whenDue(ctx, s, gateway, bare); err != nil {
			return err
		}
	}
	if b.SignIns > 0 {
		if err := b.allSignIn(ctx, s, gateway, bare); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.out, "\n%-44s %9s %9s %6s %8s %11s\n", "events, open loop", "p50 ms", "p99 ms", "lost", "doubled", "disordered")
	for _, c := range crowds {
		h, err := b.events(ctx, gateway, c)
		if err != nil {
			return fmt.Errorf("events: %w", err)
		}
		r := result{latencies: h.latencies}
		fmt.Fprintf(s.out, "%-44s %9.2f %9.2f %6d %8d %11d\n", fmt.Sprintf("%d calls/s, %d sessions a line, %d events", c.rate, c.endpoints, len(h.latencies)),
			r.quantile(0.5)/1000, r.quantile(0.99)/1000, h.lost, h.doubled, h.disordered)
	}
	if b.Held > 0 {
		return b.hold(ctx, s)
	}
	return nil
}

// whenDue prints what the requests take when they are made at a rate.
func (b *benchCmd) whenDue(ctx context.Context, s *streams, gateway, bare *target) error {
	fmt.Fprintf(s.out, "\n%-30s %10s %10s %10s   %10s %10s\n", fmt.Sprintf("open loop, %d/s", b.Rate), "p50 us", "p99 us", "p99.9 us", "bare p50", "bare p99")
	for _, w := range workloads {
		if !strings.Contains(w.name, b.Only) {
			continue
		}
		g, err := b.openLoop(ctx, gateway, w)
		if err != nil {
			return fmt.Errorf("%s, open loop: %w", w.name, err)
		}
		c, err := b.openLoop(ctx, bare, w)
		if err != nil {
			return fmt.Errorf("bare, %s, open loop: %w", w.name, err)
		}
		fmt.Fprintf(s.out, "%-30s %10.0f %10.0f %10.0f   %10.0f %10.0f\n", w.name, g.quantile(0.5), g.quantile(0.99), g.quantile(0.999), c.quantile(0.5), c.quantile(0.99))
	}
	return nil
}

// allSignIn prints what it takes when all sign in at once, in as many turns as there are rounds.
func (b *benchCmd) allSignIn(ctx context.Context, s *streams, gateway, bare *target) error {
	var g, c result
	for range b.Rounds {
		one, err := b.signIns(ctx, gateway, b.SignIns)
		if err != nil {
			return fmt.Errorf("sign-ins: %w", err)
		}
		g.add(one)
		if one, err = b.signIns(ctx, bare, b.SignIns); err != nil {
			return fmt.Errorf("bare, sign-ins: %w", err)
		}
		c.add(one)
	}
	mean := func(r result) time.Duration { return (r.took / time.Duration(b.Rounds)).Round(time.Millisecond) }
	fmt.Fprintf(s.out, "\n%d sign-ins at once (INVITE, features, monitor, snapshot): %v, bare %v, ratio %.2f; CPU for each %.0f us, bare %.0f us, ratio %.2f\n",
		b.SignIns, mean(g), mean(c), float64(g.took)/float64(c.took), g.cpu(), c.cpu(), g.cpu()/c.cpu())
	return nil
}

// measure signs the sessions in, runs one workload, and signs out.
func (b *benchCmd) measure(ctx context.Context, t *target, w workload) (result, error) {
	l, err := newGenerator(ctx, t.addr, b.Connections, b.Sessions)
	if err != nil {
		return result{}, err
	}
	defer l.close()
	defer context.AfterFunc(ctx, l.close)()
	if err := l.signIn(); err != nil {
		return result{}, err
	}
	if err := b.profile(t, w.name); err != nil {
		return result{}, err
	}
	before, err := t.cpuTime()
	if err != nil {
		return result{}, err
	}
	r, err := l.run(w.steps, b.Outstanding, b.Duration)
	if err != nil {
		return r, err
	}
	after, err := t.cpuTime()
	r.cpuTime = after - before
	return r, errors.Join(err, b.profile(t, ""), l.signOut())
}

// profile begins a profile of a measurement where that was asked for; without a name it ends it.
func (b *benchCmd) profile(t *target, name string) error {
	if b.Profile == "" {
		return nil
	}
	file := "-"
	if name != "" {
		file = filepath.Join(b.Profile, t.kind+"-"+strings.ReplaceAll(strings.ToLower(name), " ", "")+".pprof")
	}
	return t.write("profile", file)
}

// write has the process write a profile.
func (t *target) write(what, file string) error {
	if _, err := io.WriteString(t.in, what+" "+file+"\n"); err != nil {
		return err
	}
	line, err := t.out.ReadString('\n')
	if err == nil && line != "ok\n" {
		return fmt.Errorf("profile of the %s: %s", t.kind, line)
	}
	return err
}

// signIns is the time that so many whole sign-ins take, begun at once, and what they cost the server.
func (b *benchCmd) signIns(ctx context.Context, t *target, n int) (result, error) {
	r := result{n: n}
	l, err := newGenerator(ctx, t.addr, b.Connections, n)
	if err != nil {
		return r, err
	}
	defer l.close()
	defer context.AfterFunc(ctx, l.close)()
	if err := b.profile(t, "sign-ins"); err != nil {
		return r, err
	}
	before, err := t.cpuTime()
	if err != nil {
		return r, err
	}
	began := time.Now()
	if err := l.signIn(); err != nil {
		return r, err
	}
	for _, one := range []step{features, monitorStart, snapshotDevice} {
		if err := l.once([]step{one}); err != nil {
			return r, err
		}
	}
	r.took = time.Since(began)
	after, err := t.cpuTime()
	r.cpuTime = after - before
	return r, errors.Join(err, b.profile(t, ""), l.signOut())
}

// hold signs sessions in at a gateway that nobody has been at before, has each monitor its line, and says what they weigh.
func (b *benchCmd) hold(ctx context.Context, s *streams) error {
	t, err := startTarget(ctx, "gateway", b.Held+25)
	if err != nil {
		return err
	}
	defer t.stop()
	before, err := t.rss()
	if err != nil {
		return err
	}
	l, err := newGenerator(ctx, t.addr, b.Connections, b.Held)
	if err != nil {
		return err
	}
	defer l.close()
	if err := l.signIn(); err != nil {
		return err
	}
	if err := l.once([]step{monitorStart}); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(35 * time.Second): // remembered answers are forgotten after 32 s
	}
	heap, routines, err := t.heap()
	if err != nil {
		return err
	}
	after, err := t.rss()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\n%d idle monitored sessions: heap %.2f KB each, RSS %.2f KB each, %d goroutines in all\n",
		b.Held, (heap-t.emptyHeap)/1024/float64(b.Held), (after-before)/1024/float64(b.Held), routines)
	if b.Profile == "" {
		return nil
	}
	return t.write("heap profile", filepath.Join(b.Profile, t.kind+"-heap.pprof"))
}

// target is a server in a process of its own.
type target struct {
	cmd       *exec.Cmd
	in        io.WriteCloser
	out       *bufio.Reader
	kind      string
	addr      string
	emptyHeap float64
}

// startTarget starts this very program as a server to be measured.
func startTarget(ctx context.Context, kind string, lines int) (*target, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	t := &target{kind: kind, cmd: exec.CommandContext(ctx, self, "bench-target", kind, "--lines", strconv.Itoa(lines))}
	t.cmd.Stderr = os.Stderr
	if t.in, err = t.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := t.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	t.out = bufio.NewReader(out)
	if err := t.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := t.out.ReadString('\n')
	if err != nil {
		t.stop()
		return nil, fmt.Errorf("the %s to be measured did not start", kind)
	}
	t.addr = strings.TrimSpace(line)
	if t.emptyHeap, _, err = t.heap(); err != nil {
		t.stop()
		return nil, err
	}
	return t, nil
}

// stop ends the process: it goes when its input does.
func (t *target) stop() {
	t.in.Close()
	_ = t.cmd.Wait()
}

// heap asks the process for its live heap, in octets, and its goroutines.
func (t *target) heap() (float64, int, error) {
	if _, err := io.WriteString(t.in, "heap\n"); err != nil {
		return 0, 0, err
	}
	line, err := t.out.ReadString('\n')
	if err != nil {
		return 0, 0, err
	}
	var heap float64
	var routines int
	_, err = fmt.Sscan(line, &heap, &routines)
	return heap, routines, err
}

// cpuTime is what the process has used, by the kernel's account.
func (t *target) cpuTime() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", t.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0, errors.New("/proc/PID/stat is not as expected")
	}
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	const tick = 10 * time.Millisecond // USER_HZ
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

// rss is the process's resident memory, in octets.
func (t *target) rss() (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", t.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0, errors.New("/proc/PID/statm is not as expected")
	}
	pages, err := strconv.ParseFloat(f[1], 64)
	return pages * float64(os.Getpagesize()), err
}
