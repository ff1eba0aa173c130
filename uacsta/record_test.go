package uacsta_test

import (
	"os"
	"strings"
	"testing"
	"time"

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
			r, err := uactest.Record(name, tap.Find(wiretap.Filter{}))
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
