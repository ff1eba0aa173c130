package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

type healthOutput struct {
	Body struct {
		Status  string `json:"status" enum:"ok" doc:"The gateway serves; what its PBX links do, the devices tell"`
		Version string `json:"version"`
	}
}

func (s *Server) healthOperations() {
	huma.Register(s.api, huma.Operation{
		OperationID: "health", Method: http.MethodGet, Path: "/api/v1/health", Summary: "Whether the gateway serves", Tags: []string{"Gateway"},
	}, func(context.Context, *struct{}) (*healthOutput, error) {
		out := &healthOutput{}
		out.Body.Status, out.Body.Version = "ok", s.conf.Version
		return out, nil
	})
}

// OpenAPI is the description of the operations, YAML. It is the committed openapi.yaml.
func OpenAPI() ([]byte, error) {
	s, err := New(nil, Config{Version: "1"})
	if err != nil {
		return nil, err
	}
	return s.api.OpenAPI().YAML()
}
