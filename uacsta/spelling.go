package uacsta

import (
	"slices"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/switchboard"
)

// Peers compare text. So a session answers in its peer's own spelling: the line is what it signed in to, to the letter; a device is as the peer
// last named it; a number that the peer has dialled is as it was dialled, for as long as that call lives. Otherwise a line is what the directory has for
// it, and every other device its canonical number: by that a client finds whose it is.

// learn notes which device and calls a request is about, and how the peer spells devices: it compares text.
func (x *session) learn(o *openRequest) {
	_, _ = csta.Rewrite(o.req,
		func(member string, d csta.DeviceID) (csta.DeviceID, error) {
			if slices.Contains(dialledMembers, member) {
				x.dials(o, d)
			} else {
				x.note(o, d)
			}
			return d, nil
		},
		func(_ string, c csta.ConnectionID) (csta.ConnectionID, error) {
			if c.Call != "" {
				o.calls = append(o.calls, c.Call)
			}
			if c.Device != "" {
				x.note(o, c.Device)
			}
			return c, nil
		})
	if o.device == "" {
		o.device = x.who.Line
	}
}

// dialledMembers hold numbers to be called.
var dialledMembers = []string{"calledDirectoryNumber", "consultedDevice", "newDestination", "transferredTo", "deviceToJoin", "parkTo", "forwardDN"}

func (x *session) note(o *openRequest, d csta.DeviceID) {
	id, err := x.server.board.Resolve(string(d))
	if err != nil {
		return
	}
	if o.device == "" {
		o.device = id
	}
	x.spells(id, string(d))
}

const maxSpelt = 256 // devices of which a session remembers a spelling

func (x *session) spells(id csta.DeviceID, as string) {
	if x.spell(id) == as {
		return // also where it's the spelling of a number dialled, which the peer has from us
	}
	if id == x.who.Line {
		return
	}
	if x.server.board.Spelled(id) == as {
		delete(x.spelt, id)
		return
	}
	if x.spelt == nil {
		x.spelt = make(map[csta.DeviceID]string)
	}
	if _, known := x.spelt[id]; known || len(x.spelt) < maxSpelt {
		x.spelt[id] = strings.Clone(as)
	}
}

// spell is a device as the peer has it.
func (x *session) spell(d csta.DeviceID) string {
	if d == x.who.Line {
		return x.spelling
	}
	if s, ok := x.spelt[d]; ok {
		return s
	}
	for _, n := range slices.Backward(x.dialled) {
		if n.Device == d {
			return n.As
		}
	}
	return x.server.board.Spelled(d)
}

// dialledNumber is one that the peer has called, as it was dialled.
type dialledNumber struct {
	Device csta.DeviceID `json:"device"`
	As     string        `json:"as"`
	Call   csta.CallID   `json:"call"` // follows rearrangements
}

const maxDialled = 64 // of one session; the oldest is forgotten

// dials notes how the number is spelled that a request calls.
func (x *session) dials(o *openRequest, d csta.DeviceID) {
	id, err := x.server.board.Dialled(string(d))
	if err == nil && string(id) != string(d) {
		o.dialled = &dialledNumber{Device: id, As: strings.Clone(string(d))}
	}
}

// dialledIn remembers the number that a request has called, and in which call.
func (x *session) dialledIn(o *openRequest) {
	if o.dialled == nil {
		return
	}
	switch r := o.res.(type) {
	case csta.MakeCallResponse:
		o.dialled.Call = r.CallingDevice.Call
	case csta.ConsultationCallResponse:
		o.dialled.Call = r.InitiatedCall.Call
	case csta.SingleStepTransferCallResponse:
		o.dialled.Call = r.TransferredCall.Call
	case csta.SingleStepConferenceCallResponse:
		o.dialled.Call = r.ConferencedCall.Call
	case csta.DeflectCallResponse:
		if len(o.calls) > 0 {
			o.dialled.Call = o.calls[0]
		}
	}
	if o.dialled.Call == "" {
		return
	}
	if len(x.dialled) >= maxDialled {
		x.dialled = slices.Delete(x.dialled, 0, 1)
	}
	x.dialled = append(x.dialled, *o.dialled)
}

// follows goes with the numbers dialled into what has become of their calls, and forgets those of calls that are over for this session.
func (x *session) follows(e switchboard.Entry) {
	if len(x.dialled) == 0 || len(e.Calls) == 0 {
		return
	}
	last := len(e.Calls) - 1
	ours := e.After[last] != nil && slices.ContainsFunc(x.monitors, func(m *monitor) bool {
		return m.call == e.Calls[last] || m.device != "" && slices.ContainsFunc(e.After[last].Legs, func(l callmodel.Leg) bool { return l.Device == m.device })
	})
	kept := x.dialled[:0]
	for _, n := range x.dialled {
		if slices.Contains(e.Calls, n.Call) {
			n.Call = e.Calls[last]
			if !ours {
				continue
			}
		}
		kept = append(kept, n)
	}
	clear(x.dialled[len(kept):])
	x.dialled = kept
}

// forgets goes with the numbers dialled over what nobody told: calls that have ended or changed their names meanwhile.
func (x *session) forgets() {
	kept := x.dialled[:0]
	for _, n := range x.dialled {
		if c, stands := x.server.board.Call(switchboard.System, n.Call); stands {
			n.Call = c.ID
			kept = append(kept, n)
		}
	}
	clear(x.dialled[len(kept):])
	x.dialled = kept
}
