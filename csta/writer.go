package csta

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"
)

// writer appends a document. With holes set it leaves open what a Template fills in for each hearer.
type writer struct {
	b     []byte
	spell func(DeviceID) string
	holes *[]hole
}

const declaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// root opens the document; it says whether the root stays open for content.
func (w *writer) root(name string, ed Edition) int {
	w.b = append(w.b, declaration...)
	w.b = append(w.b, '<')
	w.b = append(w.b, name...)
	w.b = append(w.b, ` xmlns="`...)
	w.b = append(w.b, ed...)
	w.b = append(w.b, `">`...)
	return w.mark()
}

// mark is where we are, so that closeAt can tell whether anything was written since.
func (w *writer) mark() int {
	if w.holes != nil {
		return len(w.b) + len(*w.holes)<<32
	}
	return len(w.b)
}

func (w *writer) open(name string) int {
	w.b = append(w.b, '<')
	w.b = append(w.b, name...)
	w.b = append(w.b, '>')
	return w.mark()
}

// openWith opens an element with attributes, given as name, value pairs; empty values are left out.
func (w *writer) openWith(name string, attrs ...string) {
	w.b = append(w.b, '<')
	w.b = append(w.b, name...)
	for i := 0; i < len(attrs); i += 2 {
		if attrs[i+1] != "" {
			w.attr(attrs[i], attrs[i+1])
		}
	}
	w.b = append(w.b, '>')
}

func (w *writer) attr(name, value string) {
	w.b = append(w.b, ' ')
	w.b = append(w.b, name...)
	w.b = append(w.b, `="`...)
	w.b = appendEscaped(w.b, value)
	w.b = append(w.b, '"')
}

func (w *writer) close(name string) {
	w.b = append(w.b, '<', '/')
	w.b = append(w.b, name...)
	w.b = append(w.b, '>')
}

// closeAt closes an element that was opened at a mark: <x></x> becomes <x/>.
func (w *writer) closeAt(mark int, name string) {
	if w.mark() == mark {
		w.b[len(w.b)-1] = '/'
		w.b = append(w.b, '>')
		return
	}
	w.close(name)
}

func (w *writer) empty(name string) {
	w.b = append(w.b, '<')
	w.b = append(w.b, name...)
	w.b = append(w.b, '/', '>')
}

func (w *writer) list(name string, n int) {
	if n == 0 {
		w.empty(name)
		return
	}
	w.open(name)
}

func (w *writer) endList(name string, n int) {
	if n > 0 {
		w.close(name)
	}
}

func (w *writer) text(name, value string) {
	w.open(name)
	w.b = appendEscaped(w.b, value)
	w.close(name)
}

func (w *writer) bool(name string, v bool) {
	w.open(name)
	w.b = strconv.AppendBool(w.b, v)
	w.close(name)
}

func (w *writer) int(name string, v int) {
	w.open(name)
	w.b = strconv.AppendInt(w.b, int64(v), 10)
	w.close(name)
}

func (w *writer) boolPtr(name string, v *bool) {
	if v != nil {
		w.bool(name, *v)
	}
}

func (w *writer) intPtr(name string, v *int) {
	if v != nil {
		w.int(name, *v)
	}
}

func (w *writer) float(name string, v float64) {
	w.open(name)
	w.b = strconv.AppendFloat(w.b, v, 'f', -1, 64)
	w.close(name)
}

func (w *writer) hex(name string, v HexBinary) {
	w.open(name)
	at := len(w.b)
	w.b = hex.AppendEncode(w.b, v)
	copy(w.b[at:], bytes.ToUpper(w.b[at:]))
	w.close(name)
}

// device writes a device in the hearer's spelling.
func (w *writer) device(name string, d DeviceID) {
	w.open(name)
	switch {
	case w.holes != nil:
		*w.holes = append(*w.holes, hole{at: len(w.b), kind: holeDevice, device: d})
	case w.spell != nil:
		w.b = appendEscaped(w.b, w.spell(d))
	default:
		w.b = appendEscaped(w.b, string(d))
	}
	w.close(name)
}

// ref writes the monitorCrossRefID of an event.
func (w *writer) ref(id MonitorID) {
	if w.holes == nil {
		w.text("monitorCrossRefID", string(id))
		return
	}
	w.open("monitorCrossRefID")
	*w.holes = append(*w.holes, hole{at: len(w.b), kind: holeRef})
	w.close("monitorCrossRefID")
}

// local writes the localConnectionInfo of an event.
func (w *writer) local(s State) {
	switch {
	case w.holes != nil:
		*w.holes = append(*w.holes, hole{at: len(w.b), kind: holeLocal})
	case s != "":
		w.text("localConnectionInfo", string(s))
	}
}

