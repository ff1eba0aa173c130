package directory_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	. "farhook/pbxadapter/directory"
)

// bulk writes a file of 100,000 users.
func bulk(b *testing.B, kind string) File {
	var s strings.Builder
	if kind == "csv" {
		s.WriteString("user,name,lines,aliases,mail,department,line_server\n")
	}
	for i := range 100_000 {
		format := "- {user: sip:user%d@example.com, name: User %[1]d of Example, lines: ['tel:+1555%06[1]d;ext=%06[1]d'], aliases: ['%06[1]d', '+1 (999) %06[1]d'], mail: user%[1]d@example.com, department: Department %[2]d, line_server: 'sip:farhook@rcc.example.com'}\n"
		if kind == "csv" {
			format = "sip:user%d@example.com,User %[1]d of Example,tel:+1555%06[1]d;ext=%06[1]d,%06[1]d|+1 (999) %06[1]d,user%[1]d@example.com,Department %[2]d,sip:farhook@rcc.example.com\n"
		}
		fmt.Fprintf(&s, format, i, i%100)
	}
	return write(b, "users."+kind, s.String())
}

// measure loads 100,000 users again and again: how long that takes, how much processor time (cpu-s, for machines that have other work), what it keeps in
// memory (kept-MB), which must stay under 150, and the most there was meanwhile with what was still to be collected (peak-MB).
func measure(b *testing.B, load func() *Directory) {
	for b.Loop() {
		b.StopTimer()
		before := heap()
		stop, peak := watch()
		used := processorTime(b)
		b.StartTimer()
		d := load()
		b.StopTimer()
		b.ReportMetric((processorTime(b) - used).Seconds(), "cpu-s")
		close(stop)
		b.ReportMetric(float64(<-peak-before)/1e6, "peak-MB")
		kept := float64(heap()-before) / 1e6
		b.ReportMetric(kept, "kept-MB")
		if kept > 150 {
			b.Errorf("%.0f MB are kept", kept)
		}
		if n := len(d.View().People); n != 100_000 {
			b.Fatalf("%d people, %v", n, d.View().Sources)
		}
		b.StartTimer()
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, kind := range []string{"csv", "yaml"} {
		f := bulk(b, kind)
		b.Run(kind, func(b *testing.B) {
			measure(b, func() *Directory {
				d := New(Options{}, f)
				if err := d.Load(b.Context()); err != nil {
					b.Fatal(err)
				}
				return d
			})
		})
	}
	folder := b.TempDir()
	if err := New(Options{Folder: folder}, bulk(b, "csv")).Load(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Run("copy", func(b *testing.B) {
		measure(b, func() *Directory {
			d := New(Options{Folder: folder}, File(filepath.Join(folder, "gone.csv")))
			if err := d.Load(b.Context()); err != nil {
				b.Fatal(err)
			}
			return d
		})
	})
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// watch looks at the heap until it's told to stop, and gives the most it has seen.
func watch() (chan struct{}, chan uint64) {
	stop, peak := make(chan struct{}), make(chan uint64, 1)
	go func() {
		var most uint64
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			select {
			case <-stop:
				peak <- most
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return stop, peak
}
