// Package callmodel keeps the calls of one PBX: an adapter's facts go in, CSTA events and their audience come out, by one table of
// state changes (ECMA-269, 6.1 and 6.8). It is pure: no clock, no goroutine, no I/O, and no lock; its owner serialises the calls.
package callmodel

import (
	"time"

	"farhook/csta"
)

// OpID marks what a request of ours caused. Empty: nobody asked.
type OpID uint64

// Meta is part of every fact: when, why, and which request of ours caused it, if any.
type Meta struct {
	At    time.Time
	Cause csta.EventCause // empty: what the table says is usual for this move
	Op    OpID
}

func (m Meta) when() time.Time { return m.At }

// Shown says how much of a party may be told.
type Shown uint8

// How a party is shown. The zero value of Party is "there is none": notRequired as a redirection, notKnown elsewhere.
const (
	Absent Shown = iota
	Known
	NotKnown
	Restricted
)

// Party is somebody as shown to others, which may be nothing.
type Party struct {
	Device csta.DeviceID // of the leg, where the party has one; unique in the call
	Shown  Shown
	Number csta.DeviceID // canonical number to show; empty: Device
	Name   string
}

// Fact is one thing that an adapter saw happen.
type Fact interface {
	fact()
	when() time.Time
}

// Kind says in which manner a connection reached its state.
type Kind uint8

// Plain is the usual case. Offered: the phone is asked before it rings (Alerting). Network: the call left the switch, and
// this outside party's own state is not known yet (Connected).
const (
	Plain Kind = iota
	Offered
	Network
)

// Moved is a connection that reached a state. To Null is the end of the connection: cleared, not diverted or transferred.
type Moved struct {
	Meta
	Connection csta.ConnectionID
	To         csta.State
	Kind       Kind
	// Who takes part, as the event shows them. Absent parties are what the call already knows.
	Calling, Called, LastRedirected Party
	Subject                         Party // the device of the connection itself, where it shows otherwise than by its DeviceID (outside parties)
	By                              Party // who released (To Null); absent: the connection's own device
	Queue                           *QueuePlace
}

// QueuePlace is where a queued connection waits.
type QueuePlace struct {
	Queued       int // callers waiting, this one included; 0: not known
	CallsInFront int // -1: not known
}

// Redirected is a connection that went elsewhere: deflected, forwarded, or picked up from. The connection ends with it; the
// new destination's own connection is told by its own Moved. A connection that never was (forwarded at once, or by a phone that answers
// with a redirection) may be redirected too: no event tells it, later ones name its device as the last redirecting one.
type Redirected struct {
	Meta
	Connection                      csta.ConnectionID
	NewDestination                  Party
	Calling, Called, LastRedirected Party
}

// Rearrangement is a way in which calls are joined or handed over.
type Rearrangement uint8

// The rearrangements.
const (
	Transfer Rearrangement = iota + 1
	SingleStepTransfer
	Conference
	SingleStepConference
)

// Rearranged is calls that were joined or handed over, in one step. Transfers are told as TransferedEvent, conferences as
// ConferencedEvent (ECMA-269, 17.2.27 and 17.2.6).
type Rearranged struct {
	Meta
	How       Rearrangement
	Primary   csta.CallID // the held call; in single-step forms the only one
	Secondary csta.CallID // the consultation; empty in single-step forms
	By        csta.DeviceID
	Other     Party // transferred to, or added
	Result    csta.CallID
	Moves     []Move // every party of the result; the device By only where it stays in
}

// Move is one party's way through a rearrangement. New.Call is the result. A party that was in neither call has an Old equal to New.
// State is the state of the party's connection afterwards; Null lists a party (transferred to, being joined) whose own connection is
// told by a later Moved.
type Move struct {
	Old, New csta.ConnectionID
	State    csta.State
	Party    Party
}

// FeatureSet is a feature of a device that was set, by whomever.
type FeatureSet struct {
	Meta
	Device  csta.DeviceID
	Feature Feature
}

// Feature is DoNotDisturb, Forwarding, MessageWaiting or MicrophoneMute.
type Feature interface{ feature() }

// DoNotDisturb is ECMA-269, 22.1.12.
type DoNotDisturb struct{ On bool }

// Forwarding is one type of forwarding (ECMA-269, 22.1.13). A device may have several, one of each type.
type Forwarding struct {
	Type  csta.ForwardingType
	On    bool
	To    csta.DeviceID // last destination, also while off; empty: never set
	Rings int           // forwardNoAns: rings before; 0: not told
}

// MessageWaiting is ECMA-269, 21.1.8.
type MessageWaiting struct{ On bool }

// MicrophoneMute is ECMA-269, 21.1.10.
type MicrophoneMute struct {
	On        bool
	Apparatus string // auditory apparatus; empty: the handset
}

// Service is a device that went out of or came back into service.
type Service struct {
	Meta
	Device csta.DeviceID
	In     bool
}

// Noted is told and changes no state: digits, call information. What's monitorCrossRefID and localConnectionInfo are filled in for each hearer.
type Noted struct {
	Meta
	Connection csta.ConnectionID
	What       csta.Event
}

func (Moved) fact()      {}
func (Redirected) fact() {}
func (Rearranged) fact() {}
func (FeatureSet) fact() {}
func (Service) fact()    {}
func (Noted) fact()      {}

func (DoNotDisturb) feature()   {}
func (Forwarding) feature()     {}
func (MessageWaiting) feature() {}
func (MicrophoneMute) feature() {}
