// Package audit keeps the record of what matters to security: sessions accepted and refused, control of lines, emergency calls, changes of the
// configuration. It's a file that only grows: one JSON document a line, each with the hash of the line before it, so that a line that
// was changed, taken out or put in shows (Verify).
//
// Entries are written in the order of Add, by one goroutine; Add never waits for the disk. What can't be written is counted, and the next line
// that can be says how many are missing.
package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// Act is what happened.
type Act string

// The acts.
const (
	Opened          Act = "record opened" // by a process that begins to write
	SessionAccepted Act = "session accepted"
	SessionRefused  Act = "session refused"
	SessionEnded    Act = "session ended"
	Controlled      Act = "line controlled"
	Refused         Act = "control refused"
	Emergency       Act = "emergency call"
	Configured      Act = "configuration changed"
	PeerRefused     Act = "peer refused"
	SignedIn        Act = "signed in"
	SignInFailed    Act = "sign-in failed"
	Administered    Act = "administered" // tokens, users, webhooks and the like
	Overrode        Act = "do not disturb overridden"
	Noted           Act = "note changed" // about a line, or the desk's; the text isn't told
	Lost            Act = "entries lost" // they couldn't be written; Detail says how many
)

// Entry is one act. What doesn't apply is empty.
type Entry struct {
	At      time.Time `json:"at"`
	Act     Act       `json:"act"`
	User    string    `json:"user,omitempty"` // who wanted it
	Via     string    `json:"via,omitempty"`  // the door: sip, http
	Peer    string    `json:"peer,omitempty"` // the host it came by
	Line    string    `json:"line,omitempty"` // whose phone
	Service string    `json:"service,omitempty"`
	Number  string    `json:"number,omitempty"` // called
	Result  string    `json:"result,omitempty"`
	Detail  string    `json:"detail,omitempty"`
	Trace   string    `json:"trace,omitempty"`
}

// line is an Entry as it is written.
type line struct {
	N uint64 `json:"n"` // from 1
	Entry
	Before string `json:"before"` // SHA-256 of the line before, in hex, without its line end; empty in the first
}

// limits of a record.
const (
	queued  = 4096     // entries that may wait for the disk
	maxLine = 64 << 10 // octets of one line that is read
	maxText = 512      // octets of one member of an entry; more is cut off
)

// Record is an open file. Its methods may be called by several goroutines at once; a nil *Record keeps nothing.
type Record struct {
	path  string
	file  *os.File // nil while the disk stands in the way of opening it; run's
	log   *zap.Logger
	queue chan Entry
	ended chan struct{}

	mu     sync.Mutex
	lost   uint64 // since the last line that was written
	failed uint64 // in all
	err    error  // of the last line; nil: it stands there
	closed bool
}

// Open opens or begins the file. It goes on after the file's last whole line; half a line at the end (the machine went down) is completed with a
// line end, and Verify tells it. An error says why the file can't be written, or that another process has it. Where only the disk stands in the way (it is full,
// or read-only), there is a Record all the same: entries are counted as lost until the file can be opened.
func Open(path string, log *zap.Logger) (*Record, error) {
	r := &Record{path: path, log: log, queue: make(chan Entry, queued), ended: make(chan struct{})}
	w, err := r.open()
	switch {
	case err == nil:
	case diskAtFault(err):
		r.err = err
		log.Error("audit record cannot be written, trying again", zap.Error(err))
	default:
		return nil, err
	}
	go r.run(w)
	r.Add(Entry{Act: Opened})
	return r, nil
}

// diskAtFault says whether it is the disk that stands in the way: that may be mended any moment.
func diskAtFault(err error) bool {
	for _, fault := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS, syscall.EIO, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, fault) {
			return true
		}
	}
	return false
}

// open gets hold of the file.
func (r *Record) open() (*writer, error) {
	f, err := os.OpenFile(r.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("audit: %s is in use by another process", r.path)
	}
	w, err := resume(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("audit: %s: %w", r.path, err)
	}
	r.file = f
	return w, nil
}

