package switchboard

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"farhook/csta"
)

// Metrics is what the board counts, for a registry of whoever runs it. Labels are bounded: services are those of the standard that farhook
// knows, results "ok", "fault" or a category of the standard's errors, PBXs those of the configuration.
func (b *Board) Metrics() prometheus.Collector { return metrics{b} }

// latencies are the histogram's bounds in seconds: memory answers within microseconds, a PBX within milliseconds, and deadlines are at 8 s.
var latencies = []float64{.0001, .0005, .001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 8}

// unknown stands for every service that farhook does not know.
const unknown csta.Service = "other"

// sessionServices are carried out by sessions, which count them here.
var sessionServices = []csta.Service{"MonitorStart", "MonitorStop", "ChangeMonitorFilter", "RequestSystemStatus", "SystemStatus"}

// counts are the board's counters. The maps are made once and only read from then on: counting takes no lock.
type counts struct {
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	byName   map[csta.Service]*serviceCounts
}

type serviceCounts struct {
	ok   prometheus.Counter
	took prometheus.Observer
}

func newCounts() *counts {
	c := &counts{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farhook_requests_total", Help: "CSTA requests carried out, by service and result: ok, fault, or the category of the error.",
		}, []string{"service", "result"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "farhook_request_duration_seconds", Help: "Time from a CSTA request's decoding to its answer, by service.", Buckets: latencies,
		}, []string{"service"}),
		byName: make(map[csta.Service]*serviceCounts),
	}
	names := slices.Clone(sessionServices)
	for s := range services {
		names = append(names, s)
	}
	for _, s := range append(names, unknown) {
		c.byName[s] = &serviceCounts{c.requests.WithLabelValues(string(s), "ok"), c.took.WithLabelValues(string(s))}
	}
	return c
}

// Count notes a request that has been answered: Do does it for its own, a session for those that it answers itself.
func (b *Board) Count(s csta.Service, began time.Time, err error) {
	c := b.counts.byName[s]
	if c == nil {
		s = unknown
		c = b.counts.byName[s]
	}
	c.took.Observe(time.Since(began).Seconds())
	if err == nil {
		c.ok.Inc()
		return
	}
	result := "fault"
	var refused *csta.Error
	if errors.As(err, &refused) {
		result = refused.Category
	}
	b.counts.requests.WithLabelValues(string(s), result).Inc()
}

// linkCounts are one PBX's.
type linkCounts struct {
	runs, resyncs, facts, odd atomic.Uint64
}

// metrics reads what the board has when it's asked.
type metrics struct{ b *Board }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("farhook_"+name, help, labels, nil)
}

var (
	descSeq       = desc("journal_events_total", "Events written to the journal: the number of the newest.")
	descOctets    = desc("journal_octets", "Octets of events that the journal keeps, estimated.")
	descFollowers = desc("journal_followers", "Followers of the journal: sessions with monitors, streams to programs and browsers.")
	descLag       = desc("journal_lag_events", "Events that followers have not read yet, summed over all of them.")
	descLagOf     = desc("journal_follower_lag_events", "Events that followers of a kind have not read yet: SIP sessions (sip), streams to programs and browsers (http), history and webhooks (spool).", "follower")
	descLagged    = desc("journal_lagged_total", "Times that a follower fell behind, or came from before a restart, and was told the difference.")
	descUp        = desc("pbx_up", "1 where the link to the PBX is up and its state is known, else 0.", "pbx")
	descConnects  = desc("pbx_connects_total", "Times that an adapter was started: the first, and each reconnect.", "pbx")
	descResyncs   = desc("pbx_resyncs_total", "Times that the PBX's whole state was taken over.", "pbx")
	descFacts     = desc("pbx_facts_total", "Facts that the adapter reported.", "pbx")
	descOdd       = desc("pbx_odd_facts_total", "Facts that the table of state changes does not know. They were taken over.", "pbx")
	descDevices   = desc("pbx_devices", "Devices that the PBX has.", "pbx")
	descCalls     = desc("pbx_calls", "Calls that stand.", "pbx")
)

// Describe gives every description.
func (m metrics) Describe(to chan<- *prometheus.Desc) {
	m.b.counts.requests.Describe(to)
	m.b.counts.took.Describe(to)
	for _, c := range m.b.meters.all() {
		c.Describe(to)
	}
	for _, d := range []*prometheus.Desc{
		descSeq, descOctets, descFollowers, descLag, descLagOf, descLagged, descUp, descConnects, descResyncs, descFacts, descOdd, descDevices, descCalls,
	} {
		to <- d
	}
}

// Collect gives every value.
func (m metrics) Collect(to chan<- prometheus.Metric) {
	m.b.counts.requests.Collect(to)
	m.b.counts.took.Collect(to)
	for _, c := range m.b.meters.all() {
		c.Collect(to)
	}
	tell := func(d *prometheus.Desc, t prometheus.ValueType, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, t, v, labels...)
	}
	j := m.b.journal.stats()
	tell(descSeq, prometheus.CounterValue, float64(j.seq))
	tell(descOctets, prometheus.GaugeValue, float64(j.octets))
	tell(descFollowers, prometheus.GaugeValue, float64(j.followers))
	all := int64(0)
	for k := range kinds {
		n := m.b.journal.waiting[k].Load()
		all += n
		tell(descLagOf, prometheus.GaugeValue, float64(n), k.String())
	}
	tell(descLag, prometheus.GaugeValue, float64(all))
	tell(descLagged, prometheus.CounterValue, float64(m.b.journal.lagged.Load()))
	for _, l := range m.b.all() {
		up, devices := 0.0, 0
		if l.up.Load() {
			up = 1
		}
		if d := l.devices.Load(); d != nil {
			devices = len(*d)
		}
		l.mu.Lock()
		calls := l.model.Len()
		l.mu.Unlock()
		tell(descUp, prometheus.GaugeValue, up, l.name)
		tell(descConnects, prometheus.CounterValue, float64(l.counts.runs.Load()), l.name)
		tell(descResyncs, prometheus.CounterValue, float64(l.counts.resyncs.Load()), l.name)
		tell(descFacts, prometheus.CounterValue, float64(l.counts.facts.Load()), l.name)
		tell(descOdd, prometheus.CounterValue, float64(l.counts.odd.Load()), l.name)
		tell(descDevices, prometheus.GaugeValue, float64(devices), l.name)
		tell(descCalls, prometheus.GaugeValue, float64(calls), l.name)
	}
}
