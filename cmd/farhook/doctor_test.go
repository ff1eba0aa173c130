package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

// Each fault, planted alone, is what the doctor names first, with its cure.
func TestDoctorNamesTheFault(t *testing.T) {
	for _, c := range []struct {
		name             string
		plant            func(*testing.T, *clinic)
		user             string // default alice
		step, found, act string
		health           health
	}{
		{name: "nothing", plant: func(*testing.T, *clinic) {}, health: healthy},
		{
			name: "user without line", plant: func(_ *testing.T, c *clinic) { c.dir.(*book).entries[0].Line = "" },
			step: "directory", found: "sip:alice@example.com has no line", act: `Set-CsUser -Identity "sip:alice@example.com"`, health: broken,
		},
		{
			name: "nobody", user: "mallory@example.com", plant: func(*testing.T, *clinic) {},
			step: "directory", found: `nobody in the directory is "mallory@example.com"`, act: "directory lint", health: broken,
		},
		{
			name: "directory dead", plant: func(_ *testing.T, c *clinic) { c.dir.(*book).err = errors.New("connection refused") },
			step: "directory", found: "cannot be asked: connection refused", act: "last good copy", health: broken,
		},
		{
			name: "directory old", plant: func(_ *testing.T, c *clinic) { c.dir.(*book).old = errors.New("ldap: timeout") },
			step: "directory", found: "a source of the directory cannot be asked: ldap: timeout", act: "last good copy", health: warning,
		},
		{
			name: "line server of another domain", plant: func(_ *testing.T, c *clinic) { c.dir.(*book).entries[0].LineServer = "sip:gw@other.example.com" },
			step: "directory", found: "the static route is for rcc.example.com", act: `-LineServerURI "sip:farhook@rcc.example.com"`, health: broken,
		},
		{
			name: "no line server", plant: func(_ *testing.T, c *clinic) { c.dir.(*book).entries[0].LineServer = "" },
			step: "directory", found: "has no Line Server URI", act: "Set-CsUser", health: broken,
		},
		{
			name: "option flags", plant: func(_ *testing.T, c *clinic) { c.dir.(*book).entries[0].Flags = new(128 + 256) },
			step: "directory", found: "not enabled for remote call control: option flags 384: 128 enterprise voice, 256 enhanced presence", act: "-RemoteCallControlTelephonyEnabled $true", health: broken,
		},
		{
			name: "two owners", plant: func(_ *testing.T, c *clinic) { c.dir.(*book).more = []string{"sip:bob@example.com"} },
			step: "directory", found: "has 2 owners: sip:alice@example.com, sip:bob@example.com", act: "take the line away from all but one", health: broken,
		},
		{
			name: "certificate of another name", plant: func(t *testing.T, c *clinic) { c.replace(t, uactest.Wanted{Names: []string{"old.example.com"}}) },
			step: "certificate", found: "is for old.example.com, and sip.contact is gw.example.com", act: "have it issued for gw.example.com", health: broken,
		},
		{
			name: "certificate expired", plant: func(t *testing.T, c *clinic) {
				c.replace(t, uactest.Wanted{Names: []string{"gw.example.com"}, Expired: true})
			},
			step: "certificate", found: "has expired on", act: "issue it anew", health: broken,
		},
		{
			name: "certificate without client usage", plant: func(t *testing.T, c *clinic) {
				c.replace(t, uactest.Wanted{Names: []string{"gw.example.com"}, Usages: serverOnly})
			},
			step: "certificate", found: "not for client authentication", act: "both extended key usages", health: broken,
		},
		{
			name: "certificate ends soon", plant: func(t *testing.T, c *clinic) {
				c.replace(t, uactest.Wanted{Names: []string{"gw.example.com"}, Days: 9})
			},
			step: "certificate", found: "expires in 8 days", act: "issue it anew", health: warning,
		},
		{
			name: "certificate ends in 31 days", plant: func(t *testing.T, c *clinic) {
				c.replace(t, uactest.Wanted{Names: []string{"gw.example.com"}, Days: 31})
			},
			health: healthy,
		},
		{
			name: "certificate ends in 29 days", plant: func(t *testing.T, c *clinic) {
				c.replace(t, uactest.Wanted{Names: []string{"gw.example.com"}, Days: 29})
			},
			step: "certificate", found: "expires in 28 days", act: "issue it anew", health: warning,
		},
		{
			name: "clock ten minutes off", plant: func(t *testing.T, c *clinic) {
				c.send(t, "OPTIONS", "Date: "+time.Now().Add(10*time.Minute).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")+"\r\n", "")
			},
			step: "clock", found: "behind that of pool", act: "timedatectl set-ntp true", health: broken,
		},
		{
			name: "UC server not in DNS", plant: func(_ *testing.T, c *clinic) {
				c.lookup = only("gw.example.com")
			},
			step: "UC servers", found: "pool.example.com (peers, pool) is not in DNS", act: "A record for pool.example.com", health: broken,
		},
		{
			name: "ourselves not in DNS", plant: func(_ *testing.T, c *clinic) { c.lookup = only("pool.example.com") },
			step: "ports", found: "our own name gw.example.com (sip.contact) is not in the DNS", act: "add an A record for gw.example.com", health: warning,
		},
		{
			name: "our name is another machine's", plant: func(_ *testing.T, c *clinic) {
				c.own = func() ([]net.Addr, error) {
					return []net.Addr{&net.IPNet{IP: net.IPv4(192, 0, 2, 9), Mask: net.CIDRMask(24, 32)}}, nil
				}
			},
			step: "ports", found: "gw.example.com (sip.contact) is 192.0.2.1 in DNS, and this machine is 192.0.2.9", act: "correct the A record of gw.example.com", health: warning,
		},
		{
			name: "on loopback only", plant: func(_ *testing.T, c *clinic) { c.conf.SIP.TLS.Listen = []string{"127.0.0.1:5065"} },
			step: "ports", found: "loopback address only (127.0.0.1:0, 127.0.0.1:5065): pool can't reach it", act: "such as 0.0.0.0:5065", health: broken,
		},
		{
			name: "configuration changed", plant: func(_ *testing.T, c *clinic) {
				c.planned = func() ([]change, error) {
					return []change{{Path: "peers", Now: "x"}, {Path: "sip.contact", Restart: true}}, nil
				}
			},
			step: "configuration", found: "clinic.yaml has changes that count from the next start on: sip.contact", act: "systemctl restart farhook", health: warning,
		},
		{
			name: "configuration spoilt", plant: func(_ *testing.T, c *clinic) {
				c.planned = func() ([]change, error) { return nil, errors.New("line 3: colour is no key") }
			},
			step: "configuration", found: "clinic.yaml can't be read any more: line 3: colour is no key", act: "farhook config check clinic.yaml", health: warning,
		},
		{
			name: "refused for want of a right", plant: func(t *testing.T, c *clinic) {
				c.send(t, "INVITE", cstaType, fmt.Sprintf(lineXML, "tel:+15558888"))
			},
			step: "refusals", found: "sip:alice@example.com was refused at ", act: "give the PBX that phone", health: warning,
		},
		{
			name: "peer not configured", plant: func(t *testing.T, c *clinic) {
				c.uc.SetPeers([]uacsta.Peer{{Name: "pool", Hosts: []string{"pool.example.com"}}})
				c.send(t, "OPTIONS", "", "")
				c.until(t, func() bool { _, n := c.uc.Refusals(); return n["unknown-peer"] > 0 })
			},
			step: "arrivals", found: "127.0.0.1 is no address of a configured UC server", act: "name it under peers", health: broken,
		},
		{
			name: "INVITEs that aren't CSTA", plant: func(t *testing.T, c *clinic) { c.send(t, "INVITE", "Content-Type: application/sdp\r\n", "v=0\r\n") },
			step: "arrivals", found: "a static route leads the users' own calls and conferences here", act: "take the route on the users' own SIP domain away", health: broken,
		},
		{
			name: "line unknown to the PBX", plant: func(_ *testing.T, c *clinic) { c.dir.(*book).entries[0].Line = "tel:+15558888" },
			step: "line", found: "no PBX has the line tel:+15558888", act: "farhook numbers try tel:+15558888", health: broken,
		},
		{
			name: "a rule whose round trip fails", plant: func(t *testing.T, c *clinic) {
				conf, err := parse("rules", []byte(`{rights: trusted, pbx: [{name: sim, kind: sim, numbers: {to_pbx: [{name: short, match: '\+1555(\d{4})', replace: '$1'}], from_pbx: [{name: long, digits: '1XXX', prefix: '+49'}]}}]}`))
				if err != nil {
					t.Fatal(err)
				}
				c.conf.PBX = conf.PBX
			},
			step: "numbers", found: "1001 comes back as tel:+491001", act: "farhook numbers try tel:+15551001 --pbx sim", health: broken,
		},
		{
			name: "PBX link down", plant: func(t *testing.T, c *clinic) {
				c.pbx.CutLink()
				c.until(t, func() bool { return c.board.Links()[0].Why != "" })
			},
			step: "PBX link", found: "not connected: sim (sim: the link", act: "see that the PBX runs", health: broken,
		},
		{
			name: "phone unregistered", plant: func(t *testing.T, c *clinic) {
				c.dir.(*book).entries[0].Line = "tel:+15551023"
				c.send(t, "INVITE", cstaType, fmt.Sprintf(lineXML, "tel:+15551023"))
			},
			step: "phone", found: "tel:+15551023 is out of service", act: "not registered at PBX sim", health: broken,
		},
		{
			name: "phone that can't be answered remotely", plant: func(t *testing.T, c *clinic) {
				c.dir.(*book).entries[0].Line = "tel:+15551024"
				c.send(t, "INVITE", cstaType, fmt.Sprintf(lineXML, "tel:+15551024"))
			},
			step: "services", found: "MakeCall, ParkCall, ReconnectCall, RetrieveCall, SetDoNotDisturb, SetForwarding, SetMessageWaitingIndicator, SetMicrophoneMute, SingleStepConferenceCall, SingleStepTransferCall, SnapshotCall, SnapshotDevice, TransferCall; not AnswerCall: this phone cannot be answered remotely", act: "mend it at the PBX or the phone", health: warning,
		},
		{
			name: "not signed in", plant: func(t *testing.T, c *clinic) {
				c.dir.(*book).entries[0] = person{User: "sip:alice@example.com", Line: "tel:+15551002", Source: "test"}
			},
			step: "sessions", found: "nobody is signed in to this line", act: "sign out and in again", health: warning,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			clinic := newClinic(t)
			clinic.signIn(t)
			c.plant(t, clinic)
			user := c.user
			if user == "" {
				user = "alice@example.com"
			}
			all := clinic.examine(t.Context(), user)
			if w := worst(all); w != c.health {
				t.Errorf("health %s: %s", w, text(all))
			}
			for _, f := range all {
				if f.Health == healthy || f.Health == unknown {
					continue
				}
				if f.Step != c.step || !strings.Contains(f.Found, c.found) || !strings.Contains(strings.Join(f.Cure, "\n"), c.act) {
					t.Errorf("first is %+v", f)
				}
				return
			}
			if c.health != healthy {
				t.Errorf("nothing was found: %s", text(all))
			}
		})
	}
}
