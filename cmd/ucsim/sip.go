package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// message is one SIP message as read.
type message struct {
	method  string // of a request
	status  int    // of a response
	reason  string
	headers [][2]string
	body    []byte
	raw     string
}

const maxMessage = 256 << 10

// readMessage reads the next message; blank lines before it are keep-alives.
func readMessage(r *bufio.Reader) (*message, error) {
	m := &message{}
	var raw strings.Builder
	start := ""
	for start == "" {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		start = strings.TrimRight(line, "\r\n")
	}
	raw.WriteString(start + "\r\n")
	if rest, ok := strings.CutPrefix(start, "SIP/2.0 "); ok {
		code, reason, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(code)
		if err != nil || n < 100 {
			return nil, fmt.Errorf("not a status line: %q", start)
		}
		m.status, m.reason = n, reason
	} else {
		m.method, _, _ = strings.Cut(start, " ")
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, io.ErrUnexpectedEOF
		}
		raw.WriteString(line)
		if raw.Len() > maxMessage {
			return nil, errors.New("message too long")
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("not a header: %q", line)
		}
		m.headers = append(m.headers, [2]string{strings.TrimSpace(name), strings.TrimSpace(value)})
	}
	n, err := strconv.Atoi(m.get("Content-Length"))
	if err != nil || n < 0 || n > maxMessage {
		return nil, fmt.Errorf("Content-Length is %q", m.get("Content-Length"))
	}
	m.body = make([]byte, n)
	if _, err := io.ReadFull(r, m.body); err != nil {
		return nil, err
	}
	raw.Write(m.body)
	m.raw = raw.String()
	return m, nil
}

// get is the first header of that name, all are all, in order.
func (m *message) get(name string) string {
	if v := m.all(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

func (m *message) all(name string) []string {
	var v []string
	for _, h := range m.headers {
		if strings.EqualFold(h[0], name) {
			v = append(v, h[1])
		}
	}
	return v
}

func (m *message) cseq() int {
	n, _ := strconv.Atoi(strings.Fields(m.get("CSeq") + " 0")[0])
	return n
}

// param is a parameter of a header value, behind the URI where there is one in brackets.
func param(value, name string) string {
	if i := strings.LastIndexByte(value, '>'); i >= 0 {
		value = value[i:]
	}
	for p := range strings.SplitSeq(value, ";") {
		if k, v, ok := strings.Cut(strings.TrimSpace(p), "="); ok && strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// uri is what stands between the brackets.
func uri(value string) string {
	if _, rest, ok := strings.Cut(value, "<"); ok {
		in, _, _ := strings.Cut(rest, ">")
		return in
	}
	u, _, _ := strings.Cut(value, ";")
	return u
}

func statusError(m *message) error {
	if m == nil || m.status == 200 {
		return nil
	}
	return fmt.Errorf("%d %s", m.status, m.reason)
}

func warning(m *message) string {
	if w := m.get("Warning"); w != "" {
		return " (" + w + ")"
	}
	return ""
}
