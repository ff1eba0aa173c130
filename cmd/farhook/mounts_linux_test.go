//go:build linux

package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// ownMounts, set in the environment, says that the process has mounts of its own.
const ownMounts = "FARHOOK_TEST_OWN_MOUNTS"

// withOwnMounts runs the test that calls it in a process that sees mounts of its own. here: this is that process, which may call mounted. done: that process has come to its end, and the
// caller returns. Neither: no mounts of one's own are to be had. It takes root, or a kernel that gives users name spaces.
func withOwnMounts(t *testing.T, args ...string) (here, done bool) {
	t.Helper()
	if os.Getenv(ownMounts) != "" {
		return true, false
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, append([]string{"-test.run", "^" + t.Name() + "$", "-test.v"}, args...)...)
	c.Env = append(os.Environ(), ownMounts+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	var out output
	c.Stdout, c.Stderr = &out, &out
	if os.Getenv(soakFor) != "" { // somebody watches
		c.Stdout, c.Stderr = io.MultiWriter(&out, os.Stdout), io.MultiWriter(&out, os.Stdout)
	}
	switch err := c.Run(); {
	case c.ProcessState == nil:
		t.Logf("no mounts of one's own are to be had here: %v", err)
		return false, false
	case err != nil:
		t.Errorf("%v\n%s", err, out.String())
	default:
		t.Log(out.String())
	}
	return false, !strings.Contains(out.String(), "--- SKIP: "+t.Name()+" ")
}

// mounted mounts a small file system on a folder.
func mounted(t *testing.T, size string) volume {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		t.Skip(err)
	}
	if err := syscall.Mount("farhook-test", dir, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return volume{dir: dir, fill: func(t *testing.T, _ int) func(int) { return fill(t, dir) }, readOnly: func(t *testing.T, on bool) { remount(t, dir, on) }}
}

// fill fills the disk, and gives what makes room again.
func fill(t *testing.T, dir string) (mend func(int)) {
	t.Helper()
	name := filepath.Join(dir, "fill")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{64 << 10, 512} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return func(int) { _ = os.Remove(name) }
}

// remount makes it read-only, or not.
func remount(t *testing.T, dir string, readOnly bool) {
	t.Helper()
	flags := uintptr(syscall.MS_REMOUNT)
	if readOnly {
		flags |= syscall.MS_RDONLY
	}
	if err := syscall.Mount("farhook-test", dir, "tmpfs", flags, ""); err != nil {
		t.Fatal(err)
	}
}
