package recorded

import (
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

var start = time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)

// teller collects facts. What a PBX's next words may explain otherwise is held back for a moment of the recording's time, as an adapter
// would: nothing here looks into the future.
type teller struct {
	now   time.Duration
	facts []callmodel.Fact
	held  []*doubt
}

// doubt is something that is told when its time has come, unless it was dropped before.
type doubt struct {
	due  time.Duration
	tell func()
}

func (d *doubt) drop() {
	if d != nil {
		d.tell = nil
	}
}

// after tells f in a while.
func (t *teller) after(wait time.Duration, f func()) *doubt {
	d := &doubt{t.now + wait, f}
	t.held = append(t.held, d)
	return d
}

// until moves the time on, and tells what is due; doubts all wait about as long, so they are due in the order in which they came.
func (t *teller) until(at time.Duration) {
	for len(t.held) > 0 && t.held[0].due <= at {
		d := t.held[0]
		t.held, t.now = t.held[1:], max(t.now, d.due)
		if d.tell != nil {
			d.tell()
		}
	}
	t.now = at
}

func (t *teller) meta(cause csta.EventCause) callmodel.Meta {
	return callmodel.Meta{At: start.Add(t.now), Cause: cause}
}

func (t *teller) tell(f callmodel.Fact) { t.facts = append(t.facts, f) }

// call is what a translator knows of a call.
type call struct {
	id             csta.CallID
	calling        string
	called         string
	lastRedirected string
	cause          csta.EventCause // why parties are brought in now; empty: a plain call
}

// moved tells one connection's new state, with the parties as they are.
func (t *teller) moved(c *call, device string, to csta.State, cause csta.EventCause, more ...func(*callmodel.Moved)) {
	m := callmodel.Moved{
		Meta: t.meta(cause), Connection: connection(c, device), To: to,
		Calling: party(c.calling), Called: party(c.called), LastRedirected: party(c.lastRedirected),
	}
	for _, f := range more {
		f(&m)
	}
	t.tell(m)
}

func by(device string) func(*callmodel.Moved) {
	return func(m *callmodel.Moved) { m.By = party(device) }
}

func connection(c *call, device string) csta.ConnectionID {
	return csta.ConnectionID{Call: c.id, Device: csta.DeviceID(device)}
}

func party(device string) callmodel.Party {
	if device == "" {
		return callmodel.Party{}
	}
	return callmodel.Party{Device: csta.DeviceID(device), Shown: callmodel.Known}
}
