package uacsta

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"farhook/csta"
	"farhook/pbxadapter"
)

// message is one SIP message as it stood on the wire, its header values trimmed and unfolded and otherwise untouched: what goes back to
// a peer goes back as it came.
type message struct {
	method, uri, version string // of a request
	status               int    // of a response
	headers              []header
	body                 []byte

	raw   []byte // the whole of it; the framer's, and good only until it reads on
	trace pbxadapter.TraceID
	line  csta.DeviceID // of the session it belongs to
	of    transaction   // where it is named already: see transactionOf
	named bool
}

type header struct{ name, value string }

// compact are the short forms of the headers that we read (RFC 3261, 7.3.3; RFC 4028).
var compact = map[string]string{
	"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Contact": "m", "Content-Type": "c", "Content-Encoding": "e", "Content-Length": "l", "Supported": "k",
	"Session-Expires": "x",
}

// is says whether a header has this name, long or short, in any case.
func (h header) is(name string) bool {
	switch len(h.name) {
	case 1:
		return strings.EqualFold(h.name, compact[name])
	case len(name):
		return h.name == name || strings.EqualFold(h.name, name)
	}
	return false
}

// get is the first header of that name; "" where there is none.
func (m *message) get(name string) string {
	for _, h := range m.headers {
		if h.is(name) {
			return h.value
		}
	}
	return ""
}

// each calls f with every header of that name, in order.
func (m *message) each(name string, f func(value string)) {
	for _, h := range m.headers {
		if h.is(name) {
			f(h.value)
		}
	}
}

// count is how many headers have that name.
func (m *message) count(name string) int {
	n := 0
	m.each(name, func(string) { n++ })
	return n
}

// cseq is the number and the method of CSeq.
func (m *message) cseq() (uint32, string, error) {
	number, method, ok := strings.Cut(strings.ReplaceAll(m.get("CSeq"), "\t", " "), " ")
	n, err := strconv.ParseUint(number, 10, 31)
	if !ok || err != nil {
		return 0, "", errors.New("CSeq is malformed")
	}
	return uint32(n), strings.TrimSpace(method), nil
}

// parseHead reads start line and headers. text has no empty line at its end. Folded lines are joined (RFC 3261, 7.3.1), and a line may
// end without CR. An error beside a message is the first that was found: the rest is read all the same, for the length of the body must be known to find
// the next message. Without a message this is not SIP at all.
func parseHead(text string) (*message, error) {
	start, rest, _ := strings.Cut(text, "\n")
	m, err := parseStart(strings.TrimSuffix(start, "\r"))
	if m == nil {
		return nil, err
	}
	fail := func(text string) {
		if err == nil {
			err = errors.New(text)
		}
	}
	dropped := false // the line before was not kept, nor is what it continues in
	for rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			continue
		}
		if controls(line) {
			fail("a header has a control character")
			dropped = true
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			switch {
			case dropped:
			case len(m.headers) == 0:
				fail("the first header is folded")
			default:
				last := &m.headers[len(m.headers)-1]
				last.value = strings.TrimSpace(last.value + " " + strings.TrimSpace(line))
			}
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name = strings.TrimRight(name, " \t")
		h := header{name, strings.TrimSpace(value)}
		switch {
		case !ok || !isToken(name):
			fail("a header line is malformed")
			dropped = true
		case len(m.headers) >= maxHeaders && !h.needed():
			fail("there are more than " + strconv.Itoa(maxHeaders) + " headers")
			dropped = true
		case len(m.headers) >= 2*maxHeaders:
			dropped = true
		default:
			m.headers = append(m.headers, h)
			dropped = false
		}
	}
	return m, err
}

// controls says whether a header line has a NUL, but for one in a quoted pair, or a CR.
func controls(line string) bool {
	for i := 0; i < len(line); i++ {
		if c := line[i]; c == '\r' || c == 0 && (i == 0 || line[i-1] != '\\') {
			return true
		}
	}
	return false
}

// parseStart reads a request line or a status line (RFC 3261, 7.1 and 7.2). No message: this is not SIP.
func parseStart(start string) (*message, error) {
	if len(start) > 8 && strings.EqualFold(start[:8], "SIP/2.0 ") {
		code, _, _ := strings.Cut(start[8:], " ")
		n, err := strconv.ParseUint(code, 10, 16)
		if err != nil || n < 100 || n > 699 {
			return &message{status: 699}, errors.New("the status line is malformed")
		}
		return &message{status: int(n)}, nil
	}
	line := strings.TrimRight(start, " \t")
	method, s, ok := strings.Cut(line, " ")
	i := strings.LastIndexByte(s, ' ')
	if !ok || i < 0 || !isToken(method) || len(s) < i+5 || !strings.EqualFold(s[i+1:i+5], "SIP/") || strings.Trim(s[i+5:], "0123456789.") != "" {
		return nil, errNoSIP
	}
	m := &message{method: method, uri: strings.TrimSpace(s[:i]), version: s[i+5:]}
	if line != start || m.uri != s[:i] || m.uri == "" || strings.ContainsAny(m.uri, " \t<>\"\x00\r") || !hostFits(m.uri) {
		return m, errors.New("the request line is malformed")
	}
	return m, nil
}

