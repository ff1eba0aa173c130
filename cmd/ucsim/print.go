package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"farhook/csta"
)

// printer writes whole lines, from any goroutine.
type printer struct {
	mu  sync.Mutex
	out io.Writer
	raw bool
}

func (p *printer) line(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.out, time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}

// message prints a SIP message where --raw asks for it.
func (p *printer) message(direction, text string) {
	if !p.raw {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range strings.SplitSeq(strings.TrimRight(text, "\r\n"), "\n") {
		fmt.Fprintln(p.out, direction, strings.TrimRight(l, "\r"))
	}
}

// first is the line's own state in a snapshot.
func first(s csta.CallState) csta.State {
	if c := s.CompoundCallState; c != nil && len(c.LocalConnectionState) > 0 {
		return c.LocalConnectionState[0]
	}
	return ""
}
