package web_test

import (
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/sim"
	"farhook/web"
)

// driver is as cmd/farhook makes it, in short.
type driver struct{ pbx *sim.PBX }

func (d driver) Arrive(from csta.DeviceID, name string, withheld bool, to csta.DeviceID) error {
	return d.pbx.Outside(from).DialAs(to, name, withheld)
}

func (d driver) Hand(at csta.DeviceID, act, value string) error {
	h := d.pbx.Outside(at)
	switch act {
	case "answer":
		return h.Answer()
	case "busy":
		return h.SetBusy(true)
	case "digits":
		return h.Press(value)
	}
	return h.HangUp()
}

func (d driver) Link(up bool) {
	if up {
		d.pbx.RestoreLink()
	} else {
		d.pbx.CutLink()
	}
}

func (d driver) Next(s csta.Service, delay time.Duration, err error) {
	d.pbx.Next(s, sim.Trouble{Delay: delay, Err: err})
}

func (d driver) Lose(at csta.DeviceID, facts int) error { return d.pbx.Lose(at, facts) }

func (d driver) Advance(by time.Duration) error { return d.pbx.Advance(by) }

// Somebody else's tests play with the simulated PBX over HTTP alone.
func TestSimulatedPBX(t *testing.T) {
	var box driver
	g := startWith(t, accessOpen, func(c *web.Config) { c.Sims = []web.SimPBX{{Name: "sim", Sim: &box}} })
	box.pbx = g.pbx
	no := func(path, body string) { t.Helper(); g.post("/api/v1/sim/"+path, body, 204) }
	no("calls", `{"from":"tel:+4989555123","name":"Dr. No","to":"1001"}`)
	if got := g.legs("1001"); got != "1001 alerting, tel:+4989555123 connected" {
		t.Error(got)
	}
	if _, _, text := g.do("GET", "/api/v1/calls", ""); !strings.Contains(text, "Dr. No") {
		t.Error(text)
	}
	no("devices/1001/hand", `{"act":"answer"}`)
	no("devices/1001/hand", `{"act":"digits","value":"12#"}`)
	no("clock", `{"seconds":90}`)
	no("devices/1001/hand", `{"act":"hangUp"}`)
	if got := g.legs("1001"); got != "" {
		t.Error(got)
	}
	if status, _, text := g.do("POST", "/api/v1/sim/devices/1001/hand", `{"act":"answer"}`); status != 409 || !strings.Contains(text, "has no call") {
		t.Errorf("%d %s", status, text)
	}
	no("devices/1002/hand", `{"act":"busy"}`)
	no("calls", `{"from":"tel:+4989555123","to":"1002"}`)
	if got := g.legs("1002"); strings.Contains(got, "alerting") {
		t.Error(got)
	}
	no("trouble", `{"service":"MakeCall","category":"systemResourceAvailibility","value":"networkBusy","pbx":"503 all circuits are busy","sip":503,"q850":34}`)
	status, _, text := g.do("POST", "/api/v1/calls", makeCall)
	if status != 503 || !strings.Contains(text, "networkBusy") || !strings.Contains(text, `"pbx":"503 all circuits are busy","sip":503,"q850":34`) {
		t.Errorf("%d %s", status, text)
	}
	g.post("/api/v1/calls", makeCall, 201)
	no("link", `{"up":false}`)
	for {
		if status, _, _ := g.do("PUT", "/api/v1/devices/1003/do-not-disturb", `{"on":true}`); status == 503 {
			break
		}
	}
	no("link", `{"up":true}`)
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if status, _, _ := g.do("PUT", "/api/v1/devices/1003/do-not-disturb", `{"on":true}`); status == 204 {
			break
		}
		if time.Since(began) > 20*time.Second {
			t.Fatal("the link doesn't come back")
		}
	}
	if status, _, _ := start(t).do("POST", "/api/v1/sim/link", `{"up":false}`); status != 404 && status != 405 {
		t.Errorf("without a simulated PBX: %d", status)
	}
}

// A lamp that lies, for an event got lost, is put right by checking its line, and the answer tells what there is.
func TestCheckLine(t *testing.T) {
	var box driver
	g := startWith(t, accessOpen, func(c *web.Config) { c.Sims = []web.SimPBX{{Name: "sim", Sim: &box}} })
	box.pbx = g.pbx
	g.talking(1001, 1002)
	g.post("/api/v1/sim/loss", `{"device":"1001","facts":1}`, 204)
	g.hangUp(1002)
	if got := g.legs("1001"); got != "1001 connected" {
		t.Errorf("the lamp doesn't lie: %s", got)
	}
	status, _, text := g.do("POST", "/api/v1/devices/1001/check", "")
	if status != 200 || !strings.Contains(text, `"repaired":1`) || !strings.Contains(text, `"deviceID":"tel:+15551001"`) || strings.Contains(text, "connected") {
		t.Errorf("%d %s", status, text)
	}
	if got := g.legs("1001"); got != "" {
		t.Error(got)
	}
	if status, _, text := g.do("POST", "/api/v1/devices/1001/check", ""); status != 200 || !strings.Contains(text, `"repaired":0`) {
		t.Errorf("%d %s", status, text)
	}
	g.pbx.CutLink()
	var devices struct {
		LinkUp bool
	}
	for g.get("/api/v1/devices/1001", &devices); devices.LinkUp; g.get("/api/v1/devices/1001", &devices) {
		time.Sleep(time.Millisecond)
	}
	if status, _, text := g.do("POST", "/api/v1/devices/1001/check", ""); status != 503 || !strings.Contains(text, "link") {
		t.Errorf("%d %s", status, text)
	}
}

// A trap that could never spring isn't set.
func TestTroubleThatCannotCome(t *testing.T) {
	var box driver
	g := startWith(t, accessOpen, func(c *web.Config) { c.Sims = []web.SimPBX{{Name: "sim", Sim: &box}} })
	box.pbx = g.pbx
	for body, says := range map[string]string{
		`{"service":"Nope","delayMilliseconds":1}`: "service",
		`{"category":"x"}`:                         "category",
		`{"service":"HoldCall","category":"stateIncompatibility","value":"nonsense"}`: "value",
	} {
		if status, _, text := g.do("POST", "/api/v1/sim/trouble", body); status != 400 || !strings.Contains(text, says) {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	g.send("POST", "/api/v1/sim/trouble", `{"service":"HoldCall","category":"stateIncompatibility","value":"noActiveCall"}`, 204)
}
