package numbering

import (
	"errors"
	"fmt"

	"farhook/csta"
)

// Index finds devices by any spelling of their numbers, by looking up, never by searching. The zero value is empty. Once filled it may
// be read concurrently.
type Index struct {
	exact   map[string]entry // by the device's whole number
	derived map[string]entry // by its number without ;device=, ;partition= and ;phone-context=
	aliases map[string]entry
}

type entry struct {
	id      csta.DeviceID
	aliased bool // the device has aliases, so an ;ext= must be one of them
	many    bool // several devices
}

// Errors of Find.
var (
	ErrUnknown   = errors.New("numbering: no device has this number")
	ErrAmbiguous = errors.New("numbering: several devices have this number")
)

// Add enters a device under its own number, and under its aliases (digits, * and # only). A device whose ID is no number is found by its
// aliases only. An alias that is none is an error; the rest is entered all the same.
func (x *Index) Add(id csta.DeviceID, aliases []string) error {
	if x.exact == nil {
		x.exact, x.derived, x.aliases = make(map[string]entry), make(map[string]entry), make(map[string]entry)
	}
	e := entry{id: id, aliased: len(aliases) > 0}
	if n, err := Parse(string(id)); err == nil {
		whole := n.key(all)
		put(x.exact, whole, e)
		// An extension of the device's own is never left out: the number without it is somebody else's.
		last := whole
		for l := noDevice; l <= noContext; l++ {
			if k := n.key(l); k != last {
				put(x.derived, k, e)
				last = k
			}
		}
	}
	var bad error
	for _, a := range aliases {
		if len(a) > MaxNumber || !digits(a, true) {
			bad = errors.Join(bad, fmt.Errorf("numbering: alias %q of %s is not made of digits, * and #", a, id))
			continue
		}
		put(x.aliases, a, e)
	}
	return bad
}

func put(m map[string]entry, k string, e entry) {
	if old, ok := m[k]; ok && old.id != e.id {
		e.many = true
	}
	m[k] = e
}

// Find gives the device that n means. What is left out in a spelling, or is there too much, doesn't matter as long as the rest is one device's;
// but an extension must be an alias of the device, if it has any.
func (x *Index) Find(n Number) (csta.DeviceID, error) {
	last := ""
	for l := all; l <= bare; l++ {
		k := n.key(l)
		if k == last {
			continue
		}
		last = k
		e, ok := x.exact[k]
		if !ok {
			e, ok = x.derived[k]
		}
		if !ok {
			continue
		}
		if l == bare && n.Ext != "" && !x.extends(e, n.Ext) {
			return "", ErrUnknown
		}
		return e.one()
	}
	if !n.Global {
		if e, ok := x.aliases[n.Digits]; ok {
			return e.one()
		}
	}
	return "", ErrUnknown
}

// extends says whether ext can be the device's own extension.
func (x *Index) extends(e entry, ext string) bool {
	a, ok := x.aliases[ext]
	return !e.aliased || ok && (a.many || a.id == e.id)
}

func (e entry) one() (csta.DeviceID, error) {
	if e.many {
		return "", ErrAmbiguous
	}
	return e.id, nil
}
