package switchboard

import (
	"slices"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// CallStory is what the journal still has of a call.
type CallStory struct {
	Names    []csta.CallID // its own first, then those of calls that it was joined with
	Entries  []Entry       // in order
	Known    bool          // who takes part in it is known: nothing is, where the journal has nothing of it and it isn't up
	Withheld bool          // a party hides its number
}

// maxJoined is how many calls one call's story may lead to.
const maxJoined = 16

// Story is what the journal still has of a call, up or not, by any name that it has had, and of the calls that it was joined with. For the gateway's
// administrators: it asks for no right.
func (b *Board) Story(id csta.CallID) CallStory {
	s := CallStory{Names: []csta.CallID{id}}
	see := func(c *callmodel.Call) { s.Known, s.Withheld = true, s.Withheld || hides(c) }
	if _, c, ok := b.call(id); ok {
		see(&c)
		if c.ID != id {
			s.Names = append(s.Names, c.ID)
		}
	}
	b.journal.mu.Lock()
	ring := slices.Clone(b.journal.ring)
	b.journal.mu.Unlock()
	for known := 0; known < len(s.Names) && known < maxJoined; { // names lead to names, backwards too
		known = len(s.Names)
		for _, r := range ring {
			if len(r.Calls) > 1 && slices.ContainsFunc(r.Calls, func(c csta.CallID) bool { return slices.Contains(s.Names, c) }) {
				for _, c := range r.Calls {
					if !slices.Contains(s.Names, c) && len(s.Names) < maxJoined {
						s.Names = append(s.Names, c)
					}
				}
			}
		}
	}
	for _, r := range ring {
		if !slices.ContainsFunc(r.Calls, func(c csta.CallID) bool { return slices.Contains(s.Names, c) }) {
			continue
		}
		s.Entries = append(s.Entries, r.Entry)
		for _, c := range r.After {
			if c != nil {
				see(c)
			}
		}
	}
	return s
}

// hides says whether a party of a call hides its number.
func hides(c *callmodel.Call) bool {
	return c.Calling.Shown == callmodel.Restricted || c.Called.Shown == callmodel.Restricted || c.LastRedirected.Shown == callmodel.Restricted ||
		slices.ContainsFunc(c.Legs, func(l callmodel.Leg) bool { return l.Party.Shown == callmodel.Restricted })
}
