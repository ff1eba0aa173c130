package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/switchboard"
	"farhook/web/access"
)

// connectionInput names a connection; B is what the act takes besides.
type connectionInput[B any] struct {
	Dry
	Call   csta.CallID   `path:"call" maxLength:"128"`
	Device csta.DeviceID `path:"device" maxLength:"256" doc:"Any spelling of the number"`
	Body   B
}

type bareInput struct {
	Dry
	Call   csta.CallID   `path:"call" maxLength:"128"`
	Device csta.DeviceID `path:"device" maxLength:"256" doc:"Any spelling of the number"`
}

type actOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     *Acted
}

// Acted is what an act has come to; or, after a dry run, the plan.
type Acted struct {
	Connection *csta.ConnectionID `json:"connection,omitempty" doc:"The connection that it made or that results"`
	Plan       *Plan              `json:"plan,omitempty" doc:"Of a dry run"`
}

// Bodies of acts.
type (
	// OtherCall names the other of two calls.
	OtherCall struct {
		HeldCall csta.CallID `json:"heldCall,omitempty" maxLength:"128" doc:"The device's other call, which it holds; absent: the only one it holds"`
	}
	// Consulted is who is called while another waits.
	Consulted struct {
		ConsultedDevice csta.DeviceID `json:"consultedDevice" minLength:"1" maxLength:"256" doc:"The number to call"`
		Reference       string        `json:"reference,omitempty" maxLength:"200" doc:"Your own name for the new call"`
	}
	// Destination is where a call goes.
	Destination struct {
		To csta.DeviceID `json:"to" minLength:"1" maxLength:"256" doc:"A number, or any spelling of a device" example:"1003"`
	}
	// Joined is who is added to a call.
	Joined struct {
		DeviceToJoin      csta.DeviceID          `json:"deviceToJoin" minLength:"1" maxLength:"256"`
		ParticipationType csta.ParticipationType `json:"participationType,omitempty" enum:"silent,active" doc:"silent hears only; active (default)"`
	}
	// Picker is who takes a call that rings elsewhere.
	Picker struct {
		RequestingDevice csta.DeviceID `json:"requestingDevice" minLength:"1" maxLength:"256" doc:"The phone that takes the call"`
	}
	// Parked is where a call is parked.
	Parked struct {
		ParkTo csta.DeviceID `json:"parkTo" minLength:"1" maxLength:"256" doc:"A park slot"`
	}
	// Digits are keys to be pressed.
	Digits struct {
		CharactersToSend string `json:"charactersToSend" minLength:"1" maxLength:"64" pattern:"^[0-9A-D*#]+$" patternDescription:"digits, A to D, * and #" example:"1234#"`
	}
)

