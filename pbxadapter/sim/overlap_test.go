package sim_test

import (
	"context"
	"testing"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
)

// A link that is cut may be there again before the run that had it has ended: what is reported late in one and in the other is no race.
func TestRunsOverlap(t *testing.T) {
	pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 2, Quiet: true, ReportLate: true})
	if err != nil {
		t.Fatal(err)
	}
	const runs = 300
	ended := make(chan error, runs)
	act := pbx.Services()["SetDoNotDisturb"]
	for n := range runs {
		synced := make(chan struct{})
		go func() { ended <- pbx.Run(context.Background(), sink{synced}) }()
		<-synced
		if _, err := act(t.Context(), csta.SetDoNotDisturb{Device: "tel:+15551001", DoNotDisturbOn: n%2 == 0}); err != nil {
			t.Fatal(err)
		}
		pbx.CutLink()
		pbx.RestoreLink()
	}
	for range runs {
		if err := <-ended; err == nil {
			t.Error("a run ended without a reason")
		}
	}
}
