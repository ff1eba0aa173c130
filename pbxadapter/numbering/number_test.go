package numbering

import (
	"errors"
	"strings"
	"testing"

	"farhook/csta"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		spelling  string
		want      Number
		canonical string
		dialled   csta.DeviceID
	}{
		{"tel:+15551001", Number{Digits: "15551001", Global: true}, "tel:+15551001", "tel:+15551001"},
		{"TEL:+1-555-1001", Number{Digits: "15551001", Global: true}, "tel:+15551001", "tel:+15551001"},
		{"+1 (555) 1001", Number{Digits: "15551001", Global: true}, "tel:+15551001", "tel:+15551001"},
		{"+1.555.1001", Number{Digits: "15551001", Global: true}, "tel:+15551001", "tel:+15551001"},
		{"tel:+15551001;ext=1001", Number{Digits: "15551001", Global: true, Ext: "1001"}, "tel:+15551001;ext=1001", "tel:+15551001"},
		{"tel:+15551001;EXT=10-01", Number{Digits: "15551001", Global: true, Ext: "1001"}, "tel:+15551001;ext=1001", "tel:+15551001"},
		{"tel:1001;phone-context=dialstring", Number{Digits: "1001", Context: "dialstring"}, "tel:1001;phone-context=dialstring", "1001"},
		{"tel:1001;phone-context=Contoso.TEST", Number{Digits: "1001", Context: "contoso.test"}, "tel:1001;phone-context=contoso.test", "1001"},
		{"tel:1001", Number{Digits: "1001"}, "1001", "1001"},
		{"1001", Number{Digits: "1001"}, "1001", "1001"},
		{"*72#", Number{Digits: "*72#"}, "*72#", "*72#"},
		{
			"tel:73124;phone-context=dialstring;partition=BE_BRS_INT",
			Number{Digits: "73124", Context: "dialstring", Partition: "be_brs_int"},
			"tel:73124;phone-context=dialstring;partition=be_brs_int", "73124",
		},
		{"tel:+15551001;device=SEP0123;ext=7", Number{Digits: "15551001", Global: true, Ext: "7", Device: "sep0123"}, "tel:+15551001;ext=7;device=sep0123", "tel:+15551001"},
		{"tel:+15551001;isub=5;x=y", Number{Digits: "15551001", Global: true}, "tel:+15551001", "tel:+15551001"},
		{"sip:+15551001@contoso.test;user=phone", Number{Digits: "15551001", Global: true}, "tel:+15551001", "tel:+15551001"},
		{"sip:1001@contoso.test", Number{Digits: "1001"}, "1001", "1001"},
		{"SIPS:*72@contoso.test;transport=tls;USER=PHONE", Number{Digits: "*72"}, "*72", "*72"},
		{"sip:+1555;ext=9@h;user=phone", Number{Digits: "1555", Global: true, Ext: "9"}, "tel:+1555;ext=9", "tel:+1555"},
	} {
		n, err := Parse(c.spelling)
		if err != nil || n != c.want || n.String() != c.canonical || n.Dialled() != c.dialled {
			t.Errorf("%q: %+v, %v; %q, %q", c.spelling, n, err, n.String(), n.Dialled())
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for spelling, want := range map[string]error{
		"": errDigits, "tel:": errDigits, "+": errDigits, "tel:+": errDigits, "alice": errDigits, "tel:+1555x": errDigits, "tel:+1*5": errDigits, "--": errDigits,
		"mailto:1001": errDigits, "http://1001": errDigits, "1001,1002": errDigits, "10+01": errDigits,
		"1001\r\nX: y": errCharacter, "10\x0001": errCharacter, "१००१": errCharacter, "tel:+1555\u200b1001": errCharacter,
		strings.Repeat("1", MaxNumber+1): errLong, "1" + strings.Repeat(";a=b", 64): errLong,
		"1;": errParameter, "1;;ext=2": errParameter, "1;ext=": errParameter, "1;ext=a": errParameter, "1;ext=1;ext=2": errParameter, "1;phone-context=": errParameter,
		"1;device": errParameter, "tel:1;partition=a;partition=a": errParameter,
		"sip:alice@contoso.test": errSIP, "sip:1001": errSIP, "sip:@h": errSIP, "sip:1001@": errSIP, "sip:+1-555@h": errSIP, "sip:": errSIP,
		"sip:alice@h;user=phone": errDigits,
	} {
		if n, err := Parse(spelling); !errors.Is(err, want) {
			t.Errorf("%q: %+v, %v, want %v", spelling, n, err, want)
		}
	}
	if _, err := Parse(strings.Repeat("1", MaxNumber)); err != nil {
		t.Error(err)
	}
}

// The canonical spelling of a number is a spelling of that number, and its own.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"tel:+1-555-1001;ext=1001", "tel:1001;phone-context=dialstring", "1001", "sip:+15551001@a;user=phone", "*72#", "tel:5;device=a;partition=b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, spelling string) {
		n, err := Parse(spelling)
		if err != nil {
			return
		}
		again, err := Parse(n.String())
		if err != nil {
			// Without a context a local number with parameters has no URI: its bare text is still a number.
			t.Fatalf("%q: %q: %v", spelling, n.String(), err)
		}
		if again != n || again.String() != n.String() {
			t.Fatalf("%q: %+v became %+v", spelling, n, again)
		}
		d, err := Parse(string(n.Dialled()))
		if err != nil || d.Digits != n.Digits || d.Global != n.Global || d.Dialled() != n.Dialled() {
			t.Fatalf("%q is dialled as %q: %+v, %v", spelling, n.Dialled(), d, err)
		}
		var x Index
		if err := x.Add(csta.DeviceID(n.String()), nil); err != nil {
			t.Fatal(err)
		}
		if id, err := x.Find(n); err != nil || id != csta.DeviceID(n.String()) {
			t.Fatalf("%q is not found as itself: %q, %v", spelling, id, err)
		}
	})
}

