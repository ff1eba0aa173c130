package uacsta_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

const lineBody = `<?xml version="1.0"?><RequestSystemStatus xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"><extensions><privateData><private>` +
	`<lcs:line xmlns:lcs="http://schemas.microsoft.com/Lcs/2005/04/RCCExtension">tel:+15551001</lcs:line></private></privateData></extensions></RequestSystemStatus>`

// secured is a house that also listens over TLS, as a deployment does.
func secured(t *testing.T, a *uactest.Authority, peers ...uacsta.Peer) (h *house, addr string) {
	t.Helper()
	h = newHouse(t, switchboard.AnyLine{}, false, func(c *uacsta.Config) { c.Peers = peers })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conf := &tls.Config{Certificates: []tls.Certificate{a.Pair(uactest.Wanted{Names: []string{"gw.example.com"}})}, ClientCAs: a.Pool, ClientAuth: tls.RequireAndVerifyClientCert}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = h.uc.Serve(ctx, l, conf) }()
	t.Cleanup(func() { cancel(); <-done })
	return h, l.Addr().String()
}

// signIn opens a session over TLS; the status of the answer, or why there was none.
func signIn(t *testing.T, addr string, trusted *x509.CertPool, cert tls.Certificate) (string, error) {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: trusted, ServerName: "gw.example.com", Certificates: []tls.Certificate{cert}})
	if err != nil {
		return "", err
	}
	t.Cleanup(func() { c.Close() })
	p := &peer{t: t, conn: c, r: bufio.NewReader(c), callID: fmt.Sprintf("tls-%d", time.Now().UnixNano())}
	if _, err := io.WriteString(c, p.request("INVITE", lineBody)); err != nil {
		return "", err
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	s, err := p.r.ReadString('\n')
	return strings.TrimSpace(s), err
}

func TestPeersByCertificate(t *testing.T) {
	a, other := uactest.NewAuthority(t), uactest.NewAuthority(t)
	h, addr := secured(t, a,
		uacsta.Peer{Name: "pool", Hosts: []string{"pool.example.com", "*.fe.example.com"}, Domains: []string{"contoso.test"}},
		uacsta.Peer{Name: "else", Hosts: []string{"ELSE.example.com."}, Domains: []string{"else.test"}})
	for _, c := range []struct {
		name   string
		cert   tls.Certificate
		status string // empty: no answer, for there's no connection
		reason string // of the refusal
	}{
		{"alternative name", a.Pair(uactest.Wanted{Names: []string{"x.example.com", "POOL.example.com"}}), "SIP/2.0 200 OK", ""},
		{"wildcard", a.Pair(uactest.Wanted{Names: []string{"fe01.fe.example.com"}}), "SIP/2.0 200 OK", ""},
		{"common name", a.Pair(uactest.Wanted{Common: "pool.example.com"}), "SIP/2.0 200 OK", ""},
		{"common name with a dot at its end", a.Pair(uactest.Wanted{Common: "pool.example.com."}), "SIP/2.0 200 OK", ""},
		{"no label for the wildcard", a.Pair(uactest.Wanted{Common: ".fe.example.com"}), "", "handshake"},
		{"the wildcard's domain", a.Pair(uactest.Wanted{Common: "fe.example.com"}), "", "handshake"},
		{"a domain that ends like the wildcard's", a.Pair(uactest.Wanted{Common: "fe01.cafe.example.com"}), "", "handshake"},
		{"common name beside other names", a.Pair(uactest.Wanted{Common: "pool.example.com", Names: []string{"x.example.com"}}), "", "handshake"},
		{"wrong name", a.Pair(uactest.Wanted{Names: []string{"mallory.example.com"}}), "", "handshake"},
		{"two labels for one", a.Pair(uactest.Wanted{Names: []string{"a.b.fe.example.com"}}), "", "handshake"},
		{"expired", a.Pair(uactest.Wanted{Names: []string{"pool.example.com"}, Expired: true}), "", "handshake"},
		{"unknown authority", other.Pair(uactest.Wanted{Names: []string{"pool.example.com"}}), "", "handshake"},
		{"not for clients", a.Pair(uactest.Wanted{Names: []string{"pool.example.com"}, Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}), "", "handshake"},
		{"none at all", tls.Certificate{}, "", "handshake"},
		{"users of another domain", a.Pair(uactest.Wanted{Names: []string{"else.example.com"}}), "SIP/2.0 403 Forbidden", "domain"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, before := h.uc.Refusals()
			status, err := signIn(t, addr, a.Pool, c.cert)
			if status != c.status || (c.status == "") != (err != nil) {
				t.Errorf("%q, %v", status, err)
			}
			if c.reason == "" {
				return
			}
			for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) { // a TLS 1.3 client may know before the server has noted it
				last, counts := h.uc.Refusals()
				if counts[c.reason] == before[c.reason]+1 && last[len(last)-1].Reason == c.reason {
					return
				}
				if time.Now().After(end) {
					t.Fatalf("refusals %v, before %v", counts, before)
				}
			}
		})
	}
}

