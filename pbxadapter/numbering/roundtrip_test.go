package numbering_test

import (
	"testing"

	. "farhook/pbxadapter/numbering"
)

// A round trip comes home at what was written, or, for what is no global number, at another spelling of what the PBX dials the same.
func TestThereAndBack(t *testing.T) {
	r, err := New(Table{
		ToPBX:   []Rule{{Name: "own", Match: `\+49301234(\d{3})`, Replace: "$1"}, {Name: "lost", Match: `\+4940(\d+)`, Replace: "0040$1"}},
		FromPBX: []Rule{{Name: "extension", Match: `(\d{3})`, Replace: "+49301234$1"}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in   string
		back string
		home bool
	}{
		{"+49301234123", "tel:+49301234123", true},
		{"+49 (30) 1234-123", "tel:+49301234123", true},
		{"123", "tel:+49301234123", true}, // the PBX dials 123 for both
		{"+494012", "", false},
		{"nonsense at all", "", false},
	} {
		there, back, home := r.RoundTrip(ToPBX, c.in, Called)
		if home != c.home || c.home && back.Out != c.back {
			t.Errorf("%s: %v, %s, %v", c.in, home, back.Out, there.Err)
		}
	}
}

func TestMasked(t *testing.T) {
	for in, want := range map[string]string{"tel:+49 (89) 1234-567": "tel:+xx (xx) xxxx-x67", "12": "12", "*981001": "*xxxx01", "": "", "Ada": "Ada"} {
		if got := Masked(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
