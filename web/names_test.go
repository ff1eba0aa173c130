package web_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/directory"
	"farhook/pbxadapter/numbering"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/web"
)

// A person has his name in the list of devices and in calls, and is found, by every number that he has.
func TestNames(t *testing.T) {
	d := directory.New(directory.Options{}, directory.List{
		{User: "ada@example.com", Name: "Ada King", Lines: []string{"tel:+15551001"}, Aliases: []string{"+1 (999) 555-0100"}, Department: "Engines"},
		{Name: "The plumber", Aliases: []string{"+15558881"}},
	})
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	e, err := numbering.NewEmergency(numbering.DefaultEmergency())
	if err != nil {
		t.Fatal(err)
	}
	pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 24, Quiet: true, Clock: sim.NewClock(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC))})
	if err != nil {
		t.Fatal(err)
	}
	people := switchboard.NewPeople(d)
	g := startOn(t, accessOpen, pbx, nil, switchboard.Options{People: people, Emergency: e}, web.Config{Version: "test"})
	for end := time.Now().Add(time.Minute); !people.Owns("sip:ada@example.com", "tel:+15551001") && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	for _, q := range []string{"ada", "king", "1001", "99955501", "(999) 555", "ada@example", "engines", "àda", "Aeda", "ENGINËS"} {
		if status, _, body := g.do("GET", "/api/v1/devices?q="+url.QueryEscape(q), ""); status != 200 || strings.Count(body, `"deviceID":"tel:+1555`) != 1 || !strings.Contains(body, `"name":"Ada King"`) {
			t.Errorf("%s: %d %s", q, status, body)
		}
	}
	for _, caller := range []csta.DeviceID{"tel:+15558881", "tel:+19995550100"} {
		if err := pbx.Outside(caller).Dial("tel:+15551001"); err != nil {
			t.Fatal(err)
		}
	}
	_, _, body := g.do("GET", "/api/v1/calls", "")
	for _, want := range []string{`"number":"tel:+15558881","name":"The plumber"`, `"number":"tel:+19995550100","name":"Ada King"`, `"name":"Ada King"`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	if status, _, body := g.do("POST", "/api/v1/calls", `{"callingDevice":"1001","calledDirectoryNumber":"0112"}`, "Content-Type", "application/json"); status != 403 || !strings.Contains(body, "dial 112 on the phone") {
		t.Errorf("a call for help without a phone of one's own: %d %s", status, body)
	}
}
