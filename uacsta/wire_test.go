package uacsta_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/directory"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

const (
	maxForwards = "Max-Forwards: 70\r\n"
	sdp         = "v=0\r\n"
)

// routed is signIn through a proxy that records its route.
func (p *peer) routed(line, route string) {
	p.t.Helper()
	invite := p.request("INVITE", strings.Replace(lineBody, "tel:+15551001", line, 1))
	p.send(strings.Replace(invite, maxForwards, maxForwards+"Record-Route: <"+route+">\r\n", 1))
	_, p.toTag, _ = strings.Cut(p.read().header("To"), ";tag=")
	p.send(p.request("ACK", ""))
	p.ask(csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: csta.DeviceID(line)}})
}

// cutOff has the gateway end the connection, and waits until it has.
func (p *peer) cutOff() {
	p.t.Helper()
	p.send("\x00\xFF\r\n\r\n")
	_ = p.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if b, err := io.ReadAll(p.r); err != nil {
		p.t.Fatalf("%q, %v", b, err)
	}
}

// On a connection that we have made we are still found where we listen: in Contact and in Via (RFC 3261, 12.1.1 and 18.1.1).
func TestFoundWhereWeListen(t *testing.T) {
	a := uactest.NewAuthority(t)
	us := &tls.Config{RootCAs: a.Pool, Certificates: []tls.Certificate{a.Pair(uactest.Wanted{Names: []string{"gw.example.com"}})}}
	for _, via := range []string{"TCP", "TLS"} {
		t.Run(via, func(t *testing.T) {
			h := newHouse(t, switchboard.AnyLine{}, false, func(c *uacsta.Config) { c.Contact, c.Dial = "gw.example.com", us })
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			own, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); _ = h.uc.Serve(ctx, own, us) }()
			defer func() { cancel(); <-done }()
			c, err := tls.Dial("tcp", own.Addr().String(), &tls.Config{RootCAs: a.Pool, ServerName: "gw.example.com"}) // it serves
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
			_, port, _ := net.SplitHostPort(h.addr)
			_, hop, _ := net.SplitHostPort(l.Addr().String())
			if via == "TLS" {
				_, port, _ = net.SplitHostPort(own.Addr().String())
				l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{a.Pair(uactest.Wanted{Names: []string{"localhost"}})}})
			}
			p := h.dial(t)
			p.routed("tel:+15551001", "sip:localhost:"+hop+";transport="+strings.ToLower(via)+";lr")
			p.cutOff()
			if err := h.pbx.Phone(1001).SetDoNotDisturb(true); err != nil {
				t.Fatal(err)
			}
			n, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			p.moveTo(n)
			at := "gw.example.com:" + port
			if g := p.read(); !strings.HasPrefix(g.header("Via"), "SIP/2.0/"+via+" "+at+";") {
				t.Errorf("want %s by %s in %s", at, via, g.head)
			}
			p.send(p.request("UPDATE", ""))
			if g := p.read(); g.header("Contact") != "<sip:"+at+";transport="+strings.ToLower(via)+">" {
				t.Errorf("want %s in %s", at, g.head)
			}
		})
	}
}

// What the UC server has opened itself takes events of every dialog that is routed by it, for it has proved who it is.
func TestConnectionOfTheRoutesHost(t *testing.T) {
	a := uactest.NewAuthority(t)
	for _, c := range []struct {
		name  string
		route string
		want  bool
	}{
		{"by name", "sip:fe01.example.com:5061;transport=tls;lr", true},
		{"of another name", "sip:fe02.example.com:5061;transport=tls;lr", false},
		{"by another transport", "sip:fe01.example.com:5061;transport=tcp;lr", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, addr := secured(t, a)
			dial := func() *peer {
				n, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: a.Pool, ServerName: "gw.example.com", Certificates: []tls.Certificate{a.Pair(uactest.Wanted{Names: []string{"fe01.example.com"}})}})
				if err != nil {
					t.Fatal(err)
				}
				return newPeer(t, n)
			}
			p, q := dial(), dial()
			q.signIn("tel:+15551002")
			p.routed("tel:+15551001", c.route)
			p.cutOff()
			if err := h.pbx.Phone(1001).SetDoNotDisturb(true); err != nil {
				t.Fatal(err)
			}
			if c.want {
				if g := q.read(); !strings.Contains(g.body, "DoNotDisturbEvent") || g.header("Call-ID") != p.callID {
					t.Errorf("%s%s", g.head, g.body)
				}
				return
			}
			q.ask(csta.RequestSystemStatus{}) // and nothing else comes
			q.ask(csta.RequestSystemStatus{})
		})
	}
}

