package ami

import (
	"fmt"
	"strings"
)

// Kind is what a field may hold. Nothing that a kind doesn't allow ever reaches the wire: a line end would begin another header, a blank
// line another action.
type Kind uint8

// The kinds of field.
const (
	// Number is dialled digits: 0-9, *, #, +, letters, dot, underscore and dash.
	Number Kind = iota
	// Channel is the full name of one channel: never a regular expression, which begins with a slash, and never a list.
	Channel
	// Word is a name in Asterisk's configuration: contexts, families, mailboxes, identifiers, device states.
	Word
	// Digit is one DTMF digit.
	Digit
	// Count is a whole number of up to nine digits.
	Count
	// Text is printable, without a comma (which begins another variable) and with semicolons escaped. Configuration only.
	Text
)

var kinds = [...]struct {
	name, allowed string // beside letters and digits
	max           int
}{
	Number:  {"number", "*#+._-", 80},
	Channel: {"channel", "/._-@;+*#:&=", 160},
	Word:    {"word", "._-@:+*#()/", 80},
	Digit:   {"DTMF digit", "*#", 1},
	Count:   {"count", "", 9},
	Text:    {"text", "", 300},
}

// Check says what is wrong with a value, as a sentence without its subject.
func (k Kind) Check(v string) error {
	row := kinds[k]
	switch {
	case v == "":
		return fmt.Errorf("is empty, want a %s", row.name)
	case len(v) > row.max:
		return fmt.Errorf("has %d characters, at most %d make a %s", len(v), row.max, row.name)
	case k == Channel && (v[0] == '/' || !strings.Contains(v, "/")):
		return fmt.Errorf("%q is no %s name", v, row.name)
	}
	for _, c := range []byte(v) {
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		ok := alnum || strings.IndexByte(row.allowed, c) >= 0
		switch k {
		case Digit:
			ok = c >= '0' && c <= '9' || c >= 'A' && c <= 'D' || c == '*' || c == '#'
		case Count:
			ok = c >= '0' && c <= '9'
		case Text:
			ok = c >= ' ' && c < 0x7f && c != ','
		case Number, Channel, Word:
		}
		if !ok {
			return fmt.Errorf("has %q, which no %s has", c, row.name)
		}
	}
	return nil
}

// Action is something that Asterisk is asked to do. What was wrong with a field is told when the action is sent.
type Action struct {
	name   string
	fields []string
	err    error
}

// NewAction begins an action.
func NewAction(name string) *Action { return &Action{name: name} }

// With adds a header, if its value is what the kind allows.
func (a *Action) With(header string, k Kind, value string) *Action {
	if err := k.Check(value); err != nil && a.err == nil {
		a.err = &FieldError{Action: a.name, Field: header, Err: err}
	}
	if k == Text {
		value = strings.ReplaceAll(value, ";", `\;`)
	}
	a.fields = append(a.fields, header+": "+value)
	return a
}

// Variable adds a channel variable, or a dialplan function's value: one header each.
func (a *Action) Variable(name string, k Kind, value string) *Action {
	if err := k.Check(value); err != nil && a.err == nil {
		a.err = &FieldError{Action: a.name, Field: name, Err: err}
	}
	a.fields = append(a.fields, "Variable: "+name+"="+strings.ReplaceAll(value, ";", `\;`))
	return a
}

// Fixed adds a header whose value is the program's own.
func (a *Action) Fixed(header, value string) *Action {
	a.fields = append(a.fields, header+": "+value)
	return a
}

// Name is what is to be done.
func (a *Action) Name() string { return a.name }

// FieldError is a field that must not be sent.
type FieldError struct {
	Action, Field string
	Err           error
}

func (e *FieldError) Error() string { return fmt.Sprintf("ami: %s: %s %v", e.Action, e.Field, e.Err) }

// Unwrap gives what was wrong.
func (e *FieldError) Unwrap() error { return e.Err }

// encode is the action as it goes out.
func (a *Action) encode(id string) ([]byte, error) {
	if a.err != nil {
		return nil, a.err
	}
	b := make([]byte, 0, 256)
	b = append(b, "Action: "...)
	b = append(b, a.name...)
	b = append(b, "\r\nActionID: "...)
	b = append(b, id...)
	for _, f := range a.fields {
		if strings.ContainsAny(f, "\r\n\x00") { // whatever came about: never a second line
			return nil, &FieldError{a.name, "a field", fmt.Errorf("has a line end")}
		}
		b = append(b, "\r\n"...)
		b = append(b, f...)
	}
	return append(b, "\r\n\r\n"...), nil
}
