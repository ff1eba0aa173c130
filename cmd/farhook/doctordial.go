package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// The doctor comes to the ports of the gateway that runs as a UC server or a browser would: whether it's let in, and by which certificate.

// answersWithin is how long a port of ours may take to answer.
const answersWithin = 3 * time.Second

// errSilent is a port that takes connections and says nothing.
var errSilent = errors.New("no answer")

// knock connects to a port of ours, and waits for the first it says. shown are the certificates that it shows; nil: it speaks no TLS.
func (d *doctor) knock(ctx context.Context, p openPort) (shown []*x509.Certificate, err error) {
	ctx, stop := context.WithTimeout(ctx, d.patience)
	defer stop()
	c, gone, err := d.connect(ctx, p.addr)
	if err != nil {
		return nil, err
	}
	defer gone()
	defer c.Close()
	end, _ := ctx.Deadline()
	_ = c.SetDeadline(end)
	if p.secure {
		t := tls.Client(c, &tls.Config{
			MinVersion: tls.VersionTLS12, ServerName: d.conf.SIP.Contact,
			InsecureSkipVerify: true, // what is shown is looked at by whoever asks
			VerifyConnection:   func(cs tls.ConnectionState) error { shown = cs.PeerCertificates; return nil },
		})
		if err := t.Handshake(); err != nil && shown == nil {
			return nil, silence(err)
		}
		c = t
	}
	if p.what == "HTTP" || p.what == "metrics" {
		_, err = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	}
	if err == nil {
		_, err = io.ReadFull(c, make([]byte, 1))
	}
	if s := silence(err); errors.Is(s, errSilent) { // who ends the connection, or refuses us, is there
		return shown, s
	}
	return shown, nil
}

func silence(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return errSilent
	}
	return err
}

// connect comes to an address from one that the gateway is told of before, so that it knows us; gone tells it that the connection has ended.
func (d *doctor) connect(ctx context.Context, addr string) (c net.Conn, gone func(), err error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, nil, err
	}
	here := []netip.Addr{to.Addr()}
	if to.Addr().IsUnspecified() {
		here = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
		if to.Addr().Is6() { // both families, where the machine has both
			here = append(here, netip.IPv6Loopback())
		}
	}
	for _, ip := range here {
		for range 3 { // another program may get the port that was free
			var from net.Addr
			if from, err = freePort(ip); err != nil {
				break
			}
			gone = d.uc.Own(from.String())
			dialer := net.Dialer{LocalAddr: from}
			if c, err = dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(ip, to.Port()).String()); err == nil {
				return c, gone, nil
			}
			gone()
			if !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EADDRNOTAVAIL) {
				break
			}
		}
	}
	return nil, nil, silence(err)
}

// freePort is a port of this machine that nobody has at the moment.
func freePort(ip netip.Addr) (net.Addr, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: ip.AsSlice()})
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return l.Addr(), nil
}

// knocking comes to every port of the gateway that runs; nil: each of them answers.
func (d *doctor) knocking(ctx context.Context, p *patient) []finding {
	for _, port := range d.open {
		shown, err := d.knock(ctx, port)
		switch {
		case errors.Is(err, errSilent):
			return bad(broken, say("%s: farhook listens on %s, and does not answer there within %s", port.what, port.addr, d.patience),
				say("its log says more: open files or memory may be at their limit; systemctl restart farhook, if it stays so"))
		case err != nil:
			return bad(broken, say("%s: farhook listens on %s, and cannot be reached there from this machine: %s", port.what, port.addr, err),
				say("a packet filter may stand between: nft list ruleset, iptables -L -n"))
		}
		if port.what == "SIP over TLS" {
			p.shown = shown
		}
	}
	return nil
}

// chain looks at the certificates that a UC server is shown: whether it can find the way from ours to an authority that it trusts. nil: it can, or they were
// not seen.
func (d *doctor) chain(shown []*x509.Certificate) []finding {
	if len(shown) == 0 {
		return nil
	}
	file := d.conf.SIP.TLS.Certificate
	o := x509.VerifyOptions{Intermediates: x509.NewCertPool(), CurrentTime: d.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	if roots, err := x509.SystemCertPool(); err == nil {
		o.Roots = roots
	} else {
		o.Roots = x509.NewCertPool()
	}
	for _, ca := range d.keys.current.Load().cas {
		o.Roots.AddCert(ca)
	}
	for _, c := range shown[1:] {
		o.Intermediates.AddCert(c)
	}
	last := shown[len(shown)-1]
	if _, err := shown[0].Verify(o); err == nil || last.CheckSignatureFrom(last) == nil { // with a root of its own the chain is whole, whoever trusts it
		return nil
	}
	return bad(warning, say("whoever connects is shown a chain that ends at \"%s\", issued by \"%s\", which is neither in it nor in %s: UC servers that don't know that authority refuse us", last.Subject, last.Issuer, orText(d.conf.SIP.TLS.ClientCA, "sip.tls.client_ca")),
		say("append the certificate of \"%s\" (PEM) to %s: farhook reads it by itself", last.Issuer, file))
}

// replaced looks whether what is shown is what stands in the file.
func (d *doctor) replaced(shown []*x509.Certificate) []finding {
	if len(shown) == 0 {
		return nil
	}
	there, err := d.keys.read()
	switch {
	case err != nil:
		return bad(warning, say("the certificate in force is one read before: %s", err), say("put the right files there; farhook reads them by itself"))
	case !there.leaf.Equal(shown[0]):
		return bad(warning, say("whoever connects is shown another certificate than that in %s", d.conf.SIP.TLS.Certificate), say("systemctl reload farhook, and see its log"))
	}
	return nil
}
