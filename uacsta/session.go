package uacsta

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard"
	"farhook/pbxadapter/switchboard/audit"
)

// session is one dialog and what goes on in it. Its loop runs only while there is mail: what the loop alone touches needs no lock.
type session struct {
	server *Server
	who    switchboard.Principal
	dialog // the loop's, but for what identifies it, which never changes

	mu      sync.Mutex
	mailbox []mail
	running bool
	gone    bool
	counted bool  // among its peer's sessions; the server's lock guards it
	waiting int32 // requests in the mailbox

	sent sent

	asked atomic.Int64 // when the peer last asked for something, in Unix nanoseconds

	// The loop's own.
	times
	reach
	edition  csta.Edition
	spelling string                   // of the line, as the peer has it
	spelt    map[csta.DeviceID]string // of other devices
	dialled  []dialledNumber          // numbers in the calls that they were dialled for
	answers  []remembered
	open     []*openRequest
	held     []switchboard.Entry // wait for an answer that is still open
	cursor   *switchboard.Cursor
	monitors []*monitor
	again    []again            // events that the peer refused for the moment
	past     []past             // the last events written
	toldOn   *conn              // where the last event went that the store doesn't know of; nil: there is none
	toldTo   uint64             // its mark there
	awaits   bool               // mail of kind written will come
	changed  bool               // since it was stored
	disabled bool               // the peer was told so by SystemStatus
	expected bool               // when it began no PBX had told the line yet
	expires  int32              // the session's interval in seconds; 0: there is no session timer
	trace    pbxadapter.TraceID // of what the loop is doing: of a request, or of whoever caused an event; zero: nobody did
}

// mail is one thing for the loop.
type mail struct {
	kind   mailKind
	conn   *conn
	msg    *message
	done   *openRequest
	reason string
	bye    bool
	urgent bool // finds room where there is none
}

type mailKind uint8

const (
	request  mailKind = iota // of the peer's
	acked                    // our 200 to an INVITE
	replied                  // to a refresh of ours
	answered                 // a service has returned
	woken                    // the journal has something
	expired                  // the timer
	refusal                  // of a request of ours
	dialled                  // a new connection, or none
	written                  // the socket has taken the events
	broken                   // a connection has ended
	ending                   // the session is to end
	stopping                 // the process is
	rights                   // may have changed
)

func newSession(s *Server, c *conn, m *message, who switchboard.Principal, spelling, target string) *session {
	x := &session{server: s, who: who, dialog: newDialog(m, target), spelling: strings.Clone(spelling), changed: true}
	x.sent.waiting = &s.counts.unanswered
	x.conn = c
	x.asked.Store(time.Now().UnixNano())
	return x
}

// post puts mail into the box, and starts the loop where none runs. A request that finds no room, or a session that has ended, gets the
// status of its answer; 0: it's in.
func (x *session) post(m mail) (refused int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if refused = x.admits(m); refused != 0 {
		return refused
	}
	if m.kind == request {
		x.waiting++
	}
	x.mailbox = append(x.mailbox, m)
	if !x.running {
		x.running = true
		x.server.tasks.Go(x.loop)
	}
	return 0
}

// visit is post for those who have a goroutine to spare for a moment: where no loop runs they do this one thing themselves, and a goroutine
// does what has come meanwhile.
func (x *session) visit(m mail) (refused int) {
	x.mu.Lock()
	if x.running {
		x.mu.Unlock()
		return x.post(m)
	}
	if refused = x.admits(m); refused != 0 {
		x.mu.Unlock()
		return refused
	}
	x.running = true
	x.mu.Unlock()
	x.handle(m)
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.mailbox) > 0 && !x.gone {
		x.server.tasks.Go(x.loop)
	} else {
		x.running, x.mailbox = false, nil
	}
	return 0
}

// admits is 0 where mail may come in, else the status that refuses it. The session is locked.
func (x *session) admits(m mail) (refused int) {
	switch {
	case x.gone:
		return 481
	case m.kind == request && int(x.waiting) >= x.server.conf.Mailbox && !m.urgent:
		return 503
	}
	return 0
}

// next takes one piece of mail; false where there is none, and the loop ends.
func (x *session) next() (mail, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.mailbox) == 0 || x.gone {
		x.running = false
		x.mailbox = nil
		return mail{}, false
	}
	m := x.mailbox[0]
	x.mailbox[0] = mail{}
	x.mailbox = x.mailbox[1:]
	if m.kind == request {
		x.waiting--
	}
	return m, true
}

