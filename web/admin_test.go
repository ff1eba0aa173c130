package web_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"farhook/web"
	"farhook/web/access"
)

// What the gateway tells of itself is passed on as it is; what it doesn't tell is said so.
func TestAdministrationOverHTTP(t *testing.T) {
	var asked web.NumberQuestion
	broken := false
	tells := web.Administration{
		Certificates: func() []web.Certificate {
			return []web.Certificate{{Part: "web", Role: "own", NotAfter: time.Unix(2e9, 0)}}
		},
		Configuration: func() web.Configuration {
			return web.Configuration{Hash: "0badcafe", Values: []web.Setting{{Path: "rights", Value: "demo"}}}
		},
		Counters: func() ([]web.Counter, error) {
			if broken {
				return nil, errors.New("no")
			}
			return []web.Counter{{Name: "farhook_sessions", Type: "gauge", Value: 3}}, nil
		},
		Try: func(q web.NumberQuestion) []web.NumberTry {
			asked = q
			if q.PBX == "attic" {
				return nil
			}
			return []web.NumberTry{{PBX: "sim", Direction: "toPBX", In: q.Number, Steps: []web.NumberStep{}, Out: "123"}}
		},
	}
	g := startWith(t, access.Config{Open: true}, func(c *web.Config) { c.Administration = tells })
	get := func(path string, status int, says string) {
		t.Helper()
		if got, _, text := g.do("GET", "/api/v1/"+path, ""); got != status || !strings.Contains(text, says) {
			t.Errorf("%s: %d %s", path, got, text)
		}
	}
	get("certificates", 200, `"part":"web"`)
	get("configuration", 200, `"hash":"0badcafe"`)
	get("counters", 200, `"name":"farhook_sessions"`)
	get("numbers/try?number=%2B49+89&direction=toPBX&side=calling", 200, `"out":"123"`)
	if asked.Number != "+49 89" || asked.Direction != "toPBX" || asked.Side != "calling" {
		t.Errorf("%+v", asked)
	}
	get("numbers/try?number=1&pbx=attic", 404, "attic")
	get("numbers/try", 422, "number")
	get("numbers/try?number=1&direction=up", 422, "direction")
	broken = true
	get("counters", 500, "its log has it")
	g = start(t)
	for _, path := range []string{"certificates", "configuration", "counters", "numbers/try?number=1"} {
		get(path, 501, "doesn't tell")
	}
}
