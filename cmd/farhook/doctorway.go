package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// The steps up to the gateway: what must be right before an INVITE can arrive.

// tooFar is by how much clocks may differ: Kerberos and certificates that have just been issued fail beyond it.
const tooFar = 5 * time.Minute

func (d *doctor) certificate(context.Context, *patient) []finding {
	if d.keys == nil {
		if len(d.conf.SIP.TLS.Listen) == 0 {
			return ok("TLS isn't configured: UC servers come over plain TCP")
		}
		return bad(broken, "the certificate cannot be read", "farhook config check says which file, and why")
	}
	c := d.keys.current.Load().leaf
	file := d.conf.SIP.TLS.Certificate
	renew := "issue it anew, put it in " + file + " and its key in " + d.conf.SIP.TLS.Key + ": farhook reads them by itself"
	now := d.now()
	switch {
	case now.After(c.NotAfter):
		return bad(broken, fmt.Sprintf("our certificate %s has expired on %s", file, c.NotAfter.Format(time.DateOnly)), renew)
	case now.Before(c.NotBefore):
		return bad(broken, fmt.Sprintf("our certificate %s is not good before %s", file, c.NotBefore.Format(time.RFC3339)), "set this machine's clock (timedatectl)", renew)
	}
	if d.conf.SIP.Contact != "" && net.ParseIP(d.conf.SIP.Contact) == nil {
		err := c.VerifyHostname(d.conf.SIP.Contact)
		if err != nil && len(c.DNSNames) == 0 && strings.EqualFold(c.Subject.CommonName, d.conf.SIP.Contact) {
			err = nil
		}
		if err != nil {
			return bad(broken, fmt.Sprintf("our certificate %s is for %s, and sip.contact is %s", file, certificateNames(c), d.conf.SIP.Contact),
				"have it issued for "+d.conf.SIP.Contact+" (subject alternative name), or set sip.contact to a name that it has; the trusted application pool and the static route must have that name too", renew)
		}
	}
	if u := c.ExtKeyUsage; len(u) > 0 && !slices.Contains(u, x509.ExtKeyUsageAny) {
		for _, need := range []struct {
			usage x509.ExtKeyUsage
			name  string
			why   string
		}{
			{x509.ExtKeyUsageServerAuth, "server", "UC servers refuse to connect"},
			{x509.ExtKeyUsageClientAuth, "client", "events cannot be sent when no UC server has a connection open to us"},
		} {
			if !slices.Contains(u, need.usage) {
				return bad(broken, fmt.Sprintf("our certificate %s is not for %s authentication: %s", file, need.name, need.why),
					"have it issued with both extended key usages, server and client authentication", renew)
			}
		}
	}
	if left := c.NotAfter.Sub(now); left < expiryWarning {
		return bad(warning, fmt.Sprintf("our certificate %s expires in %d days, on %s", file, int(left.Hours()/24), c.NotAfter.Format(time.DateOnly)), renew)
	}
	for _, e := range d.keys.endings()[1:] {
		if e.expires.Before(now) {
			return bad(broken, e.what+" has expired on "+e.expires.Format(time.DateOnly), "put the authority's present certificate into "+d.conf.SIP.TLS.ClientCA)
		}
	}
	return ok("%s, for %s, good until %s", file, certificateNames(c), c.NotAfter.Format(time.DateOnly))
}

func certificateNames(c *x509.Certificate) string {
	if len(c.DNSNames) > 0 {
		return strings.Join(c.DNSNames, ", ")
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
		side := "behind"
		if k.Skew < 0 {
			side = "ahead of"
		}
		return bad(broken, fmt.Sprintf("our clock is %v %s that of %s", k.Skew.Abs(), side, k.Peer),
			"let both take their time from the same source (timedatectl set-ntp true here; the domain's time service there)")
	case k.Skew.Abs() > 30*time.Second:
		return bad(warning, fmt.Sprintf("our clock and that of %s are %v apart", k.Peer, k.Skew.Abs()), "timedatectl set-ntp true")
	}
	return ok("the same as that of %s", k.Peer)
}

func (d *doctor) servers(ctx context.Context, _ *patient) []finding {
	if len(d.conf.Peers) == 0 {
		return bad(warning, "no UC servers are configured: only programs on this machine can reach farhook", "name them under peers, see farhook config example")
	}
	n := 0
	for _, p := range d.conf.Peers {
		for _, h := range p.Hosts {
			if strings.HasPrefix(h, "*.") {
				continue
			}
			found, err := d.lookup(ctx, h)
			if err != nil || len(found) == 0 {
				return bad(broken, fmt.Sprintf("UC server %s (peers, %s) is not in DNS: %v", h, p.Name, err),
					"add an A record for "+h+" to the zone that this machine asks, or its address to /etc/hosts; or correct the name under peers")
			}
			n++
		}
		n += len(p.Addresses)
	}
	return ok("%d peers configured, and every host name is in DNS", len(d.conf.Peers))
}

func (d *doctor) arrivals(context.Context, *patient) []finding {
	if d.uc == nil {
		return bad(broken, "farhook does not run: nothing can arrive", "start it: systemctl start farhook, or farhook serve --config FILE; its log says what stops it")
	}
	lync := namesOf(d.conf)
	last, counts := d.uc.Refusals()
	k := d.uc.Contact()
	for i := len(last) - 1; i >= 0; i-- {
		switch r := last[i]; {
		case r.Reason == "no-csta" && d.now().Sub(r.At) < 24*time.Hour:
			return bad(broken, fmt.Sprintf("INVITEs that are not CSTA arrive, %d so far, the last from %s at %s: a static route leads the users' own calls and conferences here", counts["no-csta"], r.User, r.At.Format(time.TimeOnly)),
				append([]string{"take the route on the users' own SIP domain away, and give the Line Server URIs a domain of their own (sip.domain)", "Get-CsStaticRoutingConfiguration | Select-Object -ExpandProperty Route"}, lync.routed()...)...)
		case (r.Reason == "unknown-peer" || r.Reason == "handshake") && k.Heard.Before(r.At):
			return bad(broken, fmt.Sprintf("a server at %s was refused at %s: %s", r.Peer, r.At.Format(time.TimeOnly), r.Detail),
				"if it is a UC server of yours, name it under peers (hosts as in its certificate, or addresses for plain TCP)",
				"if its certificate is from another authority, add that authority to "+orText(d.conf.SIP.TLS.ClientCA, "sip.tls.client_ca"))
		}
	}
	if k.Heard.IsZero() {
		return bad(broken, "nothing has ever arrived from a UC server since farhook was started",
			append([]string{"make farhook a trusted application and route the line server domain to it; on the Lync or OCS side:"}, lync.all()[:len(lync.all())-1]...)...)
	}
	if k.Invite.IsZero() {
		return bad(warning, "UC servers reach us, but no user has signed in to a line yet (no INVITE with CSTA)", lync.routed()...)
	}
	return ok("last heard of a UC server at %s", k.Heard.Format(time.TimeOnly))
}

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