func (x *session) loop() {
	for {
		m, ok := x.next()
		if !ok {
			return
		}
		x.handle(m)
	}
}

// idle says whether the session stands, and its loop has nothing more to do at this moment.
func (x *session) idle() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.mailbox) == 0 && !x.gone
}

// handle does one thing. A panic costs this session, not the process.
func (x *session) handle(m mail) {
	defer func() {
		if p := recover(); p != nil {
			x.server.log.Error("panic in a session", zap.String("session", x.callID), zap.Any("panic", p), zap.Stack("stack"), x.trace.Field())
			if m.kind == request {
				m.conn.answer(m.msg, answer{status: 500}, x.tag)
			}
			x.end("panic", true)
		}
	}()
	defer x.store()
	x.trace = pbxadapter.TraceID{}
	switch {
	case m.msg != nil:
		x.trace = m.msg.trace
	case m.done != nil:
		x.trace = m.done.msg.trace
	}
	switch m.kind {
	case request:
		x.request(m.conn, m.msg)
	case acked:
		x.unacked = nil
	case replied:
		x.refreshAnswered(m.conn, m.msg)
	case answered:
		x.finish(m.done)
	case woken:
		x.follow()
	case expired:
		x.tick()
	case refusal:
		x.refused(m.msg)
	case written:
		x.awaits = false
		x.follow()
	case dialled:
		x.reconnected(m.conn, m.reason)
	case broken:
		switch {
		case x.conn == m.conn && x.sent.owed():
			x.reachable()
		case x.conn != m.conn && x.conn != nil && !x.conn.dead():
			x.resend(m.conn) // the peer had come back by another before this one was known to be gone
		}
	case ending:
		x.end(m.reason, m.bye)
	case stopping:
		x.suspend()
	case rights:
		x.review()
	}
}

// request takes one request of the dialog, or the INVITE that opened it.
func (x *session) request(c *conn, m *message) {
	x.reached(c)
	x.heard = time.Now()
	x.asked.Store(x.heard.UnixNano())
	if b, known := x.remember(c, m); known {
		if b != nil {
			_, _ = c.say(b, x.callID, x.who.Line, m.trace)
		}
		return
	}
	initial := m.method == "INVITE" && param(m.get("To"), "tag") == ""
	if x.unacked != nil && !initial && param(m.get("To"), "tag") != "" {
		if x.unacked.alive = true; x.unacked.opening {
			x.unacked = nil // whoever knows our tag has the 200
		}
	}
	if m.method == "CANCEL" {
		x.cancel(c, m)
		return
	}
	if bad := unsupported(m); bad != "" {
		x.reply(c, m, answer{status: 420, extra: []header{{"Unsupported", bad}}})
		return
	}
	switch m.method {
	case "INVITE", "UPDATE":
		x.refresh(c, m, initial)
	case "INFO":
		x.info(c, m)
	case "BYE":
		x.reply(c, m, answer{status: 200})
		x.end("BYE", false)
	case "OPTIONS":
		x.reply(c, m, optionsAnswer())
	default:
		x.reply(c, m, answer{status: 405, extra: []header{{"Allow", allow}}})
	}
}

// refresh answers the INVITE, a re-INVITE or an UPDATE: the interval starts anew, and the target may change (RFC 4028; RFC 3311).
func (x *session) refresh(c *conn, m *message, initial bool) {
	if m.method == "INVITE" {
		if slices.ContainsFunc(x.open, func(o *openRequest) bool { return o.msg.method == "INVITE" }) {
			x.reply(c, m, answer{status: 500, warning: "an INVITE of this dialog is still being carried out", extra: []header{retryAfter(1 + rand.IntN(9))}})
			return // RFC 3261, 14.2
		}
		if x.duty.inviting(x.heard) {
			x.reply(c, m, answer{status: 491})
			return // likewise
		}
		x.invited = transactionOf(m)
	}
	if len(m.body) > 0 && !isCSTA(m) {
		x.reply(c, m, notCSTA(m))
		return
	}
	expires, before := x.expires, x.target // what is refused changes nothing (RFC 3261, 14.2)
	if !initial {
		n, a := x.server.interval(m)
		if a.status != 0 {
			x.reply(c, m, a)
			return
		}
		if n > 0 {
			x.expires = int32(n)
		}
		if t, fits := target(m); fits {
			x.target = strings.Clone(t)
		}
	}
	ours := x.expires > 0 && refreshIsOurs(m, x.duty != nil)
	a := answer{status: 200, dialog: true, expires: int(x.expires), ours: ours}
	switch {
	case m.method == "UPDATE":
		x.reply(c, m, a)
	case len(m.body) == 0: // the state is told all the same
		a.body = csta.Encode(nil, csta.RequestSystemStatusResponse{SystemStatus: csta.StatusNormal}, x.edition)
		x.reply(c, m, a)
	case !x.serve(c, m, a):
		x.expires, x.target = expires, before
		return
	}
	x.changed = true
	x.refreshed = x.heard
	x.takesDuty(ours, m)
	x.schedule(x.heard)
}

