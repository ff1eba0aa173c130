package uacsta

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
)

// follow writes what the journal has for this session's monitors.
func (x *session) follow() {
	for x.cursor != nil && x.reachable() {
		e, ok, err := x.cursor.Next()
		switch {
		case errors.Is(err, switchboard.ErrLagged):
			x.catchUp()
		case err != nil || !ok:
			return
		case x.waits(e):
			x.held = append(x.held, e)
		default:
			x.inform(e)
		}
	}
}

// waits says whether an entry must come after an answer that is still to be written: one that an open request caused, one of a call that
// such a request names, and what comes after either in the same call.
func (x *session) waits(e switchboard.Entry) bool {
	for _, o := range x.open {
		if o.op != 0 && e.Op == o.op || intersect(o.calls, e.Calls) {
			return true
		}
	}
	return slices.ContainsFunc(x.held, func(h switchboard.Entry) bool { return intersect(h.Calls, e.Calls) })
}

func intersect(a, b []csta.CallID) bool {
	return slices.ContainsFunc(a, func(id csta.CallID) bool { return slices.Contains(b, id) })
}

// release writes the entries that waited for an answer that has been written now.
func (x *session) release() {
	held := x.held
	x.held = nil
	for _, e := range held {
		if x.waits(e) {
			x.held = append(x.held, e)
		} else {
			x.inform(e)
		}
	}
}

// inform writes one entry to every monitor that is to hear it.
func (x *session) inform(e switchboard.Entry) {
	for _, m := range x.monitors {
		if e.Seq <= m.from {
			continue
		}
		if m.device == "" {
			x.informCall(m, e)
			continue
		}
		for _, s := range e.Audience {
			if s.Device == m.device {
				m.view.Take(e.Told, m.device)
				x.event(m, e.Event, e.Template, s.Local)
			}
		}
	}
}

// informCall is inform for a call monitor, which goes with its call into the result of a rearrangement.
func (x *session) informCall(m *monitor, e switchboard.Entry) {
	if !slices.Contains(e.Calls, m.call) {
		return
	}
	x.event(m, e.Event, e.Template, "")
	m.call = e.Calls[len(e.Calls)-1]
}

// event writes one event, unless the monitor's filter suppresses it.
func (x *session) event(m *monitor, e csta.Event, template func(csta.Edition) *csta.Template, local csta.State) {
	if suppressed(m.filter, e) || x.conn == nil {
		return
	}
	body := template(m.edition).Append(nil, m.id, local, x.spell)
	if x.conn.write(x.newRequest(x.conn, "INFO", body)) != nil {
		x.reconnect()
		return
	}
	if len(x.sent) >= 64 {
		x.sent = x.sent[1:]
	}
	x.sent = append(x.sent, x.cseq)
}

// catchUp tells every device monitor what it has missed, as events.
func (x *session) catchUp() {
	var devices []csta.DeviceID
	for _, m := range x.monitors {
		if m.device != "" {
			devices = append(devices, m.device)
		}
	}
	s, seq := x.server.board.Snapshot(x.who, switchboard.Filter{Devices: devices})
	x.held = nil
	x.cursor.Skip(seq)
	x.server.log.Warn("session fell behind, and is told the difference", zap.String("session", x.callID), zap.String("device", string(x.who.Line)))
	for _, m := range x.monitors {
		if m.device == "" {
			continue
		}
		for _, t := range m.view.CatchUp(m.device, s.Calls, time.Now()) {
			for _, seat := range t.Audience {
				if seat.Device == m.device {
					x.event(m, t.Event, func(ed csta.Edition) *csta.Template { return csta.Prepare(t.Event, ed) }, seat.Local)
				}
			}
		}
	}
}

