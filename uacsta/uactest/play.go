package uactest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Player plays conversations against a server.
type Player struct {
	Addr string // of the server
	// PBX does one line of a pbx step.
	PBX func(line string) error
	// Patience is how long a message may take to come before the conversation has failed.
	Patience time.Duration

	vars  Vars
	peers map[string]*peer
}

// Play plays a conversation to its end. Afterwards nothing more may have come.
func (p *Player) Play(f *File) error {
	p.vars, p.peers = Vars{"$HOST": p.Addr}, map[string]*peer{}
	defer func() {
		for _, x := range p.peers {
			x.conn.Close()
		}
	}()
	for _, s := range f.Steps {
		if err := p.step(s); err != nil {
			return fmt.Errorf("%s:%d: %w", f.Name, s.Line, err)
		}
	}
	for name, x := range p.peers {
		if err := x.quiet(); err != nil {
			return fmt.Errorf("%s: at the end, %s: %w", f.Name, name, err)
		}
	}
	return nil
}

func (p *Player) step(s Step) error {
	if s.Kind == PBX {
		for line := range strings.SplitSeq(s.Text, "\n") {
			if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
				continue
			}
			if err := p.PBX(line); err != nil {
				return fmt.Errorf("%s: %w", line, err)
			}
		}
		return nil
	}
	x, err := p.peer(s.Peer)
	if err != nil {
		return err
	}
	switch s.Kind {
	case Send:
		return x.send(s.What, s.Text)
	case Get:
		return x.get(s.What, s.Text)
	case Quiet:
		return x.quiet()
	case PBX:
	}
	return nil
}

// peer is one UC client behind its front end: one connection, one dialog.
type peer struct {
	player         *Player
	name           string
	conn           net.Conn
	r              *bufio.Reader
	cseq           int
	toTag          string
	silent         bool // answers no event
	callID, branch string
	from           string // of the last request
	n              int
	ok             string // the last 200 to an INVITE
}

func (p *Player) peer(name string) (*peer, error) {
	if x := p.peers[name]; x != nil {
		return x, nil
	}
	conn, err := net.Dial("tcp", p.Addr)
	if err != nil {
		return nil, err
	}
	x := &peer{
		player: p, name: name, conn: conn, r: bufio.NewReader(conn), silent: strings.HasPrefix(name, "silent"),
		callID: name + "-" + strconv.FormatInt(time.Now().UnixNano(), 36), branch: "z9hG4bKfe" + name,
	}
	p.peers[name] = x
	return x, nil
}

// send sends a message: given whole (several, between lines of ~~~, go in one segment), or a body to which the profile adds the rest.
func (x *peer) send(what, text string) error {
	text, err := x.player.vars.Fill(text)
	if err != nil {
		return err
	}
	var out string
	switch head, _, _ := strings.Cut(text, "\n"); {
	case what == "octets":
		out, err = strconv.Unquote(text)
		if err != nil {
			return fmt.Errorf("octets are a quoted string: %w", err)
		}
		_, err = io.WriteString(x.conn, out)
		return err
	case strings.HasSuffix(head, " SIP/2.0"), strings.HasPrefix(head, "SIP/2.0 "):
		for one := range strings.SplitSeq(text, "\n~~~\n") {
			out += whole(one)
		}
	default:
		if out, err = x.shorthand(what, text); err != nil {
			return err
		}
	}
	x.from, x.callID = headerOf(out, "From"), headerOf(out, "Call-ID")
	_, err = io.WriteString(x.conn, out)
	return err
}

func headerOf(text, name string) string {
	_, rest, _ := strings.Cut(text, "\r\n"+name+": ")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}

