package wiretap

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"farhook/csta"
	"farhook/pbxadapter"
)

// MarshalText gives the layer's name.
func (l Layer) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads a layer's name.
func (l *Layer) UnmarshalText(b []byte) error { return unname(l, layers[:], b, "layer") }

// MarshalText gives the direction's name.
func (d Direction) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a direction's name.
func (d *Direction) UnmarshalText(b []byte) error { return unname(d, directions[:], b, "direction") }

func unname[T ~uint8](to *T, names []string, b []byte, what string) error {
	i := slices.Index(names, string(b))
	if i < 0 {
		return fmt.Errorf("wiretap: %s %q: want one of %s", what, b, strings.Join(names, ", "))
	}
	*to = T(i)
	return nil
}

// wire is a Record in JSON.
type wire struct {
	At        time.Time     `json:"at"`
	Layer     Layer         `json:"layer"`
	Direction Direction     `json:"direction"`
	Peer      string        `json:"peer,omitzero"`
	Session   string        `json:"session,omitzero"`
	Line      csta.DeviceID `json:"line,omitzero"`
	Calls     []csta.CallID `json:"calls,omitempty"`
	Trace     string        `json:"trace,omitzero"`
	Text      string        `json:"text"`
	Cut       int           `json:"cut,omitzero"`
}

// MarshalJSON writes at in RFC 3339 with nanoseconds and UTC, the trace in hex, and text
// as a string, with U+FFFD for what isn't UTF-8.
func (r Record) MarshalJSON() ([]byte, error) {
	return json.Marshal(wire{
		At: r.At.UTC(), Layer: r.Layer, Direction: r.Direction, Peer: r.Peer, Session: r.Session, Line: r.Line, Calls: r.Calls,
		Trace: r.Trace.String(), Text: string(r.Text), Cut: r.Cut,
	})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Record) UnmarshalJSON(b []byte) error {
	var w wire
	if err := json.Unmarshal(b, &w); err != nil {
		return fmt.Errorf("wiretap: record: %w", err)
	}
	var trace pbxadapter.TraceID
	if w.Trace != "" {
		var err error
		if trace, err = pbxadapter.ParseTrace(w.Trace); err != nil {
			return fmt.Errorf("wiretap: record: %w", err)
		}
	}
	*r = Record{
		At: w.At, Layer: w.Layer, Direction: w.Direction, Peer: w.Peer, Session: w.Session, Line: w.Line, Calls: w.Calls,
		Trace: trace, Text: []byte(w.Text), Cut: w.Cut,
	}
	return nil
}
