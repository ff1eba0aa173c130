package uacsta_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/extension"
)

// patience is how long an answer may take before a test has failed. Nothing waits that long where all is well.
const patience = 20 * time.Second

// crlf gives a message that was written with plain line ends those of SIP. Content-Length: $ stands for the length of what follows the empty line.
func crlf(text string) string {
	head, body, _ := strings.Cut(strings.TrimLeft(text, "\n"), "\n\n")
	head = strings.ReplaceAll(head, "Content-Length: $", fmt.Sprintf("Content-Length: %d", len(body)))
	return strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body
}

// readAnswer reads the next message; io.EOF or a reset where the connection has ended.
func readAnswer(r *bufio.Reader) (got, error) {
	var g got
	for {
		l, err := r.ReadString('\n')
		if err != nil {
			return g, err
		}
		if l == "\r\n" {
			if g.start == "" {
				continue
			}
			break
		}
		if g.start == "" {
			g.start = strings.TrimSpace(l)
		}
		g.head += l
	}
	n, err := strconv.Atoi(g.header("Content-Length"))
	if err != nil {
		return g, err
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	g.body = string(b)
	return g, err
}

// status is the status code of an answer; 0: it is none.
func (g got) status() int {
	var n int
	_, _ = fmt.Sscanf(g.start, "SIP/2.0 %d ", &n)
	return n
}

var probes int

// probe is an OPTIONS outside any dialog, with a branch of its own.
func probe() (text, branch string) {
	probes++
	branch = fmt.Sprintf("z9hG4bKprobe%d", probes)
	return crlf(`
OPTIONS sip:rccgw@contoso.test SIP/2.0
Via: SIP/2.0/TCP 192.0.2.9;branch=` + branch + `
From: <sip:probe@contoso.test>;tag=p
To: <sip:rccgw@contoso.test>
Call-ID: ` + branch + `
CSeq: 1 OPTIONS
Content-Length: 0
`), branch
}

// exchange sends octets on a connection of its own, then a probe. It gives the answers before the probe's, and whether the connection lived on.
func exchange(t testing.TB, addr, octets string) (answers []got, alive bool) {
	t.Helper()
	return exchangeFor(t, addr, octets, 0)
}

// exchangeFor is exchange that waits for so many answers: a session that is busy answers after the probe.
func exchangeFor(t testing.TB, addr, octets string, want int) (answers []got, alive bool) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	last, branch := probe()
	go io.WriteString(c, octets+last) //nolint:errcheck // the answers tell
	r := bufio.NewReader(c)
	_ = c.SetReadDeadline(time.Now().Add(patience))
	for !alive || len(answers) < want {
		g, err := readAnswer(r)
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			t.Fatalf("neither an answer nor an end within %v, after %d answers", patience, len(answers))
		case err != nil:
			return answers, false
		case strings.Contains(g.header("Via"), branch):
			alive = true
		case comesAgain(g):
		default:
			answers = append(answers, g)
		}
	}
	return answers, true
}

// one is exchange of a single request that must get one answer.
func one(t testing.TB, addr, octets string, status int) got {
	t.Helper()
	answers, alive := exchangeFor(t, addr, octets, 1)
	if len(answers) != 1 || answers[0].status() != status || !alive {
		t.Fatalf("connection lives: %v, answers: %v", alive, answers)
	}
	return answers[0]
}

// openSession signs in and monitors, and returns what a test needs to speak in the dialog by hand.
func (h *house) openSession(t testing.TB, line string) *peer {
	t.Helper()
	p := h.dial(t)
	p.signIn(line)
	return p
}

// in is a request in p's dialog with headers of one's own; to and from tags may be others.
func (p *peer) in(method, branch string, cseq int, extra, body string) string {
	if body != "" {
		extra += "Content-Type: application/csta+xml\r\n"
	}
	return fmt.Sprintf("%s sip:rccgw@contoso.test SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.10:1;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\n"+
		"From: <sip:alice@contoso.test>;tag=9a1b;epid=0f1e\r\nTo: <sip:rccgw@contoso.test>;tag=%s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n%sContent-Length: %d\r\n\r\n%s",
		method, branch, p.toTag, p.callID, cseq, method, extra, len(body), body)
}

// undisturbed checks that a session is as it was: it answers, its monitor tells what happens, and nothing else has come to it.
func (h *house) undisturbed(t testing.TB, p *peer, ext int) {
	t.Helper()
	if r := p.ask(csta.GetDoNotDisturb{Device: csta.DeviceID(fmt.Sprintf("tel:+1555%d", ext))}); r.Element() != "GetDoNotDisturbResponse" {
		t.Fatalf("the session answers %v", r)
	}
	for _, on := range []bool{true, false} {
		if err := h.pbx.Phone(ext).SetDoNotDisturb(on); err != nil {
			t.Fatal(err)
		}
		p.events("DoNotDisturb")
	}
}

func statusRequest(line string) string {
	return encode(csta.RequestSystemStatus{Extensions: extension.WithLine(line)})
}

// answerTo is a peer's answer to a request of ours.
func answerTo(g got, status int, extra ...string) string {
	text := fmt.Sprintf("SIP/2.0 %d Answered\r\n", status)
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		text += name + ": " + g.header(name) + "\r\n"
	}
	return text + strings.Join(extra, "") + "Content-Length: 0\r\n\r\n"
}
