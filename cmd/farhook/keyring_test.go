package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"farhook/uacsta/uactest"
)

// ringFiles are a certificate, its key and a CA in a folder of their own.
type ringFiles struct{ TLSConfig }

func newRingFiles(t *testing.T, a *uactest.Authority, w uactest.Wanted) ringFiles {
	t.Helper()
	dir := t.TempDir()
	f := ringFiles{TLSConfig{Certificate: filepath.Join(dir, "gw.pem"), Key: filepath.Join(dir, "gw.key"), ClientCA: filepath.Join(dir, "ca.pem")}}
	f.put(t, a, w)
	return f
}

func (f ringFiles) put(t *testing.T, a *uactest.Authority, w uactest.Wanted) {
	t.Helper()
	cert, key := a.Issue(w)
	for name, b := range map[string][]byte{f.Certificate: cert, f.Key: key, f.ClientCA: a.PEM} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKeyringRefuses(t *testing.T) {
	a := uactest.NewAuthority(t)
	good := newRingFiles(t, a, uactest.Wanted{Names: []string{"gw.example.com"}})
	other := newRingFiles(t, a, uactest.Wanted{Names: []string{"gw.example.com"}})
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		conf TLSConfig
		want string
	}{
		{"another's key", TLSConfig{Certificate: good.Certificate, Key: other.Key}, "private key does not match"},
		{"no file", TLSConfig{Certificate: "/nowhere.pem", Key: good.Key}, "/nowhere.pem: no such file"},
		{"CA without certificate", TLSConfig{Certificate: good.Certificate, Key: good.Key, ClientCA: empty}, "client_ca: " + empty + ": there is no certificate in it"},
		{"no CA file", TLSConfig{Certificate: good.Certificate, Key: good.Key, ClientCA: "/nowhere.pem"}, "sip.tls.client_ca: open /nowhere.pem"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := openKeyring("sip.tls", c.conf, zap.NewNop()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestKeyringWarns(t *testing.T) {
	a := uactest.NewAuthority(t)
	for _, c := range []struct {
		name string
		w    uactest.Wanted
		want string // empty: nothing
	}{
		{"ninety days", uactest.Wanted{Names: []string{"gw"}}, ""},
		{"thirty-one days", uactest.Wanted{Names: []string{"gw"}, Days: 31}, ""},
		{"twenty-nine days", uactest.Wanted{Names: []string{"gw"}, Days: 29}, "warn certificate expires soon"},
		{"ten days", uactest.Wanted{Names: []string{"gw"}, Days: 10}, "warn certificate expires soon"},
		{"yesterday", uactest.Wanted{Names: []string{"gw"}, Expired: true}, "error certificate has expired"},
	} {
		t.Run(c.name, func(t *testing.T) {
			core, logs := observer.New(zapcore.InfoLevel)
			r, err := openKeyring("sip.tls", newRingFiles(t, a, c.w).TLSConfig, zap.New(core))
			if err != nil {
				t.Fatal(err)
			}
			r.warn(time.Now())
			got := ""
			for _, e := range logs.All() {
				got += e.Level.String() + " " + e.Message
			}
			if got != c.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

// Connections of our own are to the name that was dialled, by an authority that is configured at that moment.
func TestKeyringAsClient(t *testing.T) {
	a, b := uactest.NewAuthority(t), uactest.NewAuthority(t)
	f := newRingFiles(t, a, uactest.Wanted{Names: []string{"gw.example.com"}})
	r, err := openKeyring("sip.tls", f.TLSConfig, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	shake := func(server tls.Certificate, pool *uactest.Authority) error {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		go func() {
			_ = tls.Server(far, &tls.Config{Certificates: []tls.Certificate{server}, ClientCAs: pool.Pool, ClientAuth: tls.RequireAndVerifyClientCert}).Handshake()
		}()
		conf := r.client()
		conf.ServerName = "fe.example.com"
		return tls.Client(near, conf).Handshake()
	}
	if err := shake(a.Pair(uactest.Wanted{Names: []string{"fe.example.com"}}), a); err != nil {
		t.Error(err)
	}
	for name, cert := range map[string]tls.Certificate{
		"wrong name":        a.Pair(uactest.Wanted{Names: []string{"other.example.com"}}),
		"expired":           a.Pair(uactest.Wanted{Names: []string{"fe.example.com"}, Expired: true}),
		"unknown authority": b.Pair(uactest.Wanted{Names: []string{"fe.example.com"}}),
	} {
		if shake(cert, a) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	f.put(t, b, uactest.Wanted{Names: []string{"gw.example.com"}})
	if err := r.reload(); err != nil {
		t.Fatal(err)
	}
	if err := shake(b.Pair(uactest.Wanted{Names: []string{"fe.example.com"}}), b); err != nil {
		t.Errorf("the new authority: %v", err)
	}
	if err := os.WriteFile(f.Key, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r.reload() == nil {
		t.Error("half a key was taken")
	}
	if err := shake(b.Pair(uactest.Wanted{Names: []string{"fe.example.com"}}), b); err != nil {
		t.Errorf("after files that are no good: %v", err)
	}
}

// Certificate and authority are replaced under a session: it goes on, and new connections are judged by the new files.
func TestCertificatesChangeUnderSession(t *testing.T) {
	a, b := uactest.NewAuthority(t), uactest.NewAuthority(t)
	f := newRingFiles(t, a, uactest.Wanted{Names: []string{"gw.example.com"}})
	dir := t.TempDir()
	conf := filepath.Join(dir, "farhook.yaml")
	record := filepath.Join(dir, "audit.jsonl")
	if err := os.WriteFile(conf, fmt.Appendf(nil, `
sip:
  listen: []
  tls: {listen: ["127.0.0.1:0"], certificate: %s, key: %s, client_ca: %s}
peers: [{name: pool, hosts: [pool.example.com]}]
audit: {file: %s}
http: {listen: ""}
rights: demo
pbx: [{name: sim, kind: sim, settings: {quiet: true}}]
`, f.Certificate, f.Key, f.ClientCA, record), 0o600); err != nil {
		t.Fatal(err)
	}
	m, stop := start(t, `"sips": \["(127\.0\.0\.1:\d+)"\]`, "serve", "--config", conf)
	dial := func(a *uactest.Authority) (*tls.Conn, error) {
		c, err := tls.Dial("tcp", m[1], &tls.Config{RootCAs: a.Pool, ServerName: "gw.example.com", Certificates: []tls.Certificate{a.Pair(uactest.Wanted{Names: []string{"pool.example.com"}})}})
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { c.Close() })
		_, _ = io.WriteString(c, "OPTIONS sip:gw SIP/2.0\r\nVia: SIP/2.0/TLS x;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:gw>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		one := make([]byte, 12)
		if _, err := io.ReadFull(c, one); err != nil {
			return nil, err
		}
		if string(one) != "SIP/2.0 200 " {
			return nil, fmt.Errorf("answered %q", one)
		}
		return c, nil
	}
	session, err := dial(a)
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(session)
	ask := func(text string) string {
		t.Helper()
		for { // what is left of the answer before
			if l, err := r.ReadString('\n'); err != nil {
				t.Fatal(err)
			} else if l == "\r\n" {
				break
			}
		}
		if _, err := io.WriteString(session, text); err != nil {
			t.Fatal(err)
		}
		l, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(l)
	}
	body := `<RequestSystemStatus xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"><extensions><privateData><private><l:line xmlns:l="http://schemas.microsoft.com/Lcs/2005/04/RCCExtension">tel:+15551001</l:line></private></privateData></extensions></RequestSystemStatus>`
	head := "SIP/2.0\r\nVia: SIP/2.0/TLS x;branch=z9hG4bK%d\r\nFrom: <sip:alice@example.com>;tag=1\r\nTo: <sip:gw>%s\r\nCall-ID: one\r\nCSeq: %d %s\r\nContact: <sip:alice@x>\r\nSupported: timer\r\n"
	if got := ask("INVITE sip:gw " + fmt.Sprintf(head, 2, "", 2, "INVITE") + fmt.Sprintf("Content-Type: application/csta+xml\r\nContent-Length: %d\r\n\r\n%s", len(body), body)); got != "SIP/2.0 200 OK" {
		t.Fatalf("INVITE: %s", got)
	}
	f.put(t, b, uactest.Wanted{Names: []string{"gw.example.com"}})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err = dial(b); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the new certificate was never used: %v", err)
		}
	}
	if _, err := dial(a); err == nil {
		t.Error("a certificate of the old authority is still good")
	}
	_ = session.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(session, "OPTIONS sip:gw "+fmt.Sprintf(head, 3, "", 3, "OPTIONS")+"Content-Length: 0\r\n\r\n"); err != nil {
		t.Errorf("the old connection: %v", err)
	}
	for l := ""; !strings.HasPrefix(l, "CSeq: 3 OPTIONS"); {
		if l, err = r.ReadString('\n'); err != nil {
			t.Fatalf("the old connection: %v", err)
		}
	}
	if status := stop(); status != 0 {
		t.Errorf("status %d", status)
	}
	var out strings.Builder
	if status := run(context.Background(), []string{"audit", "verify", record}, &out, &out); status != 0 || !strings.Contains(out.String(), "whole") {
		t.Errorf("audit verify: %d %s", status, out.String())
	}
	last := regexp.MustCompile(`(?m)^head ([0-9a-f]{64}) `).FindStringSubmatch(out.String())
	if last == nil {
		t.Fatalf("no head: %s", out.String())
	}
	for hash, want := range map[string]int{last[1]: 0, strings.Repeat("0", 64): 1} {
		if status := run(context.Background(), []string{"audit", "verify", "--head", hash, record}, &out, &out); status != want {
			t.Errorf("audit verify --head %s: %d %s", hash, status, out.String())
		}
	}
	text, _ := os.ReadFile(record)
	if !strings.Contains(string(text), `"act":"session accepted","user":"sip:alice@example.com","via":"sip","peer":"pool","line":"tel:+15551001"`) {
		t.Errorf("the record has no session:\n%s", text)
	}
}

// Where the files can't be watched (here they are links into another folder, whose changes nobody sees) SIGHUP has them read again.
func TestCertificatesBySIGHUP(t *testing.T) {
	a := uactest.NewAuthority(t)
	f := newRingFiles(t, a, uactest.Wanted{Names: []string{"gw.example.com"}})
	links := TLSConfig{Certificate: filepath.Join(t.TempDir(), "gw.pem"), Key: filepath.Join(t.TempDir(), "gw.key"), ClientCA: filepath.Join(t.TempDir(), "ca.pem")}
	for link, file := range map[string]string{links.Certificate: f.Certificate, links.Key: f.Key, links.ClientCA: f.ClientCA} {
		if err := os.Symlink(file, link); err != nil {
			t.Fatal(err)
		}
	}
	conf := filepath.Join(t.TempDir(), "farhook.yaml")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "sip:\n  listen: []\n  tls: {listen: ['127.0.0.1:0'], certificate: %s, key: %s, client_ca: %s}\n"+
		"peers: [{name: pool, hosts: [pool.example.com]}]\nhttp: {listen: ''}\nrights: demo\npbx: [{name: sim, kind: sim, settings: {quiet: true}}]\n",
		links.Certificate, links.Key, links.ClientCA), 0o600); err != nil {
		t.Fatal(err)
	}
	m, stop := start(t, `farhook started.*"sips": \["(127\.0\.0\.1:\d+)"\]`, "serve", "--config", conf)
	defer stop()
	shows := func(name string) bool { // whether that is the name of the certificate that the gateway shows
		c, err := tls.Dial("tcp", m[1], &tls.Config{RootCAs: a.Pool, ServerName: name, Certificates: []tls.Certificate{a.Pair(uactest.Wanted{Names: []string{"pool.example.com"}})}})
		if err == nil {
			c.Close()
		}
		return err == nil
	}
	if !shows("gw.example.com") {
		t.Fatal("the first certificate isn't shown")
	}
	f.put(t, a, uactest.Wanted{Names: []string{"new.example.com"}})
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); !shows("new.example.com"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the new certificate is never shown")
		}
	}
}

// The metric says when our own certificate ends, and the first of the authorities; nothing where there is none.
func TestCertificateMetric(t *testing.T) {
	a, b := uactest.NewAuthority(t), uactest.NewAuthority(t)
	f := newRingFiles(t, a, uactest.Wanted{Names: []string{"gw.example.com"}, Days: 12})
	if err := os.WriteFile(f.ClientCA, append(slices.Clone(b.PEM), a.PEM...), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := openKeyring("sip.tls", f.TLSConfig, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	values := func(g *gateway) map[string]float64 {
		reg := prometheus.NewRegistry()
		reg.MustRegister(trusting{g})
		all, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		v := make(map[string]float64)
		for _, family := range all {
			if family.GetName() == "farhook_certificate_expiry_timestamp_seconds" {
				for _, x := range family.Metric {
					v[x.Label[0].GetValue()] = x.Gauge.GetValue()
				}
			}
		}
		return v
	}
	k := r.current.Load()
	k.cas[1].NotAfter = k.cas[0].NotAfter.Add(-time.Hour)
	first := k.cas[1].NotAfter.Unix()
	got := values(&gateway{keys: r})
	if got["own"] != float64(k.leaf.NotAfter.Unix()) || got["authority"] != float64(first) || len(got) != 2 {
		t.Errorf("%v, want %d and %d", got, k.leaf.NotAfter.Unix(), first)
	}
	if left := time.Until(time.Unix(int64(got["own"]), 0)); left < 11*24*time.Hour || left > 12*24*time.Hour {
		t.Errorf("the certificate of 12 days ends in %v", left)
	}
	if got := values(&gateway{}); got["own"] != 0 || got["authority"] != 0 {
		t.Errorf("without TLS: %v", got)
	}
}
