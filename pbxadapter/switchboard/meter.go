package switchboard

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"farhook/pbxadapter"
)

// maxCommands bounds the label: an adapter's commands are few, but where an administrator writes templates his words count too.
const maxCommands = 100

// meters count what adapters do on their PBXs.
type meters struct {
	took     *prometheus.HistogramVec
	failed   *prometheus.CounterVec
	audits   *prometheus.CounterVec
	repaired *prometheus.CounterVec

	mu   sync.Mutex
	seen map[string]bool // commands
}

func newMeters() *meters {
	return &meters{
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "farhook_pbx_command_duration_seconds", Help: "Time from sending a command to the PBX to its answer, by the PBX's own word for the command.", Buckets: latencies,
		}, []string{"pbx", "command"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farhook_pbx_command_failures_total", Help: "Commands to the PBX that failed, by outcome: refused, unanswered, or link lost.",
		}, []string{"pbx", "command", "outcome"}),
		audits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farhook_pbx_audits_total", Help: "Times that the calls were compared with the PBX's own list.",
		}, []string{"pbx"}),
		repaired: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farhook_pbx_audit_repairs_total", Help: "Connections that an audit found otherwise than told, and put right.",
		}, []string{"pbx"}),
		seen: make(map[string]bool),
	}
}

func (m *meters) all() []prometheus.Collector {
	return []prometheus.Collector{m.took, m.failed, m.audits, m.repaired}
}

// begin lets a PBX's counters stand at 0.
func (m *meters) begin(pbx string) {
	m.audits.WithLabelValues(pbx)
	m.repaired.WithLabelValues(pbx)
}

// Meter is what an adapter gets as its Options.Meter, with the name of its PBX. The board may be made later than the func, as adapters are, but not later
// than the first piece of work.
func (b *Board) Meter(pbx string, w pbxadapter.Work) {
	m := b.meters
	if w.Command == "" {
		m.audits.WithLabelValues(pbx).Inc()
		m.repaired.WithLabelValues(pbx).Add(float64(w.Repaired))
		return
	}
	command := m.command(w.Command)
	m.took.WithLabelValues(pbx, command).Observe(w.Took.Seconds())
	if w.Outcome != pbxadapter.Answered {
		m.failed.WithLabelValues(pbx, command, w.Outcome.String()).Inc()
	}
}

// command is the label of a command: the word itself, where it's a word and there aren't too many.
func (m *meters) command(word string) string {
	if len(word) > 40 {
		return string(unknown)
	}
	for i := range len(word) {
		if c := word[i]; c <= ' ' || c >= 0x7f {
			return string(unknown)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.seen[word] {
		if len(m.seen) >= maxCommands {
			return string(unknown)
		}
		m.seen[word] = true
	}
	return word
}
