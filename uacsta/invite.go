package uacsta

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/extension"
	"farhook/pbxadapter/switchboard"
	"farhook/pbxadapter/switchboard/audit"
)

// invite takes an INVITE outside a dialog: it opens a session on a line (ECMA TR/87; Microsoft's lcs:line names it).
func (s *Server) invite(c *conn, m *message) {
	refuse := func(a answer) { c.answer(m, a, "") }
	s.mu.Lock()
	before := s.opened[dialogKey(m)]
	s.mu.Unlock()
	if before != nil {
		switch t := transactionOf(m); {
		case t == before.opening: // a replay: it is answered again
			s.hand(before, c, m)
			return
		case t.number == before.opening.number: // the same request by two ways (RFC 3261, 8.2.2.2)
			refuse(answer{status: 482})
			return
		}
	}
	expires, a := s.interval(m)
	if a.status != 0 {
		refuse(a)
		return
	}
	user := identity(m)
	if !isCSTA(m) {
		s.refused(Refusal{Reason: refusedNoCSTA, Peer: c.name(), User: user, Detail: "Content-Type " + m.get("Content-Type"), Trace: m.trace})
		refuse(notCSTA(m))
		return
	}
	q, ed, err := csta.Decode(m.body)
	var broken *csta.SyntaxError
	if errors.As(err, &broken) {
		refuse(syntaxAnswer(broken))
		return
	}
	target, fits := target(m)
	if !fits {
		refuse(answer{status: 400, warning: "Contact is missing or malformed: want one sip or sips URI"})
		return
	}
	help := s.emergency(q) // no limit stands in its way
	if !s.rate.Allow() && !help {
		refuse(busy(1 + rand.IntN(5)))
		return
	}
	if s.conf.Admit != nil && !help {
		if err := s.conf.Admit(); err != nil {
			s.refused(Refusal{Reason: refusedMemory, Peer: c.name(), User: user, Detail: err.Error(), Trace: m.trace})
			refuse(busy(10 + rand.IntN(20)))
			return
		}
	}
	if p := s.trust.named(c.name()); p != nil && !p.allows(user) {
		s.refused(Refusal{Reason: refusedDomain, Peer: c.name(), User: user, Detail: "its domains are " + strings.Join(p.Domains, ", "), Trace: m.trace})
		refuse(answer{status: 403, warning: "users of this domain are not allowed from this server"})
		return
	}
	spelling, found := lineOf(q)
	if !found {
		spelling, found = s.board.LineOf(user)
	}
	if !found {
		s.refused(Refusal{Reason: refusedNoLine, Peer: c.name(), User: user, Detail: "the body of the INVITE names no line: the user has no Line URI", Trace: m.trace})
		refuse(answer{status: 403, warning: "the body names no line"})
		return
	}
	line, lerr := s.board.Resolve(spelling)
	if lerr != nil && !s.board.Complete() { // it may well be the line of a PBX that hasn't told its phones yet. A 503 makes proxies give us up for everybody
		s.refused(Refusal{Reason: refusedLinkDown, Peer: c.name(), User: user, Line: spelling, Detail: "neither a PBX nor the directory has that line, and not all PBXs have told theirs yet", Trace: m.trace})
		refuse(answer{status: 480, warning: "no PBX has told that line yet, and one has told none", extra: []header{retryAfter(30)}})
		return
	}
	if lerr != nil {
		s.refused(Refusal{Reason: refusedLine, Peer: c.name(), User: user, Line: spelling, Detail: lerr.Error(), Trace: m.trace})
		refuse(answer{status: 404, warning: "line not configured"})
		return
	}
	who := switchboard.Principal{User: user, Line: line, Via: "sip", Peer: c.name()}
	if !s.board.May(who, csta.Observe, line) {
		detail := "the directory knows no owner of the line"
		if owners := s.board.Whose(line); owners != "" {
			detail = "the line is that of " + owners
		}
		s.refused(Refusal{Reason: refusedRight, Peer: c.name(), User: user, Line: string(line), Detail: detail, Trace: m.trace})
		refuse(answer{status: 403, warning: "no right on this line"})
		return
	}
	if status := s.whileDown(c, who); status != 0 {
		s.refused(Refusal{Reason: refusedLinkDown, Peer: c.name(), User: user, Line: string(line), Trace: m.trace})
		refuse(answer{status: status, extra: []header{retryAfter(30)}})
		return
	}
	m.line = line
	x := newSession(s, c, m, who, spelling, target)
	x.edition, x.expires, x.began = ed, int32(expires), time.Now()
	_, told := s.board.Device(switchboard.System, line)
	x.expected = !told
	oldest, err := s.enter(x, help)
	if err != nil {
		s.refused(Refusal{Reason: refusedSessions, Peer: c.name(), User: user, Line: string(line), Detail: err.Error(), Trace: m.trace})
		refuse(busy(10))
		return
	}
	if before != nil { // its peer has a new one, and only now: what is refused changes nothing (RFC 3261, 8.2)
		before.post(mail{kind: ending, reason: "its peer opened the dialog anew"})
		if before.who.Line == line {
			oldest = nil // it was the one too many
		}
	}
	if oldest != nil {
		oldest.post(mail{kind: ending, reason: "more sessions on the line than allowed", bye: true})
	}
	s.counts.started.Add(1)
	s.board.Audit(audit.Entry{Act: audit.SessionAccepted, User: who.User, Via: who.Via, Peer: who.Peer, Line: string(line)})
	s.log.Info("session started", zap.String("session", x.callID), zap.String("user", who.User), zap.String("device", string(line)),
		zap.String("peer", who.Peer), m.trace.Field())
	if x.visit(mail{kind: request, conn: c, msg: m}) != 0 {
		refuse(busy(2)) // it was ended in this very moment
	}
}

