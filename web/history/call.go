package history

import (
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/switchboard"
)

// Party is somebody as shown. A withheld caller has neither number nor name here.
type Party struct {
	Device csta.DeviceID `json:"deviceID,omitempty"`
	Number csta.DeviceID `json:"number,omitempty"`
	Name   string        `json:"name,omitempty"`
	Shown  string        `json:"shown" enum:"known,notKnown,restricted"`
}

// The ways in which a call ends.
const (
	Answered = "answered" // somebody spoke
	Missed   = "missed"   // it rang, and nobody answered
	Failed   = "failed"   // busy, no such number, no way there: see the cause
	Joined   = "joined"   // it went on in another call, JoinedTo: a consultation that became a transfer or a conference
	Unknown  = "unknown"  // the gateway was started again, or lost sight of it, before it ended

	Elsewhere = "elsewhere" // of a leg: it rang here, and was answered somewhere else
	Outgoing  = "outgoing"  // of a leg: it made the call, and nobody answered
)

// Call is one call of the past, or one that is still up (Ended is zero).
type Call struct {
	ID            string      `json:"id" doc:"Of this entry; sorts by begin"`
	CallID        csta.CallID `json:"callID"`
	PBX           string      `json:"pbx"`
	Began         time.Time   `json:"began"`
	Answered      time.Time   `json:"answered,omitzero"`
	Ended         time.Time   `json:"ended,omitzero"`
	Calling       Party       `json:"calling"`
	Called        Party       `json:"called"`
	Rang          int64       `json:"rangMilliseconds" doc:"From the first ring to the answer or the end"`
	Talked        int64       `json:"talkedMilliseconds" doc:"While at least two were connected"`
	Held          int64       `json:"heldMilliseconds" doc:"While somebody held it"`
	Outcome       string      `json:"outcome,omitempty" enum:"answered,missed,failed,joined,unknown" doc:"How it ended"`
	Cause         string      `json:"cause,omitempty" doc:"The CSTA cause with which it ended or failed" example:"normalClearing"`
	TransferredBy string      `json:"transferredBy,omitempty"`
	TransferredTo string      `json:"transferredTo,omitempty"`
	JoinedTo      csta.CallID `json:"joinedTo,omitempty" doc:"The call in which it went on"`
	By            string      `json:"by,omitempty" doc:"The session or token that made or moved it" example:"token:k3xq7p2m5v9d"`
	Reference     string      `json:"reference,omitempty" doc:"The integrator's own"`
	Legs          []Leg       `json:"legs" nullable:"false"`

	row string // of the store; empty: not yet there
	// What only an open call has.
	ringing, talking, holding time.Time // since when
}

// Leg is one device's part in a call.
type Leg struct {
	Device   csta.DeviceID `json:"deviceID"`
	Party    Party         `json:"party"`
	Began    time.Time     `json:"began"`
	Answered time.Time     `json:"answered,omitzero"`
	Ended    time.Time     `json:"ended,omitzero"`
	Rang     int64         `json:"rangMilliseconds"`
	Talked   int64         `json:"talkedMilliseconds"`
	Held     int64         `json:"heldMilliseconds"`
	Outcome  string        `json:"outcome,omitempty" enum:"answered,missed,elsewhere,outgoing,unknown"`

	state csta.State
	since time.Time
}

func party(p callmodel.Party) Party {
	switch p.Shown {
	case callmodel.Known:
		n := p.Number
		if n == "" {
			n = p.Device
		}
		return Party{Device: p.Device, Number: n, Name: p.Name, Shown: "known"}
	case callmodel.Restricted:
		return Party{Shown: "restricted"}
	case callmodel.Absent, callmodel.NotKnown:
	}
	return Party{Shown: "notKnown"}
}

// see takes over what a call is after an event.
func (c *Call) see(now *callmodel.Call, at time.Time) {
	c.CallID = now.ID
	if c.Began.IsZero() {
		c.Began = now.Began
	}
	if c.Calling.Shown == "" || c.Calling.Shown == "notKnown" {
		c.Calling = party(now.Calling)
	}
	if c.Called.Shown == "" || c.Called.Shown == "notKnown" {
		c.Called = party(now.Called)
	}
	for i := range c.Legs {
		l := &c.Legs[i]
		if l.Ended.IsZero() && !has(now, l.Device) {
			l.move(csta.Null, at)
		}
	}
	ringing, connected, holding := false, 0, false
	for _, leg := range now.Legs {
		c.leg(leg, at).move(leg.State, at)
		switch leg.State {
		case csta.Alerting, csta.Queued:
			ringing = true
		case csta.Connected:
			if leg.Kind != callmodel.Network {
				connected++
			}
		case csta.Hold:
			holding = true
		}
	}
	talks := connected >= 2
	if talks && c.Answered.IsZero() {
		c.Answered = at
	}
	c.Rang += spent(&c.ringing, ringing && c.Answered.IsZero(), at)
	c.Talked += spent(&c.talking, talks, at)
	c.Held += spent(&c.holding, holding, at)
}

