package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
)

// A PBX that was never there since the start: its lines may well be right, so the link is what is broken. Who is in the directory is signed in, others were
// told to try again.
func TestDoctorBeforeThePBX(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users.yaml")
	if err := os.WriteFile(users, []byte("- {user: alice@example.com, lines: ['tel:+15551001']}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newClinic(t)
	conf := c.conf
	conf.Directory.File = users
	_, staff, err := conf.people(t.Context(), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	c.staff = staff
	c.serve(t, away{newSim(t)})
	c.signIn(t)
	step := func(all []finding, name string) (told finding) {
		for _, f := range all {
			if f.Step == name {
				return f
			}
		}
		return finding{}
	}
	all := c.examine(t.Context(), "alice@example.com")
	if f := first(all); f.Step != "PBX link" || f.Health != broken || !strings.Contains(f.Found, "not connected: sim (connection refused)") {
		t.Errorf("first is %+v", f)
	}
	if f := step(all, "line"); f.Health != unknown || !strings.HasPrefix(f.Found, "PBX sim has told no phones since farhook was started") || !strings.Contains(f.Found, "tel:+15551001; as the directory has it") {
		t.Errorf("line: %+v", f)
	}
	if f := step(all, "sessions"); f.Health != healthy || !strings.HasPrefix(f.Found, "sip:alice@example.com by pool since ") {
		t.Errorf("sessions: %+v", f)
	}

	c.dir.(*book).entries[0].Line = "tel:+15551002" // which the gateway's own directory doesn't have
	if s := c.send(t, "INVITE", cstaType, fmt.Sprintf(lineXML, "tel:+15551002")); !strings.HasPrefix(s, "SIP/2.0 480") {
		t.Fatal(s)
	}
	all = c.examine(t.Context(), "alice@example.com")
	if f := first(all); f.Step != "PBX link" || f.Health != broken {
		t.Errorf("first is %+v", f)
	}
	if f := step(all, "line"); f.Health != unknown || !strings.Contains(f.Found, "tel:+15551002; until then who signs in to it is told to try again") {
		t.Errorf("line: %+v", f)
	}
	if f := step(all, "refusals"); f.Health != warning || !strings.Contains(f.Found, "the PBX was not connected, or had not told its phones yet (neither a PBX nor the directory has that line") ||
		!strings.HasPrefix(strings.Join(f.Cure, ""), "see PBX link; ") {
		t.Errorf("refusals: %+v", f)
	}
}

// A right that the PBX account misses, told by the adapter as what devices lack.
func TestDoctorOnMissingRight(t *testing.T) {
	c := newClinic(t)
	c.serve(t, lacking{newSim(t), "the manager account may not do Originate, or the module that offers it is not loaded"})
	c.signIn(t)
	f := first(c.examine(t.Context(), "alice@example.com"))
	if f.Step != "services" || f.Health != warning || !strings.Contains(f.Found, "not MakeCall: the manager account may not do Originate, or the module") {
		t.Errorf("first is %+v", f)
	}
	if len(f.Cure) != 1 || !strings.Contains(f.Cure[0], "in manager.conf the read and write classes") {
		t.Errorf("cure: %q", f.Cure)
	}
}

// Nothing has ever come: the acts for both kinds of other side are there, with this deployment's names.
func TestDoctorOnSilence(t *testing.T) {
	c := newClinic(t)
	f := first(c.examine(t.Context(), "alice@example.com"))
	if f.Step != "arrivals" || f.Health != broken || f.Found != "nothing has ever arrived from a UC server since farhook was started" {
		t.Errorf("first is %+v", f)
	}
	at := 0
	for _, want := range []string{
		"on Lync Server 2010 or 2013:",
		`New-CsTrustedApplicationPool -Identity "gw.example.com" -Registrar "pool.example.com"`,
		`New-CsTrustedApplication -ApplicationId farhook -TrustedApplicationPoolFqdn "gw.example.com" -Port 5065`,
		`New-CsStaticRoute -TLSRoute -Destination "gw.example.com" -Port 5065 -UseDefaultCertificate $true -MatchUri "rcc.example.com"`,
		"Set-CsStaticRoutingConfiguration -Identity Global",
		"Enable-CsTopology",
		"on Office Communications Server 2007 (R2)",
		"MSFT_SIPRemoteAddressData -Arguments @{Backend='(local)\\rtc'; Server='gw.example.com'; OutboundOnly=$false; ThrottleAsServer=$true; TreatAsAuthenticated=$true}",
		"Routing, Add: domain rcc.example.com, next hop gw.example.com, transport TLS, port 5065",
		"MSFT_SIPRoutingTableData",
	} { // in this order
		i := slices.IndexFunc(f.Cure[at:], func(s string) bool { return strings.Contains(s, want) })
		if i < 0 {
			t.Fatalf("no %s after the %d. of\n%s", want, at, strings.Join(f.Cure, "\n"))
		}
		at += i + 1
	}
}

// Where farhook doesn't run the ports are tried: who has them, and who may.
func TestDoctorTriesPorts(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	conf := defaults()
	conf.SIP.Listen, conf.HTTP.Listen = []string{"127.0.0.1:0"}, taken.Addr().String()
	f := first(newDoctor(conf).examine(t.Context(), ""))
	if f.Step != "ports" || f.Found != "HTTP: another program has "+taken.Addr().String() || !strings.Contains(strings.Join(f.Cure, "\n"), fmt.Sprintf("ss -ltnp 'sport = :%d'", taken.Addr().(*net.TCPAddr).Port)) {
		t.Errorf("taken: %+v", f)
	}
	for _, c := range []struct {
		err        syscall.Errno
		found, act string
	}{
		{syscall.EACCES, "SIP: this account may not listen on 127.0.0.1:0", "CAP_NET_BIND_SERVICE"},
		{syscall.EADDRNOTAVAIL, "SIP: this machine has no address 127.0.0.1:0", "ip address"},
		{syscall.EMFILE, "SIP: 127.0.0.1:0 can't be listened on: too many open files", "another address"},
	} {
		d := newDoctor(conf)
		d.listen = func(string) (net.Listener, error) {
			return nil, &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", c.err)}
		}
		f := first(d.examine(t.Context(), ""))
		if f.Step != "ports" || !strings.Contains(strings.ReplaceAll(f.Found, "listen: bind: ", ""), c.found) || !strings.Contains(strings.Join(f.Cure, "\n"), c.act) {
			t.Errorf("%v: %+v", c.err, f)
		}
	}
	conf.HTTP.Listen = ""
	if f := newDoctor(conf).reachable(t.Context(), nil); f[0].Health != healthy || f[0].Found != "farhook does not run; every port that it would listen on is free" {
		t.Errorf("free: %+v", f)
	}
}

// The last few refusals are told, the newest first, each with its reason; one that is over is no warning.
func TestDoctorTellsTheLastRefusals(t *testing.T) {
	c := newClinic(t)
	for n := range 7 {
		c.send(t, "INVITE", cstaType, fmt.Sprintf(lineXML, fmt.Sprintf("tel:+1555888%d", n)))
	}
	tell := func() (all []finding) {
		for _, f := range c.examine(t.Context(), "") {
			if f.Step == "refusals" {
				all = append(all, f)
			}
		}
		return all
	}
	got := tell()
	if len(got) != refusalsTold {
		t.Fatalf("%d: %s", len(got), text(got))
	}
	for i, f := range got {
		if want := fmt.Sprintf("no PBX has the line (operation/invalidDeviceID: no PBX has the device \"tel:+1555888%d\")", 6-i); f.Health != warning || !strings.Contains(f.Found, "sip:alice@example.com was refused at ") || !strings.Contains(f.Found, want) {
			t.Errorf("%d: %+v, want %s", i, f, want)
		}
	}
	c.signIn(t)
	for _, f := range tell() {
		if f.Health != healthy || !strings.HasSuffix(f.Found, "it went well since") {
			t.Errorf("afterwards: %+v", f)
		}
	}
}

// The command: against the running gateway, without one, and with a file that is no good.
func TestDoctorCommand(t *testing.T) {
	dir := t.TempDir()
	conf := filepath.Join(dir, "farhook.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	doctor := func(args ...string) (int, string) {
		var out strings.Builder
		return run(t.Context(), append([]string{"doctor", "--config", conf}, args...), &out, &out), out.String()
	}
	write("control: " + filepath.Join(dir, "c.sock") + "\nsip: {listen: ['127.0.0.1:0'], contact: localhost, domain: rcc.example.com}\nhttp: {listen: ''}\nrights: demo\npbx: [{name: sim, kind: sim, settings: {quiet: true}}]\n")
	if status, out := doctor("1001"); status != 2 || !strings.Contains(out, "BROKEN   arrivals     farhook does not run") {
		t.Errorf("without a gateway: %d\n%s", status, out)
	}
	_, stop := start(t, "farhook started", "serve", "--config", conf)
	defer stop()
	status, out := doctor("--json", "1001")
	var d diagnosis
	if err := json.Unmarshal([]byte(out), &d); err != nil || status != 2 || d.Health != broken {
		t.Errorf("nobody has come yet: %d %v\n%s", status, err, out)
	}
	if status, out := doctor("--commands"); status != 0 || !strings.Contains(out, `New-CsStaticRoute -TCPRoute -Destination "localhost"`) || !strings.Contains(out, "-EnableTcp") ||
		!strings.Contains(out, "next hop localhost, transport TCP") || !strings.Contains(out, "$_.LineServerURI = 'sip:farhook@rcc.example.com'") {
		t.Errorf("commands: %d\n%s", status, out)
	}
	write("sip: {lissen: []}\n")
	if status, out := doctor(); status != 2 || !strings.Contains(out, "BROKEN   configuration") || !strings.Contains(out, "lissen") {
		t.Errorf("a bad file: %d\n%s", status, out)
	}
}

// The exit status: 0 where all is well, 1 for a warning. 2 is above.
func TestDoctorExitStatus(t *testing.T) {
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "farhook.yaml"), filepath.Join(dir, "c.sock")
	conf := "control: " + socket + "\nsip: {listen: ['127.0.0.1:0'], contact: localhost}\nhttp: {listen: ''}\nrights: trusted\npeers: [{name: here, addresses: [127.0.0.1]}]\npbx: [{name: sim, kind: sim, settings: {quiet: true}}]\n"
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	m, stop := start(t, `farhook started.*"sip": \["(127.0.0.1:\d+)"\]`, "serve", "--config", file)
	defer stop()
	c := &clinic{addr: m[1]}
	doctor := func() (int, string) {
		var out strings.Builder
		return run(t.Context(), []string{"doctor", "--control", socket, "tel:+15551001"}, &out, &out), out.String()
	}
	c.send(t, "OPTIONS", "", "")
	c.until(t, func() bool { _, out := doctor(); return strings.Contains(out, "connected: sim") })
	if status, out := doctor(); status != 1 || !strings.Contains(out, "WARNING  arrivals") || strings.Contains(out, "BROKEN") {
		t.Errorf("nobody has signed in: %d\n%s", status, out)
	}
	c.signIn(t)
	if status, out := doctor(); status != 0 || strings.Contains(out, "WARNING") || !strings.Contains(out, "ok       ports        listens on SIP "+m[1]) {
		t.Errorf("all is well: %d\n%s", status, out)
	}
}

func text(all []finding) string {
	b, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// The doctor of a gateway with a directory finds people by address, number and name, with what their entries say.
func TestDoctorAsksTheDirectory(t *testing.T) {
	dir := t.TempDir()
	users := filepath.Join(dir, "users.yaml")
	file := filepath.Join(dir, "farhook.yaml")
	socket := filepath.Join(dir, "c.sock")
	for name, text := range map[string]string{
		users: "- {user: alice@example.com, name: Alice Adams, lines: ['tel:+15551001']}\n- {user: bob@example.com, name: Bob Brown, lines: ['tel:+15551002']}\n- {user: eve@example.com, name: Eve Brown, lines: ['tel:+15551002']}\n",
		file:  "control: " + socket + "\nsip: {listen: ['127.0.0.1:0']}\nhttp: {listen: ''}\ndirectory: {file: " + users + "}\npbx: [{name: sim, kind: sim, settings: {quiet: true}}]\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, stop := start(t, "PBX link up", "serve", "--config", file)
	defer stop()
	for who, want := range map[string]string{
		"alice@example.com":     "sip:alice@example.com, Alice Adams, line tel:+15551001",
		"sip:alice@example.com": "sip:alice@example.com, Alice Adams, line tel:+15551001",
		"tel:+1-555-1001":       "sip:alice@example.com, Alice Adams, line tel:+15551001",
		"adams":                 "sip:alice@example.com, Alice Adams, line tel:+15551001",
		"brown":                 "2 people fit \"brown\"",
		"bob@example.com":       "has 2 owners",
		"mallory":               "nobody in the directory is \"mallory\"",
	} {
		var out strings.Builder
		run(t.Context(), []string{"doctor", "--control", socket, who}, &out, &out)
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s: no %q in\n%s", who, want, out.String())
		}
	}
}

// By REST the doctor says the same.
func TestDoctorByREST(t *testing.T) {
	m, stop := start(t, `console\s+(http://\S+)/`, "demo", "--quiet", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0", "--control", filepath.Join(t.TempDir(), "c.sock"))
	defer stop()
	var d diagnosis
	get := func(path string, into any) int {
		t.Helper()
		res, err := http.Get(m[1] + "/api/v1/" + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(into); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode
	}
	var line struct{ LinkUp bool }
	for end := time.Now().Add(time.Minute); get("devices/1001", &line) != http.StatusOK || !line.LinkUp; time.Sleep(10 * time.Millisecond) { // until the PBX is connected
		if time.Now().After(end) {
			t.Fatal("the PBX is not connected")
		}
	}
	if status := get("doctor?user=1001", &d); status != http.StatusOK {
		t.Fatalf("%d", status)
	}
	if d.User != "1001" || d.Health != broken || !strings.Contains(text(d.Findings), "1001 is tel:+15551001 (Ada Brandt) on PBX sim") {
		t.Errorf("%+v", d)
	}
	http.DefaultClient.CloseIdleConnections()
}
