package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard"
	"farhook/web/access"
	"farhook/web/live"
)

// Problem is a negative answer (RFC 9457), with what an integrator needs to go on.
type Problem struct {
	Type    string              `json:"type,omitempty" format:"uri" doc:"urn:csta:error:<category>:<value>, where the standard has a word for it" example:"urn:csta:error:operation:invalidDeviceID"`
	Title   string              `json:"title" doc:"The HTTP status in words"`
	Status  int                 `json:"status"`
	Detail  string              `json:"detail,omitempty" doc:"What was wrong, for people"`
	Outcome string              `json:"outcome" enum:"refused,unknown" doc:"refused: nothing has happened. unknown: there was no confirmation in time; call is what its events would carry"`
	Errors  []*huma.ErrorDetail `json:"errors,omitempty" doc:"Members of the request that are wrong"`
	Call    csta.CallID         `json:"call,omitempty" doc:"The call that events of an unknown outcome carry, where it is known"`
	Calls   []live.Call         `json:"calls,omitempty" doc:"What the device is doing now, where the request came at the wrong moment or its outcome is unknown"`
	Chain   *Chain              `json:"chain,omitempty"`
}

// Chain is how a negative answer came about, from the standard's word to the PBX's own.
type Chain struct {
	CSTA   string         `json:"csta,omitempty" doc:"Category and value of CSTAErrorCode" example:"operation/invalidDeviceID"`
	PBX    string         `json:"pbx,omitempty" doc:"What the PBX said in its own words; to those who may control"`
	SIP    int            `json:"sip,omitempty" doc:"The SIP status behind it (RFC 3261), where the PBX tells one" example:"480"`
	Q850   int            `json:"q850,omitempty" doc:"The cause value of ITU-T Q.850 behind it, where the PBX tells one" example:"20"`
	Offers []csta.Service `json:"offers,omitempty" doc:"Services that the device offers now"`
	Trace  string         `json:"trace,omitempty" doc:"Names this request in the log, and in farhook trace"`
}

// The outcomes.
const (
	outcomeRefused = "refused"
	outcomeUnknown = "unknown"
)

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

// ContentType is that of a problem document.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// refused turns an error of the switchboard into a problem document.
func refused(ctx context.Context, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var e *csta.Error
	if !errors.As(err, &e) {
		e = csta.ErrUnspecified
	}
	status := switchboard.HTTPStatus(e)
	p = &Problem{
		Type: switchboard.Type(e), Title: http.StatusText(status), Status: status, Detail: cmp.Or(e.Value, e.Category), Outcome: outcomeRefused,
		Chain: &Chain{CSTA: e.Category, Trace: pbxadapter.Trace(ctx).String()},
	}
	if e.Value != "" {
		p.Chain.CSTA += "/" + e.Value
	}
	p.Chain.SIP, p.Chain.Q850 = e.SIP, e.Q850
	if e.Err != nil {
		p.Detail = e.Err.Error()
	}
	if e.Category == csta.ErrUnspecified.Category {
		p.Detail = "a fault of the gateway's; its log has it"
	}
	if status == http.StatusGatewayTimeout || status == http.StatusInternalServerError {
		p.Outcome = outcomeUnknown
	}
	if who := access.From(ctx); e.PBX != "" && who != nil && who.Has(access.Control) {
		p.Chain.PBX = e.PBX
		p.Detail += " (the PBX says: " + e.PBX + ")"
	}
	return p
}

// wrong is a problem with the request itself.
func wrong(ctx context.Context, status int, detail string) *Problem {
	return &Problem{
		Title: http.StatusText(status), Status: status, Detail: detail, Outcome: outcomeRefused, Chain: &Chain{Trace: pbxadapter.Trace(ctx).String()},
	}
}

// later is a problem that is over after some time.
func later(p *Problem, wait time.Duration) error {
	return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {strconv.Itoa(int(wait.Seconds()))}})
}

// asProblem makes what huma itself says a problem document like all others.
func asProblem(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := wrong(ctx.Context(), m.Status, m.Detail)
	p.Errors = brief(m.Errors)
	if m.Status >= 500 {
		p.Outcome = outcomeUnknown
	}
	return p, nil
}

// problem writes a problem document outside the operations.
func problem(w http.ResponseWriter, status int, detail string) {
	writeProblem(w, &Problem{Title: http.StatusText(status), Status: status, Detail: detail, Outcome: outcomeRefused, Chain: traceOf(w)})
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

func traceOf(w http.ResponseWriter) *Chain {
	if t := w.Header().Get("X-Trace-Id"); t != "" {
		return &Chain{Trace: t}
	}
	return nil
}
