package directory

import (
	"time"

	"farhook/pbxadapter/numbering"
)

// View is everybody, at one moment. It never changes, and may be read concurrently.
type View struct {
	People   []Person
	Problems []Problem // what could not be used, at most 1,000; More says how many there are beside
	More     int
	Sources  []SourceState
	byUser   map[string]int32
	byNumber map[string]int32
}

// SourceState is how a source is.
type SourceState struct {
	Name   string
	At     time.Time // of what it told last
	People int
	Err    error // why what it told last is old; nil: it isn't
}

const several = -1 // people have this number

func newView(people []Person) *View {
	v := &View{People: people, byUser: make(map[string]int32, len(people)), byNumber: make(map[string]int32, 2*len(people))}
	for i := range people {
		p := &people[i]
		if p.User != "" {
			v.byUser[p.User] = int32(i)
		}
		for _, list := range [][]string{p.Lines, p.Aliases} {
			for _, s := range list {
				v.enter(s, int32(i))
			}
		}
	}
	return v
}

// enter makes a person known under a number, and under the number without its extension, as long as that is nobody else's.
func (v *View) enter(spelling string, i int32) {
	n, err := number(spelling)
	if err != nil {
		return
	}
	put := func(k string) {
		if old, ok := v.byNumber[k]; ok && old != i {
			v.byNumber[k] = several
			return
		}
		v.byNumber[k] = i
	}
	put(key(n))
	if n.Ext != "" {
		put(key(n) + ";ext=" + n.Ext)
	}
}

// key is a number as it's looked up: its phone's name and context left out.
func key(n numbering.Number) string {
	if n.Global {
		return "+" + n.Digits
	}
	return n.Digits
}

// User finds a person by a user's address, as Address gives it.
func (v *View) User(address string) (*Person, bool) {
	i, ok := v.byUser[address]
	if !ok {
		return nil, false
	}
	return &v.People[i], true
}

// Number finds the person whom a number means: a line's, or another of his. false: it means nobody, or several people.
func (v *View) Number(spelling string) (*Person, bool) {
	n, err := numbering.Parse(spelling)
	if err != nil {
		return nil, false
	}
	i, ok := int32(several), false
	if n.Ext != "" {
		i, ok = v.byNumber[key(n)+";ext="+n.Ext]
	}
	if !ok {
		i, ok = v.byNumber[key(n)]
	}
	if !ok || i == several {
		return nil, false
	}
	return &v.People[i], true
}
