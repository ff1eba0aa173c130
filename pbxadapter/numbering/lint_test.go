package numbering_test

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"farhook/csta"
	. "farhook/pbxadapter/numbering"
)

// Lint names one planted fault each, and nothing in a table that is good.
func TestLint(t *testing.T) {
	for _, c := range []struct {
		name  string
		table Table
		lines []string
		want  string // empty: nothing is found
	}{
		{"good", house, []string{"tel:+49301234101", "+49 (30) 1234-102", "tel:+493055555"}, ""},
		{
			"taken by one rule",
			Table{ToPBX: []Rule{{Name: "all", Digits: "+49.", Strip: 3, Prefix: "0"}, {Name: "city", Digits: "+4930.", Strip: 5}}},
			nil,
			`to_pbx: rule "city": can never match: rule "all" comes first and takes every number of its form, such as +49302`,
		},
		{
			"taken by several together",
			Table{FromPBX: []Rule{
				{Name: "low", Digits: "[1-4]XX", Prefix: "+4930"}, {Name: "high", Match: `[5-9]\d\d`, Replace: "+4931$0"}, {Name: "all", Match: `[1-9]\d{2}`, Replace: "+4932$0"},
			}},
			nil,
			`from_pbx: rule "all": can never match: the rules before it together take`,
		},
		{
			"one side before both",
			Table{FromPBX: []Rule{{Name: "callers", Side: "calling", Digits: "1XX", Prefix: "+49301234"}, {Name: "all", Digits: "1XX", Prefix: "+49305678"}}},
			nil,
			"",
		},
		{
			"those with an extension before all",
			Table{FromPBX: []Rule{{Name: "extensions", Where: map[string]string{"ext": ".+"}, Digits: "1XX", Prefix: "+49301234"}, {Name: "all", Digits: "1XX", Prefix: "+49305678"}}},
			nil,
			"",
		},
		{
			"one that goes on to the next",
			Table{FromPBX: []Rule{{Name: "first", Digits: "1XX", Prefix: "+49301234", Continue: true}, {Name: "second", Digits: "1XX", Prefix: "+49305678"}}},
			nil,
			"",
		},
		{
			"an empty form",
			Table{ToPBX: []Rule{{Name: "nothing", Match: `1\+2`, Replace: "3"}}},
			nil,
			`rule "nothing": can never match: no number has that form`,
		},
		{
			"lengths that don't fit the expression",
			Table{ToPBX: []Rule{{Name: "short", Match: `\d{5}`, Max: 4, Replace: "3"}}},
			nil,
			`rule "short": can never match: no number has that form`,
		},
		{
			"only emergency numbers",
			Table{ToPBX: []Rule{{Name: "help", Match: `0?112|\+49110`, Replace: "0112"}}},
			nil,
			`rule "help": can never match: all it matches are emergency numbers`,
		},
		{
			"makes an emergency number",
			Table{ToPBX: []Rule{{Name: "short", Digits: "5112", Strip: 1}}},
			nil,
			`rule "short": of 5112 it makes 112, an emergency number (112)`,
		},
		{
			"makes no number",
			Table{ToPBX: []Rule{{Name: "gone", Digits: "51", Strip: 2}}},
			nil,
			`rule "gone": of 51 it makes what is no number`,
		},
		{
			"undone by a later one",
			Table{ToPBX: []Rule{{Name: "on", Digits: "5XX", Prefix: "9", Continue: true}, {Name: "off", Digits: "95XX", Strip: 1}}},
			nil,
			`rule "on": is undone by "off": 522 becomes 9522, and 522 again`,
		},
		{
			"undone by the one after the next",
			Table{ToPBX: []Rule{{Name: "on", Digits: "5XX", Prefix: "9", Continue: true}, {Name: "more", Digits: "95XX", Prefix: "8", Continue: true}, {Name: "off", Digits: "895XX", Strip: 2}}},
			nil,
			`rule "on": is undone by "off": 522 becomes 9522, by "more" 89522, and 522 again`,
		},
		{
			"undone for callers alone",
			Table{FromPBX: []Rule{{Name: "on", Side: "calling", Digits: "5XX", Prefix: "9", Continue: true}, {Name: "called", Side: "called", Digits: "95XX", Strip: 1}, {Name: "off", Side: "calling", Digits: "95XX", Strip: 1}}},
			nil,
			`rule "on": is undone by "off": 522 becomes 9522, and 522 again`,
		},
		{
			"undone on the other side only",
			Table{FromPBX: []Rule{{Name: "on", Side: "calling", Digits: "5XX", Prefix: "9", Continue: true}, {Name: "off", Side: "called", Digits: "95XX", Strip: 1}}},
			nil,
			"",
		},
		{
			"the other way, for callers alone",
			Table{ToPBX: []Rule{{Name: "inside", Side: "calling", Digits: "+49301234XXX", Strip: 9}}, FromPBX: []Rule{{Name: "callers", Side: "calling", Digits: "XXX", Prefix: "+49309999"}, {Name: "home", Side: "called", Digits: "XXX", Prefix: "+49301234"}}},
			nil,
			`rule "inside": the round trip fails: tel:+49301234222 goes to the PBX as 222, and comes back as tel:+49309999222: rule "callers" of from_pbx undoes it`,
		},
		{
			"undone the other way by two",
			Table{ToPBX: []Rule{{Name: "inside", Digits: "+49301234XXX", Strip: 9}}, FromPBX: []Rule{{Name: "one", Digits: "XXX", Prefix: "9", Continue: true}, {Name: "two", Digits: "9XXX", Strip: 1, Prefix: "+4930777"}}},
			nil,
			`rules "one", "two" of from_pbx, one after the other, undo it`,
		},
		{
			"undone the other way",
			Table{ToPBX: []Rule{{Name: "inside", Digits: "+49301234XXX", Strip: 9}}, FromPBX: []Rule{{Name: "other site", Digits: "XXX", Prefix: "+49309999"}}},
			nil,
			`to_pbx: rule "inside": the round trip fails: tel:+49301234222 goes to the PBX as 222, and comes back as tel:+49309999222: rule "other site" of from_pbx undoes it`,
		},
		{
			"a line that doesn't come home",
			Table{ToPBX: []Rule{{Name: "inside", Side: "called", Where: map[string]string{"ext": ".+"}, Of: "ext", Match: `\d+`, Replace: "$0"}}},
			[]string{"tel:+49301234101;ext=101", "tel:+493077"},
			"line tel:+49301234101;ext=101: the round trip fails: it goes to the PBX as 101, and comes back as 101 (calling)",
		},
		{
			"a line that no rule sends",
			Table{ToPBX: []Rule{{Name: "gone", Digits: "+4930X", Strip: 6}}},
			[]string{"tel:+49301"},
			"line tel:+49301: nothing goes to the PBX",
		},
		{"a line that is an emergency number", Table{}, []string{"110"}, "line 110 is the emergency number 110"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, f := range rules(t, c.table).Lint(c.lines) {
				got = append(got, f.String())
			}
			all := strings.Join(got, "\n")
			if c.want == "" && all != "" || !strings.Contains(all, c.want) {
				t.Errorf("got\n%s\nwant\n%s", all, c.want)
			}
		})
	}
}