// When no connection can be made any more, one that the dialog came by before is better than its end.
func TestEarlierConnectionAtLast(t *testing.T) {
	underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
		p := newPeer(t, l.Dial())
		p.signIn("tel:+15551001")
		first, firstReader := p.conn, p.r
		p.moveTo(l.Dial())
		p.ask(csta.RequestSystemStatus{})
		p.cutOff()
		synctest.Wait()
		if err := h.pbx.Phone(1001).SetDoNotDisturb(true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		p.conn, p.r = first, firstReader
		p.events("DoNotDisturb")
		if err := h.pbx.Phone(1001).SetDoNotDisturb(false); err != nil {
			t.Fatal(err)
		}
		p.events("DoNotDisturb")
		h.undisturbed(t, p, 1001)
	})
}

// A request that is refused changes nothing of the dialog: not where it leads, not how long it lives (RFC 3261, 14.2).
func TestRefusedRefreshChangesNothing(t *testing.T) {
	const elsewhere = "<sip:mallory@192.0.2.66>"
	for _, c := range []struct {
		name, method, body string
		as                 [2]string
		status             int
	}{
		{"re-INVITE of another type", "INVITE", sdp, [2]string{"application/csta+xml", "application/sdp"}, 415},
		{"UPDATE of another type", "UPDATE", sdp, [2]string{"application/csta+xml", "application/sdp"}, 415},
		{"packed", "INVITE", encode(csta.RequestSystemStatus{}), [2]string{"Content-Type:", "Content-Encoding: gzip\r\nContent-Type:"}, 415},
		{"broken", "INVITE", "<broken", [2]string{"", ""}, 400},
		{"an interval that is too small", "UPDATE", "", [2]string{"Supported: timer", "Supported: timer\r\nSession-Expires: 30"}, 422},
		{"taken", "INVITE", encode(csta.RequestSystemStatus{}), [2]string{"", ""}, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
				p := newPeer(t, l.Dial())
				p.signIn("tel:+15551001")
				time.Sleep(1700 * time.Second)
				text := strings.Replace(p.request(c.method, c.body), c.as[0], c.as[1], 1)
				p.send(strings.Replace(text, "<sip:alice@127.0.0.1:9;opaque=user:epid:x;gruu>", elsewhere, 1))
				if g := p.read(); g.status() != c.status {
					t.Fatal(g.head)
				}
				if c.method == "INVITE" {
					p.send(p.request("ACK", ""))
				}
				if err := h.pbx.Phone(1001).SetDoNotDisturb(true); err != nil {
					t.Fatal(err)
				}
				g := p.read()
				if moved := strings.HasPrefix(g.start, "INFO sip:mallory@192.0.2.66 "); moved != (c.status == 200) {
					t.Errorf("after %d: %s", c.status, g.start)
				}
				p.send(answerTo(g, 200))
				time.Sleep(99 * time.Second)
				if n, want := h.uc.Count(), map[bool]int{true: 1}[c.status == 200]; n != want {
					t.Errorf("%d sessions, want %d", n, want)
				}
			})
		})
	}
}

// An INVITE that names a dialog's Call-ID and tag anew ends that dialog when it's accepted, not when it is refused.
func TestRefusedInviteLeavesTheDialog(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false, func(c *uacsta.Config) { c.SessionsPerLine = 2 })
	other := h.dial(t)
	other.signIn("tel:+15551001")
	p := h.dial(t)
	p.signIn("tel:+15551001")
	tag := p.toTag
	p.toTag = ""
	p.send(strings.Replace(p.request("INVITE", sdp), "application/csta+xml", "application/sdp", 1))
	if g := p.read(); g.status() != 415 {
		t.Fatal(g.head)
	}
	p.toTag = tag
	h.undisturbed(t, p, 1001)
	other.events("DoNotDisturb", "DoNotDisturb")
	p.toTag = ""
	p.signIn("tel:+15551001")
	if p.toTag == tag || h.uc.Count() != 2 {
		t.Errorf("%d sessions", h.uc.Count())
	}
	h.undisturbed(t, p, 1001) // and the other isn't one too many
	other.events("DoNotDisturb", "DoNotDisturb")
	p.toTag = tag
	p.send(p.request("INFO", ""))
	if g := p.read(); g.status() != 481 {
		t.Error(g.head)
	}
}

