package uacsta_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
	"farhook/uacsta/store"
)

// watchers are sessions on one line, each with a connection of its own.
type watchers struct {
	h     *house
	peers []*peer
	on    bool
}

func newWatchers(b *testing.B, n int, change ...func(*uacsta.Config)) *watchers {
	w := &watchers{h: newHouse(b, switchboard.OwnLine{}, false, append(change, func(c *uacsta.Config) { c.SessionsPerLine = n })...)}
	for range n {
		p := w.h.dial(b)
		p.signIn("tel:+15551001")
		_ = p.conn.SetReadDeadline(time.Time{})
		w.peers = append(w.peers, p)
	}
	return w
}

// tell makes so many events, and waits until everybody has them.
func (w *watchers) tell(b *testing.B, events int) {
	for range events {
		w.on = !w.on
		if err := w.h.pbx.Phone(1001).SetDoNotDisturb(w.on); err != nil {
			b.Fatal(err)
		}
	}
	for _, p := range w.peers {
		if err := p.count(events, "\r\nCSeq: "); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStored is events to ten sessions that are kept in a file, and to ten that aren't, turn by turn in one run: one event at a time, which is one
// change of a session each, and 64 at a time, of which several are one change.
func BenchmarkStored(b *testing.B) {
	for _, ahead := range []int{1, 64} {
		b.Run(fmt.Sprint(ahead), func(b *testing.B) {
			s, err := store.Open(filepath.Join(b.TempDir(), "s.db"), nil)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = s.Close() })
			bare := newWatchers(b, 10)
			kept := newWatchers(b, 10, func(c *uacsta.Config) { c.Store = s })
			var with, without time.Duration
			n := 0
			for b.Loop() {
				began := time.Now()
				bare.tell(b, ahead)
				between := time.Now()
				kept.tell(b, ahead)
				without += between.Sub(began)
				with += time.Since(between)
				n += ahead * len(bare.peers)
			}
			b.ReportMetric(without.Seconds()*1e9/float64(n), "bare-ns/event")
			b.ReportMetric(with.Seconds()*1e9/float64(n), "kept-ns/event")
			b.ReportMetric(with.Seconds()/without.Seconds(), "kept/bare")
			b.ReportMetric(0, "ns/op")
		})
	}
}
