package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// table is everything the schema files say, in their order.
type table struct {
	defs  []*def
	named map[string]*def
	hand  map[string]bool // requests whose Needs a person wrote
}

// def is one line: a global element or a type.
type def struct {
	kind    string // request, response, event, session, error, struct, choice, anyof, enum
	name    string
	members []member
	values  []string // of an enum
	where   string
}

func (d *def) message() bool {
	switch d.kind {
	case "request", "response", "event", "session", "error":
		return true
	}
	return false
}

func (d *def) choice() bool { return d.kind == "choice" || d.kind == "error" }

// member is one element (or attribute) of a def.
type member struct {
	name     string
	typ      string // the schema's type; of one item where item is set
	item     string // name of the repeated element inside a wrapper
	optional bool
	repeated bool // without a wrapper
	attr     bool
	any      bool
}

// parse reads one schema file into t. Mistakes name file and line.
func (t *table) parse(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		where := fmt.Sprintf("%s:%d", file, n)
		head, body, ok := strings.Cut(line, "=")
		words := strings.Fields(head)
		if !ok || len(words) != 2 {
			return fmt.Errorf("%s: want KIND NAME = MEMBERS", where)
		}
		d := &def{kind: words[0], name: words[1], where: where}
		sep := ","
		switch d.kind {
		case "request", "response", "event", "session", "struct":
		case "error", "choice", "anyof", "enum":
			sep = "|"
		default:
			return fmt.Errorf("%s: unknown kind %q", where, d.kind)
		}
		if t.named[d.name] != nil {
			return fmt.Errorf("%s: %s is there already, at %s", where, d.name, t.named[d.name].where)
		}
		for s := range strings.SplitSeq(body, sep) {
			s = strings.TrimSpace(s)
			switch {
			case s == "":
			case d.kind == "enum":
				d.values = append(d.values, s)
			default:
				m, err := parseMember(s)
				if err != nil {
					return fmt.Errorf("%s: %w", where, err)
				}
				m.optional = m.optional || sep == "|"
				d.members = append(d.members, m)
			}
		}
		t.defs = append(t.defs, d)
		t.named[d.name] = d
	}
	return lines.Err()
}

func parseMember(s string) (member, error) {
	if s == "#any" {
		return member{any: true}, nil
	}
	var m member
	if s[0] == '@' {
		m.attr, m.optional, s = true, true, s[1:]
	}
	name, typ, ok := strings.Cut(s, ":")
	if !ok {
		return m, fmt.Errorf("member %q: want name:Type", s)
	}
	m.name = name
	for len(typ) > 0 {
		switch typ[len(typ)-1] {
		case '?', '~':
			m.optional = true
		case '*':
			m.repeated = true
		default:
			if typ[0] == '[' {
				m.item, m.typ, ok = strings.Cut(strings.Trim(typ, "[]"), " ")
				if !ok {
					return m, fmt.Errorf("member %q: want name:[item Type]", s)
				}
				return m, nil
			}
			m.typ = typ
			return m, nil
		}
		typ = typ[:len(typ)-1]
	}
	return m, fmt.Errorf("member %q has no type", s)
}

// check says which types are used and not defined.
func (t *table) check() error {
	for _, d := range t.defs {
		for _, m := range d.members {
			if !m.any && goBuiltin[m.typ] == "" && t.named[m.typ] == nil {
				return fmt.Errorf("%s: %s has the unknown type %s", d.where, m.name, m.typ)
			}
		}
	}
	return nil
}
