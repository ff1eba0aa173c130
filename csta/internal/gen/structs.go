package main

import (
	"bytes"
	"fmt"
	"strings"
)

// goBuiltin maps the schema's simple types, and the types that package csta writes by hand, to Go.
var goBuiltin = map[string]string{
	"string": "string", "bool": "bool", "int": "int", "float": "float64", "hexBinary": "HexBinary", "Empty": "bool",
	"DeviceID": "DeviceID", "ConnectionID": "ConnectionID", "State": "State", "Any": "Any",
}

// goRenamed gives members a type of their own where the schema says string.
var goRenamed = map[string]string{"monitorCrossRefID": "MonitorID"}

// title is a schema name as an exported Go name.
func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// goType is the Go type of a member.
func (t *table) goType(m member) string {
	if m.any {
		return "Any"
	}
	typ := goBuiltin[m.typ]
	if typ == "" {
		typ = m.typ
	}
	if n := goRenamed[m.name]; n != "" && typ == "string" {
		typ = n
	}
	switch {
	case m.item != "" || m.repeated:
		return "[]" + typ
	case !m.optional || t.textual(m.typ) || m.typ == "Empty":
		return typ
	}
	return "*" + typ
}

// textual says whether a type's zero value is the empty text, which stands for "absent".
func (t *table) textual(typ string) bool {
	switch typ {
	case "string", "DeviceID", "State", "hexBinary":
		return true
	}
	d := t.named[typ]
	return d != nil && d.kind == "enum"
}

func (t *table) fields(b *bytes.Buffer, d *def) {
	for _, m := range d.members {
		switch {
		case m.any:
			fmt.Fprintf(b, "\tContent Any `json:\"content,omitzero\"`\n")
			continue
		case m.optional || m.repeated:
			fmt.Fprintf(b, "\t%s %s `xml:\"%s\" json:\"%s,omitzero\"`\n", title(m.name), t.goType(m), xmlName(m), m.name)
		default:
			fmt.Fprintf(b, "\t%s %s `xml:\"%s\" json:\"%s\"`\n", title(m.name), t.goType(m), xmlName(m), m.name)
		}
	}
}

// xmlName is the path by which encoding/xml finds a member.
func xmlName(m member) string {
	switch {
	case m.item != "":
		return m.name + ">" + m.item
	case m.attr:
		return m.name + ",attr"
	}
	return m.name
}

func messages(b *bytes.Buffer, t *table) {
	for _, d := range t.defs {
		if !d.message() || d.kind == "error" {
			continue
		}
		what := d.kind
		if what == "session" {
			what = "message of an application session"
		}
		fmt.Fprintf(b, "// %s is the %s of that name.\ntype %[1]s struct {\n", d.name, what)
		t.fields(b, d)
		fmt.Fprintf(b, "}\n\n// Element is the name of the message on the wire.\nfunc (%s) Element() string { return %[1]q }\n", d.name)
		switch d.kind {
		case "request":
			fmt.Fprintf(b, "\n// Service is the name of the service asked for.\nfunc (%s) Service() Service { return %[1]q }\n", d.name)
			if !t.hand[d.name] {
				needs(b, d)
			}
		case "response":
			fmt.Fprintf(b, "\nfunc (%s) answers() Service { return %q }\n", d.name, strings.TrimSuffix(d.name, "Response"))
		case "event":
			fmt.Fprintf(b, "\nfunc (%s) event() {}\n", d.name)
		}
		b.WriteString("\n")
	}
}

// needs writes the careful default of Request.Needs: control of every device that is a member of the request.
func needs(b *bytes.Buffer, d *def) {
	fmt.Fprintf(b, "\n// Needs of %s: control of every device that it names.\nfunc (m %[1]s) Needs() []Need {\n\tvar n []Need\n", d.name)
	for _, m := range d.members {
		field := "m." + title(m.name)
		switch {
		case m.item != "" || m.repeated:
		case m.typ == "DeviceID" && m.optional:
			fmt.Fprintf(b, "\tif %s != \"\" {\n\t\tn = append(n, Need{%q, %[1]s, Control})\n\t}\n", field, m.name)
		case m.typ == "DeviceID":
			fmt.Fprintf(b, "\tn = append(n, Need{%q, %s, Control})\n", m.name, field)
		case m.typ == "ConnectionID" && m.optional:
			fmt.Fprintf(b, "\tif %s != nil {\n\t\tn = append(n, Need{%q, %[1]s.Device, Control})\n\t}\n", field, m.name)
		case m.typ == "ConnectionID":
			fmt.Fprintf(b, "\tn = append(n, Need{%q, %s.Device, Control})\n", m.name, field)
		}
	}
	b.WriteString("\treturn n\n}\n")
}

func types(b *bytes.Buffer, t *table) {
	for _, d := range t.defs {
		if d.message() && d.kind != "error" || d.kind == "enum" {
			continue
		}
		note := ""
		switch d.kind {
		case "choice", "error":
			note = ": exactly one of its members"
		case "anyof":
			note = ": any of its members"
		}
		fmt.Fprintf(b, "// %s is the type of that name%s.\ntype %[1]s struct {\n", d.name, note)
		t.fields(b, d)
		if d.name == "Extensions" {
			b.WriteString("\t// Unknown are the elements, of any namespace, that the standard does not name; whole, with their tags.\n")
			b.WriteString("\tUnknown []Any `xml:\"-\" json:\"unknown,omitzero\"`\n")
		}
		b.WriteString("}\n\n")
	}
}

// constPrefix shortens the names of the constants that are written most.
var constPrefix = map[string]string{"EventCause": "Cause", "SystemStatusValue": "Status", "ForwardingType": ""}

func enums(b *bytes.Buffer, t *table) {
	for _, d := range t.defs {
		if d.kind != "enum" {
			continue
		}
		prefix, ok := constPrefix[d.name]
		if !ok {
			prefix = d.name
		}
		fmt.Fprintf(b, "// %s is the enumeration of that name.\ntype %[1]s string\n\n// Its values.\nconst (\n", d.name)
		for _, v := range d.values {
			fmt.Fprintf(b, "\t%s%s %s = %q\n", prefix, title(strings.NewReplacer(":", "", "-", "").Replace(v)), d.name, v)
		}
		b.WriteString(")\n\n")
	}
}
