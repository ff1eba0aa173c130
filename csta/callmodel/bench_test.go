package callmodel

import (
	"fmt"
	"testing"

	"farhook/csta"
)

// standing is a model with n calls of two.
func standing(n int) *Model {
	m := New()
	for i := range n {
		apply(m, talking(csta.CallID(fmt.Sprintf("standing-%d", i)), csta.DeviceID(fmt.Sprintf("tel:+1666%07d", i)), csta.DeviceID(fmt.Sprintf("tel:+1777%07d", i)))...)
	}
	return m
}

// BenchmarkApply is one fact: it costs as much with 10,000 calls standing as with ten.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("calls=%d", n), func(b *testing.B) {
			m := standing(n)
			apply(m, talking("1", dA, dB)...)
			hold, retrieve := Fact(move("1", dB, csta.Hold)), Fact(move("1", dB, csta.Connected))
			b.ReportAllocs()
			for b.Loop() {
				m.Apply(hold)
				m.Apply(retrieve)
			}
		})
	}
}

func BenchmarkState(b *testing.B) {
	m := standing(10_000)
	b.ReportAllocs()
	for b.Loop() {
		m.State()
	}
}

// One device's calls are found without looking at the others'.
func BenchmarkAt(b *testing.B) {
	m := standing(10_000)
	b.ReportAllocs()
	for b.Loop() {
		m.At("tel:+16660000007")
	}
}