// enter makes a session known, before its 200 leaves. It gives the session that has to go for it: the one whose peer has asked nothing for the
// longest time. help: no limit counts.
func (s *Server) enter(x *session, help bool) (oldest *session, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.trust.named(x.who.Peer)
	switch {
	case s.stopping || s.draining:
		return nil, errors.New("uacsta: the server takes no new sessions")
	case help:
	case len(s.sessions) >= s.conf.Sessions:
		return nil, fmt.Errorf("uacsta: there are %d sessions, which is the limit", s.conf.Sessions)
	case p != nil && !s.trust.take(s.trust.sessions, p.Name, p.Sessions):
		return nil, fmt.Errorf("uacsta: %s has %d sessions, which is its limit", p.Name, p.Sessions)
	}
	x.counted = p != nil && !help
	s.sessions[x.tag] = x
	s.opened[x.key] = x
	list := append(s.lines[x.who.Line], x)
	if len(list) > s.conf.SessionsPerLine {
		oldest = slices.MinFunc(list[:len(list)-1], func(a, b *session) int { return cmp.Compare(a.asked.Load(), b.asked.Load()) })
	}
	s.lines[x.who.Line] = list
	return oldest, nil
}

// leave forgets a session.
func (s *Server) leave(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, x.tag)
	if x.counted {
		s.trust.give(s.trust.sessions, x.who.Peer)
	}
	if s.opened[x.key] == x {
		delete(s.opened, x.key)
	}
	list := s.lines[x.who.Line]
	for i, o := range list {
		if o == x {
			list = append(list[:i:i], list[i+1:]...)
			break
		}
	}
	if len(list) == 0 {
		delete(s.lines, x.who.Line)
	} else {
		s.lines[x.who.Line] = list
	}
}

// lineOf finds the line that a first request, which may be any, is about: the device that it names itself, or the extension's.
func lineOf(q csta.Message) (string, bool) {
	switch q := q.(type) {
	case csta.MonitorStart:
		return string(q.MonitorObject.DeviceObject), q.MonitorObject.DeviceObject != ""
	case csta.SnapshotDevice:
		return string(q.SnapshotObject), true
	case csta.MakeCall:
		return string(q.CallingDevice), true
	case csta.Request:
		if e, ok := reflect.ValueOf(q).FieldByName("Extensions").Interface().(*csta.Extensions); ok {
			return extension.Line(e)
		}
	}
	return "", false
}

// target is where requests of ours are to go: the Contact's URI, without the headers that it may have, for a request's has none (RFC 3261, 8.1.1.8,
// 12.1.1 and 19.1.1). false: there is none that can be written to.
func target(m *message) (string, bool) {
	uri := address(m.get("Contact"))
	host := strings.LastIndexByte(uri, '@') + 1
	if i := strings.IndexByte(uri[host:], '?'); i >= 0 {
		uri = uri[:host+i]
	}
	scheme, rest, _ := strings.Cut(uri, ":")
	return uri, rest != "" && (strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips")) && !strings.ContainsAny(uri, " \t<>\"")
}

// isCSTA says whether the body is ours, as it is: nothing unpacks it (notCSTA). Parameters such as a charset do not matter, the document says its encoding itself.
func isCSTA(m *message) bool {
	if e := m.get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return false
	}
	t, _, _ := strings.Cut(m.get("Content-Type"), ";")
	t = strings.TrimSpace(t)
	return strings.EqualFold(t, contentType) || strings.EqualFold(t, "application/CSTAdata+xml")
}

// notCSTA answers a body that is none of ours, by its type or for being packed (RFC 3261, 8.2.3).
func notCSTA(m *message) answer {
	a := answer{status: 415, extra: []header{{"Accept", contentType}}}
	if m.get("Content-Encoding") != "" {
		a.extra = append(a.extra, header{"Accept-Encoding", "identity"})
	}
	return a
}

func syntaxAnswer(e *csta.SyntaxError) answer {
	if e.Large {
		return answer{status: 413, warning: e.Reason}
	}
	return answer{status: 400, warning: "CSTA body is not well-formed XML: " + e.Reason}
}

// unsupported is what the request requires and we do not do.
func unsupported(m *message) string {
	var bad []string
	for _, t := range m.list("Require") {
		if !strings.EqualFold(t, "timer") {
			bad = append(bad, quotable(t))
		}
	}
	return strings.Join(bad, ", ")
}

// interval is the session interval that follows from a request (RFC 4028, 9), in seconds. An answer with a status is a refusal.
func (s *Server) interval(m *message) (int, answer) {
	ours, least := int(s.conf.SessionExpires/time.Second), int(s.conf.MinSE/time.Second)
	v := m.get("Session-Expires")
	if v == "" {
		if !m.has("Supported", "timer") {
			return 0, answer{}
		}
		return max(ours, minSE(m)), answer{}
	}
	number, _, _ := strings.Cut(v, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 32) // delta-seconds
	switch {
	case err != nil:
		return 0, answer{status: 400, warning: "Session-Expires is malformed"}
	case int(n) < least:
		return 0, answer{status: 422, extra: []header{{"Min-SE", strconv.Itoa(least)}}}
	}
	return max(min(int(n), ours), least, minSE(m)), answer{}
}

// minSE is the least interval that the request allows; a malformed one allows any.
func minSE(m *message) int {
	number, _, _ := strings.Cut(m.get("Min-SE"), ";")
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 31)
	if err != nil || n > 86400 {
		return 0
	}
	return int(n)
}
