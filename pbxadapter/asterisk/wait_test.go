package asterisk

import (
	"testing"

	"farhook/pbxadapter/asterisk/fake"
)

// A request that is refused at its first command waits for nothing any more.
func TestWaitsForNothing(t *testing.T) {
	for kind, style := range kinds {
		for _, s := range attempts {
			t.Run(kind+"/"+s.name, func(t *testing.T) {
				inBubble(t, plain(), func(b *board) {
					b.talk("101", "102")
					s.prepare(b)
					r := s.request(b)
					b.p.Change(func(c *fake.Config) {
						c.Missing = []string{"Originate", "Hangup", "Redirect", "Bridge", "BlindTransfer", "PJSIPNotify", "Park", "Setvar", "PlayDTMF", "DBPut", "DBDel", "MWIUpdate", "MWIDelete"}
					})
					if _, err := b.do(r); err == nil {
						t.Error("it is carried out")
					}
					b.a.mu.Lock()
					defer b.a.mu.Unlock()
					if n := len(b.a.waiters); n != 0 {
						t.Errorf("%d wait", n)
					}
				}, style)
			})
		}
	}
}
