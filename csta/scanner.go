package csta

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// scanner is a small strict reader of XML 1.0 with namespaces, over a whole document in UTF-8. The first mistake stays in err, and
// from then on every method does nothing, so that the generated code need not ask after each step.
type scanner struct {
	in     []byte
	pos    int
	ns     string      // namespace of the root: ours
	open   []element   // elements that we are in
	scope  []Namespace // declarations in scope, innermost last
	attrs  []attribute // of the start tag just read
	name   []byte      // local name of the child just read; empty where it is foreign
	empty  bool        // that child was <x/>: it has no content and no end tag
	syntax *SyntaxError
	closed []byte // name of the element just left
	member error  // first member that is missing or malformed
}

type element struct {
	qname []byte
	scope int // len(scope) before its declarations
}

type attribute struct {
	prefix, local []byte
	value         []byte // unescaped
}

// marks remembers which members of a type were seen, by their index.
type marks [4]uint64

func (s *scanner) failed() bool { return s.syntax != nil || s.member != nil }

func (s *scanner) broken(format string, args ...any) {
	if s.syntax == nil {
		s.syntax = &SyntaxError{Offset: s.pos, Reason: fmt.Sprintf(format, args...)}
	}
}

// wrong notes a member that cannot be taken. Its path is that of the element we are in.
func (s *scanner) wrong(format string, args ...any) {
	if s.member == nil {
		s.member = fmt.Errorf("%s: %s", s.path(), fmt.Sprintf(format, args...))
	}
}

// wrongIn is wrong for an element that was left just now.
func (s *scanner) wrongIn(format string, args ...any) {
	if s.failed() {
		return
	}
	s.open = append(s.open, element{qname: s.closed})
	s.wrong(format, args...)
	s.open = s.open[:len(s.open)-1]
}

func (s *scanner) path() string {
	var b strings.Builder
	for i, e := range s.open {
		if i > 0 {
			b.WriteByte('/')
		}
		_, local, _ := cutName(e.qname)
		b.Write(local)
	}
	return b.String()
}

// first marks a member as seen; a second time is a mistake.
func (s *scanner) first(seen *marks, i int) {
	if seen[i>>6]&(1<<(i&63)) != 0 {
		s.wrong("is there twice")
	}
	seen[i>>6] |= 1 << (i & 63)
}

// need says that a member is missing, unless it was seen.
func (s *scanner) need(seen *marks, i int, name string) {
	if seen[i>>6]&(1<<(i&63)) == 0 {
		s.wrongIn("%s is missing", name)
	}
}

// one says when a choice has not exactly one member.
func (s *scanner) one(n int, names string) {
	if n != 1 {
		s.wrongIn("has %d of %s, want one", n, names)
	}
}

// child goes to the next child of the element we are in, and is in that child then. false: the element has ended.
func (s *scanner) child() bool {
	for !s.failed() {
		if s.empty {
			s.empty = false
			s.pop()
			return false
		}
		i := bytes.IndexByte(s.in[s.pos:], '<')
		if i < 0 {
			s.broken("the document ends within <%s>", s.open[len(s.open)-1].qname)
			return false
		}
		s.checkText(s.in[s.pos : s.pos+i])
		s.pos += i
		switch {
		case s.has("<!--"), s.has("<?"):
			s.skipMisc()
		case s.has("<![CDATA["):
			s.cdata()
		case s.has("<!"):
			s.broken("a declaration within an element")
		case s.has("</"):
			s.endTag()
			return false
		default:
			s.startTag()
			return !s.failed()
		}
	}
	return false
}

func (s *scanner) has(prefix string) bool {
	return len(s.in)-s.pos >= len(prefix) && string(s.in[s.pos:s.pos+len(prefix)]) == prefix
}

func (s *scanner) skipMisc() {
	end, begin := "-->", 4
	if s.in[s.pos+1] == '?' {
		end, begin = "?>", 2
	}
	i := bytes.Index(s.in[s.pos+begin:], []byte(end))
	if i < 0 {
		s.broken("%q does not end", s.in[s.pos:s.pos+begin])
		return
	}
	s.checkChars(s.in[s.pos+begin : s.pos+begin+i])
	s.pos += begin + i + len(end)
}

// cdata gives the octets of a CDATA section, and goes behind it.
func (s *scanner) cdata() []byte {
	const begin = len("<![CDATA[")
	i := bytes.Index(s.in[s.pos+begin:], []byte("]]>"))
	if i < 0 {
		s.broken("a CDATA section does not end")
		return nil
	}
	text := s.in[s.pos+begin : s.pos+begin+i]
	s.checkChars(text)
	s.pos += begin + i + 3
	return text
}

func (s *scanner) endTag() {
	i := bytes.IndexByte(s.in[s.pos:], '>')
	if i < 0 {
		s.broken("an end tag does not end")
		return
	}
	name := bytes.TrimRight(s.in[s.pos+2:s.pos+i], " \t\r\n")
	if want := s.open[len(s.open)-1].qname; !bytes.Equal(name, want) {
		s.broken("</%s> where </%s> belongs", clip(name), want)
		return
	}
	s.pos += i + 1
	s.pop()
}