// A session whose time is over is told so also where its connection is gone: by its route.
func TestByeToWhoHasNoConnection(t *testing.T) {
	h := newHouse(t, switchboard.AnyLine{}, false, func(c *uacsta.Config) { c.SessionsPerLine = 1 })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := h.dial(t)
	p.routed("tel:+15551001", "sip:"+l.Addr().String()+";transport=tcp;lr")
	p.cutOff()
	h.dial(t).signIn("tel:+15551001")
	n, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	p.moveTo(n)
	if g := p.read(); !strings.HasPrefix(g.start, "BYE ") || g.header("Call-ID") != p.callID {
		t.Error(g.head)
	}
}

// A Contact that nobody can write to opens no session, and leaves the dialog's target as it is.
func TestContacts(t *testing.T) {
	h := newHouse(t, switchboard.AnyLine{}, false)
	p := h.dial(t)
	p.signIn("tel:+15551001")
	const good = "<sip:alice@127.0.0.1:9;opaque=user:epid:x;gruu>"
	for _, bad := range []string{"*", "<tel:+15551001>", "<sip:>", "<mailto:alice@contoso.test>", "<sip:a b@contoso.test>"} {
		q := h.dial(t)
		q.send(strings.Replace(q.request("INVITE", lineBody), good, bad, 1))
		if g := q.read(); g.status() != 400 || !strings.Contains(g.header("Warning"), "Contact") {
			t.Errorf("%s: %s", bad, g.head)
		}
		p.send(strings.Replace(p.request("UPDATE", ""), good, bad, 1))
		if g := p.read(); g.status() != 200 {
			t.Errorf("%s: %s", bad, g.head)
		}
		if err := h.pbx.Phone(1001).SetDoNotDisturb(true); err != nil {
			t.Fatal(err)
		}
		if g := p.read(); !strings.HasPrefix(g.start, "INFO sip:alice@127.0.0.1:9;") {
			t.Errorf("%s: %s", bad, g.start)
		}
		if err := h.pbx.Phone(1001).SetDoNotDisturb(false); err != nil {
			t.Fatal(err)
		}
		p.read()
	}
	for contact, want := range map[string]string{
		"<sip:a?b@127.0.0.1:9;x=y?Subject=later&To=q%40r>": "sip:a?b@127.0.0.1:9;x=y", "<sip:127.0.0.1:9?Subject=later>": "sip:127.0.0.1:9",
		"sip:alice@127.0.0.1:9": "sip:alice@127.0.0.1:9",
	} {
		p.send(strings.Replace(p.request("UPDATE", ""), good, contact, 1))
		p.read()
		if err := h.pbx.Phone(1001).SetDoNotDisturb(true); err != nil {
			t.Fatal(err)
		}
		if g := p.read(); !strings.HasPrefix(g.start, "INFO "+want+" SIP/2.0") {
			t.Errorf("%s: %s", contact, g.start)
		}
		if err := h.pbx.Phone(1001).SetDoNotDisturb(false); err != nil {
			t.Fatal(err)
		}
		p.read()
	}
}

