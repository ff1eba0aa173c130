// Package live follows the journal for the web. SSE, WebSocket and webhooks send the same documents in the same order, each with a position. What
// they hold, and REST answers, are pictures of devices and calls: whole, so that nobody needs a state machine of his own.
//
// Order and loss: a follower gets every event that it may see and asked for once, in journal order. Whoever comes back with a position that
// the journal doesn't keep any more is told so (a gap), gets a snapshot, and goes on from there. A follower that is too slow is cut with a reason;
// it costs nobody else anything, and comes back where it was.
package live

import (
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard"
)

// Device is a device as it is now.
type Device struct {
	ID           csta.DeviceID                      `json:"deviceID" doc:"Canonical number as URI (RFC 3966)" example:"tel:+15551001"`
	Kind         string                             `json:"kind" enum:"phone,group,parkSlot,trunk"`
	Name         string                             `json:"name,omitempty" doc:"Whose it is"`
	Department   string                             `json:"department,omitempty" doc:"Where its owner works, as the directory has it"`
	Aliases      []string                           `json:"aliases,omitempty" doc:"Other numbers that mean it, such as its extension"`
	Members      []csta.DeviceID                    `json:"members,omitempty" doc:"Of a group"`
	PBX          string                             `json:"pbx"`
	LinkUp       bool                               `json:"linkUp" doc:"Whether the PBX is connected"`
	OutOfService *csta.EventCause                   `json:"outOfService,omitempty" doc:"Why the device is out of service; absent: it is in service"`
	Offers       []csta.Service                     `json:"offers,omitempty" doc:"CSTA services that it can do"`
	Lacks        map[csta.Service]pbxadapter.Reason `json:"lacks,omitempty" doc:"Services that its PBX can do and it can't, and why"`
	Voicemail    csta.DeviceID                      `json:"voicemail,omitempty" doc:"The number of its voicemail: a call is deflected or transferred there; absent: its PBX has no code for it" example:"*981001"`
	Through      bool                               `json:"throughDoNotDisturb,omitempty" doc:"Whether its own PBX's phones can call it through its do not disturb, for who has the scope override"`
	Features     Features                           `json:"features"`
}

// Features are what is set at a device.
type Features struct {
	DoNotDisturb   bool         `json:"doNotDisturb"`
	MessageWaiting bool         `json:"messageWaiting"`
	MicrophoneMute bool         `json:"microphoneMute"`
	Forwarding     []Forwarding `json:"forwarding,omitempty"`
}

// Forwarding is one type of forwarding.
type Forwarding struct {
	Type  csta.ForwardingType `json:"type" example:"forwardImmediate"`
	On    bool                `json:"on"`
	To    csta.DeviceID       `json:"to,omitempty"`
	Rings int                 `json:"rings,omitempty"`
}

// Call is a call as it is now; one that has ended has nothing but its id.
type Call struct {
	ID    csta.CallID `json:"callID" doc:"To who may see a line's state and not with whom it speaks: a name that stands for this line's part in it"`
	Ended bool        `json:"ended,omitempty"`
	Cause string      `json:"cause,omitempty" doc:"Why it ended, where it has" example:"normalClearing"`
	Began *time.Time  `json:"began,omitempty"`
	// Reference is the integrator's own.
	Reference  string `json:"reference,omitempty" doc:"What the call was given as reference when it was made"`
	Calling    *Party `json:"calling,omitempty"`
	Called     *Party `json:"called,omitempty"`
	Redirected *Party `json:"lastRedirected,omitempty" doc:"Whom it was at before it was forwarded, deflected, or came back; absent: it came straight"`
	Legs       []Leg  `json:"legs,omitempty" doc:"Connections, in the order in which they came"`
}

// Leg is one connection of a call.
type Leg struct {
	Device csta.DeviceID   `json:"deviceID"`
	State  csta.State      `json:"state" enum:"initiated,alerting,connected,hold,queued,fail"`
	Since  time.Time       `json:"since"`
	Cause  csta.EventCause `json:"cause,omitempty" doc:"Why it is in the state fail, as events say: busy, doNotDisturb, destOutOfOrder and the like"`
	Party  *Party          `json:"party,omitempty" doc:"How it is shown to the others; absent: it may not be seen"`
}

// Party is somebody as shown to others.
type Party struct {
	Shown  string        `json:"shown" enum:"known,notKnown,restricted"`
	Device csta.DeviceID `json:"deviceID,omitempty"`
	Number csta.DeviceID `json:"number,omitempty"`
	Name   string        `json:"name,omitempty"`
}

var kinds = map[pbxadapter.DeviceKind]string{
	pbxadapter.Phone: "phone", pbxadapter.Group: "group", pbxadapter.ParkSlot: "parkSlot", pbxadapter.Trunk: "trunk",
}

// DeviceOf is the picture of a device in a state.
func DeviceOf(i switchboard.DeviceInfo, s callmodel.State) Device {
	d := Device{
		ID: i.ID, Kind: kinds[i.Kind], Name: i.Name, Department: i.Owner.Department, Aliases: i.Aliases, Members: i.Members, PBX: i.PBX, LinkUp: i.LinkUp,
		Offers: i.Offers, Lacks: i.Lacks, Voicemail: i.Voicemail, Through: i.Through != "",
	}
	if cause, out := s.Out[i.ID]; out {
		d.OutOfService = new(cause)
	}
	for _, f := range s.Features[i.ID] {
		switch f := f.(type) {
		case callmodel.DoNotDisturb:
			d.Features.DoNotDisturb = f.On
		case callmodel.MessageWaiting:
			d.Features.MessageWaiting = f.On
		case callmodel.MicrophoneMute:
			d.Features.MicrophoneMute = d.Features.MicrophoneMute || f.On
		case callmodel.Forwarding:
			d.Features.Forwarding = append(d.Features.Forwarding, Forwarding{f.Type, f.On, f.To, f.Rings})
		}
	}
	return d
}

// KindOf is the name of a device's kind.
func KindOf(i switchboard.DeviceInfo) string { return kinds[i.Kind] }

// CallOf is the picture of a call to who may see with whom its devices speak.
func CallOf(c callmodel.Call, reference string) Call {
	out := Call{
		ID: c.ID, Began: new(c.Began), Calling: new(partyOf(c.Calling)), Called: new(partyOf(c.Called)), Legs: []Leg{}, Reference: reference,
	}
	if c.LastRedirected.Shown != callmodel.Absent {
		out.Redirected = new(partyOf(c.LastRedirected))
	}
	for _, l := range c.Legs {
		p := l.Party
		if p.Shown == callmodel.Absent {
			p = callmodel.Party{Device: l.Device, Shown: callmodel.Known}
		}
		out.Legs = append(out.Legs, Leg{Device: l.Device, State: l.State, Since: l.Since, Cause: l.Cause, Party: new(partyOf(p))})
	}
	return out
}

func partyOf(p callmodel.Party) Party {
	switch p.Shown {
	case callmodel.Known:
		n := p.Number
		if n == "" {
			n = p.Device
		}
		return Party{Shown: "known", Device: p.Device, Number: n, Name: p.Name}
	case callmodel.Restricted:
		return Party{Shown: "restricted"}
	case callmodel.Absent, callmodel.NotKnown:
	}
	return Party{Shown: "notKnown"}
}
