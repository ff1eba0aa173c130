package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard"
	"farhook/web"
	"farhook/web/access"
)

// busyPBX answers about a device when it is let.
type busyPBX struct {
	now, most atomic.Int64
	gate      chan struct{}
}

func (p *busyPBX) Services() csta.Services { return csta.Services{} }

func (p *busyPBX) Run(ctx context.Context, r pbxadapter.Reporter) error {
	r.Devices([]pbxadapter.Device{{ID: "tel:+15551001"}})
	r.Resync(callmodel.State{})
	<-ctx.Done()
	return nil
}

func (p *busyPBX) Audit(ctx context.Context, _ csta.DeviceID) (int, error) {
	n := p.now.Add(1)
	defer p.now.Add(-1)
	for most := p.most.Load(); n > most && !p.most.CompareAndSwap(most, n); most = p.most.Load() {
	}
	select {
	case <-p.gate:
		return 0, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// However many ask for their lines to be checked, the PBX is asked a few at once, and everybody is answered.
func TestChecksAtOnce(t *testing.T) {
	pbx := &busyPBX{gate: make(chan struct{})}
	acc := access.Open()
	b := switchboard.New(acc, switchboard.Options{}, switchboard.PBX{Name: "busy", Adapter: pbx})
	s, err := web.New(b, web.Config{Version: "test", Access: acc})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	for !b.Synced("tel:+15551001") {
		time.Sleep(time.Millisecond)
	}
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/api/v1/devices/tel:+15551001/check", nil)
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"repaired":0`) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	for pbx.now.Load() < 4 {
		time.Sleep(time.Millisecond)
	}
	close(pbx.gate)
	all.Wait()
	if n := pbx.most.Load(); n != 4 {
		t.Errorf("%d at once", n)
	}
}
