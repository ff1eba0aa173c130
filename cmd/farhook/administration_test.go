package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"farhook/uacsta/uactest"
	"farhook/web"
)

// What administrators are told of the gateway: its certificates, its configuration without a secret, what it counts, and what its rules make of a number.
func TestAdministration(t *testing.T) {
	defer goleak.VerifyNone(t)
	a := uactest.NewAuthority(t)
	good := newRingFiles(t, a, uactest.Wanted{Names: []string{"gw.example.com"}})
	soon := newRingFiles(t, a, uactest.Wanted{Names: []string{"old.example.com"}, Days: 10})
	file := files(t, fmt.Sprintf(`
rights: demo
sip:
  listen: []
  tls: {listen: ['127.0.0.1:0'], certificate: %s, key: %s, client_ca: %s}
http: {listen: '127.0.0.1:0'}
web: {certificate: %s, key: %s}
pbx:
  - name: berlin
    kind: sim
    settings: {lines: 4, quiet: true}
    numbers:
      to_pbx:
        - {name: extension, match: '\+1555(1\d\d\d)', replace: '$1'}
        - {name: germany, digits: '+49.', strip: 3, prefix: '00'}
      from_pbx:
        - {name: extension, digits: '1XXX', prefix: '+1555'}
  - {name: annex, kind: sim, settings: {first: 2001, lines: 2, quiet: true}}
  - {name: fs, kind: freeswitch, settings: {address: '127.0.0.1:1', password: hunter2, domain: pbx.example.com}}
`, good.Certificate, good.Key, good.ClientCA, soon.Certificate, soon.Key))[0]
	c, err := load(file)
	if err != nil {
		t.Fatal(err)
	}
	var out output
	g, err := open(c, "", &streams{&out, &out}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	certs := g.certificates()
	if len(certs) != 3 {
		t.Fatalf("%+v", certs)
	}
	for i, want := range []struct{ part, role, health, name string }{
		{"sip.tls", "own", "ok", "gw.example.com"}, {"sip.tls", "authority", "ok", ""}, {"web", "own", "soon", "old.example.com"},
	} {
		if x := certs[i]; x.Part != want.part || x.Role != want.role || x.Health != want.health || !strings.Contains(strings.Join(x.Names, " "), want.name) || x.Serial == "" || x.NotAfter.Before(x.NotBefore) {
			t.Errorf("%+v, want %+v", x, want)
		}
	}
	if days := certs[2].Days; days < 9 || days > 10 {
		t.Errorf("%d days", days)
	}
	conf := g.configuration()
	text, err := json.Marshal(conf)
	if err != nil || strings.Contains(string(text), "hunter2") {
		t.Errorf("%v, a secret is in %s", err, text)
	}
	values := map[string]web.Setting{}
	for _, v := range conf.Values {
		values[v.Path] = v
	}
	for path, want := range map[string]web.Setting{
		"pbx[fs].settings.password": {Value: "***", Counts: "reload"}, "pbx[fs].settings.domain": {Value: "pbx.example.com", Counts: "reload"},
		"pbx[berlin].kind": {Value: "sim", Counts: "reload"}, "web.webhooks.private": {Value: "false", Counts: "restart"},
	} {
		if want.Path = path; values[path] != want {
			t.Errorf("%+v, want %+v", values[path], want)
		}
	}
	if got := masked("urls", "[ldap://reader:hunter2@ldap.example.com]"); got != "[ldap://***@ldap.example.com]" {
		t.Error(got)
	}
	if conf.File != file || len(conf.Hash) != 8 {
		t.Errorf("%s %s", conf.File, conf.Hash)
	}
	list, err := g.counters()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]web.Counter{}
	for _, x := range list {
		counts[x.Name+x.Labels["pbx"]] = x
	}
	for _, name := range []string{"farhook_sessions", "farhook_pbx_upberlin", "farhook_pbx_upannex", "farhook_pbx_audit_repairs_totalberlin", "farhook_journal_events_total", "process_resident_memory_bytes"} {
		if x, ok := counts[name]; !ok || x.Help == "" || x.Type == "" {
			t.Errorf("%s: %+v", name, x)
		}
	}
}

// The box in which a number is tried: rule by rule, there and back, by every PBX or one.
// The console's German catalogue says of each counter what it is; in English the gateway says so itself.
func TestCountersAreTranslated(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "web", "console", "src", "lib", "de.counters.ts"))
	if err != nil {
		t.Fatal(err)
	}
	var german []string
	for _, m := range regexp.MustCompile(`(?m)^  (\w+):\s+"[^"]+`).FindAllStringSubmatch(string(text), -1) {
		german = append(german, m[1])
	}
	for _, name := range counted {
		if !slices.Contains(german, name) {
			t.Errorf("%s has no German", name)
		}
	}
	for _, name := range german {
		if !slices.Contains(counted[:], name) {
			t.Errorf("%s has German, and nobody shows it", name)
		}
	}
}

func TestNumberIsTried(t *testing.T) {
	c, err := parse("test", []byte(plan))
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{conf: c, log: zap.NewNop()}
	if g.pbxs, _, err = g.assemble(c); err != nil {
		t.Fatal(err)
	}
	all := g.tryNumber(web.NumberQuestion{Number: " +49301234123 ", Side: "called"})
	if len(all) != 4 {
		t.Fatalf("%+v", all)
	}
	if x := all[0]; x.PBX != "berlin" || x.Direction != "toPBX" || x.In != "+49301234123" || x.Out != "123" || x.Back != "tel:+49301234123" || !*x.Home || len(x.Steps) == 0 ||
		x.Steps[len(x.Steps)-1].Rule != "extension" || x.Steps[len(x.Steps)-1].Result != "123" {
		t.Errorf("%+v", x)
	}
	for _, c := range []struct {
		q         web.NumberQuestion
		n         int
		out, says string
	}{
		{web.NumberQuestion{Number: "0049", PBX: "berlin", Direction: "fromPBX"}, 1, "0049", ""},
		{web.NumberQuestion{Number: "0089123456", PBX: "berlin", Direction: "fromPBX", Side: "calling"}, 1, "tel:+4989123456", ""},
		{web.NumberQuestion{Number: "112", PBX: "berlin", Direction: "toPBX"}, 1, "0112", ""},
		{web.NumberQuestion{Number: "+33 1 234567", PBX: "berlin", Direction: "toPBX"}, 1, "000331234567", ""},
		{web.NumberQuestion{Number: "nobody<script>", PBX: "berlin", Direction: "toPBX"}, 1, "", "not a number"},
		{web.NumberQuestion{Number: "1", PBX: "hamburg"}, 0, "", ""},
	} {
		got := g.tryNumber(c.q)
		if len(got) != c.n || c.n > 0 && (got[0].Out != c.out || !strings.Contains(got[0].Refused, c.says) || (c.says == "") != (got[0].Refused == "")) {
			t.Errorf("%+v: %+v", c.q, got)
		}
	}
}
