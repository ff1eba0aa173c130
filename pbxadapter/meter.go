package pbxadapter

import "time"

// Outcome is how a command to a PBX ended.
type Outcome uint8

// The outcomes. What a command brought about is not among them: that is for the event that proves it.
const (
	Answered   Outcome = iota // taken, or carried out
	Refused                   // the PBX said no
	Unanswered                // nothing came in time, or nobody waits any more
	LinkLost                  // the connection ended first
)

func (o Outcome) String() string {
	return [...]string{"answered", "refused", "unanswered", "link lost"}[min(o, LinkLost)]
}

// Work is a piece of an adapter's work on its PBX: a command, or an audit.
type Work struct {
	Command  string        // the PBX's own word for it, "Originate" or "uuid_hold": one of few, without arguments; empty: an audit
	Took     time.Duration // from sending to the answer
	Outcome  Outcome       // of a command
	Repaired int           // connections that an audit had to put right
}

// Meter takes what an adapter did, for the counters. A nil one takes nothing. It's quick, never blocks, and may be called from any goroutine.
type Meter func(Work)

// Command counts one command and its answer, keep-alives aside.
func (m Meter) Command(command string, took time.Duration, o Outcome) {
	if m != nil {
		m(Work{Command: command, Took: took, Outcome: o})
	}
}

// Audited counts one comparison of what was told with what the PBX has.
func (m Meter) Audited(repaired int) {
	if m != nil {
		m(Work{Repaired: repaired})
	}
}
