package uacsta

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"farhook/csta"
)

// Limits of one message.
const (
	maxHead = 256 << 10 // where an end of the headers is looked for; a message that is accepted has at most maxHeaders
	maxSkip = 8 << 20   // a body that is too large is read over up to this; beyond it the connection ends
)

// framer cuts the octets of one connection into messages (RFC 3261, 7.5 and 18.3). It is for one goroutine.
type framer struct {
	buf  []byte
	from int // what is before it has been taken
	seen int // no end of headers begins before it
	need int // octets without which the next message is not whole; 0: not known
	skip int // octets of a body that is read over
	big  *message
	done int // messages that were taken, or given up
}

// errFraming is an error after which nobody can tell where the next message begins.
type errFraming struct {
	err    error
	status int
	req    *message // to be answered before the connection ends, if not nil
}

func (e *errFraming) Error() string { return "framing: " + e.err.Error() }

// errMessage is an error of one message; the next can be read.
type errMessage struct {
	status int
	reason string
	req    *message // nil where not even the headers could be read
}

func (e *errMessage) Error() string { return e.reason }

// next gives the next whole message, or nil where more octets are needed. ping: a double CRLF came instead.
func (f *framer) next() (m *message, ping bool, err error) {
	if f.skip > 0 {
		n := min(f.skip, len(f.buf)-f.from)
		f.from += n
		if f.skip -= n; f.skip > 0 {
			return nil, false, nil
		}
		big := f.big
		f.big = nil
		f.done++
		return nil, false, &errMessage{413, fmt.Sprintf("the body is larger than %d octets", csta.MaxBody), big}
	}
	in := f.buf[f.from:]
	if len(in) > 0 && (in[0] == '\r' || in[0] == '\n') {
		if bytes.HasPrefix(in, []byte("\r\n\r\n")) {
			f.from += 4
			return nil, true, nil
		}
		if len(in) < 4 && bytes.HasPrefix([]byte("\r\n\r\n"), in) {
			return nil, false, nil
		}
		f.from++
		return f.next()
	}
	if len(in) == 0 {
		return nil, false, nil
	}
	if c := in[0]; (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && !strings.ContainsRune(tokenChars, rune(c)) {
		return nil, false, &errFraming{err: notSIP(in)}
	}
	if len(in) < f.need {
		return nil, false, nil
	}
	end, body := endOfHead(in, max(f.seen-f.from, 0))
	if end < 0 {
		f.seen = f.from + max(len(in)-3, 0)
	}
	if end > maxHead || end < 0 && len(in) > maxHead {
		return nil, false, &errFraming{err: fmt.Errorf("the headers are longer than %d octets", maxHead)}
	}
	if end < 0 {
		if bytes.IndexByte(in, '\n') > 0 && !startsLikeSIP(in) {
			return nil, false, &errFraming{err: notSIP(in)}
		}
		return nil, false, nil
	}
	m, headErr := parseHead(string(in[:end]))
	if m == nil {
		return nil, false, &errFraming{err: notSIP(in)}
	}
	m.raw = in[:body]
	length, err := m.contentLength()
	switch {
	case err != nil:
		return nil, false, &errFraming{err, 400, m}
	case length < 0 && headErr != nil:
		return nil, false, &errFraming{headErr, 400, m}
	case length < 0:
		return nil, false, &errFraming{errors.New("Content-Length is missing"), 400, m}
	case length > maxSkip:
		return nil, false, &errFraming{fmt.Errorf("a body of %d octets", length), 413, m}
	case length > csta.MaxBody:
		f.from += body
		f.skip, f.big, m.raw = length, m, bytes.Clone(m.raw)
		return f.next()
	}
	if f.need = body + length; len(in) < f.need {
		return nil, false, nil
	}
	if length > 0 {
		m.body = bytes.Clone(in[body : body+length])
		m.raw = in[:body+length]
	}
	f.from += body + length
	f.need = 0
	f.done++
	if headErr != nil {
		return nil, false, &errMessage{400, headErr.Error(), m}
	}
	return m, false, nil
}

// endOfHead finds the empty line behind the headers, not before from, and where the body begins. -1: it is not there yet.
func endOfHead(in []byte, from int) (end, body int) {
	for i := from; ; {
		n := bytes.IndexByte(in[i:], '\n')
		if n < 0 {
			return -1, 0
		}
		i += n + 1
		switch rest := in[i:]; {
		case len(rest) > 0 && rest[0] == '\n':
			return i, i + 1
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return i, i + 2
		}
	}
}

// startsLikeSIP says whether the first line is one of SIP's.
func startsLikeSIP(in []byte) bool {
	line, _, _ := bytes.Cut(in, []byte("\n"))
	m, _ := parseStart(strings.TrimSuffix(string(line), "\r"))
	return m != nil
}

// notSIP says what octets are that are no SIP, as far as that can be told: whoever looks for the reason is often one port off.
func notSIP(in []byte) error {
	line, _, _ := bytes.Cut(in, []byte("\n"))
	switch {
	case in[0] == 0x16:
		return fmt.Errorf("%w but TLS, on a port for TCP", errNoSIP)
	case bytes.Contains(line, []byte("HTTP/")):
		return fmt.Errorf("%w but HTTP", errNoSIP)
	}
	return errNoSIP
}

// fill reads once, and says how much. It keeps only what has not been taken, and an idle connection keeps nothing.
func (f *framer) fill(r io.Reader, spare []byte) (int, error) {
	n, err := r.Read(spare)
	if f.from == len(f.buf) {
		f.buf, f.from, f.seen = f.buf[:0], 0, 0
		if cap(f.buf) > 8<<10 {
			f.buf = nil
		}
	} else if f.from > 0 {
		f.buf = f.buf[:copy(f.buf, f.buf[f.from:])]
		f.seen = max(f.seen-f.from, 0)
		f.from = 0
	}
	f.buf = append(f.buf, spare[:n]...)
	if n > 0 {
		return n, nil
	}
	return n, err
}

// begun says whether part of a message is there. Line ends alone are none: they may be a keep-alive.
func (f *framer) begun() bool { return f.skip > 0 || len(bytes.TrimLeft(f.buf[f.from:], "\r\n")) > 0 }
