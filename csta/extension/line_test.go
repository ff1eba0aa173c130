package extension_test

import (
	"testing"

	"farhook/csta"
	"farhook/csta/extension"
)

const open = `<RequestSystemStatus xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"`

func TestLine(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"as Microsoft writes it", open + `><extensions><privateData><private><lcs:line xmlns:lcs="http://schemas.microsoft.com/Lcs/2005/04/RCCExtension">tel:+1;ext=5</lcs:line></private></privateData></extensions></RequestSystemStatus>`, "tel:+1;ext=5"},
		{"another prefix, declared at the root", open + ` xmlns:q="http://schemas.microsoft.com/Lcs/2005/04/RCCExtension"><extensions><privateData><private><q:line> tel:+1 </q:line></private></privateData></extensions></RequestSystemStatus>`, "tel:+1"},
		{"default namespace", open + `><extensions><privateData><private><line xmlns="http://schemas.microsoft.com/Lcs/2005/04/RCCExtension">tel:&#43;1</line></private></privateData></extensions></RequestSystemStatus>`, "tel:+1"},
		{"another namespace", open + `><extensions><privateData><private><line xmlns="urn:x">tel:+1</line></private></privateData></extensions></RequestSystemStatus>`, ""},
		{"our own namespace", open + `><extensions><privateData><private><line>tel:+1</line></private></privateData></extensions></RequestSystemStatus>`, ""},
		{"empty", open + `><extensions><privateData><private/></privateData></extensions></RequestSystemStatus>`, ""},
		{"directly within extensions", open + `><extensions><l:line xmlns:l="http://schemas.microsoft.com/Lcs/2005/04/RCCExtension">tel:+1</l:line></extensions></RequestSystemStatus>`, "tel:+1"},
		{"no extensions", open + `/>`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, _, err := csta.Decode([]byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			got, ok := extension.Line(m.(csta.RequestSystemStatus).Extensions)
			if got != c.want || ok != (c.want != "") {
				t.Errorf("got %q, %v, want %q", got, ok, c.want)
			}
			again, _, err := csta.Decode(csta.Encode(nil, m, csta.Ed3))
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := extension.Line(again.(csta.RequestSystemStatus).Extensions); got != c.want {
				t.Errorf("after a round trip %q, want %q", got, c.want)
			}
		})
	}
}

func TestWithLine(t *testing.T) {
	m, _, err := csta.Decode(csta.Encode(nil, csta.RequestSystemStatus{Extensions: extension.WithLine("tel:+1<&>")}, csta.Ed3))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := extension.Line(m.(csta.RequestSystemStatus).Extensions); !ok || got != "tel:+1<&>" {
		t.Errorf("got %q, %v", got, ok)
	}
}
