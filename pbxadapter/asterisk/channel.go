package asterisk

import (
	"strings"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// kind says what a channel is to a call.
type kind uint8

const (
	phone   kind = iota // of a device of ours
	outside             // a trunk, or a technology that we don't know
	wire                // one end of a Local channel: calls pass through, it is never a party
	helper              // announcers, recorders and the like: not there
)

// helpers are technologies that Asterisk makes channels of for itself.
var helpers = map[string]bool{
	"CBAnn": true, "CBRec": true, "Announcer": true, "Snoop": true, "Surrogate": true, "AsyncGoto": true, "Bridge": true, "Message": true,
	"UnicastRTP": true, "MulticastRTP": true, "Recorder": true, "OutgoingSpoolFailed": true,
}

// The states of a channel (include the ones that matter only).
const (
	stateDown    = 0
	stateRing    = 4 // it calls
	stateRinging = 5 // it is called
	stateUp      = 6
	stateBusy    = 7
)

// channel is one channel of Asterisk's, by what its events said so far. They come in any order but for those of one channel, so nothing here
// is taken back by a late one.
type channel struct {
	id, name, linked string
	kind             kind
	endpoint         string        // of a phone
	device           csta.DeviceID // of a phone; of an outside party once it is placed
	party            callmodel.Party
	born             time.Time
	state            int
	dialled          string // by this channel, as it began
	intent           *intent
	caller           *channel // who dialled it
	originated       bool     // dialled by nobody: an Originate
	dials            []*channel
	dialString       string
	half             *channel // of a wire
	answered         bool     // its caller's dialling ended with it
	dialEnd          string   // … without it: the dial status
	forward          string   // … and sent it there
	bridge           *bridge
	entered          time.Time // … it, and when
	leftFirst        bool      // it left its bridge while others stayed
	leftLast         bool
	leaving          bool // its phone asked to hang up, or a request of ours did
	refused          bool // it was told "busy"
	gone             bool
	cause            int // Q.850
	tech             int // SIP status
	leg              *leg
	silent           bool // its end is part of something else, and told by it
	conference       string
	retrieve         *doubt // an Unhold that may be part of a transfer
	app              *doubt // answered by an application, or by something that is about to tell
	wondered         int    // how often it was asked what application it is in
	ending           *doubt
}

func (c *channel) up() bool { return c.state == stateUp }

// ringing says whether the phone rings, or has.
func (c *channel) ringing() bool { return c.state == stateRinging || c.state == stateUp }

// real says whether the channel is a party.
func (c *channel) real() bool { return c.kind == phone || c.kind == outside }

// bridge is channels that hear one another.
type bridge struct {
	id      string
	members []*channel
	apart   bool // a conference room or a car park: whoever is in it is not one call with the others
}

func (b *bridge) drop(c *channel) {
	for i, m := range b.members {
		if m == c {
			b.members = append(b.members[:i], b.members[i+1:]...)
			return
		}
	}
}

// call is one call as it was told.
type call struct {
	id              csta.CallID
	root            string // the native id it is named after
	began           time.Time
	calling, called callmodel.Party
	last            callmodel.Party // last redirecting
	cause           csta.EventCause // why parties are brought in now; empty: a plain call
	legs            []*leg
	op              callmodel.OpID // of the request that has parties brought in or cleared
	reached         bool           // somebody else was in it
	conference      bool           // in a room of ours
	served          bool           // held by our dialplan lines now
	sent            bool           // on from a called phone that it never reached
	handing         csta.DeviceID  // that hands it over, where our dialplan lines hold it
	handedTo        callmodel.Party
	deflected       callmodel.Party // where a request of ours is sending it
	parks           bool            // a request of ours has a party parked
	parkee          *channel        // who is parked already
	parking         *doubt          // … perhaps by a transfer that is to be told before
	lost            []*channel      // called, ended without an answer, and it isn't known yet why
}

func (c *call) leg(d csta.DeviceID) *leg {
	for _, l := range c.legs {
		if l.device == d {
			return l
		}
	}
	return nil
}

// others are the parties of a call beside l: virtual ones are not.
func (c *call) others(l *leg) []*leg {
	var list []*leg
	for _, o := range c.legs {
		if o != l && o.role == party {
			list = append(list, o)
		}
	}
	return list
}

// role says what a leg is.
type role uint8

const (
	party       role = iota // somebody, with a channel
	application             // what answered instead of somebody
	queue                   // where the call waits
	slot                    // where it is parked
	failure                 // whom it didn't reach
)

// leg is a connection as it was told.
type leg struct {
	call     *call
	device   csta.DeviceID
	party    callmodel.Party
	state    csta.State
	kind     callmodel.Kind
	since    time.Time
	role     role
	channels []*channel // the first one is that of the connection; several while a phone with several contacts rings
	op       callmodel.OpID
	why      csta.EventCause       // of the next hold or retrieve; empty: the phone's own
	server   bool                  // held by our dialplan lines, not by the phone
	queue    string                // Asterisk's name of the queue in which it waits
	place    *callmodel.QueuePlace // … and where

	suspected csta.State // it has been in this state longer than usual, and was looked at
}

func (l *leg) id() csta.ConnectionID { return csta.ConnectionID{Call: l.call.id, Device: l.device} }

// channel is the channel of the connection; nil for virtual legs, and between two channels.
func (l *leg) channel() *channel {
	if len(l.channels) == 0 {
		return nil
	}
	return l.channels[0]
}

func (l *leg) drop(c *channel) {
	for i, o := range l.channels {
		if o == c {
			l.channels = append(l.channels[:i:i], l.channels[i+1:]...)
			return
		}
	}
}

// technology and endpoint of a channel's name: PJSIP/101-0000002a.
func splitName(name string) (technology, endpoint string) {
	technology, rest, _ := strings.Cut(name, "/")
	if i := strings.LastIndexByte(rest, '-'); i >= 0 {
		rest = rest[:i]
	}
	return technology, rest
}

// halfName is the name of a Local channel's other end.
func halfName(name string) string {
	if s, ok := strings.CutSuffix(name, ";1"); ok {
		return s + ";2"
	}
	return strings.TrimSuffix(name, ";2") + ";1"
}

// intent is what an Originate of ours is for.
type intent struct {
	op      callmodel.OpID
	id      string // ChannelId that we chose
	device  csta.DeviceID
	called  callmodel.Party
	cause   csta.EventCause   // of ServiceInitiated
	pickup  *leg              // takes this leg's call over; nil: a call
	back    *leg              // takes back what the phone holds by its own key
	into    *call             // joins this conference
	told    csta.ConnectionID // of the call, once it has begun; of who joins a conference, once he is rung
	refused bool              // Asterisk said so
	failed  bool              // … and whom a conference waits for was told to be out of reach
	channel *channel
	since   time.Time
}

// quiet says whether the phone is called for something else than a call: that tells it, and its call is nobody's.
func (in *intent) quiet() bool { return in.pickup != nil || in.back != nil }
