package uacsta_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

// A line that no directory has, but that its PBX had before the restart, is told normal while the PBX is away, and hears of its calls when it's back. Where it
// then isn't there any more, the session ends.
func TestLineOfThePBXBeforeTheRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		// run is one process, before a PBX of so many lines that is let in when open is closed.
		run := func(lines int, open chan struct{}, use func(*sim.PBX, *uacsta.Server, *uactest.Memory)) {
			t.Helper()
			pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: lines, Quiet: true})
			if err != nil {
				t.Fatal(err)
			}
			board := switchboard.New(switchboard.Trusted{}, switchboard.Options{Roster: folder}, switchboard.PBX{Name: "sim", Adapter: closed{pbx, open}})
			uc, l, stop := served(t, board)
			use(pbx, uc, l)
			stop()
		}
		open := make(chan struct{})
		close(open)
		run(2, open, func(*sim.PBX, *uacsta.Server, *uactest.Memory) { time.Sleep(5 * time.Second) })

		let := make(chan struct{})
		run(1, let, func(pbx *sim.PBX, uc *uacsta.Server, l *uactest.Memory) {
			if g := newPeer(t, l.Dial()).invite("tel:+15551009", "<sip:alice@contoso.test>", ""); g.status() != 480 {
				t.Errorf("a line that it never had: %s", g.head)
			}
			p, q := newPeer(t, l.Dial()), newPeer(t, l.Dial())
			p.signIn("tel:+15551001;ext=1001")
			q.signIn("tel:+15551002")
			close(let)
			synctest.Wait()
			if g := q.read(); !strings.HasPrefix(g.start, "BYE ") || uc.Count() != 1 {
				t.Errorf("the line that isn't there any more: %s, %d sessions", g.start, uc.Count())
			}
			if err := pbx.Phone(1001).Dial("tel:+15550100"); err != nil {
				t.Fatal(err)
			}
			if g := p.read(); !strings.Contains(g.body, "<ServiceInitiatedEvent") && !strings.Contains(g.body, "<OriginatedEvent") {
				t.Errorf("%s%s", g.head, g.body)
			}
		})
	})
}
