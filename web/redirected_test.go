package web_test

import (
	"strings"
	"testing"
)

// A call that comes from elsewhere says where it was before, in lists as in the snapshot; one that comes straight says nothing.
func TestLastRedirected(t *testing.T) {
	g := start(t)
	if err := g.pbx.Phone(1001).Dial("tel:+15551021"); err != nil { // forwards to 1022
		t.Fatal(err)
	}
	_, _, list := g.do("GET", "/api/v1/calls", "")
	for view, text := range map[string]string{"list": list, "snapshot": g.follow("GET", "/api/v1/events", "").next().raw} {
		if !strings.Contains(text, `"lastRedirected":{"shown":"known","deviceID":"tel:+15551021"`) {
			t.Errorf("%s: %s", view, text)
		}
	}
	g.hangUp(1001)
	g.talking(1001, 1002)
	if _, _, text := g.do("GET", "/api/v1/calls", ""); strings.Contains(text, "lastRedirected") {
		t.Error(text)
	}
}
