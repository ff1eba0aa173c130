package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"pgregory.net/rapid"
)

func batches(s *Store) (taken, stored uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken, s.stored
}

// inBubble runs f with a store and a clock of their own.
func inBubble(t *testing.T, f func(t *testing.T, s *Store, logs *observer.ObservedLogs)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s.db")
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.InfoLevel)
		s, err := Open(path, zap.New(core))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		f(t, s, logs)
	})
}

func pragma(t *testing.T, s *Store, q string) {
	t.Helper()
	if _, err := s.db.Exec("PRAGMA " + q); err != nil {
		t.Fatal(err)
	}
}

func TestBatch(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Store, _ *observer.ObservedLogs) {
		for i := range 10 {
			s.Put(fmt.Sprint(i), nil)
			time.Sleep(Batch/10 - 1)
		}
		synctest.Wait()
		if taken, _ := batches(s); taken != 0 {
			t.Errorf("%d batches before it was time", taken)
		}
		time.Sleep(10 * time.Nanosecond)
		synctest.Wait()
		if taken, stored := batches(s); taken != 1 || stored != 1 {
			t.Errorf("%d batches, %d stored", taken, stored)
		}
		time.Sleep(time.Hour)
		if taken, _ := batches(s); taken != 1 {
			t.Errorf("%d batches of nothing", taken-1)
		}

		s.Put("a", nil)
		start := time.Now()
		mustSync(t, s)
		if d := time.Since(start); d != 0 {
			t.Errorf("sync took %v", d)
		}
		if n := len(load(t, s)); n != 11 {
			t.Errorf("%d records", n)
		}
	})
}

func TestDiskFull(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Store, logs *observer.ObservedLogs) {
		want := map[string]string{"before": "1", "changed": "2"}
		s.Put("before", []byte("1"))
		s.Put("changed", []byte("1"))
		s.Put("deleted", []byte("1"))
		mustSync(t, s)

		pragma(t, s, "max_page_count = 10")
		for i := range 1000 {
			k := fmt.Sprint("k", i)
			want[k] = string(whole(k, 0))
			s.Put(k, whole(k, 0))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Sync(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "full") {
			t.Errorf("sync: %v", err)
		}
		s.Put("changed", []byte("2"))
		s.Put("k0", []byte("new"))
		want["k0"] = "new"
		s.Delete("deleted")
		s.Delete("k1")
		delete(want, "k1")

		before, _ := batches(s)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		taken, stored := batches(s)
		if n := taken - before; n < 60 || n > 70 {
			t.Errorf("%d attempts in 10 minutes", n)
		}
		if stored != 1 || s.Err() == nil {
			t.Errorf("%d batches stored, %v", stored, s.Err())
		}
		if d := cmp.Diff(map[string]string{"before": "1", "changed": "1", "deleted": "1"}, load(t, s)); d != "" {
			t.Error(d)
		}

		pragma(t, s, "max_page_count = 1000000")
		start := time.Now()
		mustSync(t, s)
		if d := time.Since(start); d > longestWait {
			t.Errorf("took %v to notice", d)
		}
		if err := s.Err(); err != nil {
			t.Error(err)
		}
		if d := cmp.Diff(want, load(t, s)); d != "" {
			t.Error(d)
		}
		if n := logs.Len(); n != 2 {
			t.Errorf("%d lines logged, want one of the failure and one of its end: %v", n, logs.All())
		}
		s.Put("a", nil) // and the waits are short again
		time.Sleep(Batch)
		synctest.Wait()
		if taken, stored := batches(s); taken != stored {
			t.Errorf("still %d behind", taken-stored)
		}
	})
}

func TestCloseWhenFull(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Store, _ *observer.ObservedLogs) {
		pragma(t, s, "max_page_count = 3")
		for i := range 100 {
			s.Put(fmt.Sprint(i), whole("k", i))
		}
		done := make(chan error)
		go func() { done <- s.Sync(context.Background()) }()
		time.Sleep(time.Minute)
		before, _ := batches(s)
		if err := s.Close(); err == nil || !strings.Contains(err.Error(), "100 changes are left") {
			t.Errorf("close: %v", err)
		}
		if taken, _ := batches(s); taken != before+1 {
			t.Errorf("%d attempts at the end", taken-before)
		}
		if err := <-done; !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), "full") {
			t.Errorf("sync: %v", err)
		}
		again := mustOpen(t, s.path)
		if n := len(load(t, again)); n != 100 {
			t.Errorf("%d records at the next start", n)
		}
		mustClose(t, again)
	})
}

