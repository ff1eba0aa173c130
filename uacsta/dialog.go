package uacsta

import (
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"time"
)

// dialog is what names a dialog, and how its other end is reached (RFC 3261, 12).
type dialog struct {
	key, callID, tag, peerTag string
	local, remote             string // From and To of our requests
	opening                   transaction
	invited                   transaction // the last INVITE
	routes                    []string
	target                    string
	cseq                      uint32
}

// transaction names a request of the peer's: its branch and the number of its CSeq. Without a branch (RFC 2543) there is none, for at least one
// client without branches counts from 1 again in the same dialog.
type transaction struct {
	branch string
	number uint32
}

func transactionOf(m *message) transaction {
	if !m.named {
		m.named = true
		top, _ := cutOutside(m.get("Via"), ',')
		if branch := param(top, "branch"); branch != "" && branch != "z9hG4bK" {
			n, _, _ := m.cseq()
			m.of = transaction{strings.Clone(branch), n}
		}
	}
	return m.of
}

func newDialog(m *message, target string) dialog {
	// Idle sessions are many: what is part of a longer string is kept there once.
	callID, tag := m.get("Call-ID"), newTag()
	d := dialog{
		key: callID + "\x00" + param(m.get("From"), "tag"), local: m.get("To") + ";tag=" + tag,
		remote: strings.Clone(m.get("From")), target: strings.Clone(target), opening: transactionOf(m),
	}
	d.callID, d.peerTag = d.key[:len(callID)], d.key[len(callID)+1:]
	d.tag = d.local[len(d.local)-len(tag):]
	for _, r := range m.list("Record-Route") {
		d.routes = append(d.routes, strings.Clone(r))
	}
	return d
}

// matches says whether a request is of this dialog (RFC 3261, 12.2.2). Its CSeq says nothing: one real client counts anew.
func (d *dialog) matches(m *message) bool {
	return m.get("Call-ID") == d.callID && param(m.get("From"), "tag") == d.peerTag
}

// newRequest is a request of ours in the dialog (RFC 3261, 12.2.1.1).
func (d *dialog) newRequest(c *conn, method string, body []byte) []byte {
	d.cseq++
	return d.write(c, method, d.cseq, newBranch(), body)
}

func newBranch() string { return "z9hG4bK" + rand.Text()[:16] }

// write is a request of that number and branch, which an ACK may share with its INVITE.
func (d *dialog) write(c *conn, method string, number uint32, branch string, body []byte, extra ...header) []byte {
	target, routes := d.target, d.routes
	if len(routes) > 0 && !isLoose(routes[0]) { // a strict router wants itself as target
		target = address(routes[0])
		routes = append(slices.Clone(routes[1:]), "<"+d.target+">")
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
	b = append(b, ";branch="...)
	b = append(b, branch...)
	b = append(b, "\r\n"...)
	for _, r := range routes {
		b = appendHeader(b, "Route", r)
	}
	b = appendHeader(b, "Max-Forwards", "70")
	b = appendHeader(b, "From", d.local)
	b = appendHeader(b, "To", d.remote)
	b = appendHeader(b, "Call-ID", d.callID)
	b = append(b, "CSeq: "...)
	b = strconv.AppendUint(b, uint64(number), 10)
	b = append(b, ' ')
	b = append(b, method...)
	b = append(b, "\r\n"...)
	for _, h := range extra {
		b = appendHeader(b, h.name, h.value)
	}
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

// rememberFor is how long an answer is kept for a replay of its request (timer J), and how many of one session are.
const (
	rememberFor = 32 * time.Second
	maxAnswers  = 64
)

// remembered is an answer that a replay of its request gets again.
type remembered struct {
	of    transaction
	bytes []byte
	until time.Time
}

// reply answers a request.
func (x *session) reply(c *conn, m *message, a answer) []byte {
	if c.dead() && x.conn != nil {
		c = x.conn // the request came by a connection that is gone, and the peer has come back by another
	}
	b := c.answer(m, a, x.tag)
	if m.method == "INVITE" && a.status == 200 {
		x.awaitAck(c, b, param(m.get("To"), "tag") == "")
	}
	return b
}

// replyOnce answers a request that must not be carried out twice: the answer is remembered for a replay.
func (x *session) replyOnce(c *conn, m *message, a answer) {
	b := x.reply(c, m, a)
	t := transactionOf(m)
	if t.branch == "" {
		return
	}
	if len(x.answers) >= maxAnswers {
		x.answers = slices.Delete(x.answers, 0, 1)
	}
	x.answers = append(x.answers, remembered{t, b, x.heard.Add(rememberFor)})
	if len(x.answers) == 1 {
		x.schedule(x.heard)
	}
}

// remember is the answer that a request has had already; nil for one that is still being carried out, and will be answered once, by the
// connection on which it was last asked.
func (x *session) remember(c *conn, m *message) (b []byte, known bool) {
	if len(x.answers) == 0 && len(x.open) == 0 || m.method == "CANCEL" {
		return nil, false
	}
	t := transactionOf(m)
	if t.branch == "" {
		return nil, false
	}
	for _, a := range x.answers {
		if a.of == t {
			return a.bytes, true
		}
	}
	for _, o := range x.open {
		if o.msg.method == m.method && transactionOf(o.msg) == t {
			o.conn = c
			return nil, true
		}
	}
	return nil, false
}
