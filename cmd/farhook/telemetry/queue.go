package telemetry

import (
	"context"
	"sync"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"
)

const (
	mostSpans  = 8192 // that wait for the collector
	batchSpans = 512
	batchTime  = 2 * time.Second
	sendWithin = 5 * time.Second
	lastMoment = time.Second // for what is left at the end
)

// queue is a span processor that never blocks, and counts what it drops.
type queue struct {
	to  sdk.SpanExporter
	log *zap.Logger

	mu     sync.Mutex
	list   []sdk.ReadOnlySpan
	full   uint64 // spans for which there was no room
	sent   uint64
	failed uint64 // spans that the collector didn't take
	down   bool
	wake   chan struct{}
	ended  chan struct{}
}

func newQueue(to sdk.SpanExporter, log *zap.Logger) *queue {
	return &queue{to: to, log: log, wake: make(chan struct{}, 1), ended: make(chan struct{})}
}

// OnStart of a span: nothing.
func (q *queue) OnStart(context.Context, sdk.ReadWriteSpan) {}

// OnEnd takes a span that is sampled.
func (q *queue) OnEnd(s sdk.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) >= mostSpans {
		q.full++
		return
	}
	if q.list = append(q.list, s); len(q.list) >= batchSpans {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
}

// Shutdown and ForceFlush are the provider's, which nobody shuts down: close ends the queue.
func (q *queue) Shutdown(context.Context) error { return nil }

// ForceFlush does nothing.
func (q *queue) ForceFlush(context.Context) error { return nil }

func (q *queue) close() { close(q.ended) }

// run sends until close, and then once more.
func (q *queue) run() {
	tick := time.NewTicker(batchTime)
	defer tick.Stop()
	for {
		select {
		case <-q.ended:
			ctx, cancel := context.WithTimeout(context.Background(), lastMoment)
			defer cancel()
			for q.send(ctx) {
			}
			_ = q.to.Shutdown(ctx)
			return
		case <-tick.C:
		case <-q.wake:
		}
		ctx, cancel := context.WithTimeout(context.Background(), sendWithin)
		for q.send(ctx) {
		}
		cancel()
	}
}

// send sends a batch, and says whether there may be more to send now. What the collector doesn't take is dropped: it's old soon.
func (q *queue) send(ctx context.Context) (more bool) {
	q.mu.Lock()
	n := min(len(q.list), batchSpans)
	batch := q.list[:n:n]
	q.list = q.list[n:]
	q.mu.Unlock()
	if n == 0 {
		return false
	}
	err := q.to.ExportSpans(ctx, batch)
	q.mu.Lock()
	defer q.mu.Unlock()
	before := q.down
	if q.down = err != nil; q.down {
		q.failed += uint64(n)
		if !before {
			q.log.Warn("the OpenTelemetry collector takes nothing: spans are dropped", zap.Error(err))
		}
		return false
	}
	q.sent += uint64(n)
	if before {
		q.log.Info("the OpenTelemetry collector takes spans again")
	}
	return len(q.list) > 0
}

func (q *queue) counts() (sent, failed, full uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.sent, q.failed, q.full
}
