package callmodel

import (
	"time"

	"farhook/csta"
)

// Told is one event and everybody who is to hear it, each with its own state at that moment. The audience alone decides
// monitors, wake-ups and rights; an event does not name all who hear it.
type Told struct {
	Event    csta.Event // its monitorCrossRefID and localConnectionInfo are empty
	Audience []Seat
	Calls    []csta.CallID // the calls it is about, the result of a rearrangement last; empty for features and service
	After    []*Call       // each of Calls as it is after the event, nil where it is gone; shared, not to be changed
	Feature  Feature       // that the event sets; nil: it sets none
	Op       OpID
	At       time.Time
}

// Seat is one hearer: a device, and the state of its own connection in the event's call right after it (Null when it has left).
// Local is empty for events that have no localConnectionInfo.
type Seat struct {
	Device csta.DeviceID
	Local  csta.State
}

// State is everything a PBX has at one moment. It is a value: whoever holds one may keep it, nobody may change it.
type State struct {
	Calls    []Call                            // sorted by ID
	Features map[csta.DeviceID][]Feature       // at most one of each kind, Forwarding one of each type
	Out      map[csta.DeviceID]csta.EventCause // devices out of service, and why
}

// Call is one call with its legs in the order in which they came.
type Call struct {
	ID              csta.CallID
	Began           time.Time // when the first leg appeared
	Calling, Called Party
	LastRedirected  Party
	Legs            []Leg
}

// Leg is one connection.
type Leg struct {
	Device csta.DeviceID
	State  csta.State // never Null
	Kind   Kind
	Party  Party     // how it is shown
	Since  time.Time // when it reached State
	Queue  *QueuePlace
	Cause  csta.EventCause // why it is in Fail; empty in every other state, and where that isn't known
}
