package store

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"slices"

	"go.uber.org/zap"
)

// tail keeps what was put and isn't in the database yet: two files beside it, written to at once and without waiting for the disk. So the end of the
// process, however sudden, loses nothing; that of the machine may lose the last batch.
//
// Changes go into one file until the writer takes its batch, and then into the other; the first is emptied when the batch is in the database. While
// batches fail nothing changes over. The older file is always the first to be emptied, so what the files hold is never older than the database.
type tail struct {
	files [2]*os.File // none where they cannot be had
	sizes [2]int64
	now   int // which is written to
	seq   uint64
	buf   []byte
	err   error // of the last write; nothing more is written until both are empty
}

const (
	tailMagic = "fhtail1\n"
	tailHead  = 8         // size and checksum of what follows
	tailFixed = 8 + 1 + 2 // number, kind, length of the key
	maxTail   = 256 << 20 // octets of one file; beyond them the batches must do
	maxPiece  = tailFixed + MaxKey + MaxValue
)

var (
	errTailFull = errors.New("the tail is full")
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
)

// openTail opens the files, and gives what they hold: the last value of each key, nil for one that was deleted.
func openTail(path string) (t *tail, left map[string][]byte, err error) {
	t = &tail{}
	var all []piece
	for i, name := range []string{path + "-tail0", path + "-tail1"} {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			t.close()
			return &tail{err: err}, nil, err
		}
		t.files[i] = f
		text, err := io.ReadAll(io.LimitReader(f, maxTail+maxPiece))
		if err != nil {
			t.close()
			return &tail{err: err}, nil, err
		}
		t.sizes[i] = int64(len(text))
		all = append(all, pieces(text)...)
	}
	left, t.seq = newest(all)
	return t, left, nil
}

// newest is the last value of each key, nil for one that was deleted, and the last number.
func newest(all []piece) (left map[string][]byte, seq uint64) {
	slices.SortStableFunc(all, func(a, b piece) int { return int(int64(a.seq - b.seq)) })
	left = make(map[string][]byte)
	for _, p := range all {
		left[p.key] = p.value
		seq = p.seq
	}
	return left, seq
}

// piece is one change.
type piece struct {
	seq   uint64
	key   string
	value []byte // nil: deleted
}

// pieces reads a file as far as it's whole: the last one may have been cut off in the middle.
func pieces(text []byte) (all []piece) {
	text, ok := bytes.CutPrefix(text, []byte(tailMagic))
	for ok && len(text) >= tailHead {
		n := binary.LittleEndian.Uint32(text)
		if n < tailFixed || n > maxPiece || int(n) > len(text)-tailHead {
			break
		}
		b := text[tailHead:][:n]
		keyLen := int(binary.LittleEndian.Uint16(b[9:]))
		if crc32.Checksum(b, castagnoli) != binary.LittleEndian.Uint32(text[4:]) || tailFixed+keyLen > len(b) {
			break
		}
		p := piece{seq: binary.LittleEndian.Uint64(b), key: string(b[tailFixed:][:keyLen])}
		if b[8] == 1 {
			p.value = bytes.Clone(b[tailFixed+keyLen:])
			if p.value == nil {
				p.value = []byte{}
			}
		}
		all = append(all, p)
		text = text[tailHead+n:]
	}
	return all
}

// add writes a change; the store is locked. The error is told once.
func (t *tail) add(key string, value []byte) error {
	if t.err != nil {
		return nil
	}
	f, size := t.files[t.now], &t.sizes[t.now]
	b := t.buf[:0]
	if *size == 0 {
		b = append(b, tailMagic...)
	}
	head := len(b)
	t.seq++
	b = append(b, make([]byte, tailHead)...)
	b = binary.LittleEndian.AppendUint64(b, t.seq)
	kind := byte(1)
	if value == nil {
		kind = 0
	}
	b = append(b, kind)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(key)))
	b = append(b, key...)
	b = append(b, value...)
	binary.LittleEndian.PutUint32(b[head:], uint32(len(b)-head-tailHead))
	binary.LittleEndian.PutUint32(b[head+4:], crc32.Checksum(b[head+tailHead:], castagnoli))
	if t.buf = b; cap(b) > 64<<10 {
		t.buf = nil
	}
	if *size > maxTail {
		t.err = errTailFull
		return t.err
	}
	n, err := f.Write(b)
	*size += int64(n)
	t.err = err
	return err
}

// taken notes that the writer has a batch with everything that was added. The store is locked.
func (t *tail) taken() {
	if t.files[0] != nil && t.sizes[1-t.now] == 0 {
		t.now = 1 - t.now
	}
}

// stored notes that the last batch is in the database. The store is locked.
func (t *tail) stored() {
	if t.files[0] == nil {
		return
	}
	i := 1 - t.now
	if t.sizes[i] > 0 {
		if err := t.files[i].Truncate(0); err != nil {
			t.err = err
			return
		}
		t.sizes[i] = 0
	}
	if t.err != nil && t.sizes[t.now] == 0 {
		t.err = nil
	}
}

// empty empties both files: what they held is in the database.
func (t *tail) empty() error {
	for i, f := range t.files {
		if f == nil {
			continue
		}
		if err := f.Truncate(0); err != nil {
			t.err = err
			return err
		}
		t.sizes[i] = 0
	}
	return nil
}

// holds says whether the files have all that isn't in the database.
func (t *tail) holds() bool { return t.files[0] != nil && t.err == nil }

// close lets go of the files; empty ones go away.
func (t *tail) close() {
	for i, f := range t.files {
		if f == nil {
			continue
		}
		if t.sizes[i] == 0 {
			_ = os.Remove(f.Name())
		}
		_ = f.Close()
	}
}

// replay puts what an earlier process left in the tail into the database, and gives the tail.
func (s *Store) replay(db *sql.DB) (*tail, error) {
	t, left, err := openTail(s.path)
	if err != nil {
		s.log.Warn("changes are kept for a tenth of a second in memory alone: a file beside the store cannot be had", zap.Error(err))
		return t, nil
	}
	maps.DeleteFunc(left, outOfBounds)
	if len(left) > 0 {
		if err := writeTo(db, left); err != nil {
			t.sizes = [2]int64{1, 1} // they stay
			t.close()
			return nil, err
		}
		s.log.Info("changes of a process that was killed", zap.Int("sessions", len(left)))
	}
	return t, t.empty()
}

func outOfBounds(key string, value []byte) bool {
	return key == "" || len(key) > MaxKey || len(value) > MaxValue
}
