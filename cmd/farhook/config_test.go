package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExamplesAreGood(t *testing.T) {
	for name, text := range map[string]string{"example": example, "sim": simExample} {
		c, err := parse(name, []byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := makePBXs(c, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, _ := parse("x", []byte(simExample))
	if c.Rights != Demo || c.PBX[0].Kind != "sim" {
		t.Errorf("%+v", c)
	}
}

// What is wrong is named with file, line and field, all of it at once.
func TestConfigRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "sip:\n  lissen: []\npbx: [{name: a, kind: sim}]\n", `f.yaml: line 2: sip.lissen: there is no such key; did you mean listen?`},
		{"wrong type", "sip:\n  sessions_per_line: many\npbx: [{name: a, kind: sim}]\n", `f.yaml: line 2: sip.sessions_per_line: a whole number is wanted here, not "many"`},
		{"not YAML", "sip: [\n", "f.yaml: line 1:"},
		{"duration", "sip:\n  session_expires: 30\npbx: [{name: a, kind: sim}]\n", `f.yaml: line 2: sip.session_expires: "30" is not a duration with a unit, such as 90s or 30m`},
		{"amount", "journal: lots\npbx: [{name: a, kind: sim}]\n", `f.yaml: line 1: journal: "lots" is not an amount with a unit, such as 512KiB or 16MiB`},
		{"out of range", "sip:\n  sessions_per_line: 65\npbx: [{name: a, kind: sim}]\n", "f.yaml: line 2: sip.sessions_per_line: 65 is out of range: 1 to 64"},
		{"sign-ins", "sip:\n  sign_ins_per_second: -1\npbx: [{name: a, kind: sim}]\n", "f.yaml: line 2: sip.sign_ins_per_second: -1 is out of range: 0 to 100000"},
		{"vanished", "sip:\n  vanished_after: 1s\npbx: [{name: a, kind: sim}]\n", "f.yaml: line 2: sip.vanished_after: 1s is out of range: 6s to 10m"},
		{"address", "sip:\n  listen: [127.0.0.1]\npbx: [{name: a, kind: sim}]\n", "f.yaml: line 2: sip.listen[0]: \"127.0.0.1\" is not an address with a port"},
		{"any line, anywhere", "sip:\n  listen: ['0.0.0.0:5060']\nrights: demo\npbx: [{name: a, kind: sim}]\n", "lets any user control any line"},
		{"any line, anywhere over TLS", "sip:\n  tls: {listen: [':5061'], certificate: a, key: b}\nrights: demo\npbx: [{name: a, kind: sim}]\n", "lets any user control any line"},
		{"HTTP elsewhere", "http: {listen: '0.0.0.0:8080'}\npbx: [{name: a, kind: sim}]\n", "nobody has to sign in"},
		{"a provider that only looks as if it were here", "web: {oidc: {issuer: 'http://127.0.0.1.evil.example', redirect: 'http://[::1]:8080/x'}}\npbx: [{name: a, kind: sim}]\n", `web.oidc.issuer: "http://127.0.0.1.evil.example" is no https URL`},
		{"TLS without certificate", "sip: {tls: {listen: ['127.0.0.1:1']}}\npbx: [{name: a, kind: sim}]\n", "TLS needs sip.tls.certificate"},
		{"no PBX", "rights: trusted\n", "pbx: there is no PBX"},
		{"kind", "pbx: [{name: a, kind: toy}]\n", "f.yaml: line 1: pbx[0].kind: \"toy\" is no kind of PBX: " + strings.Join(adapterKinds(), ", ")},
		{"name", "pbx: [{name: A B, kind: sim}]\n", "pbx[0].name"},
		{"name twice", "pbx:\n  - {name: a, kind: sim}\n  - {name: a, kind: sim}\n", "f.yaml: line 3: pbx[1].name: \"a\" is there twice"},
		{"rights", "rights: everybody\npbx: [{name: a, kind: sim}]\n", `"everybody" is none of owner, delegates, trusted, demo`},
		{"domain", "sip: {domain: 'sip:rcc'}\npbx: [{name: a, kind: sim}]\n", "line 1: sip.domain: \"sip:rcc\" is not a domain"},
		{"users' own domain", "sip: {domain: example.com}\npeers: [{name: p, addresses: ['::1'], domains: [Example.com]}]\npbx: [{name: a, kind: sim}]\n", "would lead their conferences here too"},
		{"TCP for anybody", "sip: {listen: ['0.0.0.0:5060']}\npbx: [{name: a, kind: sim}]\n", "over plain TCP anybody could say to be anybody"},
		{"TLS for anybody", "sip: {tls: {listen: ['0.0.0.0:5061'], certificate: a, key: b}}\npbx: [{name: a, kind: sim}]\n", "name the UC servers, as in their certificates, under peers"},
		{"TLS without CA", "sip: {tls: {listen: ['0.0.0.0:5061'], certificate: a, key: b}}\npeers: [{name: p, hosts: [fe.example.com]}]\npbx: [{name: a, kind: sim}]\n", "sip.tls.client_ca is missing"},
		{"peer of nothing", "peers: [{name: p}]\npbx: [{name: a, kind: sim}]\n", "line 1: peers[0]: give hosts"},
		{"peer's host", "peers: [{name: p, hosts: ['sip:fe']}]\npbx: [{name: a, kind: sim}]\n", "peers[0].hosts[0]: \"sip:fe\" is not a host name"},
		{"peer's address", "peers: [{name: p, addresses: [fe.example.com]}]\npbx: [{name: a, kind: sim}]\n", "is neither an IP address nor a range"},
		{"peer's domain", "peers: [{name: p, addresses: ['::1'], domains: ['@x']}]\npbx: [{name: a, kind: sim}]\n", "is not a domain"},
		{"peer twice", "peers:\n  - {name: p, addresses: [10.0.0.0/8]}\n  - {name: p, hosts: [a]}\npbx: [{name: a, kind: sim}]\n", "line 3: peers[1].name: \"p\" is there twice"},
		{"peers from everywhere", "peers: [{name: p, addresses: ['0.0.0.0/0']}]\npbx: [{name: a, kind: sim}]\n", "line 1: peers[0].addresses[0]: \"0.0.0.0/0\" is everybody"},
		{"a port twice", "rights: trusted\nsip: {listen: ['127.0.0.1:5060']}\nhttp: {listen: '127.0.0.1:5060'}\npbx: [{name: a, kind: sim}]\n", `f.yaml: line 3: http.listen: "127.0.0.1:5060" is listened on already: sip.listen[0] is "127.0.0.1:5060"`},
		{"a port twice, once everywhere", "rights: trusted\nmetrics: {listen: ':8080'}\npbx: [{name: a, kind: sim}]\n", `f.yaml: line 2: metrics.listen: ":8080" is listened on already: http.listen is "127.0.0.1:8080"`},
		{"audit", "audit: {file: audit.jsonl}\npbx: [{name: a, kind: sim}]\n", `line 1: audit.file: "audit.jsonl" is not an absolute path`},
		{"contact", "sip: {contact: 'a;b'}\npbx: [{name: a, kind: sim}]\n", "is not a host name"},
		{"log", "log: {level: loud}\npbx: [{name: a, kind: sim}]\n", "log.level"},
		{"a rule", "pbx:\n  - name: a\n    kind: sim\n    numbers:\n      to_pbx: [{name: x, match: '(1'}]\n", "f.yaml: line 5: pbx[0].numbers: to_pbx[0] (x): match: error parsing regexp"},
		{"a key of a rule", "pbx:\n  - name: a\n    kind: sim\n    numbers:\n      to_pbx: [{name: x, mtach: '1'}]\n", `pbx[0].numbers.to_pbx[0].mtach: there is no such key; did you mean match?`},
		{"emergency", "emergency: {countries: [Q]}\npbx: [{name: a, kind: sim}]\n", `f.yaml: line 1: emergency: countries[0]: the emergency numbers of "Q" are not known here`},
		{"two documents", "pbx: [{name: a, kind: sim}]\n---\npbx: []\n", "one YAML document"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse("f.yaml", []byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	if _, err := parse("f.yaml", []byte("rights: trusted\nsip: {listen: ['127.0.0.1:0', '127.0.0.1:0', '127.0.0.2:5060', '127.0.0.1:5060']}\npbx: [{name: a, kind: sim}]\n")); err != nil {
		t.Errorf("ports that differ: %v", err)
	}
	_, err := parse("f.yaml", []byte("rights: x\nlog: {format: y}\npbx: []\n"))
	if err == nil || strings.Count(err.Error(), "f.yaml: ") != 3 {
		t.Errorf("not every complaint is there: %v", err)
	}
	bad, _ := parse("f.yaml", []byte("pbx:\n  - name: a\n    kind: sim\n    settings:\n      lines: 0\n      colour: red\n"))
	if _, err := makePBXs(bad, nil); err == nil || !strings.Contains(err.Error(), `pbx a: line 6: settings.colour: there is no such key; there are first, hands, lines, quiet, report_late, trunks`) {
		t.Errorf("settings: %v", err)
	}
}

func TestLoad(t *testing.T) {
	if _, err := load(filepath.Join(t.TempDir(), "none.yaml")); err == nil || !strings.Contains(err.Error(), "cannot read the configuration: no such file") {
		t.Error(err)
	}
	f := filepath.Join(t.TempDir(), "farhook.yaml")
	if err := os.WriteFile(f, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := load(f); err != nil {
		t.Error(err)
	}
}