// Over plain TCP only who comes from a configured address gets anywhere.
func TestPeersByAddress(t *testing.T) {
	h := newHouse(t, switchboard.AnyLine{}, false, func(c *uacsta.Config) {
		c.Peers = []uacsta.Peer{{Name: "pool", Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Connections: 2, Sessions: 2}}
	})
	from := func(ip string) (*peer, error) {
		c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}).Dial("tcp", h.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		p := &peer{t: t, conn: c, r: bufio.NewReader(c), callID: fmt.Sprintf("tcp-%s-%d", ip, time.Now().UnixNano())}
		_, _ = io.WriteString(c, p.request("OPTIONS", ""))
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		_, err = p.r.Peek(1)
		return p, err
	}
	if _, err := from("127.0.0.2"); err == nil {
		t.Error("an address that isn't configured was answered")
	}
	good, err := from("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := from("127.0.0.1"); err != nil {
		t.Error(err)
	}
	if _, err := from("127.0.0.1"); err == nil {
		t.Error("a third connection, where two are the limit")
	}
	good.read()
	for i, want := range []string{"200", "200", "503"} {
		good.callID, good.cseq = fmt.Sprint("session-", i), 0
		good.send(good.request("INVITE", lineBody))
		if g := good.read(); !strings.HasPrefix(g.start, "SIP/2.0 "+want) {
			t.Errorf("session %d: %s", i, g.start)
		}
	}
	_, counts := h.uc.Refusals()
	if counts["unknown-peer"] != 1 || counts["connections"] != 1 || counts["sessions"] != 1 {
		t.Errorf("%v", counts)
	}
	h.uc.SetPeers([]uacsta.Peer{{Name: "elsewhere", Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}}})
	if _, err := good.r.ReadByte(); err == nil {
		t.Error("a peer that isn't configured any more keeps its connection")
	}
	if n := h.uc.Count(); n != 2 {
		t.Errorf("%d sessions: they don't end with the connection", n)
	}
}

// The UC server's connection is gone: events go to it by the dialog's route, over TLS, if it is who the route says, and one of the peers.
func TestConnectionToPeer(t *testing.T) {
	a := uactest.NewAuthority(t)
	for _, c := range []struct {
		name  string
		cert  []string // names of the server that is found at the route's address
		peers []uacsta.Peer
		want  bool
	}{
		{"the right one", []string{"localhost"}, []uacsta.Peer{{Name: "pool", Hosts: []string{"localhost"}}}, true},
		{"a certificate of another name", []string{"other.example.com"}, []uacsta.Peer{{Name: "pool", Hosts: []string{"localhost", "other.example.com"}}}, false},
		{"no peer", []string{"localhost"}, []uacsta.Peer{{Name: "pool", Hosts: []string{"elsewhere.example.com"}}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, switchboard.AnyLine{}, false, func(conf *uacsta.Config) {
				conf.Dial = &tls.Config{RootCAs: a.Pool, Certificates: []tls.Certificate{a.Pair(uactest.Wanted{Names: []string{"gw.example.com"}})}}
			})
			l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{a.Pair(uactest.Wanted{Names: c.cert})}, ClientCAs: a.Pool, ClientAuth: tls.RequireAndVerifyClientCert})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			_, port, _ := net.SplitHostPort(l.Addr().String())
			p := h.dial(t)
			invite := p.request("INVITE", lineBody)
			p.send(strings.Replace(invite, "Max-Forwards: 70\r\n", "Max-Forwards: 70\r\nRecord-Route: <sip:localhost:"+port+";transport=tls;lr>\r\n", 1))
			_, p.toTag, _ = strings.Cut(p.read().header("To"), ";tag=")
			p.send(p.request("ACK", ""))
			p.ask(csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: "tel:+15551001"}})
			h.uc.SetPeers(c.peers) // and with it the plain connection ends
			if err := h.pbx.Phone(1002).Dial("tel:+15551001"); err != nil {
				t.Fatal(err)
			}
			n, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer n.Close()
			_ = n.SetDeadline(time.Now().Add(time.Minute))
			text, err := bufio.NewReader(n).ReadString('\n')
			if got := err == nil && strings.HasPrefix(text, "INFO sip:alice@"); got != c.want {
				t.Errorf("got %q, %v", text, err)
			}
		})
	}
}

