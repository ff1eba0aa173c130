package csta

import (
	"bytes"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"
)

// How the simple types are read. Identifiers and texts are taken exactly; white space around the others doesn't count.

func (s *scanner) trimmed() []byte { return bytes.TrimSpace(s.octets()) }

// bool reads a boolean. The path of a complaint is the parent's, for the element has been left by then.
func (s *scanner) bool(name string) bool {
	switch b := s.trimmed(); string(b) {
	case "true", "1":
		return true
	case "false", "0":
	default:
		s.wrong("%s is %q, want true or false", name, clip(b))
	}
	return false
}

func (s *scanner) int(name string) int {
	b := s.trimmed()
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		s.wrong("%s is %q, want a number", name, clip(b))
	}
	return int(n)
}

func (s *scanner) boolPtr(seen *marks, i int, name string) *bool {
	s.first(seen, i)
	return new(s.bool(name))
}

func (s *scanner) intPtr(seen *marks, i int, name string) *int {
	s.first(seen, i)
	return new(s.int(name))
}

func (s *scanner) float(name string) float64 {
	b := s.trimmed()
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		s.wrong("%s is %q, want a number", name, clip(b))
	}
	return f
}

func (s *scanner) hex(name string) HexBinary {
	b := s.trimmed()
	out := make(HexBinary, hex.DecodedLen(len(b)))
	if _, err := hex.Decode(out, b); err != nil {
		s.wrong("%s is not made of pairs of hexadecimal digits", name)
	}
	return out
}

func (s *scanner) state(name string) State {
	b := s.trimmed()
	for _, v := range states {
		if string(b) == string(v) {
			return v
		}
	}
	return State(s.notIn(name, b, "null, initiated, alerting, connected, hold, queued, fail"))
}

// notIn notes a value that its enumeration doesn't have.
func (s *scanner) notIn(name string, b []byte, want string) string {
	if len(want) > 200 {
		want = want[:200] + " …"
	}
	s.wrong("%s is %q, want one of %s", name, clip(b), want)
	return ""
}

// enum finds a value among those of an enumeration, without a copy.
func enum[E ~string](s *scanner, name string, values []E) E {
	b := s.trimmed()
	for _, v := range values {
		if string(v) == string(b) {
			return v
		}
	}
	var want strings.Builder
	for i, v := range values {
		if i > 0 {
			want.WriteString(", ")
		}
		want.WriteString(string(v))
	}
	return E(s.notIn(name, b, want.String()))
}

var (
	states   = [...]State{Null, Initiated, Alerting, Connected, Hold, Queued, Fail}
	editions = [...]Edition{Ed1, Ed2, Ed3, Ed4, Ed5, Ed6}
)

// scan reads a ConnectionID: callID and deviceID in any order, either of which may be missing (ECMA-323, ConnectionID).
func (c *ConnectionID) scan(s *scanner) {
	var seen marks
	for s.child() {
		switch string(s.name) {
		case "callID":
			s.first(&seen, 0)
			c.Call = CallID(s.trimmed())
		case "deviceID":
			s.first(&seen, 1)
			c.Device = DeviceID(s.trimmed())
		default:
			s.skip()
		}
	}
	if *c == (ConnectionID{}) {
		s.wrongIn("needs callID or deviceID")
	}
}

// any keeps the content of the element we are in as it is, and leaves it.
func (s *scanner) any() Any {
	outer := s.inScope(len(s.scope))
	a := Any{Scope: outer}
	if s.empty {
		s.skip()
		return a
	}
	start, depth := s.pos, len(s.open)
	end := start
	for len(s.open) >= depth && !s.failed() {
		if s.has("</") && len(s.open) == depth {
			end = s.pos
		}
		s.child1()
	}
	if !s.failed() {
		a.Octets = s.rooted(s.in[start:end], depth)
	}
	return a
}

// child1 takes one step: over text, a comment, an instruction, a CDATA section, or over one tag.
func (s *scanner) child1() {
	if s.empty {
		s.child()
		return
	}
	if i := bytes.IndexByte(s.in[s.pos:], '<'); i > 0 {
		s.checkText(s.in[s.pos : s.pos+i])
		s.pos += i
		return
	}
	switch { // child would go on to the tag behind them
	case s.has("<!--"), s.has("<?"):
		s.skipMisc()
	case s.has("<![CDATA["):
		s.cdata()
	default:
		s.child()
	}
}

// unknown keeps an element that the standard doesn't name, start tag and all, and leaves it.
func (s *scanner) unknown(start int, into **Extensions) {
	scope := s.inScope(s.open[len(s.open)-1].scope)
	s.skip()
	if s.failed() {
		return
	}
	if *into == nil {
		*into = new(Extensions)
	}
	if len((*into).Unknown) < 16 {
		(*into).Unknown = append((*into).Unknown, Any{Octets: s.rooted(s.in[start:s.pos], 0), Scope: scope})
	}
}

// tagStart is where the start tag just read begins.
func (s *scanner) tagStart() int { return bytes.LastIndexByte(s.in[:s.pos], '<') }

// inScope lists the prefixes that are declared at a depth of the scope, innermost winning; the default namespace too, where it isn't ours.
func (s *scanner) inScope(n int) []Namespace {
	var out []Namespace
	for _, d := range slices.Backward(s.scope[:n]) {
		if d.Prefix == "" && d.URI == s.ns || slices.ContainsFunc(out, func(o Namespace) bool { return o.Prefix == d.Prefix }) {
			continue
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Namespace) int { return strings.Compare(a.Prefix, b.Prefix) })
	return out
}

// rooted copies octets out of the document.
func (s *scanner) rooted(b []byte, _ int) []byte { return bytes.Clone(b) }
