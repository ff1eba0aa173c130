package web

import (
	"context"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"farhook/pbxadapter/switchboard"
	"farhook/web/history"
	"farhook/web/live"
)

// Notes go by themselves when their time is over, one after the other, are told so, and outlive the process until then.
func TestNotesExpire(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.db")
	synctest.Test(t, func(t *testing.T) {
		b := switchboard.New(switchboard.AnyLine{}, switchboard.Options{})
		c := b.Follow(switchboard.System, switchboard.Now, switchboard.Filter{All: true, Beside: true}, func() {})
		defer c.Close()
		started := func() (*notebook, func()) {
			db, err := history.Open(file, nil)
			if err != nil {
				t.Fatal(err)
			}
			n, err := openNotebook(t.Context(), b, db, zap.NewNop())
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); n.run(ctx) }()
			return n, func() {
				stop()
				<-done
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		began := time.Now()
		n, stop := started()
		for _, x := range []history.Note{
			{Device: "tel:+15551001", Text: "for an hour", Until: began.Add(time.Hour)},
			{Device: "tel:+15551002", Text: "for a minute", Until: began.Add(time.Minute)},
			{Device: "tel:+15551003", Text: "for two hours", Until: began.Add(2 * time.Hour)},
			{Device: "tel:+15551004", Text: "for three hours", Until: began.Add(3 * time.Hour)},
			{Text: "for good"},
		} {
			if _, err := n.put(t.Context(), switchboard.Principal{User: "anna"}, x); err != nil {
				t.Fatal(err)
			}
		}
		left := func(n *notebook, want ...string) {
			t.Helper()
			synctest.Wait()
			all := n.all()
			for i, x := range all {
				if i >= len(want) || x.Text != want[i] {
					t.Fatalf("after %v: %+v, want %v", time.Since(began), all, want)
				}
			}
			if len(all) != len(want) {
				t.Fatalf("after %v: %+v, want %v", time.Since(began), all, want)
			}
		}
		time.Sleep(time.Minute - 1)
		left(n, "for good", "for an hour", "for a minute", "for two hours", "for three hours")
		time.Sleep(time.Nanosecond)
		left(n, "for good", "for an hour", "for two hours", "for three hours")
		time.Sleep(time.Hour)
		left(n, "for good", "for two hours", "for three hours")
		var ended []string
		for e, ok, err := c.Next(); ok; e, ok, err = c.Next() {
			if err != nil {
				t.Fatal(err)
			}
			if x := e.Beside.(live.Note); x.Ended {
				ended = append(ended, string(x.Device))
			}
		}
		if len(ended) != 2 || ended[0] != "tel:+15551002" || ended[1] != "tel:+15551001" {
			t.Errorf("told: %v", ended)
		}
		stop()
		time.Sleep(time.Hour) // while nobody runs, another's time is over
		n, stop = started()
		left(n, "for good", "for three hours")
		time.Sleep(time.Hour)
		left(n, "for good")
		stop()
		n, stop = started()
		left(n, "for good")
		stop()
	})
}
