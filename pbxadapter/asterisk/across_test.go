package asterisk

import (
	"fmt"
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