// resume finds the last line, and puts a line end after one that has none.
func resume(f *os.File) (*writer, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	tail := make([]byte, min(size, 2*maxLine))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return nil, err
	}
	w := &writer{out: f}
	if len(tail) == 0 {
		return w, nil
	}
	if tail[len(tail)-1] != '\n' {
		if _, err := f.WriteString("\n"); err != nil {
			return nil, err
		}
		tail = append(tail, '\n')
	}
	lines := bytes.Split(bytes.TrimSuffix(tail, []byte("\n")), []byte("\n"))
	last := lines[len(lines)-1]
	w.before = sum(last)
	for i := len(lines) - 1; i >= 0 && w.n == 0; i-- {
		var l line
		if json.Unmarshal(lines[i], &l) == nil {
			w.n = l.N
		}
	}
	return w, nil
}

// Add notes an act. It never blocks. Where At is zero it's now.
func (r *Record) Add(e Entry) {
	if r == nil {
		return
	}
	if e.At.IsZero() {
		e.At = time.Now()
	}
	e.At = e.At.UTC()
	for _, s := range []*string{&e.User, &e.Via, &e.Peer, &e.Line, &e.Service, &e.Number, &e.Result, &e.Detail, &e.Trace} {
		if len(*s) > maxText {
			*s = (*s)[:maxText] + "…"
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	select {
	case r.queue <- e:
	default:
		r.lost++
		r.failed++
	}
}

// Failed is how many entries couldn't be written, in all.
func (r *Record) Failed() uint64 {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// Close writes what waits, and lets go of the file.
func (r *Record) Close() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	first := !r.closed
	r.closed = true
	r.mu.Unlock()
	if first {
		close(r.queue)
	}
	<-r.ended
	if !first || r.file == nil {
		return nil
	}
	return r.file.Close()
}

// Err is why the last entry couldn't be written; nil when it was.
func (r *Record) Err() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// run writes until Close. A nil writer: the file is still to be opened.
func (r *Record) run(w *writer) {
	defer close(r.ended)
	synced := true
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case e, ok := <-r.queue:
			if !ok {
				_ = r.file.Sync() // without a file it does nothing
				return
			}
			r.write(w, e)
			synced = false
		case <-tick.C:
			switch {
			case w == nil:
				w, _ = r.open()
				r.catchUp(w)
			case r.Err() != nil:
				r.catchUp(w)
			case !synced:
				_ = r.file.Sync()
				synced = true
			}
		}
	}
}

// write writes an entry, and before it how many are missing.
func (r *Record) write(w *writer, e Entry) {
	r.catchUp(w)
	err := r.Err() // without a file: why there is none
	if w != nil {
		err = w.write(e)
	}
	r.mu.Lock()
	before := r.err
	if r.err = err; err != nil {
		r.lost++
		r.failed++
	}
	r.mu.Unlock()
	if err != nil && before == nil {
		r.log.Error("audit record cannot be written, trying again", zap.Error(err))
	}
}

// catchUp writes how many entries are missing. That it can be written shows that others can be, too.
func (r *Record) catchUp(w *writer) {
	r.mu.Lock()
	lost := r.lost
	r.mu.Unlock()
	if lost == 0 || w == nil || w.write(Entry{At: time.Now().UTC(), Act: Lost, Detail: fmt.Sprint(lost)}) != nil {
		return
	}
	r.mu.Lock()
	r.lost -= lost
	before := r.err
	r.err = nil
	r.mu.Unlock()
	if before != nil {
		r.log.Info("audit record is written again", zap.Uint64("lost", lost))
	}
}

// writer puts lines behind one another.
type writer struct {
	out    io.Writer
	n      uint64
	before string
	torn   bool // a line was written in part
}

func (w *writer) write(e Entry) error {
	b, err := json.Marshal(line{N: w.n + 1, Entry: e, Before: w.before})
	if err != nil {
		return err
	}
	if w.torn {
		if _, err := io.WriteString(w.out, "\n"); err != nil {
			return err
		}
		w.torn = false
	}
	written, err := w.out.Write(append(b, '\n'))
	if err != nil {
		if written > 0 { // half a line stands there now: the next one is chained to it
			w.torn, w.before = true, sum(b[:min(written, len(b))])
		}
		return err
	}
	w.n++
	w.before = sum(b)
	return nil
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
