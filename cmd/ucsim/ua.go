package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"farhook/csta"
	"farhook/csta/extension"
)

// ua is one user agent with one dialog on one connection.
type ua struct {
	conn  net.Conn
	conf  cli
	print *printer
	calls *calls

	callID, tag string
	toTag       string // the gateway's
	target      string // the gateway's Contact
	routes      []string
	monitor     csta.MonitorID

	write   sync.Mutex // one message at a time
	mu      sync.Mutex
	cseq    int
	pending map[string]chan *message // by branch
	ack     string                   // of the last INVITE
	dead    chan error
	refresh *time.Timer
}

func newUA(conn net.Conn, c cli, p *printer) *ua {
	u := &ua{
		conn: conn, conf: c, print: p, calls: newCalls(),
		callID: rand.Text(), tag: rand.Text()[:10],
		pending: make(map[string]chan *message), dead: make(chan error, 1),
	}
	go u.read()
	return u
}

func (u *ua) close() {
	u.mu.Lock()
	if u.refresh != nil {
		u.refresh.Stop()
	}
	u.mu.Unlock()
	u.conn.Close()
}

// signIn opens the dialog with RequestSystemStatus, asks for the features and starts the monitor, as a Lync client does.
func (u *ua) signIn(ctx context.Context) error {
	line := csta.RequestSystemStatus{Extensions: extension.WithLine(u.conf.Line)}
	res, err := u.request(ctx, "INVITE", u.conf.Gateway, csta.Encode(nil, line, csta.Ed3))
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	if res.status != 200 {
		return fmt.Errorf("sign in to %s: %d %s%s", u.conf.Line, res.status, res.reason, warning(res))
	}
	u.toTag = param(res.get("To"), "tag")
	u.target = uri(res.get("Contact"))
	u.routes = res.all("Record-Route")
	for i, j := 0, len(u.routes)-1; i < j; i, j = i+1, j-1 {
		u.routes[i], u.routes[j] = u.routes[j], u.routes[i]
	}
	ack := u.head("ACK", u.target, branch(), res.cseq()) + "Content-Length: 0\r\n\r\n"
	u.mu.Lock()
	u.ack = ack
	u.mu.Unlock()
	u.send(ack)
	status, ok := decode(res.body).(csta.RequestSystemStatusResponse)
	if !ok || status.SystemStatus != csta.StatusNormal {
		return fmt.Errorf("sign in to %s: the gateway's status is %q, not normal", u.conf.Line, status.SystemStatus)
	}
	u.startRefresh(res)
	if _, err := ask[csta.GetCSTAFeaturesResponse](ctx, u, csta.GetCSTAFeatures{Extensions: extension.WithLine(u.conf.Line)}); err != nil {
		return err
	}
	m, err := ask[csta.MonitorStartResponse](ctx, u, csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: csta.DeviceID(u.conf.Line)}})
	if err != nil {
		return err
	}
	u.mu.Lock()
	u.monitor = m.MonitorCrossRefID
	u.mu.Unlock()
	u.print.line("signed in to %s, monitor %s", u.conf.Line, m.MonitorCrossRefID)
	return u.learn(ctx)
}

// learn takes over the calls that are up already.
func (u *ua) learn(ctx context.Context) error {
	s, err := ask[csta.SnapshotDeviceResponse](ctx, u, csta.SnapshotDevice{SnapshotObject: csta.DeviceID(u.conf.Line)})
	var refused *csta.Error
	if errors.As(err, &refused) {
		return nil // not offered: we start without
	}
	if err != nil {
		return err
	}
	var infos []csta.SnapshotDeviceResponseInfo
	if d := s.CrossRefIDorSnapshotData.SnapshotData; d != nil {
		infos = d.SnapshotDeviceResponseInfo
	}
	for _, i := range infos {
		u.calls.set(i.ConnectionIdentifier.Call, first(i.LocalCallState))
		u.print.line("  call %s is %s", i.ConnectionIdentifier.Call, first(i.LocalCallState))
	}
	return nil
}

// signOut stops the monitor and ends the dialog, as far as they were begun.
func (u *ua) signOut(ctx context.Context) error {
	if u.toTag == "" {
		return nil
	}
	if u.monitor != "" {
		if _, err := ask[csta.MonitorStopResponse](ctx, u, csta.MonitorStop{MonitorCrossRefID: u.monitor}); err != nil {
			return fmt.Errorf("sign out: %w", err)
		}
	}
	res, err := u.request(ctx, "BYE", u.target, nil)
	if err != nil || res.status != 200 {
		return fmt.Errorf("sign out: BYE: %w", errors.Join(err, statusError(res)))
	}
	u.print.line("signed out")
	return nil
}

// startRefresh keeps the session alive with an UPDATE at half of its interval (RFC 4028, RFC 3311).
func (u *ua) startRefresh(res *message) {
	n, _ := strconv.Atoi(strings.TrimSpace(strings.SplitN(res.get("Session-Expires"), ";", 2)[0]))
	if n == 0 {
		return
	}
	half := time.Duration(n) * time.Second / 2
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refresh = time.AfterFunc(half, func() {
		ctx, cancel := context.WithTimeout(context.Background(), u.conf.Patience)
		defer cancel()
		if res, err := u.request(ctx, "UPDATE", u.target, nil); err != nil || res.status != 200 {
			u.fail(fmt.Errorf("refresh: %w", errors.Join(err, statusError(res))))
			return
		}
		u.mu.Lock()
		defer u.mu.Unlock()
		u.refresh.Reset(half)
	})
}

