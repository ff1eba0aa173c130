package switchboard

import (
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
)

// Tell gives what is no event of a PBX's, such as a note that somebody has written, its place in the journal: an Entry whose Beside is what, with
// no Event. Only cursors whose Filter has Beside see it, and of those whoever may observe one of the devices; without devices, all of them. what is shared by
// all followers, and not to be changed.
func (b *Board) Tell(by Principal, what any, devices ...csta.DeviceID) Seq {
	seq, w := b.journal.beside(by, what, devices)
	w.call()
	return seq
}

// besideSize is what such an entry is reckoned to keep in memory.
const besideSize = 3000

func (j *journal) beside(by Principal, what any, devices []csta.DeviceID) (Seq, wakes) {
	t := callmodel.Told{At: time.Now()}
	for _, d := range devices {
		t.Audience = append(t.Audience, callmodel.Seat{Device: d})
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq++
	r := &record{Entry: Entry{Seq: j.seq, By: by, Came: t.At, Beside: what, Told: t}, size: besideSize}
	r.shared = r
	return j.seq, j.hand(r, nil)
}
