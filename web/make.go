package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard"
	"farhook/web/access"
	"farhook/web/live"
)

// Dry is what every act can be asked for: to say what would be done.
type Dry struct {
	DryRun bool `query:"dryRun" doc:"Says rule by rule what would be done, and does nothing: 200 with a plan"`
}

// longestWait is the longest that an answer may wait: Wait.Timeout's maximum.
const longestWait = 300 * time.Second

// Wait lets an answer wait for a state.
type Wait struct {
	For     string `query:"wait" enum:"connected,cleared" doc:"Answer when the called party has answered, or when the call has ended"`
	Timeout int    `query:"timeout" minimum:"1" maximum:"300" default:"60" doc:"Seconds to wait at most: then the answer is 202 with the call as it is"`
}

type makeCallInput struct {
	Dry
	Wait
	Body struct {
		CallingDevice         csta.DeviceID `json:"callingDevice" minLength:"1" maxLength:"256" doc:"Any spelling of the phone that calls" example:"1001"`
		CalledDirectoryNumber csta.DeviceID `json:"calledDirectoryNumber" minLength:"1" maxLength:"256" doc:"The number to call" example:"1002"`
		Prompt                string        `json:"prompt,omitempty" enum:"ring-first,hands-free" doc:"ring-first (default): the phone rings its user before it calls. hands-free: it calls at once with an open microphone; only from the caller's own lines"`
		Reference             string        `json:"reference,omitempty" maxLength:"200" doc:"Your own name for the call: it is on the call, its events, webhooks and history, through transfer and conference"`
		SubjectOfCall         string        `json:"subjectOfCall,omitempty" maxLength:"200"`
		Through               bool          `json:"throughDoNotDisturb,omitempty" doc:"Rings the called line though it doesn't want to be disturbed: takes the scope override on that line, and a line that says throughDoNotDisturb. It is audited"`
	}
}

type madeOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     Made
}

// Made is a call that a service has made; or, after a dry run, the plan.
type Made struct {
	CallingDevice *csta.ConnectionID `json:"callingDevice,omitempty" doc:"The calling phone's connection"`
	Call          *live.Call         `json:"call,omitempty" doc:"The call as it is now, where it was waited for"`
	Reached       *bool              `json:"reached,omitempty" doc:"Whether the state waited for was reached"`
	Plan          *Plan              `json:"plan,omitempty" doc:"Of a dry run"`
}

// Plan is what would be done.
type Plan struct {
	Offered bool     `json:"offered" doc:"Whether it would be done"`
	PBX     string   `json:"pbx,omitempty"`
	Dialled string   `json:"dialled,omitempty" doc:"The number that would be called, in full" example:"tel:+15551002"`
	Native  string   `json:"native,omitempty" doc:"What the PBX itself would be told to dial, after its numbering rules: steps has each of them" example:"1002"`
	Steps   []Step   `json:"steps" nullable:"false" doc:"Rules that it met, in order"`
	Problem *Problem `json:"problem,omitempty" doc:"What the rule that refuses it would say"`
}

// Step is one rule.
type Step struct {
	Rule string `json:"rule" example:"number"`
	Says string `json:"says"`
}

func (s *Server) makeOperations() {
	register(s, op{
		id: "make-call", method: http.MethodPost, path: "/api/v1/calls", summary: "Make a call", tag: "Calls", scope: access.Control, status: http.StatusCreated,
		about:  "MakeCall of ECMA-269. The answer comes when the PBX has taken it, or with wait when the call has got there; what becomes of the call is told by the stream.",
		errors: []int{400, 403, 404, 409, 501, 503, 504},
	}, s.makeCall)
}