// ask sends a CSTA request by INFO and gives its response; a CSTAErrorCode comes as *csta.Error.
func ask[R csta.Response](ctx context.Context, u *ua, q csta.Request) (R, error) {
	var none R
	res, err := u.request(ctx, "INFO", u.target, csta.Encode(nil, q, csta.Ed3))
	if err != nil {
		return none, err
	}
	if res.status != 200 {
		return none, fmt.Errorf("%s: %w%s", q.Service(), statusError(res), warning(res))
	}
	m, _, err := csta.Decode(res.body)
	if err != nil {
		return none, fmt.Errorf("%s: answer: %w", q.Service(), err)
	}
	switch m := m.(type) {
	case R:
		return m, nil
	case *csta.Error:
		return none, m
	}
	return none, fmt.Errorf("%s: answered by %s", q.Service(), m.Element())
}

// request sends one request and waits for its final answer.
func (u *ua) request(ctx context.Context, method, target string, body []byte) (*message, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, u.conf.Patience, fmt.Errorf("no answer to %s within %v", method, u.conf.Patience))
	defer cancel()
	b := branch()
	answers := make(chan *message, 4)
	u.mu.Lock()
	u.cseq++
	n := u.cseq
	u.pending[b] = answers
	u.mu.Unlock()
	defer func() {
		u.mu.Lock()
		delete(u.pending, b)
		u.mu.Unlock()
	}()
	text := u.head(method, target, b, n)
	if method == "INVITE" || method == "UPDATE" {
		text += "Contact: <" + u.conf.User + ";opaque=user:epid:ucsim;gruu>\r\nSupported: timer\r\n"
	}
	if len(body) > 0 {
		text += "Content-Type: application/csta+xml\r\nContent-Disposition: signal;handling=required\r\n"
	}
	u.send(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", text, len(body), body))
	for {
		select {
		case m := <-answers:
			if m.status >= 200 {
				return m, nil
			}
		case err := <-u.dead:
			u.dead <- err
			return nil, err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// head is start line and headers of a request of ours, up to those that differ.
func (u *ua) head(method, target, branch string, cseq int) string {
	var b strings.Builder
	transport := "TCP"
	if u.conf.TLS {
		transport = "TLS"
	}
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s\r\n", method, target, transport, u.conn.LocalAddr(), branch)
	for _, r := range u.routes {
		fmt.Fprintf(&b, "Route: %s\r\n", r)
	}
	to := "<" + u.conf.Gateway + ">"
	if u.toTag != "" {
		to += ";tag=" + u.toTag
	}
	fmt.Fprintf(&b, "Max-Forwards: 70\r\nFrom: <%s>;tag=%s;epid=ucsim\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nUser-Agent: ucsim\r\n",
		u.conf.User, u.tag, to, u.callID, cseq, method)
	return b.String()
}

func (u *ua) send(text string) {
	u.write.Lock()
	defer u.write.Unlock()
	u.print.message(">", text)
	if _, err := io.WriteString(u.conn, text); err != nil {
		u.fail(err)
	}
}

func (u *ua) fail(err error) {
	select {
	case u.dead <- err:
	default:
	}
}

// read takes messages off the connection until it ends.
func (u *ua) read() {
	r := bufio.NewReader(u.conn)
	for {
		m, err := readMessage(r)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the gateway closed the connection")
			}
			u.fail(err)
			return
		}
		u.print.message("<", m.raw)
		if m.status == 0 {
			u.asked(m)
			continue
		}
		u.mu.Lock()
		c, ack := u.pending[param(m.get("Via"), "branch")], u.ack
		u.mu.Unlock()
		select {
		case c <- m:
		default: // nobody waits for it
			if m.status == 200 && strings.HasSuffix(m.get("CSeq"), "INVITE") && ack != "" { // it was late (RFC 3261, 13.2.2.4)
				u.send(ack)
			}
		}
	}
}

// asked answers a request of the gateway's.
func (u *ua) asked(m *message) {
	status := "200 OK"
	switch m.method {
	case "ACK":
		return
	case "INFO", "OPTIONS", "BYE":
	default:
		status = "501 Not Implemented"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %s\r\n", status)
	for _, h := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		for _, v := range m.all(h) {
			fmt.Fprintf(&b, "%s: %s\r\n", h, v)
		}
	}
	b.WriteString("User-Agent: ucsim\r\nContent-Length: 0\r\n\r\n")
	u.send(b.String())
	switch m.method {
	case "BYE":
		u.fail(errors.New("the gateway ended the session"))
	case "INFO":
		u.told(decode(m.body))
	}
}

// told takes an event over and prints it.
func (u *ua) told(m csta.Message) {
	e, ok := m.(csta.Event)
	if !ok {
		if m != nil {
			u.print.line("* %s", m.Element())
		}
		return
	}
	u.calls.apply(e)
	u.print.line("* %s", describe(e))
}

func branch() string { return "z9hG4bK" + rand.Text()[:12] }

func decode(body []byte) csta.Message {
	m, _, err := csta.Decode(body)
	if err != nil {
		return nil
	}
	return m
}