// A rule says what its expression says, whatever is passed over for speed.
func TestPassedOver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		expr := rapid.StringMatching(`(\\+|0|1|\[0-3\]|\\d|1\?|(\(1\|12\)|\(\?:0\|1\|23\)|\(0\+\)|\\d\{1,2\}|#))((0|1|\[1-3\]|\\d|2\*|\(1\|12\)|\(3\|0\)\?|\\d\+|\(\?:01\|22\)){0,3})`).Draw(t, "expression")
		r, err := New(Table{ToPBX: []Rule{{Name: "a", Match: expr, Replace: "77777"}}}, nil)
		if err != nil {
			return
		}
		number := rapid.StringMatching(`\+?[0-3]{1,5}`).Draw(t, "number")
		got, err := r.Native(csta.DeviceID(number), Called)
		if want := regexp.MustCompile(`^(?:` + expr + `)$`).MatchString(number); err != nil || (got == "77777") != want {
			t.Fatalf("%s with %s: %s (%v), the expression says %v", expr, number, got, err, want)
		}
	})
}

// A large table is looked through in a moment.
func TestLintOfThousandRules(t *testing.T) {
	var table Table
	for i := range 1000 {
		table.FromPBX = append(table.FromPBX, Rule{Name: fmt.Sprint("rule ", i), Digits: fmt.Sprintf("%04d", i), Max: 12, Prefix: "+49301"})
	}
	table.FromPBX = append(table.FromPBX, Rule{Name: "late", Digits: "0042X", Prefix: "+49"})
	got := rules(t, table).Lint(nil)
	if len(got) != 1 || got[0].Rule != "late" || !strings.Contains(got[0].Text, `rule "rule 42" comes first`) {
		t.Error(got)
	}
}

