package uacsta_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"farhook/csta"
	"farhook/csta/extension"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

// bubble is the gateway before a simulated PBX, all of it under fake time.
type bubble struct {
	*testing.T
	pbx   *sim.PBX
	uc    *uacsta.Server
	board *switchboard.Board
	l     *uactest.Memory
}

// inBubble plays f under fake time. At the end nothing of the gateway may be left.
func inBubble(t *testing.T, f func(*bubble), adapt ...func(*sim.PBX) pbxadapter.Adapter) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 24, Quiet: true})
		if err != nil {
			t.Fatal(err)
		}
		var a pbxadapter.Adapter = pbx
		for _, change := range adapt {
			a = change(pbx)
		}
		b := &bubble{T: t, pbx: pbx, l: uactest.NewMemory(), board: switchboard.New(switchboard.AnyLine{}, switchboard.Options{}, switchboard.PBX{Name: "sim", Adapter: a})}
		b.uc = uacsta.New(b.board, uacsta.Config{})
		ctx, cancel := context.WithCancel(context.Background())
		boardCtx, stopBoard := context.WithCancel(context.Background())
		var wg, wb sync.WaitGroup
		wb.Go(func() { _ = b.board.Run(boardCtx) })
		wg.Go(func() { _ = b.uc.Run(ctx) })
		wg.Go(func() { _ = b.uc.Serve(ctx, b.l, nil) })
		synctest.Wait()
		f(b)
		cancel()
		wg.Wait()
		stopBoard()
		wb.Wait()
	})
}

// client is a UC client on a connection in memory. It reads all the time, and keeps what came.
type client struct {
	t        testing.TB
	name     string
	conn     net.Conn
	silent   bool // answers no event
	branches bool // its Via has a branch
	timer    bool // Supported: timer
	deaf     chan struct{}

	mu      sync.Mutex
	to      string
	expires string
	cseq    int
	n       int
	received
}

// received is what has come to a client.
type received struct {
	ends    []string // final answers: status and method
	bodies  []string // theirs
	events  []csta.Event
	numbers []int // CSeq of the requests
	byes    int
}

// got is what has come so far.
func (c *client) got() received {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.received
	r.ends, r.bodies, r.events, r.numbers = slices.Clone(r.ends), slices.Clone(r.bodies), slices.Clone(r.events), slices.Clone(r.numbers)
	return r
}

func (b *bubble) client(name string) *client {
	c := &client{t: b.T, name: name, branches: true, timer: true}
	b.connect(c)
	return c
}

// connect gives a client a (new) connection.
func (b *bubble) connect(c *client) {
	c.conn = b.l.Dial()
	go c.read(c.conn)
}

// read takes messages until the connection ends, or the client goes deaf.
func (c *client) read(conn net.Conn) {
	r := bufio.NewReader(conn)
	for {
		c.mu.Lock()
		deaf := c.deaf
		c.mu.Unlock()
		if deaf != nil {
			<-deaf
			return
		}
		head, body, err := readMessage(r)
		if err != nil {
			return
		}
		c.mu.Lock()
		reply := c.take(head, body)
		c.mu.Unlock()
		if reply != "" {
			_, _ = io.WriteString(conn, reply)
		}
	}
}

func readMessage(r *bufio.Reader) (head, body string, err error) {
	for !strings.HasSuffix(head, "\r\n\r\n") {
		l, err := r.ReadString('\n')
		if err != nil {
			return "", "", err
		}
		if head += l; head == "\r\n" {
			head = ""
		}
	}
	n, err := strconv.Atoi(field(head, "Content-Length"))
	if err != nil {
		return "", "", err
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return head, string(b), err
}

func field(head, name string) string {
	_, rest, _ := strings.Cut(head, "\r\n"+name+": ")
	v, _, _ := strings.Cut(rest, "\r\n")
	return v
}

// take notes one message, and gives the answer to it. The client is locked.
func (c *client) take(head, body string) (reply string) {
	number, method, _ := strings.Cut(field(head, "CSeq"), " ")
	n, _ := strconv.Atoi(number)
	if status, ok := strings.CutPrefix(head, "SIP/2.0 "); ok {
		c.ends = append(c.ends, status[:3]+" "+method)
		c.bodies = append(c.bodies, body)
		if _, tag, _ := strings.Cut(field(head, "To"), ";tag="); c.to == "" && status[:3] == "200" {
			c.to, c.expires = tag, field(head, "Session-Expires")
		}
		return ""
	}
	c.numbers = append(c.numbers, n)
	switch method {
	case "INFO":
		m, _, err := csta.Decode([]byte(body))
		if e, ok := m.(csta.Event); ok && err == nil {
			c.events = append(c.events, e)
		} else {
			c.t.Errorf("%s: not an event: %s (%v)", c.name, body, err)
		}
		if c.silent {
			return ""
		}
	case "BYE":
		c.byes++
	}
	reply = "SIP/2.0 200 OK\r\n"
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		reply += name + ": " + field(head, name) + "\r\n"
	}
	return reply + "Content-Length: 0\r\n\r\n"
}

