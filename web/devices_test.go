package web_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard"
	"farhook/web"
	"farhook/web/access"
)

// latePBX connects when it is told to, and has the devices that a test gives it.
type latePBX struct {
	up      chan struct{}
	devices chan []pbxadapter.Device
}

func (p *latePBX) Services() csta.Services { return csta.Services{} }

func (p *latePBX) Run(ctx context.Context, r pbxadapter.Reporter) error {
	select {
	case <-p.up:
	case <-ctx.Done():
		return nil
	}
	r.Devices(<-p.devices)
	r.Resync(callmodel.State{})
	for {
		select {
		case <-ctx.Done():
			return nil
		case d := <-p.devices:
			r.Devices(d)
		}
	}
}

// Whoever follows before a PBX has told its phones hears of them when it does, and of what changes about them: nobody has to load a page again.
func TestDevicesAreFollowed(t *testing.T) {
	pbx := &latePBX{make(chan struct{}), make(chan []pbxadapter.Device, 1)}
	acc := access.Open()
	b := switchboard.New(acc, switchboard.Options{}, switchboard.PBX{Name: "slow", Adapter: pbx})
	s, err := web.New(b, web.Config{Version: "test", Access: acc})
	if err != nil {
		t.Fatal(err)
	}
	url, stop := serve(t, b, s)
	g := &gateway{t: t, url: url}
	all, calls := g.follow("GET", "/api/v1/events", ""), g.follow("GET", "/api/v1/events", "kind=call")
	type document struct {
		Type, Kind string
		Devices    []struct {
			DeviceID, Name string
			LinkUp         bool
			Lacks          map[string]string
		}
		Gone []string
	}
	next := func(s *sse) (d document) {
		t.Helper()
		if err := json.Unmarshal([]byte(s.next().raw), &d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := next(all); d.Type != "snapshot" || len(d.Devices) != 0 {
		t.Fatalf("%+v", d)
	}
	next(calls)
	pbx.devices <- []pbxadapter.Device{{ID: "tel:+15551001", Name: "Ada"}, {ID: "tel:+15551002", Name: "Bruno"}}
	close(pbx.up)
	if d := next(all); d.Type != "event" || d.Kind != "device" || len(d.Devices) != 2 || !d.Devices[0].LinkUp || d.Devices[1].Name != "Bruno" {
		t.Errorf("%+v", d)
	}
	filtered := g.follow("GET", "/api/v1/events", "device=%2B15551002")
	next(filtered)
	pbx.devices <- []pbxadapter.Device{{ID: "tel:+15551001", Name: "Ada King"}, {ID: "tel:+15551002", Name: "Bruno"}}
	if d := next(all); len(d.Devices) != 1 || d.Devices[0].Name != "Ada King" {
		t.Errorf("%+v", d)
	}
	pbx.devices <- []pbxadapter.Device{{ID: "tel:+15551002", Name: "Bruno", Lacks: map[csta.Service]pbxadapter.Reason{"HoldCall": "it can't"}}}
	if d := next(all); len(d.Devices) != 0 || len(d.Gone) != 1 || d.Gone[0] != "tel:+15551001" {
		t.Errorf("%+v", d)
	}
	if d := next(all); len(d.Devices) != 1 || d.Devices[0].Lacks["HoldCall"] == "" {
		t.Errorf("%+v", d)
	}
	if d := next(filtered); len(d.Devices) != 1 || d.Devices[0].DeviceID != "tel:+15551002" || len(d.Gone) != 0 {
		t.Errorf("who follows one device hears: %+v", d)
	}
	var quiet document
	time.AfterFunc(100*time.Millisecond, stop)
	if quiet = next(calls); quiet.Type != "end" {
		t.Errorf("who asked for calls hears: %+v", quiet)
	}
}
