package csta

import (
	"bytes"
	"slices"
)

// resolve finds the namespaces of the tag just read: every prefix must be declared, no attribute may be there twice.
func (s *scanner) resolve(qname []byte) {
	prefix, local, ok := cutName(qname)
	if !ok {
		s.broken("%q is not a name", clip(qname))
		return
	}
	uri, ok := s.lookup(prefix)
	if !ok {
		s.broken("the prefix %q is not declared", clip(prefix))
		return
	}
	for i, a := range s.attrs {
		if _, ok := s.lookup(a.prefix); len(a.prefix) > 0 && !ok {
			s.broken("the prefix %q is not declared", clip(a.prefix))
			return
		}
		for _, b := range s.attrs[:i] {
			if bytes.Equal(a.local, b.local) && bytes.Equal(a.prefix, b.prefix) {
				s.broken("the attribute %q is there twice", clip(a.local))
				return
			}
		}
	}
	s.name = local
	if len(s.open) == 1 {
		s.ns = uri
	} else if uri != "" && uri != s.ns {
		s.name = nil
	}
}

func (s *scanner) lookup(prefix []byte) (string, bool) {
	for _, n := range slices.Backward(s.scope) {
		if n.Prefix == string(prefix) {
			return n.URI, true
		}
	}
	if string(prefix) == "xml" {
		return "http://www.w3.org/XML/1998/namespace", true
	}
	return "", len(prefix) == 0
}

const maxAttributes = 64

func (s *scanner) attribute() {
	qname := s.readName()
	prefix, local, ok := cutName(qname)
	if len(qname) == 0 || !ok {
		s.broken("not an attribute: %q", clip(s.in[s.pos:]))
		return
	}
	s.skipSpace()
	if !s.has("=") {
		s.broken("the attribute %q has no value", clip(qname))
		return
	}
	s.pos++
	s.skipSpace()
	if !s.has(`"`) && !s.has("'") {
		s.broken("the value of %q is not quoted", clip(qname))
		return
	}
	quote := s.in[s.pos]
	s.pos++
	i := bytes.IndexByte(s.in[s.pos:], quote)
	if i < 0 {
		s.broken("the value of %q does not end", clip(qname))
		return
	}
	raw := s.in[s.pos : s.pos+i]
	if bytes.IndexByte(raw, '<') >= 0 {
		s.broken("< within an attribute")
		return
	}
	value := s.unescape(raw)
	s.pos += i + 1
	if len(s.attrs)+len(s.scope) >= maxAttributes {
		s.broken("more than %d attributes", maxAttributes)
		return
	}
	switch {
	case string(qname) == "xmlns":
		s.declare("", value)
	case string(prefix) == "xmlns":
		if len(value) == 0 || string(local) == "xmlns" {
			s.broken("xmlns:%s is no declaration", clip(local))
			return
		}
		s.declare(string(local), value)
	default:
		s.attrs = append(s.attrs, attribute{prefix, local, value})
	}
}

// declare enters a namespace declaration of the tag being read. Editions are not copied.
func (s *scanner) declare(prefix string, uri []byte) {
	for _, n := range s.scope[s.open[len(s.open)-1].scope:] {
		if n.Prefix == prefix {
			s.broken("the namespace declaration %q is there twice", prefix)
			return
		}
	}
	s.scope = append(s.scope, Namespace{prefix, knownURI(uri)})
}

func knownURI(uri []byte) string {
	for _, e := range editions {
		if string(e) == string(uri) {
			return string(e)
		}
	}
	return string(uri)
}

// readName reads a qualified name; other characters than those of names end it.
func (s *scanner) readName() []byte {
	start, ascii := s.pos, true
	for s.pos < len(s.in) {
		c := s.in[s.pos]
		ascii = ascii && c < 0x80
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == ':' || c == '-' || c == '.' || c >= 0x80 {
			s.pos++
			continue
		}
		break
	}
	name := s.in[start:s.pos]
	if !ascii {
		s.checkChars(name)
	}
	return name
}

// cutName takes prefix:local apart. It is not ok where either starts as no name may.
func cutName(qname []byte) (prefix, local []byte, ok bool) {
	local = qname
	if i := bytes.IndexByte(qname, ':'); i >= 0 {
		prefix, local = qname[:i], qname[i+1:]
		ok = nameStart(prefix) && nameStart(local) && bytes.IndexByte(local, ':') < 0
		return prefix, local, ok
	}
	return nil, local, nameStart(local)
}

func nameStart(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	c := b[0]
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}
