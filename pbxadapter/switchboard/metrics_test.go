package switchboard

import (
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"farhook/csta"
)

// gather gives the values of one metric by the values of its labels.
func gather(t *testing.T, c prometheus.Collector, name string) map[string]float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(c)
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]float64)
	for _, f := range all {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			key := ""
			for _, l := range m.GetLabel() {
				key += l.GetValue() + " "
			}
			out[key] = value(m)
		}
	}
	return out
}

func value(m *dto.Metric) float64 {
	switch {
	case m.Counter != nil:
		return m.Counter.GetValue()
	case m.Histogram != nil:
		return float64(m.Histogram.GetSampleCount())
	}
	return m.Gauge.GetValue()
}

// Requests are counted by service and result; whatever a client asks for, there are no more labels than the standard has.
func TestCount(t *testing.T) {
	b := New(AnyLine{}, Options{})
	now := time.Now()
	b.Count("MakeCall", now, nil)
	b.Count("MakeCall", now, csta.ErrInvalidCallingDeviceID.With("x"))
	b.Count("MakeCall", now, errors.New("x"))
	b.Count("MonitorStart", now, nil)
	for _, s := range []csta.Service{"Rubbish", "More", ""} {
		b.Count(s, now, csta.ErrServiceNotSupported)
	}
	got := gather(t, b.Metrics(), "farhook_requests_total")
	for key, want := range map[string]float64{
		"ok MakeCall ": 1, "operation MakeCall ": 1, "fault MakeCall ": 1, "ok MonitorStart ": 1, "operation other ": 3, "ok AnswerCall ": 0,
	} {
		if v, there := got[key]; v != want || !there {
			t.Errorf("%s: %v, want %v", key, v, want)
		}
	}
	if n := gather(t, b.Metrics(), "farhook_request_duration_seconds"); n["MakeCall "] != 3 || n["other "] != 3 {
		t.Error(n)
	}
}

// Counting a request costs a few hundred nanoseconds at most, and no memory.
func BenchmarkCount(b *testing.B) {
	board := New(AnyLine{}, Options{})
	began := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		board.Count("SnapshotDevice", began, nil)
	}
}
