package main

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

// clinic is a gateway in which nothing is wrong, with alice signed in to 1001, and a doctor that a test can lead astray.
type clinic struct {
	*doctor
	pbx   *sim.PBX
	addr  string
	files ringFiles
	auth  *uactest.Authority
	staff *switchboard.People // nil: the board knows no directory
}

// book is a directory in memory.
type book struct {
	entries []person
	err     error
	old     error    // of a part of it
	more    []string // owners of every line
}

func (b *book) people(who string) ([]person, error) {
	var found []person
	for _, p := range b.entries {
		if strings.EqualFold(p.User, who) || strings.EqualFold(p.User, "sip:"+who) {
			found = append(found, p)
		}
	}
	return found, b.err
}

func (b *book) trouble() error { return b.old }

func (b *book) owners(csta.DeviceID) []string {
	return append([]string{"sip:alice@example.com"}, b.more...)
}

func newClinic(t *testing.T) *clinic {
	t.Helper()
	auth := uactest.NewAuthority(t)
	files := newRingFiles(t, auth, uactest.Wanted{Names: []string{"gw.example.com"}})
	conf, err := parse("clinic", fmt.Appendf(nil, `rights: trusted
sip:
  listen: ["127.0.0.1:0"]
  contact: gw.example.com
  domain: rcc.example.com
  tls: {listen: ["0.0.0.0:5065"], certificate: %s, key: %s, client_ca: %s}
peers: [{name: pool, hosts: [pool.example.com], addresses: [127.0.0.1]}]
pbx: [{name: sim, kind: sim}]
`, files.Certificate, files.Key, files.ClientCA))
	if err != nil {
		t.Fatal(err)
	}
	pbx := newSim(t)
	conf.file = "clinic.yaml"
	c := &clinic{doctor: newDoctor(conf), pbx: pbx, files: files, auth: auth}
	c.planned = func() ([]change, error) { return []change{{Path: "log.level"}}, nil }
	c.lookup = func(context.Context, string) ([]string, error) { return []string{"192.0.2.1"}, nil }
	c.own = func() ([]net.Addr, error) {
		return []net.Addr{&net.IPNet{IP: net.IPv4(192, 0, 2, 1), Mask: net.CIDRMask(24, 32)}}, nil
	}
	c.dir = &book{entries: []person{{User: "sip:alice@example.com", Name: "Alice", Line: "tel:+15551001", LineServer: "sip:farhook@rcc.example.com", Flags: new(16 + 256), Source: "test"}}}
	if c.keys, err = openKeyring("sip.tls", conf.SIP.TLS, zap.NewNop()); err != nil {
		t.Fatal(err)
	}
	c.serve(t, pbx)
	return c
}

// serve runs board and sessions on a PBX.
func (c *clinic) serve(t *testing.T, a pbxadapter.Adapter) {
	t.Helper()
	c.board = switchboard.New(switchboard.AnyLine{}, switchboard.Options{People: c.staff}, switchboard.PBX{Name: "sim", Adapter: a})
	c.uc = uacsta.New(c.board, uacsta.Config{Peers: trustedPeers(c.conf.Peers)})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 3)
	board, uc := c.board, c.uc // a second call of serve sets others
	go func() { done <- board.Run(ctx) }()
	go func() { done <- uc.Run(ctx) }()
	go func() { done <- uc.Serve(ctx, l, nil) }()
	t.Cleanup(func() {
		cancel()
		for range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	c.until(t, func() bool { return c.board.Links()[0].Up || c.board.Links()[0].Why != "" })
}

func (c *clinic) until(t *testing.T, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never came about")
		}
	}
}

// send sends one request to the gateway, and gives the first line of the answer.
func (c *clinic) send(t *testing.T, method, headers, body string) string {
	t.Helper()
	n, err := net.Dial("tcp", c.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	_, _ = fmt.Fprintf(n, "%s sip:farhook@rcc.example.com SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK1\r\nFrom: <sip:alice@example.com>;tag=1\r\nTo: <sip:farhook@rcc.example.com>\r\n"+
		"Call-ID: %d\r\nCSeq: 1 %s\r\nContact: <sip:alice@x>\r\n%sContent-Length: %d\r\n\r\n%s", method, time.Now().UnixNano(), method, headers, len(body), body)
	_ = n.SetReadDeadline(time.Now().Add(10 * time.Second))
	s, err := bufio.NewReader(n).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) { // a connection that is refused ends without a word
		t.Fatal(err)
	}
	return strings.TrimSpace(s)
}

