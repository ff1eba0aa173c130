package recorded

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// asterisk makes facts of Asterisk's manager events. A channel belongs to the call of the channel that dialled it; Local channels are wires.
type asterisk struct {
	teller
	t        *testing.T
	channels map[string]*channel // by Uniqueid
	order    []*channel          // as they came
	asked    map[string]string   // our Originate requests: ChannelId to number
	holding  map[string]bool     // channels that a request of ours is to hold
	joining  *joining
}

type channel struct {
	id, name string
	device   string // empty: a Local channel
	call     *call
	state    csta.State // as told
	caller   *channel   // who dialled it
	ringing  bool
	up       bool
	answered bool   // its caller's dialling ended with it
	silent   bool   // its end is part of something else
	leaving  bool   // its phone asked to hang up
	queue    string // in which its call waits
	retrieve *doubt
}

// joining is a conference that a request of ours brings together.
type joining struct {
	by                 *channel
	primary, secondary *call
	in                 []*channel
}

func translateAsterisk(t *testing.T, name string) []callmodel.Fact {
	a := &asterisk{t: t, channels: map[string]*channel{}, asked: map[string]string{}, holding: map[string]bool{}}
	for _, m := range readAMI(t, name) {
		a.until(m.at)
		if m.client {
			a.request(m.field)
		} else if m.field["Response"] == "" || m.field["Event"] != "" {
			a.event(m.field)
		}
	}
	a.until(time.Hour)
	return a.facts
}

// request is what we asked for: an adapter knows what its own requests were for.
func (a *asterisk) request(r map[string]string) {
	switch r["Action"] {
	case "Originate":
		a.asked[r["ChannelId"]] = r["Exten"]
	case "PJSIPNotify": // the only one in these recordings begins a consultation
		a.holding[r["Channel"]] = true
	case "Redirect":
		if r["ExtraChannel"] != "" {
			a.conference(a.named(r["Channel"]))
		}
	}
}

func (a *asterisk) event(e map[string]string) {
	c, dest := a.channels[e["Uniqueid"]], a.channels[e["DestUniqueid"]]
	switch e["Event"] {
	case "Newchannel":
		a.newChannel(e)
	case "Newstate":
		a.newState(c, e["ChannelState"])
	case "DialBegin":
		a.dialBegin(c, dest)
	case "DialEnd":
		a.dialEnd(c, dest, e["DialStatus"], e["Forward"])
	case "Hold":
		cause := csta.EventCause("")
		if a.holding[c.name] {
			cause = csta.CauseConsultation
		}
		a.move(c, csta.Hold, cause)
	case "Unhold": // also comes with every transfer, before it
		if c.state == csta.Hold {
			c.retrieve = a.after(50*time.Millisecond, func() { a.move(c, csta.Connected, "") })
		}
	case "BlindTransfer":
		a.blindTransfer(a.channels[e["TransfererUniqueid"]], a.channels[e["TransfereeUniqueid"]], e["Extension"])
	case "AttendedTransfer":
		a.attendedTransfer(
			a.channels[e["OrigTransfererUniqueid"]], a.channels[e["SecondTransfererUniqueid"]],
			a.channels[e["TransfereeUniqueid"]], a.channels[e["TransferTargetUniqueid"]])
	case "ConfbridgeJoin":
		a.join(c)
	case "QueueCallerJoin":
		a.queue(c, e)
	case "QueueCallerLeave":
		a.unqueue(c)
	case "HangupRequest":
		c.leaving = true
	case "Hangup":
		a.hangup(c, e["Cause"])
	}
}

func (a *asterisk) named(name string) *channel {
	for _, c := range a.order {
		if c.name == name {
			return c
		}
	}
	a.t.Fatalf("no channel %s", name)
	return nil
}

// heldCall is the call that a channel's device holds, or nil.
func (a *asterisk) heldCall(c *channel) *call {
	for _, o := range a.order {
		if o.device == c.device && o.state == csta.Hold {
			return o.call
		}
	}
	return nil
}

func (a *asterisk) move(c *channel, to csta.State, cause csta.EventCause, more ...func(*callmodel.Moved)) {
	c.state = to
	a.moved(c.call, c.device, to, cause, more...)
}

