package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"farhook/web"
)

// formatsOfDoctor are all formats that the doctor's sources write out, and the names of its steps.
func formatsOfDoctor(t *testing.T) map[string]bool {
	t.Helper()
	formats := make(map[string]bool)
	for _, e := range examinations {
		formats[e.name] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || name == "doctortext.go" {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, isCall := n.(*ast.CallExpr)
			if !isCall || len(call.Args) == 0 {
				return true
			}
			fun, isName := call.Fun.(*ast.Ident)
			if !isName || fun.Name != "say" && fun.Name != "ok" && fun.Name != "cannotTell" {
				return true
			}
			lit, isText := call.Args[0].(*ast.BasicLit)
			if !isText {
				t.Errorf("%s: a format isn't written out", set.Position(call.Pos()))
				return true
			}
			format, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			formats[format] = true
			if holes, args := strings.Count(format, "%s"), len(call.Args)-1; holes != args && args > 0 || strings.Count(format, "%") != holes {
				t.Errorf("%s: %d arguments for %q", set.Position(call.Pos()), args, format)
			}
			return true
		})
	}
	return formats
}

// The German catalogue of the console has every text of the doctor's, with a place for each argument, and none that the doctor doesn't say.
func TestDoctorSpeaksGerman(t *testing.T) {
	b, err := os.ReadFile("../../web/console/src/lib/de.doctor.json")
	if err != nil {
		t.Fatal(err)
	}
	var german map[string]string
	if err := json.Unmarshal(b, &german); err != nil {
		t.Fatal(err)
	}
	formats := formatsOfDoctor(t)
	if len(formats) < 100 {
		t.Errorf("only %d formats were found", len(formats))
	}
	for _, f := range slices.Sorted(maps.Keys(formats)) {
		said := german[f]
		if said == "" {
			t.Errorf("no German for %q", f)
			continue
		}
		if strings.Contains(said, "%1$s") { // in another order: each place by its number
			for i := range strings.Count(f, "%s") {
				if !strings.Contains(said, "%"+strconv.Itoa(i+1)+"$s") {
					t.Errorf("%q lacks %%%d$s of %q", said, i+1, f)
				}
			}
		} else if strings.Count(said, "%s") != strings.Count(f, "%s") {
			t.Errorf("%q and %q have different places", f, said)
		}
	}
	for f := range german {
		if !formats[f] {
			t.Errorf("nobody says %q", f)
		}
	}
}

// What adapters say of phones is known with its cure, in the adapters' very words.
func TestDoctorKnowsTheReasons(t *testing.T) {
	var sources strings.Builder
	for _, kind := range []string{"asterisk", "freeswitch", "sim"} {
		for _, name := range []string{"devices.go", "state.go"} {
			if b, err := os.ReadFile(filepath.Join("../../pbxadapter", kind, name)); err == nil {
				sources.Write(b)
			}
		}
	}
	for _, l := range lackings {
		for _, piece := range strings.FieldsFunc(strings.ReplaceAll(l.why.Format, "%s", "\x00"), func(r rune) bool { return r == 0 || r == ',' || r == '"' }) {
			if piece = strings.TrimSpace(piece); !strings.Contains(sources.String(), piece) {
				t.Errorf("no adapter says %q any more", piece)
			}
		}
	}
	for why, want := range map[string]string{
		"the manager account may not do MWIGet or MailboxCount, or the module that offers it is not loaded": "MWIGet or MailboxCount",
		`the phone, which calls itself "Acme 1", does not answer when it is told to`:                        "Acme 1",
		"the dialplan freepbx does not keep it":                                                             "freepbx",
		"there is no car park":                                                                              "",
	} {
		r := reasonOf(why)
		if r.why.String() != why || r.cure.Format == reasonOf("?").cure.Format {
			t.Errorf("%q is %q, cure %q", why, r.why, r.cure)
		}
		if want != "" && (len(r.why.Args) != 1 || r.why.Args[0].Format != want) {
			t.Errorf("%q: %+v", why, r.why.Args)
		}
	}
	if r := reasonOf("the line is 100%s broken"); r.why.String() != "the line is 100%s broken" || r.why.Args != nil {
		t.Errorf("%+v", r)
	}
}

// The English of a text is what its parts say; what has no parts stands as it is, and nothing in it moves a terminal's cursor.
func TestDoctorTexts(t *testing.T) {
	got := say("%s is %s", "100%s", say("%s: %s", 16, say("remote call control"))).String()
	if got != "100%s is 16: remote call control" {
		t.Error(got)
	}
	if got := typed("a\x1b[2Jb\nc").String(); got != "a�[2Jb�c" {
		t.Errorf("%q", got)
	}
	if got := (web.Text{Format: "%s and %s", Args: []web.Text{{Format: "one"}}}).String(); got != "one and " {
		t.Error(got)
	}
}
