package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/switchboard"
	"farhook/web/access"
	"farhook/web/live"
)

type peerKey struct{}

func withPeer(ctx context.Context, addr string) context.Context {
	return context.WithValue(ctx, peerKey{}, addr)
}

// who asks, as the switchboard knows it.
func who(ctx context.Context) switchboard.Principal {
	peer, _ := ctx.Value(peerKey{}).(string)
	if i := access.From(ctx); i != nil {
		return i.Principal(peer)
	}
	return switchboard.Principal{Via: "http", Peer: peer}
}

// eyes is what the sender of a request may see.
func (s *Server) eyes(ctx context.Context) live.Eyes { return s.seen(who(ctx), access.From(ctx)) }

// open marks an operation that needs no sign-in.
const open access.Scope = ""

// op is an operation: what it is called, and what it takes.
type op struct {
	id, method, path, summary, tag string
	scope                          access.Scope
	status                         int // default: 200, 204 where there is no body
	errors                         []int
	about                          string
	body                           *huma.RequestBody // where the handler reads the body itself
	anyQuery                       bool              // others write the query, and add to it what they like
	reveals                        bool              // shows what was said: it is entered in the audit record
}

// register enters an operation: its scope stands in the document, and is checked before its handler sees anything.
func register[I, O any](s *Server, o op, handle func(context.Context, *I) (*O, error)) {
	h := huma.Operation{
		OperationID: o.id, Method: o.method, Path: o.path, Summary: o.summary, Description: o.about, Tags: []string{o.tag},
		DefaultStatus: o.status, Errors: o.errors,
	}
	if o.body != nil {
		h.SkipValidateBody, h.RequestBody = true, o.body
	}
	h.SkipValidateParams = o.anyQuery
	if o.scope != open {
		h.Security = []map[string][]string{{"token": {string(o.scope)}}, {"session": {string(o.scope)}}}
		h.Extensions = map[string]any{"x-scope": string(o.scope)}
		h.Errors = append(h.Errors, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests)
		h.Middlewares = huma.Middlewares{s.permit(o.scope)}
		if o.administers() {
			h.Middlewares = append(h.Middlewares, s.record(o))
		}
	}
	if o.method == http.MethodPost && o.scope != open {
		h.Parameters = append(h.Parameters, &huma.Param{
			Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString, MinLength: new(1), MaxLength: new(255)},
			Description: "Names the act for 24 hours: it is done once, however often it is asked for, and answered the same.",
		})
	}
	s.operations = append(s.operations, o)
	huma.Register(s.api, h, handle)
}

// permit lets in who has a scope.
func (s *Server) permit(scope access.Scope) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		i := access.From(ctx.Context())
		switch {
		case i == nil:
			ctx.SetHeader("WWW-Authenticate", `Bearer realm="farhook"`)
			refuse(ctx, wrong(ctx.Context(), http.StatusUnauthorized, "sign in, or send a token: Authorization: Bearer fhk_…"))
		case !i.Has(scope):
			refuse(ctx, wrong(ctx.Context(), http.StatusForbidden, "this takes the scope "+string(scope)))
		default:
			next(ctx)
		}
	}
}

// do carries a request out. What it refuses is told with what the device offers, and does now.
func (s *Server) do(ctx context.Context, r csta.Request, device csta.DeviceID, call csta.CallID) (csta.Response, error) {
	res, err := s.board.Do(ctx, who(ctx), r)
	if err == nil {
		return res, nil
	}
	return nil, s.explain(ctx, s.discreet(ctx, r, err), device, call)
}

// discreet tells of a device that the sender may not see as of one that isn't there, whether it is, and is in a call, or not.
func (s *Server) discreet(ctx context.Context, r csta.Request, err error) error {
	var e *csta.Error
	if !errors.As(err, &e) {
		return err
	}
	if status := switchboard.HTTPStatus(e); status != http.StatusForbidden && status != http.StatusNotFound || access.From(ctx).AllParties() {
		return err
	}
	for _, n := range r.Needs() {
		if n.Right == csta.Call || n.Device == "" {
			continue
		}
		if _, hidden := s.device(ctx, string(n.Device)); hidden != nil {
			return hidden
		}
	}
	return err
}

// explain turns the switchboard's refusal into a problem document, with the state of things where that helps.
func (s *Server) explain(ctx context.Context, err error, device csta.DeviceID, call csta.CallID) *Problem {
	p := refused(ctx, err)
	id, rerr := s.board.Resolve(string(device))
	info, visible := switchboard.DeviceInfo{}, false
	if rerr == nil {
		info, visible = s.board.Device(who(ctx), id)
	}
	if visible {
		p.Chain.Offers = info.Offers
	}
	if p.Status != http.StatusConflict && p.Outcome != outcomeUnknown {
		return p
	}
	if p.Outcome == outcomeUnknown {
		p.Call = call // of an act on a call its events carry that call's id
	}
	if c, ok := s.board.Call(who(ctx), call); ok && call != "" {
		p.Calls = append(p.Calls, s.calls(ctx, c)...)
		return p
	}
	if visible {
		state, _ := s.board.Snapshot(who(ctx), switchboard.Filter{Devices: []csta.DeviceID{id}})
		for _, c := range state.Calls {
			p.Calls = append(p.Calls, s.calls(ctx, c)...)
		}
	}
	return p
}

// refuse writes a problem document from a middleware.
func refuse(ctx huma.Context, p *Problem) {
	ctx.SetHeader("Content-Type", "application/problem+json")
	ctx.SetHeader("Cache-Control", "no-store")
	ctx.SetStatus(p.Status)
	_ = json.NewEncoder(ctx.BodyWriter()).Encode(p)
}

// device finds a device that the sender may see. Others are answered as if there were none.
func (s *Server) device(ctx context.Context, spelling string) (switchboard.DeviceInfo, error) {
	id, err := s.board.Resolve(spelling)
	if err != nil {
		return switchboard.DeviceInfo{}, refused(ctx, err)
	}
	d, ok := s.board.Device(who(ctx), id)
	if !ok {
		return d, refused(ctx, csta.ErrInvalidDeviceID.With(fmt.Errorf("no PBX has the device %q", spelling)))
	}
	return d, nil
}

// visible finds a call in which the sender may see a device.
func (s *Server) visible(ctx context.Context, id csta.CallID) (callmodel.Call, error) {
	c, ok := s.board.Call(who(ctx), id)
	if !ok {
		return c, refused(ctx, csta.ErrInvalidCallID.With(fmt.Errorf("there is no call %q", id)))
	}
	return c, nil
}

// calls is a call as the sender may see it: several where only the lines' own parts in it may be seen.
func (s *Server) calls(ctx context.Context, c callmodel.Call) []live.Call {
	return s.eyes(ctx).Calls(c, s.board.Reference(c.ID))
}

// call is the first of calls.
func (s *Server) call(ctx context.Context, c callmodel.Call) live.Call {
	if all := s.calls(ctx, c); len(all) > 0 {
		return all[0]
	}
	return live.Call{ID: c.ID}
}
