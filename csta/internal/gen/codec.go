package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// scans writes the reading side: a scan method for every type, a list of values for every enumeration.
func scans(b *bytes.Buffer, t *table) {
	for _, d := range t.defs {
		if d.kind == "enum" {
			fmt.Fprintf(b, "var values%s = [...]%[1]s{", d.name)
			for _, v := range d.values {
				fmt.Fprintf(b, "%q, ", v)
			}
			b.WriteString("}\n\n")
			continue
		}
		t.scan(b, d)
	}
}

func (t *table) scan(b *bytes.Buffer, d *def) {
	fmt.Fprintf(b, "func (m *%s) scan(s *scanner) {\n", d.name)
	var elements []member
	for _, m := range d.members {
		switch {
		case m.attr:
			fmt.Fprintf(b, "m.%s = s.attr(%q)\n", title(m.name), m.name)
		case m.any:
		default:
			elements = append(elements, m)
		}
	}
	if len(elements) < len(d.members) && len(elements) == 0 {
		b.WriteString("m.Content = s.any()\n}\n\n")
		return
	}
	if slices.ContainsFunc(elements, func(m member) bool { return !m.repeated }) {
		b.WriteString("var seen marks\n")
	}
	if d.choice() {
		b.WriteString("n := 0\n")
	}
	b.WriteString("for s.child() {\n")
	if d.choice() {
		b.WriteString("n++\n")
	}
	b.WriteString("switch string(s.name) {\n")
	for i, m := range elements {
		fmt.Fprintf(b, "case %q:\n", m.name)
		if optionalNumber(t, m) {
			fmt.Fprintf(b, "m.%s = s.%sPtr(&seen, %d, %q)\n", title(m.name), m.typ, i, m.name)
			continue
		}
		if !m.repeated {
			fmt.Fprintf(b, "s.first(&seen, %d)\n", i)
		}
		t.scanMember(b, m)
		if d.choice() && t.textual(m.typ) && m.typ != "hexBinary" {
			fmt.Fprintf(b, "if m.%s == \"\" {\ns.wrongIn(\"is empty\")\n}\n", title(m.name))
		}
	}
	b.WriteString("default:\n")
	switch {
	case d.name == "Extensions":
		b.WriteString("s.unknown(s.tagStart(), &m)\n")
	case hasExtensions(d):
		b.WriteString("s.unknown(s.tagStart(), &m.Extensions)\n")
	default:
		if d.choice() {
			b.WriteString("n--\n")
		}
		b.WriteString("s.skip()\n")
	}
	b.WriteString("}\n}\n")
	if d.choice() {
		var names []string
		for _, m := range elements {
			names = append(names, m.name)
		}
		fmt.Fprintf(b, "s.one(n, %q)\n", strings.Join(names, ", "))
	}
	for i, m := range elements {
		if !m.optional && !m.repeated {
			fmt.Fprintf(b, "s.need(&seen, %d, %q)\n", i, m.name)
		}
	}
	b.WriteString("}\n\n")
}

// optionalNumber says whether a member is one of the thousands of optional booleans and numbers, which take one line each.
func optionalNumber(t *table, m member) bool {
	typ := t.goType(m)
	return typ == "*bool" || typ == "*int"
}

func hasExtensions(d *def) bool {
	for _, m := range d.members {
		if m.typ == "Extensions" {
			return true
		}
	}
	return false
}

func (t *table) scanMember(b *bytes.Buffer, m member) {
	field := "m." + title(m.name)
	one := m
	one.item, one.repeated, one.optional = "", false, false
	switch {
	case m.item != "":
		fmt.Fprintf(b, "%s = %s{}\nfor s.child() {\nif string(s.name) != %q {\ns.skip()\ncontinue\n}\n", field, t.goType(m), m.item)
		one.name = m.item
		fmt.Fprintf(b, "var v %s\n%s\n%s = append(%[3]s, v)\n}\n", t.goType(one), t.scanInto(one, "v"), field)
	case m.repeated:
		fmt.Fprintf(b, "var v %s\n%s\n%s = append(%[3]s, v)\n", t.goType(one), t.scanInto(one, "v"), field)
	case strings.HasPrefix(t.goType(m), "*"):
		fmt.Fprintf(b, "v := new(%s)\n%s\n%s = v\n", t.goType(one), t.scanInto(one, "*v"), field)
	default:
		fmt.Fprintf(b, "%s\n", t.scanInto(m, field))
	}
}

