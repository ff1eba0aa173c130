package freeswitch

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of what the event socket may send. Real messages are far below them: a large event has 20 kB, the longest answer is that to
// "show channels", about 900 octets a leg.
const (
	maxHeader = 64 << 10
	maxBody   = 64 << 20
)

// frame is one message of the event socket: a block of headers, an empty line, and a body of Content-Length octets.
type frame struct {
	kind   string // Content-Type
	reply  string // Reply-Text
	events string // Allowed-Events: with the answer to userauth, where not all are
	body   []byte
	at     time.Time // when it had been read
}

// The kinds of frames.
const (
	authRequest      = "auth/request"
	rudeRejection    = "text/rude-rejection"
	disconnectNotice = "text/disconnect-notice"
	commandReply     = "command/reply"
	apiResponse      = "api/response"
	eventJSON        = "text/event-json"
	eventPlain       = "text/event-plain"
)

var errTooLong = errors.New("a message longer than the event socket ever sends")

// readFrame reads the next frame, its body into spare where that is large enough. Any error means that the place in the stream is lost: the
// connection has to be closed.
func readFrame(r *bufio.Reader, spare []byte) (frame, error) {
	var (
		f      frame
		length = -1
		size   int
		lines  int
	)
	for {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return f, errTooLong
		}
		if err != nil {
			if err == io.EOF && (len(line) > 0 || lines > 0) {
				err = io.ErrUnexpectedEOF
			}
			return f, err
		}
		if size += len(line); size > maxHeader {
			return f, errTooLong
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			if lines == 0 {
				continue // empty lines between messages mean nothing
			}
			break
		}
		lines++
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Type")):
			if f.kind = eventJSON; string(value) != eventJSON { // of nearly all of them, without a copy
				f.kind = string(value)
			}
		case bytes.EqualFold(name, []byte("Reply-Text")):
			f.reply = clean(value)
		case bytes.EqualFold(name, []byte("Allowed-Events")):
			f.events = clean(value)
		case bytes.EqualFold(name, []byte("Content-Length")):
			n, err := strconv.ParseUint(string(value), 10, 31)
			if err != nil || length >= 0 && int(n) != length {
				return f, fmt.Errorf("a Content-Length of %q", clip(clean(value)))
			}
			length = int(n)
		}
	}
	if length > maxBody {
		return f, errTooLong
	}
	if length > 0 {
		var err error
		if f.body, err = readBody(r, spare, length); err != nil {
			return f, err
		}
	}
	return f, nil
}

// readBody reads n octets. It takes memory as they come, not as they are promised.
func readBody(r *bufio.Reader, spare []byte, n int) ([]byte, error) {
	const step = 1 << 20
	body := spare[:0]
	if cap(body) < n {
		body = make([]byte, 0, min(n, step))
	}
	for len(body) < n {
		more := min(n-len(body), step)
		body = slices.Grow(body, more)[:len(body)+more]
		if _, err := io.ReadFull(r, body[len(body)-more:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return body, nil
}

// clean is what the PBX said as text that may be logged and shown: valid UTF-8, no control characters.
func clean(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(bytes.TrimSpace(b)), "\uFFFD"))
}

// clip shortens what goes into a message for people.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
