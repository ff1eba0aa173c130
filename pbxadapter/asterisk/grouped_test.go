package asterisk

import (
	"testing"

	"farhook/csta"
)

// A group can be brought into a call: it is answered with the phone that rang first, and not awaited as if the group itself rang.
func TestConferenceWithGroup(t *testing.T) {
	conf := plain()
	conf.Groups = map[string][]string{"610": {"103", "104"}}
	inBubble(t, conf, func(b *board) {
		call := b.talk("101", "102")
		res := b.must(csta.SingleStepConferenceCall{ActiveCall: csta.ConnectionID{Call: call, Device: "102"}, DeviceToJoin: "610"})
		b.is("103", csta.Alerting)
		b.is("104", csta.Alerting)
		if c := res.(csta.SingleStepConferenceCallResponse).ConferencedCall; c.Call != call || c.Device != "103" && c.Device != "104" {
			t.Errorf("it is answered with %v", c)
		}
	})
}
