package csta

import (
	"errors"
	"testing"
)

// Words, codes and causes are added to an answer, and it stays the same answer; the one it was made of stays as it was.
func TestErrorKeepsWhatItIsGiven(t *testing.T) {
	e := ErrNetworkBusy.Coded(503, 34).Says("all circuits are busy").With("why")
	if !errors.Is(e, ErrNetworkBusy) || e.SIP != 503 || e.Q850 != 34 || e.PBX != "all circuits are busy" || e.Err.Error() != "why" {
		t.Errorf("%+v", e)
	}
	if e := ErrNetworkBusy; e.SIP != 0 || e.Q850 != 0 || e.PBX != "" || e.Err != nil {
		t.Errorf("the shared one has become %+v", e)
	}
}
