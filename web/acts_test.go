package web_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"farhook/csta"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/web"
)

// made is the answer to an act.
type made struct {
	CallingDevice, Connection struct{ CallID, DeviceID string }
	Call                      *struct {
		CallID string
		Ended  bool
		Cause  string
		Legs   []struct{ DeviceID, State, Cause string }
	}
	Reached *bool
	Plan    *struct {
		Offered              bool
		PBX, Dialled, Native string
		Steps                []struct{ Rule, Says string }
		Problem              *struct {
			Status int
			Detail string
		}
	}
}

// post makes a request that must be answered with a status.
func (g *gateway) post(path, body string, want int) made {
	g.t.Helper()
	return g.send("POST", path, body, want)
}

func (g *gateway) send(method, path, body string, want int) made {
	g.t.Helper()
	status, _, text := g.do(method, path, body)
	if status != want {
		g.t.Fatalf("%s %s %s: %d %s", method, path, body, status, text)
	}
	var m made
	if text != "" {
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			g.t.Fatal(err)
		}
	}
	return m
}

// talking is a call between two extensions that is answered; it gives its path.
func (g *gateway) talking(from, to int) string {
	g.t.Helper()
	path := g.dial(from, to)
	if err := g.pbx.Phone(to).Answer(); err != nil {
		g.t.Fatal(err)
	}
	return path
}

// dial is a call that somebody makes at his phone; it gives its path.
func (g *gateway) dial(from, to int) string {
	g.t.Helper()
	if err := g.pbx.Phone(from).Dial(csta.DeviceID(fmt.Sprint("tel:+", 15550000+to))); err != nil {
		g.t.Fatal(err)
	}
	var d struct{ Calls []struct{ CallID string } }
	g.get(fmt.Sprint("/api/v1/devices/", from), &d)
	return "/api/v1/calls/" + url.PathEscape(d.Calls[len(d.Calls)-1].CallID)
}

// legs are the connections of a device's calls: for each call its own state and the others.
func (g *gateway) legs(device string) string {
	g.t.Helper()
	var d struct {
		Calls []struct {
			Legs []struct{ DeviceID, State string }
		}
	}
	g.get("/api/v1/devices/"+device, &d)
	var out []string
	for _, c := range d.Calls {
		var legs []string
		for _, l := range c.Legs {
			legs = append(legs, strings.TrimPrefix(l.DeviceID, "tel:+1555")+" "+l.State)
		}
		slices.Sort(legs)
		out = append(out, strings.Join(legs, ", "))
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

// Every act does what its service does.
func TestActs(t *testing.T) {
	on := func(call, device, act string) string { return call + "/connections/" + device + "/" + act }
	for _, c := range []struct {
		name   string
		do     func(*gateway)
		device string
		want   string
	}{
		{"hold and retrieve", func(g *gateway) {
			c := g.talking(1001, 1002)
			g.post(on(c, "1002", "hold"), "", 204)
			g.post(on(c, "1002", "retrieve"), "", 204)
			g.post(on(c, "1001", "hold"), "", 204)
		}, "1001", "1001 hold, 1002 connected"},
		{"consult", func(g *gateway) {
			g.post(on(g.talking(1001, 1002), "1001", "consult"), `{"consultedDevice":"1003"}`, 200)
		}, "1001", "1001 connected, 1003 alerting; 1001 hold, 1002 connected"},
		{"alternate", func(g *gateway) {
			second := g.consulted()
			g.post(on(second, "1001", "alternate"), "", 204)
		}, "1001", "1001 connected, 1002 connected; 1001 hold, 1003 connected"},
		{"reconnect", func(g *gateway) { g.post(on(g.consulted(), "1001", "reconnect"), `{}`, 204) }, "1001", "1001 connected, 1002 connected"},
		{"transfer", func(g *gateway) { g.post(on(g.consulted(), "1001", "transfer"), "", 200) }, "1003", "1002 connected, 1003 connected"},
		{"conference", func(g *gateway) { g.post(on(g.consulted(), "1001", "conference"), "", 200) }, "1001", "1001 connected, 1002 connected, 1003 connected"},
		{"single-step transfer", func(g *gateway) {
			g.post(on(g.talking(1001, 1002), "1001", "single-step-transfer"), `{"to":"1003"}`, 200)
		}, "1002", "1002 connected, 1003 alerting"},
		{"single-step conference", func(g *gateway) {
			g.post(on(g.talking(1001, 1002), "1001", "single-step-conference"), `{"deviceToJoin":"1003"}`, 200)
		}, "1001", "1001 connected, 1002 connected, 1003 alerting"},
		{"deflect", func(g *gateway) { g.post(on(g.ringing(), "1002", "deflect"), `{"to":"1003"}`, 204) }, "1003", "1001 connected, 1003 alerting"},
		{"pickup", func(g *gateway) { g.post(on(g.ringing(), "1002", "pickup"), `{"requestingDevice":"1003"}`, 200) }, "1003", "1001 connected, 1003 connected"},
		{"move while it rings", func(g *gateway) { g.post(on(g.ringing(), "1002", "move"), `{"to":"1004"}`, 204) }, "1004", "1001 connected, 1004 alerting"},
		{"move while I speak", func(g *gateway) { g.post(on(g.talking(1001, 1002), "1002", "move"), `{"to":"1004"}`, 200) }, "1001", "1001 connected, 1004 alerting"},
		{"digits", func(g *gateway) {
			g.post(on(g.talking(1001, 1002), "1001", "digits"), `{"charactersToSend":"12#"}`, 204)
		}, "1001", "1001 connected, 1002 connected"},
		{"clear call", func(g *gateway) { g.post(g.talking(1001, 1002)+"/clear", "", 204) }, "1001", ""},
		{"clear connection", func(g *gateway) { g.post(on(g.talking(1001, 1002), "1002", "clear"), "", 204) }, "1001", ""},
		{"dry run", func(g *gateway) {
			if p := g.post(on(g.talking(1001, 1002), "1002", "clear")+"?dryRun=true", "", 200).Plan; p == nil || !p.Offered || len(p.Steps) == 0 {
				g.t.Errorf("%+v", p)
			}
		}, "1001", "1001 connected, 1002 connected"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t)
			c.do(g)
			if got := g.legs(c.device); got != c.want {
				t.Errorf("%s: %q, want %q", c.device, got, c.want)
			}
		})
	}
}

