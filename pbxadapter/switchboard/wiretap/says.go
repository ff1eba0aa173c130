package wiretap

import "farhook/csta"

// Label is what a message says, in short: what a line of a ladder has.
type Label struct {
	Carrier string   // how it travels: "INFO 12", "200 (INFO 12)"; nothing outside SIP
	What    string   // its name, and whom it is about
	Why     string   // the cause, where it says something
	Calls   []string // that it names
}

// Says gives a record's label. It has no control characters.
func (r Record) Says() Label {
	l := labelOf(r)
	return Label{l.carrier, l.what, l.why, l.calls}
}

// meetsCall says whether a call is one of those that the filter names.
func (f Filter) meetsCall(id []byte) bool {
	if string(id) == string(f.Call) {
		return true
	}
	for _, c := range f.Also {
		if string(id) == string(c) {
			return true
		}
	}
	return false
}

// named cuts names as records have them.
func (f Filter) named() Filter {
	f.Line, f.Call, f.Session, f.PBX = name(f.Line), name(f.Call), name(f.Session), name(f.PBX)
	also := make([]csta.CallID, len(f.Also))
	for i, c := range f.Also {
		also[i] = name(c)
	}
	f.Also = also
	return f
}
