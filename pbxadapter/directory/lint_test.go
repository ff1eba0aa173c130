package directory_test

import (
	"errors"
	"strings"
	"testing"

	. "farhook/pbxadapter/directory"
)

// Each planted fault is named, and nothing else is.
func TestLint(t *testing.T) {
	good := Entry{User: "alice@example.com", Name: "Alice", Lines: []string{"tel:+15551001"}, Aliases: []string{"1001"}, LineServer: "sip:farhook@rcc.example.com"}
	second := Entry{User: "bob@example.com", Name: "Bob", Lines: []string{"tel:+15551002"}, LineServer: "sip:farhook@rcc.example.com"}
	check := Check{
		Domain: "rcc.example.com", Delegates: true,
		Find: func(l string) (string, error) {
			if strings.Contains(l, "5551") || l == "1002" {
				return "tel:+1555" + l[len(l)-4:], nil
			}
			return "", errors.New("unknown")
		},
	}
	for _, c := range []struct {
		name  string
		plant func(e *Entry)
		want  string // empty: nothing is found
	}{
		{"nothing", func(*Entry) {}, ""},
		{"two owners", func(e *Entry) { e.Lines = []string{"1002"} }, "line tel:+15551002 has 2 owners: users[0] (sip:alice@example.com), users[1] (sip:bob@example.com)"},
		{"a line that no PBX has", func(e *Entry) { e.Lines = []string{"tel:+19991001"} }, "users[0] (sip:alice@example.com): no PBX has the line tel:+19991001: unknown"},
		{"no line server", func(e *Entry) { e.LineServer = "" }, "users[0] (sip:alice@example.com): line server is missing"},
		{"another domain", func(e *Entry) { e.LineServer = "sip:farhook@rcc.example.net" }, "line server sip:farhook@rcc.example.net has another domain than rcc.example.com: no static route matches it"},
		{"no address", func(e *Entry) { e.LineServer = "rcc.example.com" }, `line server "rcc.example.com" is no SIP address`},
		{"the users' own domain", func(e *Entry) { e.LineServer = "sip:farhook@example.com" }, "is in the user's own SIP domain: a static route on it breaks conferences"},
		{"an alias that is a line", func(e *Entry) { e.Aliases = []string{"+1 555 1002"} }, "number tel:+15551002 is an alias of users[0] (sip:alice@example.com), and the line of users[1] (sip:bob@example.com)"},
		{"a user twice", func(e *Entry) { e.User = "BOB@example.com" }, "user sip:bob@example.com is there twice: users[0]"},
		{"an unknown delegate", func(e *Entry) { e.Delegates = []string{"carol@example.com"} }, "delegate sip:carol@example.com is nobody in the directory"},
		{"no number", func(e *Entry) { e.Aliases = []string{"desk"} }, `users[0]: alias: "desk": numbering: not a number`},
	} {
		t.Run(c.name, func(t *testing.T) {
			first := good
			c.plant(&first)
			if got := lint(t, check, first, second); (len(got) == 0) != (c.want == "") || !strings.Contains(strings.Join(got, "\n"), c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	// Upper and lower case are the same domain, two spellings of a line the same line.
	first := good
	first.Lines = []string{"tel:+15551001", "tel:+1-555-1001"}
	if got := lint(t, Check{Domain: "RCC.Example.com"}, first, second); got != nil {
		t.Error(got)
	}
	// Line servers matter as soon as somebody has one, for those with lines; where nobody has and no domain is asked for they don't.
	first, other := good, second
	first.LineServer = ""
	noLine := Entry{User: "carol@example.com", Name: "Carol"}
	if got := lint(t, Check{}, first, other, noLine); len(got) != 1 || !strings.HasPrefix(got[0], "users[0] (sip:alice@example.com): line server is missing") {
		t.Error(got)
	}
	other.LineServer = ""
	if got := lint(t, Check{}, first, other, noLine); got != nil {
		t.Error(got)
	}
	if got := lint(t, Check{Domain: "rcc.example.com"}, first, other, noLine); len(got) != 2 {
		t.Error(got)
	}
	// An own line in another spelling among the aliases is nobody else's; who a delegate is matters where delegates have rights.
	first = good
	first.Aliases, first.Delegates = []string{"+1 555 1001"}, []string{"carol@example.com"}
	if got := lint(t, Check{Domain: check.Domain, Find: check.Find}, first, second); got != nil {
		t.Error(got)
	}
	// What can't be used is told up to a bound, then counted.
	var bad []Entry
	for range 1003 {
		bad = append(bad, Entry{Name: "X", Aliases: []string{"desk"}})
	}
	if got := lint(t, Check{}, bad...); len(got) != 1001 || got[1000] != "and 3 more of that kind" {
		t.Error(len(got))
	}
	second.Aliases = []string{"1001"}
	if got := lint(t, Check{}, good, second); len(got) != 1 || !strings.Contains(got[0], "number 1001 is 2 people's, so it has no name") {
		t.Error(got)
	}
}

func lint(t *testing.T, c Check, entries ...Entry) []string {
	t.Helper()
	d := New(Options{}, List(entries))
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d.View().Lint(c)
}
