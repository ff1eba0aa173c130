package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestChangesBetweenConfigurations(t *testing.T) {
	conf := func(text string) map[string]string {
		t.Helper()
		c, err := parse("f.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return c.flat()
	}
	base := "rights: trusted\nsip: {contact: a.example.com}\npbx:\n  - {name: one, kind: sim, settings: {lines: 5}}\n"
	for _, c := range []struct{ name, was, now, want string }{
		{"nothing", base, base, ""},
		{"a default written out", base, base + "log: {level: info}\n", ""},
		{"a value", base, strings.Replace(base, "a.example", "b.example", 1), "sip.contact: a.example.com becomes b.example.com: needs a restart"},
		{"a duration", base, base + "log: {level: debug}\n", "log.level: info becomes debug"},
		{"how the log is written", base, base + "log: {format: json}\n", "log.format: console becomes json: needs a restart"},
		{"numbers in the log", base, base + "log: {numbers: full}\n", "log.numbers: masked becomes full: needs a restart"},
		{"an adapter's setting", base, strings.Replace(base, "lines: 5", "lines: 6", 1), "pbx[one].settings.lines: 5 becomes 6"},
		{"a PBX more", base, base + "  - {name: two, kind: sim}\n", "pbx[two].kind: sim (new)"},
		{"a secret", strings.Replace(base, "lines: 5", "secret: abc", 1), strings.Replace(base, "lines: 5", "secret: def", 1), "pbx[one].settings.secret: *** becomes *** (another)"},
		{"a peer more", base, base + "peers: [{name: p, addresses: [10.0.0.1]}]\n", "peers[p].name: p (new)"},
		{"a peer", base + "peers: [{name: p, addresses: [10.0.0.1]}]\n", base + "peers: [{name: p, addresses: [10.0.0.2]}]\n", "peers[p].addresses: [10.0.0.1] becomes [10.0.0.2]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var lines []string
			for _, x := range changes(conf(c.was), conf(c.now)) {
				lines = append(lines, x.String())
			}
			got := strings.Join(lines, "\n")
			if got != c.want && (c.want == "" || !strings.Contains(got, c.want)) {
				t.Errorf("got\n%s\nwant %s", got, c.want)
			}
			if strings.Contains(got, "***") && c.name != "a secret" {
				t.Errorf("a secret is said to have changed:\n%s", got)
			}
			if strings.Contains(got, "abc") || strings.Contains(got, "def") {
				t.Error("a secret is shown")
			}
		})
	}
}

// The running gateway takes a new file as a whole or not at all, by command, by signal, and by itself.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "farhook.yaml"), filepath.Join(dir, "c.sock")
	write := func(contact, more string) {
		t.Helper()
		text := fmt.Sprintf("control: %s\nrights: trusted\nsip: {listen: ['127.0.0.1:0'], contact: %s}\nhttp: {listen: ''}\naudit: {file: %s}\n%s\n", socket, contact, filepath.Join(dir, "audit.jsonl"), more)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	one := "pbx:\n  - {name: one, kind: sim, settings: {quiet: true, lines: 3}}\n"
	command := func(args ...string) (int, string) {
		var out strings.Builder
		status := run(t.Context(), append(args, "--config", file), &out, &out)
		return status, out.String()
	}
	write("a.example.com", one)
	_, stop := start(t, `PBX link up.*"devices": 13`, "serve", "--config", file)
	defer stop()

	write("b.example.com", one+"peers: [{name: p, addresses: [10.0.0.1]}]\n")
	if status, out := command("config", "diff"); status != 0 || !strings.Contains(out, "sip.contact: a.example.com becomes b.example.com: needs a restart") {
		t.Errorf("config diff: %d\n%s", status, out)
	}
	for _, bad := range []string{"pbx: [{name: one, kind: toy}]", one + "colour: red", strings.Replace(one, "lines: 3", "lines: 0", 1)} {
		write("a.example.com", bad)
		if status, out := command("config", "diff"); status == 0 && !strings.Contains(bad, "lines: 0") {
			t.Errorf("%s: %d\n%s", bad, status, out)
		}
	}
	write("a.example.com", one)
	until := func(what string, condition func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !condition(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("never %s", what)
			}
		}
	}
	devices := func() string {
		_, out := command("doctor")
		_, out, _ = strings.Cut(out, "PBX link")
		out, _, _ = strings.Cut(out, "\n")
		return strings.TrimSpace(out)
	}
	until("connected", func() bool { return devices() == "connected: one" })
	write("a.example.com", one+"  - {name: two, kind: sim, settings: {quiet: true}}\n")
	if status, out := command("reload"); status != 0 {
		t.Errorf("reload: %d\n%s", status, out)
	}
	until("a second PBX by command", func() bool { return devices() == "connected: one, two" })
	write("a.example.com", one)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	until("one PBX by signal or by itself", func() bool { return devices() == "connected: one" })
	write("a.example.com", "pbx: [{name: one, kind: toy}]\n")
	if status, out := command("reload"); status != 1 || !strings.Contains(out, "everything stays as it was") || !strings.Contains(out, "is no kind of PBX") {
		t.Errorf("a bad file: %d\n%s", status, out)
	}
	// What counts at once isn't taken either where farhook would not start with the rest.
	for more, want := range map[string]string{
		"directory: {file: /none/users.csv}\n": "directory: open /none/users.csv: no such file", "web: {store: /none/w.db, certificate: /none/c.pem, key: /none/k.pem}\n": "",
	} {
		write("a.example.com", one+"  - {name: two, kind: sim, settings: {quiet: true}}\n"+more)
		if status, out := command("reload"); (status == 1) != (want != "") || want != "" && (!strings.Contains(out, want) || !strings.Contains(out, "farhook would not start with that")) {
			t.Errorf("%s: %d\n%s", more, status, out)
		}
		if got := devices(); (got == "connected: one") != (want != "") {
			t.Errorf("%s: %s", more, got)
		}
		write("a.example.com", one)
		if status, out := command("reload"); status != 0 {
			t.Fatalf("back: %d\n%s", status, out)
		}
	}
	if got := devices(); got != "connected: one" {
		t.Errorf("after a bad file: %s", got)
	}
	until("noted in the audit record", func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "audit.jsonl"))
		return err == nil && strings.Contains(string(text), `"act":"configuration changed"`) && strings.Contains(string(text), "pbx[two].kind")
	})
}
