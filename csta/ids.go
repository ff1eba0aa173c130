package csta

import (
	"encoding/hex"
	"fmt"
)

// DeviceID names a device: the canonical number of a phone or trunk. An outside party's is unique in its call
// (ECMA-269, 12.3.9). Only the package that made one takes it apart.
type DeviceID string

// CallID names a call (ECMA-269, 12.3.6). It is made by the PBX adapter from the PBX's name and the native id of the call's
// first leg, and is opaque to everybody else.
type CallID string

// MonitorID is a monitor cross reference (ECMA-269, 12.3.18), unique in the gateway.
type MonitorID string

// ConnectionID names a device's part in a call (ECMA-269, 12.3.8). Either member may be empty in a request.
type ConnectionID struct {
	Call   CallID   `xml:"callID,omitempty" json:"callID,omitzero"`
	Device DeviceID `xml:"deviceID,omitempty" json:"deviceID,omitzero"`
}

// String is for logs.
func (c ConnectionID) String() string { return string(c.Call) + "/" + string(c.Device) }

// State is the state of a connection (ECMA-269, 6.1.5), the standard's LocalConnectionState.
type State string

// The states of a connection.
const (
	Null      State = "null"
	Initiated State = "initiated"
	Alerting  State = "alerting"
	Connected State = "connected"
	Hold      State = "hold"
	Queued    State = "queued"
	Fail      State = "fail"
)

// Edition is the XML namespace of an edition of ECMA-323.
type Edition string

// The editions. Ed3 is what Microsoft's clients speak, and the default.
const (
	Ed1 Edition = "http://www.ecma.ch/standards/ecma-323/csta"
	Ed2 Edition = "http://www.ecma-international.org/standards/ecma-323/csta/ed2"
	Ed3 Edition = "http://www.ecma-international.org/standards/ecma-323/csta/ed3"
	Ed4 Edition = "http://www.ecma-international.org/standards/ecma-323/csta/ed4"
	Ed5 Edition = "http://www.ecma-international.org/standards/ecma-323/csta/ed5"
	Ed6 Edition = "http://www.ecma-international.org/standards/ecma-323/csta/ed6"
)

// ApplicationSession is the namespace of ECMA-354, whose messages open and end a CSTA session over TCP. It is no edition of CSTA: only its own
// messages are read and written in it, and they in no other.
const ApplicationSession Edition = "http://www.ecma-international.org/standards/ecma-354/appl_session"

// HexBinary are octets that travel as hexadecimal digits.
type HexBinary []byte

// MarshalText gives the digits in upper case.
func (h HexBinary) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%X", []byte(h)), nil }

// UnmarshalText reads digits of either case.
func (h *HexBinary) UnmarshalText(text []byte) error {
	out := make([]byte, hex.DecodedLen(len(text)))
	if _, err := hex.Decode(out, text); err != nil {
		return fmt.Errorf("csta: hexBinary: %w", err)
	}
	*h = out
	return nil
}

// Any is foreign content, kept as it came: the octets inside the element, and the namespace declarations that were in
// scope there, so that prefixes keep their meaning. Package csta/extension reads it.
type Any struct {
	Octets []byte      `json:"octets,omitzero"`
	Scope  []Namespace `json:"scope,omitzero"`
}

// Namespace is one declaration in scope: xmlns:Prefix="URI", or xmlns="URI" where Prefix is empty.
type Namespace struct{ Prefix, URI string }