// scanInto is the statement that reads one value.
func (t *table) scanInto(m member, into string) string {
	typ := t.goType(member{name: m.name, typ: m.typ})
	switch m.typ {
	case "Empty":
		return into + " = true\ns.skip()"
	case "bool", "int", "float", "state":
		return fmt.Sprintf("%s = s.%s(%q)", into, m.typ, m.name)
	case "State":
		return fmt.Sprintf("%s = s.state(%q)", into, m.name)
	case "hexBinary":
		return fmt.Sprintf("%s = s.hex(%q)", into, m.name)
	case "Any":
		return into + " = s.any()"
	case "string":
		if typ == "string" {
			return into + " = s.text()"
		}
		return fmt.Sprintf("%s = %s(s.text())", into, typ)
	case "DeviceID":
		return into + " = DeviceID(s.trimmed())"
	}
	if d := t.named[m.typ]; d != nil && d.kind == "enum" {
		return fmt.Sprintf("%s = enum(s, %q, values%s[:])", into, m.name, m.typ)
	}
	return strings.TrimPrefix(into, "*") + ".scan(s)"
}

// writes writes the writing side.
func writes(b *bytes.Buffer, t *table) {
	for _, d := range t.defs {
		if d.kind == "enum" {
			continue
		}
		fmt.Fprintf(b, "func (m *%s) write(w *writer) {\n", d.name)
		for _, m := range d.members {
			if !m.attr {
				t.writeMember(b, d, m)
			}
		}
		if d.name == "Extensions" {
			b.WriteString("for i := range m.Unknown {\nw.any(&m.Unknown[i])\n}\n")
		}
		b.WriteString("}\n\n")
	}
}

func (t *table) writeMember(b *bytes.Buffer, d *def, m member) {
	if m.any {
		b.WriteString("w.any(&m.Content)\n")
		return
	}
	field := "m." + title(m.name)
	one := m
	one.item, one.repeated, one.optional = "", false, false
	goType := t.goType(m)
	switch {
	case m.item != "":
		one.name = m.item
		guard := m.optional
		if guard {
			fmt.Fprintf(b, "if %s != nil {\n", field)
		}
		fmt.Fprintf(b, "w.list(%q, len(%s))\nfor i := range %[2]s {\nv := &%[2]s[i]\n%[3]s\n}\nw.endList(%[1]q, len(%[2]s))\n", m.name, field, t.writeOne(one, "*v"))
		if guard {
			b.WriteString("}\n")
		}
	case m.repeated:
		fmt.Fprintf(b, "for i := range %s {\nv := &%[1]s[i]\n%[2]s\n}\n", field, t.writeOne(one, "*v"))
	case d.kind == "event" && m.name == "monitorCrossRefID":
		fmt.Fprintf(b, "w.ref(%s)\n", field)
	case m.name == "localConnectionInfo" && d.kind == "event":
		fmt.Fprintf(b, "w.local(%s)\n", field)
	case m.typ == "Empty":
		fmt.Fprintf(b, "if %s {\nw.empty(%q)\n}\n", field, m.name)
	case optionalNumber(t, m):
		fmt.Fprintf(b, "w.%sPtr(%q, %s)\n", m.typ, m.name, field)
	case strings.HasPrefix(goType, "*"):
		fmt.Fprintf(b, "if %s != nil {\n%s\n}\n", field, t.writeOne(one, "*"+field))
	case m.optional:
		zero := `""`
		if m.typ == "hexBinary" {
			zero = "nil"
		}
		fmt.Fprintf(b, "if %s != %s {\n%s\n}\n", field, zero, t.writeOne(one, field))
	default:
		fmt.Fprintf(b, "%s\n", t.writeOne(one, field))
	}
}

