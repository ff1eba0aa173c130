package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	dirs "farhook/pbxadapter/directory"
)

// docExamples gives the examples of a document by the file name in their first line, or by their language.
func docExamples(t *testing.T, name string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, m := range fenced.FindAllStringSubmatch(string(text), -1) {
		key := m[1]
		if first, _, _ := strings.Cut(m[2], "\n"); strings.HasPrefix(first, "# ") {
			key = strings.TrimPrefix(first, "# ")
		}
		found[key] = append(found[key], m[2])
	}
	return found
}

// What docs/numbers.md shows does what it says there.
func TestNumbersDocument(t *testing.T) {
	x := docExamples(t, "numbers.md")
	if len(x["farhook.yaml"]) != 1 || len(x["expectations.yaml"]) != 1 || len(x["csv"]) != 1 {
		t.Fatalf("%v", x)
	}
	f := files(t, x["farhook.yaml"][0], x["expectations.yaml"][0], x["csv"][0])
	for want, args := range map[string][]string{
		"ok, 1 PBX":              {"config", "check", f[0]},
		"ok, 7 expectations":     {"numbers", "test", f[1], "--config", f[0]},
		": ok, 0 lines":          {"numbers", "lint", "--config", f[0]},
		"round trip: comes home": {"numbers", "try", "tel:+49301234101", "--pbx", "berlin", "--config", f[0]},
		"# 2 rules of":           {"numbers", "import", f[2]},
	} {
		if status, out := command(t, args...); status != 0 || !strings.Contains(out, want) {
			t.Errorf("%v: %d: %s", args, status, out)
		}
	}
}

// What docs/directory.md shows is read as it says there.
func TestDirectoryDocument(t *testing.T) {
	x := docExamples(t, "directory.md")
	if len(x["farhook.yaml"]) != 2 || len(x["users.yaml"]) != 1 || len(x["csv"]) != 1 {
		t.Fatalf("%v", x)
	}
	f := files(t, x["farhook.yaml"][0])
	for want, args := range map[string][]string{
		"ok, 1 PBX":       {"config", "check", f[0]},
		"ok, 2 people":    {"directory", "lint", "--config", f[0]},
		`"Alice Example"`: {"directory", "show", "+19995550100", "--config", f[0]},
	} {
		if status, out := command(t, args...); status != 0 || !strings.Contains(out, want) {
			t.Errorf("%v: %d: %s", args, status, out)
		}
	}
	c, err := parse("ldap", []byte(x["farhook.yaml"][1]))
	if err != nil || c.Directory.LDAP.Attributes.Mobile != "otherMobile" || c.Directory.LDAP.Attributes.Name != "displayName" {
		t.Errorf("%v: %+v", err, c.Directory.LDAP)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"users.yaml": x["users.yaml"][0], "users.csv": x["csv"][0]} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		d := dirs.New(dirs.Options{}, dirs.File(file))
		if err := d.Load(t.Context()); err != nil || len(d.View().Problems) > 0 {
			t.Errorf("%s: %v, %v", name, err, d.View().Problems)
		}
		if p, ok := d.View().User("sip:alice@example.com"); !ok || p.Name != "Alice Example" || !strings.HasPrefix(p.Lines[0], "tel:+15551001") {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
