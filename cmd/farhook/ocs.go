package main

import (
	"fmt"
	"strings"
)

// Office Communications Server 2007 and 2007 R2 (and Live Communications Server 2005) have no commands; their settings are WMI classes, which the
// administration snap-in shows under other names: MSFT_SIPRemoteAddressData is "Host Authorization" and MSFT_SIPRoutingTableData "Routing" of the pool's
// front end properties, MSFT_SIPESUserSetting the user's properties.

// single is a PowerShell string that nothing is expanded in. Typographic apostrophes end one there, too.
func single(s string) string { return "'" + inSingle.Replace(s) + "'" }

// inWQL is a string of the query language of WMI, which escapes with backslashes.
func inWQL(s string) string { return "'" + wqlEscapes.Replace(s) + "'" }

var (
	inSingle   = strings.NewReplacer("'", "''", "‘", "‘‘", "’", "’’", "‚", "‚‚", "‛", "‛‛")
	wqlEscapes = strings.NewReplacer(`\`, `\\`, "'", `\'`, `"`, `\"`)
)

// trustedOCS makes the gateway an authorized host: its events aren't throttled as a client's would be, and it needn't sign in.
func (n lyncNames) trustedOCS() []string {
	return []string{fmt.Sprintf("Set-WmiInstance -Class MSFT_SIPRemoteAddressData -Arguments @{Backend=%s; Server=%s; OutboundOnly=$false; ThrottleAsServer=$true; TreatAsAuthenticated=$true}",
		single(`(local)\rtc`), single(n.gateway))}
}

// routedOCS says how the static route is made. A TLS route names the front end's certificate (TLSCertIssuer, TLSCertSN), which the snap-in lets one choose;
// what came of it WMI shows.
func (n lyncNames) routedOCS() []string {
	transport, proof := "TLS", "the front end's certificate, "
	if !n.tls {
		transport, proof = "TCP", ""
	}
	return []string{
		fmt.Sprintf("# snap-in: the pool, Properties, Front End Properties, Routing, Add: domain %s, next hop %s, transport %s, port %s, %shost in the request URI not replaced",
			n.domain, n.gateway, transport, n.port, proof),
		"Get-WmiObject MSFT_SIPRoutingTableData | Format-List Enabled, MatchURI, NextHop, NextHopPort, NextHopTransport, ReplaceHostInRequestURI",
	}
}

// serverOCS are the acts on the server side, in order. Backend is that of a Standard Edition server; an Enterprise pool's is its SQL Server instance.
func (n lyncNames) serverOCS() []string {
	return append(append([]string{"# Backend is (local)\\rtc on a Standard Edition server, else the pool's SQL Server instance"}, n.trustedOCS()...), n.routedOCS()...)
}

// userSetOCS gives a user a line and remote call control.
func (n lyncNames) userSetOCS() []string {
	return []string{fmt.Sprintf("Get-WmiObject MSFT_SIPESUserSetting -Filter %s | ForEach-Object { $_.UCEnabled = $false; $_.RemoteCallControlTelephonyEnabled = $true; $_.LineURI = %s; $_.LineServerURI = %s; $_.Put() }",
		quoted("PrimaryURI = "+inWQL(n.user)), single(n.line), single("sip:farhook@"+n.domain))}
}
