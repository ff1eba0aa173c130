package csta

import "errors"

// Limits of a body (before meaning).
const (
	MaxBody  = 64 << 10 // octets
	MaxDepth = 32       // nested elements
)

// Decode reads one document: its message and the edition it was written in.
//
// A document that isn't one (broken XML, a DOCTYPE, too deep, too large, unknown encoding, foreign root) gives a *SyntaxError;
// a known message with a member missing or malformed gives an *Error (operation/invalidParameterValue) whose cause names the member.
func Decode(body []byte) (Message, Edition, error) {
	return nil, "", errors.New("csta: not built yet")
}

// SyntaxError says why a body is no CSTA document.
type SyntaxError struct {
	Offset int    // octets from the start
	Reason string // lower case, no full stop
	Large  bool   // the body is larger than MaxBody
}

func (e *SyntaxError) Error() string { return "csta: " + e.Reason }

// Encode appends m as a document in edition ed, with XML declaration, without white space between elements.
func Encode(dst []byte, m Message, ed Edition) []byte { return EncodeSpelled(dst, m, ed, nil) }

// EncodeSpelled is Encode with every device written as spell has it; nil writes them as they are.
func EncodeSpelled(dst []byte, m Message, ed Edition, spell func(DeviceID) string) []byte {
	return dst
}

// Template is an event encoded once, with holes for what differs between its hearers. It is immutable.
type Template struct{}

// Prepare encodes e for edition ed. The event's own monitorCrossRefID and localConnectionInfo are left open.
func Prepare(e Event, ed Edition) *Template { return &Template{} }

// Append writes the event for one hearer: its cross reference, its own state (empty: no localConnectionInfo; ignored by
// events that have none) and its spelling of devices (nil: as they are).
func (t *Template) Append(dst []byte, ref MonitorID, local State, spell func(DeviceID) string) []byte {
	return dst
}

// Rewrite gives a copy of r in which every device and connection that is a member of the request itself is what the
// functions make of it. The first error ends it, and is returned as it is. Lists and nested structures are not touched.
func Rewrite(r Request, device func(member string, d DeviceID) (DeviceID, error),
	connection func(member string, c ConnectionID) (ConnectionID, error)) (Request, error) {
	return r, nil
}
