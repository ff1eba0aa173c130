package main

import (
	"fmt"
	"strings"
	"testing"
)

const sound = "rights: trusted\npbx: [{name: a, kind: sim}]\n"

// What is written in another form than is wanted is named by its key and line, with what is wanted: all of it at once, and never in the decoder's words.
func TestConfigOfAnotherForm(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"text for a list", sound + "sip: {listen: 127.0.0.1:5060}\n", `f.yaml: line 3: sip.listen: a list such as [one, two] is wanted here, not "127.0.0.1:5060"`},
		{"a list for text", sound + "sip: {contact: [a, b]}\n", "f.yaml: line 3: sip.contact: text is wanted here, not a list"},
		{"a mapping for a list", sound + "peers: {name: p}\n", "f.yaml: line 3: peers: a list such as [one, two] is wanted here, not a mapping"},
		{"a list for a mapping", sound + "sip: [a]\n", "line 3: sip: a mapping (key: value) is wanted here, not a list"},
		{"text for all", "hello\n", `f.yaml: line 1: a mapping (key: value) is wanted here, not "hello"`},
		{"no whole number", sound + "sip: {sessions: 1e30}\n", `line 3: sip.sessions: a whole number is wanted here, not "1e30"`},
		{"too large a number", sound + "sip: {sessions: 99999999999999999999}\n", `line 3: sip.sessions: a whole number is wanted here, not "99999999999999999999"`},
		{"no number", sound + "telemetry: {sample: often}\n", `line 3: telemetry.sample: a number is wanted here, not "often"`},
		{"neither true nor false", "rights: trusted\npbx:\n  - name: a\n    kind: sim\n    settings: {quiet: 7}\n", `pbx a: line 5: settings.quiet: true or false is wanted here, not "7"`},
		{"a list for a duration", sound + "wiretap: {age: [1h]}\n", "line 3: wiretap.age: text is wanted here, not a list"},
		{"settings", "rights: trusted\npbx: [{name: a, kind: sim, settings: [1]}]\n", "line 2: pbx[0].settings: a mapping (key: value) is wanted here, not a list"},
		{"a key of a user", sound + "directory: {users: [{user: 'a@b', line: '1'}]}\n", "line 3: directory.users[0].line: there is no such key; did you mean lines?"},
		{"a key like no other", sound + "colour: red\n", "line 3: colour: there is no such key; there are audit, control, directory, emergency, http, journal, log, metrics, pbx, peers, rights, sip, telemetry, web, wiretap"},
		{"another tag", sound + "sip: {contact: !env HOME}\n", "line 3: sip.contact: there is no tag !env; a value from a file of its own is !file PATH"},
		{"behind an anchor", sound + "sip: {contact: &c [x], domain: *c}\n", "sip.domain: text is wanted here, not a list"},
		{"UTF-16", "\xff\xfer\x00i\x00", "f.yaml: it is UTF-16: save it as UTF-8"},
		{"Latin-1", sound + "directory: {users: [{user: 'a@b', name: M\xfcller}]}\n", "f.yaml: line 3: the octet 0xfc is no UTF-8: save the file as UTF-8"},
		{"NUL", sound + "\x00", "f.yaml: line 3: the control character U+0000"},
		{"a tab", "rights: trusted\nsip:\n\tcontact: a\n", "f.yaml: line 3: a tab: YAML is indented by blanks"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf, err := parse("f.yaml", []byte(c.text))
			if err == nil {
				_, err = makePBXs(conf, nil)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	_, err := parse("f.yaml", []byte(sound+"sip: {contct: a, sessions: x}\nlogg: {}\n"))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all is named: %v", err)
	}
}

// What editors of other systems leave, and what YAML allows, is no fault.
func TestConfigOfOtherEditors(t *testing.T) {
	for name, text := range map[string]string{
		"a mark at the beginning": "\ufeff" + sound, "lines that end with CR": strings.ReplaceAll(sound, "\n", "\r\n"), "a section that is empty": sound + "http:\nsip: {contact: }\n",
		"an anchor": sound + "sip: {contact: &c gw, domain: *c}\n", "a merge": "rights: trusted\npbx: [&a {kind: sim, settings: {quiet: true}}, {<<: *a, name: b}]\n",
		"a number in quotes": sound + "sip: {sessions: '5'}\n", "a standard tag": sound + "sip: {contact: !!str 7}\n",
	} {
		_, err := parse("f.yaml", []byte(text))
		if name == "a merge" { // the first one has no name, and nothing else is wrong
			if err == nil || strings.Count(err.Error(), "\n") != 0 || !strings.Contains(err.Error(), "pbx[0].name") {
				t.Errorf("%s: %v", name, err)
			}
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Values that stand for values that stand for others end in a complaint, and not in all memory.
func TestConfigOfManyAliases(t *testing.T) {
	var text strings.Builder
	text.WriteString(sound + "http:\n  hosts:\n    - &a [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 9 {
		fmt.Fprintf(&text, "    - &%c [%s*%[3]c]\n", 'b'+i, strings.Repeat(fmt.Sprintf("*%c, ", 'a'+i), 9), 'a'+i)
	}
	if _, err := parse("f.yaml", []byte(text.String())); err == nil || !strings.Contains(err.Error(), "text is wanted here, not a list") {
		t.Error(err)
	}
	if _, err := parse("f.yaml", []byte("rights: trusted\npbx: [{name: a, kind: sim, settings: &a {x: [*a]}}]\n")); err == nil || !strings.Contains(err.Error(), "*a stands for what it is a part of") {
		t.Error(err)
	}
	if _, err := parse("f.yaml", []byte("rights: trusted\nx: "+strings.Repeat("[", 201)+strings.Repeat("]", 201)+"\n")); err == nil || !strings.Contains(err.Error(), "line 2: more than 200 brackets are open") {
		t.Error(err)
	}
	text.Reset()
	text.WriteString("rights: trusted\npbx:\n  - name: a\n    kind: sim\n    settings:\n      a: &a [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 9 {
		fmt.Fprintf(&text, "      %c: &%[1]c [%s*%[3]c]\n", 'b'+i, strings.Repeat(fmt.Sprintf("*%c, ", 'a'+i), 9), 'a'+i)
	}
	if _, err := parse("f.yaml", []byte(text.String())); err == nil || !strings.Contains(err.Error(), "there are more than 1000000 values, counting what aliases stand for") {
		t.Errorf("%.300v", err)
	}
}

// config check reads what serve would read: a certificate for HTTP, and the folder of the audit record.
func TestConfigCheckReadsMore(t *testing.T) {
	for more, want := range map[string]string{
		"web: {store: /none/w.db, certificate: /none/c.pem, key: /none/k.pem}\n": "web: certificate /none/c.pem with key /none/k.pem: open /none/c.pem: no such file",
		"audit: {file: /none/audit.jsonl}\n":                                     "audit.file: /none: there is no such folder",
	} {
		file := folder(t, map[string]string{"farhook.yaml": sound + more})
		var out strings.Builder
		if status := run(t.Context(), []string{"config", "check", file}, &out, &out); status != 1 || !strings.Contains(out.String(), want) {
			t.Errorf("%d %s, want %s", status, out.String(), want)
		}
	}
}
