//go:build unix

// Package e2e has the console clicked in a real browser, against the real gateway.
package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestConsole runs console.test.mjs. It needs node, the console's npm packages and chromium; where they aren't there it is skipped, and fails
// where FARHOOK_CI is set.
func TestConsole(t *testing.T) {
	missing := t.Skip
	if os.Getenv("FARHOOK_CI") != "" {
		missing = t.Fatal
	}
	if testing.Short() {
		missing("the browser test takes its time")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing("no node: ", err)
	}
	if _, err := os.Stat("../node_modules/playwright-core"); err != nil {
		missing("no npm packages (npm ci in web/console): ", err)
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		missing("no chromium: ", err)
	}

	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir, "farhook/cmd/farhook", "farhook/cmd/ucsim")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "--test", "--test-reporter=spec", "console.test.mjs")
	cmd.Env = append(os.Environ(),
		"FARHOOK="+filepath.Join(dir, "farhook"), "UCSIM="+filepath.Join(dir, "ucsim"), "CHROMIUM="+chromium)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that nothing it started outlives it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