func TestImport(t *testing.T) {
	table, err := Import(strings.NewReader("\ufeffDirection;Name;Minimum length;Maximum length;Pattern;Delete length;Replacement\r\n"+
		"From;extension;3;3;1;0;+49301234\r\nFrom;abroad;8;20;000;3;+\r\nTo;extension;12;12;+49301234;9;\r\nTo;;5;;+;1;000\r\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := rules(t, table)
	for in, want := range map[string]string{"101": "tel:+49301234101", "00015551234": "tel:+15551234"} {
		if got := r.Canonical(in, Calling); string(got) != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{"tel:+49301234101": "101", "tel:+15551234": "00015551234"} {
		if got, err := r.Native(csta.DeviceID(in), Called); err != nil || got != want {
			t.Errorf("%s: %s (%v), want %s", in, got, err, want)
		}
	}
	to := ToPBX
	if table, err = Import(strings.NewReader("pattern,delete\n*,0\n1,1\n"), &to); err != nil || len(table.ToPBX) != 2 || table.ToPBX[0].Name != "row 1" {
		t.Errorf("%+v, %v", table, err)
	}
}

// Each column goes where it belongs; names are told apart, and where a length isn't said any is meant.
func TestImportColumns(t *testing.T) {
	table, err := Import(strings.NewReader("rule,comment,party,min len,max-length,starts with,del_len,insert\n"+
		"in,a,Calling,3,5,12.,1,+49\nInbound,a,,,,*,,\nout,a,called,,10000,1,2,0\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Table{
		FromPBX: []Rule{
			{Name: "a", Side: "calling", Digits: "12", Min: 3, Max: 5, Strip: 1, Prefix: "+49"},
			{Name: "a 2", Digits: ".", Min: 1, Max: MaxNumber},
		},
		ToPBX: []Rule{{Name: "a", Side: "called", Digits: "1", Max: MaxNumber, Strip: 2, Prefix: "0"}},
	}
	if !reflect.DeepEqual(table, want) {
		t.Errorf("%+v, want %+v", table, want)
	}
	_, err = Import(strings.NewReader("pattern\n"+strings.Repeat("1\n", MaxRules+1)), new(FromPBX))
	if want := fmt.Sprintf("line %d: %d rules are allowed", MaxRules+2, MaxRules); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestImportRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "line 1: no head"},
		{"an unknown column", "pattern,colour\n", `line 1: "colour" is no column that is known`},
		{"a column twice", "pattern,match\n", `line 1: "match" is there twice`},
		{"no pattern", "name,direction\n", "no column with the pattern"},
		{"no direction", "pattern,delete\n1,2\n", `line 2: direction: "" is neither from nor to`},
		{"another direction", "direction,pattern\nsideways,1\n", `line 2: direction: "sideways" is neither from nor to`},
		{"a length", "direction,pattern,delete\nto,1,2\nto,1,many\n", `line 3: delete: "many" is not a length`},
		{"a length beyond all numbers", "direction,pattern,delete\nto,1,10001\n", `line 2: delete: "10001" is not a length`},
		{"a pattern", "direction,pattern\nto,12ab\n", "line 2: digits:"},
		{"an expression", "direction,pattern\nto,^12.*\n", "line 2: pattern: \"^12.*\" is a regular expression"},
		{"a replacement with a line break", "direction,pattern,replacement\nto,1,\"1\r\n2\"\n", "line 2: prefix:"},
		{"quotes that don't close", "direction,pattern\nto,\"1\n", "on line 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Import(strings.NewReader(c.text), nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// A direction that is said counts before the one for rows that say none, and one that is none isn't taken for it.
func TestImportOtherwise(t *testing.T) {
	to := ToPBX
	table, err := Import(strings.NewReader("\ufeff\"direction\",pattern\nfrom,1\n,2\n"), &to)
	if err != nil || len(table.FromPBX) != 1 || table.FromPBX[0].Digits != "1" || len(table.ToPBX) != 1 || table.ToPBX[0].Digits != "2" {
		t.Errorf("%+v, %v", table, err)
	}
	if _, err := Import(strings.NewReader("direction,pattern\nsideways,1\n"), &to); err == nil || !strings.Contains(err.Error(), `"sideways" is neither from nor to`) {
		t.Error(err)
	}
}

func FuzzImport(f *testing.F) {
	f.Add("direction;pattern;replacement\nto;1;2\n")
	f.Add("pattern,min,max\n[1-3]X.,1,99\n")
	f.Fuzz(func(t *testing.T, text string) {
		d := FromPBX
		table, err := Import(strings.NewReader(text), &d)
		if err != nil {
			return
		}
		if _, err := New(table, nil); err != nil {
			t.Errorf("what was imported is refused: %v", err)
		}
	})
}
