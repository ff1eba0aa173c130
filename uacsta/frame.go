package uacsta

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"farhook/csta"
)

// Limits of one message.
const (
	maxHead = 32 << 10
	maxSkip = 8 << 20 // a body that is too large is read over up to this; beyond it the connection ends
)

// framer cuts the octets of one connection into messages (RFC 3261, 7.5 and 18.3). It is for one goroutine.
type framer struct {
	buf  []byte
	from int // what is before it has been taken
	skip int // octets of a body that is read over
	big  *message
}

// errFraming is an error after which nobody can tell where the next message begins.
type errFraming struct {
	err error
	req *message // to be answered before the connection ends, if not nil
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
	if c := in[0]; (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
		return nil, false, &errFraming{err: errNoSIP}
	}
	end := bytes.Index(in, []byte("\r\n\r\n"))
	if end < 0 {
		if len(in) > maxHead {
			return nil, false, &errFraming{err: fmt.Errorf("the headers are longer than %d octets", maxHead)}
		}
		return nil, false, nil
	}
	if end > maxHead {
		return nil, false, &errFraming{err: fmt.Errorf("the headers are longer than %d octets", maxHead)}
	}
	m, headErr := parseHead(string(in[:end]))
	if m == nil {
		return nil, false, &errFraming{err: headErr}
	}
	length, err := m.contentLength()
	switch {
	case err != nil:
		return nil, false, &errFraming{err, m}
	case length < 0 && headErr != nil:
		return nil, false, &errFraming{headErr, m}
	case length < 0:
		return nil, false, &errFraming{errors.New("Content-Length is missing"), m}
	case length > maxSkip:
		return nil, false, &errFraming{fmt.Errorf("a body of %d octets", length), m}
	case length > csta.MaxBody:
		f.from += end + 4
		f.skip, f.big = length, m
		return f.next()
	}
	if len(in) < end+4+length {
		return nil, false, nil
	}
	if length > 0 {
		m.body = bytes.Clone(in[end+4 : end+4+length])
	}
	f.from += end + 4 + length
	if headErr != nil {
		return nil, false, &errMessage{400, headErr.Error(), m}
	}
	return m, false, nil
}

// fill reads once. It keeps only what has not been taken, and an idle connection keeps nothing.
func (f *framer) fill(r io.Reader, spare []byte) error {
	n, err := r.Read(spare)
	if f.from == len(f.buf) {
		f.buf, f.from = f.buf[:0], 0
		if cap(f.buf) > 8<<10 {
			f.buf = nil
		}
	} else if f.from > 0 {
		f.buf = f.buf[:copy(f.buf, f.buf[f.from:])]
		f.from = 0
	}
	f.buf = append(f.buf, spare[:n]...)
	if n > 0 {
		return nil
	}
	return err
}

// begun says whether part of a message is there.
func (f *framer) begun() bool { return f.skip > 0 || len(f.buf) > f.from }
