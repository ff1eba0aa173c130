package main

import "github.com/prometheus/client_golang/prometheus"

// trusting tells when certificates end, and how the audit record does. Its parts are the gateway's.
type trusting struct{ g *gateway }

var (
	descExpiry = prometheus.NewDesc("farhook_certificate_expiry_timestamp_seconds", "When a certificate ends, in seconds since 1970: our own (own), and the first of the authorities (authority).", []string{"role"}, nil)
	descAudit  = prometheus.NewDesc("farhook_audit_lost_total", "Entries that could not be written to the audit record.", nil, nil)
)

// Describe gives every description.
func (t trusting) Describe(to chan<- *prometheus.Desc) {
	to <- descExpiry
	to <- descAudit
}

// Collect gives every value; 0 where there is no such certificate.
func (t trusting) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.MustNewConstMetric(descAudit, prometheus.CounterValue, float64(t.g.audit.Failed()))
	ends := map[string]int64{"own": 0, "authority": 0}
	if t.g.keys != nil {
		for i, e := range t.g.keys.endings() {
			switch at := e.expires.Unix(); {
			case i == 0:
				ends["own"] = at
			case ends["authority"] == 0 || at < ends["authority"]:
				ends["authority"] = at
			}
		}
	}
	for role, at := range ends {
		to <- prometheus.MustNewConstMetric(descExpiry, prometheus.GaugeValue, float64(at), role)
	}
}
