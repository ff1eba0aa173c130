package switchboard

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"farhook/pbxadapter"
)

// Commands and audits are counted by PBX. A word that is none, and words without end, share one label.
func TestMeter(t *testing.T) {
	b := New(OwnLine{}, Options{})
	m := pbxadapter.Meter(func(w pbxadapter.Work) { b.Meter("pbx", w) })
	m.Command("uuid_hold", time.Millisecond, pbxadapter.Answered)
	m.Command("uuid_hold", time.Millisecond, pbxadapter.Refused)
	m.Command("a\nb", time.Millisecond, pbxadapter.Unanswered)
	m.Audited(0)
	m.Audited(3)
	pbxadapter.Meter(nil).Audited(1)
	for name, want := range map[string]map[string]float64{
		"farhook_pbx_command_duration_seconds": {"uuid_hold pbx ": 2, "other pbx ": 1},
		"farhook_pbx_command_failures_total":   {"uuid_hold refused pbx ": 1, "other unanswered pbx ": 1},
		"farhook_pbx_audits_total":             {"pbx ": 2},
		"farhook_pbx_audit_repairs_total":      {"pbx ": 3},
	} {
		if got := gather(t, b.Metrics(), name); !maps.Equal(got, want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for i := range 1000 {
		m.Command(fmt.Sprint("word", i), time.Millisecond, pbxadapter.Answered)
	}
	if n := len(gather(t, b.Metrics(), "farhook_pbx_command_duration_seconds")); n > maxCommands+1 {
		t.Errorf("%d series of commands", n)
	}
}
