package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/switchboard"
	"farhook/web/access"
	"farhook/web/live"
)

type callsInput struct {
	Device    string     `query:"device" maxLength:"256" doc:"Only calls in which this device takes part; any spelling"`
	State     csta.State `query:"state" enum:"initiated,alerting,connected,hold,queued,fail" doc:"Only calls with a connection in this state; with device, that device's"`
	Reference string     `query:"reference" maxLength:"200" doc:"Only calls with this reference"`
	After     string     `query:"after" maxLength:"256" doc:"Goes on after this callID: the next of the page before"`
	Limit     int        `query:"limit" minimum:"1" maximum:"1000" default:"200" doc:"Calls in one page"`
}

type callsOutput struct {
	Body struct {
		Calls []live.Call `json:"calls" nullable:"false"`
		Next  csta.CallID `json:"next,omitempty" doc:"Give it as after for the next page; absent: this was the last"`
	}
}

type callInput struct {
	Call csta.CallID `path:"call" maxLength:"128"`
}

type callOutput struct{ Body live.Call }

func (s *Server) callOperations() {
	register(s, op{
		id: "list-calls", method: http.MethodGet, path: "/api/v1/calls", summary: "List calls", tag: "Calls", scope: access.ObserveState, errors: []int{404},
	}, s.listCalls)
	register(s, op{
		id: "get-call", method: http.MethodGet, path: "/api/v1/calls/{call}", summary: "One call", tag: "Calls", scope: access.ObserveState, errors: []int{404},
		about: "A name that the call had before a transfer or conference finds it for 30 s.",
	}, s.getCall)
}

func (s *Server) listCalls(ctx context.Context, in *callsInput) (*callsOutput, error) {
	out := &callsOutput{}
	out.Body.Calls = []live.Call{}
	f := switchboard.Filter{All: true}
	var only csta.DeviceID
	if in.Device != "" {
		d, err := s.device(ctx, in.Device)
		if err != nil {
			return nil, err
		}
		only, f = d.ID, switchboard.Filter{Devices: []csta.DeviceID{d.ID}}
	}
	state, _ := s.board.Snapshot(who(ctx), f)
	from, found := slices.BinarySearchFunc(state.Calls, in.After, func(c callmodel.Call, after string) int { return strings.Compare(string(c.ID), after) })
	if strings.HasPrefix(in.After, live.PartPrefix) { // the sender knows the call by another name
		named := func(c live.Call) bool { return string(c.ID) == in.After }
		from = slices.IndexFunc(state.Calls, func(c callmodel.Call) bool { return slices.ContainsFunc(s.calls(ctx, c), named) })
		if found = from >= 0; !found {
			return nil, refused(ctx, csta.ErrInvalidCallID.With(fmt.Errorf("after: the call %q has ended; begin anew", in.After)))
		}
	}
	if found {
		from++
	}
	count, last := 0, csta.CallID("")
	for _, c := range state.Calls[from:] {
		if in.State != "" && !slices.ContainsFunc(c.Legs, func(l callmodel.Leg) bool {
			return l.State == in.State && (only == "" || l.Device == only) && access.From(ctx).MayObserve(l.Device)
		}) {
			continue
		}
		if in.Reference != "" && (s.board.Reference(c.ID) != in.Reference || !s.eyes(ctx).Sees(c)) { // a reference is for who may see the parties
			continue
		}
		if count == in.Limit {
			out.Body.Next = last
			break
		}
		seen := s.calls(ctx, c)
		if len(seen) == 0 {
			continue
		}
		out.Body.Calls = append(out.Body.Calls, seen...)
		count++
		last = seen[len(seen)-1].ID // its name to the sender
	}
	return out, nil
}

func (s *Server) getCall(ctx context.Context, in *callInput) (*callOutput, error) {
	c, err := s.visible(ctx, s.streams.Meant(live.Viewer{Principal: who(ctx), Eyes: s.eyes(ctx)}, in.Call))
	if err != nil {
		return nil, err
	}
	for _, part := range s.calls(ctx, c) {
		if part.ID == in.Call {
			return &callOutput{Body: part}, nil
		}
	}
	return &callOutput{Body: s.call(ctx, c)}, nil
}
