package switchboard_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"farhook/csta"
	. "farhook/pbxadapter/switchboard"
)

// auditing is a PBX that can be asked about a device.
type auditing struct {
	*scripted
	audit func(d csta.DeviceID) (int, error)
}

func (a *auditing) Audit(_ context.Context, d csta.DeviceID) (int, error) { return a.audit(d) }

// Check asks the device's own PBX, and says clearly where it can't.
func TestCheck(t *testing.T) {
	var asked csta.DeviceID
	a := &auditing{newScripted(d1), func(d csta.DeviceID) (int, error) { asked = d; return 2, nil }}
	plain := newScripted(d2)
	b := New(OwnLine{}, Options{}, PBX{Name: "a", Adapter: a}, PBX{Name: "b", Adapter: plain})
	serve(t, b)
	<-a.runs
	<-plain.runs
	if n, err := b.Check(context.Background(), System, d1); n != 2 || err != nil || asked != d1 {
		t.Errorf("asked about %q: %d, %v", asked, n, err)
	}
	refused := func(who Principal, d csta.DeviceID, want *csta.Error) {
		t.Helper()
		_, err := b.Check(context.Background(), who, d)
		var e *csta.Error
		if !errors.As(err, &e) || e.Value != want.Value {
			t.Errorf("%s: %v, want %v", d, err, want)
		}
	}
	refused(System, d2, csta.ErrServiceNotSupported)
	refused(System, "tel:+15559999", csta.ErrInvalidDeviceID)
	refused(Principal{User: "sip:mallory@example.com"}, d1, csta.ErrInvalidDeviceID)
	a.audit = func(csta.DeviceID) (int, error) { return 0, context.DeadlineExceeded }
	refused(System, d1, csta.ErrInternalResourceBusy)
	a.audit = func(csta.DeviceID) (int, error) { panic("odd") }
	refused(System, d1, csta.ErrUnspecified)
	a.cut <- errors.New("cable pulled")
	for b.Links()[0].Up {
		time.Sleep(time.Millisecond)
	}
	refused(System, d1, csta.ErrResourceOutOfService)
}
