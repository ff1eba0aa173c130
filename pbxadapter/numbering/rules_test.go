package numbering_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"farhook/csta"
	. "farhook/pbxadapter/numbering"
)

// house is a PBX in Berlin: extensions 100 to 199 behind +49 30 1234, outside lines behind 0.
var house = Table{
	ToPBX: []Rule{
		{Name: "extension", Match: `\+49301234(1\d\d)`, Replace: "$1"},
		{Name: "by ext", Of: "ext", Match: `1\d\d`, Replace: "$0"},
		{Name: "private plan", Where: map[string]string{"phone-context": "dialstring"}, Digits: "5X.", Prefix: "7"},
		{Name: "city", Digits: "+4930", Max: 20, Strip: 5, Prefix: "0"},
		{Name: "country", Digits: "+49", Max: 20, Strip: 3, Prefix: "00"},
		{Name: "abroad", Digits: "+.", Strip: 1, Prefix: "000"},
		{Name: "shown to the world", Side: "calling", Digits: "1XX", Prefix: "493012341"},
	},
	FromPBX: []Rule{
		{Name: "extension", Digits: "1XX", Prefix: "+49301234"},
		{Name: "private plan", Digits: "75X.", Strip: 1, Set: map[string]string{"phone-context": "dialstring"}},
		{Name: "abroad", Match: `000([1-9]\d+)`, Replace: "+$1"},
		{Name: "country", Match: `00([1-9]\d{5,})`, Replace: "+49$1"},
		{Name: "city", Match: `0([1-9]\d{4,})`, Replace: "+4930$1"},
	},
	Emergency: []EmergencyRule{{Number: "112", Dial: "0112"}},
}

