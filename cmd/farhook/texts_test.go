package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The package's configuration is the example with the package's places.
func TestInstalledExample(t *testing.T) {
	var out strings.Builder
	if status := run(t.Context(), []string{"config", "example", "--installed"}, &out, &out); status != 0 {
		t.Fatal(out.String())
	}
	c, err := parse("installed", []byte(out.String()))
	if err != nil || c.SIP.Store != "/var/lib/farhook/sessions.db" || c.Audit.File != "/var/lib/farhook/audit.jsonl" || c.Control != installedControl {
		t.Errorf("%v: %q %q %q", err, c.SIP.Store, c.Audit.File, c.Control)
	}
}

// Bash completes commands of commands, their flags, and files where a file is wanted.
func TestBashCompletion(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is missing")
	}
	var out strings.Builder
	if status := run(t.Context(), []string{"completion", "bash"}, &out, &out); status != 0 {
		t.Fatal(out.String())
	}
	dir := t.TempDir()
	script := filepath.Join(dir, "farhook.bash")
	for name, text := range map[string]string{script: out.String(), filepath.Join(dir, "my.yaml"): ""} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ line, word, want string }{
		{"farhook do", "do", "doctor"},
		{"farhook config ch", "ch", "check"},
		{"farhook trace --li", "--li", "--line --limit"},
		{"farhook serve --config my", "my", "my.yaml"},
		{"farhook config check my", "my", "my.yaml"},
		{"farhook bench-t", "bench-t", ""},
	} {
		cmd := exec.Command(bash, "-c", `source "$0"; COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _farhook farhook "$2"; echo "${COMPREPLY[@]}"`, script, c.line, c.word)
		cmd.Dir = dir
		got, err := cmd.CombinedOutput()
		if err != nil || strings.TrimSpace(string(got)) != c.want {
			t.Errorf("%s: %q, want %q (%v)", c.line, got, c.want, err)
		}
	}
}

func TestManualPageHasEveryCommand(t *testing.T) {
	var page, help strings.Builder
	if status := run(t.Context(), []string{"man"}, &page, &page); status != 0 {
		t.Fatal(page.String())
	}
	run(t.Context(), []string{"--help"}, &help, &help)
	n := 0
	for line := range strings.Lines(help.String()) {
		name, isCommand := strings.CutPrefix(line, "  ")
		if !isCommand || strings.HasPrefix(name, " ") || strings.HasPrefix(name, "-") {
			continue
		}
		n++
		name, _, _ = strings.Cut(strings.TrimSpace(name), " ")
		if !strings.Contains(page.String(), ".SS farhook "+name) {
			t.Errorf("%s isn't in the manual page", name)
		}
	}
	if n < 8 {
		t.Errorf("help names %d commands:\n%s", n, help.String())
	}
}
