package wiretap_test

import (
	"bytes"
	"slices"
	"sync"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/switchboard/wiretap"
)

// message is a record of 1.5 KB, as an event in an INFO is.
func message() wiretap.Record {
	return wiretap.Record{
		At: time.Now(), Direction: wiretap.Out, Peer: "192.0.2.10:49321", Session: "5c7d1e9af04b4b6f9f", Line: "tel:+14255550150",
		Trace: traced(77), Text: bytes.Repeat([]byte("0123456789abcde\n"), 94),
	}
}

func BenchmarkRecord(b *testing.B) {
	t := wiretap.New(16<<20, time.Hour)
	r := message()
	b.ReportAllocs()
	for b.Loop() {
		r := r
		r.Calls = []csta.CallID{"asterisk-1"}
		t.Record(r)
	}
}

func BenchmarkRecordParallel(b *testing.B) {
	t := wiretap.New(16<<20, time.Hour)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := message()
		for pb.Next() {
			r := r
			r.Calls = []csta.CallID{"asterisk-1"}
			t.Record(r)
		}
	})
}

// A call's messages, a thousand of them, in a full ring.
func BenchmarkFind(b *testing.B) {
	t := wiretap.New(16<<20, time.Hour)
	r := message()
	for i := range 20_000 {
		r.Line = "tel:+14255550150"
		if i%10 == 0 {
			r.Line, r.Calls = "tel:+14255550151", []csta.CallID{"asterisk-1"}
		}
		t.Record(r)
	}
	b.ReportAllocs()
	for b.Loop() {
		if got := t.Find(wiretap.Filter{Line: "tel:+14255550151"}); len(got) != 1000 {
			b.Fatalf("found %d", len(got))
		}
	}
}

// What a writer waits at most while somebody searches a ring of 64 MiB over and over.
func BenchmarkRecordDuringFind(b *testing.B) {
	t := wiretap.New(64<<20, time.Hour)
	r := message()
	for range 45_000 {
		t.Record(r)
	}
	done := make(chan struct{})
	var finder sync.WaitGroup
	finder.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				t.Find(wiretap.Filter{Line: "nobody's"})
			}
		}
	})
	waits := make([]time.Duration, 0, 1<<20)
	for b.Loop() {
		began := time.Now()
		t.Record(r)
		if len(waits) < cap(waits) {
			waits = append(waits, time.Since(began))
		}
	}
	close(done)
	finder.Wait()
	slices.Sort(waits)
	b.ReportMetric(float64(waits[len(waits)*999/1000].Nanoseconds()), "p99.9-ns")
	b.ReportMetric(float64(waits[len(waits)-1].Nanoseconds()), "max-ns")
}
