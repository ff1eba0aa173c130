package wiretap

import (
	"bytes"
	"html"
	"slices"
	"strings"
)

// label is what a ladder says of a message.
type label struct {
	carrier string // how it travels: "INFO 12", "200 (INFO 12)"; nothing outside SIP
	what    string // its name, and whom it is about
	calls   []string
	why     string
	root    string // of the CSTA message in it
	refused bool   // it is a negative answer
}

// Carrier is how a message travels, with its CSeq: "INFO 12", "200 (INFO 12)"; empty outside SIP.
func (r Record) Carrier() string {
	if r.Layer != SIP {
		return ""
	}
	head, _ := split(r.Text)
	carrier, _, _ := carrierOf(head)
	return printable(carrier)
}

// Element is the name of the CSTA message in it; empty where there is none.
func (r Record) Element() string {
	body := r.Text
	if r.Layer == SIP {
		_, body = split(r.Text)
	}
	root, _ := outline(body)
	return root
}

// Refusal is the value of the CSTA error in it, such as "invalidDeviceID"; empty where it refuses nothing.
func (r Record) Refusal() string {
	body := r.Text
	if r.Layer == SIP {
		_, body = split(r.Text)
	}
	root, leaves := outline(body)
	if root != "CSTAErrorCode" || len(leaves) == 0 {
		return ""
	}
	return leaves[0].text
}

func labelOf(r Record) (l label) {
	switch r.Layer {
	case SIP:
		l = sipLabel(r.Text)
	case CSTA:
		l = cstaLabel(r.Text)
	default:
		said := pbxLabel(r.Text)
		l = label{what: join(said, number(string(r.Line))), refused: refuses(said)}
	}
	if len(l.calls) == 0 {
		for _, c := range r.Calls {
			l.calls = append(l.calls, string(c))
		}
	}
	l.carrier, l.what, l.why = printable(l.carrier), printable(l.what), printable(l.why)
	return l
}

func sipLabel(text []byte) label {
	head, body := split(text)
	carrier, status, reason := carrierOf(head)
	if carrier == ping {
		return label{carrier: ping}
	}
	l := cstaLabel(body)
	l.carrier = carrier
	l.refused = l.refused || status != "" && status[0] >= '3'
	if l.what == "" && status != "" && status[0] != '2' {
		l.what = reason
	}
	return l
}

// ping is how a keep-alive is called (RFC 5626, 3.5.1).
const ping = "ping"

// carrierOf is how the message with this head travels; status and reason are those of an answer.
func carrierOf(head []byte) (carrier, status, reason string) {
	if len(bytes.TrimSpace(head)) == 0 {
		return ping, "", ""
	}
	start, _, _ := strings.Cut(string(head[:min(len(head), 1024)]), "\n")
	number, method := cseq(head)
	first, rest, _ := strings.Cut(strings.TrimRight(start, "\r"), " ")
	if !strings.HasPrefix(first, "SIP/") {
		return strings.TrimSpace(first + " " + number), "", ""
	}
	status, reason, _ = strings.Cut(rest, " ")
	carrier = status
	if number != "" {
		carrier += " (" + method + " " + number + ")"
	}
	return carrier, status, reason
}

// split parts a message at its empty line.
func split(text []byte) (head, body []byte) {
	for _, end := range []string{"\r\n\r\n", "\n\n"} {
		if head, body, ok := bytes.Cut(text, []byte(end)); ok {
			return head, body
		}
	}
	return text, nil
}

func cseq(head []byte) (number, method string) {
	for line := range bytes.Lines(head) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if ok && strings.EqualFold(string(bytes.TrimSpace(name)), "CSeq") {
			number, method, _ := strings.Cut(strings.TrimSpace(string(value[:min(len(value), 100)])), " ")
			return number, strings.TrimSpace(method)
		}
	}
	return "", ""
}

// pbxLabel is the first line that says something (ESL begins with its headers), or the event's name where that is within.
func pbxLabel(text []byte) string {
	text = text[:min(len(text), 4096)]
	said := ""
	for line := range bytes.Lines(text) {
		said = strings.TrimSpace(string(line))
		if said != "" && !strings.HasPrefix(said, "Content-") {
			break
		}
	}
	for _, mark := range []string{`"Event-Name":"`, "Event-Name: ", `"type":"`} {
		if _, rest, ok := bytes.Cut(text, []byte(mark)); ok {
			end := bytes.IndexAny(rest, "\"\r\n")
			if end > 0 {
				said = string(rest[:end])
			}
			break
		}
	}
	return clip(printable(said), 200)
}

