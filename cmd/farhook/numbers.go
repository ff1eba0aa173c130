package main

import (
	"fmt"

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
