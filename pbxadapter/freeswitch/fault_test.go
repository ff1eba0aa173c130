package freeswitch

import (
	"errors"
	"testing"

	"farhook/csta"
)

// What the PBX says no with keeps its words, and the cause value where it is the name of a cause.
func TestRefusalsHaveTheirCause(t *testing.T) {
	for said, want := range map[string]*csta.Error{
		"-ERR SUBSCRIBER_ABSENT": csta.ErrDeviceOutOfService.Coded(0, 20), "-ERR USER_BUSY": csta.ErrInvalidCallingState.Coded(0, 17),
		"-ERR NORMAL_CIRCUIT_CONGESTION": csta.ErrNetworkBusy.Coded(0, 34), "-ERR USER_NOT_REGISTERED": csta.ErrDeviceOutOfService, "-ERR what": csta.ErrRequestIncompatible,
	} {
		var e *csta.Error
		if err := new(Adapter).fault(refusal{said: said}); !errors.As(err, &e) || !errors.Is(e, want) || e.Q850 != want.Q850 || e.PBX != said {
			t.Errorf("%s: %+v", said, e)
		}
	}
}
