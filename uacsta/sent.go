package uacsta

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
)

// What is remembered of events that the peer has not answered. Nothing waits for those answers: one real client never gives any. A late refusal
// must be understood all the same, and a connection that breaks must lose nothing to a peer that does answer.
const (
	maxSent    = 64
	maxFrames  = 8 // of the newest ones, for a peer that never answers
	sentFor    = 32 * time.Second
	againAfter = 2 * time.Second // unless Retry-After says otherwise
)

// sentEvent is an event that the peer has not answered yet.
type sentEvent struct {
	cseq    uint32
	until   time.Time
	monitor csta.MonitorID
	calls   []csta.CallID
	frame   []byte             // as written; nil: forgotten
	body    int                // octets of the frame's body, at its end
	on      *conn              // where it was written; nil: nowhere yet
	mark    uint64             // of its end, there
	second  bool               // it has been refused once
	trace   pbxadapter.TraceID // of the request that caused it
}

// taken says whether the socket took it.
func (e *sentEvent) taken() bool { return e.on != nil && e.on.took(e.mark) }

// past is an event that was written, for what is refused later than it.
type past struct {
	cseq    uint32
	monitor csta.MonitorID
	calls   []csta.CallID
}

// maxPast is how many of them a session remembers.
const maxPast = 16

// again is an event to be sent once more, unless a later one of its calls makes it stale.
type again struct {
	at    time.Time
	event sentEvent
}

// sent are the events that the peer has not answered, oldest first.
type sent struct {
	mu       sync.Mutex
	list     []sentEvent
	answered bool          // the peer has answered one, ever
	waiting  *atomic.Int64 // events of all sessions that their peers have not answered
}

// keep takes what has become of the list; the lock is held. An empty one keeps no memory.
func (s *sent) keep(list []sentEvent) {
	s.waiting.Add(int64(len(list) - len(s.list)))
	if s.list = list; len(list) == 0 {
		s.list = nil
	}
}

// send writes one event of a monitor, and remembers it. Where no connection is up it's written when one is.
func (x *session) send(id csta.MonitorID, calls []csta.CallID, trace pbxadapter.TraceID, body []byte) {
	x.put(sentEvent{monitor: id, calls: calls, trace: trace}, body)
}

func (x *session) put(e sentEvent, body []byte) {
	x.changed = true
	if x.conn == nil {
		return // a restored session that nobody has reached yet, which is told nothing before
	}
	e.frame, e.body = x.newRequest(x.conn, "INFO", body), len(body)
	e.cseq, e.until = x.cseq, time.Now().Add(sentFor)
	s := &x.sent
	s.mu.Lock() // before it's written: the answer may be quicker than we are
	x.say(&e)
	list := s.list
	if len(list) >= maxSent {
		list = slices.Delete(list, 0, 1)
	}
	s.keep(append(list, e))
	if n := len(s.list) - maxFrames; n > 0 && !s.answered && s.list[n-1].taken() {
		s.list[n-1].frame = nil
	}
	first := len(s.list) == 1
	s.mu.Unlock()
	if len(e.calls) > 0 {
		if len(x.past) >= maxPast {
			x.past = slices.Delete(x.past, 0, 1)
		}
		x.past = append(x.past, past{e.cseq, e.monitor, e.calls})
	}
	if first {
		x.schedule(time.Now())
	}
	if e.on == nil {
		x.reachable()
	}
}

// say writes an event, and notes in it where.
func (x *session) say(e *sentEvent) {
	mark, err := x.conn.say(e.frame, x.callID, x.who.Line, e.trace)
	if err != nil {
		e.on = nil
		return
	}
	x.server.counts.events.Add(1)
	e.on, e.mark = x.conn, mark
	x.toldOn, x.toldTo = e.on, e.mark
}

// resend writes to the session's connection what another may not have brought (from; nil: any that has ended): what no socket took, and what a peer that answers hasn't
// answered, unless a later event of its calls has gone out by another way. It is the same request again, so a peer that has it already knows it by
// its branch.
func (x *session) resend(from *conn) {
	s := &x.sent
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list {
		e := &s.list[i]
		if e.frame == nil || !s.answered && e.taken() || from != nil && e.on != from {
			continue
		}
		if from == nil && e.on != nil && !e.on.dead() {
			continue // it's on its way by one that the session has left; should that break, this is called for it
		}
		if from != nil && slices.ContainsFunc(s.list[i+1:], func(l sentEvent) bool { return l.on != from && l.monitor == e.monitor && intersect(l.calls, e.calls) }) {
			continue
		}
		x.say(e)
	}
}

