package main

import (
	"fmt"
	"net"
	"strings"
)

// lyncNames is what the commands for a Lync or OCS side (ocs.go) are filled in with. What this deployment doesn't say stands in <angle brackets>.
type lyncNames struct {
	gateway string // our FQDN, as in the certificate
	port    string
	tls     bool
	pool    string // of the registrar
	domain  string // of the line server URIs
	user    string // sip:alice@example.com
	line    string // tel:+15551001
}

// namesOf takes them from the configuration.
func namesOf(c Config) lyncNames {
	n := lyncNames{gateway: c.SIP.Contact, domain: c.SIP.Domain, tls: len(c.SIP.TLS.Listen) > 0}
	listen := c.SIP.TLS.Listen
	if !n.tls {
		listen = c.SIP.Listen
	}
	if len(listen) > 0 {
		_, n.port, _ = net.SplitHostPort(listen[0])
	}
	for _, p := range c.Peers {
		for _, h := range p.Hosts {
			if n.pool == "" && !strings.HasPrefix(h, "*.") {
				n.pool = h
			}
		}
	}
	for _, fill := range []struct {
		into *string
		with string
	}{
		{&n.gateway, "<FQDN of this gateway, as in its certificate>"},
		{&n.port, "5065"},
		{&n.pool, "<FQDN of the registrar pool>"},
		{&n.domain, "<domain of the Line Server URIs, not the users' own>"},
		{&n.user, "<user>"},
		{&n.line, "<the user's line, such as tel:+15551001>"},
	} {
		if *fill.into == "" {
			*fill.into = fill.with
		}
	}
	return n
}

// quoted is a PowerShell string; nothing in it is expanded, whatever a directory has in it. Typographic quotation marks end one there, too.
func quoted(s string) string { return `"` + inQuotes.Replace(s) + `"` }

var inQuotes = strings.NewReplacer("`", "``", "$", "`$", `"`, "`\"", "“", "`“", "”", "`”", "„", "`„")

// trusted are the commands that make the gateway a trusted application of the pool.
func (n lyncNames) trusted() []string {
	pool := fmt.Sprintf("New-CsTrustedApplicationPool -Identity %s -Registrar %s -Site <site id> -TreatAsAuthenticated $true -ThrottleAsServer $true -RequiresReplication $false",
		quoted(n.gateway), quoted(n.pool))
	app := fmt.Sprintf("New-CsTrustedApplication -ApplicationId farhook -TrustedApplicationPoolFqdn %s -Port %s", quoted(n.gateway), n.port)
	if !n.tls {
		app += " -EnableTcp"
	}
	return []string{pool, app, "Enable-CsTopology"}
}

// routed are the commands that lead what is for the line server domain to the gateway.
func (n lyncNames) routed() []string {
	route := fmt.Sprintf("$r = New-CsStaticRoute -TLSRoute -Destination %s -Port %s -UseDefaultCertificate $true -MatchUri %s", quoted(n.gateway), n.port, quoted(n.domain))
	if !n.tls {
		route = fmt.Sprintf("$r = New-CsStaticRoute -TCPRoute -Destination %s -Port %s -MatchUri %s", quoted(n.gateway), n.port, quoted(n.domain))
	}
	return []string{route, "Set-CsStaticRoutingConfiguration -Identity Global -Route @{Add=$r}", "Enable-CsTopology"}
}

// userSet is the command that gives a user a line and remote call control.
func (n lyncNames) userSet() []string {
	return []string{fmt.Sprintf("Set-CsUser -Identity %s -EnterpriseVoiceEnabled $false -RemoteCallControlTelephonyEnabled $true -LineURI %s -LineServerURI %s",
		quoted(n.user), quoted(n.line), quoted("sip:farhook@"+n.domain))}
}

// server are the commands for the server side, in order.
func (n lyncNames) server() []string {
	t := n.trusted()
	return append(t[:len(t)-1], n.routed()...)
}

// script is the whole of it, for both families of servers.
func (n lyncNames) script() []string {
	all := append([]string{"# Lync Server 2010, 2013 (Lync Server Management Shell)"}, n.server()...)
	all = append(all, n.userSet()...)
	all = append(all, "", "# Office Communications Server 2007, 2007 R2 (PowerShell on a front end; it has no commands of its own, but WMI)")
	all = append(all, n.serverOCS()...)
	return append(all, n.userSetOCS()...)
}

// onBoth are cures for both families: which one it is the gateway can't know.
func (n lyncNames) onBoth(lync, ocs func(lyncNames) []string) []saying {
	all := append([]saying{say("on Lync Server 2010 or 2013:")}, typedAll(lync(n))...)
	all = append(all, say("on Office Communications Server 2007 (R2), which has no such commands:"))
	return append(all, typedAll(ocs(n))...)
}
