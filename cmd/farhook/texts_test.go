package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"farhook/pbxadapter/sim"
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

// completion writes what a shell needs into a folder beside a configuration, and gives the folder.
func completion(t *testing.T, shell, name string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{name: answer(t, 0, "completion", shell), "my.yaml": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Fish completes commands of commands, flags, and files where a file is wanted.
func TestFishCompletion(t *testing.T) {
	fish := program(t, "fish")
	dir := completion(t, "fish", "farhook.fish")
	for line, want := range map[string]string{
		"farhook do": "doctor", "farhook config ch": "check", "farhook trace --li": "--limit --line", "farhook serve --config my": "my.yaml", "farhook bench-t": "", "farhook trace --pb": "--pbx",
	} {
		c := exec.CommandContext(t.Context(), fish, "--no-config", "-c", `source farhook.fish; complete -C "$argv[1]"`, line)
		c.Dir = dir
		c.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
		out, err := c.Output()
		var words []string
		for l := range strings.Lines(string(out)) {
			word, _, _ := strings.Cut(strings.TrimSpace(l), "\t")
			words = append(words, word)
		}
		slices.Sort(words)
		if got := strings.Join(words, " "); err != nil || got != want {
			t.Errorf("%s: %q, want %q (%v)", line, got, want, err)
		}
	}
}

// Zsh completes from the first key on, with the file in its folder of completions, as the package has it.
func TestZshCompletion(t *testing.T) {
	t.Parallel()
	zsh := program(t, "zsh")
	dir := completion(t, "zsh", "_farhook")
	const script = `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1=; fpath=($1 \$fpath); autoload -U compinit; compinit -u -D; farhook() { print \"args:\$*:\" }; print REA''DY"
zpty -r z x '*READY*'
for try in 1 2 3 4 5; do
  sleep $try
  zpty -w -n z $'farhook '"$2"$'\t'
  sleep $try
  zpty -w z ' end'
  zpty -r z out '*args:*end:*'
  out=${(MS)out%args:*end:}
  [[ $out == *"$3"* ]] && break # a shell that isn't ready yet takes the key as it is
done
print -r -- "${out//$'\r'/}"`
	for line, want := range map[string]string{"do": "doctor", "config ch": "config check"} {
		c := exec.CommandContext(t.Context(), zsh, "-f", "-c", script, "zsh", dir, line, want)
		c.Dir = dir
		c.Env = append(os.Environ(), "HOME="+dir, "TERM=dumb")
		out, err := c.Output()
		if got := strings.Join(strings.Fields(string(out)), " "); err != nil || got != "args:"+want+" end:" {
			t.Errorf("%s: %q, want %q (%v)", line, got, want, err)
		}
	}
}

// The manual page is one that groff has nothing against, and has every flag of every command with what it is.
func TestManualPage(t *testing.T) {
	page := answer(t, 0, "man")
	c := exec.CommandContext(t.Context(), program(t, "groff"), "-man", "-Tutf8", "-ww", "-rLL=10000n", "-P-c", "-P-b", "-P-u")
	c.Stdin = strings.NewReader(page)
	var out, complaints strings.Builder
	c.Stdout, c.Stderr = &out, &complaints
	if err := c.Run(); err != nil || complaints.String() != "" {
		t.Fatalf("%v\n%s", err, complaints.String())
	}
	text := strings.Join(strings.Fields(strings.NewReplacer("\u2010", "-", "\u2212", "-", "\u2019", "'", "\u2018", "'").Replace(out.String())), " ")
	var all cli
	parser, err := kong.New(&all, kong.Name("farhook"), kong.Vars{"version": "", "max_lines": strconv.Itoa(sim.MaxLines)})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	walk(parser.Model.Node, "", func(path string, node *kong.Node) {
		if path == "" || len(shown(node)) > 0 {
			return
		}
		_, section, found := strings.Cut(text, "farhook "+path+" ")
		if !found {
			t.Errorf("%s isn't in it", path)
			return
		}
		for _, f := range node.Flags {
			if f.Hidden || f.Name == "help" {
				continue
			}
			n++
			help := strings.Join(strings.Fields(f.Help), " ")
			if at := strings.Index(section, "--"+f.Name); at < 0 || !strings.Contains(section[at:], help) {
				t.Errorf("%s --%s isn't in it, or not what it is", path, f.Name)
			}
		}
	})
	if n < 60 {
		t.Errorf("it has %d flags", n)
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
