package web

import (
	"context"
	"net/http"
	"time"

	"farhook/web/access"
)

// Certificate is one of ours, or of an authority that is trusted.
type Certificate struct {
	Part      string    `json:"part" doc:"Of the configuration" example:"sip.tls"`
	Role      string    `json:"role" enum:"own,authority"`
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Serial    string    `json:"serial" doc:"Hexadecimal"`
	Names     []string  `json:"names,omitempty" doc:"Host names and addresses that it is for"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
	Days      int       `json:"days" doc:"Whole days until it ends; negative: it has ended"`
	Health    string    `json:"health" enum:"ok,soon,ended,early" doc:"soon: it ends within 30 days; early: it isn't good yet"`
	File      string    `json:"file,omitempty"`
}

// Setting is one value of the configuration in force.
type Setting struct {
	Path   string `json:"path" example:"sip.session_expires"`
	Value  string `json:"value" doc:"Secrets are shown as ***"`
	Counts string `json:"counts" enum:"reload,restart" doc:"When a change of it does"`
}

// Configuration is what the gateway works by.
type Configuration struct {
	File   string    `json:"file,omitempty" doc:"Where it was read; absent: nowhere, it is the demonstration's"`
	Hash   string    `json:"hash" doc:"Two gateways with the same have the same configuration, secrets aside"`
	Values []Setting `json:"values" nullable:"false" doc:"By path"`
}

// Counter is one value of what the gateway counts.
type Counter struct {
	Name   string            `json:"name" doc:"As docs/metrics.md has it" example:"farhook_sessions"`
	Help   string            `json:"help"`
	Type   string            `json:"type" enum:"counter,gauge"`
	Labels map[string]string `json:"labels,omitempty"`
	Value  float64           `json:"value"`
}

// NumberStep is what one rule did.
type NumberStep struct {
	Rule   string `json:"rule" example:"abroad"`
	Did    string `json:"did" doc:"In a few words"`
	Result string `json:"result,omitempty" doc:"What became of the number; absent: the rule did nothing"`
}

// NumberTry is one number's way through the rules of one PBX.
type NumberTry struct {
	PBX       string       `json:"pbx"`
	Direction string       `json:"direction" enum:"toPBX,fromPBX" doc:"toPBX: as the PBX is told it; fromPBX: as what the PBX shows is told"`
	In        string       `json:"in"`
	Steps     []NumberStep `json:"steps" nullable:"false" doc:"Rule by rule; none: it goes as it is"`
	Out       string       `json:"out,omitempty"`
	Refused   string       `json:"refused,omitempty" doc:"Why nothing came out"`
	Back      string       `json:"back,omitempty" doc:"What the way back makes of out"`
	Home      *bool        `json:"home,omitempty" doc:"Whether that is what went in, or another spelling of what is the same to the PBX"`
}

// NumberQuestion is a number to be tried.
type NumberQuestion struct {
	Number    string `query:"number" required:"true" minLength:"1" maxLength:"128" doc:"As a UC client, a program or a PBX writes it" example:"+49 89 1234"`
	PBX       string `query:"pbx" maxLength:"32" doc:"By the rules of this PBX only"`
	Direction string `query:"direction" enum:"toPBX,fromPBX" doc:"This way only"`
	Side      string `query:"side" enum:"calling,called" default:"called" doc:"Whose number it is"`
}

type certificatesOutput struct {
	Body struct {
		Certificates []Certificate `json:"certificates" nullable:"false"`
	}
}

type configurationOutput struct{ Body Configuration }

type countersOutput struct {
	Body struct {
		At       time.Time `json:"at"`
		Counters []Counter `json:"counters" nullable:"false"`
	}
}

type triedOutput struct {
	Body struct {
		Tries []NumberTry `json:"tries" nullable:"false"`
	}
}

// Administration is what the gateway tells its administrators of itself; what is nil it doesn't.
type Administration struct {
	Certificates  func() []Certificate
	Configuration func() Configuration
	Counters      func() ([]Counter, error)
	// Try takes a number through the rules of the PBXs that are meant.
	Try func(NumberQuestion) []NumberTry
}

func (s *Server) adminOperations() {
	admin := func(id, path, summary string, errs ...int) op {
		return op{id: id, method: http.MethodGet, path: "/api/v1/" + path, summary: summary, tag: "Gateway", scope: access.Administer, errors: append(errs, http.StatusNotImplemented)}
	}
	a := s.conf.Administration
	none := func(ctx context.Context) error {
		return wrong(ctx, http.StatusNotImplemented, "this gateway doesn't tell it")
	}
	register(s, admin("list-certificates", "certificates", "Certificates, and when they end"), func(ctx context.Context, _ *struct{}) (*certificatesOutput, error) {
		if a.Certificates == nil {
			return nil, none(ctx)
		}
		out := &certificatesOutput{}
		out.Body.Certificates = append([]Certificate{}, a.Certificates()...)
		return out, nil
	})
	register(s, admin("get-configuration", "configuration", "The configuration in force, secrets hidden"), func(ctx context.Context, _ *struct{}) (*configurationOutput, error) {
		if a.Configuration == nil {
			return nil, none(ctx)
		}
		return &configurationOutput{a.Configuration()}, nil
	})
	register(s, admin("list-counters", "counters", "What the gateway counts, the most important of it"), func(ctx context.Context, _ *struct{}) (*countersOutput, error) {
		if a.Counters == nil {
			return nil, none(ctx)
		}
		list, err := a.Counters()
		if err != nil {
			return nil, s.fault(ctx, err)
		}
		out := &countersOutput{}
		out.Body.At, out.Body.Counters = time.Now().UTC(), append([]Counter{}, list...)
		return out, nil
	})
	register(s, admin("try-number", "numbers/try", "Take a number through the rules of the PBXs, rule by rule", http.StatusNotFound), func(ctx context.Context, in *struct{ NumberQuestion }) (*triedOutput, error) {
		if a.Try == nil {
			return nil, none(ctx)
		}
		out := &triedOutput{}
		if out.Body.Tries = a.Try(in.NumberQuestion); len(out.Body.Tries) == 0 {
			return nil, wrong(ctx, http.StatusNotFound, "there is no PBX "+in.PBX)
		}
		return out, nil
	})
}
