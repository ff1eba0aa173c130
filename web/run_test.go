package web

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"farhook/web/internal/clocktest"
)

// Calls are forgotten at the start and every hour, by the clock. One that is put forward while farhook runs makes nothing old: nothing is forgotten from then on, and the log says why. Set back,
// it only makes calls stay longer.
func TestRetentionAndTheClock(t *testing.T) {
	for _, test := range []struct {
		name    string
		set     time.Duration // after three hours and a half
		forgets int           // within six
		says    int
	}{
		{"an hour is an hour", 0, 7, 0},
		{"put right by a little", 10 * time.Minute, 7, 0},
		{"put forward by a month", 30 * 24 * time.Hour, 4, 1},
		{"put back by a month", -30 * 24 * time.Hour, 7, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			core, said := observer.New(zap.ErrorLevel)
			real := time.Now() // has both readings; a bubble's has one
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				const keep = 24 * time.Hour
				by := func(now time.Time) time.Duration {
					if now.Sub(began) > 3*time.Hour+30*time.Minute {
						return test.set
					}
					return 0
				}
				forgets := 0
				ctx, cancel := context.WithTimeout(t.Context(), 6*time.Hour+time.Minute)
				defer cancel()
				clock := func() time.Time { return clocktest.Set(t, real.Add(time.Since(began)), by(time.Now())) }
				r := retention{keep, clock, func(_ context.Context, before time.Time) (int64, error) {
					if forgets++; forgets == 2 {
						return 0, errors.New("the disk takes nothing")
					}
					if want := real.Add(time.Duration(forgets-1)*time.Hour + by(time.Now()) - keep); !before.Round(0).Equal(want.Round(0)) {
						t.Errorf("what is before %v is forgotten, want %v", before, want)
					}
					return 1, nil
				}, zap.New(core)}
				r.run(ctx)
				if forgets != test.forgets {
					t.Errorf("%d times something was forgotten, want %d", forgets, test.forgets)
				}
			})
			if n := said.FilterMessageSnippet("the clock has gone forward").Len(); n != test.says {
				t.Errorf("it was said %d times, want %d", n, test.says)
			}
			if n := said.FilterMessageSnippet("not forgotten").Len(); n != 1 {
				t.Errorf("that the disk takes nothing was said %d times", n)
			}
		})
	}
	retention{keep: 0, now: time.Now}.run(t.Context()) // for ever: nothing is asked to forget
}
