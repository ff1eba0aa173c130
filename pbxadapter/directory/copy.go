package directory

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"
)

// copyVersion is the form of a copy. One of another form is left alone.
const copyVersion = 1

// head is the first line of a copy; a person a line follows.
type head struct {
	Version int       `json:"farhookDirectory"`
	Source  string    `json:"source"`
	At      time.Time `json:"at"`
	People  int       `json:"people"`
}

const maxLine = 256 << 10

func (d *Directory) file(s *source) string {
	return filepath.Join(d.o.Folder, "directory-"+s.Name()+".jsonl")
}

// keep writes the last good copy of a source: whole, or not at all.
func (d *Directory) keep(s *source) error {
	if d.o.Folder == "" || d.o.Look {
		return nil
	}
	return Whole(d.file(s), func(w io.Writer) error {
		e := json.NewEncoder(w)
		if err := e.Encode(head{copyVersion, s.Name(), s.state.At, len(s.people)}); err != nil {
			return err
		}
		for i := range s.people {
			if err := e.Encode(&s.people[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// restore reads the last good copy of a source. What can't be read of it is left out, and said.
func (d *Directory) restore(s *source) {
	if d.o.Folder == "" {
		return
	}
	h, people, bad, err := readCopy(d.file(s), s.Name())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		d.o.Log.Warn("the last good copy of a directory source cannot be read", zap.String("source", s.Name()), zap.Error(err))
		return
	}
	s.people, s.state = people, SourceState{Name: s.Name(), At: h.At, People: len(people), Err: errors.New("not loaded yet since the start")}
	if bad > 0 || len(people) != h.People {
		d.o.Log.Warn("the last good copy of a directory source is damaged: what can be read of it is used", zap.String("source", s.Name()),
			zap.Int("unreadable", bad), zap.Int("people", len(people)), zap.Int("of", h.People))
	}
}

func readCopy(file, name string) (h head, people []Person, bad int, err error) {
	f, err := os.Open(file)
	if err != nil {
		return h, nil, 0, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, maxLine)
	line, err := r.ReadSlice('\n')
	if err == nil {
		err = json.Unmarshal(line, &h)
	}
	switch {
	case err != nil:
		return h, nil, 0, fmt.Errorf("%s: its first line is damaged: %w", file, err)
	case h.Version != copyVersion:
		return h, nil, 0, fmt.Errorf("%s has form %d, this program knows %d", file, h.Version, copyVersion)
	case h.Source != name:
		return h, nil, 0, fmt.Errorf("%s is a copy of %q", file, clip(h.Source))
	}
	var c checker
	people = make([]Person, 0, min(max(h.People, 0), 1_000_000))
	for {
		line, err := r.ReadSlice('\n')
		if len(line) > 0 && (err == nil || errors.Is(err, io.EOF)) {
			var p Person
			clean, ok := Person{}, false
			if json.Unmarshal(line, &p) == nil {
				clean, ok = c.person(p)
			}
			if ok {
				people = append(people, clean)
			} else {
				bad++
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return h, people, bad, nil
		case errors.Is(err, bufio.ErrBufferFull):
			bad++
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = r.ReadSlice('\n')
			}
		case err != nil:
			return h, people, bad, err
		}
	}
}
