package uacsta_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard"
)

// slowPBX is the simulated PBX whose MakeCall waits until it is let go: what a test wants to happen meanwhile can be put there.
type slowPBX struct {
	*faulty
	mu      sync.Mutex
	calls   int
	started chan struct{}
	let     chan struct{}
}

func (s *slowPBX) Services() csta.Services {
	all := s.faulty.Services()
	quick := all["MakeCall"]
	all["MakeCall"] = func(ctx context.Context, r csta.Request) (csta.Response, error) {
		s.mu.Lock()
		s.calls++
		s.mu.Unlock()
		s.started <- struct{}{}
		select {
		case <-s.let:
			return quick(ctx, r)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return all
}

// carriedOut is how often MakeCall came to the PBX.
func (s *slowPBX) carriedOut() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func newSlowHouse(t *testing.T) (*house, *slowPBX) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	slow := &slowPBX{started: make(chan struct{}, 16), let: make(chan struct{}, 16)}
	h := newHouseOn(t, l, func(p *faulty) pbxadapter.Adapter { slow.faulty = p; return slow }, switchboard.OwnLine{}, false)
	return h, slow
}

const makeCallText = `<MakeCall xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"><callingDevice>tel:+15551001</callingDevice>` +
	`<calledDirectoryNumber>tel:+15551002</calledDirectoryNumber><autoOriginate>doNotPrompt</autoOriginate></MakeCall>`

// Requests with guessed or swapped names of a dialog are of no dialog, and the real one doesn't notice.
func TestGuessedDialogs(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p, q := h.openSession(t, "tel:+15551001"), h.openSession(t, "tel:+15551002")
	replace := strings.NewReplacer
	for _, guess := range []struct {
		name string
		with *strings.Replacer
	}{
		{"another Call-ID", replace(p.callID, "guessed")},
		{"another's Call-ID", replace(p.callID, q.callID)},
		{"our tag guessed", replace(p.toTag, "guessed")},
		{"our tag in upper case", replace(p.toTag, strings.ToUpper(p.toTag))},
		{"our tag cut short", replace(p.toTag, p.toTag[:len(p.toTag)-1])},
		{"another's tag", replace(p.toTag, q.toTag)},
		{"their tag guessed", replace("9a1b", "9a1c")},
		{"tags swapped", replace("tag=9a1b", "tag="+p.toTag, "tag="+p.toTag, "tag=9a1b")},
		{"their tag in the address", replace("<sip:alice@contoso.test>;tag=9a1b", "<sip:alice@contoso.test;tag=9a1b>;tag=x")},
		{"their tag in the name", replace("<sip:alice@contoso.test>;tag=9a1b", `"x;tag=9a1b" <sip:alice@contoso.test>;tag=x`)},
	} {
		for _, method := range []string{"INFO", "BYE", "UPDATE", "INVITE", "CANCEL", "OPTIONS", "MESSAGE"} {
			t.Run(method+"/"+guess.name, func(t *testing.T) {
				one(t, h.addr, guess.with.Replace(p.in(method, "g"+method, 77, "", "")), 481)
			})
		}
		t.Run("ACK/"+guess.name, func(t *testing.T) {
			if answers, alive := exchange(t, h.addr, guess.with.Replace(p.in("ACK", "gack", 77, "", ""))); len(answers) > 0 || !alive {
				t.Errorf("%v", answers)
			}
		})
		t.Run("answer/"+guess.name, func(t *testing.T) { // a 481 to an event, from somebody else
			text := "SIP/2.0 481 Gone\r\nVia: SIP/2.0/TCP x;branch=z9hG4bKx\r\nTo: <sip:alice@contoso.test>;tag=9a1b\r\nFrom: <sip:rccgw@contoso.test>;tag=" + p.toTag +
				"\r\nCall-ID: " + p.callID + "\r\nCSeq: 4000000000 INFO\r\nContent-Length: 0\r\n\r\n"
			if answers, alive := exchange(t, h.addr, guess.with.Replace(text)); len(answers) > 0 || !alive {
				t.Errorf("%v", answers)
			}
		})
	}
	h.undisturbed(t, p, 1001)
	h.undisturbed(t, q, 1002)
}

// CANCEL names its INVITE by branch and number; one that is guessed does nothing, nor does one for an INVITE that has been answered.
func TestCancel(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	cancel := func(branch string, cseq int) string {
		return strings.Replace(p.in("CANCEL", branch, cseq, "", ""), ";tag="+p.toTag, "", 1)
	}
	one(t, h.addr, cancel("guessed", 1), 481)
	one(t, h.addr, cancel("INVITE1", 2), 481)
	one(t, h.addr, strings.Replace(cancel("INVITE1", 1), p.callID, "guessed", 1), 481)
	h.undisturbed(t, p, 1001)
	one(t, h.addr, cancel("INVITE1", 1), 200) // too late (RFC 3261, 9.2)
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	p.moveTo(c)
	h.undisturbed(t, p, 1001)
}

// An INVITE that is still being carried out is cancelled: 200 to the CANCEL, 487 to the INVITE, and nothing when the PBX answers at last.
func TestCancelOpenInvite(t *testing.T) {
	h, slow := newSlowHouse(t)
	p := h.dial(t)
	p.send(p.request("INVITE", makeCallText))
	<-slow.started
	p.send(strings.Replace(p.in("CANCEL", "INVITE1", 1, "", ""), ";tag=\r\nCall-ID", "\r\nCall-ID", 1))
	byMethod := map[string]int{}
	for range 2 {
		g := p.read()
		_, method, _ := strings.Cut(g.header("CSeq"), " ")
		byMethod[method] = g.status()
	}
	if byMethod["CANCEL"] != 200 || byMethod["INVITE"] != 487 {
		t.Fatal(byMethod)
	}
	p.send(p.request("ACK", ""))
	slow.let <- struct{}{}
	text, _ := probe()
	p.send(text)
	if g := p.read(); g.header("CSeq") != "1 OPTIONS" {
		t.Fatalf("after the CANCEL came %v", g)
	}
	if n := h.uc.Count(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// A re-INVITE that is cancelled leaves its session as it was; a second INVITE while one is open is refused for a moment (RFC 3261, 14.2). Glare in the
// sense of 491 is in TestInvitesCross.
func TestInviteRaces(t *testing.T) {
	h, slow := newSlowHouse(t)
	p := h.openSession(t, "tel:+15551001")
	contact := "Contact: <sip:alice@contoso.test>\r\n"
	p.send(p.in("INVITE", "re1", 50, contact, makeCallText))
	<-slow.started
	p.send(p.in("INVITE", "re2", 51, contact, ""))
	if g := p.read(); g.status() != 500 || g.header("Retry-After") == "" || g.header("CSeq") != "51 INVITE" {
		t.Fatalf("the second INVITE: %s", g.head)
	}
	p.send(p.in("UPDATE", "up1", 52, contact, "")) // a refresh is no offer: it may pass
	if g := p.read(); g.status() != 200 || g.header("CSeq") != "52 UPDATE" {
		t.Fatalf("the UPDATE: %s", g.head)
	}
	p.send(p.in("CANCEL", "re1", 50, "", ""))
	if g := p.read(); g.status() != 200 || g.header("CSeq") != "50 CANCEL" {
		t.Fatalf("the CANCEL: %s", g.head)
	}
	if g := p.read(); g.status() != 487 || g.header("CSeq") != "50 INVITE" {
		t.Fatalf("the cancelled INVITE: %s", g.head)
	}
	p.send(p.in("INVITE", "re3", 53, contact, statusRequest("tel:+15551001")))
	if g := p.read(); g.status() != 200 || !strings.Contains(g.body, "<systemStatus>normal<") {
		t.Fatalf("the next INVITE: %s", g.head)
	}
	slow.let <- struct{}{} // the PBX does make the call: it is told, for it is true
	p.events("ServiceInitiated", "Originated", "Delivered")
	h.undisturbed(t, p, 1001)
}

// BYE while requests are open: each gets its answer (RFC 3261, 15.1.2), once.
func TestByeWithOpenRequests(t *testing.T) {
	h, slow := newSlowHouse(t)
	p := h.openSession(t, "tel:+15551001")
	p.send(p.in("INFO", "one", 50, "", makeCallText) + p.in("INFO", "two", 51, "", makeCallText))
	<-slow.started
	p.send(p.in("BYE", "bye", 52, "", ""))
	var got []string
	for range 3 {
		g := p.read()
		got = append(got, fmt.Sprint(g.header("CSeq"), " ", g.status()))
	}
	slices.Sort(got)
	if want := []string{"50 INFO 487", "51 INFO 487", "52 BYE 200"}; !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	slow.let <- struct{}{}
	text, _ := probe()
	p.send(text)
	if g := p.read(); g.header("CSeq") != "1 OPTIONS" {
		t.Fatalf("after the BYE came %v", g)
	}
	p.send(p.in("INFO", "late", 53, "", encode(csta.RequestSystemStatus{})))
	if g := p.read(); g.status() != 481 {
		t.Fatalf("INFO after BYE: %s", g.head)
	}
	p.send(p.in("BYE", "bye", 52, "", ""))
	if g := p.read(); g.status() != 481 {
		t.Fatalf("BYE again: %s", g.head)
	}
}

// The same request again, by branch and CSeq: while it is carried out there is still one answer to come, and afterwards the remembered one; by
// another connection too. The call is made once.
func TestReplays(t *testing.T) {
	h, slow := newSlowHouse(t)
	p := h.openSession(t, "tel:+15551001")
	text := p.in("INFO", "once", 50, "", makeCallText)
	p.send(text)
	<-slow.started
	p.send(text + text)
	slow.let <- struct{}{}
	first := p.read()
	if first.status() != 200 || !strings.Contains(first.body, "<MakeCallResponse") {
		t.Fatal(first)
	}
	p.events("ServiceInitiated", "Originated", "Delivered")
	p.send(text)
	if g := p.read(); g.head != first.head || g.body != first.body {
		t.Fatalf("the replay was answered\n%s%s\nand the first\n%s%s", g.head, g.body, first.head, first.body)
	}
	if g := one(t, h.addr, text, 200); g.body != first.body {
		t.Fatalf("by another connection: %s", g.body)
	}
	if n := slow.carriedOut(); n != 1 {
		t.Errorf("the call was made %d times", n)
	}
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	p.moveTo(c)
	p.send(strings.Replace(text, "CSeq: 50", "CSeq: 51", 1)) // another number: another request
	<-slow.started
	slow.let <- struct{}{}
	if g := p.read(); g.status() != 200 || !strings.Contains(g.body, "CSTAErrorCode") {
		t.Fatalf("a second call: %s%s", g.head, g.body)
	}
}

// The INVITE again is answered again, with the same tag; the same INVITE by another way is merged (RFC 3261, 8.2.2.2).
func TestInviteReplays(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.dial(t)
	text := p.request("INVITE", statusRequest("tel:+15551001"))
	p.send(text + text)
	a, b := p.readAny(), p.readAny()
	if a.status() != 200 || b.status() != 200 || a.header("To") != b.header("To") {
		t.Fatalf("%s%s", a.head, b.head)
	}
	p.send(strings.Replace(text, "z9hG4bK", "z9hG4bKother", 1))
	if g := p.read(); g.status() != 482 {
		t.Fatal(g.head)
	}
	if n := h.uc.Count(); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

// Two dialogs under one Call-ID are two: a proxy may fork, and a client may be careless.
func TestTwoDialogsOneCallID(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	q := h.dial(t)
	q.callID = p.callID
	other := strings.NewReplacer("tag=9a1b", "tag=other", "branch=z9hG4bK", "branch=z9hG4bKother")
	q.send(other.Replace(q.request("INVITE", statusRequest("tel:+15551001"))))
	ok := q.read()
	if ok.status() != 200 {
		t.Fatal(ok.head)
	}
	_, q.toTag, _ = strings.Cut(ok.header("To"), ";tag=")
	q.send(other.Replace(q.request("ACK", "")))
	one(t, h.addr, strings.Replace(p.in("INFO", "swap", 9, "", ""), p.toTag, q.toTag, 1), 481)
	q.send(other.Replace(q.in("BYE", "end", 9, "", "")))
	if g := q.read(); g.status() != 200 {
		t.Fatal(g.head)
	}
	h.undisturbed(t, p, 1001)
}

// What a peer writes its own way is understood, and goes back as it came.
func TestSpellingsOfHeaders(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	body := encode(csta.RequestSystemStatus{})
	for _, c := range []struct{ name, head string }{
		{"no branch", "Via: SIP/2.0/TLS 192.0.2.10:5061\nFrom: <sip:alice@contoso.test>;tag=9a1b;epid=0f1e\nTo: <sip:rccgw@contoso.test>;tag=%s\nCall-ID: %s\nCSeq: 9 INFO\nContent-Type: application/csta+xml\n"},
		{"short", "v: SIP/2.0/TCP 192.0.2.10:1;branch=z9hG4bKs\nf: <sip:alice@contoso.test>;tag=9a1b;epid=0f1e\nt: <sip:rccgw@contoso.test>;tag=%s\ni: %s\nCSeq: 9 INFO\nc: application/csta+xml\n"},
		{"lower case", "via: SIP/2.0/TCP 192.0.2.10:1;branch=z9hG4bKl\nfrom: <sip:alice@contoso.test>;tag=9a1b;epid=0f1e\nto: <sip:rccgw@contoso.test>;tag=%s\ncall-id: %s\ncseq: 9 INFO\ncontent-type: APPLICATION/CSTA+XML;charset=utf-8\n"},
		{"folded", "Via:\n SIP/2.0/TCP 192.0.2.10:1\n ;branch=z9hG4bKf\nFrom:\n\t<sip:alice@contoso.test>\n ;tag=9a1b;epid=0f1e\nTo: <sip:rccgw@contoso.test>;tag=%s\nCall-ID:\n  %s\nCSeq:\n 9\n INFO\nContent-Type:\n application/csta+xml\n"},
		{"tab", "Via:\tSIP/2.0/TCP 192.0.2.10:1;branch=z9hG4bKt\nFrom\t:\t<sip:alice@contoso.test>;tag=9a1b;epid=0f1e\nTo:<sip:rccgw@contoso.test>;tag=%s\nCall-ID:%s\nCSeq:9\tINFO\nContent-Type:application/csta+xml\n"},
		{"several Vias", "Via: SIP/2.0/TLS fe.contoso.test:5061;branch=z9hG4bKfe;branched=FALSE;ms-internal-info=\"a,b;c\"\nVia: SIP/2.0/TLS 192.0.2.10:1;ms-received-port=1;ms-received-cid=1A00, SIP/2.0/TCP 192.0.2.11\nFrom: \"Alice, \\\"A\\\" <x>\" <sip:alice@contoso.test>;tag=9a1b;epid=0f1e\nTo: <sip:rccgw@contoso.test>;tag=%s\nCall-ID: %s\nCSeq: 9 INFO\nContent-Type: application/csta+xml\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			head := strings.ReplaceAll(fmt.Sprintf(c.head, p.toTag, p.callID), "\n", "\r\n")
			g := one(t, h.addr, "INFO sip:rccgw@contoso.test SIP/2.0\r\n"+head+fmt.Sprintf("l: %d\r\n\r\n%s", len(body), body), 200)
			if !strings.Contains(g.body, "<systemStatus>normal<") {
				t.Error(g.body)
			}
			unfolded := strings.NewReplacer("\r\n ", " ", "\r\n\t", " ").Replace(head)
			for line := range strings.SplitSeq(strings.TrimSuffix(unfolded, "\r\n"), "\r\n") {
				name, value, _ := strings.Cut(line, ":")
				value = strings.Join(strings.Fields(value), " ")
				if name = strings.ToLower(strings.TrimSpace(name)); name == "v" || name == "via" || name == "f" || name == "from" || name == "cseq" {
					if !strings.Contains(strings.Join(strings.Fields(g.head), " "), value) {
						t.Errorf("%s did not come back as %q:\n%s", name, value, g.head)
					}
				}
			}
		})
	}
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	p.moveTo(c)
	h.undisturbed(t, p, 1001)
}

// What we do not do is refused with what we do, in a dialog and outside.
func TestRefusals(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	outside := func(method, extra string) string {
		return strings.Replace(p.in(method, "out"+method, 60, extra, ""), ";tag="+p.toTag, "", 1)
	}
	const methods = "INVITE, ACK, CANCEL, BYE, INFO, UPDATE, OPTIONS"
	for _, c := range []struct {
		name, text    string
		status        int
		header, value string
	}{
		{"unknown method outside", outside("REFER", ""), 405, "Allow", methods},
		{"a method that is part of another's name", outside("VITE", ""), 405, "Allow", methods},
		{"unknown method in the dialog", p.in("SUBSCRIBE", "sub", 60, "", ""), 405, "Allow", methods},
		{"NEGOTIATE of a Microsoft client", outside("NEGOTIATE", ""), 405, "Allow", methods},
		{"PRACK in the dialog", p.in("PRACK", "prack", 60, "", ""), 405, "Allow", methods},
		{"Require outside", outside("OPTIONS", "Require: 100rel, timer\r\n"), 420, "Unsupported", "100rel"},
		{"Require in the dialog", p.in("INFO", "req", 60, "Require: gruu\r\nRequire: path\r\n", ""), 420, "Unsupported", "gruu, path"},
		{"OPTIONS outside", outside("OPTIONS", ""), 200, "Allow", methods},
		{"OPTIONS in the dialog", p.in("OPTIONS", "opt", 60, "", ""), 200, "Accept", "application/csta+xml"},
		{"an interval too small in UPDATE", p.in("UPDATE", "se1", 60, "Session-Expires: 30\r\n", ""), 422, "Min-SE", "90"},
		{"an interval too small in re-INVITE", p.in("INVITE", "se2", 61, "x: 89;refresher=uac\r\n", ""), 422, "Min-SE", "90"},
		{"an interval that is none", p.in("UPDATE", "se3", 60, "Session-Expires: soon\r\n", ""), 400, "CSeq", "60 UPDATE"},
		{"an interval that fits", p.in("UPDATE", "se4", 60, "Session-Expires: 600\r\n", ""), 200, "Session-Expires", "600;refresher=uac"},
		{"INFO outside", outside("INFO", ""), 481, "CSeq", "60 INFO"},
		{"BYE outside", outside("BYE", ""), 481, "CSeq", "60 BYE"},
		{"UPDATE outside", outside("UPDATE", ""), 481, "CSeq", "60 UPDATE"},
		{"an INFO of another type", strings.Replace(p.in("INFO", "dtmf", 60, "", "Signal=1"), "csta+xml", "dtmf-relay", 1), 415, "Accept", "application/csta+xml"},
		{"an INFO of a package", p.in("INFO", "package", 60, "Info-Package: foo\r\n", makeCallText), 469, "Recv-Info", ""},
		{"an UPDATE of who knows packages of INFO", p.in("UPDATE", "packages", 60, "Recv-Info: foo\r\n", ""), 200, "Recv-Info", ""},
		{"an empty INFO", p.in("INFO", "empty", 60, "", ""), 200, "Content-Length", "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if g := one(t, h.addr, c.text, c.status); !strings.Contains(g.head, "\r\n"+c.header+": "+c.value+"\r\n") {
				t.Errorf("%s: %q, want %q", c.header, g.header(c.header), c.value)
			}
		})
	}
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	p.moveTo(c)
	h.undisturbed(t, p, 1001)
	q := h.dial(t) // an INVITE whose interval is too small opens nothing
	q.send(strings.Replace(q.request("INVITE", statusRequest("tel:+15551002")), "Supported: timer", "Supported: timer\r\nSession-Expires: 60", 1))
	if g := q.read(); g.status() != 422 || g.header("Min-SE") != "90" || h.uc.Count() != 1 {
		t.Errorf("%s, %d sessions", g.head, h.uc.Count())
	}
}

// An ACK that never comes, one that comes late, and two of them: none of it is answered, nor ends what goes on.
func TestAcks(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	for _, text := range []string{p.in("ACK", "a1", 1, "", ""), p.in("ACK", "a2", 99, "", makeCallText), strings.Replace(p.in("ACK", "a3", 1, "", ""), ";tag="+p.toTag, "", 1)} {
		if answers, alive := exchange(t, h.addr, text+text); len(answers) > 0 || !alive {
			t.Error(answers)
		}
	}
	if _, err := io.WriteString(p.conn, p.in("ACK", "a4", 1, "", "")); err != nil {
		t.Fatal(err)
	}
	h.undisturbed(t, p, 1001)
}
