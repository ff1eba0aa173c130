package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"farhook/csta"
	"farhook/csta/extension"
	"farhook/pbxadapter/asterisk/fake"
)

// outsideWorld is a fake PBX, its people, and what it reached outside.
type outsideWorld interface {
	Call(from, to string) error
	Answer(phone string) error
	Outside() []string
	Reset()     // ends every call, and takes back what a phone forwards
	Idle() bool // there is no call
}

// abroad is a number that the phones of one class of service may not dial.
const abroad = "9004930"

// onAsterisk is a fake Asterisk as the scenes need it.
type onAsterisk struct{ *fake.PBX }

func (p onAsterisk) Idle() bool { return p.Channels() == 0 }
func (p onAsterisk) Reset() {
	p.PBX.Reset()
	for _, phone := range []string{"102", "103"} {
		p.Feature("CFU", phone, "")
	}
}

// A phone that is barred from abroad stays barred, whatever is asked for it and by which way; one that isn't gets there. The PBX may lack the
// number in that class of service, or have it and hang up.
func TestBarred(t *testing.T) {
	for name, refuses := range map[string]bool{"no such number": false, "hung up": true} {
		t.Run(name, func(t *testing.T) {
			pbx := fake.New(fake.Config{
				Phones: []string{"101", "102", "103", "104"}, Slots: [2]int{701, 720}, Lines: true, Secret: "s3cret", Barred: []string{"103"}, Refuses: refuses,
			})
			g := onFake(t, pbx)
			staysBarred(t, onAsterisk{pbx}, g, scene{caller: "101", free: "102", barred: "103", abroad: abroad}, refuses)
		})
	}
}

// scene is who plays in it.
type scene struct{ caller, free, barred, abroad csta.DeviceID }

// staysBarred asks for everything by which a call comes to a number, by SIP and REST, for a phone that may and one that may not. refuses: the PBX takes
// the call, and hangs up.
func staysBarred(t *testing.T, pbx outsideWorld, g *onFakePBX, who scene, refuses bool) {
	for way, ask := range map[string]func(*testing.T, csta.Request) error{"SIP": g.bySIP(string(who.barred)), "REST": g.byREST} {
		for _, s := range outward {
			t.Run(way+"/"+s.name, func(t *testing.T) {
				for _, phone := range []csta.DeviceID{who.free, who.barred} {
					before := len(pbx.Outside())
					c := &outwardCall{t, pbx, g, who, phone}
					err := ask(t, s.request(c))
					if s.then != nil {
						s.then(c)
					}
					went := slices.Contains(pbx.Outside()[before:], string(who.abroad))
					switch barred := phone == who.barred; {
					case barred && went:
						t.Errorf("%s: it went to %v", phone, pbx.Outside()[before:])
					case barred && !refuses && err == nil:
						t.Errorf("%s: it is carried out", phone)
					case !barred && (err != nil || !went):
						t.Errorf("%s: %v, and it went to %v: so the test shows nothing", phone, err, pbx.Outside()[before:])
					}
					pbx.Reset()
					until(t, "nobody talks", func() bool { return pbx.Idle() && len(g.calls(t, who.caller, phone)) == 0 })
				}
			})
		}
	}
}

// outward are the services by which a phone's call, or one to it, comes to a number.
var outward = []struct {
	name    string
	request func(*outwardCall) csta.Request
	then    func(*outwardCall)
}{
	{"MakeCall", func(c *outwardCall) csta.Request {
		return csta.MakeCall{CallingDevice: c.phone, CalledDirectoryNumber: c.who.abroad, AutoOriginate: csta.AutoOriginateDoNotPrompt}
	}, func(c *outwardCall) { _ = c.pbx.Answer(string(c.phone)) }}, // REST rings first
	{"ConsultationCall", func(c *outwardCall) csta.Request {
		return csta.ConsultationCall{ExistingCall: c.talks(), ConsultedDevice: c.who.abroad}
	}, nil},
	{"SingleStepTransferCall", func(c *outwardCall) csta.Request {
		return csta.SingleStepTransferCall{ActiveCall: c.talks(), TransferredTo: c.who.abroad}
	}, nil},
	{"SingleStepConferenceCall", func(c *outwardCall) csta.Request {
		return csta.SingleStepConferenceCall{ActiveCall: c.talks(), DeviceToJoin: c.who.abroad, ParticipationType: csta.ParticipationTypeActive}
	}, nil},
	{"DeflectCall", func(c *outwardCall) csta.Request {
		return csta.DeflectCall{CallToBeDiverted: c.rings(), NewDestination: c.who.abroad}
	}, nil},
	{"SetForwarding", func(c *outwardCall) csta.Request {
		return csta.SetForwarding{Device: c.phone, ForwardingType: csta.ForwardImmediate, ActivateForward: true, ForwardDN: c.who.abroad}
	}, func(c *outwardCall) { c.hand(c.pbx.Call(string(c.who.caller), string(c.phone))) }},
}

