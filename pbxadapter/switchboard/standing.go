package switchboard

import (
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// Standing are the calls that stood at a moment of late, each as it was then; as far back as the journal goes.
func (b *Board) Standing(at time.Time) []callmodel.Call {
	var calls []callmodel.Call
	known := make(map[csta.CallID]bool) // what became of it by then is told
	later := make(map[csta.CallID]bool) // it changed since
	b.journal.mu.Lock()
	for i := len(b.journal.ring) - 1; i >= 0; i-- {
		r := b.journal.ring[i]
		for n, id := range r.Calls {
			switch {
			case r.Came.After(at):
				later[id] = true
			case !known[id]:
				known[id] = true
				if n < len(r.After) && r.After[n] != nil {
					calls = append(calls, *r.After[n])
				}
			}
		}
	}
	b.journal.mu.Unlock()
	for _, l := range b.all() { // calls that nothing was told of for so long that the journal has forgotten
		l.mu.Lock()
		now := l.model.State()
		l.mu.Unlock()
		for _, c := range now.Calls {
			if !known[c.ID] && !later[c.ID] && c.Began.Before(at) {
				calls = append(calls, c)
			}
		}
	}
	return calls
}