// consulted is 1001 with 1002 on hold, speaking with 1003; it gives the second call's path.
func (g *gateway) consulted() string {
	g.t.Helper()
	id := g.post(g.talking(1001, 1002)+"/connections/1001/consult", `{"consultedDevice":"1003"}`, 200).Connection.CallID
	if err := g.pbx.Phone(1003).Answer(); err != nil {
		g.t.Fatal(err)
	}
	return "/api/v1/calls/" + url.PathEscape(id)
}

// ringing is a call from 1001 that rings 1002.
func (g *gateway) ringing() string {
	g.t.Helper()
	return g.dial(1001, 1002)
}

func TestPark(t *testing.T) {
	g := start(t)
	var slots devices
	g.get("/api/v1/devices?kind=parkSlot&limit=1", &slots)
	call := g.talking(1001, 1002)
	g.post(call+"/connections/1001/park", `{"parkTo":"`+slots.Devices[0].ID+`"}`, 200)
	if got := g.legs("1001"); got != "" {
		t.Errorf("1001 is still in %s", got)
	}
	if got := g.legs("1002"); got == "" {
		t.Error("1002 was lost")
	}
}

func TestDeviceActs(t *testing.T) {
	g := start(t)
	for path, body := range map[string]string{
		"do-not-disturb": `{"on":true}`, "message-waiting": `{"on":true}`, "microphone-mute": `{"on":true}`,
		"forwarding": `{"on":true,"type":"forwardNoAns","to":"1005","rings":3}`,
	} {
		g.send("PUT", "/api/v1/devices/1003/"+path, body, 204)
	}
	var d struct {
		Features struct {
			DoNotDisturb, MessageWaiting, MicrophoneMute bool
			Forwarding                                   []struct {
				Type, To string
				On       bool
				Rings    int
			}
		}
	}
	g.get("/api/v1/devices/1003", &d)
	if f := d.Features; !f.DoNotDisturb || !f.MessageWaiting || !f.MicrophoneMute || len(f.Forwarding) != 1 || f.Forwarding[0].To != "tel:+15551005" || f.Forwarding[0].Rings != 3 {
		t.Errorf("%+v", f)
	}
	if status, _, body := g.do("PUT", "/api/v1/devices/1003/forwarding", `{"on":true,"to":"a b"}`); status != 400 || !strings.Contains(body, "forwardDN") {
		t.Errorf("%d %s", status, body)
	}
	if err := g.pbx.Phone(1001).Dial("tel:+15551000"); err != nil {
		t.Fatal(err)
	}
	status, _, body := g.do("POST", "/api/v1/devices/1004/group-pickup", `{"group":"1000"}`)
	if status != 200 {
		t.Errorf("group pickup: %d %s", status, body)
	}
	if got := g.legs("1004"); got != "1001 connected, 1004 connected" {
		t.Errorf("after the group pickup: %s", got)
	}
}

