package uacsta

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
)

// duty is to refresh the session, where the peer has left that to us (RFC 4028, 9 and 10): by UPDATE where it takes those, else by a re-INVITE with the
// request that the peer's own would have.
type duty struct {
	update bool
	least  int32     // seconds that the peer wants the next interval to have; 0: it has said nothing
	after  time.Time // no refresh before; while one is under way, when it's given up
	sent   uint32    // number of the one under way; 0: there is none
	branch string    // its
	invite bool      // it's an INVITE
}

// refreshBy is the method, as it is stored; "": none, the peer refreshes.
type refreshBy string

const (
	byUpdate refreshBy = "update"
	byInvite refreshBy = "invite"
)

func (d *duty) by() refreshBy {
	switch {
	case d == nil:
		return ""
	case d.update:
		return byUpdate
	}
	return byInvite
}

// inviting says whether an INVITE of ours is under way.
func (d *duty) inviting(now time.Time) bool {
	return d != nil && d.sent != 0 && d.invite && now.Before(d.after)
}

// refreshIsOurs says who is to refresh after a request: whom it names; else the peer, if it knows timers; else who did before, and we where a proxy has put a
// timer into the first request of a peer that doesn't know any (RFC 4028, table 2).
func refreshIsOurs(m *message, before bool) bool {
	switch {
	case strings.EqualFold(param(m.get("Session-Expires"), "refresher"), "uas"):
		return true
	case strings.EqualFold(param(m.get("Session-Expires"), "refresher"), "uac") || m.has("Supported", "timer"):
		return false
	}
	return before || param(m.get("To"), "tag") == ""
}

// takesDuty notes what an INVITE or UPDATE has made of it.
func (x *session) takesDuty(ours bool, m *message) {
	if !ours {
		x.duty = nil
		return
	}
	if x.duty == nil {
		x.duty = new(duty)
	}
	if x.duty.sent == 0 {
		x.duty.after = time.Time{}
	}
	x.duty.update = x.duty.update || m.method == "UPDATE" || m.has("Allow", "UPDATE")
}

// refreshDue is when the session is to be refreshed next: at half of its interval.
func (x *session) refreshDue() time.Time {
	due := x.refreshed.Add(time.Duration(x.expires) * time.Second / 2)
	if x.duty.after.After(due) {
		return x.duty.after
	}
	return due
}

// refreshPeer refreshes the session where it's ours, and time. What isn't answered is tried again until the interval ends.
func (x *session) refreshPeer(now time.Time) {
	d := x.duty
	if d == nil || now.Before(x.refreshDue()) {
		return
	}
	d.sent = 0
	if !x.reachable() {
		d.after = now.Add(dialLimit)
		return
	}
	method, body := "UPDATE", []byte(nil)
	if !d.update {
		method, body = "INVITE", csta.Encode(nil, csta.RequestSystemStatus{}, x.edition)
	}
	x.cseq++
	d.sent, d.branch, d.invite, d.after = x.cseq, newBranch(), !d.update, now.Add(ackLimit)
	x.changed = true
	_, _ = x.conn.say(x.write(x.conn, method, d.sent, d.branch, body, header{"Contact", x.conn.contact()}, header{"Allow", allow}, header{"Supported", "timer"},
		header{"Session-Expires", strconv.Itoa(int(max(x.expires, d.least))) + ";refresher=uac"}), x.callID, x.who.Line, x.trace)
}

// refreshAnswered takes the final answer to a refresh of ours.
func (x *session) refreshAnswered(c *conn, m *message) {
	n, method, _ := m.cseq()
	d := x.duty
	underWay := d != nil && d.sent == n
	if method == "INVITE" {
		branch := newBranch()
		if m.status >= 300 { // the ACK is part of the INVITE's transaction
			if !underWay {
				return
			}
			branch = d.branch
		}
		_, _ = c.say(x.write(c, "ACK", n, branch, nil), x.callID, x.who.Line, x.trace)
	}
	if !underWay {
		return
	}
	now := time.Now()
	d.sent, d.after = 0, now.Add(sentFor)
	x.changed = true
	switch {
	case m.status < 300:
		x.refreshedByUs(m, now)
	case m.status == 481 || m.status == 430:
		x.end("the peer does not know the dialog: "+strconv.Itoa(m.status), false)
		return
	case m.status == 422 && minSE(m) > int(max(x.expires, d.least)):
		d.least, d.after = int32(minSE(m)), now
	case m.status == 491:
		d.after = now.Add(time.Duration(rand.IntN(200)) * 10 * time.Millisecond) // RFC 3261, 14.1
	case (m.status == 405 || m.status == 501) && method == "UPDATE":
		d.update, d.after = false, now
	case m.status == 405 || m.status == 501: // it left to us what it doesn't understand; but it's there
		x.refreshed, d.after = now, time.Time{}
		x.server.log.Info("the peer takes no refresh", zap.String("session", x.callID), zap.Int("status", m.status))
	case m.get("Retry-After") != "":
		d.after = now.Add(retryTime(m))
	}
	x.schedule(now)
}

// refreshedByUs takes a 2xx: the interval starts anew, and may be shorter; the target may change, and who refreshes (RFC 4028, 7.2).
func (x *session) refreshedByUs(m *message, now time.Time) {
	x.refreshed, x.duty.after = now, time.Time{}
	x.expires, x.duty.least = max(x.expires, x.duty.least), 0
	if t, fits := target(m); fits {
		x.target = strings.Clone(t)
	}
	v := m.get("Session-Expires")
	number, _, _ := strings.Cut(v, ";")
	if n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 31); err == nil {
		x.expires = max(min(x.expires, int32(n)), int32(x.server.conf.MinSE/time.Second))
	}
	if strings.EqualFold(param(v, "refresher"), "uas") {
		x.duty = nil
	}
}
