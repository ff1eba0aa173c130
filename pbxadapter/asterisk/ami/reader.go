package ami

import (
	"bytes"
	"errors"
	"io"
)

// MaxMessage is the longest message that is kept, in octets. A longer one is read over, and told as damaged.
const MaxMessage = 256 << 10

// Reader splits a stream into messages.
type Reader struct {
	r          io.Reader
	buf        []byte
	start, end int // what of buf is not taken yet
	seq        uint64
	unwanted   map[string]bool
}

// NewReader reads from r, which should be a connection: it has a buffer of its own. Events with an unwanted name are passed over at almost no cost.
func NewReader(r io.Reader, unwanted map[string]bool) *Reader {
	return &Reader{r: r, buf: make([]byte, 64<<10), unwanted: unwanted}
}

var (
	lineEnd    = []byte("\r\n")
	messageEnd = []byte("\r\n\r\n")
	eventName  = []byte("Event: ")
)

var errBanner = errors.New("no Asterisk Call Manager answers there")

// Banner reads the line that Asterisk begins with.
func (r *Reader) Banner() (string, error) {
	for searched := 0; ; {
		if i := bytes.Index(r.buf[r.start+searched:r.end], lineEnd); i >= 0 {
			line := string(r.buf[r.start : r.start+searched+i])
			r.start += searched + i + len(lineEnd)
			return line, nil
		}
		searched = max(0, r.end-r.start-1)
		if searched > 200 {
			return "", errBanner
		}
		if err := r.fill(); err != nil {
			return "", err
		}
	}
}

// Next reads one message. An error is the stream's, and final.
func (r *Reader) Next() (Message, error) {
	searched := 0
	for {
		if i := bytes.Index(r.buf[r.start+searched:r.end], messageEnd); i >= 0 {
			text := r.buf[r.start : r.start+searched+i]
			r.start += searched + i + len(messageEnd)
			searched = 0
			r.seq++
			if r.skips(text) {
				continue
			}
			return Message{text: string(text), Seq: r.seq}, nil
		}
		searched = max(0, r.end-r.start-len(messageEnd)+1)
		if r.end-r.start > MaxMessage {
			return r.passOver()
		}
		if err := r.fill(); err != nil {
			return Message{}, err
		}
	}
}

func (r *Reader) skips(text []byte) bool {
	name, ok := bytes.CutPrefix(text, eventName)
	if !ok {
		return len(bytes.TrimSpace(text)) == 0
	}
	if i := bytes.IndexByte(name, '\r'); i >= 0 {
		name = name[:i]
	}
	return r.unwanted[string(name)]
}

// passOver reads to the end of a message that is too long, keeping nothing of it.
func (r *Reader) passOver() (Message, error) {
	for {
		if i := bytes.Index(r.buf[r.start:r.end], messageEnd); i >= 0 {
			r.start += i + len(messageEnd)
			r.seq++
			return Message{Seq: r.seq, Damaged: true}, nil
		}
		r.start = max(r.start, r.end-len(messageEnd)+1)
		if err := r.fill(); err != nil {
			return Message{}, err
		}
	}
}

// fill reads more.
func (r *Reader) fill() error {
	if r.start > 0 && (r.start == r.end || r.end == len(r.buf)) {
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	}
	if r.end == len(r.buf) {
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	}
	for range 100 {
		n, err := r.r.Read(r.buf[r.end:])
		r.end += n
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}
