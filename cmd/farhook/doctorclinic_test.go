package main

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
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