func (a *asterisk) newChannel(e map[string]string) {
	c := &channel{id: e["Uniqueid"], name: e["Channel"], state: csta.Null}
	a.channels[c.id] = c
	a.order = append(a.order, c)
	device, ok := strings.CutPrefix(c.name, "PJSIP/")
	if !ok {
		return
	}
	c.device, _, _ = strings.Cut(device, "-")
	exten, ours := a.asked[c.id]
	dials := e["ChannelStateDesc"] == "Ring"
	if !ours && !dials {
		return
	}
	if dials {
		exten = e["Exten"]
	}
	c.call = &call{id: csta.CallID(c.id), calling: c.device, called: exten}
	if a.heldCall(c) != nil {
		c.call.cause = csta.CauseConsultation
	}
	if dials {
		a.move(c, csta.Connected, c.call.cause)
		return
	}
	cause := c.call.cause
	if cause == "" {
		cause = csta.CauseMakeCall
	}
	a.move(c, csta.Initiated, cause)
}

func (a *asterisk) newState(c *channel, state string) {
	switch state {
	case "5":
		c.ringing = true
		a.ring(c)
	case "6":
		c.up = true
		if c.state == csta.Initiated {
			a.move(c, csta.Connected, c.call.cause)
		}
		a.answer(c)
	}
}

// ring tells a ringing channel once it is known who dialled it: the two come in any order.
func (a *asterisk) ring(c *channel) {
	if c.device != "" && c.ringing && c.caller != nil && c.state == csta.Null {
		a.move(c, csta.Alerting, c.call.cause)
	}
}

func (a *asterisk) answer(c *channel) {
	if c.device != "" && c.up && c.answered && c.state != csta.Connected {
		a.move(c, csta.Connected, c.call.cause)
	}
}

// origin is the real channel behind the wires.
func (a *asterisk) origin(c *channel) *channel {
	for c.device == "" {
		one := a.named(strings.TrimSuffix(c.name, ";2") + ";1")
		if one.caller == nil {
			a.t.Fatalf("nobody dialled %s", one.name)
		}
		c = one.caller
	}
	return c
}

func (a *asterisk) dialBegin(c, dest *channel) {
	if c == nil { // our own Originate rings the phone that is to call
		return
	}
	dest.caller = c
	if dest.device == "" {
		return
	}
	dest.caller = a.origin(c)
	dest.call = dest.caller.call
	a.ring(dest)
}

func (a *asterisk) dialEnd(c, dest *channel, status, forward string) {
	switch {
	case c == nil || dest.device == "":
	case status == "ANSWER":
		dest.answered = true
		a.answer(dest)
	case status == "CANCEL" && forward != "":
		a.tell(callmodel.Redirected{
			Meta: a.meta(csta.CauseRedirected), Connection: connection(dest.call, dest.device), NewDestination: party(forward),
		})
		dest.call.cause, dest.call.lastRedirected, dest.silent = csta.CauseRedirected, dest.device, true
	case status == "CANCEL": // the hangup tells why; this may come twice
	default:
		a.t.Fatalf("dialling %s ended with %s", dest.name, status)
	}
}

// queue tells that a call waits at the number it dialled.
func (a *asterisk) queue(c *channel, e map[string]string) {
	c.queue = c.call.called
	position, _ := strconv.Atoi(e["Position"])
	count, _ := strconv.Atoi(e["Count"])
	a.moved(c.call, c.queue, csta.Queued, csta.CauseEnteringDistribution, func(m *callmodel.Moved) {
		m.Queue = &callmodel.QueuePlace{Queued: count, CallsInFront: position - 1}
	})
	c.call.cause = csta.CauseDistributed
}

func (a *asterisk) unqueue(c *channel) {
	for _, o := range a.order {
		if o.caller == c && o.state == csta.Connected {
			a.tell(callmodel.Redirected{
				Meta: a.meta(csta.CauseDistributed), Connection: connection(c.call, c.queue), NewDestination: party(o.device),
			})
			c.call.lastRedirected = c.queue
			return
		}
	}
	a.moved(c.call, c.queue, csta.Null, "")
}

func (a *asterisk) hangup(c *channel, cause string) {
	if c.device == "" || c.silent || c.state == csta.Null {
		return
	}
	for _, o := range a.order { // who asked to hang up goes first, in whatever order the channels end
		if o != c && o.call == c.call && o.leaving && o.state != csta.Null && !o.silent {
			a.end(o, "")
		}
	}
	a.end(c, cause)
}

const answeredElsewhere = "26"

func (a *asterisk) end(c *channel, cause string) {
	c.retrieve.drop()
	switch {
	case c.state == csta.Alerting && cause == answeredElsewhere:
		a.move(c, csta.Null, csta.CauseMultipleAlerting)
	case c.state == csta.Alerting:
		a.move(c, csta.Null, csta.CauseCallCancelled, by(c.caller.device))
	default:
		a.move(c, csta.Null, "")
	}
}
