package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"farhook/web"
)

// remembering tells of history and webhooks. Its part is the gateway's, and may come later.
type remembering struct{ g *gateway }

var (
	descSpoolBatches = prometheus.NewDesc("farhook_spool_batches_total", "Batches of calls and documents that were written to the history.", nil, nil)
	descSpoolErrors  = prometheus.NewDesc("farhook_spool_errors_total", "Batches that could not be written to the history. They are tried again.", nil, nil)
	descSpoolLost    = prometheus.NewDesc("farhook_spool_lost_total", "Calls and documents that were given up because the history could not be written for too long.", nil, nil)
	descSpoolWaiting = prometheus.NewDesc("farhook_spool_waiting", "Calls and documents that the last batch left unwritten.", nil, nil)
	descDeliveries   = prometheus.NewDesc("farhook_webhook_deliveries_total", "What came of deliveries to webhooks: delivered, failed (a try; there may be more), aside (given up).", []string{"result"}, nil)
	descDocuments    = prometheus.NewDesc("farhook_webhook_documents", "Documents for webhooks that wait (waiting), or were put aside (aside).", []string{"state"}, nil)
)

// Describe gives every description.
func (remembering) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descSpoolBatches, descSpoolErrors, descSpoolLost, descSpoolWaiting, descDeliveries, descDocuments} {
		to <- d
	}
}

// Collect gives every value; 0 where there is no HTTP.
func (r remembering) Collect(to chan<- prometheus.Metric) {
	var x web.Stats
	if r.g.web != nil {
		if s, _ := r.g.web.state(); s != nil {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			x = s.Stats(ctx)
		}
	}
	total := func(d *prometheus.Desc, n uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, n int, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	total(descSpoolBatches, x.Spool.Batches)
	total(descSpoolErrors, x.Spool.Failed)
	total(descSpoolLost, x.Spool.Lost)
	gauge(descSpoolWaiting, x.Spool.Waiting)
	total(descDeliveries, x.Webhooks.Delivered, "delivered")
	total(descDeliveries, x.Webhooks.Failed, "failed")
	total(descDeliveries, x.Webhooks.Aside, "aside")
	gauge(descDocuments, x.Waiting, "waiting")
	gauge(descDocuments, x.Aside, "aside")
}
