// Package ami is a client of Asterisk's manager interface: it frames messages, logs in, sends actions and matches their answers, and hands
// events over in wire order. It knows nothing of calls.
//
// One goroutine reads and never blocks: answers go to whoever asked, events into a bounded queue. When the queue is full the connection is
// given up (ErrOverflow), for a reader that stalls makes Asterisk cut it off, and lost events must not go unnoticed.
package ami

import "strings"

// Message is one message of Asterisk's: header lines, in order. It is immutable. The zero Message has no headers.
type Message struct {
	text string // lines, each ended by CR LF but the last
	// Seq is the position in the stream; later messages have larger ones.
	Seq uint64
	// Damaged says that a message stood here that was longer than MaxMessage: its text is lost.
	Damaged bool
}

// Parse makes a message of its lines, for tests and recordings. Lines are ended by CR LF.
func Parse(text string) Message { return Message{text: strings.TrimRight(text, "\r\n")} }

// Get is the value of the first header of that name (the case matters); empty where there is none.
func (m Message) Get(name string) string {
	for rest := m.text; rest != ""; {
		line := rest
		if i := strings.IndexByte(rest, '\n'); i >= 0 {
			line, rest = rest[:i], rest[i+1:]
		} else {
			rest = ""
		}
		if v, ok := value(line, name); ok {
			return v
		}
	}
	return ""
}

// All are the values of every header of that name, in order.
func (m Message) All(name string) []string {
	var list []string
	for line := range strings.SplitSeq(m.text, "\n") {
		if v, ok := value(line, name); ok {
			list = append(list, v)
		}
	}
	return list
}

// value is that of a line, if its header has the name.
func value(line, name string) (string, bool) {
	if len(line) <= len(name) || line[len(name)] != ':' || line[:len(name)] != name {
		return "", false
	}
	v := line[len(name)+1:]
	if n := len(v); n > 0 && v[n-1] == '\r' {
		v = v[:n-1]
	}
	if v != "" && v[0] == ' ' {
		v = v[1:]
	}
	return v, true
}

// Event is the name of the event; empty for a response.
func (m Message) Event() string {
	v, _ := value(m.first(), "Event")
	return v
}

func (m Message) first() string {
	line, _, _ := strings.Cut(m.text, "\n")
	return line
}

// isResponse says whether it answers an action.
func (m Message) isResponse() bool {
	_, ok := value(m.first(), "Response")
	return ok
}

// String is the message as it came.
func (m Message) String() string { return m.text }
