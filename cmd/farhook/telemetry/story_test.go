package telemetry

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard/wiretap"
)

// taker is a collector that takes spans, or doesn't.
type taker struct {
	sdk.SpanExporter
	err  error
	took []int
}

func (x *taker) ExportSpans(_ context.Context, spans []sdk.ReadOnlySpan) error {
	x.took = append(x.took, len(spans))
	return x.err
}

// What is more than may wait is dropped and counted, and so is what the collector doesn't take; what isn't sampled isn't sent.
func TestQueueIsBounded(t *testing.T) {
	x := &taker{}
	q := newQueue(x, zap.NewNop())
	span := func(flags trace.TraceFlags) sdk.ReadOnlySpan {
		return tracetest.SpanStub{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: flags})}.Snapshot()
	}
	counts := func(sent, failed, full uint64) {
		t.Helper()
		if a, b, c := q.counts(); a != sent || b != failed || c != full {
			t.Errorf("%d sent, %d failed, %d for which there was no room; want %d, %d, %d", a, b, c, sent, failed, full)
		}
	}
	q.OnEnd(span(0))
	for range mostSpans + 3 {
		q.OnEnd(span(trace.FlagsSampled))
	}
	counts(0, 0, 3)
	if !q.send(t.Context()) {
		t.Error("there is more to send")
	}
	counts(batchSpans, 0, 3)
	x.err = errors.New("no")
	if q.send(t.Context()) {
		t.Error("a collector that takes nothing is asked again at once")
	}
	counts(batchSpans, batchSpans, 3)
	x.err = nil
	for q.send(t.Context()) {
	}
	counts(mostSpans-batchSpans, batchSpans, 3)
	for _, n := range x.took {
		if n != batchSpans {
			t.Errorf("%d spans at once", n)
		}
	}
	if q.send(t.Context()) || len(x.took) != mostSpans/batchSpans {
		t.Errorf("%v", x.took)
	}
}

