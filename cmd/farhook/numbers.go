package main

import (
	"fmt"
	"slices"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/numbering"
	"farhook/pbxadapter/switchboard"
)

// numbersWrongs lists what is wrong with the emergency numbers and with every PBX's rules.
func (c Config) numbersWrongs() []wrong {
	var w []wrong
	e, err := numbering.NewEmergency(c.Emergency)
	for _, one := range apart(err) {
		w = append(w, wrong{"$.emergency", one.Error()})
	}
	for i, p := range c.PBX {
		_, err := numbering.New(p.Numbers, e)
		for _, one := range apart(err) {
			w = append(w, wrong{fmt.Sprintf("$.pbx[%d].numbers", i), one.Error()})
		}
	}
	return w
}

// roundTrip is what a PBX is told of a number, and what its rules make of that number when the PBX shows it: on either side of a call, the first that
// doesn't come home.
func (c Config) roundTrip(pbx string, n csta.DeviceID) (native string, back csta.DeviceID, err error) {
	i := slices.IndexFunc(c.PBX, func(p PBXConfig) bool { return p.Name == pbx })
	if i < 0 {
		return "", "", fmt.Errorf("there is no PBX %s", pbx)
	}
	rules, err := c.numbersOf(c.PBX[i])
	if err != nil {
		return "", "", err
	}
	for _, side := range []pbxadapter.Side{pbxadapter.Calling, pbxadapter.Called} {
		if native, err = rules.Native(n, side); err != nil {
			return "", "", err
		}
		if back = rules.Canonical(native, side); back != n {
			break
		}
	}
	return native, back, nil
}

// apart takes a joined error apart.
func apart(err error) []error {
	switch j := err.(type) { //nolint:errorlint // the error itself, not what it wraps
	case nil:
		return nil
	case interface{ Unwrap() []error }:
		return j.Unwrap()
	}
	return []error{err}
}

// numbersOf are the rules of one PBX. The configuration has been checked.
func (c Config) numbersOf(p PBXConfig) (*numbering.Rules, error) {
	e, err := numbering.NewEmergency(c.Emergency)
	if err != nil {
		return nil, fmt.Errorf("emergency: %w", err)
	}
	r, err := numbering.New(p.Numbers, e)
	if err != nil {
		return nil, fmt.Errorf("numbers: %w", err)
	}
	return r, nil
}

// dials is what a PBX is told to dial for a number, and rule by rule how that comes about, for the web's dry runs.
func (g *gateway) dials(pbx string, n csta.DeviceID) (native string, rules []switchboard.Step, err error) {
	g.reloading.Lock()
	p, ok := g.pbxs[pbx]
	g.reloading.Unlock()
	if !ok {
		return "", nil, fmt.Errorf("there is no PBX %s any more", pbx)
	}
	way := p.numbers.Explain(numbering.ToPBX, string(n), numbering.Called)
	for _, s := range way.Steps {
		said := s.Did
		if s.Result != "" {
			said += ": " + s.Result
		}
		rules = append(rules, switchboard.Step{Rule: "numbers " + s.Rule, Says: said})
	}
	return way.Out, rules, way.Err
}
