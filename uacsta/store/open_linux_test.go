package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// asNobody runs f without the rights to others' files that root has. They are the thread's.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := syscall.Setfsuid(65534); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := syscall.Setfsuid(0); err != nil {
				t.Fatal(err)
			}
		}()
	}
	f()
}

func TestOpenNotWritable(t *testing.T) {
	dir := t.TempDir()
	chmod := func(path string, mode fs.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "s.db")
	mustClose(t, mustOpen(t, path))
	chmod(filepath.Dir(dir), 0o755)
	chmod(path, 0o444)
	chmod(dir, 0o555)
	t.Cleanup(func() { chmod(dir, 0o755) })

	asNobody(t, func() {
		if _, err := Open(filepath.Join(dir, "new.db"), nil); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("in a directory that isn't writable: %v", err)
		}
		if _, err := Open(path, nil); err == nil || !strings.Contains(err.Error(), "not writable") {
			t.Errorf("a file that isn't writable: %v", err)
		}
	})
	chmod(path, 0o666)
	asNobody(t, func() {
		if _, err := Open(path, nil); err == nil || !strings.Contains(err.Error(), "not writable") {
			t.Errorf("a file that is, in a directory that isn't: %v", err)
		}
	})
	chmod(path, 0)
	asNobody(t, func() {
		if _, err := Open(path, nil); err == nil || !strings.Contains(err.Error(), "not accessible") {
			t.Errorf("a file that isn't readable: %v", err)
		}
	})
}
