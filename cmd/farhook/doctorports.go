package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The first steps: what is configured, and whether anybody can come in.

// ports is what the doctor knows of the machine's network.
type ports struct {
	open   []openPort                              // of the gateway that runs
	own    func() ([]net.Addr, error)              // this machine's addresses
	listen func(addr string) (net.Listener, error) // tries a port
	// How long a port of ours may take to answer.
	patience time.Duration
}

// openPort is one that the gateway listens on.
type openPort struct {
	what, addr string
	secure     bool // TLS
}

func (d *doctor) configuration(context.Context, *patient) []finding {
	if d.planned == nil || d.conf.file == "" {
		if d.conf.file == "" {
			return ok("there is no file: what isn't given by flags is as it comes")
		}
		return ok("%s is as it should be", d.conf.file)
	}
	all, err := d.planned()
	if err != nil {
		return bad(warning, say("%s can't be read any more: %s; farhook goes on with what it read before, and would not start with this", d.conf.file, err), typed("farhook config check "+d.conf.file))
	}
	var later []string
	for _, c := range all {
		if c.Restart {
			later = append(later, c.Path)
		}
	}
	if len(later) > 0 {
		return bad(warning, say("%s has changes that count from the next start on: %s", d.conf.file, joined(later)), typed("systemctl restart farhook"), typed("farhook config diff"))
	}
	return ok("%s is as it should be", d.conf.file)
}

// faultsOfPorts are why a port can't be had, and what to do.
var faultsOfPorts = []struct {
	err         error
	found, cure func(what, addr string) saying
}{
	{
		syscall.EADDRINUSE,
		func(what, addr string) saying { return say("%s: another program has %s", what, addr) },
		func(_, addr string) saying {
			_, port, _ := net.SplitHostPort(addr)
			return say("see which one (ss -ltnp 'sport = :%s') and end it, or choose another port; if it is farhook itself, ask it with --control and the path of its socket", port)
		},
	},
	{
		syscall.EACCES,
		func(what, addr string) saying { return say("%s: this account may not listen on %s", what, addr) },
		func(string, string) saying {
			return say("choose a port above 1023, or give the service the right (AmbientCapabilities=CAP_NET_BIND_SERVICE)")
		},
	},
	{
		syscall.EADDRNOTAVAIL,
		func(what, addr string) saying { return say("%s: this machine has no address %s", what, addr) },
		func(string, string) saying {
			return say("give an address that this machine has (ip address lists them), or none before the colon for all of them")
		},
	},
}

// reachable looks whether everything is listened on, and whether UC servers come to it by the name that they are given.
func (d *doctor) reachable(ctx context.Context, p *patient) []finding {
	if d.uc == nil {
		for _, p := range d.conf.listens() {
			l, err := d.listen(p.addr)
			if err == nil {
				l.Close()
				continue
			}
			for _, f := range faultsOfPorts {
				if errors.Is(err, f.err) {
					return bad(broken, f.found(p.what, p.addr), f.cure(p.what, p.addr))
				}
			}
			return bad(broken, say("%s: %s can't be listened on: %s", p.what, p.addr, err), say("choose another address"))
		}
	}
	sip := slices.Concat(d.conf.SIP.Listen, d.conf.SIP.TLS.Listen)
	if !slices.ContainsFunc(sip, func(a string) bool { return !loopback(a) }) {
		for _, peer := range d.conf.Peers {
			if !peer.onThisMachine() {
				return bad(broken, say("farhook listens on this machine's own loopback address only (%s): %s can't reach it", joined(sip), peer.Name),
					say("give sip.tls.listen (or sip.listen) an address that UC servers reach, such as 0.0.0.0:5065, and start farhook again"))
			}
		}
	}
	if d.uc != nil {
		if f := d.knocking(ctx, p); f != nil {
			return f
		}
	}
	if f := d.ownName(ctx); f != nil {
		return f
	}
	if d.uc == nil {
		return ok("farhook does not run; every port that it would listen on is free")
	}
	var all []string
	for _, p := range d.open {
		all = append(all, p.what+" "+p.addr)
	}
	return ok("listens on %s, and answers there", joined(all))
}

// ownName looks whether the name that UC servers are given leads here; nil: it does, or there is none.
func (d *doctor) ownName(ctx context.Context) []finding {
	name := d.conf.SIP.Contact
	if _, err := netip.ParseAddr(name); name == "" || err == nil || strings.EqualFold(name, "localhost") {
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	there, err := d.lookup(ctx, name)
	if err != nil || len(there) == 0 {
		return bad(warning, say("our own name %s (sip.contact) is not in the DNS that this machine asks: UC servers, too, must find us by it", name),
			say("add an A record for %s with this machine's address to the zone", name))
	}
	own, err := d.own()
	if err != nil {
		return cannotTell("this machine's addresses can't be listed: %s", err)
	}
	var here []string
	for _, a := range own {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			here = append(here, p.Addr().String())
		}
	}
	if !slices.ContainsFunc(there, func(a string) bool { return slices.Contains(here, a) }) {
		return bad(warning, say("our own name %s (sip.contact) is %s in DNS, and this machine is %s: connections of UC servers go elsewhere", name, joined(there), joined(here)),
			say("correct the A record of %s; where a load balancer or address translation stands between, see that it leads here", name))
	}
	return nil
}

// listens are the TCP ports of a configuration.
func (c Config) listens() []openPort {
	var all []openPort
	for _, a := range c.SIP.Listen {
		all = append(all, openPort{what: "SIP", addr: a})
	}
	for _, a := range c.SIP.TLS.Listen {
		all = append(all, openPort{"SIP over TLS", a, true})
	}
	if c.HTTP.Listen != "" {
		all = append(all, openPort{"HTTP", c.HTTP.Listen, c.Web.Certificate != ""})
	}
	if c.Metrics.Listen != "" {
		all = append(all, openPort{what: "metrics", addr: c.Metrics.Listen})
	}
	return all
}

// openPorts are those that the gateway has opened.
func (g *gateway) openPorts() []openPort {
	var all []openPort
	put := func(what string, secure bool, list ...net.Listener) {
		for _, l := range list {
			if l != nil {
				all = append(all, openPort{what, l.Addr().String(), secure})
			}
		}
	}
	put("SIP", false, g.sip...)
	put("SIP over TLS", true, g.sips...)
	put("HTTP", g.https != nil, g.http)
	put("metrics", false, g.metrics)
	return all
}

// onThisMachine says whether a peer can only come by loopback.
func (p PeerConfig) onThisMachine() bool {
	return len(p.Hosts) == 0 && !slices.ContainsFunc(p.Addresses, func(a string) bool {
		x, err := prefix(a)
		return err != nil || !x.Addr().IsLoopback()
	})
}
