// Package numbering reads the spellings of telephone numbers and says which of them are the same number. It is pure: no clock, no
// I/O, no state but what its caller keeps. Rules between a PBX's own numbers and canonical ones build on Number.
package numbering

import (
	"errors"
	"fmt"
	"strings"

	"farhook/csta"
)

// Limits of a spelling, in octets.
const (
	MaxSpelling = 255 // the whole, with its parameters
	MaxNumber   = 64  // the number itself, with its visual separators
)

// Number is a telephone number as RFC 3966 has it, without visual separators. Numbers are comparable: equal values are the same spelling
// but for case and separators. Whether two different ones mean the same phone is for an Index to say.
type Number struct {
	Digits  string // 0 to 9; a local number also has * and #
	Global  bool   // it began with +
	Ext     string // ;ext=
	Context string // ;phone-context=, in lower case
	// Device and Partition tell the phones of one line apart (;device=SEP…, ;partition=…), in lower case.
	Device, Partition string
}

var (
	errLong      = errors.New("numbering: too long")
	errCharacter = errors.New("numbering: a character that is neither a printable ASCII character nor a digit")
	errDigits    = errors.New("numbering: not a number")
	errParameter = errors.New("numbering: malformed parameter")
	errSIP       = errors.New("numbering: a SIP address whose user part is no number")
)

// Parse reads tel:+1-555-1001;ext=1001, +15551001, tel:1001;phone-context=dialstring, 1001, *72, and SIP addresses whose user part is a
// number (all digits, or marked user=phone). The scheme is optional and of any case; - . ( ) and blanks inside the number
// are separators. Parameters it doesn't know are read over.
func Parse(spelling string) (Number, error) {
	if len(spelling) > MaxSpelling {
		return Number{}, errLong
	}
	for i := range len(spelling) {
		if spelling[i] < ' ' || spelling[i] > '~' {
			return Number{}, errCharacter
		}
	}
	scheme, rest, found := strings.Cut(spelling, ":")
	if strings.Contains(scheme, ";") { // the colon is in a parameter
		found = false
	}
	switch {
	case !found:
		rest = spelling
	case strings.EqualFold(scheme, "tel"):
	case strings.EqualFold(scheme, "sip"), strings.EqualFold(scheme, "sips"):
		var err error
		if rest, err = sipUser(rest); err != nil {
			return Number{}, err
		}
	default:
		return Number{}, errDigits
	}
	number, params, more := strings.Cut(rest, ";")
	if len(number) > MaxNumber {
		return Number{}, errLong
	}
	var n Number
	n.Digits, n.Global = strings.CutPrefix(number, "+")
	n.Digits = strip(n.Digits)
	if !digits(n.Digits, !n.Global) {
		return Number{}, errDigits
	}
	if more && params == "" {
		return Number{}, errParameter
	}
	return n, n.parameters(params)
}

// parameters reads what follows the number.
func (n *Number) parameters(params string) error {
	for params != "" {
		var p string
		p, params, _ = strings.Cut(params, ";")
		name, value, _ := strings.Cut(p, "=")
		var into *string
		switch strings.ToLower(name) {
		case "":
			return errParameter
		case "ext":
			into, value = &n.Ext, strip(value)
			if !digits(value, true) {
				return fmt.Errorf("%w: ext", errParameter)
			}
		case "phone-context":
			into = &n.Context
		case "device":
			into = &n.Device
		case "partition":
			into = &n.Partition
		default:
			continue
		}
		if *into != "" || value == "" {
			return fmt.Errorf("%w: %s", errParameter, name)
		}
		*into = strings.ToLower(value)
	}
	return nil
}

// sipUser is the user part of what follows sip:, where it can be a number.
func sipUser(rest string) (string, error) {
	user, host, found := strings.Cut(rest, "@")
	if !found || user == "" || host == "" {
		return "", errSIP
	}
	_, params, _ := strings.Cut(host, ";")
	for params != "" {
		var p string
		p, params, _ = strings.Cut(params, ";")
		if strings.EqualFold(p, "user=phone") {
			return user, nil
		}
	}
	if !digits(strings.TrimPrefix(user, "+"), false) {
		return "", errSIP
	}
	return user, nil
}

// strip takes visual separators out (RFC 3966, 5.1.1), and blanks, which people type. It allocates only where there are some.
func strip(s string) string {
	if !strings.ContainsAny(s, "-.() ") {
		return s
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.() ", r) {
			return -1
		}
		return r
	}, s)
}

func digits(s string, local bool) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (!local || c != '*' && c != '#') {
			return false
		}
	}
	return s != ""
}

// String is the canonical spelling: tel:+15551001 with its parameters in a fixed order. A local number without a phone-context
// is its bare digits, for RFC 3966 has no URI for it.
func (n Number) String() string {
	switch {
	case n.Global:
		return "tel:" + n.key(all)
	case n.Context != "":
		return "tel:" + n.key(all)
	}
	return n.key(all)
}

// id is the canonical spelling as a device.
func (n Number) id() csta.DeviceID { return csta.DeviceID(n.String()) }

// Dialled is the number as a PBX is asked to dial it: tel:+15551001 for a global number, the bare digits for a local one. Parameters are
// left out: networks have no way to dial an extension, and the context of a dialled number is the phone that dials it.
func (n Number) Dialled() csta.DeviceID {
	if n.Global {
		return csta.DeviceID("tel:+" + n.Digits)
	}
	return csta.DeviceID(n.Digits)
}

// level says how much of a number counts when two are compared.
type level uint8

const (
	all       level = iota
	noDevice        // without ;device= and ;partition=
	noContext       // without ;phone-context= either
	bare            // the number alone
)

// key is the number as text, as far as the level goes.
func (n Number) key(l level) string {
	k := n.Digits
	if n.Global {
		k = "+" + k
	}
	if l < bare && n.Ext != "" {
		k += ";ext=" + n.Ext
	}
	if l < noContext && n.Context != "" {
		k += ";phone-context=" + n.Context
	}
	if l < noDevice && n.Device != "" {
		k += ";device=" + n.Device
	}
	if l < noDevice && n.Partition != "" {
		k += ";partition=" + n.Partition
	}
	return k
}