// connectionActs is the table of what can be done with a connection: one row per service.
func (s *Server) connectionActs() {
	bare(s, "answer", "Answer a call that rings", func(c csta.ConnectionID) csta.Request { return csta.AnswerCall{CallToBeAnswered: c} })
	bare(s, "clear", "End a device's part in a call", func(c csta.ConnectionID) csta.Request { return csta.ClearConnection{ConnectionToBeCleared: c} })
	bare(s, "hold", "Hold a call", func(c csta.ConnectionID) csta.Request { return csta.HoldCall{CallToBeHeld: c} })
	bare(s, "retrieve", "Take a held call back", func(c csta.ConnectionID) csta.Request { return csta.RetrieveCall{CallToBeRetrieved: c} })
	pair(s, "alternate", "Hold this call, and take the held one back", func(a, h csta.ConnectionID) csta.Request { return csta.AlternateCall{ActiveCall: a, HeldCall: h} })
	pair(s, "reconnect", "End this call, and take the held one back", func(a, h csta.ConnectionID) csta.Request { return csta.ReconnectCall{ActiveCall: a, HeldCall: h} })
	pair(s, "transfer", "Join the other parties of this and the held call, and leave", func(a, h csta.ConnectionID) csta.Request {
		return csta.TransferCall{ActiveCall: a, HeldCall: h}
	})
	pair(s, "conference", "Join this and the held call", func(a, h csta.ConnectionID) csta.Request { return csta.ConferenceCall{ActiveCall: a, HeldCall: h} })
	act(s, "consult", "Hold this call, and call somebody else", func(c csta.ConnectionID, b Consulted) csta.Request {
		return csta.ConsultationCall{ExistingCall: c, ConsultedDevice: b.ConsultedDevice}
	})
	act(s, "single-step-transfer", "Hand this call over without asking first", func(c csta.ConnectionID, b Destination) csta.Request {
		return csta.SingleStepTransferCall{ActiveCall: c, TransferredTo: b.To}
	})
	act(s, "single-step-conference", "Add somebody to this call", func(c csta.ConnectionID, b Joined) csta.Request {
		if b.ParticipationType == "" {
			b.ParticipationType = csta.ParticipationTypeActive
		}
		return csta.SingleStepConferenceCall{ActiveCall: c, DeviceToJoin: b.DeviceToJoin, ParticipationType: b.ParticipationType}
	})
	act(s, "deflect", "Send a call that rings elsewhere", func(c csta.ConnectionID, b Destination) csta.Request {
		return csta.DeflectCall{CallToBeDiverted: c, NewDestination: b.To}
	})
	act(s, "pickup", "Take a call that rings here with another phone", func(c csta.ConnectionID, b Picker) csta.Request {
		return csta.DirectedPickupCall{CallToBePickedUp: &c, RequestingDevice: b.RequestingDevice}
	})
	act(s, "park", "Park a call", func(c csta.ConnectionID, b Parked) csta.Request { return csta.ParkCall{Parking: &c, ParkTo: b.ParkTo} })
	act(s, "digits", "Press keys in a call", func(c csta.ConnectionID, b Digits) csta.Request {
		return csta.GenerateDigits{ConnectionToSendDigits: c, CharactersToSend: b.CharactersToSend}
	})
	register(s, actOp("move", "Move my call to another of my lines or numbers: sends it there while it rings, hands it over while I speak"),
		func(ctx context.Context, in *connectionInput[Destination]) (*actOutput, error) {
			c, err := s.visible(ctx, in.Call)
			if err != nil {
				return nil, err
			}
			id := csta.ConnectionID{Call: in.Call, Device: in.Device}
			if stateIn(s.board, c, in.Device) == csta.Alerting {
				return s.act(ctx, in.DryRun, id, csta.DeflectCall{CallToBeDiverted: id, NewDestination: in.Body.To})
			}
			return s.act(ctx, in.DryRun, id, csta.SingleStepTransferCall{ActiveCall: id, TransferredTo: in.Body.To})
		})
	register(s, op{
		id: "clear-call", method: http.MethodPost, path: "/api/v1/calls/{call}/clear", summary: "End a call for everybody in it", tag: "Calls",
		scope: access.Control, status: http.StatusNoContent, errors: actErrors(),
	}, s.clearCall)
}

func actErrors() []int { return []int{400, 403, 404, 409, 501, 503, 504} }

func actOp(act, summary string) op {
	return op{
		id: act + "-connection", method: http.MethodPost, path: "/api/v1/calls/{call}/connections/{device}/" + act, summary: summary, tag: "Calls",
		scope: access.Control, status: http.StatusNoContent, errors: actErrors(),
	}
}

// bare registers an act on one connection that takes nothing else.
func bare(s *Server, name, summary string, request func(csta.ConnectionID) csta.Request) {
	register(s, actOp(name, summary), func(ctx context.Context, in *bareInput) (*actOutput, error) {
		id := csta.ConnectionID{Call: in.Call, Device: in.Device}
		return s.act(ctx, in.DryRun, id, request(id))
	})
}

// act registers an act on one connection.
func act[B any](s *Server, name, summary string, request func(csta.ConnectionID, B) csta.Request) {
	register(s, actOp(name, summary), func(ctx context.Context, in *connectionInput[B]) (*actOutput, error) {
		id := csta.ConnectionID{Call: in.Call, Device: in.Device}
		if c, ok := any(in.Body).(Consulted); ok && c.Reference != "" {
			ctx = switchboard.WithReference(ctx, c.Reference)
		}
		return s.act(ctx, in.DryRun, id, request(id, in.Body))
	})
}

// pairInput is connectionInput whose body may be left out.
type pairInput struct {
	Dry
	Call   csta.CallID   `path:"call" maxLength:"128" doc:"The call in which the device speaks"`
	Device csta.DeviceID `path:"device" maxLength:"256" doc:"Any spelling of the number"`
	Body   *OtherCall
}

// pair registers an act on two connections of one device: the active one is in the path, the held one is named or found.
func pair(s *Server, name, summary string, request func(active, held csta.ConnectionID) csta.Request) {
	register(s, actOp(name, summary), func(ctx context.Context, in *pairInput) (*actOutput, error) {
		active := csta.ConnectionID{Call: in.Call, Device: in.Device}
		held := csta.ConnectionID{Device: in.Device}
		if in.Body != nil {
			held.Call = in.Body.HeldCall
		}
		if held.Call == "" {
			var err error
			if held.Call, err = s.heldBy(ctx, in.Device); err != nil {
				return nil, err
			}
		}
		return s.act(ctx, in.DryRun, active, request(active, held))
	})
}

