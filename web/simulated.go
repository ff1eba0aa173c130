package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"farhook/csta"
	"farhook/web/access"
)

// Sim is what people and fate do to a simulated PBX. Its errors say what a person would find: nothing rings here.
type Sim interface {
	// Arrive brings a call in from outside.
	Arrive(from csta.DeviceID, name string, withheld bool, to csta.DeviceID) error
	// Hand does something at a phone, or at one outside: answer, hangUp, hold, retrieve, busy, free, in, out; dial and digits take a value.
	Hand(at csta.DeviceID, act, value string) error
	// Link connects the PBX, or cuts it off.
	Link(up bool)
	// Next lets the next request of a service wait, and fail where err isn't nil.
	Next(service csta.Service, delay time.Duration, err error)
	// Lose lets the next facts about a device get lost on the way to the gateway, so that its lamp lies; about any device where it is empty.
	Lose(d csta.DeviceID, facts int) error
	// Advance puts its clock forward.
	Advance(d time.Duration) error
}

type simCallInput struct {
	SimPick
	Body struct {
		From     csta.DeviceID `json:"from" minLength:"1" maxLength:"64" doc:"The caller's number. The last digit of outside numbers that are called says how they behave: 0 answers, 1 is busy, 3 doesn't exist, others ring" example:"tel:+498912345"`
		Name     string        `json:"name,omitempty" maxLength:"100"`
		Withheld bool          `json:"withheld,omitempty" doc:"The number is not shown"`
		To       csta.DeviceID `json:"to" minLength:"1" maxLength:"64" doc:"Any spelling of a device" example:"1001"`
	}
}

type simHandInput struct {
	SimPick
	Device string `path:"device" maxLength:"64" doc:"Any spelling of a phone, or an outside number"`
	Body   struct {
		Act   string `json:"act" enum:"answer,hangUp,hold,retrieve,busy,free,in,out,dial,digits" doc:"busy and free: whether calls find it busy; in and out: whether it is registered"`
		Value string `json:"value,omitempty" maxLength:"64" doc:"The number to dial, the digits to press"`
	}
}

type simLinkInput struct {
	SimPick
	Body struct {
		Up bool `json:"up"`
	}
}

type simTroubleInput struct {
	SimPick
	Body struct {
		Service  csta.Service `json:"service,omitempty" maxLength:"64" doc:"Absent: whichever comes next" example:"MakeCall"`
		Delay    int          `json:"delayMilliseconds,omitempty" minimum:"0" maximum:"60000"`
		Category string       `json:"category,omitempty" maxLength:"64" doc:"Of the CSTA error with which it fails; absent: it is only late" example:"stateIncompatibility"`
		Value    string       `json:"value,omitempty" maxLength:"64" example:"noCallToAnswer"`
		PBX      string       `json:"pbx,omitempty" maxLength:"200" doc:"What the PBX says to it in its own words"`
		SIP      int          `json:"sip,omitempty" minimum:"300" maximum:"699" doc:"The SIP status that the PBX tells for it" example:"486"`
		Q850     int          `json:"q850,omitempty" minimum:"1" maximum:"127" doc:"The Q.850 cause that the PBX tells for it" example:"17"`
	}
}

type simLossInput struct {
	SimPick
	Body struct {
		Device string `json:"device,omitempty" maxLength:"64" doc:"Any spelling of a device; absent: whichever comes next" example:"1001"`
		Facts  int    `json:"facts" minimum:"0" maximum:"1000" doc:"So many facts about its connections get lost: they are told when the line is checked, or a minute later"`
	}
}

type simClockInput struct {
	SimPick
	Body struct {
		Seconds float64 `json:"seconds" minimum:"0" maximum:"86400" doc:"How far the PBX's clock is put forward"`
	}
}

// SimPBX is a simulated PBX under its name.
type SimPBX struct {
	Name string
	Sim
}

// SimPick says which simulated PBX is meant.
type SimPick struct {
	PBX string `query:"pbx" maxLength:"32" doc:"Name of the simulated PBX; absent: the first one, or that of the device"`
}

// sim is the PBX that is meant: by name, as that of a device, or the first.
func (s *Server) sim(ctx context.Context, pick SimPick, devices ...csta.DeviceID) (Sim, error) {
	name := pick.PBX
	for _, d := range devices {
		if i, ok := s.board.Device(access.Gateway, d); ok && name == "" {
			name = i.PBX
		}
	}
	for _, p := range s.conf.Sims {
		if name == "" || p.Name == name {
			return p.Sim, nil
		}
	}
	return nil, wrong(ctx, http.StatusNotFound, fmt.Sprintf("%q is no simulated PBX", name))
}

