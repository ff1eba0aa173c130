package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"farhook/csta"
)

// A session of a running gateway becomes a file; another gateway plays it, and one that answers otherwise is found out.
func TestRecordAndReplay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	socket := filepath.Join(dir, "c")
	g := begin(t, "serve", "--config", config(t, "sip: {listen: ['127.0.0.1:0']}\ncontrol: %s\n", socket))
	g.logged(`"PBX link up"`)
	if got := answer(t, 1, "record", dir, "--control", socket); !strings.Contains(got, "no session began") {
		t.Error(got)
	}
	uc := newUCServer(t, []string{"tel:+15551007"})
	uc.dial(g.sip, 1)
	uc.signIn()
	a := uc.sessions[0]
	a.conn.write(true, a.request(uc, "INFO", csta.Encode(nil, csta.MakeCall{
		CallingDevice: "tel:+15551007", CalledDirectoryNumber: "tel:+15551009", AutoOriginate: csta.AutoOriginateDoNotPrompt,
	}, csta.Ed3)))
	if m, _, err := csta.Decode(a.await(t).body); err != nil {
		t.Fatal(m, err)
	}
	uc.quiet(200e6)

	got := answer(t, 0, "record", dir, "--control", socket, "--line", "1007")
	file, ok := strings.CutSuffix(got, " written\n")
	text, err := os.ReadFile(file)
	if !ok || err != nil {
		t.Fatal(got, err)
	}
	for _, who := range []string{"1007", "1009", "uc-0@"} {
		if strings.Contains(string(text), who) {
			t.Errorf("%q is in the file:\n%s", who, text)
		}
	}
	m, stop := start(t, `(?s)sip:(127\.0\.0\.1:\d+);transport=tcp.*PBX link up`, "demo", "--quiet", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0", "--control", socket+"2")
	defer stop()
	if got := answer(t, 0, "replay", file, "--server", m[1]); !strings.Contains(got, ": as it was, ") {
		t.Error(got)
	}
	changed := filepath.Join(dir, "changed.txt")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), "<systemStatus>normal", "<systemStatus>disabled", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := answer(t, 1, "replay", changed, "--server", m[1]); !strings.Contains(got, "<systemStatus>normal") {
		t.Error(got)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if got := answer(t, 1, "replay", file, "--server", l.Addr().String()); !strings.Contains(got, "refused") {
		t.Error(got)
	}
}
