package wiretap

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"

	"farhook/csta"
	"farhook/pbxadapter"
)

// chunk is how much memory the ring takes at a time, a power of two: it grows as it is filled, so that a gateway with little to say keeps little.
const (
	chunkBits = 18
	chunk     = 1 << chunkBits
)

// ring is a slab of octets, in chunks. Positions count octets since the beginning of time, so that a reader sees whether the one it
// stopped at has been overwritten.
type ring struct {
	octets uint64
	chunks [][]byte
	head   uint64 // where the oldest record begins
	tail   uint64 // where the next one will
}

func newRing(octets int) ring {
	return ring{octets: uint64(octets), chunks: make([][]byte, (octets+chunk-1)/chunk)}
}

// cursor is a place to write at or read from, already folded into the slab.
type cursor struct {
	r  *ring
	at uint64
}

func (r *ring) cursor(pos uint64) cursor { return cursor{r, pos % r.octets} }

// span is the longest piece of memory at the cursor, which moves past at most n octets of it.
func (c *cursor) span(n int) []byte {
	i := c.at >> chunkBits
	m := c.r.chunks[i]
	if m == nil {
		m = make([]byte, min(chunk, c.r.octets-i<<chunkBits))
		c.r.chunks[i] = m
	}
	m = m[c.at&(chunk-1):]
	m = m[:min(n, len(m))]
	if c.at += uint64(len(m)); c.at == c.r.octets {
		c.at = 0
	}
	return m
}

func put[T string | []byte](c *cursor, b T) {
	for len(b) > 0 {
		n := copy(c.span(len(b)), b)
		b = b[n:]
	}
}

func (c *cursor) get(b []byte) {
	for len(b) > 0 {
		n := copy(b, c.span(len(b)))
		b = b[n:]
	}
}

// The head of a record, little endian; then follow peer, session, line, the calls (each after its length in two octets) and the text.
const (
	atSize    = 0  // of the whole record
	atTime    = 4  // Unix nanoseconds
	atTaken   = 12 // nanoseconds since the tap began
	atTrace   = 20 // 16 octets
	atCut     = 36
	atLayer   = 44
	atWay     = 45
	atCalls   = 46 // how many
	atPeer    = 48 // lengths
	atSession = 50
	atLine    = 52
	headSize  = 54
	maxRecord = headSize + 3*maxName + maxCalls*(2+maxName) + MaxText
)

// size is what a record will take, its text aside.
func size(rec *Record) int {
	n := headSize + len(rec.Peer) + len(rec.Session) + len(rec.Line)
	for _, c := range rec.Calls {
		n += 2 + len(name(c))
	}
	return n
}

// write puts a record at the tail; there is room.
func (r *ring) write(rec *Record, at, taken int64, size int) {
	var head [headSize]byte
	binary.LittleEndian.PutUint32(head[atSize:], uint32(size))
	binary.LittleEndian.PutUint64(head[atTime:], uint64(at))
	binary.LittleEndian.PutUint64(head[atTaken:], uint64(taken))
	copy(head[atTrace:atCut], rec.Trace[:])
	binary.LittleEndian.PutUint64(head[atCut:], uint64(rec.Cut))
	head[atLayer], head[atWay], head[atCalls] = byte(rec.Layer), byte(rec.Direction), byte(len(rec.Calls))
	binary.LittleEndian.PutUint16(head[atPeer:], uint16(len(rec.Peer)))
	binary.LittleEndian.PutUint16(head[atSession:], uint16(len(rec.Session)))
	binary.LittleEndian.PutUint16(head[atLine:], uint16(len(rec.Line)))
	c := r.cursor(r.tail)
	put(&c, head[:])
	put(&c, rec.Peer)
	put(&c, rec.Session)
	put(&c, string(rec.Line))
	for _, id := range rec.Calls {
		id = name(id)
		var n [2]byte
		binary.LittleEndian.PutUint16(n[:], uint16(len(id)))
		put(&c, n[:])
		put(&c, string(id))
	}
	put(&c, rec.Text)
	r.tail += uint64(size)
}

// first gives the size and the times of the oldest record; there is one.
func (r *ring) first() (size uint64, at, taken int64) {
	var b [atTrace]byte
	c := r.cursor(r.head)
	c.get(b[:])
	return uint64(binary.LittleEndian.Uint32(b[atSize:])), int64(binary.LittleEndian.Uint64(b[atTime:])), int64(binary.LittleEndian.Uint64(b[atTaken:]))
}