// spent ends or begins a stretch of time, and gives how long it was.
func spent(since *time.Time, on bool, at time.Time) int64 {
	switch {
	case on && since.IsZero():
		*since = at
	case !on && !since.IsZero():
		n := max(at.Sub(*since).Milliseconds(), 0)
		*since = time.Time{}
		return n
	}
	return 0
}

func has(c *callmodel.Call, d csta.DeviceID) bool {
	for _, l := range c.Legs {
		if l.Device == d {
			return true
		}
	}
	return false
}

// leg finds a device's part, and makes one where it has none that goes on.
func (c *Call) leg(l callmodel.Leg, at time.Time) *Leg {
	for i := range c.Legs {
		if c.Legs[i].Device == l.Device && c.Legs[i].Ended.IsZero() {
			return &c.Legs[i]
		}
	}
	p := l.Party
	if p.Shown == callmodel.Absent {
		p = callmodel.Party{Device: l.Device, Shown: callmodel.Known}
	}
	c.Legs = append(c.Legs, Leg{Device: l.Device, Party: party(p), Began: at, state: csta.Null, since: at})
	return &c.Legs[len(c.Legs)-1]
}

// move counts the time in the old state, and begins the new one.
func (l *Leg) move(to csta.State, at time.Time) {
	if to == l.state {
		return
	}
	d := max(at.Sub(l.since).Milliseconds(), 0)
	switch l.state {
	case csta.Alerting, csta.Queued:
		l.Rang += d
	case csta.Connected:
		l.Talked += d
	case csta.Hold:
		l.Held += d
	}
	l.state, l.since = to, at
	if to == csta.Connected && l.Answered.IsZero() {
		l.Answered = at
	}
	if to == csta.Null {
		l.Ended = at
	}
}

// end finishes a call.
func (c *Call) end(outcome string, at time.Time) {
	c.Rang += spent(&c.ringing, false, at)
	c.Talked += spent(&c.talking, false, at)
	c.Held += spent(&c.holding, false, at)
	c.Ended, c.Outcome = at, outcome
	for i := range c.Legs {
		l := &c.Legs[i]
		l.move(csta.Null, at)
		switch {
		case outcome == Unknown && l.Answered.IsZero():
			l.Outcome = Unknown
		case l.Rang > 0 || l.Answered.IsZero() && i > 0:
			l.Outcome = Missed
			if !l.Answered.IsZero() {
				l.Outcome = Answered
			} else if !c.Answered.IsZero() {
				l.Outcome = Elsewhere
			}
		case c.Answered.IsZero():
			l.Outcome = Outgoing
		default:
			l.Outcome = Answered
		}
	}
}

// result is how a call ended that nothing else is known of.
func (c *Call) result() string {
	switch {
	case !c.Answered.IsZero():
		return Answered
	case failures[c.Cause]:
		return Failed
	}
	return Missed
}

// failures are the causes of calls that never got anywhere.
var failures = map[string]bool{
	string(csta.CauseBusy): true, string(csta.CauseDestNotObtainable): true, string(csta.CauseDestOutOfOrder): true,
	string(csta.CauseNetworkOutOfOrder): true, string(csta.CauseIncompatibleDestination): true, string(csta.CauseReorderTone): true,
	string(csta.CauseTrunksBusy): true, string(csta.CauseNetworkCongestion): true, string(csta.CauseInvalidNumberFormat): true,
	string(csta.CauseDoNotDisturb): true, string(csta.CauseBlocked): true, string(csta.CauseNetworkNotObtainable): true,
	string(csta.CauseNumberUnallocated): true, string(csta.CauseNumberChanged): true, string(csta.CauseResourcesNotAvailable): true,
}

// note keeps what an event says beside the state.
func (c *Call) note(e switchboard.Entry, reference string) {
	if c.By == "" && e.By.User != "" {
		c.By = e.By.User
	}
	if reference != "" {
		c.Reference = reference
	}
	switch x := e.Event.(type) {
	case csta.FailedEvent:
		c.Cause = string(x.Cause)
	case csta.CallClearedEvent:
		if !failures[c.Cause] && x.Cause != "" {
			c.Cause = string(x.Cause)
		}
	case csta.ConnectionClearedEvent:
		if c.Cause == "" {
			c.Cause = string(x.Cause)
		}
	case csta.TransferedEvent:
		c.TransferredBy, c.TransferredTo = subject(x.TransferringDevice), subject(x.TransferredToDevice)
	}
}

func subject(s csta.SubjectDeviceID) string {
	if s.Restricted || s.NotKnown {
		return ""
	}
	return string(s.DeviceIdentifier)
}
