package uacsta

import (
	"slices"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/switchboard"
)

// Peers compare text. So a session answers in its peer's own spelling: the line is what it signed in to, to the letter; a device is as the peer
// last named it; a number that the peer has dialled, and a connection's device, is as the peer had it in that call, for as long as the call lives. Otherwise a line is what the directory has for
// it, and every other device its canonical number: by that a client finds whose it is.

// learn notes which device and calls a request is about, and how the peer spells devices: it compares text.
func (x *session) learn(o *openRequest) {
	_, _ = csta.Rewrite(o.req,
		func(member string, d csta.DeviceID) (csta.DeviceID, error) {
			if slices.Contains(dialledMembers, member) {
				x.dials(o, d)
			} else if id, ok := x.note(o, d); ok {
				x.spells(id, string(d))
			}
			return d, nil
		},
		func(_ string, c csta.ConnectionID) (csta.ConnectionID, error) {
			if c.Call != "" {
				o.calls = append(o.calls, c.Call)
			}
			if c.Device == "" {
				return c, nil
			}
			if id, ok := x.note(o, c.Device); ok {
				x.spellsIn(c.Call, id, string(c.Device))
			}
			return c, nil
		})
	if o.device == "" {
		o.device = x.who.Line
	}
}

// dialledMembers hold numbers to be called.
var dialledMembers = []string{"calledDirectoryNumber", "consultedDevice", "newDestination", "transferredTo", "deviceToJoin", "parkTo", "forwardDN"}

// note finds the device that a request names; the first is the one that it's about. false: there is none.
func (x *session) note(o *openRequest, d csta.DeviceID) (csta.DeviceID, bool) {
	id, err := x.server.board.Resolve(string(d))
	if err != nil {
		return "", false
	}
	if o.device == "" {
		o.device = id
	}
	return id, true
}

const maxSpelt = 256 // devices of which a session remembers a spelling

// spells remembers how the peer spells a device.
func (x *session) spells(id csta.DeviceID, as string) {
	if id == x.who.Line || x.spell(id, nil) == as {
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

// spellsIn is spells for one call alone: what a connection's device is called there says nothing about others.
func (x *session) spellsIn(call csta.CallID, id csta.DeviceID, as string) {
	if call == "" || id == x.who.Line || x.spell(id, []csta.CallID{call}) == as {
		return
	}
	if c, stands := x.server.board.Call(x.who, call); stands {
		x.remembers(dialledNumber{Device: id, As: strings.Clone(as), Call: c.ID})
	}
}

// spell is a device as the peer has it, in what is said about some calls.
func (x *session) spell(d csta.DeviceID, calls []csta.CallID) string {
	if d == x.who.Line {
		return x.spelling
	}
	for _, n := range slices.Backward(x.dialled) {
		if n.Device == d && slices.Contains(calls, n.Call) {
			return n.As
		}
	}
	if s, ok := x.spelt[d]; ok {
		return s
	}
	return x.server.board.Spelled(d)
}

// speller is spell for what is said about the same calls.
func (x *session) speller(calls []csta.CallID) func(csta.DeviceID) string {
	return func(d csta.DeviceID) string { return x.spell(d, calls) }
}

// dialledNumber is one that the peer has called, as it was dialled, or named in a connection.
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
	if o.dialled.Call != "" {
		o.calls = append(o.calls, o.dialled.Call)
		x.remembers(*o.dialled)
	}
}

func (x *session) remembers(n dialledNumber) {
	if len(x.dialled) >= maxDialled {
		x.dialled = slices.Delete(x.dialled, 0, 1)
	}
	x.dialled = append(x.dialled, n)
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
