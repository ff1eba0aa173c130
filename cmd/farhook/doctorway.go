package main

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"time"
)

// The steps up to the gateway: what must be right before an INVITE can arrive.

// tooFar is by how much clocks may differ: Kerberos and certificates that have just been issued fail beyond it.
const tooFar = 5 * time.Minute

func (d *doctor) certificate(_ context.Context, p *patient) []finding {
	if d.keys == nil {
		if len(d.conf.SIP.TLS.Listen) == 0 {
			return ok("TLS isn't configured: UC servers come over plain TCP")
		}
		return bad(broken, say("the certificate cannot be read"), say("farhook config check says which file, and why"))
	}
	c := d.keys.current.Load().leaf
	file, name := d.conf.SIP.TLS.Certificate, d.conf.SIP.Contact
	renew := say("issue it anew, put it in %s and its key in %s: farhook reads them by itself", file, d.conf.SIP.TLS.Key)
	now := d.now()
	switch {
	case now.After(c.NotAfter):
		return bad(broken, say("our certificate %s has expired on %s", file, c.NotAfter.Format(time.DateOnly)), renew)
	case now.Before(c.NotBefore):
		return bad(broken, say("our certificate %s is not good before %s", file, c.NotBefore.Format(time.RFC3339)), say("set this machine's clock (timedatectl)"), renew)
	}
	if name != "" && net.ParseIP(name) == nil {
		err := c.VerifyHostname(name)
		if err != nil && len(c.DNSNames) == 0 && strings.EqualFold(c.Subject.CommonName, name) {
			err = nil
		}
		if err != nil {
			return bad(broken, say("our certificate %s is for %s, and sip.contact is %s", file, certificateNames(c), name),
				say("have it issued for %s (subject alternative name), or set sip.contact to a name that it has; the trusted application pool and the static route must have that name too", name), renew)
		}
	}
	if u := c.ExtKeyUsage; len(u) > 0 && !slices.Contains(u, x509.ExtKeyUsageAny) {
		both := say("have it issued with both extended key usages, server and client authentication")
		if !slices.Contains(u, x509.ExtKeyUsageServerAuth) {
			return bad(broken, say("our certificate %s is not for server authentication: UC servers refuse to connect", file), both, renew)
		}
		if !slices.Contains(u, x509.ExtKeyUsageClientAuth) {
			return bad(broken, say("our certificate %s is not for client authentication: events cannot be sent when no UC server has a connection open to us", file), both, renew)
		}
	}
	for _, f := range [][]finding{d.replaced(p.shown), d.chain(p.shown)} {
		if f != nil {
			return f
		}
	}
	if left := c.NotAfter.Sub(now); left < expiryWarning {
		return bad(warning, say("our certificate %s expires in %s days, on %s", file, int(left.Hours()/24), c.NotAfter.Format(time.DateOnly)), renew)
	}
	for _, e := range d.keys.endings()[1:] {
		if e.expires.Before(now) {
			return bad(broken, say("%s has expired on %s", e.what, e.expires.Format(time.DateOnly)), say("put the authority's present certificate into %s", d.conf.SIP.TLS.ClientCA))
		}
	}
	return ok("%s, for %s, good until %s", file, certificateNames(c), c.NotAfter.Format(time.DateOnly))
}

func certificateNames(c *x509.Certificate) string {
	if len(c.DNSNames) > 0 {
		return joined(c.DNSNames)
	}
	return c.Subject.CommonName
}

func (d *doctor) clock(context.Context, *patient) []finding {
	if d.uc == nil {
		return cannotTell("farhook does not run")
	}
	k := d.uc.Contact()
	switch {
	case k.Clock.IsZero():
		return cannotTell("no UC server has told its time (a Date header) yet")
	case k.Skew.Abs() >= tooFar:
		what := say("our clock is %s behind that of %s", k.Skew.Abs(), k.Peer)
		if k.Skew < 0 {
			what = say("our clock is %s ahead of that of %s", k.Skew.Abs(), k.Peer)
		}
		return bad(broken, what, say("let both take their time from the same source (timedatectl set-ntp true here; the domain's time service there)"))
	case k.Skew.Abs() > 30*time.Second:
		return bad(warning, say("our clock and that of %s are %s apart", k.Peer, k.Skew.Abs()), typed("timedatectl set-ntp true"))
	}
	return ok("the same as that of %s", k.Peer)
}

func (d *doctor) servers(ctx context.Context, _ *patient) []finding {
	if len(d.conf.Peers) == 0 {
		return bad(warning, say("no UC servers are configured: only programs on this machine can reach farhook"), say("name them under peers, see farhook config example"))
	}
	for _, p := range d.conf.Peers {
		for _, h := range p.Hosts {
			if strings.HasPrefix(h, "*.") {
				continue
			}
			there, err := d.lookup(ctx, h)
			if err == nil && len(there) == 0 {
				err = errors.New("no addresses")
			}
			if err != nil {
				return bad(broken, say("UC server %s (peers, %s) is not in DNS: %s", h, p.Name, err),
					say("add an A record for %s to the zone that this machine asks, or its address to /etc/hosts; or correct the name under peers", h))
			}
		}
	}
	return ok("%s peers configured, and every host name is in DNS", len(d.conf.Peers))
}

func (d *doctor) arrivals(context.Context, *patient) []finding {
	if d.uc == nil {
		return bad(broken, say("farhook does not run: nothing can arrive"), say("start it: systemctl start farhook, or farhook serve --config FILE; its log says what stops it"))
	}
	names := namesOf(d.conf)
	last, counts := d.uc.Refusals()
	k := d.uc.Contact()
	for _, r := range slices.Backward(last) {
		switch {
		case r.Reason == "no-csta" && d.now().Sub(r.At) < 24*time.Hour:
			return bad(broken, say("INVITEs that are not CSTA arrive, %s so far, the last from %s at %s: a static route leads the users' own calls and conferences here", counts["no-csta"], r.User, r.At.Format(time.TimeOnly)),
				slices.Concat([]saying{
					say("take the route on the users' own SIP domain away, and give the Line Server URIs a domain of their own (sip.domain)"),
					typed("Get-CsStaticRoutingConfiguration | Select-Object -ExpandProperty Route"),
				}, names.onBoth(lyncNames.routed, lyncNames.routedOCS))...)
		case (r.Reason == "unknown-peer" || r.Reason == "handshake") && k.Heard.Before(r.At):
			return bad(broken, say("a server at %s was refused at %s: %s", r.Peer, r.At.Format(time.TimeOnly), r.Detail),
				say("if it is a UC server of yours, name it under peers (hosts as in its certificate, or addresses for plain TCP)"),
				say("if its certificate is from another authority, add that authority to %s", orText(d.conf.SIP.TLS.ClientCA, "sip.tls.client_ca")))
		}
	}
	if k.Heard.IsZero() {
		return bad(broken, say("nothing has ever arrived from a UC server since farhook was started"),
			slices.Concat([]saying{say("make farhook a trusted application and route the line server domain to it")}, names.onBoth(lyncNames.server, lyncNames.serverOCS))...)
	}
	if k.Invite.IsZero() {
		return bad(warning, say("UC servers reach us, but no user has signed in to a line yet (no INVITE with CSTA)"), names.onBoth(lyncNames.routed, lyncNames.routedOCS)...)
	}
	return ok("last heard of a UC server at %s", k.Heard.Format(time.TimeOnly))
}

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
