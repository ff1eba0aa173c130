package wiretap

// How a search reads without the lock. It borrows the chunks, and as long as anything is borrowed the writer leaves those alone: where it
// would overwrite one, it puts new memory in its place, and the old goes when the last reader has gone. Only the chunk that is being
// written to is copied, for there old and new lie side by side.

// borrow gives the ring as it is now, to be read without the lock until giveBack.
func (t *Tap) borrow() *ring {
	lent := ring{octets: t.ring.octets, chunks: make([][]byte, len(t.ring.chunks))}
	own := make([]byte, min(chunk, lent.octets)) // before the lock is taken

	t.mu.Lock()
	defer t.mu.Unlock()
	t.readers++
	lent.head, lent.tail = t.ring.head, t.ring.tail
	copy(lent.chunks, t.ring.chunks)
	active := int(t.ring.cursor(t.ring.tail).at >> chunkBits)
	lent.chunks[active] = own[:copy(own, t.ring.chunks[active])]
	for i, c := range t.ring.chunks {
		if i != active && c != nil {
			t.lent[i] = true
		}
	}
	return &lent
}

// giveBack ends what borrow began.
func (t *Tap) giveBack() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.readers--; t.readers == 0 {
		clear(t.lent)
	}
}

// replace puts new memory in the place of each lent chunk that the next octets begin to overwrite. What was still remembered there is forgotten, a
// little early. The lock is held.
func (t *Tap) replace(octets uint64) {
	end := t.ring.tail + octets
	for pos := t.ring.tail; pos < end; {
		at := pos % t.ring.octets
		i := at >> chunkBits
		size := min(chunk, t.ring.octets-i<<chunkBits)
		if at&(chunk-1) == 0 && t.lent[i] {
			for t.records > 0 && t.ring.head+t.ring.octets < pos+size {
				t.forget()
			}
			t.ring.chunks[i], t.lent[i] = nil, false // the ring takes a new one where there is none
		}
		pos += size - at&(chunk-1)
	}
}
