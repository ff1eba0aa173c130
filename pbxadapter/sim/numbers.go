package sim

import (
	"context"
	"fmt"

	"farhook/csta"
	"farhook/pbxadapter"
)

// dials are the services that call a number, or forward to one, and how each refuses it.
var dials = map[csta.Service]*csta.Error{
	"MakeCall": csta.ErrInvalidCalledDeviceID, "ConsultationCall": csta.ErrInvalidCalledDeviceID, "DeflectCall": csta.ErrInvalidDestination,
	"SingleStepTransferCall": csta.ErrInvalidDestination, "SingleStepConferenceCall": csta.ErrInvalidDestination, "SetForwarding": csta.ErrInvalidForwardingDest,
}

// translated lets the numbers of requests go the way that a real PBX's go: to the PBX's own, and back as the PBX shows them.
func (p *PBX) translated(s csta.Services) csta.Services {
	for name, refuse := range dials {
		next := s[name]
		s[name] = func(ctx context.Context, r csta.Request) (csta.Response, error) {
			var number csta.DeviceID
			for _, n := range r.Needs() {
				if n.Right == csta.Call {
					number = n.Device
				}
			}
			r, err := csta.Rewrite(r, func(member string, d csta.DeviceID) (csta.DeviceID, error) {
				if d != number || member == "callingDevice" || member == "device" {
					return d, nil
				}
				native, err := p.numbers.Native(d, pbxadapter.Called)
				if err != nil {
					return d, refuse.With(fmt.Errorf("%s: %w", member, err))
				}
				shown := p.numbers.Canonical(native, pbxadapter.Called)
				if shown == "" {
					return d, refuse.With(fmt.Errorf("%s: sim: %q cannot be dialled", member, native))
				}
				return shown, nil
			}, func(_ string, c csta.ConnectionID) (csta.ConnectionID, error) { return c, nil })
			if err != nil {
				return nil, err
			}
			return next(ctx, r)
		}
	}
	return s
}