// send sends one request. number 0: the next CSeq.
func (c *client) send(method string, number int, body []byte) {
	c.mu.Lock()
	c.n++
	if number == 0 && method != "ACK" {
		c.cseq++
	} else if number > 0 {
		c.cseq = number
	}
	via := "Via: SIP/2.0/TCP 10.0.0.5:1234"
	if c.branches {
		via += fmt.Sprintf(";branch=z9hG4bK%s%d", c.name, c.n)
	}
	to, extra := "<sip:rccgw@contoso.test>", ""
	if c.to != "" {
		to += ";tag=" + c.to
	}
	if method == "INVITE" || method == "UPDATE" {
		extra = "Contact: <sip:" + c.name + "@127.0.0.1:1;transport=tcp>\r\n"
		if c.timer {
			extra += "Supported: timer\r\n"
		}
	}
	if len(body) > 0 {
		extra += "Content-Type: application/csta+xml\r\n"
	}
	text := fmt.Sprintf("%s sip:rccgw@contoso.test SIP/2.0\r\n%s\r\nMax-Forwards: 70\r\nFrom: <sip:%s@contoso.test>;tag=t1\r\nTo: %s\r\n"+
		"Call-ID: %s-1\r\nCSeq: %d %s\r\n%sContent-Length: %d\r\n\r\n%s", method, via, c.name, to, c.name, c.cseq, method, extra, len(body), body)
	c.mu.Unlock()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Errorf("%s: %s: %v", c.name, method, err)
	}
}

// status is RequestSystemStatus, as a first INVITE and a refresh have it.
func status(line string) []byte {
	return csta.Encode(nil, csta.RequestSystemStatus{Extensions: extension.WithLine(line)}, csta.Ed3)
}

// signIn opens the session on a line, and monitors it.
func (c *client) signIn(line string) {
	c.t.Helper()
	c.send("INVITE", 0, status(line))
	synctest.Wait()
	c.answered("200 INVITE")
	c.send("ACK", 0, nil)
	c.send("INFO", 0, csta.Encode(nil, csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: csta.DeviceID(line)}}, csta.Ed3))
	synctest.Wait()
	c.answered("200 INFO")
}

// answered wants this as the last answer.
func (c *client) answered(want string) {
	c.t.Helper()
	if ends := c.got().ends; len(ends) == 0 || ends[len(ends)-1] != want {
		c.t.Fatalf("%s was answered %v, want %s", c.name, ends, want)
	}
}

