package recorded

import (
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// freeswitch makes facts of FreeSWITCH's events. A leg belongs to the call of the leg that dialled it, whatever ids the PBX groups it by.
type freeswitch struct {
	teller
	t    *testing.T
	legs map[string]*fsLeg
}

type fsLeg struct {
	device  string
	inbound bool
	call    *call
	state   csta.State // as told
	dialled bool       // it has had a second leg
	lost    *fsLeg     // its second leg ended unanswered a moment ago, and why
	why     csta.EventCause
	ending  *doubt // of the lost leg
	answer  *doubt
}

// notAnswered is how an unanswered leg's end is told when the caller goes on elsewhere, and when it does not.
var notAnswered = map[string]struct{ forwarded, ended csta.EventCause }{
	"NO_ANSWER":  {csta.CauseCallForwardNoAnswer, csta.CauseCallNotAnswered},
	"USER_BUSY":  {csta.CauseCallForwardBusy, csta.CauseBusy},
	"PICKED_OFF": {csta.CauseCallPickup, csta.CauseNormalClearing},
}

func translateFreeSWITCH(t *testing.T, name string) []callmodel.Fact {
	f := &freeswitch{t: t, legs: map[string]*fsLeg{}}
	for _, m := range readESL(t, name) {
		f.until(m.at)
		f.hear(m.field)
	}
	f.until(time.Hour)
	return f.facts
}

func (f *freeswitch) hear(e map[string]string) {
	l := f.legs[e["Unique-ID"]]
	switch name := e["Event-Name"]; {
	case name == "CHANNEL_CREATE":
		f.create(e)
	case l == nil:
	case name == "CHANNEL_PROGRESS", name == "CHANNEL_PROGRESS_MEDIA":
		if !l.inbound && l.state == csta.Null {
			f.move(l, csta.Alerting, l.call.cause)
		}
	case name == "CHANNEL_ANSWER":
		f.answered(l)
	case name == "CHANNEL_BRIDGE":
		f.bridge(f.legs[e["Bridge-A-Unique-ID"]], f.legs[e["Bridge-B-Unique-ID"]])
	case name == "CHANNEL_HANGUP":
		f.hangup(l, f.legs[e["Other-Leg-Unique-ID"]], e["Hangup-Cause"])
	}
}

func (f *freeswitch) move(l *fsLeg, to csta.State, cause csta.EventCause, more ...func(*callmodel.Moved)) {
	l.state = to
	f.moved(l.call, l.device, to, cause, more...)
}

func (f *freeswitch) create(e map[string]string) {
	l := &fsLeg{state: csta.Null}
	f.legs[e["Unique-ID"]] = l
	if e["Call-Direction"] == "inbound" {
		l.device, l.inbound = e["variable_user_name"], true
		l.call = &call{id: csta.CallID(e["Unique-ID"]), calling: l.device, called: e["Caller-Destination-Number"]}
		f.move(l, csta.Connected, "")
		return
	}
	l.device, _, _ = strings.Cut(e["Channel-Presence-ID"], "@")
	from := f.legs[e["Other-Leg-Unique-ID"]]
	if from == nil {
		f.t.Fatalf("nobody dialled %s", l.device)
	}
	l.call, from.dialled = from.call, true
	if lost := from.lost; lost != nil && lost.device == e["Caller-RDNIS"] {
		f.divert(from, l.device)
	}
}

// divert tells that the leg that was lost went to another device.
func (f *freeswitch) divert(from *fsLeg, to string) {
	lost := from.lost
	from.ending.drop()
	from.lost, from.ending = nil, nil
	f.tell(callmodel.Redirected{Meta: f.meta(from.why), Connection: connection(lost.call, lost.device), NewDestination: party(to)})
	lost.state = csta.Null
	lost.call.cause, lost.call.lastRedirected = from.why, lost.device
}

func (f *freeswitch) answered(l *fsLeg) {
	switch {
	case !l.inbound:
		f.move(l, csta.Connected, l.call.cause)
	case !l.dialled:
		// Either an application answers, or this phone takes somebody else's call: the next bridge tells.
		l.answer = f.after(100*time.Millisecond, func() { f.moved(l.call, l.call.called, csta.Connected, "") })
	}
}

// bridge of legs in two calls, one of which lost a ringing leg, is a pickup: the picking phone's own call dissolves in the other one.
func (f *freeswitch) bridge(a, b *fsLeg) {
	if a == nil || b == nil || a.call == b.call {
		return
	}
	if a.lost != nil {
		a, b = b, a
	}
	if b.lost == nil {
		f.t.Fatalf("a bridge of two calls, %s and %s, that is no pickup", a.device, b.device)
	}
	a.answer.drop()
	f.divert(b, a.device)
	f.move(a, csta.Null, csta.CauseCallPickup)
	a.call = b.call
	f.move(a, csta.Connected, csta.CauseCallPickup)
}

func (f *freeswitch) hangup(l, from *fsLeg, cause string) {
	if l.state != csta.Alerting {
		f.move(l, csta.Null, "")
		return
	}
	why, ok := notAnswered[cause]
	if !ok || from == nil {
		f.t.Fatalf("%s ends ringing for the cause %s", l.device, cause)
	}
	from.lost, from.why = l, why.forwarded
	from.ending = f.after(100*time.Millisecond, func() {
		from.lost = nil
		f.move(l, csta.Null, why.ended)
	})
}