// An event that nobody answers ends where it was written, and a request that is never answered ends as a fault; then the trace is forgotten.
func TestSpansThatNothingEnds(t *testing.T) {
	e, err := New(t.Context(), Config{Endpoint: "http://127.0.0.1:1", Sample: 1, Mask: func(s string) string { return s }, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	id := pbxadapter.NewTrace()
	say := func(after time.Duration, d wiretap.Direction, text string) {
		e.tell(wiretap.Record{At: began.Add(after), Layer: wiretap.SIP, Direction: d, Session: "s", Trace: id, Text: []byte(text)})
	}
	const head = " sip:gw SIP/2.0\r\nCall-ID: s\r\nCSeq: 12 INFO\r\n\r\n"
	say(0, wiretap.In, "INFO"+head+`<MakeCall xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"/>`)
	say(10*time.Millisecond, wiretap.Out, "INFO"+head+`<DeliveredEvent xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"/>`)
	e.sweep(began.Add(unheard))
	if len(e.queue.list) != 0 {
		t.Fatalf("%d spans have ended", len(e.queue.list))
	}
	e.sweep(began.Add(unheard + time.Second))
	if len(e.queue.list) != 1 || e.queue.list[0].Name() != "DeliveredEvent" || !e.queue.list[0].EndTime().Equal(began.Add(10*time.Millisecond)) {
		t.Fatalf("%d spans have ended", len(e.queue.list))
	}
	e.sweep(began.Add(forgets))
	if len(e.queue.list) != 1 || len(e.open) != 1 {
		t.Fatalf("%d spans have ended, %d traces are open", len(e.queue.list), len(e.open))
	}
	e.sweep(began.Add(forgets + time.Second))
	if len(e.queue.list) != 2 || len(e.open) != 0 || e.queue.list[1].Name() != "MakeCall" || e.queue.list[1].Status().Code != codes.Error {
		t.Fatalf("%d spans have ended, %d traces are open", len(e.queue.list), len(e.open))
	}
}

// A refusal of SIP is a fault of the request's span, with its status; a provisional answer is none, and ends nothing.
func TestSpanOfARefusal(t *testing.T) {
	e, err := New(t.Context(), Config{Endpoint: "http://127.0.0.1:1", Sample: 1, Mask: func(s string) string { return s }, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []string{"200 OK", "403 Forbidden"} {
		id, before := pbxadapter.NewTrace(), len(e.queue.list)
		say := func(d wiretap.Direction, start string) {
			e.tell(wiretap.Record{At: time.Now(), Layer: wiretap.SIP, Direction: d, Session: "s", Trace: id, Text: []byte(start + "\r\nCall-ID: s\r\nCSeq: 1 INVITE\r\n\r\n")})
		}
		say(wiretap.In, "INVITE sip:gw SIP/2.0")
		say(wiretap.Out, "SIP/2.0 100 Trying")
		if len(e.queue.list) != before {
			t.Fatal("a provisional answer ends the span")
		}
		say(wiretap.Out, "SIP/2.0 "+status)
		if len(e.queue.list) != before+1 {
			t.Fatal("an answer doesn't end the span")
		}
		s, code := e.queue.list[before], ""
		for _, a := range s.Attributes() {
			if a.Key == "sip.response.status_code" {
				code = a.Value.AsString()
			}
		}
		if code != status[:3] || (s.Status().Code == codes.Error) != (code == "403") {
			t.Errorf("%s: %s, %+v", status, code, s.Status())
		}
	}
}

// A caller who asks again and again in one trace has each request under its own span of his, however late the messages are understood.
func TestCallersOwnSpans(t *testing.T) {
	e, err := New(t.Context(), Config{Endpoint: "http://127.0.0.1:1", Sample: 1, Mask: func(s string) string { return s }, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	id := pbxadapter.NewTrace()
	for i := range 3 {
		e.Called(id, [8]byte{byte(i + 1)}, true)
		for _, d := range []wiretap.Direction{wiretap.In, wiretap.Out} {
			e.See(wiretap.Record{At: time.Now(), Layer: wiretap.CSTA, Direction: d, Trace: id, Text: []byte(`<MakeCall xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"/>`)})
		}
	}
	for range 9 { // only now
		e.next(<-e.came)
	}
	if len(e.queue.list) != 3 {
		t.Fatalf("%d spans", len(e.queue.list))
	}
	for i, s := range e.queue.list {
		if got := s.Parent().SpanID(); got != (trace.SpanID{byte(i + 1)}) {
			t.Errorf("request %d is under %s", i, got)
		}
	}
}

// Requests that a caller makes at once in one trace end with their own answers, in whatever order those come.
func TestSpansOfRequestsAtOnce(t *testing.T) {
	e, err := New(t.Context(), Config{Endpoint: "http://127.0.0.1:1", Sample: 1, Mask: func(s string) string { return s }, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	id, began := pbxadapter.NewTrace(), time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	say := func(after time.Duration, d wiretap.Direction, request uint64, element string) {
		e.tell(wiretap.Record{At: began.Add(after), Layer: wiretap.CSTA, Direction: d, Trace: id, Request: request, Text: []byte(`<` + element + ` xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"/>`)})
	}
	say(0, wiretap.In, 7, "MakeCall")
	say(1, wiretap.In, 8, "SnapshotDevice")
	say(2, wiretap.In, 9, "HoldCall")
	say(3, wiretap.Out, 9, "HoldCallResponse")
	say(4, wiretap.Out, 8, "SnapshotDeviceResponse")
	say(5, wiretap.Out, 7, "MakeCallResponse")
	for i, want := range []string{"HoldCall", "SnapshotDevice", "MakeCall"} {
		if s := e.queue.list[i]; s.Name() != want || !s.EndTime().Equal(began.Add(time.Duration(3+i))) {
			t.Errorf("%d: %s until %s, want %s", i, s.Name(), s.EndTime(), want)
		}
	}
}