// A connection of our own over plain TCP goes to a peer's address only: where a dialog's route leads is the other side's word.
func TestNoConnectionElsewhere(t *testing.T) {
	h := newHouse(t, switchboard.AnyLine{}, false)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := h.dial(t)
	p.send(strings.Replace(p.request("INVITE", lineBody), "Max-Forwards: 70\r\n", "Max-Forwards: 70\r\nRecord-Route: <sip:"+l.Addr().String()+";transport=tcp;lr>\r\n", 1))
	_, p.toTag, _ = strings.Cut(p.read().header("To"), ";tag=")
	p.send(p.request("ACK", ""))
	p.ask(csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: "tel:+15551001"}})
	h.uc.SetPeers([]uacsta.Peer{{Name: "pool", Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}})
	if err := h.pbx.Phone(1002).Dial("tel:+15551001"); err != nil {
		t.Fatal(err)
	}
	_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(200 * time.Millisecond))
	if n, err := l.Accept(); err == nil {
		n.Close()
		t.Error("the gateway connected to an address that isn't a UC server's")
	}
	h.uc.SetPeers([]uacsta.Peer{{Name: "pool", Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}})
	_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(20 * time.Second))
	n, err := l.Accept()
	if err != nil {
		t.Fatalf("nor to one that is: %v", err)
	}
	n.Close()
}

// A line's limit ends the session that has been idle for the longest time, not the oldest.
func TestIdleSessionGoesFirst(t *testing.T) {
	h := newHouse(t, switchboard.AnyLine{}, false, func(c *uacsta.Config) { c.SessionsPerLine = 2 })
	first, second := h.dial(t), h.dial(t)
	for _, p := range []*peer{first, second} {
		p.send(p.request("INVITE", lineBody))
		g := p.read()
		_, p.toTag, _ = strings.Cut(g.header("To"), ";tag=")
		p.send(p.request("ACK", ""))
	}
	first.send(first.request("UPDATE", ""))
	first.read()
	third := h.dial(t)
	third.send(third.request("INVITE", lineBody))
	third.read()
	if g := second.read(); !strings.HasPrefix(g.start, "BYE ") {
		t.Errorf("the idle session got %s", g.start)
	}
	first.send(first.request("UPDATE", ""))
	if g := first.read(); g.start != "SIP/2.0 200 OK" {
		t.Errorf("the busy session got %s", g.start)
	}
}

// Sessions whose route leads to one name share the connection that is made to it, also when each wants it in its own time.
func TestConnectionByNameIsShared(t *testing.T) {
	h := newHouse(t, switchboard.AnyLine{}, false)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, line := range []string{"1001", "1002"} {
		p := h.dial(t)
		body := strings.Replace(lineBody, "tel:+15551001", line, 1)
		p.send(strings.Replace(p.request("INVITE", body), "Max-Forwards: 70\r\n", "Max-Forwards: 70\r\nRecord-Route: <sip:localhost:"+port+";transport=tcp;lr>\r\n", 1))
		_, p.toTag, _ = strings.Cut(p.read().header("To"), ";tag=")
		p.send(p.request("ACK", ""))
		p.ask(csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: csta.DeviceID(line)}})
		p.cutOff()
	}
	var got []net.Conn
	for i, ext := range []int{1001, 1002} {
		if err := h.pbx.Phone(ext).SetDoNotDisturb(true); err != nil {
			t.Fatal(err)
		}
		_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute))
		if i == 0 {
			n, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer n.Close()
			got = append(got, n)
		}
		_ = got[0].SetReadDeadline(time.Now().Add(time.Minute))
		r := bufio.NewReader(got[0])
		for l := ""; !strings.Contains(l, "<doNotDisturbOn>true"); {
			if l, err = r.ReadString('>'); err != nil {
				t.Fatalf("the event of %d: %v", ext, err)
			}
			if strings.HasSuffix(l, "<doNotDisturbOn>") {
				break
			}
		}
	}
}

// A peer that has connected, and never begins its handshake, holds nothing up when the server stops, and isn't told as one that was turned away.
func TestStopEndsHandshakes(t *testing.T) {
	underFakeTime(t, func(t *testing.T, h *house, _ *uactest.Memory) {
		a := uactest.NewAuthority(t)
		uc := uacsta.New(h.board, uacsta.Config{})
		l := uactest.NewMemory()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 2)
		go func() { done <- uc.Run(ctx) }()
		go func() {
			done <- uc.Serve(ctx, l, &tls.Config{Certificates: []tls.Certificate{a.Pair(uactest.Wanted{Names: []string{"gw.example.com"}})}})
		}()
		defer l.Dial().Close()
		synctest.Wait()
		began := time.Now()
		stop()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it stopped after %v", took)
		}
		if all, _ := uc.Refusals(); len(all) != 0 {
			t.Errorf("%+v", all)
		}
	})
}
