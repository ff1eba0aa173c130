package web_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard"
	"farhook/web"
	"farhook/web/access"
	"farhook/web/history"
)

// A line that may not be seen is answered as one that isn't there, in words too: whether it is in the call or not, by acts, their plans and the raw door.
func TestHiddenLinesAreNotThere(t *testing.T) {
	g := guarded(t)
	call := g.talking(1001, 1002)
	id := strings.TrimPrefix(call, "/api/v1/calls/")
	own := g.secret(access.Grant{Scopes: []access.Scope{access.Control}, OwnLines: []csta.DeviceID{"tel:+15551001"}})
	trace := regexp.MustCompile(`"trace":"[0-9a-f]+"`)
	for name, c := range map[string]struct{ path, body string }{
		"act":        {call + "/connections/%s/hold", ""},
		"plan":       {call + "/connections/%s/hold?dryRun=true", ""},
		"pickup":     {call + "/connections/1001/pickup", `{"requestingDevice":"%s"}`},
		"device":     {"/api/v1/devices/%s/group-pickup", ""},
		"raw":        {"/api/v1/csta", `{"HoldCall":{"callToBeHeld":{"callID":"` + id + `","deviceID":"%s"}}}`},
		"raw pickup": {"/api/v1/csta", `{"DirectedPickupCall":{"callToBePickedUp":{"callID":"` + id + `","deviceID":"1001"},"requestingDevice":"%s"}}`},
	} {
		var told []string
		for _, ext := range []string{"1002", "1003", "1099"} { // in the call, elsewhere, nowhere
			path, body := c.path, c.body
			if body != "" {
				path, body = path+"%.0s", strings.Replace(body, "%s", ext, 1)
			}
			status, text := g.as(own, "POST", fmt.Sprintf(path, ext), body)
			text = strings.ReplaceAll(trace.ReplaceAllString(text, ""), ext, "LINE")
			if status != 404 && name != "plan" || !strings.Contains(text, `no PBX has the device \"LINE\"`) {
				t.Errorf("%s of %s: %d %s", name, ext, status, text)
			}
			told = append(told, text)
		}
		if told[0] != told[1] || told[1] != told[2] {
			t.Errorf("%s: the answers differ:\n%s", name, strings.Join(told, "\n"))
		}
	}
}

// A webhook for some devices is told of these when they change, as a stream for some is, and of no others.
func TestWebhookOfSomeDevices(t *testing.T) {
	pbx := &latePBX{make(chan struct{}), make(chan []pbxadapter.Device, 1)}
	db, err := history.Open("", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	acc := access.Open()
	b := switchboard.New(acc, switchboard.Options{}, switchboard.PBX{Name: "slow", Adapter: pbx})
	c := web.Config{Version: "test", Access: acc, DB: db}
	webhooks(0)(&c)
	s, err := web.New(b, c)
	if err != nil {
		t.Fatal(err)
	}
	address, _ := serve(t, b, s)
	g := &gateway{t: t, url: address}
	all := g.follow("GET", "/api/v1/events", "kind=device")
	all.next()
	phones := []pbxadapter.Device{{ID: "tel:+15551001"}, {ID: "tel:+15551002"}}
	pbx.devices <- phones
	close(pbx.up)
	all.until(func(d string) bool { return strings.Contains(d, "tel:+15551002") })
	r := newReceiver(t, func(delivery) int { return 200 })
	g.hook(`{"url":"` + r.URL + `","kinds":["device"],"devices":["tel:+15551001"]}`)
	some := g.follow("GET", "/api/v1/events", "kind=device&device=tel:%2B15551001")
	some.next()
	pbx.devices <- []pbxadapter.Device{{ID: "tel:+15551001", Name: "Ada"}, {ID: "tel:+15551002", Name: "Bob"}}
	want := some.next()
	if got := r.await(t, 1)[0]; string(got.body) != want.raw || strings.Contains(want.raw, "1002") || !strings.Contains(want.raw, "Ada") {
		t.Errorf("webhook: %s\nstream:  %s", got.body, want.raw)
	}
}
