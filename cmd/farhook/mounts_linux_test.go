//go:build linux

package main

import (
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// ownMounts, set in the environment, says that the process has mounts of its own.
const ownMounts = "FARHOOK_TEST_OWN_MOUNTS"

// withOwnMounts runs the test that calls it in a process that sees mounts of its own, and says whether this is that process: the caller returns where it isn't.
// It takes root, or a kernel that gives users name spaces.
func withOwnMounts(t *testing.T, args ...string) bool {
	t.Helper()
	if os.Getenv(ownMounts) != "" {
		return true
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
		t.Skipf("no mounts of one's own are to be had here: %v", err)
	case err != nil:
		t.Errorf("%v\n%s", err, out.String())
	default:
		t.Log(out.String())
	}
	return false
}

// disk mounts a small file system on a folder.
func disk(t *testing.T, size string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		t.Skip(err)
	}
	if err := syscall.Mount("farhook-test", dir, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
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