// outwardCall is a scene with one phone, which the caller calls.
type outwardCall struct {
	t     *testing.T
	pbx   outsideWorld
	g     *onFakePBX
	who   scene
	phone csta.DeviceID
}

func (c *outwardCall) hand(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *outwardCall) becomes(state csta.State) (id csta.ConnectionID) {
	c.t.Helper()
	until(c.t, string(c.phone)+" is "+string(state), func() bool {
		for k, v := range c.g.calls(c.t, c.phone) {
			if v == state {
				id = k
				return true
			}
		}
		return false
	})
	return id
}

func (c *outwardCall) rings() csta.ConnectionID {
	c.hand(c.pbx.Call(string(c.who.caller), string(c.phone)))
	return c.becomes(csta.Alerting)
}

func (c *outwardCall) talks() csta.ConnectionID {
	c.rings()
	c.hand(c.pbx.Answer(string(c.phone)))
	return c.becomes(csta.Connected)
}

// onFakePBX is a gateway on a fake PBX.
type onFakePBX struct {
	sip, url string
}

func onFake(t *testing.T, pbx *fake.PBX) *onFakePBX {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go pbx.Serve(l)
	return gatewayOn(t, fmt.Sprintf(`{name: ast, kind: asterisk, settings: {address: "%s", username: farhook, secret: s3cret}}`, l.Addr()), "103", func() {
		l.Close()
		pbx.Cut()
	})
}

// gatewayOn is a gateway on a PBX, given as in the configuration, which has come so far that it knows a phone; then is done when it has ended.
func gatewayOn(t *testing.T, pbx, phone string, then func()) *onFakePBX {
	t.Helper()
	conf, err := parse("test", fmt.Appendf(nil, `
sip: {listen: ["127.0.0.1:0"]}
http: {listen: "127.0.0.1:0"}
rights: demo
pbx: [%s]
`, pbx))
	if err != nil {
		t.Fatal(err)
	}
	g, err := open(conf, "", &streams{out: io.Discard, err: io.Discard}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.run(ctx) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		then()
	})
	f := &onFakePBX{g.sipAddr().String(), "http://" + g.httpAddr().String() + "/api/v1"}
	until(t, "the phones are known", func() bool { return f.ask(t, "GET", "/devices/"+phone, nil, nil) == nil })
	return f
}

// ask is a request over HTTP.
func (g *onFakePBX) ask(t *testing.T, method, path string, body, into any) error {
	t.Helper()
	var b bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&b).Encode(body); err != nil {
			t.Fatal(err)
		}
	}
	q, err := http.NewRequestWithContext(t.Context(), method, g.url+path, &b)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode >= 300 {
		return fmt.Errorf("%s: %s", r.Status, text)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	return nil
}

// calls are the connections of phones, and their states.
func (g *onFakePBX) calls(t *testing.T, phones ...csta.DeviceID) map[csta.ConnectionID]csta.State {
	t.Helper()
	all := map[csta.ConnectionID]csta.State{}
	for _, d := range phones {
		var r struct{ SnapshotDeviceResponse csta.SnapshotDeviceResponse }
		if err := g.ask(t, "POST", "/csta", map[string]any{"SnapshotDevice": csta.SnapshotDevice{SnapshotObject: d}}, &r); err != nil {
			t.Fatal(err)
		}
		if data := r.SnapshotDeviceResponse.CrossRefIDorSnapshotData.SnapshotData; data != nil {
			for _, i := range data.SnapshotDeviceResponseInfo {
				all[i.ConnectionIdentifier] = i.LocalCallState.CompoundCallState.LocalConnectionState[0]
			}
		}
	}
	return all
}

