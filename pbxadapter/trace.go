package pbxadapter

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"

	"go.uber.org/zap"

	"farhook/csta/callmodel"
)

// TraceID names one request on its whole way: from the INFO or the HTTP request to the PBX's commands, the events and every log line. It has the
// form of a W3C trace-id: 16 octets, written as 32 digits of lower-case hex. The zero value is none.
type TraceID [16]byte

// NewTrace makes one. It's a name and no secret: quick, and as good as unique.
func NewTrace() (t TraceID) {
	binary.BigEndian.PutUint64(t[:], rand.Uint64())
	binary.BigEndian.PutUint64(t[8:], rand.Uint64()|1) // never zero
	return t
}

// ParseTrace reads what String wrote: 32 digits of lower-case hex, not all of them 0, as W3C Trace Context demands.
func ParseTrace(s string) (t TraceID, err error) {
	if len(s) == hex.EncodedLen(len(t)) {
		_, err = hex.Decode(t[:], []byte(s))
	}
	if err != nil || t.IsZero() || t.String() != s {
		return TraceID{}, fmt.Errorf("trace id %.40q: want 32 digits of lower-case hex, not all 0", s)
	}
	return t, nil
}

// IsZero says whether there is none.
func (t TraceID) IsZero() bool { return t == TraceID{} }

// String is 32 digits of hex; empty where there is none.
func (t TraceID) String() string {
	if t.IsZero() {
		return ""
	}
	return hex.EncodeToString(t[:])
}

// mark is a context that knows for which request its work is done. It's a type of its own because each request makes one: that is one allocation.
type mark struct {
	context.Context
	op    callmodel.OpID
	trace TraceID
}

type markKey struct{}

// Value gives the mark itself, or what the context has.
func (m *mark) Value(key any) any {
	if key == (markKey{}) {
		return m
	}
	return m.Context.Value(key)
}

func markOf(ctx context.Context) mark {
	if m, ok := ctx.Value(markKey{}).(*mark); ok {
		return mark{op: m.op, trace: m.trace}
	}
	return mark{}
}

// WithOp marks everything that is done under the context as caused by the request op. A trace id that ctx has stays.
func WithOp(ctx context.Context, op callmodel.OpID) context.Context {
	return &mark{ctx, op, markOf(ctx).trace}
}

// Op is the mark of the request under which a handler runs; zero where there is none.
func Op(ctx context.Context) callmodel.OpID { return markOf(ctx).op }

// WithTrace gives everything that is done under the context a trace id. The mark of a request that ctx has stays.
func WithTrace(ctx context.Context, t TraceID) context.Context {
	return &mark{ctx, markOf(ctx).op, t}
}

// Trace is the trace id of the request under which a handler runs; zero where there is none. Handlers that the switchboard calls always have one.
func Trace(ctx context.Context) TraceID { return markOf(ctx).trace }

// TraceField is ctx's trace id as a field of a log line: log.Info("…", pbxadapter.TraceField(ctx)). Without one it adds nothing.
func TraceField(ctx context.Context) zap.Field { return Trace(ctx).Field() }

// Field is the trace id as a field of a log line.
func (t TraceID) Field() zap.Field {
	if t.IsZero() {
		return zap.Skip()
	}
	return zap.Stringer("trace", t)
}
