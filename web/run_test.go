package web

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/web/access"
	"farhook/web/history"
)

// Finished calls are forgotten when they are too old, within the hour, again and again; where no age is given, never.
func TestRetention(t *testing.T) {
	for _, c := range []struct {
		name      string
		retention time.Duration
		left      []int // after 47, 49, 90 and 97 hours
	}{
		{"two days", 48 * time.Hour, []int{2, 1, 1, 0}},
		{"for ever", 0, []int{2, 2, 2, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db, err := history.Open("", nil)
				if err != nil {
					t.Fatal(err)
				}
				defer db.Close()
				pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 4, Quiet: true})
				if err != nil {
					t.Fatal(err)
				}
				b := switchboard.New(access.Open(), switchboard.Options{}, switchboard.PBX{Name: "sim", Adapter: pbx})
				spool, err := history.NewSpool(t.Context(), db, b, zap.NewNop(), nil, nil)
				if err != nil {
					t.Fatal(err)
				}
				s := &Server{conf: Config{Retention: c.retention}, db: db, log: zap.NewNop()}
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 3)
				go func() { ended <- b.Run(ctx) }()
				go func() { ended <- spool.Run(ctx) }()
				go func() { s.retain(ctx); ended <- nil }()
				defer func() {
					stop()
					for range cap(ended) {
						if err := <-ended; err != nil {
							t.Error(err)
						}
					}
				}()
				synctest.Wait()
				call := func() {
					t.Helper()
					if err := pbx.Phone(1001).Dial("tel:+15551002"); err != nil {
						t.Fatal(err)
					}
					if err := pbx.Phone(1001).HangUp(); err != nil {
						t.Fatal(err)
					}
				}
				began := time.Now()
				call()
				time.Sleep(46 * time.Hour)
				call()
				for i, at := range []time.Duration{47 * time.Hour, 49 * time.Hour, 90 * time.Hour, 97 * time.Hour} {
					time.Sleep(time.Until(began.Add(at)))
					synctest.Wait()
					if list, err := db.Search(t.Context(), history.Query{}); err != nil || len(list) != c.left[i] {
						t.Errorf("after %v: %d calls, want %d (%v)", at, len(list), c.left[i], err)
					}
				}
			})
		})
	}
}
