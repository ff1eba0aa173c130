package main

import (
	"context"
	"encoding/json"
	"hash/maphash"
	"net/http"
	"time"

	"farhook/pbxadapter/switchboard/wiretap"
)

// How follow looks for what is new: so often, and so far back, because messages of different connections are recorded in another order than they were timed.
const (
	followPace = 500 * time.Millisecond
	followBack = 2 * time.Second
)

// follow goes on behind what was told already: it writes what is recorded from now on, each message once, until the client goes or the gateway ends. What led to a line's or a call's message before may come late: a message is
// told when it is known to have to do with what was asked for.
func (g *gateway) follow(ctx context.Context, w http.ResponseWriter, r *http.Request, f wiretap.Filter, told []wiretap.Record) {
	flush := http.NewResponseController(w)
	out := json.NewEncoder(w)
	seed := maphash.MakeSeed()
	known := make(map[uint64]time.Time)
	key := func(rec wiretap.Record) uint64 {
		var h maphash.Hash
		h.SetSeed(seed)
		at, _ := rec.At.MarshalBinary()
		_, _ = h.Write(at)
		_, _ = h.WriteString(rec.Peer)
		_ = h.WriteByte(byte(rec.Direction))
		_, _ = h.Write(rec.Text)
		return h.Sum64()
	}
	for _, rec := range told {
		known[key(rec)] = rec.At
	}
	tick := time.NewTicker(followPace)
	defer tick.Stop()
	for flush.Flush() == nil {
		select {
		case <-ctx.Done():
			return
		case <-r.Context().Done():
			return
		case now := <-tick.C:
			f.Since = now.Add(-followBack)
		}
		for _, rec := range g.tap.Find(f) {
			k := key(rec)
			if _, ok := known[k]; ok {
				continue
			}
			known[k] = rec.At
			if out.Encode(rec) != nil {
				return
			}
		}
		for k, at := range known {
			if at.Before(f.Since) {
				delete(known, k)
			}
		}
	}
}
