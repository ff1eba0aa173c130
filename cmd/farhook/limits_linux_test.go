package main

import (
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// testWrites, set in the environment, lets no file of the gateway grow, from its start on: the disk takes nothing. So it is had where no file system of one's own is.
const testWrites = "FARHOOK_TEST_NO_WRITES"

// limitFileSize is how large a file may be where the disk is to take nothing. Not 0: that is taken for a question by nobody, but files of one octet show that it's the limit.
const (
	limitFileSize = 1
	noLimit       = ^uint64(0)
)

// limitSelf does to the gateway's process what the environment says.
func limitSelf() {
	if os.Getenv(testWrites) != "" {
		_ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limitFileSize, Max: noLimit})
	}
}

// limit sets a limit of another process, and gives what it was.
func limit(t *testing.T, pid, resource int, n uint64) uint64 {
	t.Helper()
	var was syscall.Rlimit
	set := func(to, from *syscall.Rlimit) {
		if _, _, err := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), uintptr(resource), uintptr(unsafe.Pointer(to)), uintptr(unsafe.Pointer(from)), 0, 0); err != 0 {
			t.Fatal(err)
		}
	}
	set(nil, &was)
	set(&syscall.Rlimit{Cur: n, Max: was.Max}, nil)
	return was.Cur
}

// volume is where a gateway keeps everything. alive is the process of a gateway that runs; 0: none does.
type volume struct {
	dir      string
	fill     func(t *testing.T, alive int) (mend func(alive int)) // it takes nothing any more
	readOnly func(t *testing.T, on bool)                          // nil: it can't be made so
	env      func() []string                                      // of a gateway that is started now; nil: nothing
}

// limited is a folder like any other, and a gateway whose files may not grow at times. It takes no rights.
func limited(t *testing.T) volume {
	var env []string
	return volume{dir: t.TempDir(), env: func() []string { return env }, fill: func(t *testing.T, alive int) func(int) {
		t.Helper()
		env = []string{testWrites + "=1"}
		if alive != 0 {
			limit(t, alive, syscall.RLIMIT_FSIZE, limitFileSize)
		}
		return func(alive int) {
			env = nil
			if alive != 0 {
				limit(t, alive, syscall.RLIMIT_FSIZE, noLimit)
			}
		}
	}}
}
