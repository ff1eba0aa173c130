package web

import (
	"context"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/switchboard"
	"farhook/web/live"
)

var stateless callmodel.State

type callsOutput struct {
	Body struct {
		Calls []live.Call `json:"calls" nullable:"false"`
	}
}

type callInput struct {
	Call csta.CallID `path:"call" maxLength:"128"`
}

type callOutput struct{ Body live.Call }

type makeCallInput struct {
	Body struct {
		CallingDevice         csta.DeviceID      `json:"callingDevice" minLength:"1" maxLength:"256" doc:"Any spelling of the phone that calls" example:"1001"`
		CalledDirectoryNumber csta.DeviceID      `json:"calledDirectoryNumber" minLength:"1" maxLength:"256" doc:"The number to call" example:"1002"`
		AutoOriginate         csta.AutoOriginate `json:"autoOriginate,omitempty" enum:"prompt,doNotPrompt" doc:"prompt (default): the phone rings its user first; doNotPrompt: it calls at once"`
		SubjectOfCall         string             `json:"subjectOfCall,omitempty" maxLength:"200"`
	}
}

type makeCallOutput struct {
	Location string `header:"Location"`
	Body     struct {
		CallingDevice csta.ConnectionID `json:"callingDevice" doc:"The calling phone's connection"`
	}
}

type connectionInput struct {
	Call   csta.CallID   `path:"call" maxLength:"128"`
	Device csta.DeviceID `path:"device" maxLength:"256" doc:"Any spelling of the number"`
}

func (s *Server) callOperations() {
	huma.Register(s.api, huma.Operation{
		OperationID: "list-calls", Method: http.MethodGet, Path: "/api/v1/calls", Summary: "List calls", Tags: []string{"Calls"},
	}, s.listCalls)
	huma.Register(s.api, huma.Operation{
		OperationID: "get-call", Method: http.MethodGet, Path: "/api/v1/calls/{call}", Summary: "One call",
		Description: "A name that the call had before a transfer or conference finds it for 30 s.", Tags: []string{"Calls"}, Errors: []int{404},
	}, s.getCall)
	huma.Register(s.api, huma.Operation{
		OperationID: "make-call", Method: http.MethodPost, Path: "/api/v1/calls", Summary: "Make a call", DefaultStatus: http.StatusCreated,
		Description: "MakeCall of ECMA-269. The answer comes when the PBX has taken it; what becomes of the call is told by the stream.",
		Tags:        []string{"Calls"}, Errors: []int{400, 403, 404, 409, 501, 503, 504},
	}, s.makeCall)
	connection(s, "answer", "Answer a call that rings", func(c csta.ConnectionID) csta.Request { return csta.AnswerCall{CallToBeAnswered: c} })
	connection(s, "clear", "End a device's part in a call", func(c csta.ConnectionID) csta.Request { return csta.ClearConnection{ConnectionToBeCleared: c} })
	connection(s, "hold", "Hold a call", func(c csta.ConnectionID) csta.Request { return csta.HoldCall{CallToBeHeld: c} })
	connection(s, "retrieve", "Take a held call back", func(c csta.ConnectionID) csta.Request { return csta.RetrieveCall{CallToBeRetrieved: c} })
}

// connection registers an act on one connection.
func connection(s *Server, act, summary string, request func(csta.ConnectionID) csta.Request) {
	huma.Register(s.api, huma.Operation{
		OperationID: act + "-connection", Method: http.MethodPost, Path: "/api/v1/calls/{call}/connections/{device}/" + act, Summary: summary,
		DefaultStatus: http.StatusNoContent, Tags: []string{"Calls"}, Errors: []int{403, 404, 409, 501, 503, 504},
	}, func(ctx context.Context, in *connectionInput) (*struct{}, error) {
		if _, err := s.board.Do(ctx, who(), request(csta.ConnectionID{Call: in.Call, Device: in.Device})); err != nil {
			return nil, refused(err)
		}
		return nil, nil
	})
}

func (s *Server) listCalls(context.Context, *struct{}) (*callsOutput, error) {
	state, _ := s.board.Snapshot(who(), switchboard.Filter{All: true})
	out := &callsOutput{}
	out.Body.Calls = []live.Call{}
	for _, c := range state.Calls {
		out.Body.Calls = append(out.Body.Calls, live.CallOf(c))
	}
	return out, nil
}

func (s *Server) getCall(_ context.Context, in *callInput) (*callOutput, error) {
	c, ok := s.board.Call(who(), in.Call)
	if !ok {
		return nil, refused(csta.ErrInvalidCallID.With("there is no call " + string(in.Call)))
	}
	return &callOutput{Body: live.CallOf(c)}, nil
}

func (s *Server) makeCall(ctx context.Context, in *makeCallInput) (*makeCallOutput, error) {
	res, err := s.board.Do(ctx, who(), csta.MakeCall{
		CallingDevice: in.Body.CallingDevice, CalledDirectoryNumber: in.Body.CalledDirectoryNumber,
		AutoOriginate: in.Body.AutoOriginate, SubjectOfCall: in.Body.SubjectOfCall,
	})
	if err != nil {
		return nil, refused(err)
	}
	made, ok := res.(csta.MakeCallResponse)
	if !ok {
		return nil, refused(csta.ErrUnspecified)
	}
	out := &makeCallOutput{Location: "/api/v1/calls/" + url.PathEscape(string(made.CallingDevice.Call))}
	out.Body.CallingDevice = made.CallingDevice
	return out, nil
}