// writeOne is the statement that writes one value. from may be a dereference.
func (t *table) writeOne(m member, from string) string {
	switch m.typ {
	case "bool", "int", "float":
		return fmt.Sprintf("w.%s(%q, %s)", m.typ, m.name, from)
	case "hexBinary":
		return fmt.Sprintf("w.hex(%q, %s)", m.name, from)
	case "DeviceID":
		return fmt.Sprintf("w.device(%q, %s)", m.name, from)
	case "string", "State":
		return fmt.Sprintf("w.text(%q, string(%s))", m.name, from)
	case "Empty":
		return fmt.Sprintf("w.empty(%q)", m.name)
	case "Any":
		if ref, ok := strings.CutPrefix(from, "*"); ok {
			return fmt.Sprintf("w.wrapped(%q, %s)", m.name, ref)
		}
		return fmt.Sprintf("w.wrapped(%q, &%s)", m.name, from)
	}
	if d := t.named[m.typ]; d != nil && d.kind == "enum" {
		return fmt.Sprintf("w.text(%q, string(%s))", m.name, from)
	}
	ref := strings.TrimPrefix(from, "*")
	if attrs := t.attributes(m.typ); len(attrs) > 0 {
		s := fmt.Sprintf("w.openWith(%q", m.name)
		for _, a := range attrs {
			s += fmt.Sprintf(", %q, %s.%s", a.name, ref, title(a.name))
		}
		return s + fmt.Sprintf(")\n%s.write(w)\nw.close(%q)", ref, m.name)
	}
	return fmt.Sprintf("at%s := w.open(%q)\n%[3]s.write(w)\nw.closeAt(at%[1]s, %[2]q)", title(m.name), m.name, ref)
}

func (t *table) attributes(typ string) []member {
	var out []member
	if d := t.named[typ]; d != nil {
		for _, m := range d.members {
			if m.attr {
				out = append(out, m)
			}
		}
	}
	return out
}

// registry writes what goes by element name: reading and writing of a root, and the rewriting of requests. Each message is read in a function of
// its own: one function with a variable of every type would need a stack of 20 KB, which each new goroutine would have to grow to.
func registry(b *bytes.Buffer, t *table) {
	b.WriteString("// scanMessage reads the root that s is in, by its name.\nfunc scanMessage(name []byte, s *scanner) Message {\nswitch string(name) {\n")
	for _, d := range t.defs {
		if d.message() && d.kind != "error" {
			fmt.Fprintf(b, "case %q:\nreturn scan%[1]s(s)\n", d.name)
		}
	}
	b.WriteString("}\nreturn nil\n}\n\n")
	for _, d := range t.defs {
		if d.message() && d.kind != "error" {
			fmt.Fprintf(b, "//go:noinline\nfunc scan%s(s *scanner) Message {\nvar m %[1]s\nm.scan(s)\nreturn m\n}\n\nfunc (m %[1]s) put(w *writer) { m.write(w) }\n\n", d.name)
		}
	}
	b.WriteString("// elements are the names of all messages, by kind.\nvar elements = map[string][]string{\n")
	for _, kind := range []string{"request", "response", "event", "session"} {
		fmt.Fprintf(b, "%q: {", kind)
		for _, d := range t.defs {
			if d.kind == kind {
				fmt.Fprintf(b, "%q, ", d.name)
			}
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n\n// errorValues are the values of each category of CSTAErrorCode; nil where any text is allowed.\nvar errorValues = map[string]map[string]bool{\n")
	for _, m := range t.named["CSTAErrorCode"].members {
		if d := t.named[m.typ]; d != nil {
			fmt.Fprintf(b, "%q: {", m.name)
			for _, v := range d.values {
				fmt.Fprintf(b, "%q: true, ", v)
			}
			b.WriteString("},\n")
		} else {
			fmt.Fprintf(b, "%q: nil,\n", m.name)
		}
	}
	b.WriteString("}\n")
	for _, d := range t.defs {
		if d.kind != "request" {
			continue
		}
		var body strings.Builder
		t.rewriteMembers(&body, d, "m.")
		if body.Len() > 0 {
			fmt.Fprintf(b, "\nfunc (m %s) rewritten(w *rewriter) Request {\n%sreturn m\n}\n", d.name, body.String())
		}
	}
}

func (t *table) rewriteMembers(b *strings.Builder, d *def, prefix string) {
	for _, m := range d.members {
		if m.item != "" || m.repeated || m.any || m.attr {
			continue
		}
		field := prefix + title(m.name)
		switch {
		case m.typ == "DeviceID":
			fmt.Fprintf(b, "w.device(%q, &%s)\n", m.name, field)
		case m.typ == "ConnectionID" && m.optional:
			fmt.Fprintf(b, "w.connectionIn(%q, &%s)\n", m.name, field)
		case m.typ == "ConnectionID":
			fmt.Fprintf(b, "w.connection(%q, &%s)\n", m.name, field)
		case m.typ == "MonitorObject":
			t.rewriteMembers(b, t.named[m.typ], field+".")
		}
	}
}
