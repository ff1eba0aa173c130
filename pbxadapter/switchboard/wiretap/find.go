package wiretap

import (
	"time"

	"farhook/csta"
	"farhook/pbxadapter"
)

// defaultLimit is how many records Find gives when the filter doesn't say.
const defaultLimit = 1000

// Filter says which messages are wanted: those that meet every member that is set.
type Filter struct {
	Line    csta.DeviceID
	Call    csta.CallID
	Also    []csta.CallID // other names of Call, or of calls that it was joined with
	Session string
	Trace   pbxadapter.TraceID
	PBX     string // by name; leaves out what was said with others
	Since   time.Time
	Limit   int // at most so many, the newest; 1,000 if not positive
}

// Find gives the messages that a filter wants, oldest first, as copies.
//
// With a line, call or session come the messages related to those that meet the filter: whatever bears a trace of theirs (the PBX commands of
// their requests; the request that made the call), and, for a line or session, whatever names a call of theirs. Relations
// of relations don't count. So it is with a PBX where nothing else is asked for: its own messages, and those that share a trace or a call with them. The ring is passed over twice, once to learn the traces and calls and once to choose, so that a relation is seen backwards too.
//
// Secrets are replaced by *** here and not in Record: recording stays cheap, and what is never looked at costs nothing. So the secrets are in this
// process's memory for as long as the record lasts, but leave it only by Find.
//
// Writers are hardly held up: what is recorded is borrowed under one hold of the lock, some ten microseconds, and read without it. As long as
// somebody reads, a writer that comes to a borrowed chunk of the ring takes new memory in its place. What comes meanwhile isn't given.
func (t *Tap) Find(f Filter) []Record {
	if t == nil {
		return nil
	}
	t.expireAll()
	f = f.named()
	if f.Limit <= 0 {
		f.Limit = defaultLimit
	}
	lent := t.borrow()
	defer t.giveBack()

	s := search{Filter: f, since: nanos(f.Since)}
	if s.ofPBX = f.PBX != "" && f.Line == "" && f.Call == "" && f.Session == "" && f.Trace.IsZero(); s.ofPBX || f.Line != "" || f.Call != "" || f.Session != "" {
		s.traces, s.calls = make(map[pbxadapter.TraceID]bool), make(map[csta.CallID]bool)
		lent.walk(s.learn)
	}
	lent.walk(s.choose)

	out := make([]Record, 0, len(s.chosen))
	var buf []byte
	for _, pos := range s.inOrder() {
		out = append(out, lent.view(pos, &buf).record())
	}
	return out
}

// search is one Find under way.
type search struct {
	Filter
	since  int64
	ofPBX  bool // its messages are what is wanted, not only what is left out
	traces map[pbxadapter.TraceID]bool
	calls  map[csta.CallID]bool
	chosen []uint64 // positions of the newest, a ring of Limit
	count  int      // chosen in all
}

// others tells whether a record was said with another PBX than the one that is asked for.
func (s *search) others(v view) bool {
	return s.PBX != "" && Layer(v[atLayer]) == PBX && string(v.peer()) != s.PBX
}

// meets tells whether a record meets the filter itself.
func (s *search) meets(v view) bool {
	if s.others(v) || s.ofPBX && Layer(v[atLayer]) != PBX || v.at() < s.since || !s.Trace.IsZero() && v.trace() != s.Trace ||
		s.Session != "" && string(v.session()) != s.Session || s.Line != "" && string(v.line()) != string(s.Line) {
		return false
	}
	if s.Call == "" {
		return true
	}
	found := false
	v.calls(func(id []byte) bool {
		found = s.meetsCall(id)
		return !found
	})
	return found
}

// learn takes note of what will relate other records to one that meets the filter.
func (s *search) learn(_ uint64, v view) {
	if !s.meets(v) {
		return
	}
	if id := v.trace(); !id.IsZero() {
		s.traces[id] = true
	}
	if s.Line == "" && s.Session == "" && !s.ofPBX || s.Call != "" {
		return // who asks for one call doesn't want those it was mentioned with
	}
	v.calls(func(id []byte) bool {
		if !s.calls[csta.CallID(id)] {
			s.calls[csta.CallID(id)] = true
		}
		return true
	})
}

// related tells whether a record has to do with one that meets the filter.
func (s *search) related(v view) bool {
	if s.others(v) || v.at() < s.since {
		return false
	}
	if s.traces[v.trace()] {
		return true
	}
	found := false
	if len(s.calls) > 0 {
		v.calls(func(id []byte) bool {
			found = s.calls[csta.CallID(id)]
			return !found
		})
	}
	return found
}

func (s *search) choose(pos uint64, v view) {
	if !s.meets(v) && !s.related(v) {
		return
	}
	if len(s.chosen) < s.Limit {
		s.chosen = append(s.chosen, pos)
	} else {
		s.chosen[s.count%s.Limit] = pos
	}
	s.count++
}

// inOrder gives the chosen positions, oldest first.
func (s *search) inOrder() []uint64 {
	if s.count <= s.Limit {
		return s.chosen
	}
	i := s.count % s.Limit
	return append(append(make([]uint64, 0, s.Limit), s.chosen[i:]...), s.chosen[:i]...)
}
