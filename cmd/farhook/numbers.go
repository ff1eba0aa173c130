package main

import (
	"fmt"
	"slices"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/numbering"
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