// A day in the life of a line with three clients: one refreshes with UPDATE, one (the client that was watched in the field) with re-INVITE, counting
// anew each time and answering nothing, one has no timer. Every hour something happens, and each hears all of it. A fourth stops refreshing, and
// is told goodbye; its loss costs the others nothing.
func TestDay(t *testing.T) {
	inBubble(t, func(b *bubble) {
		lync, sipe, plain, gone := b.client("lync"), b.client("sipe"), b.client("plain"), b.client("gone")
		sipe.silent, sipe.branches, plain.timer = true, false, false
		for _, c := range []*client{lync, sipe, plain, gone} {
			c.signIn("tel:+15551001")
		}
		if lync.expires != "1800;refresher=uac" || plain.expires != "" {
			t.Fatalf("Session-Expires: %q, %q", lync.expires, plain.expires)
		}
		began := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			for time.Since(began) < 24*time.Hour {
				time.Sleep(25 * time.Minute)
				lync.send("UPDATE", 0, nil)
			}
		})
		wg.Go(func() {
			for time.Since(began) < 24*time.Hour {
				time.Sleep(29 * time.Minute) // 60 s before the end
				sipe.send("INVITE", 0, status("tel:+15551001"))
				time.Sleep(time.Second)
				sipe.send("ACK", 1, nil)
			}
		})
		goneFor := time.Duration(0)
		for hour := range 24 {
			time.Sleep(time.Hour)
			if err := b.pbx.Phone(1001).SetDoNotDisturb(hour%2 == 0); err != nil {
				t.Fatal(err)
			}
			if err := b.pbx.Phone(1002).Dial("tel:+15551003"); err != nil { // another's call
				t.Fatal(err)
			}
			if err := b.pbx.Phone(1002).HangUp(); err != nil {
				t.Fatal(err)
			}
			if hour == 12 {
				plain.send("INFO", 0, status("tel:+15551001"))
			}
			if gone.got().byes > 0 && goneFor == 0 {
				goneFor = time.Since(began)
			}
		}
		wg.Wait()
		synctest.Wait()
		for _, c := range []*client{lync, sipe, plain} {
			got := c.got()
			if len(got.events) != 24 || got.byes != 0 {
				t.Errorf("%s heard %d events and %d BYE", c.name, len(got.events), got.byes)
			}
			for i, e := range got.events {
				if d, ok := e.(csta.DoNotDisturbEvent); !ok || d.DoNotDisturbOn != (i%2 == 0) || got.numbers[i] != i+1 {
					t.Errorf("%s: event %d is %+v, with the number %d", c.name, i, e, got.numbers[i])
				}
			}
			for _, e := range got.ends {
				if !strings.HasPrefix(e, "200 ") {
					t.Errorf("%s was answered %s", c.name, e)
				}
			}
		}
		if got := gone.got(); len(got.events) != 0 || got.byes != 1 || goneFor != time.Hour {
			t.Errorf("the one that stopped heard %v, and %d BYE by %v", got.events, got.byes, goneFor)
		}
		if n := b.uc.Count(); n != 3 {
			t.Errorf("%d sessions", n)
		}
		// A client without a timer, and without a word, lasts a day.
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if n := b.uc.Count(); n != 0 {
			t.Errorf("%d sessions after a day of silence", n)
		}
		for _, c := range []*client{lync, sipe, plain} {
			if n := c.got().byes; n != 1 {
				t.Errorf("%s: %d BYE", c.name, n)
			}
		}
	})
}

