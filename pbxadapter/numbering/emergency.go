package numbering

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// EmergencyConfig says which numbers are those of emergency services.
type EmergencyConfig struct {
	// Countries add their national numbers, by ISO 3166 code. None: what every mobile phone knows (3GPP TS 22.101, 10.1.1).
	Countries []string `yaml:"countries"`
	// Numbers are more of them: 2 to 6 digits.
	Numbers []string `yaml:"numbers"`
	// Outside are the prefixes that reach an outside line, and those, with a +, that clients put before what they take for a local number: +4930.
	Outside []string `yaml:"outside"`
}

// DefaultEmergency has no country, and the usual outside prefixes.
func DefaultEmergency() EmergencyConfig { return EmergencyConfig{Outside: []string{"0", "9"}} }

// anywhere are emergency numbers in every country of the world that has a mobile network; without a country all that a phone without a card knows.
var (
	anywhere = []string{"112", "911"}
	nowhere  = []string{"000", "08", "110", "118", "119", "999"}
)

// national are the emergency numbers of countries beside 112 and 911: police, fire brigade, ambulance.
var national = map[string][]string{
	"AT": {"122", "133", "144"}, "AU": {"000", "106"}, "BE": {"100", "101"}, "BG": {"150", "160", "166"}, "BR": {"190", "192", "193"},
	"CA": {}, "CH": {"117", "118", "144"}, "CL": {"131", "132", "133"}, "CN": {"110", "119", "120", "122"}, "CY": {"199"},
	"CZ": {"150", "155", "158"}, "DE": {"110"}, "DK": {"114"}, "EE": {"110"}, "ES": {"061", "062", "080", "091", "092"}, "FI": {},
	"FR": {"114", "15", "17", "18", "115", "119", "196"}, "GB": {"999"}, "GR": {"100", "166", "199"}, "HK": {"999"}, "HR": {"192", "193", "194"},
	"HU": {"104", "105", "107"}, "IE": {"999"}, "IL": {"100", "101", "102"}, "IN": {"100", "101", "102", "108"}, "IS": {}, "IT": {"113", "115", "118"},
	"JP": {"110", "118", "119"}, "KR": {"119"}, "LI": {"117", "118", "144"}, "LT": {}, "LU": {"113"}, "LV": {"110", "113"}, "MT": {}, "MX": {"066"},
	"MY": {"999"}, "NL": {}, "NO": {"110", "113"}, "NZ": {"111"}, "PL": {"997", "998", "999"}, "PT": {}, "RO": {}, "RU": {"101", "102", "103"},
	"SE": {}, "SG": {"995", "999"}, "SI": {"113"}, "SK": {"150", "155", "158"}, "TH": {"191", "199", "1669"}, "TR": {"110", "155", "156"},
	"TW": {"110", "119"}, "US": {}, "ZA": {"10111", "10177"},
}

// Emergency knows the numbers of emergency services in every form that people and programs write them. A nil one knows none. It may be used concurrently.
type Emergency struct {
	numbers map[string]bool
	outside []string
}

// NewEmergency checks a configuration.
func NewEmergency(c EmergencyConfig) (*Emergency, error) {
	e := &Emergency{numbers: make(map[string]bool)}
	var bad []error
	add := func(list []string) {
		for _, n := range list {
			e.numbers[n] = true
		}
	}
	add(anywhere)
	if len(c.Countries) == 0 {
		add(nowhere)
	}
	for i, code := range c.Countries {
		list, known := national[strings.ToUpper(code)]
		if !known {
			bad = append(bad, fmt.Errorf("countries[%d]: the emergency numbers of %q are not known here: give them under numbers", i, clip(code)))
		}
		add(list)
	}
	for i, n := range c.Numbers {
		if len(n) < 2 || len(n) > 6 || !digits(n, false) {
			bad = append(bad, fmt.Errorf("numbers[%d]: %q is not 2 to 6 digits", i, clip(n)))
		}
		e.numbers[n] = true
	}
	for i, p := range c.Outside {
		if g, ok := strings.CutPrefix(p, "+"); len(p) == 0 || len(p) > 10 || !digits(g, !ok) {
			bad = append(bad, fmt.Errorf("outside[%d]: %q is not 1 to 10 digits, with or without a +", i, clip(p)))
		}
	}
	e.outside = slices.Clone(c.Outside)
	return e, errors.Join(bad...)
}

