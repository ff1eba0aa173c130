package live

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/switchboard"
)

// Eyes are what somebody may see. Seeing a line's state and seeing with whom it speaks are two rights: who has the first alone gets, for each line in
// a call, a call of its own under a name from which the other line can't be told.
type Eyes struct {
	All     bool                     // everything of every device
	State   func(csta.DeviceID) bool // the state of a device of ours
	Parties func(csta.DeviceID) bool // with whom it speaks
	Control func(csta.DeviceID) bool // who may control a line needs the true name of its call
}

// Everything are the eyes of an operator.
func Everything() Eyes {
	yes := func(csta.DeviceID) bool { return true }
	return Eyes{All: true, State: yes, Parties: yes, Control: yes}
}

// sees says whether the parties of a call with these devices may be seen.
func (e Eyes) sees(devices ...csta.DeviceID) bool {
	return e.All || slices.ContainsFunc(devices, e.Parties)
}

func devicesOf(c *callmodel.Call) []csta.DeviceID {
	list := make([]csta.DeviceID, len(c.Legs))
	for i, l := range c.Legs {
		list[i] = l.Device
	}
	return list
}

// Calls are the pictures of a call: one to who may see the parties of a device in it; else one for each line whose state may be seen.
func (e Eyes) Calls(c callmodel.Call, reference string) []Call {
	if e.sees(devicesOf(&c)...) {
		return []Call{CallOf(c, reference)}
	}
	var out []Call
	for _, l := range c.Legs {
		if e.State(l.Device) {
			out = append(out, e.part(c.ID, l))
		}
	}
	return out
}

// part is one line's own part in a call.
func (e Eyes) part(id csta.CallID, l callmodel.Leg) Call {
	return Call{ID: e.name(id, l.Device), Began: new(l.Since), Legs: []Leg{{Device: l.Device, State: l.State, Since: l.Since, Cause: l.Cause}}}
}

// name is what a call is called to who sees only this line's part in it.
func (e Eyes) name(id csta.CallID, d csta.DeviceID) csta.CallID {
	if e.Control(d) {
		return id
	}
	m := hmac.New(sha256.New, nameKey)
	m.Write([]byte(id))
	m.Write([]byte{0})
	m.Write([]byte(d))
	return csta.CallID(PartPrefix + hex.EncodeToString(m.Sum(nil)[:10]))
}

// PartPrefix begins the names of lines' parts in calls.
const PartPrefix = "part-"

// Meant is the call that a viewer means by a name. Whoever sees only a line's part in a call knows it by that part's; one that is nothing to him stays as it is.
func (s *Story) Meant(v Viewer, id csta.CallID) csta.CallID {
	if !strings.HasPrefix(string(id), PartPrefix) {
		return id
	}
	state, _ := s.board.Snapshot(v.Principal, switchboard.Filter{All: true})
	for _, c := range state.Calls {
		if slices.ContainsFunc(v.Eyes.Calls(c, ""), func(part Call) bool { return part.ID == id }) {
			return c.ID
		}
	}
	return id
}

// nameKey makes the names of parts, anew in each process.
var nameKey = []byte(rand.Text())

// after are the pictures of an event's calls as they are after it.
func (e Eyes) after(t switchboard.Entry) []Call {
	var out []Call
	cause := CauseOf(t.Event)
	for i, id := range t.Calls {
		c := t.After[i]
		ref := ""
		if t.References != nil {
			ref = t.References[i]
		}
		if c != nil && e.sees(devicesOf(c)...) {
			out = append(out, CallOf(*c, ref))
			continue
		}
		if e.All || slices.ContainsFunc(t.Audience, func(s callmodel.Seat) bool { return e.Parties(s.Device) }) {
			out = append(out, Call{ID: id, Ended: true, Reference: ref, Cause: cause})
		}
		if e.All {
			continue
		}
		for _, s := range t.Audience {
			if e.Parties(s.Device) || !e.State(s.Device) {
				continue
			}
			n := -1
			if c != nil {
				n = slices.IndexFunc(c.Legs, func(l callmodel.Leg) bool { return l.Device == s.Device })
			}
			if n >= 0 {
				out = append(out, e.part(id, c.Legs[n]))
			} else {
				out = append(out, Call{ID: e.name(id, s.Device), Ended: true})
			}
		}
	}
	return out
}

// CauseOf is why an event happened, where it says so.
func CauseOf(e csta.Event) string {
	switch e := e.(type) {
	case csta.ConnectionClearedEvent:
		return string(e.Cause)
	case csta.CallClearedEvent:
		return string(e.Cause)
	case csta.FailedEvent:
		return string(e.Cause)
	case csta.DivertedEvent:
		return string(e.Cause)
	case csta.TransferedEvent:
		return string(e.Cause)
	}
	return ""
}

// Sees says whether the parties of a call may be seen.
func (e Eyes) Sees(c callmodel.Call) bool { return e.sees(devicesOf(&c)...) }
