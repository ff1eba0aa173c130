package sim_test

import (
	"context"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
)

// A fact that gets lost makes a lamp lie; it's put right when the PBX is asked about a device in the call, or after a minute.
func TestLostFacts(t *testing.T) {
	for _, c := range []struct {
		name     string
		heal     func(*world) int
		repaired int
	}{
		{"asked about the device", func(w *world) int { return w.audit("tel:+15551002") }, 1},
		{"asked about the other", func(w *world) int { return w.audit("tel:+15551001") }, 1},
		{"asked about all", func(w *world) int { return w.audit("") }, 1},
		{"asked about a third", func(w *world) int { return w.audit("tel:+15551003") }, 0},
		{"by itself", func(w *world) int { w.clock.Advance(time.Minute); return 1 }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf := quiet()
			conf.Hands = false
			w := newWorld(t, conf)
			if err := w.Phone(1001).Dial("tel:+15551002"); err != nil {
				t.Fatal(err)
			}
			if err := w.Lose("tel:+15551002", 1); err != nil {
				t.Fatal(err)
			}
			if err := w.Phone(1002).Answer(); err != nil {
				t.Fatal(err)
			}
			w.expect("the answer got lost", "1001", "connected", "1002", "alerting")
			if got := c.heal(w); got != c.repaired {
				t.Errorf("repaired %d, want %d", got, c.repaired)
			}
			if c.repaired > 0 {
				w.expect("healed", "1001", "connected", "1002", "connected")
			} else {
				w.expect("not asked about", "1001", "connected", "1002", "alerting")
			}
			if c.repaired > 0 && w.audit("") != 0 {
				t.Error("repaired twice")
			}
			if err := w.Phone(1001).HangUp(); err != nil {
				t.Fatal(err)
			}
			w.expect("at the end", "1001", "idle", "1002", "idle")
		})
	}
}

// A call whose end got lost stands until somebody asks.
func TestLostEnd(t *testing.T) {
	conf := quiet()
	conf.Hands = false
	w := newWorld(t, conf)
	if err := w.Phone(1001).Dial("tel:+15551002"); err != nil {
		t.Fatal(err)
	}
	if err := w.Phone(1002).Answer(); err != nil {
		t.Fatal(err)
	}
	if err := w.Lose("", 9); err != nil {
		t.Fatal(err)
	}
	if err := w.Phone(1001).HangUp(); err != nil {
		t.Fatal(err)
	}
	w.expect("nobody was told", "1001", "connected", "1002", "connected")
	if n := w.audit("tel:+15551001"); n != 1 {
		t.Errorf("repaired %d", n)
	}
	w.expect("asked about one", "1001", "idle", "1002", "connected")
	if n := w.audit(""); n != 1 {
		t.Errorf("repaired %d", n)
	}
	w.expect("asked about all", "1001", "idle", "1002", "idle")
	if w.Lose("tel:+15559999", 1) == nil {
		t.Error("there is no such device")
	}
	alone, err := sim.New(pbxadapter.Options{Name: "sim"}, conf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := alone.Audit(context.Background(), ""); err == nil {
		t.Error("asked without a link")
	}
}

func (w *world) audit(d string) int {
	w.Helper()
	var a pbxadapter.Auditor = w.PBX
	n, err := a.Audit(context.Background(), csta.DeviceID(d))
	if err != nil {
		w.Fatal(err)
	}
	return n
}
