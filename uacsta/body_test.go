package uacsta_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/beevik/etree"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
)

const ed3 = ` xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"`

// wide is a text in UTF-16, big-endian, without a mark.
func wide(text string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(text)) {
		b.WriteByte(byte(u >> 8))
		b.WriteByte(byte(u))
	}
	return b.String()
}

// Attacks on whoever reads XML: each is answered at once, and the session goes on.
func TestXMLAttacks(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	device := func(text string) string {
		return "<GetDoNotDisturb" + ed3 + "><device>" + text + "</device></GetDoNotDisturb>"
	}
	for _, c := range []struct {
		name, body string
		status     int
		says       string // in the body of a 200
	}{
		{"an entity of a file", `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + device("&x;"), 400, ""},
		{"an entity of a server", `<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd">` + device("tel:+15551001"), 400, ""},
		{"a billion laughs", `<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>` + device("&c;"), 400, ""},
		{"an entity nobody declared", device("&nbsp;"), 400, ""},
		{"a reference to nothing", device("&#0;"), 400, ""},
		{"a reference beyond Unicode", device("&#x110000;"), 400, ""},
		{"a reference to half a character", device("&#xD800;"), 400, ""},
		{"a reference without end", device("&#123"), 400, ""},
		{"depth", "<GetDoNotDisturb" + ed3 + ">" + strings.Repeat("<a>", 5000) + strings.Repeat("</a>", 5000) + "</GetDoNotDisturb>", 400, ""},
		{"depth, never closed", strings.Repeat("<a>", 20_000), 400, ""},
		{"attributes", "<GetDoNotDisturb" + ed3 + manyAttributes(3000) + "><device>tel:+15551001</device></GetDoNotDisturb>", 400, ""},
		{"an attribute twice", "<GetDoNotDisturb" + ed3 + ` a="1" a="2"><device>tel:+15551001</device></GetDoNotDisturb>`, 400, ""},
		{"an attribute of 60 KB", "<GetDoNotDisturb" + ed3 + ` a="` + strings.Repeat("x", 60_000) + `"><device>tel:+15551001</device></GetDoNotDisturb>`, 200, "GetDoNotDisturbResponse"},
		{"a name of 60 KB", "<" + strings.Repeat("x", 60_000) + ed3 + "/>", 200, "serviceNotSupported"},
		{"a text of 60 KB", device(strings.Repeat("x", 60_000)), 200, "invalidDeviceID"},
		{"a comment of 60 KB", "<!--" + strings.Repeat("x", 60_000) + "-->" + device("tel:+15551001"), 200, "GetDoNotDisturbResponse"},
		{"70 KB", device(strings.Repeat("x", 70_000)), 413, ""},
		{"two roots", device("tel:+15551001") + device("tel:+15551001"), 400, ""},
		{"text behind the root", device("tel:+15551001") + "x", 400, ""},
		{"NULs behind the root", device("tel:+15551001") + "\x00\x00\r\n", 200, "GetDoNotDisturbResponse"},
		{"a NUL within", device("tel:+1555\x001001"), 400, ""},
		{"NULs alone", "\x00\x00\x00", 400, ""},
		{"a NUL before", "\x00" + device("tel:+15551001"), 400, ""},
		{"octets that are no UTF-8", device("tel:\xC3\x28"), 400, ""},
		{"an overlong <", device("\xC0\xBC"), 400, ""},
		{"UTF-16 that says UTF-8", wide(device("tel:+15551001")), 400, ""},
		{"UTF-8 that says UTF-16", `<?xml version="1.0" encoding="UTF-16"?>` + device("tel:+15551001"), 400, ""},
		{"UTF-16", "\xFE\xFF" + wide(`<?xml version="1.0" encoding="UTF-16"?>`+device("tel:+15551001")), 200, "GetDoNotDisturbResponse"},
		{"UTF-16 with an octet too few", "\xFE\xFF" + wide(device("tel:+15551001"))[1:], 400, ""},
		{"UTF-7", `<?xml version="1.0" encoding="UTF-7"?>` + device("+ADw-"), 400, ""},
		{"UTF-32", "\x00\x00\xFE\xFF" + device("tel:+15551001"), 400, ""},
		{"XML 1.1", `<?xml version="1.1"?>` + device("tel:+15551001"), 400, ""},
		{"a processing instruction", `<?xml-stylesheet href="http://127.0.0.1:1/x.xsl"?>` + device("tel:+15551001"), 200, "GetDoNotDisturbResponse"},
		{"an XInclude", "<GetDoNotDisturb" + ed3 + `><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd"/><device>tel:+15551001</device></GetDoNotDisturb>`, 200, "GetDoNotDisturbResponse"},
		{"CDATA", device("<![CDATA[tel:+15551001]]>"), 200, "GetDoNotDisturbResponse"},
		{"CDATA without end", device("<![CDATA[tel:+15551001"), 400, ""},
		{"a namespace that is none of ours", `<GetDoNotDisturb xmlns="urn:x"><device>tel:+15551001</device></GetDoNotDisturb>`, 400, ""},
		{"a prefix nobody declared", `<c:GetDoNotDisturb><c:device>tel:+15551001</c:device></c:GetDoNotDisturb>`, 400, ""},
		{"markup in a number", device("&lt;/device&gt;&lt;device&gt;tel:+15551002"), 200, "invalidDeviceID"},
		{"a line end in a number", device("tel:+15551001&#13;&#10;X-Evil: 1"), 200, "invalidDeviceID"},
		{"white space alone", " \r\n\t ", 400, ""},
		{"JSON", `{"GetDoNotDisturb":{"device":"tel:+15551001"}}`, 400, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			p.send(p.request("INFO", c.body))
			g := p.read()
			if g.status() != c.status || !strings.Contains(g.body, c.says) {
				t.Errorf("%s%s", g.head, g.body[:min(len(g.body), 500)])
			}
			if strings.Contains(g.head, "X-Evil") || strings.Contains(g.head+g.body, "root:") {
				t.Errorf("%s%s", g.head, g.body)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("the answer took %v", took)
			}
		})
	}
	h.undisturbed(t, p, 1001)
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` a%d=""`, i)
	}
	return b.String()
}

