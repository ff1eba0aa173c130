package switchboard

import (
	"context"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard/wiretap"
)

// Tap is what an adapter gets as its Options.Tap: it records messages as those of the PBX of that name, with the trace id of the request that
// they belong to. The board may be made later than the func, as adapters are, but not later than the first message.
func (b *Board) Tap(pbx string, m pbxadapter.Message) {
	if b.tap == nil {
		return
	}
	r := wiretap.Record{Layer: wiretap.PBX, Direction: wiretap.In, Peer: pbx, Line: m.Line, Calls: m.Calls, Text: m.Text}
	if m.Out {
		r.Direction = wiretap.Out
	}
	if m.Op != 0 {
		r.Trace = b.ops.of(m.Op).trace
	}
	b.tap.Record(r)
}

// tapProgram records the n-th request that came by another way than SIP, or its answer, as CSTA: SIP sessions record theirs as they stand on the wire.
func (b *Board) tapProgram(ctx context.Context, way wiretap.Direction, n uint64, who Principal, m csta.Message) {
	if b.tap == nil || who.Via == "sip" {
		return
	}
	peer := who.Peer
	if peer == "" {
		peer = who.Via
	}
	b.tap.Record(wiretap.Record{
		Layer: wiretap.CSTA, Direction: way, Peer: peer, Line: who.Line, Trace: pbxadapter.Trace(ctx), Request: n, Text: csta.Encode(nil, m, csta.Ed3),
	})
}
