package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"farhook/pbxadapter/asterisk/fake"
	fsfake "farhook/pbxadapter/freeswitch/fake"
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

// docSetting are the files that the documentation's configurations name, under a folder of the test's, and PBXs where they expect some.
type docSetting struct {
	put *strings.Replacer
	dir string
}

func newDocSetting(t *testing.T) docSetting {
	t.Helper()
	a := uactest.NewAuthority(t)
	files := newRingFiles(t, a, uactest.Wanted{Names: []string{"rccgw.example.com"}})
	dir := t.TempDir()
	for name, text := range map[string]string{"pbx-ca.pem": string(a.PEM), "ami.secret": "s3cret\n", "esl.password": "s3cret\n", "ldap.password": "s3cret\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	cert, key := a.Issue(uactest.Wanted{Names: []string{"localhost"}})
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	ast, fs := listen(), listen()
	go fake.New(fake.Config{Phones: []string{"101", "102", "103", "104"}, Slots: [2]int{701, 720}, Lines: true, Secret: "s3cret"}).Serve(tls.NewListener(ast, &tls.Config{Certificates: []tls.Certificate{pair}}))
	go fsfake.New(fsfake.Config{Password: "s3cret"}).Serve(fs)
	port := func(l net.Listener) string { return fmt.Sprint(l.Addr().(*net.TCPAddr).Port) }
	return docSetting{strings.NewReplacer(
		"/etc/farhook/farhook.pem", files.Certificate, "/etc/farhook/farhook.key", files.Key, "/etc/farhook/ca.pem", files.ClientCA, "/etc/farhook", dir, "/var/lib/farhook", dir, "/run/farhook", dir,
		"address: pbx.example.com:5039", "address: localhost:"+port(ast), "address: 127.0.0.1:8021", "address: 127.0.0.1:"+port(fs), "http://127.0.0.1:4318", "http://127.0.0.1:"+port(listen()),
	), dir}
}

var tlsListens = regexp.MustCompile(`(?m)^ +listen: \["0\.0\.0\.0:5065"\]`)

// whole makes a configuration of a part of one: a PBX and rights where it has none.
func whole(kind, text string) string {
	switch kind {
	case "yaml pbx":
		return "rights: trusted\npbx:\n  - name: sim\n    kind: sim\n    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ") + "\n"
	case "yaml part":
		if !strings.Contains(text, "pbx:") {
			text += "pbx: [{name: sim, kind: sim}]\n"
		}
		if !strings.Contains(text, "rights:") {
			text = "rights: trusted\n" + text
		}
	}
	return text
}

// Every configuration in the documentation passes farhook config check, and a gateway runs by it, with files and PBXs where it expects them. Where it listens the environment says.
func TestConfigurationsOfDocs(t *testing.T) {
	n := 0
	for name, page := range pages(t) {
		for _, kind := range []string{"yaml check", "yaml part", "yaml pbx"} {
			for i, text := range blocks(page, kind) {
				n++
				t.Run(fmt.Sprint(name, " ", kind, " ", i+1), func(t *testing.T) {
					d := newDocSetting(t)
					file := folder(t, map[string]string{"farhook.yaml": d.put.Replace(whole(kind, text))})
					var out output
					if status := run(t.Context(), []string{"config", "check", file}, &out, &out); status != 0 {
						t.Fatalf("%s", out.String())
					}
					t.Setenv("FARHOOK_HTTP__LISTEN", "127.0.0.1:0")
					if tlsListens.MatchString(text) {
						t.Setenv("FARHOOK_SIP__TLS__LISTEN", "['127.0.0.1:0']")
					} else {
						t.Setenv("FARHOOK_SIP__LISTEN", "['127.0.0.1:0']")
					}
					want := "PBX link up"
					if name == "docs/lync.md" || name == "docs/security.md" {
						want = "farhook started" // their PBX is anybody's
					}
					_, stop := start(t, want, "serve", "--config", file)
					if status := stop(); status != 0 {
						t.Errorf("it ended with %d", status)
					}
				})
			}
		}
	}
	if n < 10 {
		t.Errorf("there are only %d", n)
	}
}

// filesOfPage are the files that a page shows: their names are in their first lines, a table has none.
func filesOfPage(page string) map[string]string {
	all := make(map[string]string)
	for _, m := range fenced.FindAllStringSubmatch(page, -1) {
		name := "table.csv"
		if first, _, _ := strings.Cut(m[2], "\n"); m[1] != "csv" {
			if name = strings.TrimPrefix(first, "# "); m[1] != "yaml" || !strings.HasSuffix(name, ".yaml") {
				continue
			}
		}
		if all[name] == "" {
			all[name] = m[2]
		}
	}
	return all
}