func TestIndex(t *testing.T) {
	var x Index
	for _, d := range []struct {
		id      csta.DeviceID
		aliases []string
	}{
		{"tel:+15551001", []string{"1001"}},
		{"tel:+15551002", []string{"1002", "*2"}},
		{"tel:+15559000;ext=1", []string{"71"}}, // two phones of one number, by extension
		{"tel:+15559000;ext=2", []string{"72"}},
		{"tel:4000;phone-context=a.test", nil}, // two of one local number, by context
		{"tel:4000;phone-context=b.test", nil},
		{"tel:+15558000;device=sep1", nil}, // two phones of one line
		{"tel:+15558000;device=sep2", nil},
		{"tel:+15557000;partition=p", nil},
		{"line-7", []string{"7"}}, // no number of its own
		{"tel:+15551003", []string{"99"}},
		{"tel:+15551004", []string{"99"}}, // the same alias
		{"tel:+15556000", nil},            // no aliases: any extension will do
	} {
		if err := x.Add(d.id, d.aliases); err != nil {
			t.Fatal(err)
		}
	}
	for spelling, want := range map[string]csta.DeviceID{
		"tel:+15551001": "tel:+15551001", "tel:+15551001;ext=1001": "tel:+15551001", "tel:1001;phone-context=dialstring": "tel:+15551001",
		"1001": "tel:+15551001", "+1-555-1001": "tel:+15551001", "sip:1001@contoso.test": "tel:+15551001", "tel:+15551001;device=x": "tel:+15551001",
		"tel:+15551001;partition=x": "tel:+15551001", "*2": "tel:+15551002", "tel:*2;phone-context=dialstring": "tel:+15551002",
		"tel:+15559000;ext=1": "tel:+15559000;ext=1", "tel:+15559000;ext=2;device=x": "tel:+15559000;ext=2", "71": "tel:+15559000;ext=1",
		"tel:4000;phone-context=A.TEST": "tel:4000;phone-context=a.test", "tel:4000;phone-context=b.test": "tel:4000;phone-context=b.test",
		"tel:+15558000;device=SEP1": "tel:+15558000;device=sep1", "tel:+15557000": "tel:+15557000;partition=p", "7": "line-7",
		"tel:+15556000;ext=12": "tel:+15556000",
	} {
		n, err := Parse(spelling)
		if err != nil {
			t.Fatal(err)
		}
		if id, err := x.Find(n); err != nil || id != want {
			t.Errorf("%q: %q, %v, want %q", spelling, id, err, want)
		}
	}
	for spelling, want := range map[string]error{
		"tel:+15551009": ErrUnknown, "1009": ErrUnknown, "tel:+1001": ErrUnknown, "15551001": ErrUnknown, "tel:+15551001;ext=1002": ErrUnknown,
		"tel:+15551001;ext=5": ErrUnknown, "tel:+15559000": ErrUnknown, "tel:+15559000;ext=3": ErrUnknown,
		"tel:4000": ErrAmbiguous, "tel:4000;phone-context=c.test": ErrAmbiguous, "tel:+15558000": ErrAmbiguous, "99": ErrAmbiguous,
	} {
		n, err := Parse(spelling)
		if err != nil {
			t.Fatal(err)
		}
		if id, err := x.Find(n); !errors.Is(err, want) {
			t.Errorf("%q: %q, %v, want %v", spelling, id, err, want)
		}
	}
	if err := x.Add("tel:+15551010", []string{"1010", "ten", "", "+1"}); err == nil || strings.Count(err.Error(), "alias") != 3 {
		t.Errorf("aliases that are none: %v", err)
	}
	if id, err := x.Find(Number{Digits: "1010"}); err != nil || id != "tel:+15551010" {
		t.Errorf("the good alias beside bad ones: %q, %v", id, err)
	}
	if _, err := new(Index).Find(Number{Digits: "1"}); !errors.Is(err, ErrUnknown) {
		t.Errorf("an empty index: %v", err)
	}
}
