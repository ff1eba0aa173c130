package uacsta

import (
	"context"
	"maps"
	"slices"
	"strings"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard"
)

// identity is the user for whom an INVITE opens a session: the one whom the network asserts (RFC 3325), else the From. Either is believed only because
// the peer that sent it is trusted to have asked its users who they are. What a later request of the dialog says changes nothing.
func identity(m *message) string {
	for _, v := range m.list("P-Asserted-Identity") {
		uri := address(v)
		scheme, _, _ := strings.Cut(uri, ":")
		if strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips") {
			return switchboard.User(uri)
		}
	}
	return switchboard.User(address(m.get("From")))
}

// watchRights lets every session look at its rights again whenever they may have changed, or what was expected of a PBX has come.
func (s *Server) watchRights(ctx context.Context) {
	for {
		changed, arrived := s.board.RightsChanged(), s.board.Arrived()
		s.mu.Lock()
		all := slices.Collect(maps.Values(s.sessions))
		s.mu.Unlock()
		for _, x := range all {
			x.post(mail{kind: rights})
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-arrived:
		}
	}
}

// review ends the session, or the monitors of it, that live by a right which is gone. A line whose PBX hasn't told anything yet says nothing about rights.
func (x *session) review() {
	b := x.server.board
	if x.expected && b.Complete() {
		if d, err := b.Resolve(string(x.who.Line)); err != nil || d != x.who.Line {
			x.end("no PBX has the line under that number", true)
			return
		}
		x.expected = false
	}
	gone := func(d csta.DeviceID) bool { return b.Synced(d) && !b.May(x.who, csta.Observe, d) }
	if gone(x.who.Line) {
		x.end("its user has no right on the line any more", true)
		return
	}
	goneCall := func(id csta.CallID) bool { // one that has ended ends its monitors itself
		_, stands := b.Call(switchboard.System, id)
		_, mine := b.Call(x.who, id)
		return stands && !mine
	}
	for i := len(x.monitors) - 1; i >= 0; i-- {
		m := x.monitors[i]
		if m.device != "" && !gone(m.device) || m.device == "" && !goneCall(m.call) {
			continue
		}
		x.unmonitor(i)
		x.send(m.id, nil, pbxadapter.TraceID{}, csta.Encode(nil, csta.MonitorStop{MonitorCrossRefID: m.id}, m.edition))
	}
}

// emergency says whether a body calls an emergency number: it passes every limit.
func (s *Server) emergency(q csta.Message) bool {
	r, ok := q.(csta.Request)
	return ok && s.board.Emergency(r)
}