const (
	cstaType = "Content-Type: application/csta+xml\r\n"
	lineXML  = `<RequestSystemStatus xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"><extensions><privateData><private><l:line xmlns:l="http://schemas.microsoft.com/Lcs/2005/04/RCCExtension">%s</l:line></private></privateData></extensions></RequestSystemStatus>`
)

// replace puts another certificate in the place of ours.
func (c *clinic) replace(t *testing.T, w uactest.Wanted) {
	t.Helper()
	c.files.put(t, c.auth, w)
	if err := c.keys.reload(); err != nil {
		t.Fatal(err)
	}
}

var serverOnly = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}

func newSim(t *testing.T) *sim.PBX {
	t.Helper()
	pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 24, Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	return pbx
}

func (c *clinic) signIn(t *testing.T) {
	t.Helper()
	if got := c.send(t, "INVITE", cstaType, fmt.Sprintf(lineXML, "tel:+15551001")); got != "SIP/2.0 200 OK" {
		t.Fatalf("sign-in: %s", got)
	}
}

// lacking is a PBX whose phone lacks something.
type lacking struct {
	*sim.PBX
	why pbxadapter.Reason
}

func (l lacking) Run(ctx context.Context, r pbxadapter.Reporter) error {
	return l.PBX.Run(ctx, lackingReporter{r, l.why})
}

type lackingReporter struct {
	pbxadapter.Reporter
	why pbxadapter.Reason
}

func (r lackingReporter) Devices(all []pbxadapter.Device) {
	for i := range all {
		all[i].Lacks = map[csta.Service]pbxadapter.Reason{"MakeCall": r.why}
	}
	r.Reporter.Devices(all)
}

func (r lackingReporter) Resync(s callmodel.State) { r.Reporter.Resync(s) }

