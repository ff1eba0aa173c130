package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// plan is a configuration with rules, as in docs/numbers.md.
const plan = `rights: trusted
emergency: {countries: [DE], outside: ["0", "+4930"]}
pbx:
  - name: berlin
    kind: sim
    numbers:
      to_pbx:
        - {name: extension, match: '\+49301234(1\d\d)', replace: '$1'}
        - {name: germany, digits: '+49.', strip: 3, prefix: '00'}
        - {name: abroad, digits: '+.', strip: 1, prefix: '000'}
      from_pbx:
        - {name: extension, digits: '1XX', prefix: '+49301234'}
        - {name: abroad, match: '000([1-9]\d+)', replace: '+$1'}
        - {name: germany, match: '00([1-9]\d{5,})', replace: '+49$1'}
      emergency:
        - {number: '112', dial: '0112'}
  - {name: other, kind: sim}
`

// files writes files into a new folder; it gives their paths.
func files(t *testing.T, text ...string) []string {
	t.Helper()
	dir := t.TempDir()
	var names []string
	for i, x := range text {
		name := filepath.Join(dir, string(rune('a'+i))+".yaml")
		if err := os.WriteFile(name, []byte(x), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

// command runs farhook, and gives its exit status and all it wrote.
func command(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	status := run(t.Context(), args, &out, &out)
	return status, out.String()
}

func TestNumbersTry(t *testing.T) {
	f := files(t, plan)[0]
	for _, c := range []struct {
		number string
		status int
		want   []string
	}{
		{"tel:+49301234101", 0, []string{"PBX berlin", "extension                      matches: 101", "= 101", "from the PBX: 101", "= tel:+49301234101", "round trip: comes home"}},
		{"tel:+15551234", 0, []string{"germany                        form differs", "abroad                         matches: 00015551234", "comes home"}},
		{"+49112", 0, []string{"emergency                      emergency number 112: no other rule sees it: 0112", "comes home as 112"}},
		{"112", 0, []string{"= 0112", "= 112", "comes home"}},
		{"101", 0, []string{"no rule matches: it goes as it is", "comes home as tel:+49301234101"}},
		{"tel:+4920", 1, []string{"FAILS, tel:+4920 comes back as 0020"}},
		{"11\u0661", 1, []string{"refused: ", "neither a printable ASCII character nor a digit", "doesn't come home"}},
	} {
		status, out := command(t, "numbers", "try", c.number, "--pbx", "berlin", "--config", f)
		if status != c.status || strings.Contains(out, "PBX other") {
			t.Errorf("%s: %d\n%s", c.number, status, out)
		}
		for _, w := range c.want {
			if !strings.Contains(out, w) {
				t.Errorf("%s: no %q in\n%s", c.number, w, out)
			}
		}
	}
	if status, out := command(t, "numbers", "try", "1", "--pbx", "none", "--config", f); status != 1 || !strings.Contains(out, `has no PBX named "none"`) {
		t.Errorf("%d: %s", status, out)
	}
	if status, out := command(t, "numbers", "try", "101", "--config", f); status != 0 || !strings.Contains(out, "PBX other") {
		t.Errorf("%d: %s", status, out)
	}
}

func TestNumbersTest(t *testing.T) {
	f := files(t, plan, `
- {to_pbx: 'tel:+49301234101', want: '101'}
- {from_pbx: '101', side: calling, want: 'tel:+49301234101'}
- {pbx: other, to_pbx: 'tel:+49301234101', want: '+49301234101'}
- {to_pbx: 'tel:+4930112', want: '0112'}
- {to_pbx: 'nobody', want: ''}
`, `
- {to_pbx: 'tel:+49301234101', want: '102'}
- {to_pbx: '1', from_pbx: '1'}
- {pbx: third, to_pbx: '1'}
- {to_pbx: '1', side: both}
`, "- {to_pbx: '1', expected: '1'}\n", "[]\n")
	if status, out := command(t, "numbers", "test", f[1], "--config", f[0]); status != 0 || !strings.Contains(out, "ok, 5 expectations") {
		t.Errorf("%d: %s", status, out)
	}
	status, out := command(t, "numbers", "test", f[2], "--config", f[0])
	for _, want := range []string{
		`row 1: to_pbx: tel:+49301234101 became "101" (by rule "extension"), "102" is wanted`, "row 2: one of to_pbx and from_pbx is wanted",
		`row 3: there is no PBX named "third"`, `row 4: side: "both"`, "4 of 4 failed",
	} {
		if status != 1 || !strings.Contains(out, want) {
			t.Errorf("%d, no %q in\n%s", status, want, out)
		}
	}
	for file, want := range map[string]string{f[3]: `line 1: unknown field "expected"`, f[4]: "no expectations", f[0] + "x": "cannot read"} {
		if status, out := command(t, "numbers", "test", file, "--config", f[0]); status != 1 || !strings.Contains(out, want) {
			t.Errorf("%s: %d: %s", file, status, out)
		}
	}
}

// What is imported can be put into the configuration as it is printed, and does there what the table says.
func TestNumbersImport(t *testing.T) {
	f := files(t, "Direction,Min length,Max length,Pattern,Delete length,Replacement\nfrom,3,3,1,0,+49301234\nto,12,12,+49301234,9,\n", "pattern,delete\n1,x\n")
	status, out := command(t, "numbers", "import", f[0])
	if status != 0 || !strings.Contains(out, "# 2 rules of") {
		t.Fatalf("%d: %s", status, out)
	}
	conf := "rights: trusted\npbx:\n  - name: a\n    kind: sim\n"
	for line := range strings.Lines(out) {
		conf += "    " + line
	}
	g := files(t, conf, "- {to_pbx: '+49301234101', want: '101'}\n- {from_pbx: '101', want: 'tel:+49301234101'}\n")
	if status, out := command(t, "numbers", "test", g[1], "--config", g[0]); status != 0 {
		t.Errorf("%s\n%s", out, conf)
	}
	if status, out := command(t, "numbers", "import", f[1], "--direction", "to_pbx"); status != 1 || !strings.Contains(out, `line 2: delete: "x" is not a length`) {
		t.Errorf("%d: %s", status, out)
	}
}

func TestNumbersLint(t *testing.T) {
	f := files(t, plan, strings.Replace(plan, "'+49.'", "'+.'", 1))
	if status, out := command(t, "numbers", "lint", "--config", f[0]); status != 0 || !strings.Contains(out, ": ok, ") {
		t.Errorf("%d: %s", status, out)
	}
	if status, out := command(t, "numbers", "lint", "--config", f[1]); status != 1 || !strings.Contains(out, `PBX berlin: to_pbx: rule "abroad": can never match: rule "germany" comes first`) {
		t.Errorf("%d: %s", status, out)
	}
}
