package wiretap

import (
	"bytes"
	"slices"
)

// What a record must not give away, by the word before it, in lower case. A word counts wherever it stands, whatever its case and what it
// ends (variable_sip_auth_password too), if a value follows in one of the ways that protocols have for it: "word: value" to the end of the
// line, folded lines included, word=value, "word":"value", <word>value</word>. Where in doubt, too much is hidden.
var secrets = []secret{
	{word: "authorization", toEnd: true}, // SIP and HTTP, Proxy-Authorization too
	{word: "password"},
	{word: "passwd"},
	{word: "secret"},
	{word: "api_key"},
	{word: "authcode"},
	{word: "key", beside: "authtype"}, // AMI's answer to a challenge, from which the secret can be guessed
	{word: "characterstosend"},        // GenerateDigits: people type their PINs
	{word: "digitgeneratedlist"},
	{word: "digit"}, // the same in AMI, ARI and ESL
	{word: "dtmf"},
	{word: "job-command-arg", beside: "_dtmf"},
}

type secret struct {
	word   string
	beside string // only in a message that has this too
	toEnd  bool   // even after "=", the value goes on to the end of the line
}

// Commands of a PBX's language whose arguments are secret, but for the first few.
var commands = []command{
	{word: "auth ", first: true}, // ESL's sign-in
	{word: "userauth ", first: true},
	{word: "uuid_send_dtmf ", keep: 1}, // the channel stays
	{word: "uuid_recv_dtmf ", keep: 1},
	{word: "sent dtmf "},
	{word: "received dtmf "},
}

type command struct {
	word  string
	first bool // only at the beginning of a line
	keep  int
}

const hidden = "***"

// masked gives a message without its secrets; the message itself, if it has none. Its length changes, what its Content-Length says doesn't.
func masked(layer Layer, text []byte) []byte {
	if bytes.IndexByte(text, 0) < 0 {
		return mask(layer, text)
	}
	// UTF-16, or octets put in to hide something. If there is a secret between the NULs, the message is shown without them.
	plain := bytes.ReplaceAll(text, []byte{0}, nil)
	if out := mask(layer, plain); !bytes.Equal(out, plain) {
		return out
	}
	return mask(layer, text)
}

// stretch is a part of a message.
type stretch struct{ from, to int }

func mask(layer Layer, text []byte) []byte {
	var hide []stretch
	low := lower(text)
	for _, s := range secrets {
		if s.beside == "" || bytes.Contains(low, []byte(s.beside)) {
			hide = append(hide, all(low, s.word, s.value)...)
		}
	}
	if layer == PBX {
		for _, c := range commands {
			hide = append(hide, all(low, c.word, c.arguments)...)
		}
	}
	if len(hide) == 0 {
		return text
	}
	slices.SortFunc(hide, func(a, b stretch) int { return a.from - b.from })
	var out []byte
	done := 0
	for _, h := range hide {
		if h.from >= done {
			out = append(append(out, text[done:h.from]...), hidden...)
		}
		done = max(done, h.to)
	}
	return append(out, text[done:]...)
}

// all gives what follows each occurrence of a word. It looks on behind what it found, so that its time is linear.
func all(low []byte, word string, value func(low []byte, at int) stretch) (found []stretch) {
	for at := 0; ; {
		i := bytes.Index(low[at:], []byte(word))
		if i < 0 {
			return found
		}
		v := value(low, at+i)
		if v.from < v.to {
			found = append(found, v)
		}
		at = max(at+i+len(word), v.to)
	}
}

// value is what follows a word at a place; empty if it isn't followed by a value.
func (s secret) value(low []byte, at int) stretch {
	end := at + len(s.word)
	if inTag(low, at) && end < len(low) && bytes.IndexByte([]byte("> \t\r\n"), low[end]) >= 0 {
		return content(low, end, s.word)
	}
	i := skip(low, end, `\`)
	quoted := i < len(low) && (low[i] == '"' || low[i] == '\'')
	if quoted {
		i++
	}
	if i = skip(low, i, " \t"); i == len(low) || low[i] != ':' && low[i] != '=' {
		return stretch{}
	}
	colon := low[i] == ':'
	if i = skip(low, i+1, " \t\\"); i == len(low) {
		return stretch{}
	}
	switch {
	case s.toEnd && !quoted, colon && !quoted:
		return stretch{i, lineEnd(low, i)}
	case low[i] == '"' || low[i] == '\'':
		return stretch{i + 1, closing(low, i)}
	case colon:
		return stretch{i, upTo(low, i, ",}\r\n")}
	}
	return stretch{i, upTo(low, i, " \t\r\n&\"'<>")}
}

// inTag tells whether what is at a place belongs to the name in a start tag.
func inTag(low []byte, at int) bool {
	at = nameStart(low, at)
	return at > 0 && low[at-1] == '<'
}

// nameStart is where the element's name begins, its prefix included; no name is longer than bounds the time to look.
func nameStart(low []byte, at int) int {
	for n := 0; n < 256 && at > 0 && bytes.IndexByte([]byte("<>/ \t\r\n\"'="), low[at-1]) < 0; n++ {
		at--
	}
	return at
}

// content is what an element contains whose start tag we are in: up to its end tag, whatever comes between.
func content(low []byte, at int, word string) stretch {
	var quote byte
	start := at
	for ; at < len(low); at++ {
		switch c := low[at]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			if low[at-1] == '/' {
				return stretch{}
			}
			return stretch{at + 1, endTag(low, at+1, word)}
		}
	}
	return stretch{start, len(low)} // the tag has no end, and who knows what it hides
}

// endTag is where the end tag begins whose name ends in a word; the end of the message if there is none.
func endTag(low []byte, at int, word string) int {
	for {
		i := bytes.Index(low[at:], []byte(word))
		if i < 0 {
			return len(low)
		}
		i += at
		at = i + len(word)
		if i = nameStart(low, i); i > 1 && low[i-1] == '/' && low[i-2] == '<' {
			return i - 2
		}
	}
}

// arguments is what follows a command on its line.
func (c command) arguments(low []byte, at int) stretch {
	if c.first && at > 0 && low[at-1] != '\n' {
		return stretch{}
	}
	i := at + len(c.word)
	for range c.keep {
		i = skip(low, upTo(low, skip(low, i, " "), " \r\n"), " ")
	}
	return stretch{i, upTo(low, i, "\r\n\"")}
}

// lineEnd is where the line ends, with those folded into it (RFC 3261, 7.3.1).
func lineEnd(low []byte, at int) int {
	for {
		i := bytes.IndexByte(low[at:], '\n')
		if i < 0 {
			return len(low)
		}
		i += at
		if i+1 < len(low) && (low[i+1] == ' ' || low[i+1] == '\t') {
			at = i + 1
			continue
		}
		if i > at && low[i-1] == '\r' {
			i--
		}
		return i
	}
}

// closing is where the quoted string ends that begins at a place.
func closing(low []byte, at int) int {
	for i := at + 1; i < len(low); i++ {
		switch low[i] {
		case low[at]:
			return i
		case '\\':
			i++
		}
	}
	return len(low)
}

func upTo(low []byte, at int, set string) int {
	if i := bytes.IndexAny(low[at:], set); i >= 0 {
		return at + i
	}
	return len(low)
}

func skip(low []byte, at int, set string) int {
	for at < len(low) && bytes.IndexByte([]byte(set), low[at]) >= 0 {
		at++
	}
	return at
}

// lower is a copy in lower case, as long as the message.
func lower(text []byte) []byte {
	low := make([]byte, len(text))
	for i, c := range text {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		low[i] = c
	}
	return low
}
