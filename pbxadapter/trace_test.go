package pbxadapter_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"farhook/pbxadapter"
)

func TestTraceID(t *testing.T) {
	a, b := pbxadapter.NewTrace(), pbxadapter.NewTrace()
	if a == b || a.IsZero() || len(a.String()) != 32 {
		t.Errorf("%v %v", a, b)
	}
	if back, err := pbxadapter.ParseTrace(a.String()); err != nil || back != a {
		t.Errorf("%v: %v", back, err)
	}
	for _, bad := range []string{"", "0", "00000000000000000000000000000000", "4BF92F3577B34DA6A3CE929D0E0E4736", "4bf92f3577b34da6a3ce929d0e0e473", "4bf92f3577b34da6a3ce929d0e0e473g"} {
		if id, err := pbxadapter.ParseTrace(bad); err == nil || !id.IsZero() {
			t.Errorf("%q is taken as %v", bad, id)
		}
	}
}

// Mark and trace id don't displace each other, go through contexts made of theirs, and a context's end comes through them.
func TestMarks(t *testing.T) {
	id := pbxadapter.NewTrace()
	parent, cancel := context.WithCancel(t.Context())
	ctx := pbxadapter.WithOp(pbxadapter.WithTrace(parent, id), 7)
	ctx, stop := context.WithTimeout(ctx, time.Hour)
	defer stop()
	if pbxadapter.Op(ctx) != 7 || pbxadapter.Trace(ctx) != id {
		t.Error(pbxadapter.Op(ctx), pbxadapter.Trace(ctx))
	}
	other := pbxadapter.NewTrace()
	if again := pbxadapter.WithTrace(ctx, other); pbxadapter.Op(again) != 7 || pbxadapter.Trace(again) != other {
		t.Error(pbxadapter.Op(again), pbxadapter.Trace(again))
	}
	if pbxadapter.Op(parent) != 0 || !pbxadapter.Trace(parent).IsZero() {
		t.Error("a context without marks has one")
	}
	cancel()
	<-ctx.Done()
}

func TestTraceField(t *testing.T) {
	core, lines := observer.New(zap.InfoLevel)
	log := zap.New(core)
	id := pbxadapter.NewTrace()
	log.Info("with", pbxadapter.TraceField(pbxadapter.WithTrace(t.Context(), id)))
	log.Info("without", pbxadapter.TraceField(t.Context()))
	if got := lines.All()[0].ContextMap()["trace"]; got != id.String() {
		t.Errorf("%v, want %v", got, id)
	}
	if got := lines.All()[1].ContextMap(); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestTap(t *testing.T) {
	pbxadapter.Tap(nil).Record(pbxadapter.Message{Text: []byte("x")})
	n := 0
	pbxadapter.Tap(func(m pbxadapter.Message) { n += len(m.Text) }).Record(pbxadapter.Message{Text: []byte("xyz")})
	if n != 3 {
		t.Error(n)
	}
}