// heldBy is the only call that a device holds.
func (s *Server) heldBy(ctx context.Context, device csta.DeviceID) (csta.CallID, error) {
	d, err := s.device(ctx, string(device))
	if err != nil {
		return "", err
	}
	state, _ := s.board.Snapshot(who(ctx), switchboard.Filter{Devices: []csta.DeviceID{d.ID}})
	var held []csta.CallID
	for _, c := range state.Calls {
		for _, l := range c.Legs {
			if l.Device == d.ID && l.State == csta.Hold {
				held = append(held, c.ID)
			}
		}
	}
	switch len(held) {
	case 0:
		return "", s.explain(ctx, csta.ErrNoHeldCall.With(fmt.Errorf("%s holds no call", d.ID)), d.ID, "")
	case 1:
		return held[0], nil
	}
	return "", s.explain(ctx, csta.ErrInvalidHeldConn.With(fmt.Errorf("heldCall is missing, and %s holds %d calls", d.ID, len(held))), d.ID, "")
}

// act carries out what is done with one connection.
func (s *Server) act(ctx context.Context, dryRun bool, c csta.ConnectionID, r csta.Request) (*actOutput, error) {
	if _, err := s.visible(ctx, c.Call); err != nil {
		return nil, err
	}
	if dryRun {
		return &actOutput{Status: http.StatusOK, Body: &Acted{Plan: s.plan(ctx, r, c.Device)}}, nil
	}
	res, err := s.do(ctx, r, c.Device, c.Call)
	if err != nil {
		return nil, err
	}
	made := resulting(res)
	if made == nil || made.Call == "" {
		return &actOutput{Status: http.StatusNoContent}, nil
	}
	return &actOutput{Status: http.StatusOK, Location: location(made.Call), Body: &Acted{Connection: made}}, nil
}

// resulting is the connection that an answer names; nil: it names none.
func resulting(res csta.Response) *csta.ConnectionID {
	switch r := res.(type) {
	case csta.ConsultationCallResponse:
		return &r.InitiatedCall
	case csta.TransferCallResponse:
		return &r.TransferredCall
	case csta.ConferenceCallResponse:
		return &r.ConferenceCall
	case csta.SingleStepTransferCallResponse:
		return &r.TransferredCall
	case csta.SingleStepConferenceCallResponse:
		return &r.ConferencedCall
	case csta.DirectedPickupCallResponse:
		return r.PickedCall
	case csta.GroupPickupCallResponse:
		return r.PickedCall
	case csta.ParkCallResponse:
		return r.ParkedTo
	}
	return nil
}

// stateIn is the state of a device in a call, by any spelling; Null where it isn't in it.
func stateIn(b *switchboard.Board, c callmodel.Call, spelling csta.DeviceID) csta.State {
	id, err := b.Resolve(string(spelling))
	for _, l := range c.Legs {
		if l.Device == spelling || err == nil && l.Device == id {
			return l.State
		}
	}
	return csta.Null
}

type clearCallInput struct {
	Dry
	Call csta.CallID `path:"call" maxLength:"128"`
}

// clearCall ends a call. It takes control of one device in it.
func (s *Server) clearCall(ctx context.Context, in *clearCallInput) (*actOutput, error) {
	c, err := s.visible(ctx, in.Call)
	if err != nil {
		return nil, err
	}
	id := csta.ConnectionID{Call: c.ID}
	for _, l := range slices.Backward(c.Legs) { // the first one that may be controlled; else the first one that may be seen
		_, seen := s.board.Device(who(ctx), l.Device)
		if may := s.board.May(who(ctx), csta.Control, l.Device); seen && (may || !s.board.May(who(ctx), csta.Control, id.Device)) {
			id.Device = l.Device
		}
	}
	for _, l := range c.Legs { // a call in which no line of ours is left, such as a caller at the voicemail: for who may control whatever there is
		if id.Device == "" && s.board.May(who(ctx), csta.Control, l.Device) {
			id.Device = l.Device
		}
	}
	if id.Device == "" {
		return nil, refused(ctx, csta.ErrInvalidConnectionState.With("no line that you may control is in the call"))
	}
	return s.act(ctx, in.DryRun, id, csta.ClearCall{CallToBeCleared: &id})
}