// untaken is how many events no socket has taken: the newest ones, for a socket takes them in order.
func (s *sent) untaken() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) < maxSent/2 {
		return 0 // few enough, whatever became of them
	}
	for i := len(s.list) - 1; i >= 0 && !s.list[i].taken(); i-- {
		n++
	}
	return n
}

// owed says whether the peer has still to get something, by a connection that is yet to be made.
func (s *sent) owed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.list, func(e sentEvent) bool { return e.frame != nil && (s.answered || !e.taken()) })
}

// take takes the event of that number out: it has been answered, by the peer itself where well is set: a refusal may be a proxy's word for a peer that
// never answers.
func (s *sent) take(cseq uint32, well bool) (sentEvent, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered = s.answered || well
	i := slices.IndexFunc(s.list, func(e sentEvent) bool { return e.cseq == cseq })
	if i < 0 {
		return sentEvent{}, false
	}
	e := s.list[i]
	s.keep(slices.Delete(s.list, i, i+1))
	return e, true
}

// trace is the trace id of the event of that number.
func (s *sent) trace(cseq uint32) pbxadapter.TraceID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.list, func(e sentEvent) bool { return e.cseq == cseq }); i >= 0 {
		return s.list[i].trace
	}
	return pbxadapter.TraceID{}
}

// first is when the oldest may be forgotten.
func (s *sent) first() (until time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) == 0 {
		return time.Time{}, false
	}
	return s.list[0].until, true
}

// forget drops what is too old. kept: some of it should reach a peer that has no connection, and gets another while.
func (s *sent) forget(now time.Time, connected bool) (kept bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(slices.DeleteFunc(s.list, func(e sentEvent) bool {
		return !e.until.After(now) && e.taken() && (connected || !s.answered)
	}))
	for i := range s.list {
		if e := &s.list[i]; !e.until.After(now) {
			e.until, kept = now.Add(sentFor), true
		}
	}
	return kept
}

func (s *sent) hasAnswers() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answered
}

func (s *sent) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(nil)
}

// refused takes a refusal of a request of ours. Where the peer does not know the dialog any more, it is over (RFC 5057); where it cannot just now,
// the event is sent once more.
func (x *session) refused(m *message) {
	n, method, err := m.cseq()
	if err != nil || method != "INFO" {
		return
	}
	e, ok := x.sent.take(n, false)
	switch {
	case !ok:
	case m.status == 481 || m.status == 430:
		x.server.counts.refused.Add(1)
		x.end("the peer does not know the dialog: "+strconv.Itoa(m.status), false)
	case m.status >= 500 && m.status < 600 && !e.second && e.frame != nil && !x.toldLater(e):
		now := time.Now()
		e.second = true
		x.server.counts.refused.Add(1)
		x.again = append(x.again, again{now.Add(retryTime(m)), e})
		x.schedule(now)
	default:
		x.server.counts.refused.Add(1)
		x.server.log.Info("the peer refused an event", zap.String("session", x.callID), zap.String("monitor", string(e.monitor)), zap.Int("status", m.status),
			e.trace.Field())
	}
}

// retryTime is how long the peer wants to be left alone (RFC 3261, 20.33).
func retryTime(m *message) time.Duration {
	v, _, _ := strings.Cut(m.get("Retry-After"), ";")
	n, err := strconv.ParseUint(strings.TrimSpace(v), 10, 31)
	if err != nil || n == 0 {
		return againAfter
	}
	return min(time.Duration(n)*time.Second, sentFor)
}

// overtaken drops what was to be sent again of these calls: a later event tells more, and order matters more than completeness.
func (x *session) overtaken(id csta.MonitorID, calls []csta.CallID) {
	x.again = slices.DeleteFunc(x.again, func(a again) bool { return a.event.monitor == id && intersect(a.event.calls, calls) })
}

// toldLater says whether a later event of the same calls has gone out: this one would come after it, and say what isn't so any more.
func (x *session) toldLater(e sentEvent) bool {
	return slices.ContainsFunc(x.past, func(p past) bool { return p.cseq > e.cseq && p.monitor == e.monitor && intersect(p.calls, e.calls) })
}

// sendAgain sends what is due, as a new request.
func (x *session) sendAgain(now time.Time) {
	due := x.again
	x.again = nil
	for _, a := range due {
		if a.at.After(now) {
			x.again = append(x.again, a)
			continue
		}
		if x.toldLater(a.event) {
			continue
		}
		x.put(a.event, a.event.frame[len(a.event.frame)-a.event.body:])
	}
}
