package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"farhook/csta"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard/wiretap"
	"farhook/uacsta/store"
)

// config writes a configuration with the simulated PBX, and what is given besides.
func config(t *testing.T, more string, args ...any) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "f.yaml")
	text := `
http: {listen: ""}
metrics: {listen: "127.0.0.1:0"}
log: {format: json, level: debug}
rights: trusted
` + fmt.Sprintf(more, args...)
	if !strings.Contains(text, "pbx:") {
		text += "\npbx: [{name: sim, kind: sim, settings: {quiet: true}}]\n"
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// answer runs a command, and gives what it prints.
func answer(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if status := run(t.Context(), args, &out, &out); status != want {
		t.Fatalf("%v: %d, want %d: %s", args, status, want, out.String())
	}
	return out.String()
}

// One request's trace id is in its INFO, in the PBX's command, in every event that it causes, at whichever session, and in the log.
func TestTraceThroughAll(t *testing.T) {
	pbx := newExchange(t, sim.Config{Lines: 30, Quiet: true})
	socket := filepath.Join(t.TempDir(), "c")
	g := begin(t, "serve", "--config", config(t, `
sip: {listen: ["127.0.0.1:0"]}
control: %s
pbx: [{name: pbx, kind: remote, settings: {address: "%s"}}]
`, socket, pbx.addr))
	g.logged(`"PBX link up"`)
	uc := newUCServer(t, []string{"tel:+15551025", "tel:+15551026"})
	uc.dial(g.sip, 2)
	uc.signIn()
	a, b := uc.sessions[0], uc.sessions[1]
	a.conn.write(true, a.request(uc, "INFO", csta.Encode(nil, csta.MakeCall{
		CallingDevice: "tel:+15551025", CalledDirectoryNumber: "tel:+15551026", AutoOriginate: csta.AutoOriginateDoNotPrompt,
	}, csta.Ed3)))
	m, _, err := csta.Decode(a.await(t).body)
	made, ok := m.(csta.MakeCallResponse)
	if !ok {
		t.Fatal(m, err)
	}

	find := func(args ...string) (all []wiretap.Record) {
		t.Helper()
		for line := range strings.Lines(answer(t, 0, append([]string{"trace", "--json", "--control", socket}, args...)...)) {
			var r wiretap.Record
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			all = append(all, r)
		}
		return all
	}
	var id string
	for _, r := range find("--line", "1025") {
		if bytes.Contains(r.Text, []byte("<MakeCall ")) && r.Layer == wiretap.SIP {
			id = r.Trace.String()
		}
	}
	if len(id) != 32 {
		t.Fatalf("the trace id of MakeCall is %q", id)
	}
	var said []string
	missing := func() (list []string) {
		said = nil
		for _, r := range find("--trace", id) {
			name := "200"
			if m := regexp.MustCompile(`<(\w+) xmlns=`).FindSubmatch(r.Text); m != nil {
				name = string(m[1])
			}
			said = append(said, fmt.Sprint(r.Layer, " ", r.Direction, " ", r.Session, " ", name))
		}
		for _, want := range []string{
			"sip in uc-0 MakeCall", "pbx out  MakeCall", "sip out uc-0 MakeCallResponse", "sip out uc-0 OriginatedEvent", "sip out uc-0 DeliveredEvent",
			"sip out uc-1 DeliveredEvent", "sip in uc-1 200",
		} {
			if !slices.Contains(said, want) {
				list = append(list, want)
			}
		}
		return list
	}
	until(t, "all bears the trace id", func() bool { return len(missing()) == 0 }, func() {
		t.Errorf("not: %s\nthese do:\n%s", strings.Join(missing(), ", "), strings.Join(said, "\n"))
	})
	g.logged(`"service answered","service":"MakeCall".*"trace":"` + id + `"`)

	// The same by call, by session and as a ladder; and what cannot be is said.
	if n := len(find("--call", string(made.CallingDevice.Call))); n < len(said) {
		t.Errorf("%d messages of the call, %d of the request that made it", n, len(said))
	}
	if n := len(find("--session", b.callID)); n < 6 {
		t.Errorf("%d messages of the session", n)
	}
	if n := len(find("--line", "tel:+15551027")); n != 0 {
		t.Errorf("%d messages of an idle line", n)
	}
	ladder := answer(t, 0, "trace", "--control", socket, "--line", "1026", "--width", "120")
	for _, want := range []string{"MakeCall +15551025 → +15551026", "DeliveredEvent +15551026 #1", id[:8], "├─────▶│"} {
		if !strings.Contains(ladder, want) {
			t.Errorf("no %q in\n%s", want, ladder)
		}
	}
	// What was said with the PBX, and what that has to do with; the sign-ins have nothing.
	var layers [3]int
	for _, r := range find("--pbx", "pbx") {
		layers[r.Layer]++
		if bytes.Contains(r.Text, []byte("<RequestSystemStatus ")) {
			t.Error("a sign-in is told as what was said with the PBX")
		}
	}
	if layers[wiretap.PBX] < 1 || layers[wiretap.SIP] < 6 {
		t.Errorf("%d messages of the PBX, %d of SIP", layers[wiretap.PBX], layers[wiretap.SIP])
	}
	if got := find("--line", "1025", "--pbx", "pbx"); len(got) != len(find("--line", "1025")) {
		t.Errorf("of a line on the only PBX there are %d messages", len(got))
	}
	for want, args := range map[string][]string{
		`pbx "annex": there is none of that name; there are pbx`: {"--pbx", "annex"},
		`trace id "12": want 32 digits`:                          {"--trace", "12"},
		`limit "0": want 1 to 100000`:                            {"--limit", "0"},
		`since "-5m0s": want a duration`:                         {"--since=-5m"},
		"no farhook answers at /nowhere/c: ":                     {"--control", "/nowhere/c"},
	} {
		if got := answer(t, 1, append([]string{"trace", "--control", socket}, args...)...); !strings.Contains(got, want) {
			t.Errorf("%v: %s, want %s", args, got, want)
		}
	}
}

// A store that cannot be used is said so, and costs nothing else.
func TestStoreThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	broken, inUse, newer := filepath.Join(dir, "broken"), filepath.Join(dir, "in-use"), filepath.Join(dir, "newer")
	if err := os.WriteFile(broken, bytes.Repeat([]byte("no database "), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	held, err := store.Open(inUse, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	made, err := store.Open(newer, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(newer, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{0, 0, 0, 99}, 60); err != nil { // user_version in SQLite's header
		t.Fatal(err)
	}
	f.Close()
	for path, want := range map[string]string{
		broken:                         "move the file away; farhook leaves it as it is",
		inUse:                          "another farhook uses it",
		newer:                          "a newer farhook has written it",
		filepath.Join(dir, "no", "db"): "make it usable",
	} {
		read := func() []byte {
			if path == inUse { // to close it would take this process's lock away
				return nil
			}
			b, _ := os.ReadFile(path)
			return b
		}
		before := read()
		g := begin(t, "serve", "--config", config(t, `sip: {listen: ["127.0.0.1:0"], store: %s}`, path))
		g.logged(`"sessions are not kept: they end when farhook ends".*` + want)
		g.logged(`"PBX link up"`)
		if g.metric("farhook_store_up") != 0 {
			t.Error("the metrics say that it is used")
		}
		uc := newUCServer(t, []string{"tel:+15551003"})
		uc.dial(g.sip, 1)
		uc.signIn()
		uc.compare()
		if err := g.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		g.end()
		until(t, "it says goodbye: nothing keeps the session", func() bool { return uc.byes.Load() == 1 })
		if !bytes.Equal(before, read()) {
			t.Errorf("%s was changed", path)
		}
	}
}

// The socket is for its owner alone, gives way to a newer gateway's where its own is dead, and to nobody where it lives.
func TestControlSocket(t *testing.T) {
	defer goleak.VerifyNone(t)
	path := filepath.Join(t.TempDir(), "c")
	conf := config(t, `
sip: {listen: ["127.0.0.1:0"]}
control: %s
`, path)
	left, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	left.Close() // as after kill -9: the file stays
	_, stop := start(t, "PBX link up", "serve", "--config", conf)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	if got := answer(t, 1, "serve", "--config", conf); !strings.Contains(got, "another farhook runs there") {
		t.Error(got)
	}
	if got := answer(t, 0, "trace", "--config", conf); got != "no messages\n" {
		t.Error(got)
	}
	if status := stop(); status != 0 {
		t.Error(status)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is still there")
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := answer(t, 1, "serve", "--config", conf); !strings.Contains(got, "there is a file that is no socket") {
		t.Error(got)
	}
	if got := answer(t, 1, "drain", "--config", config(t, "")); !strings.Contains(got, "it needs the key control") {
		t.Error(got)
	}
}

// Where another gateway has taken a socket's place, the end of the first leaves it there.
func TestControlSocketOfAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	first, err := listenControl(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil { // somebody tidied up
		t.Fatal(err)
	}
	second, err := listenControl(path)
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	second.Close()
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is still there")
	}
}
