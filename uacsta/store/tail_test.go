package store

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap/zaptest/observer"
)

// suffixes are those of all files of a store.
var suffixes = []string{"", "-wal", "-tail0", "-tail1"}

// killed gives a store as it would be found if the process ended now.
func killed(t *testing.T, s *Store) *Store {
	t.Helper()
	synctest.Wait() // a batch under way is not what is copied
	path := filepath.Join(t.TempDir(), "s.db")
	for _, x := range suffixes {
		b, err := os.ReadFile(s.path + x)
		if err != nil {
			continue
		}
		write(t, path+x, b)
	}
	return mustOpen(t, path)
}

// Whenever the process ends, everything that was put is found again, batches or none, also while the disk is full.
func TestKilledAtAnyTime(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *Store, _ *observer.ObservedLogs) {
				r := rand.New(rand.NewPCG(seed, 1))
				want := make(map[string]string)
				for range 60 {
					k := fmt.Sprint("k", r.IntN(8))
					switch r.IntN(8) {
					case 0:
						time.Sleep(time.Duration(r.IntN(3)) * Batch)
					case 1:
						pragma(t, s, "max_page_count = 2") // from now on nothing can be written
					case 2:
						pragma(t, s, "max_page_count = 1000000")
					case 3:
						s.Delete(k)
						delete(want, k)
					case 4:
						again := killed(t, s)
						if d := cmp.Diff(want, load(t, again)); d != "" {
							t.Fatal(d)
						}
						mustClose(t, again)
					default:
						v := fmt.Sprint(r.Uint64())
						s.Put(k, []byte(v))
						want[k] = v
					}
				}
				pragma(t, s, "max_page_count = 1000000")
				mustSync(t, s)
				if d := cmp.Diff(want, load(t, s)); d != "" {
					t.Error(d)
				}
				mustClose(t, s)
				for _, x := range suffixes[1:] {
					if _, err := os.Stat(s.path + x); err == nil {
						t.Errorf("%s is left after a good end", x)
					}
				}
			})
		})
	}
}

// A tail that was cut off, or damaged, gives what comes before the damage, and nothing that nobody put.
func TestDamagedTail(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Store, _ *observer.ObservedLogs) {
		s.Put("a", []byte("1"))
		s.Put("b", []byte("2"))
		s.Delete("a")
		s.Put("c", []byte("3"))
		name := s.path + "-tail0"
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		states := []map[string]string{{}, {"a": "1"}, {"a": "1", "b": "2"}, {"b": "2"}, {"b": "2", "c": "3"}}
		seen := make(map[int]bool)
		for i := range len(whole) * 2 {
			bad := append([]byte(nil), whole...)
			if i < len(whole) {
				bad = bad[:i]
			} else {
				bad[i-len(whole)] ^= 0x55
			}
			got := make(map[string]string)
			for _, p := range pieces(bad) {
				if p.value == nil {
					delete(got, p.key)
				} else {
					got[p.key] = string(p.value)
				}
			}
			found := false
			for n, want := range states {
				if cmp.Equal(want, got) {
					found, seen[n] = true, true
				}
			}
			if !found {
				t.Errorf("damage %d: %v", i, got)
			}
		}
		if len(seen) < 4 {
			t.Errorf("only the states %v came up", seen)
		}
	})
}

func FuzzTail(f *testing.F) {
	f.Add([]byte(tailMagic + "\x0c\x00\x00\x00\x00\x00\x00\x00aaaaaaaaaaaa"))
	f.Add([]byte(tailMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, p := range pieces(b) {
			if len(p.key)+len(p.value) > len(b) {
				t.Errorf("%d octets of %d", len(p.key)+len(p.value), len(b))
			}
		}
	})
}

// Without its tail a store still works, and says so.
func TestNoTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	if err := os.Mkdir(path+"-tail1", 0o700); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, path)
	s.Put("a", []byte("1"))
	mustSync(t, s)
	mustClose(t, s)
	s = mustOpen(t, path)
	if got := load(t, s); got["a"] != "1" {
		t.Error(got)
	}
}

func BenchmarkPut(b *testing.B) {
	s, err := Open(filepath.Join(b.TempDir(), "s.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	value := make([]byte, 1500)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Put(fmt.Sprint("k", i%5000), value)
	}
}