// walk shows every record, oldest first. What is shown is good until the next is.
func (r *ring) walk(see func(pos uint64, v view)) {
	var buf []byte
	for pos := r.head; pos < r.tail; {
		v := r.view(pos, &buf)
		see(pos, v)
		pos += uint64(len(v))
	}
}

// view gives the record at a position: in place where it lies in one chunk, else put together in a buffer.
func (r *ring) view(pos uint64, buf *[]byte) view {
	c := r.cursor(pos)
	m := r.chunks[c.at>>chunkBits][c.at&(chunk-1):]
	if len(m) >= headSize {
		if size := binary.LittleEndian.Uint32(m[atSize:]); uint64(len(m)) >= uint64(size) {
			return view(m[:size:size])
		}
	}
	if *buf == nil {
		*buf = make([]byte, maxRecord)
	}
	b := *buf
	c.get(b[:headSize])
	size := binary.LittleEndian.Uint32(b[atSize:])
	c.get(b[headSize:size])
	return view(b[:size:size])
}

// view is a whole record as it lies in the ring.
type view []byte

func (v view) at() int64 { return int64(binary.LittleEndian.Uint64(v[atTime:])) }

func (v view) trace() pbxadapter.TraceID { return pbxadapter.TraceID(v[atTrace:atCut]) }

func (v view) length(at int) int {
	return int(binary.LittleEndian.Uint16(v[at:]))
}

func (v view) peer() []byte { return v[headSize:][:v.length(atPeer)] }

func (v view) session() []byte {
	return v[headSize+v.length(atPeer):][:v.length(atSession)]
}

func (v view) line() []byte {
	return v[headSize+v.length(atPeer)+v.length(atSession):][:v.length(atLine)]
}

// calls tells each call to a function until that has seen enough: those that were recorded, and those that the text names. A call may be told twice.
func (v view) calls(see func([]byte) (more bool)) {
	enough := false
	text := v.recorded(func(id []byte) bool {
		enough = !see(id)
		return !enough
	})
	if !enough {
		v.named(text, see)
	}
}

// named tells each call that the text of a CSTA message names, as calls does. So whoever records CSTA need not know the calls: finding them costs
// who looks.
func (v view) named(text []byte, see func([]byte) (more bool)) {
	if Layer(v[atLayer]) == PBX {
		return
	}
	const tag = "callID>"
	for i := bytes.Index(text, []byte(tag)); i >= 0; i = bytes.Index(text, []byte(tag)) {
		text = text[i+len(tag):]
		end := bytes.IndexByte(text, '<')
		if end < 0 {
			return
		}
		if id := bytes.TrimSpace(text[:end]); len(id) > 0 && len(id) <= maxName && !see(id) { // behind an end tag there is nothing
			return
		}
	}
}

// recorded tells each call that was recorded, as calls does, and gives what follows the last one: the text, if it has seen all.
func (v view) recorded(see func([]byte) (more bool)) []byte {
	b := v[headSize+v.length(atPeer)+v.length(atSession)+v.length(atLine):]
	for range v[atCalls] {
		n := 2 + int(binary.LittleEndian.Uint16(b))
		if !see(b[2:n]) {
			break
		}
		b = b[n:]
	}
	return b
}

// record copies everything out.
func (v view) record() Record {
	r := Record{
		At: time.Unix(0, v.at()), Layer: Layer(v[atLayer]), Direction: Direction(v[atWay]), Trace: v.trace(),
		Cut: int(binary.LittleEndian.Uint64(v[atCut:])), Peer: string(v.peer()), Session: string(v.session()), Line: csta.DeviceID(v.line()),
	}
	if n := v[atCalls]; n > 0 {
		r.Calls = make([]csta.CallID, 0, n)
	}
	text := v.recorded(func(id []byte) bool {
		r.Calls = append(r.Calls, csta.CallID(id))
		return true
	})
	v.named(text, func(id []byte) bool {
		if c := csta.CallID(id); !slices.Contains(r.Calls, c) {
			r.Calls = append(r.Calls, c)
		}
		return len(r.Calls) < maxCalls
	})
	r.Text = masked(r.Layer, bytes.Clone(text))
	return r
}
