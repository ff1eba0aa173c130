package callmodel

import (
	"time"

	"farhook/csta"
)

// Model is one PBX's calls, features and service. The zero value is not ready: use New.
type Model struct{}

// New is an empty model.
func New() *Model { return &Model{} }

// Apply takes one fact over and tells what follows from it, in order. A fact that the table does not know is taken over
// all the same, and counted (Odd).
func (m *Model) Apply(f Fact) []Told { return nil }

// Resync replaces everything by s and tells the difference as events: ends first, then what is new or moved.
func (m *Model) Resync(s State, at time.Time) []Told { return nil }

// State is everything at this moment.
func (m *Model) State() State { return State{} }

// Call finds one call, also by a name that it had before a rearrangement (kept for 30 s of facts' time).
func (m *Model) Call(id csta.CallID) (Call, bool) { return Call{}, false }

// At lists the calls in which d has a connection, oldest first.
func (m *Model) At(d csta.DeviceID) []Call { return nil }

// Features lists d's features as last told.
func (m *Model) Features(d csta.DeviceID) []Feature { return nil }

// OutOfService says whether d is out of service, and why.
func (m *Model) OutOfService(d csta.DeviceID) (csta.EventCause, bool) { return "", false }

// Odd counts the facts that the table of state changes did not know.
func (m *Model) Odd() uint64 { return 0 }