// What a device can do is one thing, what it can do this minute another.
func TestLacksNow(t *testing.T) {
	g := start(t)
	var d struct {
		Offers   []string
		LacksNow map[string]string
	}
	g.get("/api/v1/devices/1023", &d)
	if !slices.Contains(d.Offers, "MakeCall") || !strings.Contains(d.LacksNow["MakeCall"], "out of service") || d.LacksNow["SetForwarding"] != "" {
		t.Errorf("%+v", d)
	}
	g.pbx.CutLink()
	for d.LacksNow["SetForwarding"] == "" {
		g.get("/api/v1/devices/1001", &d)
	}
	if status, _, body := g.do("POST", "/api/v1/calls", `{"callingDevice":"1001","calledDirectoryNumber":"1002"}`); status != 503 || !strings.Contains(body, `"outcome":"refused"`) {
		t.Errorf("%d %s", status, body)
	}
	var p struct {
		PBXs []struct{ LinkUp, Synced bool }
	}
	g.get("/api/v1/pbxs", &p)
	if len(p.PBXs) != 1 || p.PBXs[0].LinkUp || !p.PBXs[0].Synced {
		t.Errorf("%+v", p)
	}
}

func TestDryRun(t *testing.T) {
	g := start(t)
	p := g.post("/api/v1/calls?dryRun=true", `{"callingDevice":"1001","calledDirectoryNumber":"+1 555-0100"}`, 200).Plan
	if p == nil || !p.Offered || p.PBX != "sim" || p.Dialled != "tel:+15550100" || len(p.Steps) < 5 || p.Problem != nil {
		t.Errorf("%+v", p)
	}
	p = g.post("/api/v1/calls?dryRun=true", `{"callingDevice":"1023","calledDirectoryNumber":"1002"}`, 200).Plan
	if p == nil || p.Offered || p.Problem == nil || p.Problem.Status != 503 {
		t.Errorf("%+v", p)
	}
	if got := g.legs("1001"); got != "" {
		t.Error(got)
	}
}

// An answer may wait for the far side.
func TestWait(t *testing.T) {
	g := start(t)
	answers := make(chan made, 1)
	call := func(query string, want int) {
		go func() {
			answers <- g.post("/api/v1/calls?"+query, `{"callingDevice":"1001","calledDirectoryNumber":"1002","prompt":"hands-free","reference":"case 7"}`, want)
		}()
		for g.legs("1002") != "1001 connected, 1002 alerting" {
		}
	}
	call("wait=connected", 201)
	if err := g.pbx.Phone(1002).Answer(); err != nil {
		t.Fatal(err)
	}
	if a := <-answers; a.Reached == nil || !*a.Reached || len(a.Call.Legs) != 2 {
		t.Errorf("%+v", a)
	}
	g.hangUp(1001)
	call("wait=connected", 201)
	g.hangUp(1002)
	if a := <-answers; a.Reached == nil || *a.Reached || !a.Call.Ended {
		t.Errorf("not answered: %+v", a)
	}
	call("wait=cleared", 201)
	g.hangUp(1001)
	if a := <-answers; a.Reached == nil || !*a.Reached || !a.Call.Ended || a.Call.Cause == "" {
		t.Errorf("cleared: %+v %+v", a, a.Call)
	}
	call("wait=connected&timeout=1", 202)
	if a := <-answers; a.Reached == nil || *a.Reached || a.Call.Ended || len(a.Call.Legs) != 2 {
		t.Errorf("in time: %+v", a)
	}
	g.hangUp(1001)
	if err := g.pbx.Phone(1003).SetDoNotDisturb(true); err != nil {
		t.Fatal(err)
	}
	a := g.post("/api/v1/calls?wait=connected", `{"callingDevice":"1001","calledDirectoryNumber":"1003","prompt":"hands-free"}`, 201)
	if a.Reached == nil || *a.Reached || a.Call.Ended || len(a.Call.Legs) != 2 || a.Call.Legs[1].State != "fail" || a.Call.Legs[1].Cause != "doNotDisturb" {
		t.Errorf("refused: %+v %+v", a, a.Call)
	}
}