// write writes callID and deviceID, each where there is one.
func (c *ConnectionID) write(w *writer) {
	if c.Call != "" {
		w.text("callID", string(c.Call))
	}
	if c.Device != "" {
		w.device("deviceID", c.Device)
	}
}

// wrapped writes foreign content within an element of ours, with the declarations it needs.
func (w *writer) wrapped(name string, a *Any) {
	w.b = append(w.b, '<')
	w.b = append(w.b, name...)
	for _, n := range a.Scope {
		if n.Prefix != "" {
			w.attr("xmlns:"+n.Prefix, n.URI)
		}
	}
	w.b = append(w.b, '>')
	mark := w.mark()
	w.content(a, nil)
	w.closeAt(mark, name)
}

// any writes foreign elements that stand directly within ours; each carries the declarations itself.
func (w *writer) any(a *Any) { w.content(a, a.Scope) }

// content writes a's octets. Each outermost start tag gets the declarations of scope, and the default namespace that the octets
// were written under, unless it has one of its own.
func (w *writer) content(a *Any, scope []Namespace) {
	if len(scope) == 0 {
		for _, n := range a.Scope {
			if n.Prefix == "" {
				scope = append(scope, n)
			}
		}
	}
	if len(scope) == 0 {
		w.b = append(w.b, a.Octets...)
		return
	}
	depth := 0
	for in := a.Octets; len(in) > 0; {
		i := bytes.IndexByte(in, '<')
		if i < 0 {
			w.b = append(w.b, in...)
			return
		}
		n := tagLength(in[i:])
		tag := in[i : i+n]
		w.b = append(w.b, in[:i]...)
		in = in[i+n:]
		switch {
		case len(tag) > 1 && tag[1] == '/':
			depth--
			w.b = append(w.b, tag...)
		case len(tag) > 1 && (tag[1] == '!' || tag[1] == '?'):
			w.b = append(w.b, tag...)
		default:
			if depth == 0 {
				tag = declared(tag, scope)
			}
			if !bytes.HasSuffix(tag, []byte("/>")) {
				depth++
			}
			w.b = append(w.b, tag...)
		}
	}
}

// tagLength is how far a tag, comment, instruction or CDATA section goes.
func tagLength(in []byte) int {
	var begin int
	var end string
	switch {
	case bytes.HasPrefix(in, []byte("<!--")):
		begin, end = 4, "-->"
	case bytes.HasPrefix(in, []byte("<![CDATA[")):
		begin, end = 9, "]]>"
	case bytes.HasPrefix(in, []byte("<?")):
		begin, end = 2, "?>"
	default:
		quote := byte(0)
		for i, c := range in {
			switch {
			case quote != 0:
				if c == quote {
					quote = 0
				}
			case c == '"' || c == '\'':
				quote = c
			case c == '>':
				return i + 1
			}
		}
		return len(in)
	}
	if i := bytes.Index(in[begin:], []byte(end)); i >= 0 {
		return begin + i + len(end)
	}
	return len(in)
}

// declared gives a start tag the declarations that it doesn't make itself.
func declared(tag []byte, scope []Namespace) []byte {
	at := 1
	for at < len(tag) && !isSpace(tag[at]) && tag[at] != '>' && tag[at] != '/' {
		at++
	}
	w := writer{b: bytes.Clone(tag[:at])}
	for _, n := range scope {
		name := "xmlns"
		if n.Prefix != "" {
			name += ":" + n.Prefix
		}
		if !declares(tag[at:], name) {
			w.attr(name, n.URI)
		}
	}
	return append(w.b, tag[at:]...)
}

func declares(attrs []byte, name string) bool {
	rest := string(attrs)
	for {
		i := strings.Index(rest, name)
		if i < 0 {
			return false
		}
		before := i == 0 || isSpace(rest[i-1])
		after := strings.TrimLeft(rest[i+len(name):], " \t\r\n")
		if before && strings.HasPrefix(after, "=") {
			return true
		}
		rest = rest[i+len(name):]
	}
}

// appendEscaped writes text so that it can stand in an element and in a quoted attribute. What XML cannot carry is left out.
func appendEscaped(b []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		n, esc := 1, ""
		switch {
		case c == '&':
			esc = "&amp;"
		case c == '<':
			esc = "&lt;"
		case c == '>':
			esc = "&gt;"
		case c == '"':
			esc = "&quot;"
		case c == '\r':
			esc = "&#13;"
		case c == '\t', c == '\n', c >= 0x20 && c < utf8.RuneSelf:
			i++
			continue
		case c < 0x20:
		default:
			var r rune
			r, n = utf8.DecodeRuneInString(s[i:])
			if (r != utf8.RuneError || n > 1) && xmlChar(r) {
				i += n
				continue
			}
		}
		b = append(append(b, s[start:i]...), esc...)
		i += n
		start = i
	}
	return append(b, s[start:]...)
}
