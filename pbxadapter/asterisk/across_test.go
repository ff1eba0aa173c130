package asterisk

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Everything is read anew at each command of each service, while the request waits: it is carried out, and answered, all the same.
func TestReadAnewInRequest(t *testing.T) {
	for kind, style := range kinds {
		for _, s := range attempts {
			for n := 1; ; n++ {
				commands := 0
				t.Run(fmt.Sprintf("%s/%s at command %d", kind, s.name, n), func(t *testing.T) {
					inBubble(t, plain(), func(b *board) {
						b.talk("101", "102")
						s.prepare(b)
						r := s.request(b)
						before := len(b.p.Acted())
						b.p.BootAt(n)
						_, err := b.do(r)
						if err != nil {
							t.Errorf("it is answered %v", err)
						}
						b.p.BootAt(0)
						commands = len(b.p.Acted()) - before
						b.pass(10 * time.Second)
						b.survives(s.name)
					}, style)
				})
				if commands < n {
					break
				}
			}
		}
	}
}

// What Asterisk says of itself is heard wherever it stands among other events that come at once.
func TestOfItselfAmongOthers(t *testing.T) {
	among := func(event, text string) string {
		other := "\r\n\r\nEvent: PeerStatus\r\nPeer: PJSIP/102"
		return "Peer: PJSIP/101" + strings.Repeat(other, 20) + "\r\n\r\nEvent: " + event + "\r\n" + text + strings.Repeat(other, 5)
	}
	for event, c := range map[string]struct {
		text  string
		heard func(b *board) int
	}{
		"Reload":      {"Module: All", func(b *board) int { return b.p.Asked("PJSIPShowEndpoints") }},
		"FullyBooted": {"Status: Fully Booted", func(b *board) int { return b.p.Asked("CoreStatus") }},
		"Load":        {"Module: x", func(b *board) int { return b.p.Asked("ListCommands") }},
		"Shutdown":    {"Shutdown: Cleanly", func(b *board) int { return b.p.Asked("Login") }},
		"QueueMemberRemoved": {"Queue: 640\r\nMemberName: PJSIP/104\r\nInterface: PJSIP/104\r\nStateInterface: PJSIP/104", func(b *board) int {
			return strings.Count(strings.Join(b.groups(), ""), "[104]")
		}},
	} {
		t.Run(event, func(t *testing.T) {
			conf := plain()
			conf.Queues = map[string][]string{"640": {"PJSIP/104"}}
			inBubble(t, conf, func(b *board) {
				before := c.heard(b)
				b.p.Say("PeerStatus", among(event, c.text))
				b.pass(time.Second)
				if c.heard(b) == before {
					t.Error("it is not heard")
				}
			})
		})
	}
}
