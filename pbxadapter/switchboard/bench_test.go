package switchboard_test

import (
	"fmt"
	"testing"

	"farhook/csta"
	. "farhook/pbxadapter/switchboard"
)

// What an event costs does not depend on how many follow other lines: the figures of one run are to be compared.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{10, 50_000} {
		b.Run(fmt.Sprintf("followers-on-other-lines=%d", n), func(b *testing.B) {
			a := newScripted(d1, d2)
			board := New(AnyLine{}, Options{}, PBX{Name: "a", Adapter: a})
			serve(b, board)
			r := <-a.runs
			for range n {
				board.Follow(anybody, Now, Filter{}, func() {}).Watch(d2)
			}
			b.ReportAllocs()
			for b.Loop() {
				r.Report(ring("1", d1))
				r.Report(end("1", d1))
			}
		})
	}
}

// One of a thousand followers of a line never reads; nobody notices.
func BenchmarkSlowFollower(b *testing.B) {
	for _, dead := range []int{0, 1} {
		b.Run(fmt.Sprintf("dead=%d", dead), func(b *testing.B) {
			a := newScripted(d1)
			board := New(AnyLine{}, Options{}, PBX{Name: "a", Adapter: a})
			serve(b, board)
			r := <-a.runs
			var alive []*Cursor
			for i := range 1000 {
				c := board.Follow(anybody, Now, Filter{}, func() {})
				c.Watch(d1)
				if i >= dead {
					alive = append(alive, c)
				}
			}
			for b.Loop() {
				r.Report(ring("1", d1))
				r.Report(end("1", d1))
				for _, c := range alive {
					for ok := true; ok; {
						_, ok, _ = c.Next()
					}
				}
			}
		})
	}
}

func BenchmarkResolve(b *testing.B) {
	var devices []csta.DeviceID
	for i := range 50_000 {
		devices = append(devices, csta.DeviceID(fmt.Sprint("tel:+1555", 1_000_000+i)))
	}
	a := newScripted(devices...)
	board := New(AnyLine{}, Options{}, PBX{Name: "a", Adapter: a})
	serve(b, board)
	<-a.runs
	for _, s := range []string{"tel:+15551000001", "tel:1002;phone-context=dialstring"} {
		b.Run(s, func(b *testing.B) {
			for b.Loop() {
				if _, err := board.Resolve(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
