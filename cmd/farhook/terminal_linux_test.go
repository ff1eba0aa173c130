package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newTerminal makes a terminal of so many columns; what is written to tty is read by read.
func newTerminal(t *testing.T, columns uint16) (tty *os.File, read func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		if os.Getenv("FARHOOK_CI") != "" {
			t.Fatal(err)
		}
		t.Skip("no terminals are to be had: ", err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if tty, err = os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	var out output
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(&out, master)
		close(ended)
	}()
	return tty, func() string {
		tty.Close() // the last one: the reader is told
		select {
		case <-ended:
		case <-time.After(patience):
			t.Error("the terminal is still open")
		}
		return strings.ReplaceAll(out.String(), "\r\n", "\n")
	}
}

// On a terminal a trace has its colours and its width; NO_COLOR, a terminal without, a pipe and the flag each say otherwise.
func TestTraceFitsTheTerminal(t *testing.T) {
	control := filepath.Join(t.TempDir(), "c")
	m, stop := start(t, `(?s)sip:(127\.0\.0\.1:\d+);transport=tcp.*PBX link up`, "demo", "--quiet", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0", "--control", control)
	defer stop()
	uc := newUCServer(t, []string{"tel:+15551001"})
	uc.dial(m[1], 1)
	uc.signIn()
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	t.Setenv("COLUMNS", "")
	trace := func(columns uint16, args ...string) (text string, widest int) {
		t.Helper()
		tty, read := newTerminal(t, columns)
		if status := run(t.Context(), append([]string{"trace", "--control", control, "--line", "1001"}, args...), tty, tty); status != 0 {
			t.Fatalf("%v: %d: %s", args, status, read())
		}
		text = read()
		if !strings.Contains(text, "MonitorStart") {
			t.Fatalf("%v: no trace:\n%s", args, text)
		}
		for line := range strings.Lines(text) {
			n := 0
			for i, part := range strings.Split(strings.TrimSuffix(line, "\n"), "\x1b[") {
				if i > 0 {
					_, part, _ = strings.Cut(part, "m")
				}
				n += len([]rune(part))
			}
			widest = max(widest, n)
		}
		return text, widest
	}
	const code = "\x1b["
	for _, columns := range []uint16{66, 90, 132} {
		if text, widest := trace(columns); widest != int(columns) || !strings.Contains(text, code) { // the trace ids stand at the right
			t.Errorf("%d columns: the widest line has %d; colours: %v", columns, widest, strings.Contains(text, code))
		}
	}
	if _, widest := trace(90, "--width", "120"); widest != 120 {
		t.Errorf("--width 120: the widest line has %d columns", widest)
	}
	if text, _ := trace(90, "--text"); !strings.Contains(text, code) {
		t.Error("--text has no colours on a terminal")
	}
	for _, form := range []string{"--json"} {
		if text, _ := trace(90, form, "--color", "always"); strings.Contains(text, code) {
			t.Errorf("%s has colours", form)
		}
	}
	for _, args := range [][]string{{"--color", "never"}, {"--colour=never", "--text"}} {
		if text, _ := trace(90, args...); strings.Contains(text, code) {
			t.Errorf("%v: there are colours", args)
		}
	}
	t.Setenv("COLUMNS", "70")
	if _, widest := trace(90); widest != 70 {
		t.Errorf("COLUMNS=70: the widest line has %d columns", widest)
	}
	t.Setenv("NO_COLOR", "1")
	if text, _ := trace(90); strings.Contains(text, code) {
		t.Error("NO_COLOR: there are colours")
	}
	if text, _ := trace(90, "--color", "always"); !strings.Contains(text, code) {
		t.Error("NO_COLOR, but --color=always: there are none")
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	if text, _ := trace(90); strings.Contains(text, code) {
		t.Error("TERM=dumb: there are colours")
	}
	t.Setenv("TERM", "xterm")
	// What goes into a pipe or a file has none, unless asked for.
	file := filepath.Join(t.TempDir(), "out")
	for want, args := range map[bool][]string{false: nil, true: {"--color=always"}} {
		f, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		status := run(t.Context(), append([]string{"trace", "--control", control}, args...), f, f)
		f.Close()
		text, err := os.ReadFile(file)
		if err != nil || status != 0 || strings.Contains(string(text), code) != want {
			t.Errorf("%v into a file: %v, %d: %s", args, err, status, text)
		}
	}
}
