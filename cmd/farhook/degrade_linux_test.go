//go:build linux

package main

import (
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fault is what may happen to a gateway, or to what it leans on.
type fault struct {
	name   string                // as docs/operate.md has it
	stops  []string              // what fails meanwhile: probes, and parts that say that they aren't ready
	maybe  []string              // what may fail at times
	inject func(x *trial) func() // makes it happen; the result mends it
	disk   diskUse               // what of the disk it takes
}

// diskUse is what a fault takes of a disk.
type diskUse uint8

const (
	none   diskUse = iota
	writes         // it takes nothing any more
	itself         // it is made read-only
)

var faults = []fault{
	{name: "disk full", disk: writes, stops: []string{"part audit", "part http", "part store"}, inject: func(x *trial) func() { return x.fill() }},
	{name: "disk full at the start", disk: writes, stops: []string{"HTTP", "part audit", "part http"}, maybe: []string{"part store"}, inject: func(x *trial) func() {
		var mend func()
		x.restart(syscall.SIGTERM, func() { mend = x.fill() })
		return mend
	}},
	{name: "file system read-only at the start", disk: itself, stops: []string{"HTTP", "part audit", "part http", "part store"}, inject: func(x *trial) func() {
		x.restart(syscall.SIGTERM, func() { x.disk.readOnly(x.t, true) })
		return func() { x.disk.readOnly(x.t, false) }
	}},
	{name: "file descriptors", stops: []string{"HTTP", "new sessions", "readiness"}, inject: func(x *trial) func() {
		before := limit(x.t, x.g.Process.Pid, syscall.RLIMIT_NOFILE, 48)
		var held []net.Conn
		for range 60 { // the kernel takes them; nobody accepts them
			if c, err := net.Dial("tcp", x.g.sip); err == nil {
				held = append(held, c)
			}
		}
		x.g.logged(`too many open files`)
		return func() {
			for _, c := range held {
				c.Close()
			}
			limit(x.t, x.g.Process.Pid, syscall.RLIMIT_NOFILE, before)
		}
	}},
	{name: "memory near its limit", stops: []string{"new sessions", "part sip"}, inject: func(x *trial) func() {
		_ = x.g.Process.Signal(syscall.SIGUSR1) // it loads itself with ballast
		x.g.logged(`memory is near its limit`)
		return func() { _ = x.g.Process.Signal(syscall.SIGUSR2) }
	}},
	{name: "name servers dead", stops: []string{"calls", "part pbx main"}, inject: func(x *trial) func() {
		x.names.die(true)
		x.gate.cut() // who has a connection needs no name
		return func() { x.names.die(false) }
	}},
	{name: "the PBX comes and goes", maybe: []string{"calls", "part pbx main"}, inject: func(x *trial) func() {
		stop, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			for {
				x.gate.cut()
				select {
				case <-stop:
					return
				case <-time.After(time.Second):
				}
			}
		}()
		time.Sleep(4 * time.Second)
		return func() { close(stop); <-ended }
	}},
	{name: "SIGKILL", inject: func(x *trial) func() {
		x.restart(syscall.SIGKILL, func() {
			for i := range trialPairs { // what happens meanwhile is told later
				a, b := x.pbx.phones(i)
				_ = a.Dial(b.Device())
				_ = b.Answer()
			}
		})
		return func() {}
	}},
}

// suffer makes a fault happen, looks at what works meanwhile, mends it, and waits until all is well.
func (x *trial) suffer(f fault) (failed []string, recovered time.Duration) {
	x.t.Helper()
	x.stopped = append(slices.Clone(f.stops), f.maybe...)
	mend := f.inject(x)
	fits := func() bool {
		failed = x.failing()
		slices.Sort(failed)
		for _, s := range f.stops {
			if !slices.Contains(failed, s) {
				return false
			}
		}
		return true
	}
	if x.soaking { // what is kept may have room for a while on a disk that is full: in a file that has been larger
		for end := time.Now().Add(10 * time.Second); !fits() && time.Now().Before(end); {
			time.Sleep(50 * time.Millisecond)
		}
	} else {
		until(x.t, f.name+": what is to fail fails", fits, func() { x.t.Errorf("%s: %q fail, want %q", f.name, failed, f.stops) })
	}
	for _, s := range failed {
		if !slices.Contains(f.stops, s) && !slices.Contains(f.maybe, s) {
			x.t.Errorf("%s: %q fails, too: %v", f.name, s, x.why[s])
		}
	}
	mend()
	return failed, x.whole()
}

// Whatever happens, only what must stops, and everything comes back by itself. Where nobody may mount a disk, nothing is left out but the one that is read-only.
func TestDegrade(t *testing.T) {
	t.Parallel()
	switch here, done := withOwnMounts(t); {
	case here:
		newTrial(t, mounted(t, "32m")).sufferAll(faults)
	case !done:
		newTrial(t, limited(t)).sufferAll(slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return f.disk == itself }))
	}
}

// A disk that takes nothing, everywhere: no file of the gateway may grow.
func TestDegradeWithoutMounts(t *testing.T) {
	t.Parallel()
	newTrial(t, limited(t)).sufferAll(slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return f.disk != writes }))
}

func (x *trial) sufferAll(list []fault) {
	x.t.Helper()
	if failed := x.failing(); failed != nil {
		x.t.Fatalf("%q fail from the beginning", failed)
	}
	for _, f := range list {
		failed, took := x.suffer(f)
		x.t.Logf("%-35s fails: %-60s back after %v", f.name, strings.Join(failed, ", "), took.Round(time.Millisecond))
	}
}

// Each fault has its row in the documentation.
func TestFaultsAreDocumented(t *testing.T) {
	page := pages(t)["docs/operate.md"]
	for _, f := range faults {
		if !strings.Contains(page, "\n| "+f.name+" |") {
			t.Errorf("docs/operate.md has no row for %q", f.name)
		}
	}
}
