package main

import (
	"bufio"
	"strings"
	"testing"
)

const good = "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nVIA: SIP/2.0/TCP b\r\nCSeq: 7 INFO\r\nTo: \"A;tag=no\" <sip:a@b;x=y>;tag=t1\r\nContent-Length: 3\r\n\r\nabc"

func TestReadMessage(t *testing.T) {
	r := bufio.NewReader(strings.NewReader("\r\n\r\n" + good + "INFO sip:a SIP/2.0\nContent-Length: 0\n\n"))
	m, err := readMessage(r)
	if err != nil || m.status != 200 || m.reason != "OK" || string(m.body) != "abc" || m.raw != good {
		t.Fatalf("%+v, %v", m, err)
	}
	if v := m.all("via"); len(v) != 2 || param(v[0], "branch") != "z9hG4bK1" || param(v[1], "branch") != "" {
		t.Errorf("Via: %q", v)
	}
	if to := m.get("To"); param(to, "tag") != "t1" || uri(to) != "sip:a@b;x=y" || m.cseq() != 7 || uri("sip:a;tag=1") != "sip:a" {
		t.Errorf("To: %q, CSeq: %d", to, m.cseq())
	}
	if m, err = readMessage(r); err != nil || m.method != "INFO" || m.body == nil {
		t.Fatalf("%+v, %v", m, err)
	}
	for name, text := range map[string]string{
		"nothing": "", "half": good[:20], "no length": "SIP/2.0 200 OK\r\n\r\n", "a long one": "SIP/2.0 200 OK\r\nContent-Length: 999999999\r\n\r\n",
		"below nothing": "SIP/2.0 200 OK\r\nContent-Length: -1\r\n\r\n", "status": "SIP/2.0 ok\r\n\r\n", "low status": "SIP/2.0 7 x\r\n\r\n",
		"header": "SIP/2.0 200 OK\r\nVia\r\n\r\n", "half a body": good[:len(good)-1], "endless": "SIP/2.0 200 OK\r\n" + strings.Repeat("A: b\r\n", maxMessage/6),
	} {
		if m, err := readMessage(bufio.NewReader(strings.NewReader(text))); err == nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func FuzzReadMessage(f *testing.F) {
	f.Add(good)
	f.Add("BYE sip:a SIP/2.0\nContent-Length: 0\n\n")
	f.Fuzz(func(_ *testing.T, text string) {
		if m, err := readMessage(bufio.NewReader(strings.NewReader(text))); err == nil {
			_, _, _ = uri(m.get("To")), param(m.get("To"), "tag"), m.cseq()
			_ = decode(m.body)
		}
	})
}
