//go:build linux

package main

import (
	"fmt"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"farhook/csta"
)

// limitFiles sets how many files another process may have open.
func limitFiles(t *testing.T, pid int, n uint64) {
	t.Helper()
	limit := syscall.Rlimit{Cur: n, Max: n}
	if _, _, err := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_NOFILE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0); err != 0 {
		t.Fatal(err)
	}
}

// Out of file descriptors new connections wait, those that stand go on, and when some are free again new ones come in. Nothing ends.
func TestOutOfFileDescriptors(t *testing.T) {
	dir := t.TempDir()
	g := begin(t, "serve", "--config", config(t, "sip: {listen: ['127.0.0.1:0'], store: %s}\naudit: {file: %s}\n",
		filepath.Join(dir, "sessions.db"), filepath.Join(dir, "audit.jsonl")))
	g.logged(`"PBX link up"`)
	uc := newUCServer(t, []string{"tel:+15551001", "tel:+15551002"})
	uc.dial(g.sip, 1)
	uc.signIn()
	ask := func() {
		t.Helper()
		uc.all("INFO", func(s *ucSession) csta.Message {
			return csta.SnapshotDevice{SnapshotObject: csta.DeviceID(s.line)}
		}, func(_ *ucSession, m ucMessage, got csta.Message) {
			if _, ok := got.(csta.SnapshotDeviceResponse); !ok {
				t.Errorf("%s: %T", m.start, got)
			}
		})
	}
	ask()
	limitFiles(t, g.Process.Pid, 40)
	var held []net.Conn
	for range 60 {
		c, err := net.Dial("tcp", g.sip) // the kernel takes it; nobody accepts it
		if err != nil {
			break
		}
		held = append(held, c)
	}
	g.logged(`too many open files`)
	for range 5 {
		ask()
	}
	a := uc.sessions[0]
	a.conn.write(true, a.request(uc, "INFO", csta.Encode(nil, csta.MakeCall{
		CallingDevice: "tel:+15551001", CalledDirectoryNumber: "tel:+15551002", AutoOriginate: csta.AutoOriginateDoNotPrompt,
	}, csta.Ed3)))
	if m, _, err := csta.Decode(a.await(t).body); err != nil || fmt.Sprintf("%T", m) != "csta.MakeCallResponse" {
		t.Errorf("a call in want of descriptors: %T, %v", m, err)
	}
	for _, c := range held {
		c.Close()
	}
	uc.hangUp() // the same Call-IDs come again, and a new one
	uc2 := newUCServer(t, []string{"tel:+15551001", "tel:+15551002", "tel:+15551003"})
	uc2.dial(g.sip, 1)
	uc2.signIn()
	if g.metric("farhook_sessions") != 3 {
		t.Errorf("%v sessions, want 3", g.metric("farhook_sessions"))
	}
}
