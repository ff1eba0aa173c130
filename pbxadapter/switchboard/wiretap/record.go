// Package wiretap is the bounded record of every SIP, CSTA and PBX message: what was said, when, by whom, in which session, about which
// line and calls, and for which request. It is always on, so writing it costs one copy under a short lock and no allocation; looking things
// up, relating messages to each other and hiding secrets cost whoever asks. Nothing blocks on I/O.
//
// Order is that in which Record was called. The record is a ring: the oldest messages are overwritten, and those beyond an age forgotten.
package wiretap

import (
	"strconv"
	"time"

	"farhook/csta"
	"farhook/pbxadapter"
)

// Layer says which protocol a message is of.
type Layer uint8

// The layers.
const (
	SIP  Layer = iota // with the CSTA message in its body, if it has one
	CSTA              // a bare CSTA message
	PBX               // the PBX's own language
)

var layers = [...]string{SIP: "sip", CSTA: "csta", PBX: "pbx"}

func (l Layer) String() string { return named(layers[:], uint8(l)) }

// Direction says which way a message went.
type Direction uint8

// The directions.
const (
	In  Direction = iota // towards farhook
	Out                  // from farhook
)

var directions = [...]string{In: "in", Out: "out"}

func (d Direction) String() string { return named(directions[:], uint8(d)) }

func named(names []string, i uint8) string {
	if int(i) < len(names) {
		return names[i]
	}
	return strconv.Itoa(int(i))
}

// What a record keeps at most. Longer names are cut, and so are those of a Filter, so that they still meet.
const (
	MaxText  = 64 << 10 // octets of Text
	maxName  = 512      // octets of Peer, Session, Line and each call
	maxCalls = 16       // Calls; a message that names more is found by the first of them
)

// Record is one message.
type Record struct {
	At        time.Time
	Layer     Layer
	Direction Direction
	Peer      string             // address of the SIP or CSTA peer, or name of the PBX
	Session   string             // the dialog's SIP Call-ID
	Line      csta.DeviceID      // whom the message is about or for
	Calls     []csta.CallID      // those it names: several in a transfer
	Trace     pbxadapter.TraceID // of the request that caused it; zero: none
	Request   uint64             // the same in a CSTA request and its answer; only an observer is told. 0: not known
	Text      []byte             // as on the wire, less what was cut and, where it was found, less its secrets
	Cut       int                // octets that Text lacks at its end
}
