package directory

import (
	"fmt"
	"slices"
	"strings"
)

// Check is what Lint needs to know beside the directory itself. Zero parts aren't looked at.
type Check struct {
	// Find is the device that a line means, on a PBX; an error says why there is none. nil: no PBX was asked.
	Find func(line string) (device string, err error)
	// Domain is the one that line servers must have: that of the static route.
	Domain string
	// Delegates says whether it matters who a delegate is.
	Delegates bool
}

// Lint lists what is wrong with a directory: what could not be used, lines that several people own or that no PBX has, line servers that are missing or have another
// domain, numbers of several people.
func (v *View) Lint(c Check) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, p := range v.Problems {
		say("%s", p)
	}
	if v.More > 0 {
		say("and %d more of that kind", v.More)
	}
	servers := false
	for i := range v.People {
		servers = servers || v.People[i].LineServer != ""
	}
	owners, aliases, users := map[string][]*Person{}, map[string][]*Person{}, map[string]*Person{}
	var lines, others []string
	for i := range v.People {
		p := &v.People[i]
		if p.User != "" {
			if first, twice := users[p.User]; twice {
				say("%s: user %s is there twice: %s", p.where(), p.User, first.where())
			} else {
				users[p.User] = p
			}
		}
		for _, l := range p.Lines {
			device, err := "", error(nil)
			if c.Find != nil {
				if device, err = c.Find(l); err != nil {
					say("%s: no PBX has the line %s: %v", p.where(), l, err)
				}
			}
			if device == "" {
				n, err := number(l)
				if err != nil {
					continue
				}
				device = n.String()
			}
			lines = enter(owners, lines, device, p)
		}
		for _, a := range p.Aliases {
			if n, err := number(a); err == nil {
				others = enter(aliases, others, n.String(), p)
			}
		}
		if len(p.Lines) > 0 && p.User != "" && (servers || c.Domain != "") {
			v.lintServer(p, c.Domain, say)
		}
		for _, d := range p.Delegates {
			if _, ok := v.User(d); c.Delegates && !ok {
				say("%s: delegate %s is nobody in the directory", p.where(), d)
			}
		}
	}
	for _, l := range lines {
		if list := owners[l]; len(list) > 1 {
			say("line %s has %d owners: %s", l, len(list), names(list))
		}
	}
	for _, a := range others {
		list := aliases[a]
		if len(list) > 1 {
			say("number %s is %d people's, so it has no name: %s", a, len(list), names(list))
		}
		for _, o := range owners[a] {
			if !slices.Contains(list, o) {
				say("number %s is an alias of %s, and the line of %s", a, names(list), o.where())
			}
		}
	}
	return out
}

func enter(m map[string][]*Person, order []string, k string, p *Person) []string {
	if slices.Contains(m[k], p) {
		return order
	}
	if m[k] == nil {
		order = append(order, k)
	}
	m[k] = append(m[k], p)
	return order
}

// lintServer looks at a line server's URI: the UC server finds the gateway by its domain.
func (v *View) lintServer(p *Person, domain string, say func(string, ...any)) {
	if p.LineServer == "" {
		say("%s: line server is missing: the UC server doesn't know where the line %s is controlled", p.where(), p.Lines[0])
		return
	}
	a := Address(p.LineServer)
	_, d, _ := strings.Cut(a, "@")
	switch {
	case a == "":
		say("%s: line server %q is no SIP address such as sip:farhook@rcc.example.com", p.where(), clip(p.LineServer))
	case domain != "" && !strings.EqualFold(d, domain):
		say("%s: line server %s has another domain than %s: no static route matches it", p.where(), clip(p.LineServer), domain)
	}
	if _, own, ok := strings.Cut(p.User, "@"); ok && own == d {
		say("%s: line server %s is in the user's own SIP domain: a static route on it breaks conferences", p.where(), clip(p.LineServer))
	}
}

// where names a person so that an administrator finds it.
func (p *Person) where() string {
	switch {
	case p.From != "" && p.User != "":
		return p.From + " (" + p.User + ")"
	case p.From != "":
		return p.From
	}
	return p.User
}

func names(list []*Person) string {
	var s []string
	for _, p := range list {
		s = append(s, p.where())
	}
	return strings.Join(s, ", ")
}

// Lines lists every line, in the directory's order.
func (v *View) Lines() []string {
	var all []string
	for i := range v.People {
		all = append(all, v.People[i].Lines...)
	}
	return all
}
