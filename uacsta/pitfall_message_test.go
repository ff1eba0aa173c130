package uacsta_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
)

func testMissingHeaders(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	whole := p.in("INFO", "whole", 60, "", encode(csta.RequestSystemStatus{}))
	without := func(name string) string {
		return regexp.MustCompile(`(?m)^`+name+`: .*\r\n`).ReplaceAllString(whole, "")
	}
	for name, text := range map[string]string{
		"To": without("To"), "From": without("From"), "Call-ID": without("Call-ID"), "CSeq": without("CSeq"), "Via": without("Via"),
		"From tag": strings.Replace(whole, ";tag=9a1b", "", 1), "CSeq's method": strings.Replace(whole, "60 INFO", "60 BYE", 1),
		"number": strings.Replace(whole, "60 INFO", "INFO", 1), "empty To": strings.Replace(whole, "To: ", "To: \r\nX: ", 1),
		"all of them": "INFO sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) { one(t, h.addr, text, 400) })
	}
	one(t, h.addr, strings.Replace(whole, "SIP/2.0\r\n", "SIP/3.0\r\n", 1), 505)
	if err := h.pbx.set("GetDoNotDisturb", "panics"); err != nil {
		t.Fatal(err)
	}
	if r := p.ask(csta.GetDoNotDisturb{Device: "tel:+15551001"}); r.Element() != "CSTAErrorCode" {
		t.Error(r)
	}
	if err := h.pbx.set("GetDoNotDisturb", "goes on"); err != nil {
		t.Fatal(err)
	}
	h.undisturbed(t, p, 1001)
}

// Headers that we have no use for may say anything; one that matters costs its message.
func testBadHeader(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	for extra, status := range map[string]int{
		"Max-Forwards: abc\r\n": 200, "Contact:\r\n": 200, "Expires: never\r\n": 200, "Refer-To: ;;\r\n": 200, "Record-Route: <\r\n": 200, "Date: x\r\n": 200,
		"Referred-By:\r\n": 200, "no colon\r\n": 400, "CSeq: x\r\n": 400, ": no name\r\n": 400,
	} {
		t.Run(strings.TrimSpace(extra), func(t *testing.T) {
			p.send(p.in("INFO", "bad", 60, extra, encode(csta.RequestSystemStatus{})))
			if g := p.read(); g.status() != status {
				t.Error(g.head)
			}
		})
	}
	p.send(strings.ReplaceAll(p.in("INFO", "lf", 60, "", ""), "\r\n", "\n"))
	if g := p.read(); g.status() != 200 {
		t.Error(g.head)
	}
	h.undisturbed(t, p, 1001)
}

func testRecordRoute(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.dial(t)
	const routes = "Record-Route: <sip:fe1.contoso.test:5061;transport=tls;ms-fe=fe1;opaque=state:T:F;lr>;tag=2BF0, <sip:edge.contoso.test;lr;x=\"a,b\">\r\n" +
		"Record-Route: \"Edge, outer\" <sip:outer.contoso.test;lr>;ms-role-rs-from;tag=\"x;y\"\r\n"
	p.send(strings.Replace(p.request("INVITE", statusRequest("tel:+15551001")), "Max-Forwards", routes+"Max-Forwards", 1))
	ok := p.read()
	if !strings.Contains(ok.head, routes) {
		t.Fatal(ok.head)
	}
	_, p.toTag, _ = strings.Cut(ok.header("To"), ";tag=")
	if r := p.ask(csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: "tel:+15551001"}}); r.Element() != "MonitorStartResponse" {
		t.Fatal(r)
	}
	if err := h.pbx.Phone(1001).SetDoNotDisturb(true); err != nil {
		t.Fatal(err)
	}
	event := p.read()
	var got []string
	for l := range strings.SplitSeq(event.head, "\r\n") {
		if v, ok := strings.CutPrefix(l, "Route: "); ok {
			got = append(got, v)
		}
	}
	if want := []string{
		"<sip:fe1.contoso.test:5061;transport=tls;ms-fe=fe1;opaque=state:T:F;lr>;tag=2BF0", "<sip:edge.contoso.test;lr;x=\"a,b\">",
		"\"Edge, outer\" <sip:outer.contoso.test;lr>;ms-role-rs-from;tag=\"x;y\"",
	}; !slices.Equal(got, want) {
		t.Errorf("the route is %q", got)
	}
}