// cancel ends an INVITE that is still being carried out (RFC 3261, 9.2); one that has been answered stays as it is.
func (x *session) cancel(c *conn, m *message) {
	t := transactionOf(m)
	for i, o := range x.open {
		if o.msg.method == "INVITE" && transactionOf(o.msg) == t {
			x.reply(c, m, answer{status: 200})
			x.reply(o.conn, o.msg, answer{status: 487})
			x.open = slices.Delete(x.open, i, i+1)
			if param(o.msg.get("To"), "tag") == "" {
				x.end("the INVITE was cancelled", false)
				return
			}
			x.release()
			x.begin()
			return
		}
	}
	if x.invited == t {
		x.reply(c, m, answer{status: 200})
		return
	}
	x.reply(c, m, answer{status: 481})
}

// end ends the session for good: monitors, timer, and, where it is ours to say so, BYE.
func (x *session) end(reason string, bye bool) {
	if !x.halt(487) { // RFC 3261, 15.1.2
		return
	}
	if bye {
		x.bye()
	}
	x.server.counts.ended.Add(1)
	x.server.leave(x)
	if x.server.conf.Store != nil {
		x.server.conf.Store.Delete(x.tag)
	}
	x.server.board.Audit(audit.Entry{Act: audit.SessionEnded, User: x.who.User, Via: x.who.Via, Peer: x.who.Peer, Line: string(x.who.Line), Detail: reason})
	x.server.log.Info("session ended", zap.String("session", x.callID), zap.String("user", x.who.User), zap.String("device", string(x.who.Line)),
		zap.String("reason", reason), x.trace.Field())
}

// bye tells the peer that the session is over, also one that has no connection just now.
func (x *session) bye() {
	if x.conn != nil {
		if _, err := x.conn.say(x.newRequest(x.conn, "BYE", nil), x.callID, x.who.Line, x.trace); err == nil {
			return
		}
	}
	s := x.server
	s.byes.Add(1)
	s.tasks.Go(func() {
		defer s.byes.Add(-1)
		if c, err := s.dial(x.hop(), len(x.routes) > 0); err == nil {
			_, _ = c.say(x.newRequest(c, "BYE", nil), x.callID, x.who.Line, x.trace) // the session's loop has ended: its dialog is ours
		}
	})
}

// suspend ends the session in this process, and leaves it to the next one.
func (x *session) suspend() {
	x.save()
	if x.halt(503) {
		x.server.leave(x)
	}
}

// halt stops whatever goes on. Every request that has no answer yet gets one; those being carried out get status. false: it was done already.
func (x *session) halt(status int) bool {
	x.mu.Lock()
	if x.gone {
		x.mu.Unlock()
		return false
	}
	x.gone = true
	unread := x.mailbox
	x.mailbox = nil
	x.mu.Unlock()
	x.sent.clear()
	for _, o := range x.open {
		a := answer{status: status}
		if status == 503 {
			a = busy(2)
		}
		o.conn.answer(o.msg, a, x.tag)
	}
	for _, m := range unread {
		if m.kind == request {
			m.conn.answer(m.msg, x.server.unknown(), x.tag)
		}
	}
	if x.timer != nil {
		x.timer.Stop()
	}
	if x.cursor != nil {
		x.cursor.Close()
	}
	x.server.counts.monitors.Add(-int64(len(x.monitors)))
	x.change(func([]*monitor) []*monitor { return nil })
	x.held, x.answers, x.open, x.again = nil, nil, nil, nil
	return true
}
