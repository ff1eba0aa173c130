package numbering

import (
	"errors"
	"fmt"
	"strings"

	"farhook/csta"
	"farhook/pbxadapter"
)

// Side says whose number it is.
type Side = pbxadapter.Side

// The sides of a call.
const (
	Calling = pbxadapter.Calling
	Called  = pbxadapter.Called
)

// Direction is the way that a number goes.
type Direction uint8

// The directions.
const (
	ToPBX   Direction = iota // from a canonical number to what the PBX dials or shows
	FromPBX                  // from what the PBX shows to a canonical number
)

func (d Direction) String() string { return [...]string{"to_pbx", "from_pbx"}[d] }

// Table is the configuration of one PBX's numbers. In each direction the first rule that matches decides; a number that none matches goes as it is.
type Table struct {
	ToPBX   []Rule `yaml:"to_pbx"`
	FromPBX []Rule `yaml:"from_pbx"`
	// Emergency are the only rules for emergency numbers.
	Emergency []EmergencyRule `yaml:"emergency"`
}

// EmergencyRule says how this PBX wants an emergency number dialled.
type EmergencyRule struct {
	Number string `yaml:"number"` // bare, such as 112
	Dial   string `yaml:"dial"`   // such as 0112
}

// Rules are the translation of one PBX's numbers, as pbxadapter.Numbers wants it. They never change: they may be used concurrently.
type Rules struct {
	table     [2][]*rule
	emergency *Emergency
	dial      map[string]string // by emergency number
	dialled   map[string]string // emergency numbers by what is dialled for them
}

var _ pbxadapter.Numbers = (*Rules)(nil)

// New makes rules of a table. Its error names everything that is wrong with it, rule by rule. e may be nil: then no number is an emergency number.
func New(t Table, e *Emergency) (*Rules, error) {
	r := &Rules{emergency: e, dial: make(map[string]string), dialled: make(map[string]string)}
	var bad []error
	for d, list := range [][]Rule{t.ToPBX, t.FromPBX} {
		if len(list) > MaxRules {
			return nil, fmt.Errorf("%s: %d rules, %d are allowed", Direction(d), len(list), MaxRules)
		}
		names := make(map[string]int)
		for i, one := range list {
			c, err := compile(one)
			for _, e := range flatten(err) {
				bad = append(bad, fmt.Errorf("%s[%d] (%s): %w", Direction(d), i, clip(one.Name), e))
			}
			if first, twice := names[one.Name]; twice && one.Name != "" {
				bad = append(bad, fmt.Errorf("%s[%d]: the name %q is that of %s[%d] already", Direction(d), i, clip(one.Name), Direction(d), first))
			} else {
				names[one.Name] = i
			}
			r.table[d] = append(r.table[d], c)
		}
	}
	for i, x := range t.Emergency {
		n, d := strings.TrimSpace(x.Number), strings.TrimSpace(x.Dial)
		switch {
		case !e.listed(n):
			bad = append(bad, fmt.Errorf("emergency[%d]: %q is not one of the emergency numbers", i, clip(n)))
		case len(d) > MaxNumber || !digits(strings.TrimPrefix(d, "+"), true):
			bad = append(bad, fmt.Errorf("emergency[%d]: dial: %q is not made of digits, * and #", i, clip(d)))
		case r.dial[n] != "":
			bad = append(bad, fmt.Errorf("emergency[%d]: %s is there twice", i, n))
		default:
			r.dial[n], r.dialled[d] = d, n
		}
	}
	if err := errors.Join(bad...); err != nil {
		return nil, err
	}
	return r, nil
}

// flatten takes a joined error apart.
func flatten(err error) []error {
	var j interface{ Unwrap() []error }
	switch {
	case err == nil:
		return nil
	case errors.As(err, &j):
		return j.Unwrap()
	}
	return []error{err}
}

// Native is what the PBX is to dial, or to show. Emergency numbers are looked at first, and no rule sees them; no rule makes one of another number.
func (r *Rules) Native(n csta.DeviceID, s Side) (string, error) { return r.native(string(n), s, nil) }

func (r *Rules) native(spelling string, s Side, steps *steps) (string, error) {
	if m, is := r.emergency.Find(spelling); is {
		out := m.Dial
		if d := r.dial[m.Number]; d != "" {
			out = d
		}
		steps.add(Step{Rule: EmergencyStep, Did: "emergency number " + m.Number + ": no other rule sees it", Result: out})
		return out, nil
	}
	n, err := Parse(spelling)
	if err != nil {
		return "", fmt.Errorf("%q: %w", clip(spelling), err)
	}
	made, by, err := r.apply(ToPBX, n, s, steps)
	if err != nil {
		return "", err
	}
	out := made.text()
	if by == nil {
		return out, nil
	}
	if _, is := r.emergency.Find(out); is {
		return "", fmt.Errorf("numbering: rule %q makes the emergency number %s of %s", by.Name, out, n.text())
	}
	return out + made.parameterText(), nil
}

// Canonical is the canonical number for what the PBX shows; empty for what is no number.
func (r *Rules) Canonical(native string, s Side) csta.DeviceID {
	c, _ := r.canonical(native, s, nil)
	return c
}

func (r *Rules) canonical(native string, s Side, steps *steps) (csta.DeviceID, error) {
	n, err := Parse(native)
	if err != nil {
		return "", fmt.Errorf("%q: %w", clip(native), err)
	}
	e, is := r.dialled[n.text()]
	if !is && r.emergency.listed(n.text()) {
		e, is = n.text(), true
	}
	if is {
		steps.add(Step{Rule: EmergencyStep, Did: "emergency number " + e + ": no other rule sees it", Result: e})
		return csta.DeviceID(e), nil
	}
	made, by, err := r.apply(FromPBX, n, s, steps)
	if err != nil {
		return "", err
	}
	if by == nil {
		made = Number{Digits: n.Digits, Global: n.Global}
	}
	return csta.DeviceID(made.String()), nil
}

// apply looks at the rules of a direction. by is the last that did something; nil: none.
func (r *Rules) apply(d Direction, n Number, s Side, steps *steps) (_ Number, by *rule, err error) {
	number := n.text()
	for _, c := range r.table[d] {
		text := number
		if c.Of != "" {
			text = n.get(c.Of)
		}
		why := c.matches(n, text, s)
		if why != matched {
			if steps != nil {
				steps.add(Step{Rule: c.Name, Did: why.String()})
			}
			continue
		}
		made, err := c.apply(n, text)
		if err != nil {
			steps.add(Step{Rule: c.Name, Did: "matches, and fails", Result: err.Error()})
			return n, c, err
		}
		n, number, by = made, made.text(), c
		if steps != nil {
			steps.add(Step{Rule: c.Name, Did: "matches", Result: number + made.parameterText()})
		}
		if !c.Continue {
			break
		}
	}
	return n, by, nil
}

// parameterText is what follows the number in its canonical spelling.
func (n Number) parameterText() string { return strings.TrimPrefix(n.key(all), n.text()) }
