package asterisk

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/ami"
)

// A number that the network does not know is told so, whichever of the caller's end and that of the trunk's channel comes first, and whatever Asterisk leaves
// out: a release without TechCause, a channel that ends without HangupRequest.
func TestUnknownOutside(t *testing.T) {
	text, err := os.ReadFile("../../testdata/pbx/asterisk/trunk-404.ami")
	if err != nil {
		t.Fatal(err)
	}
	recorded := readSteps(t, "trunk-404", string(text))
	n := len(recorded)
	if recorded[n-1].event() != "Hangup" || recorded[n-2].event() != "Hangup" || !strings.Contains(recorded[n-2].get("Channel"), "/101-") {
		t.Fatal("the recording does not end with the caller's Hangup before that of the trunk's channel")
	}
	usual := slices.Clone(recorded)
	usual[n-1], usual[n-2] = usual[n-2], usual[n-1]
	for order, steps := range map[string][]step{"the caller's end first": recorded, "the trunk's end first": usual} {
		for what, drop := range map[string]func(step) bool{
			"": func(step) bool { return false }, ", without HangupRequest": func(s step) bool { return s.event() == "HangupRequest" },
		} {
			t.Run(order+what, func(t *testing.T) {
				var causes []csta.EventCause
				b := newBook(pbxadapter.PlainNumbers{}, presets["plain"])
				b.add(&phoneEntry{endpoint: "101", number: "101"})
				m := callmodel.New()
				x := newTracker("p", b, func(f callmodel.Fact) {
					for _, told := range m.Apply(f) {
						if e, ok := told.Event.(csta.FailedEvent); ok {
							causes = append(causes, e.Cause)
						}
					}
				})
				now := time.Unix(1_800_000_000, 0)
				for _, s := range withoutTechCause(slices.DeleteFunc(slices.Clone(steps), drop)) {
					x.until(now)
					x.event(ami.Parse(strings.Join(s.lines, "\r\n")))
				}
				x.until(now.Add(time.Minute))
				if !slices.Equal(causes, []csta.EventCause{csta.CauseNumberUnallocated}) {
					t.Errorf("told as failed: %v", causes)
				}
				if left := len(m.State().Calls); left != 0 || m.Odd() != 0 {
					t.Errorf("%d calls are left, %d facts are odd", left, m.Odd())
				}
			})
		}
	}
}
