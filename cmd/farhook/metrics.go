package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"farhook/pbxadapter/switchboard/wiretap"
	"farhook/uacsta/store"
)

// newRegistry gathers what every part counts. docs/metrics.md lists it.
func (g *gateway) newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "farhook_build_info", Help: "1; the version is a label.", ConstLabels: prometheus.Labels{"version": versionText()},
	})
	build.Set(1)
	r.MustRegister(
		build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		g.board.Metrics(), g.uc.Metrics(), lasting{g}, keeping{g.store, g.tap, g.uc.Draining}, trusting{g}, remembering{g}, g.spans,
	)
	return r
}

// keeping tells of the store and of the wiretap.
type keeping struct {
	store    *store.Store // nil: none
	tap      *wiretap.Tap
	draining func() bool
}

var (
	descStoreUp      = prometheus.NewDesc("farhook_store_up", "1 where sessions are kept in a file, else 0.", nil, nil)
	descStoreBatches = prometheus.NewDesc("farhook_store_batches_total", "Batches of changed sessions that were written to the file.", nil, nil)
	descStoreErrors  = prometheus.NewDesc("farhook_store_errors_total", "Batches that could not be written. They are tried again.", nil, nil)
	descStorePending = prometheus.NewDesc("farhook_store_pending", "Changed sessions that are not written yet.", nil, nil)
	descTapOctets    = prometheus.NewDesc("farhook_wiretap_octets", "Octets that the wiretap holds.", nil, nil)
	descTapMessages  = prometheus.NewDesc("farhook_wiretap_messages", "Messages that the wiretap holds.", nil, nil)
	descTapAge       = prometheus.NewDesc("farhook_wiretap_age_seconds", "Age of the oldest message that the wiretap holds.", nil, nil)
	descDraining     = prometheus.NewDesc("farhook_draining", "1 while no new sessions are taken, else 0.", nil, nil)
)

// Describe gives every description.
func (k keeping) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descStoreUp, descStoreBatches, descStoreErrors, descStorePending, descTapOctets, descTapMessages, descTapAge, descDraining,
	} {
		to <- d
	}
}

// Collect gives every value.
func (k keeping) Collect(to chan<- prometheus.Metric) {
	tell := func(d *prometheus.Desc, t prometheus.ValueType, v float64) {
		to <- prometheus.MustNewConstMetric(d, t, v)
	}
	flag := func(d *prometheus.Desc, on bool) {
		v := 0.0
		if on {
			v = 1
		}
		tell(d, prometheus.GaugeValue, v)
	}
	var s store.Stats
	if k.store != nil {
		s = k.store.Stats()
	}
	flag(descStoreUp, k.store != nil)
	tell(descStoreBatches, prometheus.CounterValue, float64(s.Batches))
	tell(descStoreErrors, prometheus.CounterValue, float64(s.Failed))
	tell(descStorePending, prometheus.GaugeValue, float64(s.Pending))
	messages, octets, oldest := k.tap.Stats()
	age := 0.0
	if messages > 0 {
		age = time.Since(oldest).Seconds()
	}
	tell(descTapOctets, prometheus.GaugeValue, float64(octets))
	tell(descTapMessages, prometheus.GaugeValue, float64(messages))
	tell(descTapAge, prometheus.GaugeValue, age)
	flag(descDraining, k.draining())
}

// metricsHandler answers a scrape.
func metricsHandler(r *prometheus.Registry, log *zap.Logger) http.Handler {
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{
		ErrorLog: zap.NewStdLog(log), ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Timeout: 10 * time.Second,
	})
}

// serveMetrics serves /metrics and the probes alone, until ctx ends.
func serveMetrics(ctx context.Context, l net.Listener, h, probes http.Handler) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", h)
	mux.Handle("GET /healthz", probes)
	mux.Handle("GET /readyz", probes)
	return serveHTTP(ctx, "metrics", l, mux)
}

// serveHTTP serves a handler until ctx ends. What is under way then gets a moment.
func serveHTTP(ctx context.Context, what string, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		grace, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if s.Shutdown(grace) != nil {
			s.Close()
		}
	})
	err := s.Serve(l)
	if stop() {
		return fmt.Errorf("%s: %w", what, err)
	}
	<-done
	return nil
}
