package store

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// filled makes a store of some pages and closes it.
func filled(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "s.db")
	s := mustOpen(t, path)
	for i := range 1000 {
		k := fmt.Sprint("k", i)
		s.Put(k, whole(k, 0))
	}
	mustClose(t, s)
	return path
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// run changes a closed store as another program would.
func run(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range statements {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// What can't be opened says why, and every octet stays.
func TestOpenRefuses(t *testing.T) {
	defer goleak.VerifyNone(t)
	const size = 4096
	noise := func(b []byte) {
		r := rand.New(rand.NewPCG(1, 2))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
	tests := []struct {
		name  string
		want  error
		spoil func(path string)
	}{
		{"random octets", ErrBroken, func(p string) { b := read(t, p); noise(b); write(t, p, b) }},
		{"one octet", ErrBroken, func(p string) { write(t, p, []byte("S")) }},
		{"text", ErrBroken, func(p string) { write(t, p, []byte(strings.Repeat("line: 1\n", 1000))) }},
		{"cut within the header", ErrBroken, func(p string) { write(t, p, read(t, p)[:60]) }},
		{"cut within a page", ErrBroken, func(p string) { write(t, p, read(t, p)[:3*size+100]) }},
		{"cut after a page", ErrBroken, func(p string) { write(t, p, read(t, p)[:3*size]) }},
		{"a page flipped", ErrBroken, func(p string) {
			b := read(t, p)
			for i := range b[5*size : 6*size] {
				b[5*size+i] ^= 0xff
			}
			write(t, p, b)
		}},
		{"a page of noise", ErrBroken, func(p string) { b := read(t, p); noise(b[7*size : 8*size]); write(t, p, b) }},
		{"a page of zeros", ErrBroken, func(p string) { b := read(t, p); clear(b[4*size : 5*size]); write(t, p, b) }},
		{"no table", ErrBroken, func(p string) { run(t, p, "DROP TABLE session") }},
		{"another table", ErrBroken, func(p string) { run(t, p, "ALTER TABLE session RENAME COLUMN value TO v") }},
		{"a trigger", ErrBroken, func(p string) {
			run(t, p, "CREATE TRIGGER t AFTER INSERT ON session BEGIN DELETE FROM session; END")
		}},
		{"another program's", ErrBroken, func(p string) { run(t, p, "PRAGMA application_id = 7") }},
		{"another program's, without a number", ErrBroken, func(p string) {
			if err := os.Remove(p); err != nil {
				t.Fatal(err)
			}
			run(t, p, "CREATE TABLE calls (id)")
		}},
		{"newer", ErrNewer, func(p string) { run(t, p, fmt.Sprintf("PRAGMA user_version = %d", version+1)) }},
		{"newer, of another layout", ErrNewer, func(p string) { run(t, p, "DROP TABLE session", "PRAGMA user_version = 99") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filled(t)
			tt.spoil(path)
			before := read(t, path)
			s, err := Open(path, nil)
			if s != nil || !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if err != nil && !strings.Contains(err.Error(), path) {
				t.Errorf("doesn't name the file: %v", err)
			}
			if !bytes.Equal(before, read(t, path)) {
				t.Error("the file was changed")
			}
			if _, err := os.Stat(path + "-wal"); err == nil {
				t.Error("a log was left")
			}
		})
	}
}

// A file that a newer program left when it was killed keeps its log, too.
func TestOpenRefusesWithLog(t *testing.T) {
	path := filled(t)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec("PRAGMA user_version = 2; INSERT INTO session VALUES (x'01', x'02')"); err != nil {
		t.Fatal(err)
	}
	killed := filepath.Join(t.TempDir(), "killed.db") // what a process that ended now would have left
	db1, wal := read(t, path), read(t, path+"-wal")
	if len(wal) == 0 {
		t.Fatal("nothing in the log")
	}
	write(t, killed, db1)
	write(t, killed+"-wal", wal)
	if _, err := Open(killed, nil); !errors.Is(err, ErrNewer) {
		t.Errorf("got %v", err)
	}
	if !bytes.Equal(db1, read(t, killed)) || !bytes.Equal(wal, read(t, killed+"-wal")) {
		t.Error("the file or its log was changed")
	}
}

// A log torn or filled with noise costs what it told, not the store.
func TestOpenWithBrokenLog(t *testing.T) {
	path := filled(t)
	write(t, path+"-wal", bytes.Repeat([]byte("noise"), 5000))
	s := mustOpen(t, path)
	if n := len(load(t, s)); n != 1000 {
		t.Errorf("%d records", n)
	}
}

func TestOpenTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := mustOpen(t, path)
	for range 2 {
		if _, err := Open(path, nil); !errors.Is(err, ErrInUse) {
			t.Fatalf("got %v", err)
		}
	}
	s.Put("k", []byte("v"))
	mustSync(t, s)
	if _, err := Open(path, nil); !errors.Is(err, ErrInUse) {
		t.Fatalf("got %v", err)
	}
	mustClose(t, s)
	if got := load(t, mustOpen(t, path)); got["k"] != "v" {
		t.Errorf("got %v", got)
	}
}

func TestOpenNowhere(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, file, nil)
	tests := []struct {
		name, path string
		is         error
		says       string
	}{
		{"no directory", filepath.Join(dir, "none", "s.db"), fs.ErrNotExist, "no such file or directory"},
		{"a directory", dir, nil, "is a directory"},
		{"below a file", filepath.Join(file, "s.db"), nil, "not a directory"},
		{"a device", os.DevNull, nil, "not a regular file"},
		{"no name", "a\x00b", nil, "invalid argument"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(tt.path, nil)
			if err == nil || !strings.Contains(err.Error(), tt.says) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
}

// Damage that the check at the start doesn't find is found later, or harmless: nothing panics, and no record comes twice.
func TestDamagedAnywhere(t *testing.T) {
	good := read(t, filled(t))
	path := filepath.Join(t.TempDir(), "s.db")
	r := rand.New(rand.NewPCG(3, 4))
	opened := 0
	for range 300 {
		b := bytes.Clone(good)
		for range 1 + r.IntN(8) {
			i := r.IntN(len(b))
			if r.IntN(2) == 0 { // where the structure is
				i -= i % 4096
				i += r.IntN(64)
			}
			b[i] = byte(r.Uint32())
		}
		write(t, path, b)
		s, err := Open(path, nil)
		if err != nil {
			if !errors.Is(err, ErrBroken) && !errors.Is(err, ErrNewer) {
				t.Errorf("open: %v", err)
			}
			continue
		}
		opened++
		seen := make(map[string]bool)
		err = s.Load(func(k string, _ []byte) error {
			if seen[k] {
				t.Errorf("%q twice", k)
			}
			seen[k] = true
			return nil
		})
		if err != nil && !errors.Is(err, ErrBroken) {
			t.Errorf("load: %v", err)
		}
		for i := range 20 {
			s.Put(fmt.Sprint("k", r.IntN(2000)), whole("k", i))
			s.Delete(fmt.Sprint("k", r.IntN(2000)))
		}
		_ = s.Close() // may fail, if the damage is where it writes
	}
	if opened < 10 || opened > 290 {
		t.Errorf("%d of 300 could be opened: this tests too little", opened)
	}
}
