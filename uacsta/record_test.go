package uacsta_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
	"farhook/pbxadapter/switchboard/wiretap"
	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

// What was recorded of a conversation is a conversation: it can be read, and plays against another gateway. Nothing of who it was is in it.
func TestRecordedConversationsPlay(t *testing.T) {
	for _, name := range []string{"05-make-call", "07-incoming-answer", "13-deflect", "21-two-clients"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile("../testdata/flows/" + name + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			f, err := uactest.Parse(name, string(text))
			if err != nil {
				t.Fatal(err)
			}
			tap := wiretap.New(4<<20, time.Hour)
			h := newHouse(t, switchboard.OwnLine{}, false, func(c *uacsta.Config) { c.Tap = tap })
			p := uactest.Player{Addr: h.addr, PBX: h.phones, Patience: 20 * time.Second}
			if err := p.Play(f); err != nil {
				t.Fatal(err)
			}
			r, err := uactest.Record(name, tap.Find(wiretap.Filter{}), nil)
			if err != nil {
				t.Fatal(err)
			}
			written := r.String()
			for _, who := range []string{"alice", "192.0.2.77", "lync-fe.contoso.test:5061;transport=tls;opaque=state:T:1"} {
				if strings.Contains(written, who) {
					t.Errorf("%q is in it", who)
				}
			}
			again, err := uactest.Parse(name, written)
			if err != nil {
				t.Fatal(err)
			}
			h = newHouse(t, switchboard.OwnLine{}, false, func(*uacsta.Config) {})
			p = uactest.Player{Addr: h.addr, PBX: h.phones, Patience: 20 * time.Second}
			if err := p.Play(again); err != nil {
				t.Fatalf("%v\n%s", err, written)
			}
		})
	}
}

// A call that stood when the record began is its first step: played elsewhere, the snapshot of the line is what it was.
func TestRecordedCallsThatStood(t *testing.T) {
	tap := wiretap.New(4<<20, time.Hour)
	h := newHouse(t, switchboard.OwnLine{}, false, func(c *uacsta.Config) { c.Tap = tap })
	for _, act := range []string{"1007 dials tel:+15551009", "1009 answers", "1007 holds", "1010 dials tel:+15551011"} {
		if err := h.phones(act); err != nil {
			t.Fatal(err)
		}
	}
	p := h.dial(t)
	p.signIn("tel:+15551007")
	if got := encode(p.ask(csta.SnapshotDevice{SnapshotObject: "tel:+15551007"})); !strings.Contains(got, ">hold<") {
		t.Fatal(got)
	}
	if err := h.phones("1007 retrieves"); err != nil { // what comes later isn't what stood
		t.Fatal(err)
	}
	records := tap.Find(wiretap.Filter{})
	r, err := uactest.Record("stood", records, h.board.Standing(records[0].At))
	if err != nil {
		t.Fatal(err)
	}
	if first := r.Steps[0]; first.Kind != uactest.PBX || first.Text != "1001 dials tel:+15551002\n1002 answers\n1001 holds" {
		t.Errorf("%+v", first)
	}
	h = newHouse(t, switchboard.OwnLine{}, false)
	player := uactest.Player{Addr: h.addr, PBX: h.phones, Patience: 20 * time.Second}
	if err := player.Play(r); err != nil {
		t.Errorf("%v\n%s", err, r)
	}
}

// Each number has one that stands for it, wherever it is and however it is written; two numbers that end alike have two. Names are gone from every header.
func TestRecordedNumbersAreReplacedConsistently(t *testing.T) {
	const session = "1@192.0.2.77"
	say := func(start, more, body string) wiretap.Record {
		return wiretap.Record{
			Layer: wiretap.SIP, Direction: wiretap.In, Session: session, Line: "tel:+49302224711",
			Text: []byte(start + " sip:gw@contoso.test SIP/2.0\r\nFrom: Ada Brandt <sip:ada@contoso.test>;tag=1\r\nTo: \"Bruno\" <tel:+49302224711>\r\n" + more + "\r\n" + body),
		}
	}
	records := []wiretap.Record{
		say("INVITE", "P-Asserted-Identity: \"Clara Dahl\" <tel:+49302224711>\r\nReferred-By: Clara Dahl <sip:clara@contoso.test>\r\nVia: SIP/2.0/TCP 10.1.2.3:5060\r\n", ""),
		say("INFO", "", "<a><x>tel:+49302224711</x><x>tel:+43166664711</x></a>"),
		say("INFO", "", "<b><x>4711</x><x>tel:4711;phone-context=dialstring</x><x>*984711</x><x>tel:*984711</x><x>+43166664711</x></b>"),
		say("INFO", "", "<c><x>tel:+43166664711</x><x>4711;phone-context=dialstring</x><x>711</x></c>"),
	}
	var first string
	for range 30 {
		r, err := uactest.Record("numbers", records, nil)
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = r.String()
		}
		if r.String() != first {
			t.Fatalf("the same record is once\n%s\nand once\n%s", first, r)
		}
	}
	for _, want := range []string{
		"<a><x>tel:+15551001</x><x>tel:+15559000010</x>",
		"<b><x>1001</x><x>tel:1001;phone-context=dialstring</x><x>*15559000020</x><x>tel:*15559000020</x><x>+15559000010</x>",
		"<c><x>tel:+15559000010</x><x>1001;phone-context=dialstring</x><x>001</x></c>",
		`P-Asserted-Identity: "Somebody" <tel:+15551001>`,
	} {
		if !strings.Contains(first, want) {
			t.Errorf("%s is not in it", want)
		}
	}
	for _, who := range []string{"4711", "2224", "Ada", "Bruno", "Clara", "ada", "clara", "10.1.2.3"} {
		if strings.Contains(first, who) {
			t.Errorf("%s is in it", who)
		}
	}
	if t.Failed() {
		t.Log(first)
	}
}
