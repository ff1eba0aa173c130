package web

import (
	"context"
	"net/http"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
	"farhook/web/access"
)

// checksAtOnce is how many lines are checked at once; others wait.
const checksAtOnce = 4

// Checked is what came of asking the PBX about a device.
type Checked struct {
	Repaired int    `json:"repaired" doc:"How many connections were not as the PBX has them, and are now. The stream has told them"`
	Device   Device `json:"device" doc:"The device as it is now"`
}

type checkedOutput struct{ Body Checked }

func (s *Server) checkOperations() {
	register(s, op{
		id: "check-device", method: http.MethodPost, path: "/api/v1/devices/{device}/check", summary: "Ask the PBX about a device now", tag: "Devices", scope: access.ObserveState,
		errors: []int{404, 501, 503, 504}, about: "The device's calls are compared with the PBX's own list, as they are by themselves from time to time; what differs is put right and told.",
	}, s.checkDevice)
}

func (s *Server) checkDevice(ctx context.Context, in *deviceInput) (*checkedOutput, error) {
	d, err := s.device(ctx, in.Device)
	if err != nil {
		return nil, err
	}
	select { // a PBX is asked for its whole list each time: a few at once are enough for all
	case s.checks <- struct{}{}:
		defer func() { <-s.checks }()
	case <-ctx.Done():
		return nil, refused(ctx, csta.ErrInternalResourceBusy.With(ctx.Err()))
	}
	out := &checkedOutput{}
	if out.Body.Repaired, err = s.board.Check(ctx, who(ctx), d.ID); err != nil {
		return nil, refused(ctx, err)
	}
	state, _ := s.board.Snapshot(who(ctx), switchboard.Filter{Devices: []csta.DeviceID{d.ID}})
	if now, ok := s.board.Device(who(ctx), d.ID); ok {
		d = now
	}
	out.Body.Device = s.picture(ctx, d, state)
	return out, nil
}
