package main

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"farhook/uacsta/uactest"
)

// pages are the pages of the documentation by their path from the root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	root := filepath.Join("..", "..")
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	all := make(map[string]string)
	for _, f := range append(files, filepath.Join(root, "README.md"), filepath.Join(root, "ARCHITECTURE.md"), filepath.Join(root, "CHANGELOG.md")) {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(root, f)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(text)
	}
	return all
}

var fenced = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")

// blocks are a page's fenced blocks with this opening, such as "sh run".
func blocks(page, opening string) (list []string) {
	for _, m := range fenced.FindAllStringSubmatch(page, -1) {
		if strings.TrimSpace(m[1]) == opening {
			list = append(list, m[2])
		}
	}
	return list
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notWord = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are what a link may have behind #, as renderers make them of headings.
func anchors(page string) map[string]bool {
	all := make(map[string]bool)
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		all[strings.ReplaceAll(notWord.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return all
}

// Every link within the documentation leads somewhere, and every page can be found from the README.
func TestLinksOfDocs(t *testing.T) {
	all := pages(t)
	linked := make(map[string]bool)
	for name, page := range all {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
			u, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: %s: %v", name, m[1], err)
				continue
			}
			if u.Scheme != "" {
				continue
			}
			to := name
			if u.Path != "" {
				to = filepath.Join(filepath.Dir(name), u.Path)
			}
			if name == "README.md" {
				linked[to] = true
			}
			if _, err := os.Stat(filepath.Join("..", "..", to)); err != nil {
				t.Errorf("%s: %s is not there", name, m[1])
			} else if u.Fragment != "" && !anchors(all[to])[u.Fragment] {
				t.Errorf("%s: %s has no heading for #%s", name, to, u.Fragment)
			}
		}
	}
	for name := range all {
		if strings.HasPrefix(name, "docs/") && !linked[name] {
			t.Errorf("the README has no link to %s", name)
		}
	}
}

// Every configuration in the documentation that says so passes farhook config check, with files where it expects them.
func TestConfigurationsOfDocs(t *testing.T) {
	files := newRingFiles(t, uactest.NewAuthority(t), uactest.Wanted{Names: []string{"rccgw.example.com"}})
	put := strings.NewReplacer("/etc/farhook/farhook.pem", files.Certificate, "/etc/farhook/farhook.key", files.Key, "/etc/farhook/ca.pem", files.ClientCA)
	n := 0
	for name, page := range pages(t) {
		for i, text := range blocks(page, "yaml check") {
			n++
			file := folder(t, map[string]string{"farhook.yaml": put.Replace(text)})
			var out output
			if status := run(t.Context(), []string{"config", "check", file}, &out, &out); status != 0 {
				t.Errorf("%s, configuration %d: %s", name, i+1, out.String())
			}
		}
	}
	if n == 0 {
		t.Error("there is none")
	}
}

// Every command in the documentation that says so is carried out, page by page and in order, beside a running demonstration.
func TestCommandsOfDocs(t *testing.T) {
	for _, need := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(need); err != nil {
			if os.Getenv("FARHOOK_CI") != "" {
				t.Fatal(err)
			}
			t.Skipf("%s is missing", need)
		}
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, "farhook/cmd/...").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	n := 0
	for name, page := range pages(t) {
		scripts := blocks(page, "sh run")
		if len(scripts) == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			control := filepath.Join(dir, "farhook.sock")
			m, stop := start(t, `(?s)sip:(127\.0\.0\.1:\d+);transport=tcp.*http://(127\.0\.0\.1:\d+)/.*PBX link up`,
				"demo", "--quiet", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0", "--control", control)
			defer stop()
			put := strings.NewReplacer("127.0.0.1:5060", m[1], "127.0.0.1:8080", m[2])
			// The gateway's configuration, as far as commands want to know it; and somebody who has made a call.
			conf := fmt.Sprintf("control: %s\nrights: demo\npbx: [{name: sim, kind: sim}]\n", control)
			if err := os.WriteFile(filepath.Join(dir, "farhook.yaml"), []byte(conf), 0o600); err != nil {
				t.Fatal(err)
			}
			scripts = append([]string{"printf 'call 1002\\nwait Established\\nhangup\\nwait ConnectionCleared\\nquit\\n' | ucsim --server 127.0.0.1:5060 --line tel:+15551001\n"}, scripts...)
			for i, text := range scripts {
				c := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", put.Replace(text))
				c.Dir = dir
				c.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "XDG_RUNTIME_DIR="+dir)
				if out, err := c.CombinedOutput(); err != nil {
					t.Errorf("block %d: %v\n%s", i+1, err, out)
				}
				n++
			}
		})
	}
	if n == 0 {
		t.Error("there is none")
	}
}