// newRequest is a request of ours in the dialog (RFC 3261, 12.2.1.1).
func (x *session) newRequest(c *conn, method string, body []byte) []byte {
	x.cseq++
	target, routes := x.target, x.routes
	if len(routes) > 0 && !isLoose(routes[0]) { // a strict router wants itself as target
		target = address(routes[0])
		routes = append(slices.Clone(routes[1:]), "<"+x.target+">")
	}
	b := make([]byte, 0, 700+len(body))
	b = append(b, method...)
	b = append(b, ' ')
	b = append(b, target...)
	b = append(b, " SIP/2.0\r\n"...)
	b = append(b, "Via: SIP/2.0/"...)
	b = append(b, c.via...)
	b = append(b, ' ')
	b = append(b, c.host...)
	b = append(b, ";branch=z9hG4bK"...)
	b = append(b, rand.Text()[:16]...)
	b = append(b, "\r\n"...)
	for _, r := range routes {
		b = appendHeader(b, "Route", r)
	}
	b = appendHeader(b, "Max-Forwards", "70")
	b = appendHeader(b, "From", x.local)
	b = appendHeader(b, "To", x.remote)
	b = appendHeader(b, "Call-ID", x.callID)
	b = append(b, "CSeq: "...)
	b = strconv.AppendUint(b, uint64(x.cseq), 10)
	b = append(b, ' ')
	b = append(b, method...)
	b = append(b, "\r\n"...)
	return appendBody(b, body)
}

func isLoose(route string) bool {
	for p := range strings.SplitSeq(address(route), ";") {
		if name, _, _ := strings.Cut(p, "="); strings.EqualFold(name, "lr") {
			return true
		}
	}
	return false
}

// refused takes a refusal of a request of ours: where the peer does not know the dialog any more, it is over.
func (x *session) refused(m *message) {
	n, method, err := m.cseq()
	if err != nil || method != "INFO" || !slices.Contains(x.sent, n) {
		return
	}
	if m.status == 481 || m.status == 430 {
		x.end("the peer does not know the dialog: "+strconv.Itoa(m.status), false)
		return
	}
	x.server.log.Info("the peer refused an event", zap.String("session", x.callID), zap.Int("status", m.status))
}

// reachable says whether there is a connection to write to; where there is none, it has one made, and follow is called again then.
func (x *session) reachable() bool {
	if x.conn == nil {
		return false
	}
	if x.conn.dead() {
		x.reconnect()
		return false
	}
	return true
}

const dialLimit = 5 * time.Second

// reconnect makes a connection to the next hop: the first of the route set, else the target.
func (x *session) reconnect() {
	if x.conn == nil {
		return
	}
	x.conn = nil
	hop := x.target
	if len(x.routes) > 0 {
		hop = address(x.routes[0])
	}
	x.server.tasks.Go(func() {
		c, err := x.server.dial(hop)
		if err != nil {
			x.post(mail{kind: ending, reason: "the connection cannot be made again: " + err.Error()})
			return
		}
		x.post(mail{kind: dialled, conn: c})
	})
}

func (x *session) reconnected(c *conn) {
	if x.conn == nil {
		x.conn = c
	}
	x.follow()
}

// dial connects to a SIP URI's host.
func (s *Server) dial(uri string) (*conn, error) {
	var u sip.Uri
	if err := sip.ParseUri(uri, &u); err != nil {
		return nil, err
	}
	transport, _ := u.UriParams.Get("transport")
	if maddr, ok := u.UriParams.Get("maddr"); ok {
		u.Host = maddr
	}
	if strings.EqualFold(transport, "tls") || u.Scheme == "sips" {
		return nil, errors.New("connections of our own over TLS need the peer's certificate to be verified, which is not configured")
	}
	if u.Port == 0 {
		u.Port = 5060
	}
	addr := net.JoinHostPort(u.Host, strconv.Itoa(u.Port))
	if c := s.standing(addr); c != nil {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), dialLimit)
	defer cancel()
	n, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := s.newConn(n, "TCP")
	s.tasks.Go(func() { s.serve(c) })
	return c, nil
}

// standing finds a connection to a peer's address that is up.
func (s *Server) standing(addr string) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.net.RemoteAddr().String() == addr && !c.dead() {
			return c
		}
	}
	return nil
}
