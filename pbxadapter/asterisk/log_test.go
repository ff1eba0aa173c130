package asterisk

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"farhook/csta"
	"farhook/pbxadapter"
)

// Log lines that belong to a request carry its trace id.
func TestTraceInLog(t *testing.T) {
	conf := plain()
	conf.Deaf, conf.Rights = []string{"102"}, []string{"DBPut"}
	inBubble(t, conf, func(b *board) {
		core, lines := observer.New(zap.DebugLevel)
		b.stop()
		b.make = func(more ...func(*Config)) *Adapter { return adapterOn(t, b.p, zap.New(core), more...) }
		b.start()
		id := pbxadapter.NewTrace()
		ctx := pbxadapter.WithTrace(context.Background(), id)
		ask := func(r csta.Request) {
			ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
			defer cancel()
			_, _ = b.a.Services()[r.Service()](pbxadapter.WithOp(ctx, 9), r)
			b.pass(300 * time.Millisecond)
		}
		b.talk("101", "102")
		ask(csta.HoldCall{CallToBeHeld: b.is("102", csta.Connected)})
		ask(csta.RetrieveCall{CallToBeRetrieved: b.is("102", csta.Hold)})
		ask(csta.HoldCall{CallToBeHeld: b.is("102", csta.Connected)})
		ask(csta.SetDoNotDisturb{Device: "101", DoNotDisturbOn: true})
		b.p.Lose("HangupRequest")
		b.p.Lose("Hangup")
		b.hand(b.p.HangUp("101"))
		if _, err := b.a.Audit(ctx, "101"); err != nil {
			t.Error(err)
		}
		for _, says := range []string{"did not obey NOTIFY", "lacks a right", "refuses an action", "repaired"} {
			found := lines.FilterMessageSnippet(says).All()
			if len(found) == 0 {
				t.Errorf("nothing says that something %s", says)
			}
			for _, l := range found {
				if l.ContextMap()["trace"] != id.String() {
					t.Errorf("%q has the trace id %v", l.Message, l.ContextMap()["trace"])
				}
			}
		}
	})
}
