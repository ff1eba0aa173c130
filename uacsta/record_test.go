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
