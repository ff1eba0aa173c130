package asterisk

import "farhook/csta"

// setting is where one feature of a phone is kept: a family of the AstDB with a key per phone, and a custom device state that tells of it.
type setting struct {
	kind   csta.ForwardingType // empty: do not disturb
	family string
	state  string // of the custom device state, before the number; empty: there is none, and changes at the phone are found by the audit
	lamp   string // of another one that is set with it, for keys of phones; empty: none
	on     string // value in the AstDB, for do not disturb
}

// preset is how a dialplan keeps its features.
type preset struct {
	disturb  setting
	forwards []setting
	seen     bool // on a real PBX; else its services are offered only as experimental
}

func (p preset) features() []setting { return append([]setting{p.disturb}, p.forwards...) }

// forward is the setting of a type of forwarding.
func (p preset) forward(kind csta.ForwardingType) (setting, bool) {
	for _, f := range p.forwards {
		if f.kind == kind {
			return f, true
		}
	}
	return setting{}, false
}

// presets are the dialplans that are known by name.
var presets = map[string]preset{
	"plain": {
		seen:    true,
		disturb: setting{family: "DND", state: "DND", on: "YES"},
		forwards: []setting{
			{kind: csta.ForwardImmediate, family: "CFU", state: "CFU"},
			{kind: csta.ForwardBusy, family: "CFB", state: "CFB"},
			{kind: csta.ForwardNoAns, family: "CFNA", state: "CFNA"},
		},
	},
	// FreePBX keeps forwarding at once under CF, on busy under CFB, and where nobody answers under CFU.
	"freepbx": {
		disturb: setting{family: "DND", state: "DND", lamp: "DEVDND", on: "YES"},
		forwards: []setting{
			{kind: csta.ForwardImmediate, family: "CF", state: "CF", lamp: "DEVCF"},
			{kind: csta.ForwardBusy, family: "CFB"},
			{kind: csta.ForwardNoAns, family: "CFU"},
		},
	},
	// none: the dialplan knows neither.
	"none": {},
}
