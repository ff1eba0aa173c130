package numbering_test

import (
	"strings"
	"testing"

	"farhook/csta"
	. "farhook/pbxadapter/numbering"
)

// Every form in which an emergency number gets here, and what it is taken for.
func TestEmergencyForms(t *testing.T) {
	e, err := NewEmergency(EmergencyConfig{Countries: []string{"DE", "us"}, Numbers: []string{"5555"}, Outside: []string{"0", "9", "77", "+4930"}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(Table{ToPBX: []Rule{{Name: "everything", Match: `.*`, Replace: "666"}}}, e)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in, number string
		form       Form
		dial       string
	}{
		{"112", "112", Bare, "112"},
		{"911", "911", Bare, "911"},
		{"110", "110", Bare, "110"},
		{"5555", "5555", Bare, "5555"},
		{"tel:112", "112", Bare, "112"},
		{"TEL:1-1-2", "112", Bare, "112"},
		{" 112 ", "112", Bare, "112"},
		{"tel:112;phone-context=+49", "112", Bare, "112"},
		{"tel:112;phone-context=dialstring", "112", Bare, "112"},
		{"112;ext=1", "112", Bare, "112"},
		{"112#", "112", Bare, "112"},
		{"sip:112@example.com", "112", Bare, "112"},
		{"sip:112;phone-context=example.com@example.com;user=phone", "112", Bare, "112"},
		{"urn:service:sos", "112", Bare, "112"},
		{"URN:service:sos.fire", "112", Bare, "112"},
		{"0112", "112", Outside, "0112"},
		{"9911", "911", Outside, "9911"},
		{"77110", "110", Outside, "77110"},
		{"tel:9-911", "911", Outside, "9911"},
		{"+112", "112", Lookalike, "112"},
		{"tel:+112", "112", Lookalike, "112"},
		{"tel:+49112", "112", Lookalike, "112"},
		{"+1 911", "911", Lookalike, "911"},
		{"tel:+358112", "112", Lookalike, "112"},
		{"tel:+7112", "112", Lookalike, "112"},
		{"00112", "112", Lookalike, "112"},
		{"tel:+490112", "112", Lookalike, "112"}, // 0112 typed, and made global by the client
		{"tel:+4930110", "110", Lookalike, "110"},
		{"0049112", "112", Lookalike, "112"},
		{"00049110", "110", Lookalike, "110"},
		{"90111911", "911", Lookalike, "911"},
		{"*31#112", "112", Lookalike, "112"},
		{"#31#112", "112", Lookalike, "112"},
		{"*67911", "911", Lookalike, "911"},
		{"*31#0112", "112", Lookalike, "112"},
		{"*141112", "112", Lookalike, "112"},
		{"sip:+49112@example.com;user=phone", "112", Lookalike, "112"},
	} {
		m, ok := e.Find(c.in)
		if want := (EmergencyNumber{c.number, c.form, c.dial}); !ok || m != want {
			t.Errorf("%q: %+v %v, want %+v", c.in, m, ok, want)
		}
		if n, err := r.Native(csta.DeviceID(c.in), Called); err != nil || n != c.dial {
			t.Errorf("%q went to the PBX as %q (%v), want %q", c.in, n, err, c.dial)
		}
	}
	for _, in := range []string{
		"1112", "tel:+4940110", "1120", "0119", "11", "+4911", "tel:+493011256", "+15551911", "tel:+491121234567", "112233", "0911123", "*112#5", "118", "999", "",
		"sip:alice@example.com", "urn:service:counseling", "tel:+442079460911", "1001;ext=112", "911911", strings.Repeat("9", 300),
	} {
		if m, ok := e.Find(in); ok {
			t.Errorf("%.40q is taken for %+v", in, m)
		}
	}
}

// Without a country every number counts that a mobile phone without a card knows.
func TestEmergencyDefaults(t *testing.T) {
	e, err := NewEmergency(DefaultEmergency())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(e.Numbers(), " "); got != "000 08 110 112 118 119 911 999" {
		t.Error(got)
	}
	var none *Emergency
	if _, ok := none.Find("112"); ok || none.Numbers() != nil {
		t.Error("no list at all knows a number")
	}
	_, err = NewEmergency(EmergencyConfig{Countries: []string{"XX"}, Numbers: []string{"1", "11a"}, Outside: []string{"", "0;1"}})
	for _, want := range []string{`countries[0]: the emergency numbers of "XX"`, `numbers[0]: "1" is not`, `numbers[1]: "11a"`, `outside[0]`, `outside[1]: "0;1"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
}

func FuzzEmergency(f *testing.F) {
	for _, in := range []string{"112", "0112", "*31#+49112", "urn:service:sos", "tel:112;phone-context=x", "+1911#"} {
		f.Add(in)
	}
	e, err := NewEmergency(DefaultEmergency())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in string) {
		m, ok := e.Find(in)
		if !ok {
			return
		}
		if n, again := e.Find(m.Dial); !again || n.Number != m.Number || strings.Trim(m.Dial, "0123456789*#") != "" {
			t.Errorf("%q is %+v, and what is dialled for it is %+v", in, m, n)
		}
	})
}