func TestFileGone(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Store, _ *observer.ObservedLogs) {
		away := s.path + ".away"
		if err := os.Rename(s.path, away); err != nil {
			t.Fatal(err)
		}
		s.Put("k", []byte("v"))
		time.Sleep(Batch)
		synctest.Wait()
		if err := s.Err(); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("gone: %v", err)
		}
		write(t, s.path, []byte("another"))
		time.Sleep(longestWait)
		synctest.Wait()
		if err := s.Err(); err == nil || !strings.Contains(err.Error(), "another file") {
			t.Errorf("replaced: %v", err)
		}
		if err := os.Rename(away, s.path); err != nil {
			t.Fatal(err)
		}
		mustSync(t, s)
		if got := load(t, s); got["k"] != "v" || s.Err() != nil {
			t.Errorf("got %v, %v", got, s.Err())
		}
	})
}

func TestCoalesce(t *testing.T) {
	const keys, puts = 10_000, 40_000
	s := mustOpen(t, filepath.Join(t.TempDir(), "s.db"))
	for i := range puts {
		s.Put(fmt.Sprint("k", i%keys), fmt.Append(nil, i))
		if i%1000 == 0 {
			s.mu.Lock()
			if n := len(s.pending); n > keys {
				t.Errorf("%d pending", n)
			}
			s.mu.Unlock()
		}
	}
	mustSync(t, s)
	got := load(t, s)
	if len(got) != keys {
		t.Errorf("%d records", len(got))
	}
	for i := puts - keys; i < puts; i++ {
		if k := fmt.Sprint("k", i%keys); got[k] != fmt.Sprint(i) {
			t.Fatalf("%s: %s, want %d", k, got[k], i)
		}
	}
}

func TestConcurrent(t *testing.T) {
	defer goleak.VerifyNone(t)
	path := filepath.Join(t.TempDir(), "s.db")
	s := mustOpen(t, path)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				k := fmt.Sprint(g, "/", i%50)
				s.Put(k, fmt.Append(nil, i))
				if i%50%10 == 9 {
					s.Delete(k)
				}
				if i%100 != 0 {
					continue
				}
				if err := errors.Join(s.Sync(t.Context()), s.Err()); err != nil {
					t.Error(err)
				}
				found := false
				if err := s.Load(func(key string, v []byte) error {
					found = found || key == k && string(v) == fmt.Sprint(i)
					return nil
				}); err != nil || !found {
					t.Errorf("%s=%d was synced, but isn't there: %v", k, i, err)
				}
			}
		})
	}
	wg.Wait()
	for range 4 { // together with those who close
		wg.Go(func() { s.Put("at the end", nil); _ = s.Sync(context.Background()) })
		wg.Go(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s = mustOpen(t, path)
	got := load(t, s)
	delete(got, "at the end")
	if len(got) != 8*45 {
		t.Errorf("%d records", len(got))
	}
	mustClose(t, s)
}

// Whatever is put, deleted, synced and reopened: what is on disk in the end is what a map would hold.
func TestLikeAMap(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		path := filepath.Join(dir, fmt.Sprint(n))
		s := mustOpen(t, path)
		defer func() { _ = s.Close() }()
		want := map[string]string{}
		key := rapid.StringN(1, 3, 8)
		r.Repeat(map[string]func(*rapid.T){
			"put": func(r *rapid.T) {
				k, v := key.Draw(r, "key"), rapid.SliceOf(rapid.Byte()).Draw(r, "value")
				s.Put(k, v)
				want[k] = string(v)
			},
			"delete": func(r *rapid.T) {
				k := key.Draw(r, "key")
				s.Delete(k)
				delete(want, k)
			},
			"sync": func(r *rapid.T) {
				if err := s.Sync(context.Background()); err != nil {
					r.Fatal(err)
				}
				if d := cmp.Diff(want, load(t, s)); d != "" {
					r.Fatal(d)
				}
			},
			"reopen": func(r *rapid.T) {
				if err := s.Close(); err != nil {
					r.Fatal(err)
				}
				s = mustOpen(t, path)
			},
		})
	})
}
