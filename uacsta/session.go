package uacsta

import (
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/switchboard"
)

// Times of a session without a timer, and of one whose INVITE nobody acknowledges.
const (
	idleLimit    = 24 * time.Hour
	confirmLimit = 32 * time.Second // 64*T1 (RFC 3261, 13.3.1.4)
	rememberFor  = 32 * time.Second // answers, for replays (timer J)
	maxAnswers   = 4
)

// session is one dialog and what goes on in it. Its loop runs only while there is mail: what the loop alone touches needs no lock.
type session struct {
	server *Server
	who    switchboard.Principal

	// The dialog (RFC 3261, 12). Set once, but for what a target refresh changes, which is the loop's.
	key, callID, tag, peerTag string
	local, remote             string // From and To of our requests
	branch                    string // of the INVITE
	routes                    []string
	target                    string

	mu      sync.Mutex
	mailbox []mail
	running bool
	gone    bool
	waiting int // requests in the mailbox

	// The loop's own.
	conn      *conn
	cseq      uint32
	expires   int // seconds; 0: no timer
	deadline  time.Time
	timer     *time.Timer
	confirmed bool
	edition   csta.Edition
	spelling  string                   // of the line, as the peer has it
	spelt     map[csta.DeviceID]string // of other devices
	answers   []remembered
	open      []*openRequest
	held      []switchboard.Entry // wait for an answer that is still open
	cursor    *switchboard.Cursor
	monitors  []*monitor
	sent      []uint32 // CSeq of unanswered events, the last of them
}

// mail is one thing for the loop.
type mail struct {
	kind   mailKind
	conn   *conn
	msg    *message
	done   *openRequest
	reason string
	bye    bool
}

type mailKind uint8

const (
	request  mailKind = iota // of the peer's
	acked                    // our 200 to an INVITE
	answered                 // a service has returned
	woken                    // the journal has something
	expired                  // the timer
	refusal                  // of a request of ours
	dialled                  // a new connection, or none
	ending                   // the session is to end
)

// remembered is an answer that a replay of its request gets again.
type remembered struct {
	branch string
	cseq   string
	bytes  []byte
	until  time.Time
}

func newSession(s *Server, c *conn, m *message, who switchboard.Principal, spelling, target string) *session {
	x := &session{
		server: s, who: who, conn: c, tag: newTag(), spelling: strings.Clone(spelling), target: strings.Clone(target),
		callID: strings.Clone(m.get("Call-ID")), peerTag: strings.Clone(param(m.get("From"), "tag")),
		remote: strings.Clone(m.get("From")), branch: strings.Clone(param(m.get("Via"), "branch")),
	}
	x.key = x.callID + "\x00" + x.peerTag
	x.local = m.get("To") + ";tag=" + x.tag
	for _, r := range m.list("Record-Route") {
		x.routes = append(x.routes, strings.Clone(r))
	}
	return x
}

// matches says whether a request is of this dialog (RFC 3261, 12.2.2). Its CSeq says nothing: one real client counts anew.
func (x *session) matches(m *message) bool {
	return m.get("Call-ID") == x.callID && param(m.get("From"), "tag") == x.peerTag
}

// post puts mail into the box, and starts the loop where none runs. false: the box is full, or the session has ended.
func (x *session) post(m mail) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.gone {
		return m.kind != request
	}
	if m.kind == request {
		if x.waiting >= x.server.conf.Mailbox {
			return false
		}
		x.waiting++
	}
	x.mailbox = append(x.mailbox, m)
	if !x.running {
		x.running = true
		x.server.tasks.Go(x.loop)
	}
	return true
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

// handle does one thing. A panic costs this session, not the process.
func (x *session) handle(m mail) {
	defer func() {
		if p := recover(); p != nil {
			x.server.log.Error("panic in a session", zap.String("session", x.callID), zap.Any("panic", p), zap.Stack("stack"))
			if m.kind == request {
				_ = m.conn.write(answer{status: 500}.bytes(m.conn, m.msg, x.tag))
			}
			x.end("panic", true)
		}
	}()
	switch m.kind {
	case request:
		x.request(m.conn, m.msg)
	case acked:
		x.confirmed = true
	case answered:
		x.finish(m.done)
	case woken:
		x.follow()
	case expired:
		x.tick()
	case refusal:
		x.refused(m.msg)
	case dialled:
		x.reconnected(m.conn)
	case ending:
		x.end(m.reason, m.bye)
	}
}

// request takes one request of the dialog, or the INVITE that opened it.
func (x *session) request(c *conn, m *message) {
	x.conn = c
	if b := x.remember(m); b != nil {
		_ = c.write(b)
		return
	}
	initial := m.method == "INVITE" && param(m.get("To"), "tag") == ""
	if !initial {
		x.confirmed = true
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
	case "CANCEL":
		x.reply(c, m, answer{status: 200})
	default:
		x.reply(c, m, answer{status: 405, extra: []header{{"Allow", allow}}})
	}
}