// Numbers lists them, bare.
func (e *Emergency) Numbers() []string {
	var all []string
	if e != nil {
		for n := range e.numbers {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all
}

func (e *Emergency) listed(n string) bool { return e != nil && e.numbers[n] }

// Form says in which form an emergency number was written.
type Form uint8

// The forms.
const (
	Bare      Form = iota // 112, tel:112;phone-context=…, sip:112@…, urn:service:sos
	Outside               // 0112
	Lookalike             // +112, +49112, 0049112, *31#112
)

// EmergencyNumber is what Find found.
type EmergencyNumber struct {
	Number string // bare: 112
	Form   Form
	Dial   string // what is dialled without an entry of its own: as typed, where that is a form that a telephone network knows
}

// Find says whether a spelling is an emergency number's. It reads everything that Parse reads, and urn:service:sos (RFC 5031).
func (e *Emergency) Find(spelling string) (EmergencyNumber, bool) {
	if e == nil || len(spelling) > MaxSpelling {
		return EmergencyNumber{}, false
	}
	if s := strings.ToLower(strings.TrimSpace(spelling)); s == "urn:service:sos" || strings.HasPrefix(s, "urn:service:sos.") {
		return EmergencyNumber{Number: "112", Dial: "112"}, true
	}
	n, err := Parse(strings.TrimSpace(spelling))
	if err != nil || len(n.Digits) > maxEmergency {
		return EmergencyNumber{}, false
	}
	d, form := n.Digits, Bare
	if n.Global {
		form = Lookalike
	}
	for _, rest := range withoutCodes(d) {
		if rest != d {
			form = Lookalike
		}
		rest = strings.TrimRight(rest, "#")
		if m, ok := e.find(rest, n.Global, form); ok {
			return m, true
		}
	}
	return EmergencyNumber{}, false
}

// maxEmergency is the longest form there can be: service code, outside prefix, international prefix, country code, number.
const maxEmergency = 30

func (e *Emergency) find(d string, global bool, form Form) (EmergencyNumber, bool) {
	if e.numbers[d] {
		return EmergencyNumber{d, form, d}, true
	}
	if n := e.international(d); global && n != "" {
		return EmergencyNumber{n, Lookalike, n}, true
	}
	for _, p := range append([]string{""}, e.outside...) {
		rest, ok := strings.CutPrefix(d, p)
		if !ok || global {
			continue
		}
		if p != "" && e.numbers[rest] {
			if form == Bare {
				return EmergencyNumber{rest, Outside, d}, true
			}
			return EmergencyNumber{rest, form, rest}, true
		}
		for _, i := range []string{"00", "011"} {
			if r, ok := strings.CutPrefix(rest, i); ok {
				if n := e.international(r); n != "" {
					return EmergencyNumber{n, Lookalike, n}, true
				}
			}
		}
	}
	return EmergencyNumber{}, false
}

// international finds the number in +112, in +49112, in +490112, and behind the prefixes that are configured: less follows than any subscriber's number has.
func (e *Emergency) international(d string) string {
	if e.numbers[d] {
		return d
	}
	if n := d[min(countryCode(d), len(d)):]; n != d {
		for _, p := range append([]string{""}, e.outside...) {
			if rest, ok := strings.CutPrefix(n, p); ok && e.numbers[rest] {
				return rest
			}
		}
	}
	for _, p := range e.outside {
		if g, ok := strings.CutPrefix(p, "+"); ok {
			if rest, ok := strings.CutPrefix(d, g); ok && e.numbers[rest] {
				return rest
			}
		}
	}
	return ""
}

// countryCodes is an expression of the country codes of E.164.
const countryCodes = `[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|2[1-689]\d|3[578]\d|42\d|5[09]\d|6[7-9]\d|8[035789]\d|9[679]\d`

// countryCode is the length of the country code of a global number.
func countryCode(d string) int {
	if len(d) < 2 {
		return len(d)
	}
	switch {
	case d[0] == '1' || d[0] == '7':
		return 1
	case strings.Contains(" 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 ", " "+d[:2]+" "):
		return 2
	}
	return 3
}

// withoutCodes is a number as it is, and without the service code before it: *67, *31#, #31#.
func withoutCodes(d string) []string {
	out := []string{d}
	if d != "" && (d[0] == '*' || d[0] == '#') {
		for n := 3; n <= 4 && n < len(d); n++ {
			if digits(d[1:n], false) {
				out = append(out, strings.TrimLeft(d[n:], "*#"))
			}
		}
	}
	return out
}
