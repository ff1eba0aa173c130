package web

import (
	"context"
	"net/http"

	"farhook/csta"
	"farhook/web/access"
)

type deviceActInput[B any] struct {
	Dry
	Device string `path:"device" maxLength:"256" doc:"Any spelling of the number" example:"1001"`
	Body   B
}

// Bodies of what is set at a device.
type (
	// Switch is on or off.
	Switch struct {
		On bool `json:"on"`
	}
	// ForwardingSetting is one type of forwarding.
	ForwardingSetting struct {
		On    bool                `json:"on"`
		Type  csta.ForwardingType `json:"type,omitempty" enum:"forwardImmediate,forwardBusy,forwardNoAns,forwardDND,forwardBusyInt,forwardBusyExt,forwardNoAnsInt,forwardNoAnsExt,forwardImmInt,forwardImmExt,forwardDNDInt,forwardDNDExt" doc:"Default: forwardImmediate"`
		To    csta.DeviceID       `json:"to,omitempty" maxLength:"256" doc:"Where calls go; absent: where they went the last time"`
		Rings *int                `json:"rings,omitempty" minimum:"1" maximum:"100" doc:"Rings before, for forwardNoAns"`
	}
	// PickGroup is the group whose call is taken.
	PickGroup struct {
		Group csta.DeviceID `json:"group,omitempty" maxLength:"256" doc:"Absent: the phone's own pickup group"`
	}
)

// deviceActs is the table of what can be done with a device itself.
func (s *Server) deviceActs() {
	set(s, "do-not-disturb", "Set do not disturb", func(d csta.DeviceID, b Switch) csta.Request {
		return csta.SetDoNotDisturb{Device: d, DoNotDisturbOn: b.On}
	})
	set(s, "forwarding", "Set one type of forwarding", func(d csta.DeviceID, b ForwardingSetting) csta.Request {
		return csta.SetForwarding{Device: d, ForwardingType: b.Type, ActivateForward: b.On, ForwardDN: b.To, RingCount: b.Rings}
	})
	set(s, "message-waiting", "Set the message waiting lamp", func(d csta.DeviceID, b Switch) csta.Request {
		return csta.SetMessageWaitingIndicator{Device: d, MessageWaitingOn: b.On}
	})
	set(s, "microphone-mute", "Mute the microphone", func(d csta.DeviceID, b Switch) csta.Request {
		return csta.SetMicrophoneMute{Device: d, MicrophoneMuteOn: b.On}
	})
	register(s, op{
		id: "group-pickup", method: http.MethodPost, path: "/api/v1/devices/{device}/group-pickup", summary: "Take a call that rings in a group",
		tag: "Devices", scope: access.Control, errors: actErrors(),
	}, func(ctx context.Context, in *deviceActInput[*PickGroup]) (*actOutput, error) {
		d, err := s.device(ctx, in.Device)
		if err != nil {
			return nil, err
		}
		r := csta.GroupPickupCall{NewDestination: d.ID}
		if in.Body != nil {
			r.PickGroup = in.Body.Group
		}
		return s.actOn(ctx, in.DryRun, d.ID, r)
	})
}

// set registers PUT of something at a device: the same twice is the same once.
func set[B any](s *Server, what, summary string, request func(csta.DeviceID, B) csta.Request) {
	register(s, op{
		id: "set-" + what, method: http.MethodPut, path: "/api/v1/devices/{device}/" + what, summary: summary, tag: "Devices", scope: access.Control,
		status: http.StatusNoContent, errors: actErrors(),
	}, func(ctx context.Context, in *deviceActInput[B]) (*actOutput, error) {
		d, err := s.device(ctx, in.Device)
		if err != nil {
			return nil, err
		}
		return s.actOn(ctx, in.DryRun, d.ID, request(d.ID, in.Body))
	})
}

// actOn carries out what is done with a device.
func (s *Server) actOn(ctx context.Context, dryRun bool, d csta.DeviceID, r csta.Request) (*actOutput, error) {
	if dryRun {
		return &actOutput{Status: http.StatusOK, Body: &Acted{Plan: s.plan(ctx, r, d)}}, nil
	}
	res, err := s.do(ctx, r, d, "")
	if err != nil {
		return nil, err
	}
	if made := resulting(res); made != nil && made.Call != "" {
		return &actOutput{Status: http.StatusOK, Location: location(made.Call), Body: &Acted{Connection: made}}, nil
	}
	return &actOutput{Status: http.StatusNoContent}, nil
}
