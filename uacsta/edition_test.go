package uacsta_test

import (
	"net/netip"
	"path"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/extension"
	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

// A client is answered and told in the edition that it speaks, from its sign-in on, also what went wrong, and also by the next process.
func TestEditionOfTheClient(t *testing.T) {
	for _, ed := range []csta.Edition{csta.Ed1, csta.Ed2, csta.Ed4, csta.Ed5, csta.Ed6} {
		t.Run(path.Base(string(ed)), func(t *testing.T) {
			kept := &shelf{values: map[string][]byte{}}
			underFakeTime(t, func(t *testing.T, h *house, _ *uactest.Memory) {
				const line = "tel:+15551001"
				serve := func() (l *uactest.Memory, stop func()) {
					return h.process(t, uacsta.Config{Store: kept, Peers: []uacsta.Peer{{
						Name: "pool", Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, OnLinkLoss: uacsta.TellStatus,
					}}})
				}
				l, stop := serve()
				p := newPeer(t, l.Dial())
				reads := func(start, element string) {
					t.Helper()
					g := p.read()
					_, spoken, err := csta.Decode([]byte(g.body))
					if !strings.HasPrefix(g.start, start) || !strings.Contains(g.body, "<"+element+" ") || spoken != ed || err != nil {
						t.Errorf("want %s with %s in %s, got %s%s, %v", start, element, ed, g.head, g.body, err)
					}
				}
				asks := func(m csta.Message, answer string) {
					t.Helper()
					p.send(p.request("INFO", string(csta.Encode(nil, m, ed))))
					reads("SIP/2.0 200", answer)
				}
				p.send(p.request("INVITE", string(csta.Encode(nil, csta.RequestSystemStatus{Extensions: extension.WithLine(line)}, ed))))
				ok := p.read()
				if _, spoken, err := csta.Decode([]byte(ok.body)); spoken != ed || err != nil {
					t.Fatalf("signed in: %s%s, %v", ok.head, ok.body, err)
				}
				_, p.toTag, _ = strings.Cut(ok.header("To"), ";tag=")
				p.send(p.request("ACK", ""))
				asks(csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: line}}, "MonitorStartResponse")
				asks(csta.MakeCall{CallingDevice: line, CalledDirectoryNumber: "1002", AutoOriginate: csta.AutoOriginateDoNotPrompt}, "MakeCallResponse")
				for _, e := range []string{"ServiceInitiatedEvent", "OriginatedEvent", "DeliveredEvent"} {
					reads("INFO ", e)
				}
				asks(csta.MakeCall{CallingDevice: "tel:+15551009", CalledDirectoryNumber: "1002"}, "CSTAErrorCode")
				time.Sleep(time.Second)
				stop()

				l, stop = serve()
				defer stop()
				p.moveTo(l.Dial())
				p.send(p.request("UPDATE", "")) // says nothing of the edition
				p.read()
				if err := h.pbx.Phone(1002).Answer(); err != nil {
					t.Fatal(err)
				}
				reads("INFO ", "EstablishedEvent")
				h.pbx.CutLink()
				for _, e := range []string{"SystemStatus", "OutOfServiceEvent"} { // the one is the session's, the other the monitor's
					reads("INFO ", e)
				}
			})
		})
	}
}