// whole gives a message its line ends and its Content-Length.
func whole(text string) string {
	head, body, _ := strings.Cut(text, "\n\n")
	var b strings.Builder
	for line := range strings.SplitSeq(head, "\n") {
		if name, _, _ := strings.Cut(line, ":"); !strings.EqualFold(name, "Content-Length") {
			b.WriteString(line + "\r\n")
		}
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

// shorthand makes a request of the profile's: a Lync client behind a front end. METHOD may be followed by NAME: VALUE headers, one
// a line, then an empty line, then the body.
func (x *peer) shorthand(what, text string) (string, error) {
	method := what
	if method == "" || strings.Contains(method, " ") {
		return "", fmt.Errorf("%q is no method", what)
	}
	var extra, body string
	if strings.HasPrefix(text, "<") {
		body = text
	} else {
		extra, body, _ = strings.Cut(text, "\n\n")
	}
	if method != "ACK" {
		x.cseq++
	}
	x.n++
	to := "<sip:rccgw@contoso.test>"
	if x.toTag != "" {
		to += ";tag=" + x.toTag
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("%s sip:rccgw@contoso.test SIP/2.0", method)
	line("Via: SIP/2.0/TCP 192.0.2.10:49321;branch=%s%d", x.branch, x.n)
	line("Via: SIP/2.0/TLS 192.0.2.77:51063;branch=z9hG4bKcl%d;ms-received-port=51063;ms-received-cid=1A00", x.n)
	if method == "INVITE" && x.toTag == "" {
		line("Record-Route: <sip:lync-fe.contoso.test:5061;transport=tls;opaque=state:T;lr>")
	}
	line("Max-Forwards: 69")
	line("From: <sip:%s@contoso.test>;tag=%s9a1b;epid=0f1e2d3c4b", x.name, x.name)
	line("To: %s", to)
	line("Call-ID: %s", x.callID)
	line("CSeq: %d %s", x.cseq, method)
	if method == "INVITE" || method == "UPDATE" {
		line("Contact: <sip:%s@contoso.test;opaque=user:epid:%s;gruu>", x.name, x.name)
		line("Supported: timer")
	}
	for l := range strings.SplitSeq(extra, "\n") {
		if l != "" {
			line("%s", l)
		}
	}
	if body != "" && !strings.Contains(extra, "Content-Type") {
		line("Content-Type: application/csta+xml")
	}
	line("Content-Length: %d", len(body))
	return b.String() + "\r\n" + body, nil
}

// message is one message as it came.
type message struct {
	start   string
	headers []string
	body    string
}

func (m message) get(name string) string {
	for _, h := range m.headers {
		if k, v, ok := strings.Cut(h, ": "); ok && strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

func (m message) String() string {
	return m.start + "\n" + strings.Join(m.headers, "\n") + "\n\n" + m.body
}

var errQuiet = errors.New("nothing came")

// read takes the next message. A 200 to an INVITE that comes again, because a slow machine's ACK was late, is passed over.
func (x *peer) read(patience time.Duration) (message, error) {
	for {
		m, err := x.readAny(patience)
		if err != nil || !strings.HasPrefix(m.start, "SIP/2.0 200 ") || !strings.HasSuffix(m.get("CSeq"), " INVITE") {
			return m, err
		}
		if text := m.String(); text != x.ok {
			x.ok = text
			return m, nil
		}
	}
}

func (x *peer) readAny(patience time.Duration) (message, error) {
	var m message
	_ = x.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		l, err := x.r.ReadString('\n')
		if err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() && m.start == "" {
				return m, errQuiet
			}
			return m, err
		}
		l = strings.TrimSuffix(l, "\r\n")
		switch {
		case l == "" && m.start == "":
			continue
		case m.start == "":
			m.start = l
			continue
		case l != "":
			m.headers = append(m.headers, l)
			continue
		}
		break
	}
	n, err := strconv.Atoi(m.get("Content-Length"))
	if err != nil || n < 0 {
		return m, fmt.Errorf("the Content-Length of\n%s", m)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(x.r, b); err != nil {
		return m, err
	}
	m.body = string(b)
	return m, nil
}

// get reads the next message and compares: whole where the text is, else start line, body, and the headers that are named.
func (x *peer) get(what, text string) error {
	m, err := x.read(x.player.Patience)
	if err != nil {
		return fmt.Errorf("want %s: %w", what, err)
	}
	if err := x.compare(m, what, text); err != nil {
		return err
	}
	if tag := afterTag(m.get("To")); x.toTag == "" && strings.HasPrefix(m.start, "SIP/2.0 2") && strings.HasSuffix(m.get("CSeq"), "INVITE") {
		x.toTag = tag
	}
	if strings.HasPrefix(m.start, "SIP/2.0 ") || x.silent {
		return nil
	}
	return x.answer(m)
}

func afterTag(v string) string {
	_, tag, _ := strings.Cut(v, ";tag=")
	tag, _, _ = strings.Cut(tag, ";")
	return tag
}

func (x *peer) compare(m message, what, text string) error {
	first, _, _ := strings.Cut(text, "\n")
	if strings.HasPrefix(first, "SIP/2.0 ") || strings.HasSuffix(first, " SIP/2.0") {
		head, body, _ := strings.Cut(text, "\n\n")
		var want, got []string
		for l := range strings.SplitSeq(head, "\n") {
			if !strings.HasPrefix(l, "Content-Length:") {
				want = append(want, l)
			}
		}
		got = append(got, m.start)
		for _, h := range m.headers {
			if !strings.HasPrefix(h, "Content-Length:") {
				got = append(got, h)
			}
		}
		if err := x.player.vars.Match(strings.Join(want, "\n"), strings.Join(got, "\n")); err != nil {
			return err
		}
		return x.player.vars.Match(CanonicalXML(body), CanonicalXML(m.body))
	}
	begins := what + " "
	if what != "" && what[0] >= '1' && what[0] <= '9' {
		begins = "SIP/2.0 " + what + " "
	}
	if !strings.HasPrefix(m.start, begins) {
		return fmt.Errorf("want %s, got\n%s", what, m)
	}
	headers, body := "", text
	if !strings.HasPrefix(text, "<") {
		headers, body, _ = strings.Cut(text, "\n\n")
	}
	for l := range strings.SplitSeq(headers, "\n") {
		if name, value, ok := strings.Cut(l, ": "); ok {
			if err := x.player.vars.Match(value, m.get(name)); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	if body == "" {
		return nil // it does not matter
	}
	return x.player.vars.Match(CanonicalXML(body), CanonicalXML(m.body))
}

// answer says 200 to an event, as a client does.
func (x *peer) answer(m message) error {
	var b strings.Builder
	b.WriteString("SIP/2.0 200 OK\r\n")
	for _, h := range m.headers {
		if name, _, _ := strings.Cut(h, ":"); name == "Via" || name == "From" || name == "To" || name == "Call-ID" || name == "CSeq" {
			b.WriteString(h + "\r\n")
		}
	}
	b.WriteString("User-Agent: uactest\r\nContent-Length: 0\r\n\r\n")
	_, err := io.WriteString(x.conn, b.String())
	return err
}

// quiet asks for something, in the dialog where there is one, whose answer must be the next message: what was sent before has come by then.
func (x *peer) quiet() error {
	to, from, callID := "<sip:rccgw@contoso.test>", "<sip:probe@contoso.test>;tag=quiet", "quiet"
	if x.toTag != "" {
		to, from, callID = to+";tag="+x.toTag, x.from, x.callID
	}
	x.n++
	branch := fmt.Sprintf("z9hG4bKquiet%d", x.n)
	_, err := fmt.Fprintf(x.conn, "OPTIONS sip:rccgw@contoso.test SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=%s\r\n"+
		"From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 9999 OPTIONS\r\nContent-Length: 0\r\n\r\n", branch, from, to, callID)
	if err != nil {
		return nil //nolint:nilerr // the conversation has ended the connection
	}
	m, err := x.read(x.player.Patience)
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	if err != nil {
		return err
	}
	if !strings.Contains(m.get("Via"), branch) {
		return fmt.Errorf("nobody waited for\n%s", m)
	}
	return nil
}