func (s *Server) makeCall(ctx context.Context, in *makeCallInput) (*madeOutput, error) {
	b := in.Body
	r := csta.MakeCall{
		CallingDevice: b.CallingDevice, CalledDirectoryNumber: b.CalledDirectoryNumber, SubjectOfCall: b.SubjectOfCall, AutoOriginate: csta.AutoOriginatePrompt,
	}
	calling, err := s.device(ctx, string(b.CallingDevice))
	if err != nil {
		return nil, refused(ctx, csta.ErrInvalidCallingDeviceID.With("callingDevice: "+err.Error()))
	}
	if b.Prompt == "hands-free" {
		if p := handsFree(ctx, "prompt", calling.ID); p != nil {
			return nil, p
		}
		r.AutoOriginate = csta.AutoOriginateDoNotPrompt
	}
	if b.Through {
		if r.CalledDirectoryNumber, err = s.through(ctx, calling.ID, b.CalledDirectoryNumber); err != nil {
			return nil, err
		}
	}
	if in.DryRun {
		return &madeOutput{Status: http.StatusOK, Body: Made{Plan: s.plan(ctx, r, calling.ID)}}, nil
	}
	f := s.watch(ctx, calling.ID)
	defer f.Close()
	op := s.board.Begin()
	ctx = pbxadapter.WithOp(switchboard.WithReference(ctx, b.Reference), op)
	res, err := s.do(ctx, r, calling.ID, "")
	if err != nil {
		p := refused(ctx, err)
		if p.Outcome == outcomeUnknown {
			p.Call = f.caused(op)
		}
		return nil, p
	}
	made, ok := res.(csta.MakeCallResponse)
	if !ok {
		return nil, refused(ctx, csta.ErrUnspecified)
	}
	out := &madeOutput{Status: http.StatusCreated, Location: location(made.CallingDevice.Call)}
	out.Body.CallingDevice = &made.CallingDevice
	s.await(ctx, f, in.Wait, made.CallingDevice, out)
	return out, nil
}

// handsFree refuses to open a microphone elsewhere than at the sender's own lines; nil: it is one of them.
func handsFree(ctx context.Context, member string, calling csta.DeviceID) *Problem {
	if access.From(ctx).Own(calling) {
		return nil
	}
	return refused(ctx, csta.ErrPrivilege.With(fmt.Errorf("%s: hands-free opens a microphone, and %s is none of the token's own lines", member, calling)))
}

func location(c csta.CallID) string { return "/api/v1/calls/" + url.PathEscape(string(c)) }

// await holds the answer until the call has reached the state.
func (s *Server) await(ctx context.Context, f *watcher, w Wait, c csta.ConnectionID, out *madeOutput) {
	if w.For == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(w.Timeout)*time.Second)
	defer cancel()
	call, reached, inTime := f.until(ctx, c, w.For)
	out.Body.Call, out.Body.Reached = &call, &reached
	if !inTime {
		out.Status = http.StatusAccepted
	}
}

// plan is what would be done with a request.
func (s *Server) plan(ctx context.Context, r csta.Request, device csta.DeviceID) *Plan {
	p, err := s.board.DryRun(who(ctx), r)
	out := &Plan{Offered: err == nil, PBX: p.PBX, Steps: []Step{}}
	for _, st := range p.Steps {
		out.Steps = append(out.Steps, Step(st))
	}
	out.Dialled = string(dials(p.Request))
	if out.Dialled != "" && s.conf.Dials != nil {
		native, rules, derr := s.conf.Dials(p.PBX, csta.DeviceID(out.Dialled))
		for _, st := range rules {
			out.Steps = append(out.Steps, Step(st))
		}
		if out.Native = native; derr != nil {
			out.Offered, err = false, csta.ErrInvalidDestination.With(fmt.Errorf("the numbering rules of PBX %s refuse %s: %w", p.PBX, out.Dialled, derr))
		}
	}
	if err != nil {
		told := s.discreet(ctx, r, err)
		if told != err { //nolint:errorlint // whether it is the very same
			out = &Plan{Steps: []Step{}}
		}
		out.Problem = s.explain(ctx, told, device, "")
	}
	return out
}

// dials is the number that a request calls or sends calls to; empty: none.
func dials(r csta.Request) csta.DeviceID {
	switch r := r.(type) {
	case csta.MakeCall:
		return r.CalledDirectoryNumber
	case csta.ConsultationCall:
		return r.ConsultedDevice
	case csta.DeflectCall:
		return r.NewDestination
	case csta.SingleStepTransferCall:
		return r.TransferredTo
	case csta.SingleStepConferenceCall:
		return r.DeviceToJoin
	case csta.SetForwarding:
		return r.ForwardDN
	}
	return ""
}