// The client that was watched in the field answers no event: 1,000 in a second are all written, in order.
func TestThousandEventsASecond(t *testing.T) {
	inBubble(t, func(b *bubble) {
		sipe := b.client("sipe")
		sipe.silent, sipe.branches = true, false
		sipe.signIn("tel:+15551001")
		for i := range 1000 {
			time.Sleep(time.Millisecond)
			if err := b.pbx.Phone(1001).SetDoNotDisturb(i%2 == 0); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		got := sipe.got()
		if len(got.events) != 1000 {
			t.Fatalf("%d events", len(got.events))
		}
		for i, e := range got.events {
			if e.(csta.DoNotDisturbEvent).DoNotDisturbOn != (i%2 == 0) || got.numbers[i] != i+1 {
				t.Fatalf("event %d is %+v, with the number %d", i, e, got.numbers[i])
			}
		}
		time.Sleep(20 * time.Minute) // its silence is no reason to end
		if n, byes := b.uc.Count(), sipe.got().byes; n != 1 || byes != 0 {
			t.Errorf("%d sessions, %d BYE", n, byes)
		}
		sipe.send("BYE", 0, nil)
		synctest.Wait()
		sipe.answered("200 BYE")
	})
}

// A peer that stops reading loses its connection, not its session; the other session on the line hears everything in order meanwhile. When the
// deaf one comes back by another connection, it is told what it missed.
func TestStopsReading(t *testing.T) {
	inBubble(t, func(b *bubble) {
		deaf, other := b.client("deaf"), b.client("other")
		deaf.signIn("tel:+15551001")
		other.signIn("tel:+15551001")
		deaf.mu.Lock()
		deaf.deaf = make(chan struct{})
		deaf.mu.Unlock()
		for i := range 301 {
			time.Sleep(100 * time.Millisecond)
			if err := b.pbx.Phone(1001).SetDoNotDisturb(i%2 == 0); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		heard := other.got().events
		if len(heard) != 301 {
			t.Fatalf("the other heard %d events", len(heard))
		}
		for i, e := range heard {
			if e.(csta.DoNotDisturbEvent).DoNotDisturbOn != (i%2 == 0) {
				t.Fatalf("event %d is %+v", i, e)
			}
		}
		if _, err := io.WriteString(deaf.conn, "\r\n\r\n"); err == nil {
			t.Error("the deaf one still has its connection")
		}
		close(deaf.deaf)
		deaf.mu.Lock()
		deaf.deaf = nil
		deaf.mu.Unlock()
		before := len(deaf.got().events)
		b.connect(deaf)
		deaf.send("INFO", 0, csta.Encode(nil, csta.RequestSystemStatus{}, csta.Ed3))
		synctest.Wait()
		deaf.answered("200 INFO")
		if heard := deaf.got().events; len(heard) == before {
			t.Error("the deaf one was not told what it missed")
		} else if last := heard[len(heard)-1]; !last.(csta.DoNotDisturbEvent).DoNotDisturbOn {
			t.Errorf("the last it was told is %+v", last)
		}
	})
}

// An INVITE whose 200 is never acknowledged opens a session for 32 s (RFC 3261, 13.3.1.4); the other session on the line does not notice.
func TestNeverAcknowledged(t *testing.T) {
	inBubble(t, func(b *bubble) {
		other, mute := b.client("other"), b.client("mute")
		other.signIn("tel:+15551001")
		mute.send("INVITE", 0, status("tel:+15551001"))
		synctest.Wait()
		mute.answered("200 INVITE")
		for i := range 40 {
			time.Sleep(time.Second)
			if err := b.pbx.Phone(1001).SetDoNotDisturb(i%2 == 0); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if byes := mute.got().byes; byes != map[bool]int{true: 1}[i >= 31] {
				t.Fatalf("%d BYE after %d s", byes, i+1)
			}
		}
		if got := other.got(); len(got.events) != 40 || got.byes != 0 {
			t.Errorf("the other heard %d events and %d BYE", len(got.events), got.byes)
		}
		if n := b.uc.Count(); n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
}

// stuck is the simulated PBX whose phones cannot be held: the command is never confirmed.
type stuck struct{ *sim.PBX }

func (s stuck) Services() csta.Services {
	all := s.PBX.Services()
	delete(all, "HoldCall")
	csta.Handle(all, func(ctx context.Context, _ csta.HoldCall) (csta.HoldCallResponse, error) {
		<-ctx.Done()
		return csta.HoldCallResponse{}, ctx.Err()
	})
	return all
}

// A PBX that does not confirm in time is answered for, well within the 32 s of a transaction; events go on meanwhile.
func TestNoConfirmation(t *testing.T) {
	inBubble(t, func(b *bubble) {
		c := b.client("alice")
		c.signIn("tel:+15551001")
		if err := b.pbx.Phone(1002).Dial("tel:+15551001"); err != nil {
			t.Fatal(err)
		}
		if err := b.pbx.Phone(1001).Answer(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		call := c.got().events[0].(csta.DeliveredEvent).Connection
		began, before := time.Now(), len(c.got().ends)
		c.send("INFO", 0, csta.Encode(nil, csta.HoldCall{CallToBeHeld: call}, csta.Ed3))
		time.Sleep(time.Second)
		if err := b.pbx.Phone(1001).SetDoNotDisturb(true); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if heard := c.got().events; heard[len(heard)-1].Element() != "DoNotDisturbEvent" {
			t.Errorf("heard %v", heard)
		}
		for len(c.got().ends) == before {
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
		}
		if took := time.Since(began); took < 2*time.Second || took > 10*time.Second {
			t.Errorf("the answer took %v", took)
		}
		bodies := c.got().bodies
		m, _, err := csta.Decode([]byte(bodies[len(bodies)-1]))
		if e, ok := m.(*csta.Error); err != nil || !ok || !e.Is(csta.ErrInternalResourceBusy) {
			t.Errorf("%v, %v", m, err)
		}
	}, func(p *sim.PBX) pbxadapter.Adapter { return stuck{p} })
}