func testShortNames(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.dial(t)
	text := strings.NewReplacer("Supported: timer", "k: timer\r\nx: 600;refresher=uas", "Contact:", "m:", "Via:", "v:", "From:", "f:", "To:", "t:",
		"Call-ID:", "i:", "Content-Type:", "c:", "Content-Length:", "l:").Replace(p.request("INVITE", statusRequest("tel:+15551001")))
	p.send(text)
	if g := p.read(); g.status() != 200 || g.header("Session-Expires") != "600;refresher=uas" || g.header("Call-ID") != p.callID {
		t.Error(g.head)
	}
	p.callID += "-2"
	p.send(strings.Replace(p.request("INVITE", statusRequest("tel:+15551001")), "Supported:", "k:", 1))
	if g := p.read(); g.header("Session-Expires") != "1800;refresher=uac" {
		t.Error(g.head)
	}
}

func testContacts(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.dial(t)
	text := strings.Replace(p.request("INVITE", statusRequest("tel:+15551001;ext=1001")), "Contact: ", "Contact: \"A, B\" <sip:first@contoso.test;gruu>;q=0.1, <sip:second@contoso.test>\r\nContact: <sip:third@contoso.test>\r\nY: ", 1)
	p.send(strings.Replace(text, "CSeq: 1 INVITE", "CSeq:   1 \t INVITE ", 1))
	ok := p.read()
	if ok.status() != 200 {
		t.Fatal(ok.head)
	}
	_, p.toTag, _ = strings.Cut(ok.header("To"), ";tag=")
	if r := p.ask(csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: "tel:+15551001;ext=1001"}}); r.Element() != "MonitorStartResponse" {
		t.Fatal(r)
	}
	if err := h.pbx.Phone(1001).SetDoNotDisturb(true); err != nil {
		t.Fatal(err)
	}
	if g := p.read(); g.start != "INFO sip:first@contoso.test;gruu SIP/2.0" || !strings.Contains(g.body, ">tel:+15551001;ext=1001<") {
		t.Errorf("%s\n%s", g.start, g.body)
	}
}

// The octets before and after the cut come in segments of their own: between them the gateway answers somebody else.
func testCutAtFold(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	text := strings.Replace(p.in("INFO", "fold", 60, "", ""), "Max-Forwards: 70", "Subject: one\r\n two\r\n\tthree", 1)
	ping := "\r\n\r\n"
	for _, c := range []struct{ before, after string }{
		{text[:strings.Index(text, " two")], text[strings.Index(text, " two"):]},
		{text[:strings.Index(text, "\tthree")], text[strings.Index(text, "\tthree"):]},
		{text[:strings.Index(text, " two")-1], text[strings.Index(text, " two")-1:]},
		{ping[:1], ping[1:] + text},
		{ping[:2], ping[2:] + text},
		{ping[:3], ping[3:] + text},
	} {
		p.send(c.before)
		if _, alive := exchange(t, h.addr, ""); !alive {
			t.Fatal("the other connection ended")
		}
		p.send(c.after)
		if g := p.read(); g.status() != 200 {
			t.Fatalf("cut %q: %s", c.before[max(0, len(c.before)-12):], g.head)
		}
	}
	h.undisturbed(t, p, 1001)
}

// Values with line ends in them get into no header: of a body, of a reason, of what goes back.
func testLineEnds(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	evil := "tel:+1999\r\nX-Evil: 1\r\n\r\nSIP/2.0 200 OK"
	bad := strings.NewReplacer("\r", "&#13;", "\n", "&#10;").Replace(evil)
	p := h.dial(t)
	p.send(p.request("INVITE", strings.Replace(statusRequest("EVIL"), "EVIL", bad, 1)))
	if g := p.read(); g.status() != 404 || strings.Contains(g.head, "X-Evil") {
		t.Errorf("%s", g.head)
	}
	live := h.openSession(t, "tel:+15551001")
	live.send(live.request("INFO", `<GetDoNotDisturb`+ed3+`><device>`+bad+`</device></GetDoNotDisturb>`))
	if g := live.read(); g.status() != 200 || strings.Contains(g.head, "X-Evil") {
		t.Errorf("%s", g.head)
	}
	live.send(live.in("INFO", "req", 60, "Require: a\x01b\"c\\\r\n", ""))
	if g := live.read(); g.status() != 420 || strings.ContainsAny(g.header("Unsupported"), "\x01\"\\") {
		t.Errorf("%s", g.head)
	}
	h.undisturbed(t, live, 1001)
}

func testLargeMessage(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	for _, n := range []int{csta.MaxBody, csta.MaxBody + 1, 1 << 20, 8 << 20} {
		p.send(p.request("INFO", strings.Repeat(" ", n)))
		want := 413
		if n <= csta.MaxBody {
			want = 400
		}
		if g := p.read(); g.status() != want {
			t.Errorf("%d octets: %s", n, g.head)
		}
	}
	h.undisturbed(t, p, 1001)
}
