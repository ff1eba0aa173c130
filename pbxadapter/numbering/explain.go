package numbering

import "farhook/csta"

// Step is what one rule did with a number.
type Step struct {
	Rule   string // its name
	Did    string // in a few words
	Result string // what became of the number; empty where the rule did nothing
}

// EmergencyStep is the rule's name in the step of an emergency number.
const EmergencyStep = "emergency"

// steps keeps what rules did; nil keeps nothing.
type steps []Step

func (s *steps) add(x Step) {
	if s != nil {
		*s = append(*s, x)
	}
}

// Way is one translation, rule by rule.
type Way struct {
	Direction Direction
	Side      Side
	In, Out   string
	Steps     []Step
	Err       error // why nothing came out
}

// Explain goes the way of one number and keeps every step.
func (r *Rules) Explain(d Direction, in string, s Side) Way {
	w := Way{Direction: d, Side: s, In: in}
	var kept steps
	if d == ToPBX {
		w.Out, w.Err = r.native(in, s, &kept)
	} else {
		var c csta.DeviceID
		c, w.Err = r.canonical(in, s, &kept)
		w.Out = string(c)
	}
	w.Steps = kept
	return w
}

// RoundTrip takes a number one way and back, and says whether that comes home: at what was written, or, where that isn't a number in its one global form, at another
// spelling of what is the same to the PBX. Where nothing comes out (there.Err), there is no way back.
func (r *Rules) RoundTrip(d Direction, in string, side Side) (there, back Way, home bool) {
	there = r.Explain(d, in, side)
	if there.Err != nil {
		return there, back, false
	}
	back = r.Explain(FromPBX-d, there.Out, side)
	if back.Err != nil || Home(back.Out, in) {
		return there, back, back.Err == nil
	}
	n, _ := Parse(in)
	if n.Global && (len(there.Steps) == 0 || there.Steps[0].Rule != EmergencyStep) { // it has one spelling to come home to
		return there, back, false
	}
	again := r.Explain(d, back.Out, side)
	return there, back, again.Err == nil && again.Out == there.Out
}

// Home says whether two spellings are the same number, written in two ways: whether a round trip came home.
func Home(a, b string) bool {
	x, err := Parse(a)
	if err != nil {
		return false
	}
	y, err := Parse(b)
	return err == nil && x == y
}
