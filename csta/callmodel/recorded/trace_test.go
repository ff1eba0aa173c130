// Package recorded feeds the call model with what real PBXs said, and holds the events against golden files. It has tests only: its
// translators know no more than these recordings need, and stand in for adapters, which know a PBX whole.
package recorded

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// message is one message of a recording.
type message struct {
	at     time.Duration // since the start
	client bool          // sent by us
	field  map[string]string
}

// readAMI reads a recording of Asterisk's manager interface: lines "S: " and "C: " are octets on the wire, "@ " is the time.
func readAMI(t *testing.T, name string) []message {
	t.Helper()
	var (
		list []message
		at   time.Duration
		now  = map[bool]map[string]string{}
	)
	for i, line := range strings.Split(string(read(t, name)), "\n") {
		if s, ok := strings.CutPrefix(line, "@ "); ok {
			seconds, err := strconv.ParseFloat(s, 64)
			if err != nil {
				t.Fatalf("%s:%d: %v", name, i+1, err)
			}
			at = time.Duration(seconds * float64(time.Second)).Round(time.Millisecond)
			continue
		}
		if len(line) < 3 || line[1:3] != ": " {
			continue
		}
		client := line[0] == 'C'
		if line = line[3:]; line == "" {
			list = append(list, message{at, client, now[client]})
			now[client] = nil
			continue
		}
		if now[client] == nil {
			now[client] = map[string]string{}
		}
		if k, v, ok := strings.Cut(line, ": "); ok && now[client][k] == "" {
			now[client][k] = v
		}
	}
	return list
}

// readESL reads a recording of FreeSWITCH's event socket: a line "CONNECTION DIRECTION MILLISECONDS LENGTH", then so many octets.
// Only events are given, and of their fields only those that are plain text.
func readESL(t *testing.T, name string) []message {
	t.Helper()
	var list []message
	for b := read(t, name); len(b) > 0; {
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		b = rest
		if line[0] == '#' {
			continue
		}
		var (
			connection, ms, length int
			direction              string
		)
		if _, err := fmt.Sscan(string(line), &connection, &direction, &ms, &length); err != nil || length > len(b) {
			t.Fatalf("%s: record %q: %v", name, line, err)
		}
		record := b[:length]
		b = b[min(length+1, len(b)):]
		_, body, _ := bytes.Cut(record, []byte("\n\n"))
		if direction != "S" || len(body) == 0 || body[0] != '{' {
			continue
		}
		var event map[string]any
		if err := json.Unmarshal(body, &event); err != nil {
			t.Fatalf("%s: at %d ms: %v", name, ms, err)
		}
		m := message{at: time.Duration(ms) * time.Millisecond, field: map[string]string{}}
		for k, v := range event {
			if s, ok := v.(string); ok {
				m.field[k] = s
			}
		}
		list = append(list, m)
	}
	return list
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
