package wiretap_test

import (
	"bytes"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/switchboard/wiretap"
)

// message is a record of 1.5 KB, as an event in an INFO is.
func message() wiretap.Record {
	return wiretap.Record{
		At: time.Now(), Direction: wiretap.Out, Peer: "192.0.2.10:49321", Session: "5c7d1e9af04b4b6f9f", Line: "tel:+14255550150",
		Trace: 77, Text: bytes.Repeat([]byte("0123456789abcde\n"), 94),
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
