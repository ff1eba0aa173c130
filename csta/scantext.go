package csta

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

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
	if len(bytes.TrimSpace(b)) == 0 {
		return
	}
	if bytes.Contains(b, []byte("]]>")) {
		s.broken("]]> within text")
		return
	}
	s.unescape(b)
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
