package sim_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
)

// sink is a Reporter that is told, and does nothing.
type sink struct{ synced chan struct{} }

func (sink) Devices([]pbxadapter.Device) {}
func (s sink) Resync(callmodel.State)    { close(s.synced) }
func (sink) Report(callmodel.Fact)       {}

// The wiretap gets each request, its answer, and the facts that it causes, under the request's mark and with the call; secrets aren't in them.
func TestTap(t *testing.T) {
	var mu sync.Mutex
	var got []string
	pbx, err := sim.New(pbxadapter.Options{Name: "sim", Tap: func(m pbxadapter.Message) {
		mu.Lock()
		defer mu.Unlock()
		way := "<"
		if m.Out {
			way = ">"
		}
		if m.Op != 7 {
			way += " unmarked"
		}
		for _, c := range m.Calls {
			way += " " + string(c)
		}
		got = append(got, way+" "+string(m.Line)+": "+string(m.Text))
	}}, sim.Config{Lines: 30, Quiet: true, Clock: sim.NewClock(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	synced, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- pbx.Run(ctx, sink{synced}) }()
	<-synced
	ctx7 := pbxadapter.WithOp(ctx, 7)
	for _, r := range []csta.Request{
		csta.MakeCall{CallingDevice: "tel:+15551001", CalledDirectoryNumber: "tel:+15551002", AutoOriginate: csta.AutoOriginateDoNotPrompt},
		csta.MakeCall{CallingDevice: "tel:+15551001", CalledDirectoryNumber: "tel:+15551003", AutoOriginate: csta.AutoOriginateDoNotPrompt},
	} {
		_, _ = pbx.Services()[r.Service()](ctx7, r)
	}
	if err := pbx.Phone(1002).Answer(); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	text := strings.Join(got, "\n")
	for _, want := range []string{
		"> tel:+15551001: MakeCall tel:+15551001 tel:+15551002",
		"< sim-1 tel:+15551001: moved tel:+15551001 in sim-1: connected",
		"< sim-1 tel:+15551002: moved tel:+15551002 in sim-1: alerting",
		"< tel:+15551001: MakeCall: done",
		"< tel:+15551001: MakeCall: ",
		"< unmarked sim-1 tel:+15551002: moved tel:+15551002 in sim-1: connected",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
