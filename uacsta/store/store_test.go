package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func mustOpen(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func mustSync(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func load(t testing.TB, s *Store) map[string]string {
	t.Helper()
	got := make(map[string]string)
	err := s.Load(func(k string, v []byte) error {
		if _, twice := got[k]; twice {
			return fmt.Errorf("%q twice", k)
		}
		got[k] = string(v)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRoundTrip(t *testing.T) {
	defer goleak.VerifyNone(t)
	path := filepath.Join(t.TempDir(), "a #1?mode=memory %41.db") // a name that an address would read otherwise
	s := mustOpen(t, path)
	want := map[string]string{"nul\x00s": "\x00\xff", "empty": "", "nil": "", strings.Repeat("k", MaxKey): strings.Repeat("v", MaxValue)}
	for k, v := range want {
		s.Put(k, []byte(v))
	}
	s.Put("nil", nil)
	s.Put("gone", []byte("1"))
	s.Put("old", []byte("1"))
	s.Put("grown", []byte("1"))
	mustSync(t, s)
	s.Delete("gone")
	s.Delete("never there")
	s.Put("old", []byte("2"))
	s.Put("grown", make([]byte, MaxValue+1))
	s.Put(strings.Repeat("k", MaxKey+1), []byte("1"))
	s.Put("", []byte("1"))
	for i := range 3 * page {
		k := fmt.Sprint("many", i)
		want[k] = k
		s.Put(k, []byte(k))
	}
	mustClose(t, s)
	mustClose(t, s)
	want["old"] = "2"

	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file: %v, %v", info, err)
	}
	s = mustOpen(t, path)
	if d := cmp.Diff(want, load(t, s)); d != "" {
		t.Error(d)
	}
	mustSync(t, s) // nothing to wait for
	mustClose(t, s)
	s.Put("late", nil)
	if err := s.Sync(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := mustOpen(t, path)
	for i := range 2*page + 1 {
		s.Put(fmt.Sprint("k", i), nil)
	}
	mustClose(t, s)
	run(t, path, "INSERT INTO session VALUES (x'00', zeroblob(262145)), (zeroblob(513), x''), (x'', x'00')") // beyond the bounds
	s = mustOpen(t, path)
	err := s.Load(func(k string, _ []byte) error {
		s.Delete(k)
		s.Put("a "+k, nil)
		return s.Sync(t.Context()) // the writer isn't held up
	})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for k := range load(t, s) {
		n++
		if !strings.HasPrefix(k, "a ") {
			t.Errorf("%q", k)
		}
	}
	if n < 2*page+1 {
		t.Errorf("%d records", n)
	}

	enough := errors.New("enough")
	calls := 0
	err = s.Load(func(string, []byte) error { calls++; return enough })
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
	mustClose(t, s)
	if err := s.Load(func(string, []byte) error { return nil }); err == nil {
		t.Error("loads from a closed store")
	}
}

// A relative path goes on meaning the same file.
func TestRelativePath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	s := mustOpen(t, "s.db")
	t.Chdir(t.TempDir())
	s.Put("k", []byte("v"))
	mustClose(t, s)
	if got := load(t, mustOpen(t, filepath.Join(dir, "s.db"))); got["k"] != "v" {
		t.Errorf("got %v", got)
	}
}
