package web

import (
	"bytes"
	_ "embed" // asyncapi.yaml
	"encoding/json"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/yaml"

	"farhook/web/live"
)

// the types of document, and what each is for.
var documents = []struct{ name, summary string }{
	{"snapshot", "Everything that the follower may see and asked for: it replaces what was known. The first document, and the one after a gap."},
	{"event", "Something happened: the CSTA event, and pictures of the calls or devices that it is about, as they are after it."},
	{"gap", "What lay between after and position is lost to this follower. A snapshot follows: at once, or first of all when he comes back with this position."},
	{"heartbeat", "Nothing that this follower asked for has happened up to this position."},
	{"end", "The stream is cut, for this reason. It goes on after this position."},
}

const asyncAbout = "What happens to the calls behind a farhook gateway. Server-sent events, WebSocket and webhooks give the same documents in the same order. Each has a " +
	"position (epoch.number); a follower that comes back with its last one, as Last-Event-ID or ?after=, misses nothing, or is told of the gap. " +
	"Filters: ?device=, ?call=, ?kind=. With ?part= a snapshot comes as documents of so many devices each."

// AsyncAPI is the description of the streams (AsyncAPI 3), YAML. It is the committed asyncapi.yaml; its schemas come from the Go types.
func AsyncAPI() ([]byte, error) {
	doc, _ := asyncAPI()
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := yaml.Convert(&out, bytes.NewReader(b)); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// DocumentSchema is the schema of every document, and where its references lead.
func DocumentSchema() (*huma.Schema, huma.Registry) {
	_, r := asyncAPI()
	return r.Map()["Document"], r
}

func asyncAPI() (map[string]any, huma.Registry) {
	r := huma.NewMapRegistry("#/components/schemas/", schemaName)
	r.Schema(reflect.TypeFor[live.Document](), true, "Document")
	body := r.Map()["Document"].Properties["body"]
	for _, e := range live.Events() {
		body.AnyOf = append(body.AnyOf, r.Schema(reflect.TypeOf(e), true, e.Element()))
	}
	messages, refs, payloads := map[string]any{}, map[string]any{}, []any{}
	whichever := &huma.Schema{Description: "A document of whichever type"}
	for _, d := range documents {
		name := strings.ToUpper(d.name[:1]) + d.name[1:] + "Document"
		r.Map()[name] = &huma.Schema{
			Description: d.summary,
			AllOf: []*huma.Schema{{Ref: "#/components/schemas/Document"}, {
				Type: huma.TypeObject, Required: []string{"type"}, Properties: map[string]*huma.Schema{"type": {Type: huma.TypeString, Enum: []any{d.name}}},
			}},
		}
		whichever.OneOf = append(whichever.OneOf, &huma.Schema{Ref: "#/components/schemas/" + name})
		messages[d.name] = map[string]any{
			"name": d.name, "title": d.name, "summary": d.summary, "contentType": "application/json",
			"payload": map[string]any{"$ref": "#/components/schemas/" + name},
		}
		refs[d.name] = map[string]any{"$ref": "#/components/messages/" + d.name}
		payloads = append(payloads, map[string]any{"$ref": "#/channels/events/messages/" + d.name})
	}
	r.Map()["AnyDocument"] = whichever
	messages["delivery"] = map[string]any{
		"name": "delivery", "title": "delivery", "summary": "An event, posted to a webhook and signed (Standard Webhooks); or a gap, where the gateway was started again: what there is now, REST tells.", "contentType": "application/json",
		"headers": map[string]any{"type": "object", "required": []string{"webhook-id", "webhook-timestamp", "webhook-signature"}, "properties": map[string]any{
			"webhook-id":        map[string]any{"type": "string", "description": "The same on every try", "examples": []string{"evt_K3XQ7P2M-5V9D8F4G.42"}},
			"webhook-timestamp": map[string]any{"type": "string", "description": "Seconds since 1970, of this try"},
			"webhook-signature": map[string]any{"type": "string", "description": "v1,<base64 of HMAC-SHA256 over id.timestamp.body>, one for each secret that is good, with spaces between"},
		}},
		"payload": map[string]any{"oneOf": []any{
			map[string]any{"$ref": "#/components/schemas/EventDocument"}, map[string]any{"$ref": "#/components/schemas/GapDocument"},
		}},
	}
	return map[string]any{
		"asyncapi": "3.0.0", "defaultContentType": "application/json",
		"info": map[string]any{"title": "farhook", "version": "1", "description": asyncAbout},
		"channels": map[string]any{
			"events": map[string]any{"address": "/api/v1/events", "title": "Server-sent events, or WebSocket to who asks for an upgrade", "messages": refs},
			"webhook": map[string]any{"address": nil, "title": "A receiver's URL, of POST /api/v1/webhooks", "messages": map[string]any{
				"delivery": map[string]any{"$ref": "#/components/messages/delivery"},
			}},
		},
		"operations": map[string]any{
			"tell":    map[string]any{"action": "send", "channel": map[string]any{"$ref": "#/channels/events"}, "messages": payloads},
			"deliver": map[string]any{"action": "send", "channel": map[string]any{"$ref": "#/channels/webhook"}, "messages": []any{map[string]any{"$ref": "#/channels/webhook/messages/delivery"}}},
		},
		"components": map[string]any{"messages": messages, "schemas": r.Map()},
	}, r
}

//go:embed asyncapi.yaml
var asyncText []byte

func (s *Server) asyncapi(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(asyncText)
}
