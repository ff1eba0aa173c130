package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"farhook/csta"
	"farhook/web/access"
)

// rawPath is the raw door: CSTA itself.
const rawPath = "/api/v1/csta"

type rawInput struct {
	ContentType string `header:"Content-Type"`
	RawBody     []byte
}

type rawOutput struct {
	Status      int
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (s *Server) rawDoor() {
	register(s, op{
		id: "csta", method: http.MethodPost, path: rawPath, summary: "Any CSTA request, as XML or JSON", tag: "Gateway", scope: access.ObserveState,
		about: "The body is a document of ECMA-323 (application/csta+xml, application/xml), or a JSON object with the request's name as its only member: " +
			`{"MakeCall": {"callingDevice": "1001", "calledDirectoryNumber": "1002"}}. The answer comes in kind: a response or CSTAErrorCode as XML, ` +
			"or a JSON object, or a problem document. What takes control needs the scope control.",
		errors: []int{400, 404, 409, 415, 501, 503, 504},
		body: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json":     {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}},
			"application/csta+xml": {Schema: &huma.Schema{Type: huma.TypeString}},
			"application/xml":      {Schema: &huma.Schema{Type: huma.TypeString}},
		}},
	}, s.raw)
}

// fromJSON reads the JSON of each request that the gateway carries out.
var fromJSON = map[string]func([]byte) (csta.Request, error){
	"AlternateCall": request[csta.AlternateCall], "AnswerCall": request[csta.AnswerCall], "ClearCall": request[csta.ClearCall],
	"ClearConnection": request[csta.ClearConnection], "ConferenceCall": request[csta.ConferenceCall], "ConsultationCall": request[csta.ConsultationCall],
	"DeflectCall": request[csta.DeflectCall], "DirectedPickupCall": request[csta.DirectedPickupCall], "GenerateDigits": request[csta.GenerateDigits],
	"GetCSTAFeatures": request[csta.GetCSTAFeatures], "GetDoNotDisturb": request[csta.GetDoNotDisturb], "GetForwarding": request[csta.GetForwarding],
	"GetLogicalDeviceInformation": request[csta.GetLogicalDeviceInformation], "GetMessageWaitingIndicator": request[csta.GetMessageWaitingIndicator],
	"GetMicrophoneMute": request[csta.GetMicrophoneMute], "GroupPickupCall": request[csta.GroupPickupCall], "HoldCall": request[csta.HoldCall],
	"MakeCall": request[csta.MakeCall], "ParkCall": request[csta.ParkCall], "ReconnectCall": request[csta.ReconnectCall],
	"RetrieveCall": request[csta.RetrieveCall], "SetDoNotDisturb": request[csta.SetDoNotDisturb], "SetForwarding": request[csta.SetForwarding],
	"SetMessageWaitingIndicator": request[csta.SetMessageWaitingIndicator], "SetMicrophoneMute": request[csta.SetMicrophoneMute],
	"SingleStepConferenceCall": request[csta.SingleStepConferenceCall], "SingleStepTransferCall": request[csta.SingleStepTransferCall],
	"SnapshotCall": request[csta.SnapshotCall], "SnapshotDevice": request[csta.SnapshotDevice], "TransferCall": request[csta.TransferCall],
}

// request reads one request, strictly. It goes through the wire's form and back, so that members are checked by the same tables.
func request[Q csta.Request](b []byte) (csta.Request, error) {
	var q Q
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			err = fmt.Errorf("%s can't be a JSON %s", cmp.Or(kind.Field, q.Element()), kind.Value)
		}
		return nil, csta.ErrInvalidParameterValue.With(errors.New(strings.TrimPrefix(err.Error(), "json: ")))
	}
	m, _, err := csta.Decode(csta.Encode(nil, q, csta.Ed3))
	if err != nil {
		return nil, err
	}
	r, ok := m.(csta.Request)
	if !ok {
		return nil, csta.ErrServiceNotSupported
	}
	return r, nil
}

func (s *Server) raw(ctx context.Context, in *rawInput) (*rawOutput, error) {
	kind, _, err := mime.ParseMediaType(in.ContentType)
	switch {
	case err == nil && kind == "application/json":
		return s.rawJSON(ctx, in.RawBody)
	case err == nil && (kind == "application/csta+xml" || kind == "application/xml" || kind == "text/xml"):
		return s.rawXML(ctx, in.RawBody)
	}
	return nil, wrong(ctx, http.StatusUnsupportedMediaType, fmt.Sprintf("%q: the body is application/json, application/csta+xml or application/xml", in.ContentType))
}

