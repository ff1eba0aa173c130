package main

import (
	"fmt"
	"net/netip"
	"strings"

	"farhook/uacsta"
)

// Peers are the UC servers that are trusted to say who their users are.
type Peers []PeerConfig

// PeerConfig is one UC server, or one pool.
type PeerConfig struct {
	Name        string   `yaml:"name"`
	Hosts       []string `yaml:"hosts"`     // names in its certificate
	Addresses   []string `yaml:"addresses"` // for plain TCP
	Domains     []string `yaml:"domains"`   // SIP domains of its users; empty: any
	Connections int      `yaml:"connections"`
	Sessions    int      `yaml:"sessions"`
	OnLinkLoss  string   `yaml:"on_link_loss"` // what sessions are told beside events: events, status, bye
	WhileDown   string   `yaml:"while_down"`   // an INVITE while the PBX link is down: accept, refuse
}

// AuditConfig is the record of what matters to security.
type AuditConfig struct {
	File string `yaml:"file"` // empty: none is kept
}

// wrongs complains of what is wrong with the peers, and of listeners that would let anybody in.
func (ps Peers) wrongs(sip SIPConfig, complain func(path, format string, args ...any)) {
	byHost, byAddress := false, false
	seen := map[string]bool{}
	for i, p := range ps {
		path := fmt.Sprintf("$.peers[%d]", i)
		switch {
		case !pbxName(p.Name):
			complain(path+".name", "%q is not a name: 1 to 32 of a-z, 0-9 and -", p.Name)
		case seen[p.Name]:
			complain(path+".name", "%q is there twice", p.Name)
		}
		seen[p.Name] = true
		if len(p.Hosts)+len(p.Addresses) == 0 {
			complain(path, "give hosts (names in its certificate, for TLS) or addresses (for plain TCP): nothing can be recognised as %q", p.Name)
		}
		for j, h := range p.Hosts {
			byHost = true
			if !hostName(strings.TrimPrefix(h, "*.")) {
				complain(fmt.Sprintf("%s.hosts[%d]", path, j), "%q is not a host name, such as pool.example.com or *.example.com", h)
			}
		}
		for j, a := range p.Addresses {
			byAddress = true
			if p, err := prefix(a); err != nil {
				complain(fmt.Sprintf("%s.addresses[%d]", path, j), "%q is neither an IP address nor a range such as 10.1.2.0/24", a)
			} else if p.Bits() == 0 {
				complain(fmt.Sprintf("%s.addresses[%d]", path, j), "%q is everybody, and who comes from there is believed whoever he says to be: give the UC servers' own addresses", a)
			}
		}
		for j, d := range p.Domains {
			if !hostName(d) {
				complain(fmt.Sprintf("%s.domains[%d]", path, j), "%q is not a domain, such as example.com", d)
			}
		}
		if _, ok := linkLoss[p.OnLinkLoss]; !ok {
			complain(path+".on_link_loss", "%q is none of events, status, bye", p.OnLinkLoss)
		}
		if _, ok := whileDown[p.WhileDown]; !ok {
			complain(path+".while_down", "%q is neither accept nor refuse", p.WhileDown)
		}
		if p.Connections < 0 || p.Sessions < 0 {
			complain(path, "connections and sessions are 0 (no limit of its own) or more")
		}
	}
	for i, a := range sip.Listen {
		if !loopback(a) && !byAddress {
			complain(fmt.Sprintf("$.sip.listen[%d]", i), "%q is not a loopback address: over plain TCP anybody could say to be anybody. Name the UC servers' addresses under peers, or use sip.tls", a)
		}
	}
	for i, a := range sip.TLS.Listen {
		path := fmt.Sprintf("$.sip.tls.listen[%d]", i)
		switch {
		case loopback(a) && len(ps) == 0:
		case !byHost:
			complain(path, "%q: no peer has hosts: name the UC servers, as in their certificates, under peers", a)
		case sip.TLS.ClientCA == "":
			complain(path, "%q: sip.tls.client_ca is missing: it says whose certificates of UC servers are believed", a)
		}
	}
}

// The words of the configuration; the empty one is the default.
var (
	linkLoss  = map[string]uacsta.LinkLoss{"": uacsta.EventOnly, "events": uacsta.EventOnly, "status": uacsta.TellStatus, "bye": uacsta.EndSession}
	whileDown = map[string]int{"": 0, "accept": 0, "refuse": 480}
)

// hostName says whether s can be the name of a host or domain.
func hostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}) {
			return false
		}
	}
	return true
}

// prefix reads an address or a range of them.
func prefix(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// trustedPeers is what the session layer is told; the configuration has been checked before.
func trustedPeers(ps Peers) []uacsta.Peer {
	var all []uacsta.Peer
	for _, p := range ps {
		u := uacsta.Peer{Name: p.Name, Hosts: p.Hosts, Domains: p.Domains, Connections: p.Connections, Sessions: p.Sessions}
		u.OnLinkLoss, u.WhileDown = linkLoss[p.OnLinkLoss], whileDown[p.WhileDown]
		for _, a := range p.Addresses {
			if x, err := prefix(a); err == nil {
				u.Addresses = append(u.Addresses, x)
			}
		}
		all = append(all, u)
	}
	return all
}