func (s *scanner) pop() {
	last := s.open[len(s.open)-1]
	s.scope = s.scope[:last.scope]
	s.closed = last.qname
	s.open = s.open[:len(s.open)-1]
}

// startTag reads <name attributes> and goes into it.
func (s *scanner) startTag() {
	s.pos++
	qname := s.readName()
	if len(qname) == 0 {
		s.broken("a tag without a name")
		return
	}
	if len(s.open) >= MaxDepth {
		s.broken("more than %d elements deep", MaxDepth)
		return
	}
	s.open = append(s.open, element{qname, len(s.scope)})
	s.attrs = s.attrs[:0]
	for {
		space := s.skipSpace()
		switch {
		case s.has("/>"):
			s.pos += 2
			s.empty = true
		case s.has(">"):
			s.pos++
		case s.pos >= len(s.in) || !space:
			s.broken("<%s> is not a tag", clip(qname))
			return
		default:
			if s.attribute(); s.syntax != nil {
				return
			}
			continue
		}
		break
	}
	s.resolve(qname)
}

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
	start := s.pos
	for s.pos < len(s.in) {
		c := s.in[s.pos]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == ':' || c == '-' || c == '.' || c >= 0x80 {
			s.pos++
			continue
		}
		break
	}
	return s.in[start:s.pos]
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

func (s *scanner) skipSpace() bool {
	start := s.pos
	for s.pos < len(s.in) && isSpace(s.in[s.pos]) {
		s.pos++
	}
	return s.pos > start
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// text is the whole text of the element we are in, and leaves it. Comments within it are dropped.
func (s *scanner) text() string { return string(s.octets()) }

// octets is text without the copy, where that is possible.
func (s *scanner) octets() []byte {
	if s.empty {
		s.empty = false
		s.pop()
		return nil
	}
	var out []byte
	for !s.failed() {
		i := bytes.IndexByte(s.in[s.pos:], '<')
		if i < 0 {
			s.broken("the document ends within <%s>", s.open[len(s.open)-1].qname)
			return nil
		}
		part := s.in[s.pos : s.pos+i]
		if bytes.Contains(part, []byte("]]>")) {
			s.broken("]]> within text")
			return nil
		}
		part = s.unescape(part)
		s.pos += i
		switch {
		case s.has("</"):
			s.endTag()
			if out == nil {
				return part
			}
			return append(out, part...)
		case s.has("<!--"), s.has("<?"):
			out = append(out, part...)
			s.skipMisc()
		case s.has("<![CDATA["):
			out = append(append(out, part...), s.cdata()...)
		default:
			s.wrong("has elements where text belongs")
		}
	}
	return nil
}

// unescape resolves the predefined entities and character references, and normalises line ends (XML 1.0, 2.11).
func (s *scanner) unescape(raw []byte) []byte {
	s.checkChars(raw)
	if bytes.IndexByte(raw, '&') < 0 && bytes.IndexByte(raw, '\r') < 0 {
		return raw
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '\r':
			if i+1 < len(raw) && raw[i+1] == '\n' {
				continue
			}
			out = append(out, '\n')
		case '&':
			end := bytes.IndexByte(raw[i:], ';')
			if end < 0 {
				s.broken("& without ;")
				return nil
			}
			r, ok := reference(string(raw[i+1 : i+end]))
			if !ok {
				s.broken("%q is no entity that may be used", clip(raw[i:i+end+1]))
				return nil
			}
			out = utf8.AppendRune(out, r)
			i += end
		default:
			out = append(out, raw[i])
		}
	}
	return out
}

func reference(name string) (rune, bool) {
	switch name {
	case "amp":
		return '&', true
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, ok := strings.CutPrefix(name, "#")
	base := 10
	if hex, isHex := strings.CutPrefix(digits, "x"); isHex {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	return rune(n), ok && err == nil && n <= utf8.MaxRune && xmlChar(rune(n))
}

func xmlChar(r rune) bool {
	return r >= 0x20 && r <= 0xD7FF || r == '\t' || r == '\n' || r == '\r' || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= utf8.MaxRune
}

// checkText is checkChars for text between elements, where entities must be good too.
func (s *scanner) checkText(b []byte) {
	if len(bytes.TrimSpace(b)) > 0 {
		s.unescape(b)
	}
}

func (s *scanner) checkChars(b []byte) {
	for i := 0; i < len(b); {
		if c := b[i]; c < utf8.RuneSelf {
			if c < 0x20 && !isSpace(c) {
				s.broken("the control character %#x", c)
				return
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 || !xmlChar(r) {
			s.broken("octets that are no character")
			return
		}
		i += n
	}
}

// skip reads over the element we are in.
func (s *scanner) skip() {
	depth := len(s.open)
	for len(s.open) >= depth && !s.failed() {
		s.child()
	}
}

func clip(b []byte) []byte { return b[:min(len(b), 40)] }

// attr is an attribute, without a prefix, of the start tag just read.
func (s *scanner) attr(name string) string {
	for _, a := range s.attrs {
		if len(a.prefix) == 0 && string(a.local) == name {
			return string(a.value)
		}
	}
	return ""
}
