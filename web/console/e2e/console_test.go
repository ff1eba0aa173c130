//go:build unix

// Package e2e has the console clicked in a real browser, against the real gateway.
package e2e

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"farhook/uacsta/uactest"
)

// programs finds what a browser needs, builds what it talks to and makes certificates for it; it gives node, and the environment of a script. What is missing skips by name.
func programs(t testing.TB) (node string, env []string) {
	t.Helper()
	missing := t.Skip
	if os.Getenv("FARHOOK_CI") != "" {
		missing = t.Fatal
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
	authority := uactest.NewAuthority(t)
	cert, key := authority.Issue(uactest.Wanted{Common: "gateway.example.com", Names: []string{"gateway.example.com"}, Days: 10})
	for name, data := range map[string][]byte{"own.pem": cert, "own.key": key, "ca.pem": authority.PEM} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return node, append(os.Environ(), "CERTIFICATES="+dir,
		"FARHOOK="+filepath.Join(dir, "farhook"), "UCSIM="+filepath.Join(dir, "ucsim"), "CHROMIUM="+chromium)
}

// run runs a script; nothing that it started outlives it.
func run(ctx context.Context, env []string, node string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, node, args...)
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd.CombinedOutput()
}

// TestConsole runs the files of tests, two at a time: each has a browser and a gateway of its own. It needs node, the console's npm packages and chromium; where they aren't there it is skipped, and fails
// where FARHOOK_CI is set. FARHOOK_SCREENSHOTS names a folder in which pictures of every view are kept.
func TestConsole(t *testing.T) {
	if testing.Short() {
		t.Skip("the browser test takes its time")
	}
	node, env := programs(t)
	if kept := os.Getenv("FARHOOK_SCREENSHOTS"); kept != "" {
		kept, err := filepath.Abs(kept)
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, "SCREENSHOTS="+kept)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	files, err := filepath.Glob("*.test.mjs")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no tests: ", err)
	}
	out, err := run(ctx, env, node, append([]string{"--test", "--test-reporter=spec", "--test-concurrency=2"}, files...)...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// BenchmarkBoard has 10,000 lines on the board, 200 of which change each second, and reports what the page's own performance entries say: the
// longest task (a frame must not take 50 ms) and the frames; and while the page is loaded; then the same while somebody searches, groups and filters, and types in the palette. It counts what the page has shown, so that an idle one doesn't pass for a quick one.
func BenchmarkBoard(b *testing.B) {
	node, env := programs(b)
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
		out, err := run(ctx, env, node, "bench.mjs")
		cancel()
		if err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		var seen struct {
			ChangesPerSecond, Shown, Failed, Frames, MedianFrame, P99Frame, LongTasks, LongestTask float64
			LongTasksLoading, LongestTaskLoading                                                   float64
			LongTasksTyping, LongestTaskTyping, LongTasksArranging, LongestTaskArranging           float64
			LongTasksPalette, LongestTaskPalette                                                   float64
		}
		if err := json.Unmarshal(out, &seen); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		if seen.Failed > 0 {
			b.Errorf("%v changes failed", seen.Failed)
		}
		b.ReportMetric(seen.ChangesPerSecond, "changes/s")
		b.ReportMetric(seen.Shown, "shown")
		b.ReportMetric(seen.Frames, "frames")
		b.ReportMetric(seen.MedianFrame, "ms/frame")
		b.ReportMetric(seen.P99Frame, "ms/frame(p99)")
		b.ReportMetric(seen.LongTasksLoading, "longtasks(loading)")
		b.ReportMetric(seen.LongestTaskLoading, "ms/longtask(loading)")
		b.ReportMetric(seen.LongTasks, "longtasks")
		b.ReportMetric(seen.LongestTask, "ms/longtask")
		b.ReportMetric(seen.LongTasksTyping, "longtasks(typing)")
		b.ReportMetric(seen.LongestTaskTyping, "ms/longtask(typing)")
		b.ReportMetric(seen.LongTasksArranging, "longtasks(arranging)")
		b.ReportMetric(seen.LongestTaskArranging, "ms/longtask(arranging)")
		b.ReportMetric(seen.LongTasksPalette, "longtasks(palette)")
		b.ReportMetric(seen.LongestTaskPalette, "ms/longtask(palette)")
	}
}
