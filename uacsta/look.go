package uacsta

import (
	"slices"
	"sync"
	"time"

	"farhook/csta"
)

// SessionInfo is a session as others see it.
type SessionInfo struct {
	ID       string // Call-ID of its dialog
	User     string
	Line     csta.DeviceID
	Spelling string // of the line, as the client has it
	Peer     string // name of the UC server, or its address
	Began    time.Time
	Asked    time.Time       // when the client last asked for something
	Monitors []csta.DeviceID // devices that it monitors
}

// Sessions lists the sessions, those of one line only where line isn't empty, in no order.
func (s *Server) Sessions(line csta.DeviceID) []SessionInfo {
	s.mu.Lock()
	var all []*session
	if line != "" {
		all = slices.Clone(s.lines[line])
	} else {
		all = make([]*session, 0, len(s.sessions))
		for _, x := range s.sessions {
			all = append(all, x)
		}
	}
	s.mu.Unlock()
	list := make([]SessionInfo, len(all))
	for i, x := range all {
		list[i] = x.seen()
	}
	return list
}

func (x *session) seen() SessionInfo {
	i := SessionInfo{
		ID: x.callID, User: x.who.User, Line: x.who.Line, Spelling: x.spelling, Peer: x.who.Peer, Began: x.began,
		Asked: time.Unix(0, x.asked.Load()),
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range x.monitors {
		if m.device != "" {
			i.Monitors = append(i.Monitors, m.device)
		}
	}
	return i
}

// change changes the monitors. Only the loop does, and may read them without the lock; others read them under it.
func (x *session) change(f func(monitors []*monitor) []*monitor) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.monitors = f(x.monitors)
}

// Contact is what was last heard of UC servers.
type Contact struct {
	Heard  time.Time     // of any request; zero: none has ever come
	Invite time.Time     // of an INVITE with CSTA in it
	Skew   time.Duration // how far the other side's clock is ahead of ours, by the Date of a request (RFC 3261, 20.17)
	Clock  time.Time     // when Skew was found; zero: no request had a Date
	Peer   string        // who told it
}

// contact keeps it.
type contact struct {
	mu sync.Mutex
	Contact
}

// Contact says what was last heard of UC servers.
func (s *Server) Contact() Contact {
	s.contact.mu.Lock()
	defer s.contact.mu.Unlock()
	return s.contact.Contact
}

// met notes a request outside a dialog: those in one say nothing new.
func (s *Server) met(c *conn, m *message, now time.Time) {
	k := &s.contact
	date := m.get("Date")
	k.mu.Lock()
	defer k.mu.Unlock()
	k.Heard = now
	if m.method == "INVITE" && isCSTA(m) {
		k.Invite = now
	}
	if date == "" {
		return
	}
	if theirs, err := time.Parse(time.RFC1123, date); err == nil {
		k.Skew, k.Clock, k.Peer = theirs.Sub(now).Round(time.Second), now, c.name()
	}
}
