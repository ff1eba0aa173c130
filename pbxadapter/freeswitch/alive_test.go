package freeswitch

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"farhook/pbxadapter/freeswitch/fake"
)

// A peer that is dead is noticed in time, however it is dead; and one that is only quiet is not taken for dead.
func TestDeadPeer(t *testing.T) {
	beats := func(s *script, n int, every time.Duration) {
		for range n {
			time.Sleep(every)
			s.f.Fire("HEARTBEAT", nil)
		}
	}
	for _, c := range []struct {
		name, want string // empty: it stays
		act        func(*script)
		within     time.Duration
	}{
		{"it answers nothing", "does not answer", func(s *script) { s.f.Set(func(m *fake.Mood) { m.Silent = true }) }, 35 * time.Second},
		{"its heartbeats stop", "heartbeat", func(s *script) { beats(s, 5, 20*time.Second); s.f.Lose("HEARTBEAT") }, 80 * time.Second},
		{"its slow heartbeats stop", "heartbeat", func(s *script) { beats(s, 3, time.Minute); s.f.Lose("HEARTBEAT") }, 200 * time.Second},
		{"it has no heartbeat", "", func(*script) { time.Sleep(time.Hour) }, 0},
		{"one heartbeat", "", func(s *script) { beats(s, 1, time.Second); time.Sleep(time.Hour) }, 0},
		{"its heartbeats go on", "", func(s *script) { beats(s, 200, 20*time.Second) }, 0},
		{"its heartbeats come in bunches", "", func(s *script) {
			beats(s, 3, 20*time.Second)
			beats(s, 3, time.Millisecond)
			time.Sleep(30 * time.Second)
			beats(s, 50, 20*time.Second)
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := piped(t)
				a := fakeAdapter(t, s.at, false)
				a.time = usual()
				a.dialer = s.dial
				ctx, cancel := context.WithCancel(context.Background())
				ended := make(chan error, 1)
				go func() { ended <- a.Run(ctx, s) }()
				s.until("synced", func() bool { return s.synced > 0 })
				c.act(s)
				began := time.Now()
				if c.want == "" {
					cancel()
					if err := <-ended; err != nil {
						t.Errorf("the link ended: %v", err)
					}
					return
				}
				defer cancel()
				err := <-ended
				if took := time.Since(began); err == nil || !strings.Contains(err.Error(), c.want) || took > c.within {
					t.Errorf("%v after %v, want %q within %v", err, took, c.want, c.within)
				}
			})
		})
	}
}
