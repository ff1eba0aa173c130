package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// folder writes files, and gives the path of farhook.yaml among them.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "farhook.yaml")
}

// What comes later wins, value by value; PBXs and peers are added.
func TestConfigFromSeveralPlaces(t *testing.T) {
	file := folder(t, map[string]string{
		"farhook.yaml":        "rights: trusted\nsip: {contact: a.example.com, sessions_per_line: 3}\npeers: [{name: one, addresses: [10.0.0.1]}]\npbx: [{name: first, kind: sim}]\n",
		"conf.d/20-more.yaml": "sip: {contact: c.example.com}\npbx:\n  - name: second\n    kind: sim\n    settings: {lines: 3}\npeers: [{name: two, addresses: [10.0.0.2]}]\n",
		"conf.d/10-less.yaml": "sip: {contact: b.example.com, connections: 7}\n",
		"conf.d/empty.yaml":   "# nothing\n",
		"conf.d/other.txt":    "rubbish: [\n",
	})
	t.Setenv("FARHOOK_SIP__SESSIONS_PER_LINE", "5")
	t.Setenv("FARHOOK_SIP__LISTEN", `["127.0.0.1:1", "127.0.0.1:2"]`)
	t.Setenv("FARHOOK_JOURNAL", "32MiB")
	t.Setenv("FARHOOK_CI", "1") // not ours to read
	c, err := load(file)
	if err != nil {
		t.Fatal(err)
	}
	if c.SIP.Contact != "c.example.com" || c.SIP.Connections != 7 || c.SIP.SessionsPerLine != 5 || len(c.SIP.Listen) != 2 || c.Journal != 32<<20 {
		t.Errorf("%+v", c.SIP)
	}
	if len(c.PBX) != 2 || c.PBX[0].Name != "first" || c.PBX[1].Name != "second" || len(c.Peers) != 2 || c.Peers[1].Name != "two" {
		t.Errorf("%+v %+v", c.PBX, c.Peers)
	}
	if _, err := makePBXs(c, nil); err != nil {
		t.Error(err)
	}
}

// A complaint names the place that says what is wrong.
func TestConfigComplaintsNameTheirPlace(t *testing.T) {
	good := "pbx: [{name: first, kind: sim}]\nrights: trusted\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		env   [2]string
		want  string
	}{
		{"a later file", map[string]string{"farhook.yaml": good, "conf.d/a.yaml": "log:\n  level: loud\n"}, [2]string{}, "conf.d/a.yaml: line 2: log.level"},
		{"the first file, with a later one beside", map[string]string{"farhook.yaml": good + "sip:\n  sessions_per_line: 99\n", "conf.d/a.yaml": "sip: {contact: b}\n"}, [2]string{}, "farhook.yaml: line 4: sip.sessions_per_line"},
		{"a list that is added to", map[string]string{"farhook.yaml": good, "conf.d/a.yaml": "pbx:\n  - {name: b, kind: sim}\n  - {name: c, kind: toy}\n"}, [2]string{}, "conf.d/a.yaml: line 3: pbx[1].kind"},
		{"a name twice", map[string]string{"farhook.yaml": good, "conf.d/a.yaml": "pbx: [{name: first, kind: sim}]\n"}, [2]string{}, "conf.d/a.yaml: line 1: pbx[0].name: \"first\" is there twice"},
		{"an unknown key", map[string]string{"farhook.yaml": good, "conf.d/a.yaml": "\nlogg: {}\n"}, [2]string{}, `conf.d/a.yaml: line 2: logg: there is no such key; did you mean log?`},
		{"the environment", map[string]string{"farhook.yaml": good}, [2]string{"FARHOOK_LOG__LEVEL", "loud"}, "FARHOOK_LOG__LEVEL: log.level: \"loud\" is none of"},
		{"no key of the environment", map[string]string{"farhook.yaml": good}, [2]string{"FARHOOK_LOG__LOUDNESS", "9"}, `FARHOOK_LOG__LOUDNESS: log.loudness: there is no such key; there are format, level, numbers`},
		{"no YAML in the environment", map[string]string{"farhook.yaml": good}, [2]string{"FARHOOK_LOG__LEVEL", "["}, "FARHOOK_LOG__LEVEL: line"},
		{"two lines in the environment", map[string]string{"farhook.yaml": good}, [2]string{"FARHOOK_LOG__LEVEL", "info\nrights: any-line"}, "has one line"},
		{"no such secret", map[string]string{"farhook.yaml": good + "sip:\n  contact: !file none.txt\n"}, [2]string{}, "farhook.yaml: line 4: !file open"},
		{"no path", map[string]string{"farhook.yaml": good + "sip:\n  contact: !file [a]\n"}, [2]string{}, "line 4: !file wants the path of a file"},
		{"a secret that is none", map[string]string{"farhook.yaml": good + "sip:\n  contact: !file big\n", "big": strings.Repeat("x", maxSecret+1)}, [2]string{}, "at most 65536 are wanted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.env[0] != "" {
				t.Setenv(c.env[0], c.env[1])
			}
			_, err := load(folder(t, c.files))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// A secret may stand in a file of its own, in our part and in an adapter's.
func TestSecretsFromFiles(t *testing.T) {
	file := folder(t, map[string]string{
		"farhook.yaml": "rights: trusted\nsip: {contact: !file secrets/name}\npbx:\n  - name: a\n    kind: sim\n    settings: {lines: !file secrets/lines}\n",
		"secrets/name": "gw.example.com\n", "secrets/lines": "7\n",
	})
	c, err := load(file)
	if err != nil || c.SIP.Contact != "gw.example.com" {
		t.Fatalf("%v: %q", err, c.SIP.Contact)
	}
	var s struct {
		Lines string `yaml:"lines"`
	}
	if err := c.PBX[0].Settings.Decode(&s); err != nil || s.Lines != "7" {
		t.Errorf("%v: %q", err, s.Lines)
	}
}

// A variable that says more than another counts, in whatever order the environment has them.
func TestEnvironmentIsTakenInOrder(t *testing.T) {
	for _, vars := range [][]string{{"FARHOOK_SIP__CONTACT=b", "FARHOOK_SIP={contact: a, connections: 7}"}, {"FARHOOK_SIP={contact: a, connections: 7}", "FARHOOK_SIP__CONTACT=b"}} {
		sources, err := environment(vars)
		if err != nil {
			t.Fatal(err)
		}
		base, err := read("f", []byte("rights: trusted\npbx: [{name: one, kind: sim}]\n"))
		if err != nil {
			t.Fatal(err)
		}
		if c, err := decode(append([]source{base}, sources...)); err != nil || c.SIP.Contact != "b" || c.SIP.Connections != 7 {
			t.Errorf("%v: %v, %+v", vars, err, c.SIP)
		}
	}
}