func (g *gateway) hangUp(ext int) {
	g.t.Helper()
	if err := g.pbx.Phone(ext).HangUp(); err != nil {
		g.t.Fatal(err)
	}
	for g.legs(fmt.Sprint(ext)) != "" {
	}
}

// A reference finds its call.
func TestReference(t *testing.T) {
	g := start(t)
	id := g.post("/api/v1/calls", `{"callingDevice":"1001","calledDirectoryNumber":"1002","prompt":"hands-free","reference":"case 7"}`, 201).CallingDevice.CallID
	g.post("/api/v1/calls", `{"callingDevice":"1003","calledDirectoryNumber":"1004","prompt":"hands-free"}`, 201)
	var list struct {
		Calls []struct{ CallID, Reference string }
	}
	g.get("/api/v1/calls?reference=case+7", &list)
	if len(list.Calls) != 1 || list.Calls[0].CallID != id || list.Calls[0].Reference != "case 7" {
		t.Errorf("%+v", list)
	}
	if status, _, body := g.do("POST", "/api/v1/calls", `{"callingDevice":"1005","calledDirectoryNumber":"1002","reference":"`+strings.Repeat("x", 201)+`"}`); status != 422 || !strings.Contains(body, "reference") {
		t.Errorf("%d %s", status, body)
	}
}

// Of two acts at once on one call one wins; the other is told what is so.
func TestTwoAtOnce(t *testing.T) {
	g := start(t)
	call := g.ringing()
	type answer struct {
		status int
		body   string
	}
	got := make(chan answer, 2)
	for range 2 {
		go func() {
			status, _, body := g.do("POST", call+"/connections/1002/answer", "")
			got <- answer{status, body}
		}()
	}
	a, b := <-got, <-got
	if a.status > b.status {
		a, b = b, a
	}
	if a.status != 204 || b.status != 409 || !strings.Contains(b.body, `"state":"connected"`) || !strings.Contains(b.body, `"outcome":"refused"`) || !strings.Contains(b.body, "HoldCall") {
		t.Errorf("%d %s\n%d %s", a.status, a.body, b.status, b.body)
	}
	g.hangUp(1001)
	if status, _, body := g.do("POST", call+"/connections/1002/hold", ""); status != 404 || !strings.Contains(body, "invalidCallID") {
		t.Errorf("on a call just gone: %d %s", status, body)
	}
}