// simOperations are there where a PBX is a simulated one, and nowhere else. Fate asks for no rights on lines: so it takes an administrator to play it.
func (s *Server) simOperations() {
	if len(s.conf.Sims) == 0 {
		return
	}
	sim := func(id, path, summary string) op {
		return op{id: "sim-" + id, method: http.MethodPost, path: "/api/v1/sim/" + path, summary: summary, tag: "Simulated PBX", scope: access.Administer, status: http.StatusNoContent, errors: []int{400, 409}}
	}
	register(s, sim("call", "calls", "Somebody outside calls"), func(ctx context.Context, in *simCallInput) (*struct{}, error) {
		b := in.Body
		to := s.anywhere(b.To)
		pbx, err := s.sim(ctx, in.SimPick, to)
		if err != nil {
			return nil, err
		}
		return nil, found(ctx, pbx.Arrive(s.anywhere(b.From), b.Name, b.Withheld, to))
	})
	register(s, sim("hand", "devices/{device}/hand", "Somebody does something at a phone"), func(ctx context.Context, in *simHandInput) (*struct{}, error) {
		value := in.Body.Value
		if in.Body.Act == "dial" {
			value = string(s.anywhere(csta.DeviceID(value)))
		}
		at := s.anywhere(csta.DeviceID(in.Device))
		pbx, err := s.sim(ctx, in.SimPick, at)
		if err != nil {
			return nil, err
		}
		return nil, found(ctx, pbx.Hand(at, in.Body.Act, value))
	})
	register(s, sim("link", "link", "Cut the PBX link, or restore it"), func(ctx context.Context, in *simLinkInput) (*struct{}, error) {
		pbx, err := s.sim(ctx, in.SimPick)
		if err == nil {
			pbx.Link(in.Body.Up)
		}
		return nil, err
	})
	register(s, sim("trouble", "trouble", "Delay or fail the next request of a service"), func(ctx context.Context, in *simTroubleInput) (*struct{}, error) {
		b := in.Body
		if _, known := fromJSON[string(b.Service)]; b.Service != "" && !known {
			return nil, refused(ctx, csta.ErrInvalidParameterValue.With(fmt.Errorf("service: %q is none that the gateway carries out", b.Service)))
		}
		var err error
		if b.Category != "" {
			m, _, derr := csta.Decode(csta.Encode(nil, &csta.Error{Category: b.Category, Value: b.Value}, csta.Ed3))
			if e, is := m.(*csta.Error); derr != nil || !is || e.Category != b.Category || e.Value != b.Value {
				return nil, refused(ctx, csta.ErrInvalidParameterValue.With(fmt.Errorf("category and value: %s/%s is no error of the standard", b.Category, b.Value)))
			}
			err = &csta.Error{Category: b.Category, Value: b.Value, PBX: b.PBX, SIP: b.SIP, Q850: b.Q850}
		}
		pbx, perr := s.sim(ctx, in.SimPick)
		if perr == nil {
			pbx.Next(b.Service, time.Duration(b.Delay)*time.Millisecond, err)
		}
		return nil, perr
	})
	register(s, sim("loss", "loss", "Let the PBX's next facts get lost on the way"), func(ctx context.Context, in *simLossInput) (*struct{}, error) {
		at := s.anywhere(csta.DeviceID(in.Body.Device))
		pbx, err := s.sim(ctx, in.SimPick, at)
		if err != nil {
			return nil, err
		}
		return nil, found(ctx, pbx.Lose(at, in.Body.Facts))
	})
	register(s, sim("clock", "clock", "Put the PBX's clock forward"), func(ctx context.Context, in *simClockInput) (*struct{}, error) {
		pbx, err := s.sim(ctx, in.SimPick)
		if err != nil {
			return nil, err
		}
		return nil, found(ctx, pbx.Advance(time.Duration(in.Body.Seconds*float64(time.Second))))
	})
}

// anywhere is a device of ours by any spelling, or a number as it is.
func (s *Server) anywhere(d csta.DeviceID) csta.DeviceID {
	if id, err := s.board.Resolve(string(d)); err == nil {
		return id
	}
	return d
}

// found says what a person found.
func found(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return wrong(ctx, http.StatusConflict, err.Error())
}