// refresh answers the INVITE, a re-INVITE or an UPDATE: the interval starts anew, and the target may change (RFC 4028; RFC 3311).
func (x *session) refresh(c *conn, m *message, initial bool) {
	if !initial {
		n, a := x.server.interval(m)
		if a.status != 0 {
			x.reply(c, m, a)
			return
		}
		if n > 0 {
			x.expires = n
		}
		if t := address(m.get("Contact")); t != "" && !strings.ContainsAny(t, " \t<>\"") {
			x.target = strings.Clone(t)
		}
	}
	a := answer{status: 200, dialog: true, expires: x.expires}
	if len(m.body) == 0 || m.method == "UPDATE" {
		x.reply(c, m, a)
	} else {
		if !isCSTA(m) {
			x.reply(c, m, answer{status: 415, extra: []header{{"Accept", contentType}}})
			return
		}
		x.serve(c, m, a)
	}
	x.arm(time.Now())
}

// arm sets the timer to what comes first: the end of the interval, or something to forget.
func (x *session) arm(now time.Time) {
	if x.expires > 0 {
		// A little before the interval ends (RFC 4028, 10): we aren't the refresher.
		interval := time.Duration(x.expires) * time.Second
		x.deadline = now.Add(interval - min(32*time.Second, interval/3))
	} else {
		x.deadline = now.Add(idleLimit)
	}
	x.schedule(now)
}

func (x *session) schedule(now time.Time) {
	next := x.deadline
	if len(x.answers) > 0 && x.answers[0].until.Before(next) {
		next = x.answers[0].until
	}
	if !x.confirmed {
		if t := now.Add(confirmLimit); t.Before(next) {
			next = t
		}
	}
	wait := max(next.Sub(now), 0)
	if x.timer == nil {
		x.timer = time.AfterFunc(wait, func() { x.post(mail{kind: expired}) })
	} else {
		x.timer.Reset(wait)
	}
}

// tick is the timer: the session may have expired, and old answers are forgotten.
func (x *session) tick() {
	now := time.Now()
	switch {
	case !now.Before(x.deadline):
		x.end("not refreshed", true)
		return
	case !x.confirmed:
		x.end("the INVITE was never acknowledged", true)
		return
	}
	for len(x.answers) > 0 && !x.answers[0].until.After(now) {
		x.answers = x.answers[1:]
	}
	if len(x.answers) == 0 {
		x.answers = nil
	}
	x.schedule(now)
}

// reply answers a request, and remembers that for a replay.
func (x *session) reply(c *conn, m *message, a answer) {
	b := a.bytes(c, m, x.tag)
	_ = c.write(b)
	branch := param(m.get("Via"), "branch")
	if branch == "" {
		return
	}
	if len(x.answers) >= maxAnswers {
		x.answers = append(x.answers[:0:0], x.answers[1:]...)
	}
	now := time.Now()
	x.answers = append(x.answers, remembered{strings.Clone(branch), strings.Clone(m.get("CSeq")), b, now.Add(rememberFor)})
	if x.timer != nil && len(x.answers) == 1 {
		x.schedule(now)
	}
}

// remember is the answer that a request has had already; one that is still being carried out gets none twice.
func (x *session) remember(m *message) []byte {
	branch, cseq := param(m.get("Via"), "branch"), m.get("CSeq")
	if branch == "" {
		return nil
	}
	for _, a := range x.answers {
		if a.branch == branch && a.cseq == cseq {
			return a.bytes
		}
	}
	if slices.ContainsFunc(x.open, func(o *openRequest) bool {
		return o.msg.get("CSeq") == cseq && param(o.msg.get("Via"), "branch") == branch
	}) {
		return []byte("\r\n")
	}
	return nil
}

// end ends the session: monitors, timer, and, where it is ours to say so, BYE.
func (x *session) end(reason string, bye bool) {
	x.mu.Lock()
	if x.gone {
		x.mu.Unlock()
		return
	}
	x.gone = true
	x.mailbox = nil
	x.mu.Unlock()
	if bye && x.conn != nil && !x.conn.dead() {
		_ = x.conn.write(x.newRequest(x.conn, "BYE", nil))
	}
	if x.timer != nil {
		x.timer.Stop()
	}
	if x.cursor != nil {
		x.cursor.Close()
	}
	x.monitors, x.held, x.answers = nil, nil, nil
	x.server.leave(x)
	x.server.log.Info("session ended", zap.String("session", x.callID), zap.String("user", x.who.User), zap.String("device", string(x.who.Line)),
		zap.String("reason", reason))
}

// view is what a device monitor was last told, for the difference after a loss.
type view = callmodel.View
