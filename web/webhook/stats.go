package webhook

import "sync/atomic"

// counts are a deliverer's counters.
type counts struct{ delivered, failed, aside atomic.Uint64 }

// Stats are a deliverer's figures, over all receivers.
type Stats struct {
	Delivered uint64 // documents
	Failed    uint64 // tries
	Aside     uint64 // documents that were put aside
}

// Stats tells how deliveries fare.
func (d *Deliverer) Stats() Stats {
	return Stats{d.counts.delivered.Load(), d.counts.failed.Load(), d.counts.aside.Load()}
}