// poisons are texts for members that want something else.
var poisons = []string{
	"", " ", "-1", "99999999999999999999999", "true", strings.Repeat("9", 2000), "tel:+15551002;ext='\"><x>", "tel:\u202e+1555\u00001001"[:9],
	"../../../etc/passwd", "%00%0d%0aX-Evil: 1", "${jndi:ldap://127.0.0.1:1/x}", "\U0001F4DE☎", "NaN", "0x10", "+", "tel:", "sip:@:", "';--",
}

// mutilations of a document: each of its members dropped, doubled, swapped with the next, and poisoned.
func mutilations(t *testing.T, text string) (all []string) {
	t.Helper()
	read := func() *etree.Document {
		d := etree.NewDocument()
		if err := d.ReadFromString(text); err != nil {
			t.Fatal(err)
		}
		return d
	}
	n := len(read().FindElements("//*"))
	poison := 0
	for i := range n {
		change := func(f func(e *etree.Element)) {
			d := read()
			f(d.FindElements("//*")[i])
			s, err := d.WriteToString()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		if i > 0 {
			change(func(e *etree.Element) { e.Parent().RemoveChild(e) })
			change(func(e *etree.Element) { e.Parent().AddChild(e.Copy()) })
			change(func(e *etree.Element) { // to the other end
				parent := e.Parent()
				parent.RemoveChild(e)
				parent.InsertChildAt(0, e)
			})
			change(func(e *etree.Element) { e.Tag = "x" + e.Tag })
		}
		for range 4 {
			change(func(e *etree.Element) {
				for _, c := range e.ChildElements() {
					e.RemoveChild(c)
				}
				e.SetText(poisons[poison%len(poisons)])
			})
			poison++
		}
		change(func(e *etree.Element) { e.CreateElement("a").CreateElement("b").SetText("c") })
		change(func(e *etree.Element) { e.Space = "nobody" })
		change(func(e *etree.Element) { e.CreateAttr("typeOfNumber", "dialled\n") })
	}
	return all
}

// Every example with each member dropped, doubled, swapped and poisoned, as a request of a real session that has calls: each is answered in time,
// by 200 with a response or a CSTAErrorCode, or by 4xx, once; and the other session on the line hears on.
func TestMutilatedExamples(t *testing.T) {
	files, err := filepath.Glob("../testdata/csta/*.xml")
	if err != nil || len(files) < 90 {
		t.Fatal(len(files), err)
	}
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.openSession(t, "tel:+15551001")
	witness := h.openSession(t, "tel:+15551024")
	if err := h.pbx.Phone(1002).Dial("tel:+15551001"); err != nil {
		t.Fatal(err)
	}
	call := string(p.events("Delivered")[0].(csta.DeliveredEvent).Connection.Call)
	number, callID := regexp.MustCompile(`tel:\+?\d[^<"]*`), regexp.MustCompile(`<callID>[^<]*</callID>`)
	total := 0
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		local := number.ReplaceAllStringFunc(string(text), func(s string) string {
			if i%2 == 0 {
				return "tel:+15551001"
			}
			return s
		})
		local = callID.ReplaceAllString(local, "<callID>"+call+"</callID>")
		bodies := mutilations(t, local)
		total += len(bodies)
		if err := p.barrage(bodies); err != nil {
			t.Fatalf("%s: %v", filepath.Base(file), err)
		}
	}
	if total < 5000 {
		t.Errorf("%d requests", total)
	}
	h.undisturbed(t, witness, 1024)
	fresh := h.openSession(t, "tel:+15551023")
	h.undisturbed(t, fresh, 1023)
	if r := p.ask2(csta.RequestSystemStatus{}); r.Element() != "RequestSystemStatusResponse" {
		t.Error(r)
	}
	t.Logf("%d requests", total)
}

