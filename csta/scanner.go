package csta

import (
	"bytes"
	"fmt"
	"strings"
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
	inner := s.in[s.pos+begin : s.pos+begin+i]
	s.checkChars(inner)
	if begin == 4 {
		if bytes.Contains(inner, []byte("--")) || bytes.HasSuffix(inner, []byte("-")) {
			s.broken("-- within a comment")
			return
		}
	} else if !s.instruction(inner) {
		s.broken("%q is no processing instruction", clip(inner))
		return
	}
	s.pos += begin + i + len(end)
}

// instruction says whether a processing instruction has a target; xml is the declaration's, which has nothing before it but white space.
func (s *scanner) instruction(inner []byte) bool {
	target := inner
	if i := bytes.IndexAny(inner, " \t\r\n"); i >= 0 {
		target = inner[:i]
	}
	name := scanner{in: target}
	if len(name.readName()) < len(target) || !nameStart(target) {
		return false
	}
	return !bytes.EqualFold(target, []byte("xml")) || len(bytes.TrimSpace(s.in[:s.pos])) == 0
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

func (s *scanner) skipSpace() bool {
	start := s.pos
	for s.pos < len(s.in) && isSpace(s.in[s.pos]) {
		s.pos++
	}
	return s.pos > start
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

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
