// Package telemetry tells an OpenTelemetry collector, over OTLP, what each request brought about: the request itself, the commands to the PBX, what proved
// them, and the events. It draws its spans from what the wiretap records, so that nothing else knows of it.
//
// Nobody waits for it: what it can't take in at once, and what the collector doesn't take, is dropped and counted.
package telemetry

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	mathrand "math/rand/v2"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard/wiretap"
)

// Config is where spans go.
type Config struct {
	Endpoint string            // URL of the collector: http://127.0.0.1:4318
	Headers  map[string]string // of each request
	Sample   float64           // share of the traces that begin here, 0 to 1; who brings a trace decides for himself
	Version  string            // of the program
	Mask     func(string) string
	Log      *zap.Logger
}

const (
	waiting  = 4096 // messages that may wait to be understood
	maxText  = 8 << 10
	maxOpen  = 10_000 // traces of which more may come
	parents  = 10_000 // callers' spans that are remembered
	forgets  = 30 * time.Second
	unheard  = 2 * time.Second // after which an event isn't answered any more, for a span's purposes
	sweepers = time.Second
)

// Exporter makes spans of messages. Make it with New, let it see what the wiretap records (See), and Run it.
type Exporter struct {
	conf     Config
	queue    *queue
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	came     chan arrival

	mu     sync.Mutex
	missed uint64 // messages that weren't understood for want of room

	// Run's own.
	open   map[pbxadapter.TraceID]*story
	caller map[pbxadapter.TraceID]trace.SpanContext // of requests that are about to come
}

// arrival is a message, or the caller's span of the request that comes next: in one row, for a caller can ask again in the same trace.
type arrival struct {
	message wiretap.Record
	caller  trace.SpanContext
}

// New makes an exporter. It connects to nothing.
func New(ctx context.Context, c Config) (*Exporter, error) {
	traces, err := url.JoinPath(c.Endpoint, "v1", "traces")
	if err != nil {
		return nil, err
	}
	client, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(traces), otlptracehttp.WithHeaders(c.Headers),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}), otlptracehttp.WithTimeout(sendWithin))
	if err != nil {
		return nil, err
	}
	e := &Exporter{
		conf: c, queue: newQueue(client, c.Log), came: make(chan arrival, waiting),
		caller: make(map[pbxadapter.TraceID]trace.SpanContext), open: make(map[pbxadapter.TraceID]*story),
	}
	e.provider = sdk.NewTracerProvider(
		sdk.WithSpanProcessor(e.queue), sdk.WithIDGenerator(ids{}), sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(c.Sample))),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "farhook"), attribute.String("service.version", c.Version),
			attribute.String("service.instance.id", rand.Text()))),
	)
	e.tracer = e.provider.Tracer("farhook")
	return e, nil
}

// See takes a message in. It never blocks.
func (e *Exporter) See(r wiretap.Record) {
	r.Text = bytes.Clone(r.Text[:min(len(r.Text), maxText)])
	e.take(arrival{message: r})
}

func (e *Exporter) take(a arrival) {
	select {
	case e.came <- a:
	default:
		e.mu.Lock()
		e.missed++
		e.mu.Unlock()
	}
}

// Called notes the span of a caller that brought a trace with him, before his request is seen. It never blocks.
func (e *Exporter) Called(t pbxadapter.TraceID, parent [8]byte, sampled bool) {
	e.take(arrival{caller: trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID(t), SpanID: trace.SpanID(parent), TraceFlags: trace.TraceFlags(0).WithSampled(sampled), Remote: true,
	})})
}

// next takes one arrival.
func (e *Exporter) next(a arrival) {
	if !a.caller.IsValid() {
		e.tell(a.message)
		return
	}
	if len(e.caller) >= parents {
		clear(e.caller) // those traces begin here, then
	}
	e.caller[pbxadapter.TraceID(a.caller.TraceID())] = a.caller
}

// Run works until ctx ends, and then sends what is left, within a moment.
func (e *Exporter) Run(ctx context.Context) error {
	sent := make(chan struct{})
	go func() { defer close(sent); e.queue.run() }()
	tick := time.NewTicker(sweepers)
	defer tick.Stop()
	for done := false; !done; {
		select {
		case <-ctx.Done():
			done = true
		case a := <-e.came:
			e.next(a)
		case now := <-tick.C:
			e.sweep(now)
		}
	}
	e.sweep(time.Now().Add(time.Hour))
	e.queue.close()
	<-sent
	return nil
}

var (
	descSent    = prometheus.NewDesc("farhook_spans_exported_total", "Spans that the OpenTelemetry collector took.", nil, nil)
	descDropped = prometheus.NewDesc("farhook_spans_dropped_total", "Spans, and messages that would have become some, that were dropped: the collector did not take them, or there were too many at once.", []string{"reason"}, nil)
)

// Describe gives every description. A nil exporter has them too.
func (e *Exporter) Describe(to chan<- *prometheus.Desc) {
	to <- descSent
	to <- descDropped
}

// Collect gives every value.
func (e *Exporter) Collect(to chan<- prometheus.Metric) {
	var sent, collector, busy uint64
	if e != nil {
		var full uint64
		sent, collector, full = e.queue.counts()
		e.mu.Lock()
		busy = e.missed + full
		e.mu.Unlock()
	}
	to <- prometheus.MustNewConstMetric(descSent, prometheus.CounterValue, float64(sent))
	to <- prometheus.MustNewConstMetric(descDropped, prometheus.CounterValue, float64(collector), "collector")
	to <- prometheus.MustNewConstMetric(descDropped, prometheus.CounterValue, float64(busy), "busy")
}

type traceKey struct{}

// ids gives a trace the id that its request has already.
type ids struct{}

// NewIDs is for the first span of a trace.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	t, _ := ctx.Value(traceKey{}).(pbxadapter.TraceID)
	return trace.TraceID(t), ids{}.NewSpanID(ctx, trace.TraceID(t))
}

// NewSpanID is for all others.
func (ids) NewSpanID(context.Context, trace.TraceID) (s trace.SpanID) {
	binary.BigEndian.PutUint64(s[:], mathrand.Uint64()|1)
	return s
}
