package web

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const about = "Calls of the PBXs behind a farhook gateway. Names are those of ECMA-269 and ECMA-323; errors are problem documents (RFC 9457) whose " +
	"type is urn:csta:error:<category>:<value>. What happens is told by the stream at /api/v1/events, as server-sent events or by WebSocket: first a " +
	"snapshot, then events, each with a position; with ?after=<position> it goes on from there. /asyncapi.yaml describes it."

// apiConfig is huma's, with our own problem documents, and strict: a query parameter that nobody knows is refused.
func apiConfig(version string) huma.Config {
	conf := huma.DefaultConfig("farhook", version)
	conf.Info.Description = about
	conf.DocsPath, conf.CreateHooks = "", nil
	conf.OpenAPIPath = "/openapi"
	conf.RejectUnknownQueryParameters = true
	conf.Formats = map[string]huma.Format{"application/json": strictJSON, "json": strictJSON}
	conf.Transformers = []huma.Transformer{asProblem}
	conf.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	conf.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", BearerFormat: "opaque", Description: "A token of POST /api/v1/tokens. Each operation names the scope that it takes."},
		"session": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "A browser's session, from POST /api/v1/session. Unsafe requests show its X-CSRF-Token too."},
	}
	return conf
}

// schemaName keeps a call of the past apart from one that is up.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	if strings.HasSuffix(t.PkgPath(), "/web/history") {
		return "Past" + name
	}
	return name
}

// document finishes the description: errors are our own problem documents.
func (s *Server) document() {
	schemas := s.api.OpenAPI().Components.Schemas
	schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	all := schemas.Map()
	if p := all["Problem"]; p != nil {
		all["ErrorModel"] = p
	}
}

// OpenAPI is the description of the operations, YAML. It is the committed openapi.yaml.
func OpenAPI() ([]byte, error) {
	s, err := New(nil, Config{Version: "1"})
	if err != nil {
		return nil, err
	}
	return s.api.OpenAPI().YAML()
}
