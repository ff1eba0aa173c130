package csta

import (
	"fmt"
	"strings"
)

// Limits of a body (before meaning).
const (
	MaxBody  = 64 << 10 // octets
	MaxDepth = 32       // nested elements
)

// SyntaxError says why a body is no CSTA document.
type SyntaxError struct {
	Offset int    // octets from the start, after conversion to UTF-8
	Reason string // lower case, no full stop
	Large  bool   // the body is larger than MaxBody
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("csta: octet %d: %s", e.Offset, e.Reason) }

// Unknown is a message of a known edition whose element the tables don't have: a service to be refused by name.
type Unknown struct{ Name string }

// Element is its name on the wire.
func (u Unknown) Element() string { return u.Name }

// Decode reads one document: its message and the edition it was written in.
//
// A document that isn't one (broken XML, a DOCTYPE, too deep, too large, unknown encoding, foreign root) gives a *SyntaxError;
// a known message with a member missing or malformed gives an *Error (operation/invalidParameterValue) whose cause names the member.
// The edition is told with either where it is known. A root without a namespace is taken as ed3.
func Decode(body []byte) (Message, Edition, error) {
	if len(body) > MaxBody {
		return nil, "", &SyntaxError{Reason: fmt.Sprintf("the body has %d octets, %d are allowed", len(body), MaxBody), Large: true}
	}
	in, err := toUTF8(body)
	if err != nil {
		return nil, "", err
	}
	s := scanner{in: in}
	s.open = make([]element, 0, 8)
	if !s.prolog() {
		return nil, "", s.syntax
	}
	ed := Edition(s.ns)
	if ed == "" {
		ed = Ed3
	}
	name := string(s.name)
	if (ed == ApplicationSession) != sessionMessage(name) {
		if e := wellFormed(in); e != nil {
			return nil, ed, e
		}
		return Unknown{name}, ed, nil
	}
	m := scanRoot(&s)
	if s.syntax == nil && s.member == nil {
		s.epilog()
	}
	switch {
	case s.syntax != nil:
		return nil, ed, s.syntax
	case s.member != nil:
		if e := wellFormed(in); e != nil {
			return nil, ed, e
		}
		return nil, ed, ErrInvalidParameterValue.With(s.member)
	case m == nil:
		return Unknown{name}, ed, nil
	}
	return m, ed, nil
}

// wellFormed reads over a whole document. nil: it is one.
func wellFormed(in []byte) *SyntaxError {
	s := scanner{in: in}
	if s.prolog() {
		s.skip()
		s.epilog()
	}
	return s.syntax
}

// sessionMessage says whether an element is one of ECMA-354's: they alone have these words in their names.
func sessionMessage(name string) bool { return strings.Contains(name, "ApplicationSession") }

func scanRoot(s *scanner) Message {
	if string(s.name) == "CSTAErrorCode" {
		return scanError(s)
	}
	m := scanMessage(s.name, s)
	if m == nil {
		s.skip()
	}
	return m
}

// prolog goes into the root: past the declaration, comments and white space.
func (s *scanner) prolog() bool {
	for {
		s.skipSpace()
		switch {
		case s.pos >= len(s.in):
			s.broken("there is no document")
			return false
		case s.has("<!--"), s.has("<?"):
			s.skipMisc()
		case s.has("<!"):
			s.broken("a DOCTYPE, which is not allowed")
		case s.has("<"):
			s.startTag()
			if s.syntax == nil && s.ns != "" && s.ns != string(ApplicationSession) && !isEdition(s.ns) {
				s.broken("the root's namespace is %q, which is no edition of ECMA-323", clip([]byte(s.ns)))
			}
			return s.syntax == nil
		default:
			s.broken("text before the root")
		}
		if s.syntax != nil {
			return false
		}
	}
}

// epilog insists that nothing but comments follows the root.
func (s *scanner) epilog() {
	for s.syntax == nil {
		s.skipSpace()
		switch {
		case s.pos >= len(s.in):
			return
		case s.has("<!--"), s.has("<?"):
			s.skipMisc()
		default:
			s.broken("something follows the root")
		}
	}
}

func isEdition(ns string) bool {
	for _, e := range editions {
		if string(e) == ns {
			return true
		}
	}
	return false
}

// scanError reads CSTAErrorCode. Values that the tables don't have become generic; the well spelt systemResourceAvailability is
// taken for the standard's own.
func scanError(s *scanner) Message {
	e := &Error{}
	for s.child() {
		category := string(s.name)
		if category == "systemResourceAvailability" {
			category = ErrSystemResource.Category
		}
		if e.Category != "" {
			s.wrong("has two categories")
			return e
		}
		values, ok := errorValues[category]
		if !ok {
			s.skip()
			continue
		}
		e.Category, e.Value = category, string(s.trimmed())
		switch {
		case values == nil:
		case !values[e.Value]:
			e.Value = "generic"
		}
	}
	if e.Category == "" {
		s.wrong("has no category of errors")
	}
	return e
}

// Encode appends m as a document in edition ed, with XML declaration, without white space between elements.
func Encode(dst []byte, m Message, ed Edition) []byte { return EncodeSpelled(dst, m, ed, nil) }

// EncodeSpelled is Encode with every device written as spell has it; nil writes them as they are.
func EncodeSpelled(dst []byte, m Message, ed Edition, spell func(DeviceID) string) []byte {
	w := writer{b: dst, spell: spell}
	w.message(m, ed)
	return w.b
}

func (w *writer) message(m Message, ed Edition) {
	name := m.Element()
	mark := w.root(name, ed)
	switch m := m.(type) {
	case *Error:
		w.error(m)
	case interface{ put(*writer) }:
		m.put(w)
	}
	w.closeAt(mark, name)
}

func (w *writer) error(e *Error) {
	switch values, ok := errorValues[e.Category]; {
	case !ok || e.Category == ErrUnspecified.Category:
		w.empty(ErrUnspecified.Category)
	case values != nil && !values[e.Value]:
		w.text(e.Category, genericOf(values))
	default:
		w.text(e.Category, e.Value)
	}
}

// genericOf is what stands for a value that the tables don't have: generic, or, where the category has no such, its only one.
func genericOf(values map[string]bool) string {
	if !values["generic"] {
		for only := range values {
			return only
		}
	}
	return "generic"
}

// Rewrite gives a copy of r in which every device and connection that is a member of the request itself (or of its monitorObject) is
// what the functions make of it. Absent optional members are not shown to them. The first error ends it, and is
// returned as it is. Lists and other nested structures are not touched.
func Rewrite(r Request, device func(member string, d DeviceID) (DeviceID, error),
	connection func(member string, c ConnectionID) (ConnectionID, error),
) (Request, error) {
	w := rewriter{onDevice: device, onConnection: connection}
	if m, ok := r.(interface{ rewritten(*rewriter) Request }); ok {
		r = m.rewritten(&w)
	}
	return r, w.err
}

type rewriter struct {
	onDevice     func(string, DeviceID) (DeviceID, error)
	onConnection func(string, ConnectionID) (ConnectionID, error)
	err          error
}

func (w *rewriter) device(name string, d *DeviceID) {
	if w.err == nil && *d != "" {
		*d, w.err = w.onDevice(name, *d)
	}
}

func (w *rewriter) connection(name string, c *ConnectionID) {
	if w.err == nil {
		*c, w.err = w.onConnection(name, *c)
	}
}

// connectionIn rewrites into a copy: the request that we were given stays as it was.
func (w *rewriter) connectionIn(name string, c **ConnectionID) {
	if *c != nil {
		v := **c
		w.connection(name, &v)
		*c = &v
	}
}