func rules(t testing.TB, table Table) *Rules {
	t.Helper()
	e, err := NewEmergency(EmergencyConfig{Countries: []string{"DE"}, Outside: []string{"0", "9"}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(table, e)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Each form of number, both ways.
func TestRules(t *testing.T) {
	r := rules(t, house)
	for _, c := range []struct {
		name, in string
		side     Side
		want     string
	}{
		{"an extension by its global number", "tel:+49301234101", Called, "101"},
		{"written for people", "tel:+49 (30) 1234-101", Called, "101"},
		{"an extension by ext", "tel:+4930999999;ext=102", Called, "102"},
		{"a private number keeps to its own rule", "tel:5150;phone-context=dialstring", Called, "75150"},
		{"without the context the rule is not for it", "5150", Called, "5150"},
		{"in the city", "tel:+493055555", Called, "055555"},
		{"in the country", "tel:+4940555555", Called, "0040555555"},
		{"abroad", "tel:+15551234567", Called, "00015551234567"},
		{"an extension as typed", "101", Called, "101"},
		{"the calling side apart", "101", Calling, "493012341101"},
		{"a feature code", "*72", Called, "*72"},
		{"a SIP address with a number", "sip:+49301234101@pbx.example", Called, "101"},
		{"emergency, by an entry of its own", "112", Called, "0112"},
		{"emergency, without one", "110", Called, "110"},
	} {
		if got, err := r.Native(csta.DeviceID(c.in), c.side); err != nil || got != c.want {
			t.Errorf("to the PBX, %s: %s became %q (%v), want %q", c.name, c.in, got, err, c.want)
		}
	}
	for _, c := range []struct{ name, in, want string }{
		{"inside, an extension", "101", "tel:+49301234101"},
		{"outside, the city", "055555", "tel:+493055555"},
		{"outside, the country", "0040555555", "tel:+4940555555"},
		{"outside, abroad", "00015551234567", "tel:+15551234567"},
		{"outside, global already", "+15551234567", "tel:+15551234567"},
		{"outside, global as a URI", "tel:+15551234567", "tel:+15551234567"},
		{"inside, private plan", "75150", "tel:5150;phone-context=dialstring"},
		{"no number", "anonymous", ""},
		{"nothing", "", ""},
		{"emergency as this PBX dials it", "0112", "112"},
		{"emergency", "110", "110"},
	} {
		if got := r.Canonical(c.in, Calling); string(got) != c.want {
			t.Errorf("from the PBX, %s: %s became %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

// Context: each parameter can be asked for, used as the number, kept and set.
func TestContext(t *testing.T) {
	r := rules(t, Table{ToPBX: []Rule{
		{Name: "no extension, no context", Where: map[string]string{"ext": "", "phone-context": ""}, Digits: "+49.", Strip: 1, Prefix: "1"},
		{Name: "by extension", Of: "ext", Where: map[string]string{"phone-context": ""}, Match: `(\d{3})`, Replace: "7$1"},
		{Name: "by partition", Where: map[string]string{"partition": "lab|shop"}, Match: `5(\d+)`, Replace: "$1", Keep: []string{"partition"}},
		{Name: "by device", Where: map[string]string{"device": "sep.*"}, Match: `5(\d+)`, Replace: "6$1", Keep: []string{"device", "phone-context"}},
		{Name: "device as number", Of: "device", Match: `[a-z]+(\d+)`, Replace: "$1", Set: map[string]string{"ext": "1"}},
	}})
	for in, want := range map[string]string{
		"tel:+4930123":                             "14930123",
		"tel:+4930123;ext=101":                     "7101",
		"tel:5150;partition=lab":                   "150;partition=lab",
		"tel:5150;partition=Shop;ext=9":            "150;partition=shop",
		"tel:5150;partition=other":                 "5150",
		"tel:5150;device=SEP01;phone-context=home": "6150;phone-context=home;device=sep01",
		"tel:1;device=ata77":                       "77;ext=1",
		"tel:+4930123;ext=101;phone-context=home":  "+4930123",
	} {
		if got, err := r.Native(csta.DeviceID(in), Called); err != nil || got != want {
			t.Errorf("%s: %q (%v), want %q", in, got, err, want)
		}
	}
}

func TestRulesContinue(t *testing.T) {
	r := rules(t, Table{FromPBX: []Rule{
		{Name: "outside line", Digits: "9.", Min: 8, Strip: 1, Continue: true},
		{Name: "north america", Match: `1?(\d{10})`, Replace: "+1$1"},
	}})
	for in, want := range map[string]csta.DeviceID{"912125550100": "tel:+12125550100", "12125550100": "tel:+12125550100", "2125550100": "tel:+12125550100"} {
		if got := r.Canonical(in, Called); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestExplain(t *testing.T) {
	r := rules(t, house)
	w := r.Explain(ToPBX, "tel:+4940555555", Called)
	var did []string
	for _, s := range w.Steps {
		did = append(did, s.Rule+": "+s.Did+" "+s.Result)
	}
	want := "extension: form differs |by ext: form differs |private plan: form differs |city: form differs |country: matches 0040555555"
	if got := strings.Join(did, "|"); w.Out != "0040555555" || got != want {
		t.Errorf("%s\n%s\nwant\n%s", w.Out, got, want)
	}
	if w := r.Explain(ToPBX, "tel:+49112", Called); w.Out != "0112" || len(w.Steps) != 1 || w.Steps[0].Rule != "emergency" {
		t.Errorf("%+v", w)
	}
	if w := r.Explain(FromPBX, "alice", Calling); w.Err == nil || w.Out != "" {
		t.Errorf("%+v", w)
	}
}

// No rule makes an emergency number of another one.
func TestRulesMakeNoEmergency(t *testing.T) {
	r := rules(t, Table{ToPBX: []Rule{{Name: "short", Digits: "5112", Strip: 1}}})
	if n, err := r.Native("5112", Called); err == nil || !strings.Contains(err.Error(), `rule "short" makes the emergency number 112 of 5112`) {
		t.Errorf("%q, %v", n, err)
	}
}

// What is wrong with a rule is said, each with its place.
func TestRulesRefuse(t *testing.T) {
	one := func(r Rule) Table { return Table{ToPBX: []Rule{r}} }
	for _, c := range []struct {
		name  string
		table Table
		want  string
	}{
		{"no name", one(Rule{Match: "1"}), "to_pbx[0] (): name:"},
		{"a name with a line break", one(Rule{Name: "a\r\nb", Match: "1", Replace: "1"}), "name:"},
		{"nothing to match", one(Rule{Name: "a"}), "one of them is wanted"},
		{"two things to match", one(Rule{Name: "a", Match: "1", Digits: "1"}), "one of them is wanted"},
		{"an expression that isn't one", one(Rule{Name: "a", Match: "(1"}), "match: error parsing regexp: missing closing ): `(1`"},
		{"an expression that would close ours", one(Rule{Name: "a", Match: "1)|(.*"}), "unexpected )"},
		{"backtracking of other languages", one(Rule{Name: "a", Match: `(?=1)\d`}), "match: error parsing regexp"},
		{"too long an expression", one(Rule{Name: "a", Match: strings.Repeat("1", 513)}), "match: the expression has 513 octets, 512 are allowed"},
		{"too long a replacement", one(Rule{Name: "a", Match: "1", Replace: strings.Repeat("1", 129)}), "replace: it has 129 octets, 128 are allowed"},
		{"too large an expression", one(Rule{Name: "a", Match: `(\d{1000}){1000}`}), "match: error parsing regexp"},
		{"a group that isn't there", one(Rule{Name: "a", Match: `(\d)`, Replace: "$2"}), `replace: the expression has no group "2"`},
		{"strip with match", one(Rule{Name: "a", Match: "1", Strip: 1}), "strip, prefix: they go with digits"},
		{"replace with digits", one(Rule{Name: "a", Digits: "1", Replace: "1"}), "replace: it goes with match"},
		{"a letter", one(Rule{Name: "a", Digits: "1A"}), "digits: 'A' is none of"},
		{"an open class", one(Rule{Name: "a", Digits: "[1"}), "digits: a [ has no ]"},
		{"a class with a letter", one(Rule{Name: "a", Digits: "[1-a]"}), "digits: '-' in [1-a]"},
		{"too long a pattern", one(Rule{Name: "a", Digits: strings.Repeat("X", 65)}), "digits: the pattern has 65 characters, 64 are allowed"},
		{"a prefix with a semicolon", one(Rule{Name: "a", Digits: "1", Prefix: "1;x=y"}), "prefix: \"1;x=y\" is not made of digits"},
		{"lengths upside down", one(Rule{Name: "a", Digits: "1", Min: 5, Max: 4}), "min, max: 5 to 4"},
		{"a length below the pattern's", one(Rule{Name: "a", Digits: "1234", Min: 1, Max: 2}), "max: the pattern alone has 4"},
		{"a side", one(Rule{Name: "a", Digits: "1", Side: "both"}), `side: "both" is neither calling nor called`},
		{"a parameter", one(Rule{Name: "a", Digits: "1", Keep: []string{"isub"}}), `keep: "isub" is none of`},
		{"a value with a semicolon", one(Rule{Name: "a", Digits: "1", Set: map[string]string{"ext": "1;a=b"}}), "set:"},
		{"a value with a line break", one(Rule{Name: "a", Digits: "1", Set: map[string]string{"phone-context": "a\r\nb"}}), "set:"},
		{"what is matched", one(Rule{Name: "a", Digits: "1", Of: "name"}), `of: "name" is none of`},
		{"a name twice", Table{FromPBX: []Rule{{Name: "a", Digits: "1"}, {Name: "a", Digits: "2"}}}, `from_pbx[1]: the name "a" is that of from_pbx[0] already`},
		{"too many", Table{ToPBX: make([]Rule, 10_001)}, "10001 rules, 10000 are allowed"},
		{"an emergency entry for another number", Table{Emergency: []EmergencyRule{{Number: "113", Dial: "0113"}}}, `emergency[0]: "113" is not one of the emergency numbers`},
		{"an emergency entry that dials no number", Table{Emergency: []EmergencyRule{{Number: "112", Dial: "SIP/112&x"}}}, "emergency[0]: dial:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := NewEmergency(EmergencyConfig{Countries: []string{"DE"}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := New(c.table, e); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// bad are spellings that no number has; each says why.
var bad = map[string]string{
	"1001\r\nExten: 911":                    "neither a printable ASCII character nor a digit",
	"1001;":                                 "malformed parameter",
	"1001;ext=1&2":                          "malformed parameter: ext",
	"1001&SIP/1002":                         "not a number",
	"\u0661\u0660\u0660\u0661":              "neither a printable ASCII character nor a digit",
	"\uff11\uff11\uff12":                    "neither a printable ASCII character nor a digit",
	strings.Repeat("1", 500):                "too long",
	strings.Repeat("1", 65):                 "too long",
	"":                                      "not a number",
	"tel:":                                  "not a number",
	"tel:+":                                 "not a number",
	"tel:+1*2":                              "not a number",
	"http://example.com/":                   "not a number",
	"sip:alice@example.com":                 "a SIP address whose user part is no number",
	"1001;ext=1;ext=2":                      "malformed parameter: ext",
	"1001\x00":                              "neither a printable ASCII character nor a digit",
	"tel:1001;phone-context=":               "malformed parameter: phone-context",
	"1001;phone-context=a\nb":               "neither a printable ASCII character nor a digit",
	"${EXTEN}":                              "not a number",
	"1001,1,Dial(SIP/x)":                    "not a number",
	"1001;;ext=1":                           "malformed parameter",
	"+1001;ext=" + strings.Repeat("1", 300): "too long",
}

func TestBadNumbers(t *testing.T) {
	r := rules(t, house)
	for in, want := range bad {
		if _, err := Parse(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", in, err, want)
		}
		if n, err := r.Native(csta.DeviceID(in), Called); err == nil {
			t.Errorf("%.40q went to the PBX as %q", in, n)
		}
		if n := r.Canonical(in, Calling); n != "" {
			t.Errorf("%.40q came from the PBX as %q", in, n)
		}
	}
}

// The canonical spelling of a canonical spelling is itself, whatever was written first.
func TestCanonicalIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`(tel:|TEL:|sip:)?\+?[0-9*#(). -]{1,12}(;(ext|phone-context|device|partition|isub)=[a-zA-Z0-9.+-]{1,6}){0,3}(@[a-z]{1,5}(;user=phone)?)?`).Draw(t, "spelling")
		n, err := Parse(in)
		if err != nil {
			return
		}
		again, err := Parse(n.String())
		if err != nil || again != n || again.String() != n.String() {
			t.Fatalf("%q is %q, and that is %q (%v)", in, n, again, err)
		}
	})
}

// What comes from a PBX, goes there and comes again, is what it was, with any plan that has extensions, a country and outside prefixes.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		country := rapid.StringMatching(`[2-9][0-9]`).Draw(t, "country")
		trunk := rapid.StringMatching(`[2-9][0-9]{3,5}`).Draw(t, "trunk")
		width := rapid.IntRange(2, 4).Draw(t, "extension width")
		first := rapid.StringMatching(`[1-8]`).Draw(t, "first digit")
		ext := first + strings.Repeat("X", width-1)
		main := "+" + country + trunk
		r, err := New(Table{
			ToPBX: []Rule{
				{Name: "inside", Digits: main + ext, Strip: len(main)},
				{Name: "country", Match: `\+` + country + `([1-9]\d+)`, Replace: "90$1"},
				{Name: "abroad", Digits: "+.", Strip: 1, Prefix: "900"},
			},
			FromPBX: []Rule{
				{Name: "inside", Digits: ext, Prefix: main},
				{Name: "abroad", Match: `900([1-9]\d+)`, Replace: "+$1"},
				{Name: "country", Match: `90([1-9]\d+)`, Replace: "+" + country + "$1"},
			},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		shown := rapid.OneOf(
			rapid.StringMatching(fmt.Sprintf(`%s[0-9]{%d}`, first, width-1)),
			rapid.StringMatching(`900[1-9][0-9]{6,12}`), rapid.StringMatching(`90[1-9][0-9]{6,10}`),
			rapid.StringMatching(`\+[1-9][0-9]{7,14}`), rapid.StringMatching(`[*#][0-9]{2,3}`),
		).Draw(t, "shown")
		for _, s := range []Side{Calling, Called} {
			c := r.Canonical(shown, s)
			n, err := r.Native(c, s)
			if err != nil {
				t.Fatalf("%s is %s, and doesn't go back: %v", shown, c, err)
			}
			if again := r.Canonical(n, s); again != c {
				t.Fatalf("%s is %s, goes to the PBX as %s, and comes back as %s", shown, c, n, again)
			}
		}
	})
}

func FuzzRules(f *testing.F) {
	for in := range bad {
		f.Add(in)
	}
	for _, in := range []string{"tel:+49301234101;ext=1", "112", "*31#+49112#", "sip:0112@x;user=phone", "urn:service:sos.fire", "tel:5150;phone-context=dialstring"} {
		f.Add(in)
	}
	r := rules(f, house)
	f.Fuzz(func(t *testing.T, in string) {
		for _, s := range []Side{Calling, Called} {
			n, err := r.Native(csta.DeviceID(in), s)
			if err == nil && (len(n) > 255 || strings.Trim(strings.TrimPrefix(n, "+"), "0123456789*#") != "") {
				t.Errorf("%q went to the PBX as %q", in, n)
			}
			c := r.Canonical(in, s)
			if c == "" {
				continue
			}
			p, err := Parse(string(c))
			if err != nil || p.String() != string(c) {
				t.Errorf("%q came from the PBX as %q, whose canonical spelling is %q (%v)", in, c, p, err)
			}
		}
	})
}

// A thousand rules: one look-up that the last one decides, with patterns and with expressions.
func BenchmarkThousandRules(b *testing.B) {
	for _, kind := range []string{"digits", "match"} {
		var t Table
		for i := range 1000 {
			r := Rule{Name: fmt.Sprint("rule ", i)}
			if kind == "digits" {
				r.Digits, r.Strip, r.Prefix = fmt.Sprintf("+49%04d.", i), 3, "0"
			} else {
				r.Match, r.Replace = fmt.Sprintf(`\+49%04d(\d{2,8})`, i), fmt.Sprintf("0%04d$1", i)
			}
			t.ToPBX = append(t.ToPBX, r)
		}
		r := rules(b, t)
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if n, err := r.Native("tel:+4909991234", Called); err != nil || n != "009991234" {
					b.Fatal(n, err)
				}
			}
		})
	}
	// The worst there is: expressions that differ neither where they begin nor where they end, so that every one of them has to be run.
	var t Table
	for i := range 1000 {
		t.ToPBX = append(t.ToPBX, Rule{Name: fmt.Sprint("rule ", i), Match: fmt.Sprintf(`\+49%s%04d(\d{2,8})`, [...]string{"[34]0", "(?:1|2)"}[i%2], i), Replace: "0$1"})
	}
	r := rules(b, t)
	b.Run("alike", func(b *testing.B) {
		for b.Loop() {
			if _, err := r.Native("tel:+493009981234", Called); err != nil {
				b.Fatal(err)
			}
		}
	})
}
