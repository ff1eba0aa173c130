package uacsta

import (
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics is what the server counts, for a registry of whoever runs it. Labels are bounded: methods are those that we allow or "other", statuses
// those that we answer with, reasons the ones below.
func (s *Server) Metrics() prometheus.Collector { return metrics{s} }

// counts are a server's counters. The maps are made once and only read from then on: counting takes no lock.
type counts struct {
	started, restored, ended atomic.Uint64 // sessions
	monitors                 atomic.Int64
	events, refused          atomic.Uint64
	unanswered               atomic.Int64
	stalled, noSIP           atomic.Uint64             // connections
	requests                 map[string]*atomic.Uint64 // by method
	responses                map[int]*atomic.Uint64    // by status
}

const otherMethod = "other"

func newCounts() *counts {
	c := &counts{requests: map[string]*atomic.Uint64{otherMethod: new(atomic.Uint64)}, responses: make(map[int]*atomic.Uint64)}
	for m := range strings.SplitSeq(allow, ", ") {
		c.requests[m] = new(atomic.Uint64)
	}
	for status := range reasons {
		c.responses[status] = new(atomic.Uint64)
	}
	return c
}

func (c *counts) request(method string) {
	n := c.requests[method]
	if n == nil {
		n = c.requests[otherMethod]
	}
	n.Add(1)
}

func (c *counts) response(status int) {
	if n := c.responses[status]; n != nil {
		n.Add(1)
	}
}

// metrics reads what the server has when it's asked.
type metrics struct{ s *Server }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("farhook_"+name, help, labels, nil)
}

var (
	descSessions   = desc("sessions", "Sessions that stand.")
	descBegun      = desc("sessions_started_total", "Sessions that began, by how: with an INVITE (signed-in), or from the store (restored).", "how")
	descEnded      = desc("sessions_ended_total", "Sessions that ended for good.")
	descMonitors   = desc("monitors", "Monitors of all sessions.")
	descEvents     = desc("events_written_total", "Events written to UC clients.")
	descRefused    = desc("events_refused_total", "Events that a UC client answered with an error.")
	descUnanswered = desc("events_unanswered", "Events that UC clients have not answered yet. Some clients never do.")
	descRequests   = desc("sip_requests_total", "SIP requests that came, by method.", "method")
	descResponses  = desc("sip_responses_total", "SIP responses that we gave, by status.", "status")
	descConns      = desc("connections", "SIP connections that are up, by transport.", "transport")
	descRefusals   = desc("refusals_total", "SIP connections and sessions that were turned away, by reason.", "reason")
	descBroken     = desc("connections_broken_total", "SIP connections that we ended, by reason: stalled (the peer takes nothing), not-sip (its octets are no SIP).", "reason")
)

// Describe gives every description.
func (m metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descSessions, descBegun, descEnded, descMonitors, descEvents, descRefused, descUnanswered, descRequests, descResponses, descConns, descRefusals, descBroken,
	} {
		to <- d
	}
}

// Collect gives every value.
func (m metrics) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v int64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	total := func(d *prometheus.Desc, v *atomic.Uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v.Load()), labels...)
	}
	c := m.s.counts
	gauge(descSessions, int64(m.s.Count()))
	total(descBegun, &c.started, "signed-in")
	total(descBegun, &c.restored, "restored")
	total(descEnded, &c.ended)
	gauge(descMonitors, c.monitors.Load())
	total(descEvents, &c.events)
	total(descRefused, &c.refused)
	gauge(descUnanswered, c.unanswered.Load())
	for method, n := range c.requests {
		total(descRequests, n, method)
	}
	for status, n := range c.responses {
		total(descResponses, n, strconv.Itoa(status))
	}
	up := map[string]int64{"TCP": 0, "TLS": 0}
	m.s.mu.Lock()
	for conn := range m.s.conns {
		up[conn.via]++
	}
	m.s.mu.Unlock()
	for via, n := range up {
		gauge(descConns, n, strings.ToLower(via))
	}
	total(descBroken, &c.stalled, "stalled")
	total(descBroken, &c.noSIP, "not-sip")
	_, refusals := m.s.Refusals()
	for _, reason := range reasonsToRefuse {
		to <- prometheus.MustNewConstMetric(descRefusals, prometheus.CounterValue, float64(refusals[reason]), reason)
	}
}