func TestRawDoor(t *testing.T) {
	g := start(t)
	const xml = "application/csta+xml"
	ns := ` xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed4"`
	for _, c := range []struct {
		name, kind, body string
		status           int
		says             string
	}{
		{"XML", xml, `<MakeCall` + ns + `><callingDevice>1001</callingDevice><calledDirectoryNumber>1002</calledDirectoryNumber><autoOriginate>doNotPrompt</autoOriginate></MakeCall>`, 200, "<MakeCallResponse" + ns},
		{"XML refused", xml, `<AnswerCall` + ns + `><callToBeAnswered><callID>x</callID><deviceID>1001</deviceID></callToBeAnswered></AnswerCall>`, 404, "<operation>invalidCallID</operation>"},
		{"XML of a monitor", xml, `<MonitorStart` + ns + `><monitorObject><deviceObject>1001</deviceObject></monitorObject></MonitorStart>`, 501, "serviceNotSupported"},
		{"broken XML", xml, `<MakeCall`, 400, "csta: octet"},
		{"JSON", "application/json", `{"GetForwarding":{"device":"1021"}}`, 200, `{"GetForwardingResponse":{"forwardingList":[{"forwardingType":"forwardImmediate","forwardStatus":true`},
		{"JSON refused", "application/json", `{"GetForwarding":{"device":"1099"}}`, 404, "urn:csta:error:operation:invalidDeviceID"},
		{"JSON unknown member", "application/json", `{"GetForwarding":{"device":"1021","colour":1}}`, 400, "colour"},
		{"JSON wrong value", "application/json", `{"MakeCall":{"callingDevice":"1001","calledDirectoryNumber":"1002","autoOriginate":"maybe"}}`, 400, "autoOriginate"},
		{"JSON of another kind", "application/json", `{"MakeCall":[]}`, 400, `"detail":"MakeCall can't be a JSON array`},
		{"JSON member of another kind", "application/json", `{"MakeCall":{"callingDevice":{}}}`, 400, "callingDevice can't be a JSON object"},
		{"JSON two", "application/json", `{"GetForwarding":{"device":"1021"},"HoldCall":{}}`, 400, "2 members"},
		{"JSON none", "application/json", `{"Dance":{}}`, 501, "Dance"},
		{"JSON tail", "application/json", `{"GetForwarding":{"device":"1021"}} x`, 400, "follows"},
		{"other", "text/plain", `hello`, 415, "application/csta+xml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, _, body := g.do("POST", "/api/v1/csta", c.body, "Content-Type", c.kind)
			if status != c.status || !strings.Contains(body, c.says) {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

// Every service that the switchboard carries out has a way in by the raw door, in JSON as in XML; and every service of an adapter one of its own.
func TestEveryServiceHasAWayIn(t *testing.T) {
	g := start(t)
	for _, s := range switchboard.KnownServices() {
		status, _, body := g.do("POST", "/api/v1/csta", `{"`+string(s)+`":{}}`)
		if status == 501 {
			t.Errorf("%s: %s", s, body)
		}
	}
}

// What a PBX's numbering rules refuse is not offered, whatever service would dial it.
func TestDryRunWithRules(t *testing.T) {
	g := startWith(t, accessOpen, func(c *web.Config) {
		c.Dials = func(pbx string, n csta.DeviceID) (string, []switchboard.Step, error) {
			if strings.HasPrefix(string(n), "tel:+1900") {
				return "", []switchboard.Step{{Rule: "numbers premium", Says: "matches: refused"}}, errors.New("no premium numbers")
			}
			return pbx + "/" + strings.TrimPrefix(string(n), "tel:"), []switchboard.Step{{Rule: "numbers all", Says: "matches"}}, nil
		}
	})
	path := g.talking(1001, 1002)
	for path, body := range map[string]string{
		"/api/v1/calls":                                   `{"callingDevice":"1003","calledDirectoryNumber":"%s"}`,
		path + "/connections/1001/consult":                `{"consultedDevice":"%s"}`,
		path + "/connections/1001/single-step-transfer":   `{"to":"%s"}`,
		path + "/connections/1001/single-step-conference": `{"deviceToJoin":"%s"}`,
	} {
		if p := g.post(path+"?dryRun=true", fmt.Sprintf(body, "+4989123456"), 200).Plan; p == nil || !p.Offered || p.Native != "sim/+4989123456" || p.Steps[len(p.Steps)-1].Rule != "numbers all" {
			t.Errorf("%s: %+v", path, p)
		}
		if p := g.post(path+"?dryRun=true", fmt.Sprintf(body, "+19001234567"), 200).Plan; p == nil || p.Offered || p.Problem == nil || !strings.Contains(p.Problem.Detail, "no premium numbers") || p.Steps[len(p.Steps)-1].Rule != "numbers premium" {
			t.Errorf("%s: %+v", path, p)
		}
	}
	status, _, text := g.do("PUT", "/api/v1/devices/1003/forwarding?dryRun=true", `{"on":true,"to":"+4989123456"}`)
	if status != 200 || !strings.Contains(text, `"native":"sim/+4989123456"`) {
		t.Errorf("%d %s", status, text)
	}
}

// An act without a confirmation names the call that its events carry.
func TestUnknownOutcomeNamesTheCall(t *testing.T) {
	g := start(t)
	path := g.talking(1001, 1002)
	g.pbx.Next("HoldCall", sim.Trouble{Err: csta.ErrInternalResourceBusy})
	status, _, text := g.do("POST", path+"/connections/1001/hold", "")
	var p struct {
		Outcome, Call string
		Calls         []struct{ CallID string }
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil || status != 504 || p.Outcome != "unknown" || !strings.HasSuffix(path, "/"+p.Call) || p.Call == "" || len(p.Calls) != 1 || p.Calls[0].CallID != p.Call {
		t.Errorf("%d %s", status, text)
	}
}
