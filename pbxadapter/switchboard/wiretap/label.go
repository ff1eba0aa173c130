package wiretap

import (
	"bytes"
	"html"
	"slices"
	"strings"
)

// label is what a ladder says of a message: how it travels ("INFO 12", "200 (INFO 12)"; nothing outside SIP), and what it is about.
func label(r Record) (carrier, content string) {
	switch r.Layer {
	case SIP:
		carrier, content = sipLabel(r.Text)
	case CSTA:
		content = cstaLabel(r.Text)
	default:
		content = pbxLabel(r)
	}
	return printable(carrier), printable(content)
}

func sipLabel(text []byte) (carrier, content string) {
	if len(bytes.TrimSpace(text)) == 0 {
		return "ping", "" // RFC 5626, 3.5.1
	}
	head, body := split(text)
	start, _, _ := strings.Cut(string(head[:min(len(head), 1024)]), "\n")
	start = strings.TrimRight(start, "\r")
	number, method := cseq(head)
	first, rest, _ := strings.Cut(start, " ")
	if !strings.HasPrefix(first, "SIP/") {
		return strings.TrimSpace(first + " " + number), cstaLabel(body)
	}
	status, reason, _ := strings.Cut(rest, " ")
	if number != "" {
		carrier = " (" + method + " " + number + ")"
	}
	if content = cstaLabel(body); content == "" && !strings.HasPrefix(status, "2") {
		content = reason
	}
	return status + carrier, content
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

// pbxLabel is the first line that says something (ESL begins with its headers), the event's name where that is within, and what else is known.
func pbxLabel(r Record) string {
	text := r.Text[:min(len(r.Text), 4096)]
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
	return join(clip(printable(said), 200), number(string(r.Line)), shortCalls(r.Calls))
}

func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

// cstaLabel is the message's name and the essential of what it says: who, whom, which calls, why.
func cstaLabel(body []byte) string {
	root, leaves := outline(body)
	if root == "" {
		return clip(printable(strings.TrimSpace(string(body[:min(len(body), 200)]))), 60)
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
		return join(root, other)
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
		cause = ""
	}
	if device == "" && len(calls) == 0 {
		return join(root, clip(printable(other), 40))
	}
	return join(root, device, called, shortCalls(calls), cause)
}

// Elements that hold a device: the one a message is about, and where it is to go.
var (
	devices = set("deviceID", "deviceIdentifier", "deviceObject", "device", "callingDevice", "monitoredDevice", "associatedDeviceID", "diversionDevice",
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

// shortCalls are the ends of the calls' names, which is where they differ.
func shortCalls[S ~string](calls []S) string {
	const most, long = 2, 12
	var b strings.Builder
	for i, c := range calls {
		if i == most {
			b.WriteString("+…")
			break
		}
		if i > 0 {
			b.WriteByte('+')
		}
		runes := []rune(c)
		if len(runes) > long {
			b.WriteRune('…')
			runes = runes[len(runes)-long+1:]
		}
		b.WriteString(string(runes))
	}
	return b.String()
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