// What may be in front of, within and behind what an INVITE says: the answers of RFC 4028 and of protocol habits.
func TestInviteVariants(t *testing.T) {
	h := newHouse(t, switchboard.AnyLine{}, false)
	for _, c := range []struct {
		name   string
		as     [2]string
		status int
		header string
		value  string
		body   string
	}{
		{"a least interval beyond ours", [2]string{"Supported: timer", "Supported: timer\r\nMin-SE: 3600"}, 200, "Session-Expires", "3600;refresher=uac", "normal"},
		{"the longest interval that can be written", [2]string{"Supported: timer", "Supported: timer\r\nSession-Expires: 4294967295"}, 200, "Session-Expires", "1800;refresher=uac", "normal"},
		{"packed", [2]string{"Content-Type:", "e: gzip\r\nContent-Type:"}, 415, "Accept-Encoding", "identity", ""},
		{"packed in nothing", [2]string{"Content-Type:", "Content-Encoding: identity\r\nContent-Type:"}, 200, "Allow", "INVITE, ACK, CANCEL, BYE, INFO, UPDATE, OPTIONS", "normal"},
		{"another first request", [2]string{"RequestSystemStatus", "GetSwitchingFunctionCaps"}, 200, "Supported", "timer", "serviceNotSupported"},
		{"a comment behind the line", [2]string{"</lcs:line>", "</lcs:line><!-- x --><?y z?>"}, 200, "Supported", "timer", "normal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := h.dial(t)
			text := strings.ReplaceAll(p.request("INVITE", strings.ReplaceAll(lineBody, c.as[0], c.as[1])), c.as[0], c.as[1])
			head, body, _ := strings.Cut(text, "\r\n\r\n")
			head = head[:strings.LastIndex(head, "Content-Length")] + "Content-Length: " + strconv.Itoa(len(body))
			p.send(head + "\r\n\r\n" + body)
			if g := p.read(); g.status() != c.status || g.header(c.header) != c.value || !strings.Contains(g.body, c.body) {
				t.Errorf("%s%s", g.head, g.body)
			}
		})
	}
	t.Run("re-INVITE without a body", func(t *testing.T) {
		p := h.dial(t)
		p.signIn("tel:+15551003")
		p.send(p.request("INVITE", ""))
		if g := p.read(); g.status() != 200 || !strings.Contains(g.body, "<systemStatus>normal</systemStatus>") {
			t.Errorf("%s%s", g.head, g.body)
		}
	})
}

// The spelling of a number that was dialled, or that a connection was named by, is that of its call: not of the others in which its device is.
func TestSpellingsByCall(t *testing.T) {
	h := newHouse(t, switchboard.AnyLine{}, false)
	p := h.dial(t)
	p.signIn("tel:+15551001")
	if err := h.pbx.Phone(1002).Dial("tel:+15551001"); err != nil {
		t.Fatal(err)
	}
	first := p.read().message(t).(csta.DeliveredEvent).Connection.Call
	if err := h.pbx.Phone(1001).Answer(); err != nil {
		t.Fatal(err)
	}
	p.events("Established")
	p.ask(csta.ConsultationCall{ExistingCall: csta.ConnectionID{Call: first, Device: "tel:+15551001"}, ConsultedDevice: "tel:1002"})
	dialled := false
	for range 5 {
		g := p.read()
		inFirst := strings.Contains(g.body, ">"+string(first)+"<")
		if short := strings.Contains(g.body, ">tel:1002<"); short && inFirst {
			t.Errorf("the first call's device has got the second one's spelling: %s", g.body)
		} else if short {
			dialled = true
		}
		if strings.Contains(g.body, "<Failed") || strings.Contains(g.body, "<DeliveredEvent") {
			break
		}
	}
	if !dialled {
		t.Error("the number dialled isn't told as it was dialled")
	}
	p.send(p.request("INFO", encode(csta.SnapshotCall{SnapshotObject: csta.ConnectionID{Call: first, Device: "tel:1002"}})))
	answer := p.read()
	for ; strings.HasPrefix(answer.start, "INFO"); answer = p.read() {
	}
	if !strings.Contains(answer.body, ">tel:1002<") {
		t.Errorf("the peer's own spelling is not in the answer: %s", answer.body)
	}
	if err := h.pbx.Phone(1002).HangUp(); err != nil {
		t.Fatal(err)
	}
	q := h.dial(t)
	q.signIn("tel:+15551003")
	q.ask(csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: "tel:+15551003"}})
	if err := h.pbx.Phone(1004).Dial("tel:+15551003"); err != nil {
		t.Fatal(err)
	}
	second := q.read().message(t).(csta.DeliveredEvent).Connection.Call
	q.ask(csta.SnapshotCall{SnapshotObject: csta.ConnectionID{Call: second, Device: "1004"}})
	if err := h.pbx.Phone(1004).HangUp(); err != nil {
		t.Fatal(err)
	}
	q.event()
	if err := h.pbx.Phone(1004).Dial("tel:+15551003"); err != nil {
		t.Fatal(err)
	}
	for g := q.read(); ; g = q.read() {
		if !strings.Contains(g.body, "<DeliveredEvent") {
			continue
		}
		if !strings.Contains(g.body, "<callingDevice><deviceIdentifier>tel:+15551004<") {
			t.Errorf("a later caller is told as a connection was named: %s", g.body)
		}
		break
	}
}

