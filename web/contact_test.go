package web_test

import (
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/web/access"
)

// The last contacts of a caller: by his very number in any spelling, to who may see with whom the lines speak.
func TestLastContacts(t *testing.T) {
	g := guarded(t)
	for range 2 {
		if err := g.pbx.Outside("tel:+498912345").Dial("tel:+15551002"); err != nil {
			t.Fatal(err)
		}
		if err := g.pbx.Phone(1002).Answer(); err != nil {
			t.Fatal(err)
		}
		g.clock.Advance(time.Minute)
		g.hangUp(1002)
	}
	ask := func(token, contact string) (int, string) {
		return g.as(token, "GET", "/api/v1/history?limit=3&contact="+contact, "")
	}
	for tries := 0; ; tries++ {
		if _, text := ask(g.token, "%2B498912345"); strings.Count(text, `"callID"`) == 2 || tries > 4000 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	for contact, want := range map[string]int{"%2B498912345": 2, "tel:%2B498912345": 2, "%2B49%208912345": 2, "1002": 2, "1001": 0, "%2B49891234": 0} {
		if status, text := ask(g.token, contact); status != 200 || strings.Count(text, `"callID"`) != want {
			t.Errorf("%s: %d %s", contact, status, text)
		}
	}
	if status, text := ask(g.token, "nobody"); status != 400 || !strings.Contains(text, "contact") {
		t.Errorf("%d %s", status, text)
	}
	parties := []access.Scope{access.ObserveParties, access.Control}
	for name, c := range map[string]struct {
		grant  access.Grant
		status int
		calls  int
	}{
		"of that line": {access.Grant{Scopes: parties, Devices: []csta.DeviceID{"tel:+15551002"}}, 200, 2},
		"of another":   {access.Grant{Scopes: parties, Devices: []csta.DeviceID{"tel:+15551003"}}, 200, 0},
		"of states":    {access.Grant{Scopes: []access.Scope{access.Control}, AllDevices: true}, 403, 0},
	} {
		if status, text := ask(g.secret(c.grant), "%2B498912345"); status != c.status || strings.Count(text, `"callID"`) != c.calls {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
}
