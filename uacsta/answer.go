package uacsta

import (
	"maps"
	"net"
	"strconv"
	"strings"
)

const (
	contentType = "application/csta+xml"
	allow       = "INVITE, ACK, CANCEL, BYE, INFO, UPDATE, OPTIONS"
)

// answer is a response of ours. What it copies from the request goes back as it came (RFC 3261, 8.2.6.2).
type answer struct {
	status  int
	dialog  bool     // with Contact, Allow and Supported
	expires int      // with Session-Expires; 0: without
	ours    bool     // we are the refresher
	extra   []header // between CSeq and the body's headers
	warning string   // Warning 399
	body    []byte
}

var reasons = map[int]string{
	200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 413: "Request Entity Too Large",
	415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension", 422: "Session Interval Too Small",
	469: "Bad Info Package", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 487: "Request Terminated", 491: "Request Pending", 500: "Server Internal Error",
	503: "Service Unavailable", 505: "Version Not Supported",
}

// Statuses are the SIP statuses that requests are answered with, and their reason phrases; there are no others.
func Statuses() map[int]string { return maps.Clone(reasons) }

// bytes is the response to m. tag is added to a To that has none; "": one that is the same for every copy of m.
func (a answer) bytes(c *conn, m *message, tag string) []byte {
	b := make([]byte, 0, 640+len(a.body))
	b = append(b, "SIP/2.0 "...)
	b = strconv.AppendInt(b, int64(a.status), 10)
	b = append(b, ' ')
	b = append(b, reasons[a.status]...)
	b = append(b, "\r\n"...)
	copyAll := func(name string) {
		m.each(name, func(v string) { b = appendHeader(b, name, v) })
	}
	copyAll("Via")
	copyAll("Record-Route")
	for _, name := range [...]string{"From", "To", "Call-ID", "CSeq"} {
		v := m.get(name)
		if v == "" { // a bad request, which can lack any of them
			continue
		}
		if name == "To" && param(v, "tag") == "" {
			if tag == "" {
				tag = c.server.tagFor(m)
			}
			v += ";tag=" + tag
		}
		b = appendHeader(b, name, v)
	}
	if a.dialog {
		b = appendHeader(b, "Contact", c.contact())
		b = appendHeader(b, "Allow", allow)
		b = appendHeader(b, "Supported", "timer")
		if a.expires > 0 {
			refresher := ";refresher=uac"
			if a.ours {
				refresher = ";refresher=uas"
			}
			if !a.ours || m.has("Supported", "timer") { // RFC 4028, 9
				b = appendHeader(b, "Require", "timer")
			}
			b = appendHeader(b, "Session-Expires", strconv.Itoa(a.expires)+refresher)
		}
		if m.count("Recv-Info") > 0 { // there is no package of INFO that we take (RFC 6086, 5.2)
			b = appendHeader(b, "Recv-Info", "")
		}
	}
	for _, h := range a.extra {
		b = appendHeader(b, h.name, h.value)
	}
	if a.warning != "" {
		host := c.host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if strings.Contains(host, ":") { // an IPv6 address
			host = "[" + strings.Trim(host, "[]") + "]"
		}
		b = appendHeader(b, "Warning", "399 "+host+` "`+quotable(a.warning)+`"`)
	}
	return appendBody(b, a.body)
}

// appendBody ends the headers of a message, and adds the body.
func appendBody(b, body []byte) []byte {
	if len(body) > 0 {
		b = append(b, "Content-Type: "+contentType+"\r\nContent-Disposition: signal;handling=required\r\n"...)
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, "\r\n\r\n"...)
	return append(b, body...)
}

func appendHeader(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// quotable keeps what may stand in a quoted string of a header.
func quotable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '\''
		}
		return r
	}, s[:min(len(s), 160)])
}
