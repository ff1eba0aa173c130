package main

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"farhook/csta"
	"farhook/pbxadapter/freeswitch/fake"
)

// to is a request to another number.
func to(r csta.Request, number csta.DeviceID) csta.Request {
	switch r := r.(type) {
	case csta.MakeCall:
		r.CalledDirectoryNumber = number
		return r
	case csta.ConsultationCall:
		r.ConsultedDevice = number
		return r
	case csta.SingleStepTransferCall:
		r.TransferredTo = number
		return r
	case csta.SingleStepConferenceCall:
		r.DeviceToJoin = number
		return r
	case csta.DeflectCall:
		r.NewDestination = number
		return r
	case csta.SetForwarding:
		r.ForwardDN = number
		return r
	}
	return nil
}

// Whatever stands for a number in a request, over SIP or REST, nothing of it comes to a FreeSWITCH as more than a number.
func TestSmugglingToFreeSWITCH(t *testing.T) {
	t.Parallel()
	pbx := fake.New(fake.Config{Password: "s3cret"})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); pbx.Serve(l) }()
	g := gatewayOn(t, fmt.Sprintf(`{name: fs, kind: freeswitch, settings: {address: "%s", password: s3cret, domain: pbx.test,
  devices: [{user: "201", style: {header: call-info, notify: "yes"}}, {user: "202", style: {header: call-info, notify: "yes"}}],
  features: {forward_immediate: {set: "db insert/cfu/{user}/{number}", clear: "db delete/cfu/{user}", get: "db select/cfu/{user}"}}}}`, l.Addr()), "202", func() {
		_ = l.Close()
		pbx.Cut()
		<-done
	})
	who := scene{caller: "201", free: "202", barred: "202", abroad: "0301234567"}
	for way, ask := range map[string]func(*testing.T, csta.Request) error{"SIP": g.bySIP("202"), "REST": g.byREST} {
		for _, s := range outward {
			t.Run(way+"/"+s.name, func(t *testing.T) {
				begin := func() csta.Request { return s.request(&outwardCall{t, onFreeSWITCH{pbx}, g, who, "202"}) }
				end := func() {
					pbx.Reset()
					pbx.Keep("cfu/202", "")
					until(t, "nobody talks", func() bool { return len(pbx.Legs()) == 0 && len(g.calls(t, "201", "202")) == 0 })
				}
				r := begin()
				pbx.Said()
				for _, e := range []csta.DeviceID{
					"203,evil", "203|evil=x", "203}evil", "203 XML evil", "203' evil", "203\"evil", "${evil}", "203\n\nbgapi evil", "203\r\nevil: x", "203[evil=1]", "203\\evil",
					"203^evil:", "203;evil=b", "203&evil", "tel:203;evil", "sip:203,evil@pbx.test", "<evil>", "203@evil",
				} {
					if ask(t, to(r, e)) == nil { // it is taken for a number
						end()
						r = begin()
					}
				}
				for _, c := range pbx.Said() {
					if strings.Contains(strings.ToLower(c), "evil") {
						t.Errorf("the PBX was told %q", c)
					}
				}
				if err := ask(t, r); err != nil {
					t.Errorf("a number is refused: %v: so the test shows nothing", err)
				}
				end()
			})
		}
	}
}
