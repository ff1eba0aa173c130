package csta

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

const ns3 = ` xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"`

func TestDecodeLenient(t *testing.T) {
	want := AnswerCall{CallToBeAnswered: ConnectionID{"c-1", "tel:+1"}}
	for name, in := range map[string]string{
		"order":             `<AnswerCall` + ns3 + `><callToBeAnswered><deviceID>tel:+1</deviceID><callID>c-1</callID></callToBeAnswered></AnswerCall>`,
		"prefix":            `<q:AnswerCall xmlns:q="http://www.ecma-international.org/standards/ecma-323/csta/ed4"><q:callToBeAnswered><q:callID>c-1</q:callID><q:deviceID>tel:+1</q:deviceID></q:callToBeAnswered></q:AnswerCall>`,
		"children without":  `<q:AnswerCall xmlns:q="http://www.ecma-international.org/standards/ecma-323/csta/ed6"><callToBeAnswered><callID>c-1</callID><deviceID>tel:+1</deviceID></callToBeAnswered></q:AnswerCall>`,
		"no namespace":      `<AnswerCall><callToBeAnswered><callID>c-1</callID><deviceID>tel:+1</deviceID></callToBeAnswered></AnswerCall>`,
		"ed1":               `<AnswerCall xmlns="http://www.ecma.ch/standards/ecma-323/csta"><callToBeAnswered><callID>c-1</callID><deviceID>tel:+1</deviceID></callToBeAnswered></AnswerCall>`,
		"attributes":        `<AnswerCall` + ns3 + `><callToBeAnswered><callID>c-1</callID><deviceID typeOfNumber="dialingNumber">tel:+1</deviceID></callToBeAnswered></AnswerCall>`,
		"comments":          `<!-- a --><AnswerCall` + ns3 + `><!-- b --><callToBeAnswered><callID>c<!-- c -->-1</callID><deviceID><![CDATA[tel:+1]]></deviceID></callToBeAnswered></AnswerCall><!-- d -->`,
		"references":        `<AnswerCall` + ns3 + `><callToBeAnswered><callID>c&#45;&#x31;</callID><deviceID>tel:+1</deviceID></callToBeAnswered></AnswerCall>`,
		"NULs at the end":   `<AnswerCall` + ns3 + `><callToBeAnswered><callID>c-1</callID><deviceID>tel:+1</deviceID></callToBeAnswered></AnswerCall>` + "\r\n\x00\x00",
		"declaration":       "\n<?xml version='1.0'?>" + `<AnswerCall` + ns3 + `><callToBeAnswered><callID>c-1</callID><deviceID>tel:+1</deviceID></callToBeAnswered></AnswerCall>`,
		"foreign neighbour": `<AnswerCall` + ns3 + `><x:callToBeAnswered xmlns:x="urn:x"/><callToBeAnswered><callID>c-1</callID><deviceID>tel:+1</deviceID></callToBeAnswered></AnswerCall>`,
	} {
		m, _, err := Decode([]byte(in))
		got, ok := m.(AnswerCall)
		if err != nil || !ok || got.CallToBeAnswered != want.CallToBeAnswered {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

func TestDecodeEncodings(t *testing.T) {
	doc := func(encoding string) string {
		return `<?xml version="1.0" encoding="` + encoding + `"?><MakeCall` + ns3 + `><callingDevice>Zürich €</callingDevice><calledDirectoryNumber>1</calledDirectoryNumber></MakeCall>`
	}
	latin, _ := charmap.Windows1252.NewEncoder().String(doc("windows-1252"))
	iso, _ := charmap.ISO8859_1.NewEncoder().String(strings.ReplaceAll(doc("ISO-8859-1"), "€", "e"))
	wide, _ := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(doc("UTF-16"))
	big, _ := unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String(doc("utf-16"))
	plain := strings.Replace(doc("x"), ` encoding="x"`, "", 1)
	undeclared, _ := unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String(plain)
	for name, in := range map[string]string{
		"utf-8": doc("utf-8"), "bom": "\xEF\xBB\xBF" + doc("UTF-8"), "windows": latin, "iso": iso, "iso, NUL at the end": iso + "\x00",
		"utf-16": wide, "utf-16, big end first": big, "utf-16, NUL at the end": wide + "\x00\x00", "utf-16, not declared": undeclared,
		"no encoding": plain, "no declaration": plain[strings.Index(plain, "?>")+2:], "NUL and white space at the end": plain + " \r\n\x00",
	} {
		m, _, err := Decode([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := m.(MakeCall).CallingDevice; d != "Zürich €" && d != "Zürich e" {
			t.Errorf("%s: %q", name, d)
		}
	}
}

// What isn't a document is a SyntaxError; what is one and no good request, an Error that names the member.
func TestDecodeRefuses(t *testing.T) {
	deep := strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40)
	for name, in := range map[string]string{
		"nothing": "", "spaces": "  ", "text": "hello", "open": `<HoldCall` + ns3 + `><callToBeHeld>`, "crossed": `<HoldCall` + ns3 + `><a></b></HoldCall>`,
		"doctype":                              `<!DOCTYPE x [<!ENTITY a "b">]><HoldCall` + ns3 + `/>`,
		"entity":                               `<HoldCall` + ns3 + `><callToBeHeld><callID>&x;</callID></callToBeHeld></HoldCall>`,
		"two roots":                            `<HoldCallResponse` + ns3 + `/><HoldCallResponse` + ns3 + `/>`,
		"deep":                                 `<HoldCall` + ns3 + `>` + deep + `</HoldCall>`,
		"prefix":                               `<q:HoldCall` + ns3 + `/>`,
		"attribute":                            `<HoldCall` + ns3 + ` a="1" a="2"/>`,
		"xmlns twice":                          `<HoldCall` + ns3 + ns3 + `/>`,
		"control":                              "<HoldCall" + ns3 + ">\x01</HoldCall>",
		"NUL":                                  "<HoldCall" + ns3 + "><callToBeHeld><callID>a\x00b</callID></callToBeHeld></HoldCall>",
		"reference":                            `<HoldCall` + ns3 + `><callToBeHeld><callID>&#0;</callID></callToBeHeld></HoldCall>`,
		"bad utf-8":                            "<HoldCall" + ns3 + "><callToBeHeld><callID>\xff\xfe</callID></callToBeHeld></HoldCall>",
		"version":                              `<?xml version="1.1"?><HoldCall` + ns3 + `/>`,
		"encoding":                             `<?xml version="1.0" encoding="EBCDIC"?><HoldCall` + ns3 + `/>`,
		"lying encoding":                       `<?xml version="1.0" encoding="UTF-16"?><HoldCall` + ns3 + `/>`,
		"namespace":                            `<HoldCall xmlns="urn:other"/>`,
		"large":                                `<HoldCall` + ns3 + `><callToBeHeld><callID>` + strings.Repeat("x", MaxBody) + `</callID></callToBeHeld></HoldCall>`,
		"attributes":                           `<HoldCall` + ns3 + strings.Repeat(" ", 1) + manyAttributes(100) + `/>`,
		"cdata end":                            `<HoldCall` + ns3 + `><callToBeHeld><callID>]]></callID></callToBeHeld></HoldCall>`,
		"cdata end in an extension":            `<HoldCall` + ns3 + `><extensions><privateData><private><q:x xmlns:q="u">a]]></q:x></private></privateData></extensions></HoldCall>`,
		"hyphens in a comment":                 `<HoldCallResponse` + ns3 + `><!-- a -- b --></HoldCallResponse>`,
		"a comment's end":                      `<HoldCallResponse` + ns3 + `><!-- a ---></HoldCallResponse>`,
		"a declaration within":                 `<HoldCallResponse` + ns3 + `><?xml version="1.0"?></HoldCallResponse>`,
		"a declaration behind":                 `<HoldCallResponse` + ns3 + `/><?XML?>`,
		"instruction without name":             `<? x?><HoldCallResponse` + ns3 + `/>`,
		"instruction's name":                   `<HoldCallResponse` + ns3 + `><?a;b c?></HoldCallResponse>`,
		"name's octets":                        `<HoldCallResponse` + ns3 + " a\xff=\"1\"/>",
		"name's character":                     `<HoldCallResponse` + ns3 + "><q\uffff/></HoldCallResponse>",
		"broken behind a member that is wrong": `<SetDoNotDisturb` + ns3 + `><device>1</device><doNotDisturbOn>yes</doNotDisturbOn></SetDoNot`,
		"two roots, the first one bad":         `<HoldCall` + ns3 + `/><HoldCall` + ns3 + `/>`,
		"less":                                 `<HoldCall` + ns3 + ` a="<"/>`,
	} {
		m, _, err := Decode([]byte(in))
		var e *SyntaxError
		if !errors.As(err, &e) {
			t.Errorf("%s: %v, %v", name, m, err)
		} else if e.Large != (name == "large") {
			t.Errorf("%s: Large is %v", name, e.Large)
		}
	}
	for in, want := range map[string]string{
		`<HoldCall` + ns3 + `/>`:                          "callToBeHeld is missing",
		`<HoldCall` + ns3 + `><callToBeHeld/></HoldCall>`: "needs callID or deviceID",
		`<HoldCall` + ns3 + `><callToBeHeld><callID>1</callID><callID>2</callID></callToBeHeld></HoldCall>`:                                                    "twice",
		`<HoldCall` + ns3 + `><callToBeHeld><callID><x/></callID></callToBeHeld></HoldCall>`:                                                                   "elements where text belongs",
		`<MakeCall` + ns3 + `><callingDevice>1</callingDevice><calledDirectoryNumber>2</calledDirectoryNumber><autoOriginate>maybe</autoOriginate></MakeCall>`: "autoOriginate is \"maybe\", want one of prompt, doNotPrompt",
		`<SetDoNotDisturb` + ns3 + `><device>1</device><doNotDisturbOn>yes</doNotDisturbOn></SetDoNotDisturb>`:                                                 "doNotDisturbOn is \"yes\", want true or false",
		`<SetForwarding` + ns3 + `><device>1</device><activateForward>1</activateForward><ringCount>many</ringCount></SetForwarding>`:                          "ringCount is \"many\", want a number",
		`<MonitorStart` + ns3 + `><monitorObject><deviceObject>1</deviceObject><callObject><callID>1</callID></callObject></monitorObject></MonitorStart>`:     "want one",
		`<MonitorStart` + ns3 + `><monitorObject/></MonitorStart>`:                                                                                             "want one",
	} {
		m, ed, err := Decode([]byte(in))
		var e *Error
		if !errors.As(err, &e) || !e.Is(ErrInvalidParameterValue) || !strings.Contains(err.Error(), want) || ed != Ed3 {
			t.Errorf("%s: %v, %v, want %s", in, m, err, want)
		}
	}
	if m, _, err := Decode([]byte(`<FlyToTheMoon` + ns3 + `><a/></FlyToTheMoon>`)); err != nil || m != (Unknown{"FlyToTheMoon"}) {
		t.Errorf("an unknown service: %v, %v", m, err)
	}
}

// The caps are where they are said to be: one octet and one element more are refused.
func TestCaps(t *testing.T) {
	body := func(n int) []byte {
		head, tail := `<HoldCall`+ns3+`><callToBeHeld><callID>`, `</callID></callToBeHeld></HoldCall>`
		return []byte(head + strings.Repeat("x", n-len(head)-len(tail)) + tail)
	}
	if _, _, err := Decode(body(64 << 10)); err != nil {
		t.Errorf("64 KiB: %v", err)
	}
	var e *SyntaxError
	if _, _, err := Decode(body(64<<10 + 1)); !errors.As(err, &e) || !e.Large {
		t.Errorf("one octet more: %v", err)
	}
	nested := func(n int) []byte {
		return []byte(`<HoldCall` + ns3 + `><callToBeHeld><callID>1</callID></callToBeHeld>` + strings.Repeat("<a>", n-1) + strings.Repeat("</a>", n-1) + `</HoldCall>`)
	}
	if _, _, err := Decode(nested(32)); err != nil {
		t.Errorf("32 elements deep: %v", err)
	}
	if _, _, err := Decode(nested(33)); !errors.As(err, &e) || e.Large {
		t.Errorf("33 elements deep: %v", err)
	}
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" a" + strings.Repeat("x", i) + `="1"`)
	}
	return b.String()
}

func TestErrorsRead(t *testing.T) {
	for in, want := range map[string]Error{
		`<CSTAErrorCode` + ns3 + `><systemResourceAvailability>networkBusy</systemResourceAvailability></CSTAErrorCode>`: {Category: "systemResourceAvailibility", Value: "networkBusy"},
		`<CSTAErrorCode` + ns3 + `><operation>invalidConnectionIdentifier</operation></CSTAErrorCode>`:                   {Category: "operation", Value: "generic"},
		`<CSTAErrorCode` + ns3 + `><unspecified/></CSTAErrorCode>`:                                                       {Category: "unspecified"},
		`<CSTAErrorCode` + ns3 + `><privateErrorCode>E 17</privateErrorCode></CSTAErrorCode>`:                            {Category: "privateErrorCode", Value: "E 17"},
	} {
		m, _, err := Decode([]byte(in))
		if e, ok := m.(*Error); err != nil || !ok || *e != want {
			t.Errorf("%s: %v, %v", in, m, err)
		}
	}
}

// A template filled in is the same document as the event encoded with the same things in it.
func TestTemplate(t *testing.T) {
	s := readSchema(t)
	spell := func(d DeviceID) string { return "<" + string(d) + ">" }
	for _, name := range elements["event"] {
		for _, whole := range []bool{false, true} {
			e := s.message(t, name, whole).(Event)
			m, _, err := Decode(Prepare(e, Ed4).Append(nil, "m-1", Hold, spell))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			plain := string(EncodeSpelled(nil, m, Ed4, nil))
			if got := string(Prepare(m.(Event), Ed4).Append([]byte("x"), "m-1", Hold, nil)); got != "x"+plain {
				t.Errorf("%s:\n%s\nwant\n%s", name, got, plain)
			}
			if !strings.Contains(plain, "<monitorCrossRefID>m-1<") {
				t.Errorf("%s has no reference: %s", name, plain)
			}
		}
	}
}

func TestRewrite(t *testing.T) {
	q := DirectedPickupCall{CallToBePickedUp: &ConnectionID{"c", "a"}, RequestingDevice: "b"}
	r, err := Rewrite(q, func(member string, d DeviceID) (DeviceID, error) { return d + DeviceID(member), nil },
		func(member string, c ConnectionID) (ConnectionID, error) { c.Device += DeviceID(member); return c, nil })
	got := r.(DirectedPickupCall)
	if err != nil || got.RequestingDevice != "brequestingDevice" || got.CallToBePickedUp.Device != "acallToBePickedUp" {
		t.Errorf("%+v, %v", got, err)
	}
	if q.CallToBePickedUp.Device != "a" {
		t.Error("the request that was given has changed")
	}
	fail := errors.New("no")
	if _, err := Rewrite(MonitorStart{MonitorObject: MonitorObject{DeviceObject: "a"}}, func(string, DeviceID) (DeviceID, error) { return "", fail }, nil); !errors.Is(err, fail) {
		t.Error(err)
	}
}

// Each example with each of its elements dropped, doubled or emptied gives a message or an error with a meaning.
func TestMutilated(t *testing.T) {
	for _, f := range goldens(t) {
		in, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		doc := string(in)
		for i := 0; i < len(doc); i++ {
			if doc[i] != '<' {
				continue
			}
			end := strings.IndexByte(doc[i:], '>')
			if end < 0 {
				break
			}
			tag := doc[i : i+end+1]
			for _, mutant := range []string{doc[:i] + doc[i+len(tag):], doc[:i] + tag + doc[i:], doc[:i], doc[:i] + "<x>" + doc[i:]} {
				meaning(t, mutant)
			}
		}
	}
}

func meaning(t testing.TB, doc string) {
	t.Helper()
	m, _, err := Decode([]byte(doc))
	var syntax *SyntaxError
	var refused *Error
	if err == nil && m == nil || err != nil && !errors.As(err, &syntax) && !errors.As(err, &refused) {
		t.Errorf("%q: %v, %v", doc, m, err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, file := range goldens(f) {
		in, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(in)
	}
	f.Add([]byte(`<q:MakeCall xmlns:q="http://www.ecma-international.org/standards/ecma-323/csta/ed6" xmlns="urn:d" xmlns:z="urn:z"><callingDevice>1</callingDevice><calledDirectoryNumber>2</calledDirectoryNumber><z:a><b/></z:a><q:extensions><q:privateData><q:private><c xmlns:w="urn:w"><w:d/></c></q:private></q:privateData></q:extensions></q:MakeCall>`))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, ed, err := Decode(in)
		if err != nil {
			meaning(t, string(in))
			return
		}
		if _, unknown := m.(Unknown); unknown {
			return
		}
		out := Encode(nil, m, ed)
		if len(out) > MaxBody {
			return
		}
		again, _, err := Decode(out)
		if err != nil {
			t.Fatalf("%q became %q: %v", in, out, err)
		}
		if third := Encode(nil, again, ed); string(third) != string(out) {
			t.Fatalf("%q became %q, then %q", in, out, third)
		}
	})
}
