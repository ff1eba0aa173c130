package asterisk

import (
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/asterisk/fake"
)

// A phone whose call ends while it is asked to hold, or to take back, is not held for one that doesn't obey: it is asked the next time too.
func TestEndsWhileAsked(t *testing.T) {
	for name, request := range map[string]func(b *board) csta.Request{
		"to hold": func(b *board) csta.Request { return csta.HoldCall{CallToBeHeld: b.is("102", csta.Connected)} },
		"to take back": func(b *board) csta.Request {
			b.hand(b.p.Hold("102"))
			return csta.RetrieveCall{CallToBeRetrieved: b.is("102", csta.Hold)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, plain(), func(b *board) {
				for range 3 {
					b.talk("101", "102")
					r := request(b)
					b.p.Change(func(c *fake.Config) { c.Deaf = []string{"102"} })
					go func() {
						time.Sleep(100 * time.Millisecond)
						_ = b.p.HangUp("101")
						_ = b.p.HangUp("102")
					}()
					b.refuses(r, csta.ErrInvalidConnectionID)
					b.pass(time.Second)
					b.idle("101", "102")
					b.p.Change(func(c *fake.Config) { c.Deaf = nil })
				}
				b.talk("101", "102")
				asked := b.p.Asked("PJSIPNotify")
				b.must(csta.HoldCall{CallToBeHeld: b.is("102", csta.Connected)})
				if n := b.p.Asked("PJSIPNotify") - asked; n != 1 {
					t.Errorf("it was asked %d times", n)
				}
			})
		})
	}
}
