package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// How long it takes until 50,000 sessions of 600 octets are on disk, for the first time and again, and to read them; and the size of the file.
func BenchmarkStore(b *testing.B) {
	const n = 50_000
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("%08x-7d1f@gateway.example;%08x", uint32(i)*2654435761, i)
	}
	value := make([]byte, 600)
	putAll := func(s *Store) {
		for _, k := range keys {
			s.Put(k, value)
		}
		if err := s.Sync(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	rate := func(b *testing.B) { b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s") }

	b.Run("new", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "s.db")
		for b.Loop() {
			s := mustOpen(b, path)
			putAll(s)
			b.StopTimer()
			mustClose(b, s)
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/n, "octets/record")
			if err := os.Remove(path); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
		rate(b)
	})
	s := mustOpen(b, filepath.Join(b.TempDir(), "s.db"))
	putAll(s)
	b.Run("again", func(b *testing.B) {
		for b.Loop() {
			putAll(s)
		}
		rate(b)
	})
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			if err := s.Load(func(string, []byte) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
		rate(b)
	})
	b.Run("note", func(b *testing.B) { // what the caller of Put waits
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			s.Put(keys[i%n], value)
			i++
		}
	})
}
