package main

import (
	"fmt"
	"net"
	"testing"

	"farhook/pbxadapter/freeswitch/fake"
)

// onFreeSWITCH is a fake FreeSWITCH as the scenes need it.
type onFreeSWITCH struct{ *fake.PBX }

func (p onFreeSWITCH) Call(from, to string) error { p.PBX.Call(from, to); return nil }
func (p onFreeSWITCH) Idle() bool                 { return len(p.Legs()) == 0 }
func (p onFreeSWITCH) Reset() {
	p.PBX.Reset()
	for _, phone := range []string{"202", "203"} {
		p.Keep("cfu/"+phone, "")
	}
}

// A phone of a FreeSWITCH that is barred from abroad stays barred too, in either style.
func TestBarredFreeSWITCH(t *testing.T) {
	t.Parallel()
	for style, notify := range map[string]string{"notify": "yes", "parked": "no"} {
		t.Run(style, func(t *testing.T) {
			pbx := fake.New(fake.Config{Password: "s3cret", Barred: []string{"203"}})
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() { defer close(done); pbx.Serve(l) }()
			devices := ""
			for _, u := range []string{"201", "202", "203"} {
				devices += fmt.Sprintf("{user: %q, style: {header: call-info, notify: %q}}, ", u, notify)
			}
			g := gatewayOn(t, fmt.Sprintf(`{name: fs, kind: freeswitch, settings: {address: "%s", password: s3cret, domain: pbx.test, devices: [%s],
  features: {forward_immediate: {set: "db insert/cfu/{user}/{number}", clear: "db delete/cfu/{user}", get: "db select/cfu/{user}"}}}}`, l.Addr(), devices), "203", func() {
				_ = l.Close()
				pbx.Cut()
				<-done
			})
			staysBarred(t, onFreeSWITCH{pbx}, g, scene{caller: "201", free: "202", barred: "203", abroad: "0049301234"}, true)
		})
	}
}
