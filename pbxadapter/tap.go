package pbxadapter

import (
	"farhook/csta"
	"farhook/csta/callmodel"
)

// Tap takes what an adapter and its PBX say to each other, for the wiretap. A nil one takes nothing. It's quick, never blocks, may be called
// from any goroutine, and keeps nothing of the message: what it wants it copies.
type Tap func(Message)

// Message is one message between an adapter and its PBX: a command, an answer, an event.
type Message struct {
	Out  bool           // to the PBX; else from it
	Op   callmodel.OpID // of the request it belongs to: Op(ctx) for a command and its answer, as in Meta for an event; 0: none is known
	Line csta.DeviceID  // whom it is about; empty where that isn't known
	// Calls are those it names, where they are known. A message without line and calls is found by its Op or by time only.
	Calls []csta.CallID
	Text  []byte // as on the wire, secrets too: who looks at the record doesn't see them
}

// Record hands a message over; a nil Tap does nothing.
func (t Tap) Record(m Message) {
	if t != nil {
		t(m)
	}
}