// refuses tells whether what a PBX says is a no: AMI's, ESL's.
func refuses(said string) bool {
	for _, no := range []string{"Response: Error", "-ERR", "Reply-Text: -ERR"} {
		if strings.HasPrefix(said, no) {
			return true
		}
	}
	return false
}

func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

// cstaLabel is the message's name and the essential of what it says: who, whom, which calls, why.
func cstaLabel(body []byte) label {
	root, leaves := outline(body)
	if root == "" {
		return label{what: clip(printable(strings.TrimSpace(string(body[:min(len(body), 200)]))), 60)}
	}
	var device, called, cause, other string
	var calls []string
	for _, l := range leaves {
		switch {
		case l.name == "callID":
			if !slices.Contains(calls, l.text) {
				calls = append(calls, l.text)
			}
		case l.name == "cause":
			cause = l.text
		case called == "" && (destinations[l.name] || l.parent == "calledDevice"):
			called = number(l.text)
		case device == "" && devices[l.name]:
			device = number(l.text)
		case other == "" && !devices[l.name]:
			other = l.text
		}
	}
	if root == "CSTAErrorCode" {
		return label{what: join(root, other), root: root, refused: true}
	}
	if device == "" {
		device, called = called, ""
	}
	if called == device {
		called = ""
	}
	if called != "" {
		called = "→ " + called
	}
	if usual[cause] {
		cause = "" // says nothing
	}
	if device == "" && len(calls) == 0 {
		return label{what: join(root, clip(printable(other), 40)), root: root}
	}
	return label{what: join(root, device, called), calls: calls, why: cause, root: root}
}

// Elements that hold a device: the one a message is about, and where it is to go.
var (
	devices = set("deviceID", "deviceIdentifier", "deviceObject", "device", "callingDevice", "snapshotObject", "monitoredDevice", "associatedDeviceID", "diversionDevice",
		"line", "extensionDevice")
	destinations = set("calledDirectoryNumber", "consultedDevice", "transferredTo", "newDestination", "forwardDN", "deviceToJoin", "diallingSequence")
	usual        = set("newCall", "normal", "normalClearing")
)

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// number is a device as people write it: without scheme and parameters.
func number(device string) string {
	for _, scheme := range []string{"tel:", "sip:", "sips:"} {
		device = strings.TrimPrefix(device, scheme)
	}
	device, _, _ = strings.Cut(device, ";")
	return device
}

// leaf is an element that contains text.
type leaf struct{ parent, name, text string }

// outline reads as much of XML as a label needs, however broken it is: the name of the root element, and the first leaves.
func outline(body []byte) (root string, leaves []leaf) {
	const most, deepest, longest = 64, 32, 256
	body = bytes.ReplaceAll(body, []byte{0}, nil) // UTF-16 reads well enough without
	var open []string
	for len(leaves) < most {
		i := bytes.IndexByte(body, '<')
		if i < 0 {
			return root, leaves
		}
		text := strings.TrimSpace(string(body[:min(i, longest)]))
		tag, rest, ok := bytes.Cut(body[i+1:], []byte(">"))
		if !ok {
			return root, leaves
		}
		name := localName(tag)
		switch {
		case bytes.HasPrefix(tag, []byte("?")), bytes.HasPrefix(tag, []byte("!")):
		case bytes.HasPrefix(tag, []byte("/")):
			if n := len(open); n > 0 {
				if text != "" {
					l := leaf{name: open[n-1], text: html.UnescapeString(text)}
					if n > 1 {
						l.parent = open[n-2]
					}
					leaves = append(leaves, l)
				}
				open = open[:n-1]
			}
		default:
			if root == "" {
				root = name
			}
			if !bytes.HasSuffix(tag, []byte("/")) && len(open) < deepest {
				open = append(open, name)
			}
		}
		body = rest
	}
	return root, leaves
}

// localName is the name in a tag, without its prefix.
func localName(tag []byte) string {
	tag = tag[:min(len(tag), 100)]
	if i := bytes.IndexAny(tag, " \t\r\n/"); i >= 0 {
		tag = tag[:i]
	}
	return string(tag[bytes.IndexByte(tag, ':')+1:])
}
