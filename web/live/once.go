package live

import (
	"sync"

	"farhook/pbxadapter/switchboard"
)

// kept is how many encoded events are kept for those who come a little later.
const kept = 2048

// once has each event as it is encoded for all who may see everything of it.
type once struct {
	mu   sync.Mutex
	ring [kept]*slot
}

type slot struct {
	seq  switchboard.Seq
	make sync.Once
	doc  Encoded
	told bool // there is something in it
	err  error
}

// Encoded is Event, encoded: once for all who may see everything, whether they follow or have webhooks. Of what is about many devices it has those that
// the filter names.
func (s *Story) Encoded(v Viewer, f Filter, e switchboard.Entry) (Encoded, bool, error) {
	changed, many := e.Beside.(switchboard.DevicesChanged)
	if many = many && len(f.Devices) > 0; many {
		var some bool
		if e.Beside, some = changed.Only(f.Devices); !some {
			return Encoded{}, false, nil
		}
	}
	if many || !v.Eyes.All {
		d, ok := s.Event(v, e)
		if !ok {
			return Encoded{}, false, nil
		}
		enc, err := Encode(d)
		return enc, true, err
	}
	s.docs.mu.Lock()
	at := &s.docs.ring[e.Seq%kept]
	if *at == nil || (*at).seq != e.Seq {
		*at = &slot{seq: e.Seq}
	}
	x := *at
	s.docs.mu.Unlock()
	x.make.Do(func() {
		var d Document
		d, x.told = s.Event(v, e)
		x.doc, x.err = Encode(d)
	})
	return x.doc, x.told, x.err
}
