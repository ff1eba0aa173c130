// Package clocktest makes readings of a clock that somebody sets while a process runs, for tests.
package clocktest

import (
	"testing"
	"time"
	"unsafe"
)

// reading is a time.Time as this version of Go keeps it: flag, seconds and nanoseconds of the wall clock; then the reading of the clock that only goes forward.
type reading struct {
	wall uint64
	ext  int64
	loc  *time.Location
}

// Set is a reading as time.Now would give it had somebody put the machine's clock forward by so much since: another wall clock, and the same clock that only goes forward. It fails the
// test where the Go that built it keeps times otherwise.
func Set(t testing.TB, at time.Time, by time.Duration) time.Time {
	t.Helper()
	set := at
	if unsafe.Sizeof(set) != unsafe.Sizeof(reading{}) {
		t.Fatal("times are kept otherwise than this knows")
	}
	const nanoseconds = 30 // bits
	r := (*reading)(unsafe.Pointer(&set))
	r.wall += uint64(int64(by/time.Second)) << nanoseconds
	if d := set.Sub(at); d != 0 {
		t.Fatalf("times are kept otherwise than this knows: %v went by", d)
	}
	if d := set.Round(0).Sub(at.Round(0)); d != by.Truncate(time.Second) {
		t.Fatalf("times are kept otherwise than this knows: the clock was set by %v, not %v", d, by)
	}
	return set
}
