package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Report is what Verify found.
type Report struct {
	Entries uint64
	First   time.Time // of the first entry
	Last    time.Time
	Head    string // hash of the last line: kept elsewhere and given to a later Verify, it also shows a record that was cut off or made anew
	Lost    uint64 // entries that the record itself says couldn't be written
	Torn    uint64 // lines that were written in part, when the disk was full or the machine went down; the chain goes on over them
}

// ErrBroken says that the record isn't as it was written.
var ErrBroken = errors.New("audit: the record is broken")

// Verify reads a record from its first line to its last. An error that wraps ErrBroken names the first line that doesn't follow from the one before;
// the report is of what stands before it. heads
// are what former reports gave: each must still be the hash of a line, or the record was cut off or made anew since.
func Verify(r io.Reader, heads ...string) (Report, error) {
	var rep Report
	missing := slices.Clone(heads)
	have := func(sum string) string {
		missing = slices.DeleteFunc(missing, func(h string) bool { return strings.EqualFold(h, sum) })
		return sum
	}
	in := bufio.NewReaderSize(r, maxLine)
	before := ""
	for n := 1; ; n++ {
		b, err := in.ReadSlice('\n')
		switch {
		case err == io.EOF && len(b) == 0:
			rep.Head = before
			if len(missing) > 0 {
				return rep, fmt.Errorf("%w: no line has the head %s: it was cut off, or made anew", ErrBroken, missing[0])
			}
			return rep, nil
		case err == io.EOF: // the last line, without its end
		case errors.Is(err, bufio.ErrBufferFull):
			return rep, broken(n, "it is longer than any that is written")
		case err != nil:
			return rep, fmt.Errorf("audit: line %d: %w", n, err)
		}
		b = bytes.TrimSuffix(b, []byte("\n"))
		var l line
		if json.Unmarshal(b, &l) != nil {
			rep.Torn++ // whether it was so from the beginning is told by the next line
			before = have(sum(b))
			continue
		}
		switch {
		case l.Before != before:
			return rep, broken(n, "it does not follow from the line before: one of the two was changed, or lines were taken out or put in")
		case l.N != rep.Entries+1:
			return rep, broken(n, "it has number %d where %d is due", l.N, rep.Entries+1)
		}
		rep.Entries = l.N
		if n == 1 {
			rep.First = l.At
		}
		rep.Last = l.At
		if l.Act == Lost {
			var lost uint64
			if _, err := fmt.Sscan(l.Detail, &lost); err == nil {
				rep.Lost += lost
			}
		}
		before = have(sum(b))
	}
}

func broken(line int, format string, args ...any) error {
	return fmt.Errorf("%w at line %d: %s", ErrBroken, line, fmt.Sprintf(format, args...))
}