// hostFits says whether the host and port of a SIP URI can be told apart: an IPv6 address is in brackets (RFC 3261, 19.1.1; RFC 5118, 4.2). Other
// schemes are not looked at.
func hostFits(uri string) bool {
	scheme, rest, _ := strings.Cut(uri, ":")
	if !strings.EqualFold(scheme, "sip") && !strings.EqualFold(scheme, "sips") {
		return true
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	if i := strings.IndexAny(rest, ";?"); i >= 0 {
		rest = rest[:i]
	}
	if ip, ok := strings.CutPrefix(rest, "["); ok {
		ip, port, closed := strings.Cut(ip, "]")
		_, err := netip.ParseAddr(ip)
		return closed && err == nil && (port == "" || port[0] == ':' && digits(port[1:]))
	}
	host, port, found := strings.Cut(rest, ":")
	return host != "" && (!found || digits(port))
}

func digits(s string) bool { return s != "" && len(s) <= 5 && strings.Trim(s, "0123456789") == "" }

// viaFits says whether a Via header has a protocol and a host in each of its values, and no values or parameters that are nothing (RFC 3261, 20.42; RFC
// 4475, 3.1.2.1). A branch need not be there: old clients have none.
func viaFits(value string) bool {
	for more := true; more; {
		var one string
		one, value, more = cutAll(value, ',')
		sentBy, params, _ := cutAll(one, ';')
		if strings.Count(sentBy, "/") < 2 || !strings.ContainsAny(strings.TrimSpace(sentBy[strings.LastIndexByte(sentBy, '/')+1:]), " \t") {
			return false
		}
		for params != "" {
			var p string
			if p, params, _ = cutAll(params, ';'); strings.TrimSpace(p) == "" {
				return false
			}
		}
	}
	return true
}

// tokenChars are the characters of a token (RFC 3261, 25.1).
const tokenChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~"

// tokens says of every octet whether it may be in a token.
var tokens = func() (t [256]bool) {
	for i := range len(tokenChars) {
		t[tokenChars[i]] = true
	}
	return t
}()

func isToken(s string) bool {
	for i := range len(s) {
		if !tokens[s[i]] {
			return false
		}
	}
	return s != ""
}

// needed are the headers without which a message can be neither framed nor answered.
func (h header) needed() bool {
	for _, name := range []string{"Content-Length", "Via", "From", "To", "Call-ID", "CSeq"} {
		if h.is(name) {
			return true
		}
	}
	return false
}

var errNoSIP = errors.New("this is not SIP")

const maxHeaders = 200

// contentLength is the length of the body. -1: there is no header; an error where it is no number, or several that differ.
func (m *message) contentLength() (int, error) {
	n := -1
	var err error
	m.each("Content-Length", func(v string) {
		one, e := strconv.ParseUint(v, 10, 31)
		switch {
		case e != nil:
			err = errors.New("Content-Length is not a number")
		case n >= 0 && n != int(one):
			err = errors.New("there are several Content-Length")
		default:
			n = int(one)
		}
	})
	return n, err
}

// param is a parameter of a header value, behind the address where there is one in brackets; "" where there is none.
func param(value, name string) string {
	value = afterAddress(value)
	for value != "" {
		var p string
		p, value = cutOutside(value, ';')
		if k, v, ok := strings.Cut(p, "="); ok && strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// afterAddress is what follows <…>, quoted names not counting.
func afterAddress(value string) string {
	quoted := false
	for i := 0; i < len(value); i++ {
		switch {
		case value[i] == '\\' && quoted:
			i++
		case value[i] == '"':
			quoted = !quoted
		case value[i] == '>' && !quoted:
			return value[i+1:]
		}
	}
	return value
}

// address is the URI of a From, To, Contact or Route value.
func address(value string) string {
	quoted := false
	for i := 0; i < len(value); i++ {
		switch {
		case value[i] == '\\' && quoted:
			i++
		case value[i] == '"':
			quoted = !quoted
		case value[i] == '<' && !quoted:
			uri, _, _ := strings.Cut(value[i+1:], ">")
			return uri
		}
	}
	uri, _, _ := strings.Cut(value, ";")
	return strings.TrimSpace(uri)
}

// cutOutside cuts at the first sep that is neither in quotes nor in brackets.
func cutOutside(s string, sep byte) (before, after string) {
	before, after, _ = cutAll(s, sep)
	return before, after
}

// cutAll is cutOutside that says whether there was a sep.
func cutAll(s string, sep byte) (before, after string, found bool) {
	quoted, depth := false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			depth++
		case c == '>':
			depth--
		case c == sep && depth == 0:
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// balanced says whether the quotes and brackets of a header value with an address close.
func balanced(value string) bool {
	quoted, open := false, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<' && open, c == '>' && !open:
			return false
		case c == '<' || c == '>':
			open = !open
		}
	}
	return !quoted && !open
}

// list takes the values of a header apart that may hold several, separated by commas.
func (m *message) list(name string) []string {
	var out []string
	m.each(name, func(v string) {
		for v != "" {
			var one string
			if one, v = cutOutside(v, ','); strings.TrimSpace(one) != "" {
				out = append(out, strings.TrimSpace(one))
			}
		}
	})
	return out
}

// has says whether a header that lists tokens has this one.
func (m *message) has(name, token string) bool {
	for _, t := range m.list(name) {
		if strings.EqualFold(t, token) {
			return true
		}
	}
	return false
}