// barrage sends an INFO for each body, a dozen under way, and wants an answer to each.
func (p *peer) barrage(bodies []string) error {
	const window = 12
	open := map[int]string{}
	for i := 0; i < len(bodies) || len(open) > 0; {
		for ; len(open) < window && i < len(bodies); i++ {
			text := p.request("INFO", bodies[i])
			open[p.cseq] = bodies[i]
			if _, err := io.WriteString(p.conn, text); err != nil {
				return err
			}
		}
		g := p.read()
		if strings.HasPrefix(g.start, "INFO ") {
			continue
		}
		number, _, _ := strings.Cut(g.header("CSeq"), " ")
		n, err := strconv.Atoi(number)
		if err != nil {
			return err
		}
		body, asked := open[n]
		delete(open, n)
		switch s := g.status(); {
		case !asked:
			return fmt.Errorf("an answer to nothing, or a second one: %s", g.head)
		case strings.Contains(g.head+g.body, "X-Evil"):
			return fmt.Errorf("%s\nwas answered\n%s%s", body, g.head, g.body)
		case s == 200 && g.body == "" && strings.Contains(body, "CSTAErrorCode"): // which is no request
		case s == 200:
			m, _, err := csta.Decode([]byte(g.body))
			if _, isError := m.(*csta.Error); err != nil || !isError && !strings.HasSuffix(m.Element(), "Response") {
				return fmt.Errorf("%s\nwas answered\n%s (%w)", body, g.body, err)
			}
		case s < 400 || s >= 500:
			return fmt.Errorf("%s\nwas answered\n%s", body, g.head)
		}
	}
	return nil
}

// ask2 is ask where events may come first.
func (p *peer) ask2(q csta.Request) csta.Message {
	p.t.Helper()
	p.send(p.request("INFO", encode(q)))
	for {
		if g := p.read(); !strings.HasPrefix(g.start, "INFO ") {
			return g.message(p.t)
		}
	}
}