// closed is a PBX that is away until it is let in.
type closed struct {
	*sim.PBX
	open chan struct{}
}

func (c closed) Run(ctx context.Context, r pbxadapter.Reporter) error {
	select {
	case <-c.open:
		return c.PBX.Run(ctx, r)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// served runs a board and a server until stop is called. In a bubble.
func served(t *testing.T, board *switchboard.Board) (uc *uacsta.Server, l *uactest.Memory, stop func()) {
	t.Helper()
	uc, l = uacsta.New(board, uacsta.Config{}), uactest.NewMemory()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 3)
	go func() { done <- board.Run(ctx) }()
	go func() { done <- uc.Run(ctx) }()
	go func() { done <- uc.Serve(ctx, l, nil) }()
	synctest.Wait()
	return uc, l, func() {
		cancel()
		for range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
}

// A line that the directory has is told normal also while its PBX has never told anything, and hears of its calls from the moment on when it does. Where the
// PBX then doesn't have it, the session ends. Other lines are refused for the moment, with a status that costs nobody else anything.
func TestLineOfTheDirectoryBeforeItsPBX(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := directory.New(directory.Options{}, &staff{people: []directory.Person{aliceOf("tel:+15551001;ext=1001", "tel:+15557777", "4711")}})
		if err := d.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 2, Quiet: true})
		if err != nil {
			t.Fatal(err)
		}
		let := make(chan struct{})
		people := switchboard.NewPeople(d)
		board := switchboard.New(switchboard.Owner{People: people}, switchboard.Options{People: people}, switchboard.PBX{Name: "sim", Adapter: closed{pbx, let}})
		uc, l, stop := served(t, board)
		defer stop()

		const alice, bob = "<sip:alice@contoso.test>", "<sip:bob@contoso.test>"
		for _, c := range []struct {
			line, from string
			status     int
		}{{"tel:+15557777", bob, 403}, {"tel:+15551002", alice, 480}, {"4711", alice, 480}} {
			if g := newPeer(t, l.Dial()).invite(c.line, c.from, ""); g.status() != c.status || g.status() == 480 && g.header("Retry-After") == "" {
				t.Errorf("%s for %s: %s", c.line, c.from, g.head)
			}
		}
		p, q := newPeer(t, l.Dial()), newPeer(t, l.Dial())
		p.signIn("tel:+15551001;ext=1001")
		q.signIn("tel:+15557777")
		refused, ok := p.ask(csta.MakeCall{CallingDevice: "tel:+15551001;ext=1001", CalledDirectoryNumber: "tel:+15551002"}).(*csta.Error)
		if !ok || refused.Value != csta.ErrResourceOutOfService.Value {
			t.Errorf("a call while the PBX is away: %v", refused)
		}

		close(let)
		synctest.Wait()
		if g := q.read(); !strings.HasPrefix(g.start, "BYE ") || uc.Count() != 1 {
			t.Errorf("the line that isn't there: %s, %d sessions", g.start, uc.Count())
		}
		if err := pbx.Phone(1002).Dial("tel:+15551001"); err != nil {
			t.Fatal(err)
		}
		if g := p.read(); !strings.Contains(g.body, "<DeliveredEvent") || !strings.Contains(g.body, ">tel:+15551001;ext=1001<") {
			t.Errorf("%s%s", g.head, g.body)
		}
		if g := newPeer(t, l.Dial()).invite("tel:+15557777", alice, ""); g.status() != 404 {
			t.Errorf("now the line is known not to be there: %s", g.head)
		}
	})
}
