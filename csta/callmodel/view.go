package callmodel

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"farhook/csta"
)

// View is what one hearer was last told of a device: the calls in which it takes part, its features, and whether it is in service. A hearer that
// lost events, or was away, brings itself up to date with CatchUp. The zero View is that of an idle device that nobody ever set.
// As JSON it can be kept and read again by a later process.
type View struct {
	calls    []*Call // few
	features []Feature
	out      *csta.EventCause
}

// Take remembers what t told the device d.
func (v *View) Take(t Told, d csta.DeviceID) {
	for i, id := range t.Calls {
		n := slices.IndexFunc(v.calls, func(c *Call) bool { return c.ID == id })
		switch c := t.After[i]; {
		case c != nil && c.leg(d) >= 0 && n >= 0:
			v.calls[n] = c
		case c != nil && c.leg(d) >= 0:
			v.calls = append(v.calls, c)
		case n >= 0 && len(v.calls) == 1:
			v.calls = nil
		case n >= 0:
			v.calls = slices.Delete(v.calls, n, n+1)
		}
	}
	if t.Feature != nil && slices.ContainsFunc(t.Audience, func(s Seat) bool { return s.Device == d }) {
		v.features = withFeature(v.features, t.Feature)
	}
	switch e := t.Event.(type) {
	case csta.OutOfServiceEvent:
		if e.Device.DeviceIdentifier == d {
			v.out = new(e.Cause)
		}
	case csta.BackInServiceEvent:
		if e.Device.DeviceIdentifier == d {
			v.out = nil
		}
	}
}

// Idle says whether the view holds no call.
func (v *View) Idle() bool { return len(v.calls) == 0 }

// CatchUp gives the events that bring d's hearer from v to s (what of it is about others is passed over), ends included, and takes s over.
func (v *View) CatchUp(d csta.DeviceID, s State, at time.Time) []Told {
	scratch := New()
	for _, c := range v.calls {
		scratch.put(nil, c)
	}
	if len(v.features) > 0 {
		scratch.features[d] = v.features
	}
	if v.out != nil {
		scratch.out[d] = *v.out
	}
	var now State
	*v = View{}
	for i := range s.Calls {
		if c := &s.Calls[i]; c.leg(d) >= 0 {
			now.Calls = append(now.Calls, *c)
			v.calls = append(v.calls, c)
		}
	}
	if fs := s.Features[d]; len(fs) > 0 {
		now.Features = map[csta.DeviceID][]Feature{d: fs}
		v.features = fs
	}
	if cause, out := s.Out[d]; out {
		now.Out = map[csta.DeviceID]csta.EventCause{d: cause}
		v.out = &cause
	}
	return slices.DeleteFunc(scratch.Resync(now, at), func(t Told) bool {
		return !slices.ContainsFunc(t.Audience, func(s Seat) bool { return s.Device == d })
	})
}

// kept is a View as JSON.
type kept struct {
	Calls          []*Call          `json:"calls,omitempty"`
	DoNotDisturb   []DoNotDisturb   `json:"doNotDisturb,omitempty"`
	Forwarding     []Forwarding     `json:"forwarding,omitempty"`
	MessageWaiting []MessageWaiting `json:"messageWaiting,omitempty"`
	MicrophoneMute []MicrophoneMute `json:"microphoneMute,omitempty"`
	Out            *csta.EventCause `json:"out,omitempty"`
}

// MarshalJSON writes the view for a later process.
func (v View) MarshalJSON() ([]byte, error) {
	k := kept{Calls: v.calls, Out: v.out}
	for _, f := range v.features {
		switch f := f.(type) {
		case DoNotDisturb:
			k.DoNotDisturb = append(k.DoNotDisturb, f)
		case Forwarding:
			k.Forwarding = append(k.Forwarding, f)
		case MessageWaiting:
			k.MessageWaiting = append(k.MessageWaiting, f)
		case MicrophoneMute:
			k.MicrophoneMute = append(k.MicrophoneMute, f)
		}
	}
	return json.Marshal(k)
}

// UnmarshalJSON reads what MarshalJSON wrote, and refuses calls that cannot be.
func (v *View) UnmarshalJSON(b []byte) error {
	var k kept
	if err := json.Unmarshal(b, &k); err != nil {
		return err
	}
	if slices.ContainsFunc(k.Calls, func(c *Call) bool { return c == nil || c.ID == "" || len(c.Legs) == 0 }) {
		return errors.New("callmodel: a call that cannot be")
	}
	slices.SortFunc(k.Calls, func(a, b *Call) int { return strings.Compare(string(a.ID), string(b.ID)) })
	*v = View{calls: k.Calls, out: k.Out}
	for _, f := range k.DoNotDisturb {
		v.features = append(v.features, f)
	}
	for _, f := range k.Forwarding {
		v.features = append(v.features, f)
	}
	for _, f := range k.MessageWaiting {
		v.features = append(v.features, f)
	}
	for _, f := range k.MicrophoneMute {
		v.features = append(v.features, f)
	}
	return nil
}
