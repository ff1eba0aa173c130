package uacsta

import (
	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard/wiretap"
)

// heard records a message as it came, and lets go of its octets, which are the framer's. A request gets its trace id here, but for ACK, which asks for nothing.
func (c *conn) heard(m *message) {
	if m.status == 0 && m.method != "ACK" && m.trace.IsZero() {
		m.trace = pbxadapter.NewTrace()
	}
	c.tap(wiretap.In, m.raw, m.get("Call-ID"), m.line, m.trace)
	m.raw = nil
}

// answer writes the response to m, and records it.
func (c *conn) answer(m *message, a answer, tag string) []byte {
	b := a.bytes(c, m, tag)
	c.server.counts.response(a.status)
	_, _ = c.say(b, m.get("Call-ID"), m.line, m.trace)
	return b
}

// say is write for a message, which is recorded before anybody can answer it. mark is of its end: see took.
func (c *conn) say(b []byte, session string, line csta.DeviceID, trace pbxadapter.TraceID) (mark uint64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.leave(b); err != nil {
		return 0, err
	}
	c.tap(wiretap.Out, b, session, line, trace)
	c.start()
	return c.left, nil
}

func (c *conn) tap(way wiretap.Direction, text []byte, session string, line csta.DeviceID, trace pbxadapter.TraceID) {
	c.server.conf.Tap.Record(wiretap.Record{
		Layer: wiretap.SIP, Direction: way, Peer: c.peer, Session: session, Line: line, Trace: trace, Text: text,
	})
}