// Every command in the documentation is carried out, page by page and in order, beside a running demonstration: those that go on until Ctrl-C until then, and those that end the gateway in the
// end. What isn't is in the list below.
func TestCommandsOfDocs(t *testing.T) {
	t.Parallel()
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
		scripts := append(blocks(page, "sh run"), blocks(page, "sh end")...)
		live := blocks(page, "sh live")
		if len(scripts)+len(live) == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			control := filepath.Join(dir, "farhook.sock")
			m, stop := start(t, `(?s)sip:(127\.0\.0\.1:\d+);transport=tcp.*http://(127\.0\.0\.1:\d+)/.*PBX link up`,
				"demo", "--quiet", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0", "--control", control)
			defer stop()
			put := strings.NewReplacer("127.0.0.1:5060", m[1], "127.0.0.1:8080", m[2], "/etc/farhook", dir)
			// The gateway's configuration, as far as commands want to know it; and somebody who has made a call.
			shown := filesOfPage(page)
			if shown["farhook.yaml"] == "" {
				shown["farhook.yaml"] = fmt.Sprintf("control: %s\nrights: demo\npbx: [{name: sim, kind: sim}]\n", control)
			}
			for file, text := range shown {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			command := func(text string) *exec.Cmd {
				c := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", put.Replace(text))
				c.Dir = dir
				c.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "XDG_RUNTIME_DIR="+dir)
				return c
			}
			if out, err := command("printf 'call 1002\\nwait Established\\nhangup\\nwait ConnectionCleared\\nquit\\n' | ucsim --server 127.0.0.1:5060 --line tel:+15551001\n").CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, text := range live {
				n++
				var out output
				c := command("exec " + strings.TrimSpace(text))
				c.Stdout, c.Stderr = &out, &out
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				until(t, "it says something: "+text, func() bool { return out.String() != "" })
				_ = c.Process.Signal(os.Interrupt)
				if err := c.Wait(); err != nil {
					t.Errorf("%s: %v\n%s", text, err, out.String())
				}
			}
			for i, text := range scripts {
				n++
				if out, err := command(text).CombinedOutput(); err != nil {
					t.Errorf("block %d: %v\n%s", i+1, err, out)
				}
			}
		})
	}
	if n < 15 {
		t.Errorf("there are only %d", n)
	}
}

// notRun are the blocks of the documentation that no test carries out as they stand, by the beginning of their first line, and why, or where it is done in another way.
var notRun = []struct{ page, begins, why string }{
	{"README.md", "go run ./cmd/farhook demo", "takes ports that a test may not: TestDemo runs it on others"},
	{"README.md", "make test", "is what runs this"},
	{"docs/start.md", "make build", "the programs that the page's commands run are built so"},
	{"docs/start.md", "farhook demo", "as above: TestDemo"},
	{"docs/integrate.md", "farhook demo --quiet", "as above"},
	{"docs/integrate.md", "farhook access token", "wants a store: TestHTTPS… makes tokens on one"},
	{"docs/capacity.md", "farhook bench", "takes minutes: TestBench runs it with less"},
	{"docs/performance.md", "make performance", "as above"},
	{"docs/asterisk.md", "[farhook]", "a file of Asterisk's, which CI doesn't have: tried on a real one"},
	{"docs/asterisk.md", "[csta]", "as above"},
	{"docs/asterisk.md", "exten => ", "as above"},
	{"docs/freeswitch.md", "<extension ", "a file of FreeSWITCH's, which CI doesn't have: the page says that it hasn't been seen"},
	{"docs/lync.md", "client ──", "a drawing"},
	{"docs/lync.md", "New-Cs", "a UC server's, which CI doesn't have: doctor_test.go holds what farhook doctor --commands prints"},
	{"docs/lync.md", "# Backend is", "as above"},
	{"docs/directory.md", "# farhook.yaml", "TestDirectoryDocument reads it"},
	{"docs/directory.md", "# users.yaml", "TestDirectoryDocument reads it"},
	{"docs/directory.md", "user,name,lines", "TestDirectoryDocument reads it"},
	{"docs/numbers.md", "# farhook.yaml", "TestNumbersDocument reads it, and the page's commands"},
	{"docs/numbers.md", "# expectations.yaml", "as above"},
	{"docs/numbers.md", "Direction,Name", "as above"},
}

// Whatever a page shows is run, or is in the list; and what is in the list is on its page.
func TestWhatOfDocsIsNotRun(t *testing.T) {
	ran := regexp.MustCompile(`^(sh (run|live|end)|yaml (check|part|pbx)|(bash|go|javascript|python) \w+)$`)
	indented := regexp.MustCompile(`(?m)(?:^ {4}.*\n)+`)
	used := make(map[int]bool)
	for name, page := range pages(t) {
		if name == "ARCHITECTURE.md" || name == "CHANGELOG.md" {
			continue // nothing there is to be run
		}
		var found []string
		for _, m := range fenced.FindAllStringSubmatch(page, -1) {
			if !ran.MatchString(strings.TrimSpace(m[1])) {
				found = append(found, m[2])
			}
		}
		found = append(found, indented.FindAllString(fenced.ReplaceAllString(page, ""), -1)...)
		for _, text := range found {
			i := slices.IndexFunc(notRun, func(x struct{ page, begins, why string }) bool {
				return x.page == name && strings.HasPrefix(strings.TrimSpace(text), x.begins)
			})
			if i < 0 {
				t.Errorf("%s: nothing runs\n%s", name, text)
				continue
			}
			used[i] = true
		}
	}
	for i, x := range notRun {
		if !used[i] {
			t.Errorf("%s has no %q any more", x.page, x.begins)
		}
	}
}