func (s *Server) rawJSON(ctx context.Context, body []byte) (*rawOutput, error) {
	if err := membersOnce(body); err != nil {
		return nil, wrong(ctx, http.StatusBadRequest, err.Error())
	}
	var one map[string]json.RawMessage
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&one); err != nil {
		return nil, wrong(ctx, http.StatusBadRequest, "the body is no JSON object: "+err.Error())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, wrong(ctx, http.StatusBadRequest, "something follows the JSON object")
	}
	if len(one) != 1 {
		return nil, wrong(ctx, http.StatusBadRequest, fmt.Sprintf("the object has %d members; one is wanted, whose name is the request's: %s", len(one), strings.Join(slices.Sorted(maps.Keys(fromJSON)), ", ")))
	}
	for name, b := range one {
		read := fromJSON[name]
		if read == nil {
			return nil, refused(ctx, csta.ErrServiceNotSupported.With(fmt.Errorf("farhook does not do %.80s", name)))
		}
		r, err := read(b)
		if err != nil {
			return nil, refused(ctx, err)
		}
		res, err := s.rawDo(ctx, r)
		if err != nil {
			return nil, err
		}
		out, err := json.Marshal(map[string]csta.Response{res.Element(): res})
		if err != nil {
			return nil, s.fault(ctx, err)
		}
		return &rawOutput{http.StatusOK, "application/json", out}, nil
	}
	return nil, nil
}

func (s *Server) rawXML(ctx context.Context, body []byte) (*rawOutput, error) {
	m, ed, err := csta.Decode(body)
	var broken *csta.SyntaxError
	if errors.As(err, &broken) {
		return nil, wrong(ctx, http.StatusBadRequest, err.Error())
	}
	var res csta.Message
	status := http.StatusOK
	if r, ok := m.(csta.Request); err == nil && ok {
		res, err = s.rawDo(ctx, r)
	} else if err == nil {
		err = csta.ErrServiceNotSupported.With(fmt.Errorf("%.80s is no request that farhook does", m.Element()))
	}
	if err != nil {
		p := refused(ctx, err)
		e := &csta.Error{Category: csta.ErrUnspecified.Category}
		if p.Chain != nil && p.Chain.CSTA != "" {
			e.Category, e.Value, _ = strings.Cut(p.Chain.CSTA, "/")
		}
		res, status = e, p.Status
	}
	return &rawOutput{status, "application/csta+xml", csta.Encode(nil, res, ed)}, nil
}

// rawDo carries a request out under the rules of the operations: what a device's parties are is for who may see them, and what may not be seen isn't there.
func (s *Server) rawDo(ctx context.Context, r csta.Request) (csta.Response, error) {
	i := access.From(ctx)
	var device csta.DeviceID
	var call csta.CallID
	for _, n := range r.Needs() {
		if n.Right == csta.Call || n.Device == "" {
			continue
		}
		if device == "" {
			device = n.Device
		}
		if n.Right == csta.Control && !i.Has(access.Control) {
			return nil, wrong(ctx, http.StatusForbidden, "this takes the scope "+string(access.Control))
		}
	}
	switch r := r.(type) {
	case csta.MakeCall:
		if d, err := s.device(ctx, string(r.CallingDevice)); err == nil && r.AutoOriginate == csta.AutoOriginateDoNotPrompt {
			if p := handsFree(ctx, "autoOriginate", d.ID); p != nil {
				return nil, p
			}
		}
	case csta.SnapshotCall:
		c, err := s.visible(ctx, r.SnapshotObject.Call)
		if err != nil {
			return nil, err
		}
		call = c.ID
		if !s.eyes(ctx).Sees(c) {
			return nil, refused(ctx, csta.ErrPrivilege.With(errors.New("snapshotObject: to see the parties of a call takes the scope "+string(access.ObserveParties))))
		}
	case csta.SnapshotDevice:
		d, err := s.device(ctx, string(r.SnapshotObject))
		if err != nil {
			return nil, err
		}
		if !i.Parties(d.ID) {
			return nil, refused(ctx, csta.ErrPrivilege.With(errors.New("snapshotObject: to see the parties of a call takes the scope "+string(access.ObserveParties))))
		}
	}
	return s.do(ctx, r, device, call)
}
