package switchboard

import (
	"slices"

	"farhook/csta/callmodel"
)

// named puts into a fact what people are called. One person has one name by all his numbers, whatever the PBX shows for each; so whoever reads calls, now or
// in the history, finds it there.
func (b *Board) named(f callmodel.Fact) callmodel.Fact {
	if b.people == nil {
		return f
	}
	switch f := f.(type) {
	case callmodel.Moved:
		b.name(&f.Calling, &f.Called, &f.LastRedirected, &f.Subject, &f.By)
		return f
	case callmodel.Redirected:
		b.name(&f.NewDestination, &f.Calling, &f.Called, &f.LastRedirected)
		return f
	case callmodel.Rearranged:
		b.name(&f.Other)
		f.Moves = slices.Clone(f.Moves)
		for i := range f.Moves {
			b.name(&f.Moves[i].Party)
		}
		return f
	default:
		return f
	}
}

// namedState is named for all that a PBX has.
func (b *Board) namedState(s callmodel.State) callmodel.State {
	if b.people == nil {
		return s
	}
	s.Calls = slices.Clone(s.Calls)
	for i := range s.Calls {
		c := &s.Calls[i]
		c.Legs = slices.Clone(c.Legs)
		b.name(&c.Calling, &c.Called, &c.LastRedirected)
		for j := range c.Legs {
			b.name(&c.Legs[j].Party)
		}
	}
	return s
}

// name names parties who may be known.
func (b *Board) name(parties ...*callmodel.Party) {
	for _, p := range parties {
		if p.Shown != callmodel.Known {
			continue
		}
		n := p.Number
		if n == "" {
			n = p.Device
		}
		if name := b.Name(n); name != "" {
			p.Name = name
		}
	}
}