// byREST carries a request out by the operation that the console and other programs use for it.
func (g *onFakePBX) byREST(t *testing.T, r csta.Request) error {
	t.Helper()
	connection := func(c csta.ConnectionID, act string) string {
		return "/calls/" + string(c.Call) + "/connections/" + string(c.Device) + "/" + act
	}
	switch r := r.(type) {
	case csta.MakeCall:
		return g.ask(t, "POST", "/calls", map[string]any{"callingDevice": r.CallingDevice, "calledDirectoryNumber": r.CalledDirectoryNumber}, nil)
	case csta.ConsultationCall:
		return g.ask(t, "POST", connection(r.ExistingCall, "consult"), map[string]any{"consultedDevice": r.ConsultedDevice}, nil)
	case csta.SingleStepTransferCall:
		return g.ask(t, "POST", connection(r.ActiveCall, "single-step-transfer"), map[string]any{"to": r.TransferredTo}, nil)
	case csta.SingleStepConferenceCall:
		return g.ask(t, "POST", connection(r.ActiveCall, "single-step-conference"), map[string]any{"deviceToJoin": r.DeviceToJoin}, nil)
	case csta.DeflectCall:
		return g.ask(t, "POST", connection(r.CallToBeDiverted, "deflect"), map[string]any{"to": r.NewDestination}, nil)
	case csta.SetForwarding:
		return g.ask(t, "PUT", "/devices/"+string(r.Device)+"/forwarding", map[string]any{"on": r.ActivateForward, "type": r.ForwardingType, "to": r.ForwardDN}, nil)
	}
	t.Fatalf("%T", r)
	return nil
}

// bySIP carries requests out by INFO, in the session of a user who has signed in to a line.
func (g *onFakePBX) bySIP(line string) func(*testing.T, csta.Request) error {
	return func(t *testing.T, r csta.Request) error {
		t.Helper()
		n, err := net.Dial("tcp", g.sip)
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		in := textproto.NewReader(bufio.NewReader(n))
		tag, cseq, refused := "", 0, ""
		say := func(method string, m csta.Message) csta.Message {
			t.Helper()
			var body []byte
			if m != nil {
				body = csta.Encode(nil, m, csta.Ed3)
			}
			if method != "ACK" {
				cseq++
			}
			fmt.Fprintf(n, "%s sip:gw@contoso.test SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK%[2]s%[3]d%[1]s\r\nMax-Forwards: 70\r\nFrom: <sip:carol@contoso.test>;tag=a\r\n"+
				"To: <sip:gw@contoso.test>%[4]s\r\nCall-ID: %[2]s\r\nCSeq: %[3]d %[1]s\r\nContact: <sip:carol@192.0.2.1;transport=tcp>\r\n"+
				"Content-Type: application/csta+xml\r\nContent-Length: %[5]d\r\n\r\n%[6]s", method, n.LocalAddr(), cseq, tag, len(body), body)
			if method == "ACK" {
				return nil
			}
			a, err := readUC(in)
			if err == nil && method == "INFO" && a.start == "SIP/2.0 400 Bad Request" { // what stands in it cannot be read
				refused = a.start
				return nil
			}
			if err != nil || a.start != "SIP/2.0 200 OK" {
				t.Fatalf("%s: %v %s", method, err, a.start)
			}
			if method == "INVITE" {
				_, theirs, _ := strings.Cut(a.head.Get("To"), ";tag=")
				tag = ";tag=" + theirs
			}
			if len(a.body) == 0 {
				return nil
			}
			answer, _, err := csta.Decode(a.body)
			if err != nil {
				t.Fatal(err)
			}
			return answer
		}
		say("INVITE", csta.RequestSystemStatus{Extensions: extension.WithLine(line)})
		say("ACK", nil)
		answer := say("INFO", r)
		say("BYE", nil)
		if e, is := answer.(*csta.Error); is {
			return e
		}
		if refused != "" {
			return errors.New(refused)
		}
		return nil
	}
}
