package pbxadapter

import (
	"strings"

	"farhook/csta"
)

// Side says whose number is translated: rules may differ.
type Side uint8

// The sides of a call.
const (
	Calling Side = iota
	Called
)

// Numbers translates, at an adapter's edge, between canonical numbers and the PBX's own. Its methods are pure and quick, and may be called
// concurrently.
type Numbers interface {
	// Native is what the PBX is to dial, or to show, for a number: canonical, or as typed where nothing is known of it. An error says why no
	// number of the PBX can be made of it. It's text for people and rules: an adapter checks it against what its protocol allows all the same.
	Native(n csta.DeviceID, s Side) (string, error)
	// Canonical is the canonical number for what the PBX shows: an RFC 3966 URI where there is a global number, the bare digits where none
	// is known; empty for what is no number.
	Canonical(native string, s Side) csta.DeviceID
}

// PlainNumbers is Numbers without rules: +15551001 is tel:+15551001, and 1001 is 1001.
type PlainNumbers struct{}

// Native takes scheme and parameters away.
func (PlainNumbers) Native(n csta.DeviceID, _ Side) (string, error) {
	s, _, _ := strings.Cut(strings.TrimPrefix(string(n), "tel:"), ";")
	return s, nil
}

// Canonical puts tel: before a global number.
func (PlainNumbers) Canonical(native string, _ Side) csta.DeviceID {
	digits := strings.TrimPrefix(native, "+")
	if digits == "" || strings.ContainsFunc(digits, func(r rune) bool { return (r < '0' || r > '9') && r != '*' && r != '#' }) {
		return ""
	}
	if digits != native {
		return csta.DeviceID("tel:" + native)
	}
	return csta.DeviceID(native)
}