// Each fault, planted alone, is what the doctor names first, with its cure.
func TestDoctorNamesTheFault(t *testing.T) {
	for _, c := range []struct {
		name             string
		plant            func(*testing.T, *clinic)
		user             string // default alice
		step, found, act string
		health           health
	}{
		{name: "nothing", plant: func(*testing.T, *clinic) {}, health: healthy},
		{
			name: "user without line", plant: func(_ *testing.T, c *clinic) { c.dir.(*book).entries[0].Line = "" },
			step: "directory", found: "sip:alice@example.com has no line", act: `Set-CsUser -Identity "sip:alice@example.com"`, health: broken,
		},
		{
			name: "nobody", user: "mallory@example.com", plant: func(*testing.T, *clinic) {},
			step: "directory", found: `nobody in the directory is "mallory@example.com"`, act: "directory lint", health: broken,
		},
		{
			name: "directory dead", plant: func(_ *testing.T, c *clinic) { c.dir.(*book).err = errors.New("connection refused") },
			step: "directory", found: "cannot be asked: connection refused", act: "last good copy", health: broken,
		},
		{
			name: "directory old", plant: func(_ *testing.T, c *clinic) { c.dir.(*book).old = errors.New("ldap: timeout") },
			step: "directory", found: "a source of the directory cannot be asked: ldap: timeout", act: "last good copy", health: warning,
		},
		{
			name: "line server of another domain", plant: func(_ *testing.T, c *clinic) { c.dir.(*book).entries[0].LineServer = "sip:gw@other.example.com" },
			step: "directory", found: "the static route is for rcc.example.com", act: `-LineServerURI "sip:farhook@rcc.example.com"`, health: broken,
		},
		{
			name: "no line server", plant: func(_ *testing.T, c *clinic) { c.dir.(*book).entries[0].LineServer = "" },
			step: "directory", found: "has no Line Server URI", act: "Set-CsUser", health: broken,
		},
		{
			name: "option flags", plant: func(_ *testing.T, c *clinic) { c.dir.(*book).entries[0].Flags = new(128 + 256) },
			step: "directory", found: "not enabled for remote call control: option flags 384: 128 enterprise voice, 256 enhanced presence", act: "-RemoteCallControlTelephonyEnabled $true", health: broken,
		},
		{
			name: "two owners", plant: func(_ *testing.T, c *clinic) { c.dir.(*book).more = []string{"sip:bob@example.com"} },
			step: "directory", found: "has 2 owners: sip:alice@example.com, sip:bob@example.com", act: "take the line away from all but one", health: broken,
		},
		{
			name: "certificate of another name", plant: func(t *testing.T, c *clinic) { c.replace(t, uactest.Wanted{Names: []string{"old.example.com"}}) },
			step: "certificate", found: "is for old.example.com, and sip.contact is gw.example.com", act: "have it issued for gw.example.com", health: broken,
		},
		{
			name: "certificate expired", plant: func(t *testing.T, c *clinic) {
				c.replace(t, uactest.Wanted{Names: []string{"gw.example.com"}, Expired: true})
			},
			step: "certificate", found: "has expired on", act: "issue it anew", health: broken,
		},
		{
			name: "certificate without client usage", plant: func(t *testing.T, c *clinic) {
				c.replace(t, uactest.Wanted{Names: []string{"gw.example.com"}, Usages: serverOnly})
			},
			step: "certificate", found: "not for client authentication", act: "both extended key usages", health: broken,
		},
		{
			name: "certificate ends soon", plant: func(t *testing.T, c *clinic) {
				c.replace(t, uactest.Wanted{Names: []string{"gw.example.com"}, Days: 9})
			},
			step: "certificate", found: "expires in 8 days", act: "issue it anew", health: warning,
		},
		{
			name: "certificate ends in 31 days", plant: func(t *testing.T, c *clinic) {
				c.replace(t, uactest.Wanted{Names: []string{"gw.example.com"}, Days: 31})
			},
			health: healthy,
		},
		{
			name: "certificate ends in 29 days", plant: func(t *testing.T, c *clinic) {
				c.replace(t, uactest.Wanted{Names: []string{"gw.example.com"}, Days: 29})
			},
			step: "certificate", found: "expires in 28 days", act: "issue it anew", health: warning,
		},
		{
			name: "clock ten minutes off", plant: func(t *testing.T, c *clinic) {
				c.send(t, "OPTIONS", "Date: "+time.Now().Add(10*time.Minute).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")+"\r\n", "")
			},
			step: "clock", found: "behind that of pool", act: "timedatectl set-ntp true", health: broken,
		},
		{
			name: "UC server not in DNS", plant: func(_ *testing.T, c *clinic) {
				c.lookup = only("gw.example.com")
			},
			step: "UC servers", found: "pool.example.com (peers, pool) is not in DNS", act: "A record for pool.example.com", health: broken,
		},
		{
			name: "ourselves not in DNS", plant: func(_ *testing.T, c *clinic) { c.lookup = only("pool.example.com") },
			step: "ports", found: "our own name gw.example.com (sip.contact) is not in the DNS", act: "add an A record for gw.example.com", health: warning,
		},
		{
			name: "our name is another machine's", plant: func(_ *testing.T, c *clinic) {
				c.own = func() ([]net.Addr, error) {
					return []net.Addr{&net.IPNet{IP: net.IPv4(192, 0, 2, 9), Mask: net.CIDRMask(24, 32)}}, nil
				}
			},
			step: "ports", found: "gw.example.com (sip.contact) is 192.0.2.1 in DNS, and this machine is 192.0.2.9", act: "correct the A record of gw.example.com", health: warning,
		},
		{
			name: "on loopback only", plant: func(_ *testing.T, c *clinic) { c.conf.SIP.TLS.Listen = []string{"127.0.0.1:5065"} },
			step: "ports", found: "loopback address only (127.0.0.1:0, 127.0.0.1:5065): pool can't reach it", act: "such as 0.0.0.0:5065", health: broken,
		},
		{
			name: "configuration changed", plant: func(_ *testing.T, c *clinic) {
				c.planned = func() ([]change, error) {
					return []change{{Path: "peers", Now: "x"}, {Path: "sip.contact", Restart: true}}, nil
				}
			},
			step: "configuration", found: "clinic.yaml has changes that count from the next start on: sip.contact", act: "systemctl restart farhook", health: warning,
		},
		{
			name: "configuration spoilt", plant: func(_ *testing.T, c *clinic) {
				c.planned = func() ([]change, error) { return nil, errors.New("line 3: colour is no key") }
			},
			step: "configuration", found: "clinic.yaml can't be read any more: line 3: colour is no key", act: "farhook config check clinic.yaml", health: warning,
		},
		{
			name: "refused for want of a right", plant: func(t *testing.T, c *clinic) {
				c.send(t, "INVITE", cstaType, fmt.Sprintf(lineXML, "tel:+15558888"))
			},
			step: "refusals", found: "sip:alice@example.com was refused at ", act: "give the PBX that phone", health: warning,
		},
		{
			name: "peer not configured", plant: func(t *testing.T, c *clinic) {
				c.uc.SetPeers([]uacsta.Peer{{Name: "pool", Hosts: []string{"pool.example.com"}}})
				c.send(t, "OPTIONS", "", "")
				c.until(t, func() bool { _, n := c.uc.Refusals(); return n["unknown-peer"] > 0 })
			},
			step: "arrivals", found: "127.0.0.1 is no address of a configured UC server", act: "name it under peers", health: broken,
		},
		{
			name: "INVITEs that aren't CSTA", plant: func(t *testing.T, c *clinic) { c.send(t, "INVITE", "Content-Type: application/sdp\r\n", "v=0\r\n") },
			step: "arrivals", found: "a static route leads the users' own calls and conferences here", act: "take the route on the users' own SIP domain away", health: broken,
		},
		{
			name: "line unknown to the PBX", plant: func(_ *testing.T, c *clinic) { c.dir.(*book).entries[0].Line = "tel:+15558888" },
			step: "line", found: "no PBX has the line tel:+15558888", act: "farhook numbers try tel:+15558888", health: broken,
		},
		{
			name: "a rule whose round trip fails", plant: func(t *testing.T, c *clinic) {
				conf, err := parse("rules", []byte(`{rights: trusted, pbx: [{name: sim, kind: sim, numbers: {to_pbx: [{name: short, match: '\+1555(\d{4})', replace: '$1'}], from_pbx: [{name: long, digits: '1XXX', prefix: '+49'}]}}]}`))
				if err != nil {
					t.Fatal(err)
				}
				c.conf.PBX = conf.PBX
			},
			step: "numbers", found: "1001 comes back as tel:+491001", act: "farhook numbers try tel:+15551001 --pbx sim", health: broken,
		},
		{
			name: "PBX link down", plant: func(t *testing.T, c *clinic) {
				c.pbx.CutLink()
				c.until(t, func() bool { return c.board.Links()[0].Why != "" })
			},
			step: "PBX link", found: "not connected: sim (sim: the link", act: "see that the PBX runs", health: broken,
		},
		{
			name: "phone unregistered", plant: func(t *testing.T, c *clinic) {
				c.dir.(*book).entries[0].Line = "tel:+15551023"
				c.send(t, "INVITE", cstaType, fmt.Sprintf(lineXML, "tel:+15551023"))
			},
			step: "phone", found: "tel:+15551023 is out of service", act: "not registered at PBX sim", health: broken,
		},
		{
			name: "phone that can't be answered remotely", plant: func(t *testing.T, c *clinic) {
				c.dir.(*book).entries[0].Line = "tel:+15551024"
				c.send(t, "INVITE", cstaType, fmt.Sprintf(lineXML, "tel:+15551024"))
			},
			step: "services", found: "MakeCall, ParkCall, ReconnectCall, RetrieveCall, SetDoNotDisturb, SetForwarding, SetMessageWaitingIndicator, SetMicrophoneMute, SingleStepConferenceCall, SingleStepTransferCall, SnapshotCall, SnapshotDevice, TransferCall; not AnswerCall: this phone cannot be answered remotely", act: "mend it at the PBX or the phone", health: warning,
		},
		{
			name: "not signed in", plant: func(t *testing.T, c *clinic) {
				c.dir.(*book).entries[0] = person{User: "sip:alice@example.com", Line: "tel:+15551002", Source: "test"}
			},
			step: "sessions", found: "nobody is signed in to this line", act: "sign out and in again", health: warning,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			clinic := newClinic(t)
			clinic.signIn(t)
			c.plant(t, clinic)
			user := c.user
			if user == "" {
				user = "alice@example.com"
			}
			all := clinic.examine(t.Context(), user)
			if w := worst(all); w != c.health {
				t.Errorf("health %s: %s", w, text(all))
			}
			for _, f := range all {
				if f.Health == healthy || f.Health == unknown {
					continue
				}
				if f.Step != c.step || !strings.Contains(f.Found, c.found) || !strings.Contains(strings.Join(f.Cure, "\n"), c.act) {
					t.Errorf("first is %+v", f)
				}
				return
			}
			if c.health != healthy {
				t.Errorf("nothing was found: %s", text(all))
			}
		})
	}
}

// only has one name in DNS.
func only(name string) func(context.Context, string) ([]string, error) {
	return func(_ context.Context, asked string) ([]string, error) {
		if asked != name {
			return nil, errors.New("no such host")
		}
		return []string{"192.0.2.1"}, nil
	}
}

// first is the first finding that isn't well.
func first(all []finding) finding {
	for _, f := range all {
		if f.Health == warning || f.Health == broken {
			return f
		}
	}
	return finding{}
}

// away is a PBX that can't be reached.
type away struct{ *sim.PBX }

func (away) Run(context.Context, pbxadapter.Reporter) error { return errors.New("connection refused") }

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
	if f := step(all, "line"); f.Health != unknown || !strings.HasPrefix(f.Found, "PBX sim has told no phones since farhook was started") || !strings.Contains(f.Found, "tel:+15551001; being in the directory") {
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
