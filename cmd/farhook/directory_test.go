package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	dirs "farhook/pbxadapter/directory"
)

const staff = `sip: {listen: ['127.0.0.1:0'], domain: rcc.example.com}
http: {listen: ''}
directory:
  file: FILE
  copies: COPIES
pbx: [{name: sim, kind: sim, settings: {quiet: true}}]
`

const goodStaff = `user,name,lines,aliases,line_server
alice@example.com,Alice Example,tel:+15551001,1001|+1 999 1001,sip:farhook@rcc.example.com
bob@example.com,Bob Example,tel:+15551002,,sip:farhook@rcc.example.com
`

// staffed writes a configuration whose people are a CSV file.
func staffed(t *testing.T, people string) string {
	t.Helper()
	dir := t.TempDir()
	file, conf := filepath.Join(dir, "users.csv"), filepath.Join(dir, "farhook.yaml")
	for name, text := range map[string]string{file: people, conf: strings.NewReplacer("FILE", file, "COPIES", dir).Replace(staff)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return conf
}

func TestDirectoryLint(t *testing.T) {
	good := staffed(t, goodStaff)
	for _, args := range [][]string{{"directory", "lint"}, {"directory", "lint", "--offline"}, {"config", "check"}} {
		if args[0] == "directory" {
			args = append(args, "--config")
		}
		if status, out := command(t, append(args, good)...); status != 0 || !strings.Contains(out, ": ok, ") {
			t.Errorf("%v: %d: %s", args, status, out)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(good), "directory-*")); len(left) > 0 {
		t.Errorf("looking has written %v", left)
	}
	bad := staffed(t, goodStaff+"carol@example.com,Carol,tel:+15551002,1001,sip:x@example.net\ndave@example.com,Dave,tel:+19990000,,\n")
	status, out := command(t, "directory", "lint", "--config", bad)
	for _, want := range []string{
		"line tel:+15551002 has 2 owners: users.csv:3 (sip:bob@example.com), users.csv:4 (sip:carol@example.com)",
		"users.csv:5 (sip:dave@example.com): no PBX has the line tel:+19990000",
		"users.csv:4 (sip:carol@example.com): line server sip:x@example.net has another domain than rcc.example.com",
		"users.csv:5 (sip:dave@example.com): line server is missing",
		"number 1001 is 2 people's", "5 findings among 4 people",
	} {
		if status != 1 || !strings.Contains(out, want) {
			t.Errorf("%d, no %q in\n%s", status, want, out)
		}
	}
	broken := staffed(t, "user,colour\n")
	for _, args := range [][]string{{"directory", "lint", "--config", broken}, {"config", "check", broken}, {"serve", "--config", broken}} {
		if status, out := command(t, args...); status != 1 || !strings.Contains(out, `line 1: "colour" is no column`) {
			t.Errorf("%v: %d: %s", args, status, out)
		}
	}
}

func TestDirectoryShow(t *testing.T) {
	conf := staffed(t, goodStaff)
	for _, who := range []string{"Alice@example.com", "sip:alice@example.com", "1001", "tel:+19991001", "ali"} {
		if status, out := command(t, "directory", "show", who, "--config", conf); status != 0 || !strings.Contains(out, `"user": "sip:alice@example.com"`) || strings.Contains(out, "bob") {
			t.Errorf("%s: %d: %s", who, status, out)
		}
	}
	if status, out := command(t, "directory", "show", "mallory", "--config", conf); status != 1 || !strings.Contains(out, `nobody in the directory is "mallory"`) {
		t.Errorf("%d: %s", status, out)
	}
}

func TestRightsInConfig(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"owner without a directory", "pbx: [{name: a, kind: sim}]\n", "rights: owner needs a directory that says who owns which line"},
		{"delegates without a directory", "rights: delegates\npbx: [{name: a, kind: sim}]\n", "rights: delegates needs a directory"},
		{"own-line", "rights: own-line\npbx: [{name: a, kind: sim}]\n", "f.yaml: line 1: rights: own-line is called trusted, or owner, which needs a directory now"},
		{"any-line", "rights: any-line\npbx: [{name: a, kind: sim}]\n", "rights: any-line is called demo now"},
		{"a user", "directory:\n  users:\n    - {user: 'tel:+1'}\npbx: [{name: a, kind: sim}]\n", `f.yaml: line 3: directory.users[0].user: "tel:+1" is no SIP address`},
		{"a key of a user", "directory:\n  users:\n    - {uesr: 'a@b'}\n", `f.yaml: line 3: directory.users[0].uesr: there is no such key; did you mean user?`},
		{"a file", "directory: {file: users.xls}\npbx: [{name: a, kind: sim}]\n", "its name must end in .yaml or .csv"},
		{"refresh", "directory: {refresh: 1s, file: a.csv}\npbx: [{name: a, kind: sim}]\n", "directory.refresh: 1s is out of range: 10s to 24h"},
		{"LDAP without servers", "directory: {ldap: {base: 'dc=x'}}\npbx: [{name: a, kind: sim}]\n", "directory.ldap: urls: there is none"},
		{"LDAP in the clear", "directory: {ldap: {urls: ['ldap://dc1'], base: 'dc=x', bind_dn: 'cn=x', password_file: p}}\npbx: [{name: a, kind: sim}]\n", "would send the password in the clear"},
		{"LDAP page", "directory: {ldap: {urls: ['ldaps://dc1'], base: 'dc=x', page: 0}}\npbx: [{name: a, kind: sim}]\n", "directory.ldap.page: 0 is out of range"},
		{"LDAP key", "directory: {ldap: {password: x}}\n", `directory.ldap.password: there is no such key`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := parse("f.yaml", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	c, err := parse("f.yaml", []byte("directory: {ldap: {urls: ['ldaps://dc1'], base: 'dc=x', attributes: {mobile: pager}}}\npbx: [{name: a, kind: sim}]\n"))
	want := dirs.ActiveDirectory()
	want.Mobile = "pager"
	if err != nil || c.Directory.LDAP.Attributes != want || c.Directory.LDAP.Page != 500 || c.Rights != Owner {
		t.Errorf("%v: %+v", err, c.Directory.LDAP)
	}
	for name, text := range map[string]string{
		"directory.ldap.password_file: open /none": "directory: {ldap: {urls: ['ldaps://dc1'], base: 'dc=x', bind_dn: 'cn=x', password_file: /none}}\npbx: [{name: a, kind: sim}]\n",
		"directory.ldap.ca: open /none":            "directory: {ldap: {urls: ['ldaps://dc1'], base: 'dc=x', ca: /none}}\npbx: [{name: a, kind: sim}]\n",
	} {
		if status, out := command(t, "config", "check", files(t, text)[0]); status != 1 || !strings.Contains(out, name) {
			t.Errorf("%d: %s", status, out)
		}
	}
}
