package main

import (
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"

	"farhook/pbxadapter/numbering"
	"farhook/web"
)

// administration gives the web side what its administrators look at.
func (g *gateway) administration(c *web.Config) {
	c.Tap = g.tap
	c.Administration = web.Administration{
		Certificates: g.certificates, Configuration: g.configuration, Counters: g.counters, Try: g.tryNumber,
	}
}

// certificates lists ours and the authorities', those of SIP first.
func (g *gateway) certificates() (all []web.Certificate) {
	for _, r := range []*keyring{g.keys, g.https} {
		if r == nil {
			continue
		}
		k := r.current.Load()
		all = append(all, certificateOf(r.name, "own", r.files.Certificate, k.leaf))
		for _, ca := range k.cas {
			all = append(all, certificateOf(r.name, "authority", r.files.ClientCA, ca))
		}
	}
	return all
}

func certificateOf(part, role, file string, x *x509.Certificate) web.Certificate {
	c := web.Certificate{
		Part: part, Role: role, File: file, Subject: x.Subject.String(), Issuer: x.Issuer.String(), Serial: fmt.Sprintf("%x", x.SerialNumber),
		Names: slices.Clone(x.DNSNames), NotBefore: x.NotBefore.UTC(), NotAfter: x.NotAfter.UTC(), Health: "ok",
	}
	for _, ip := range x.IPAddresses {
		c.Names = append(c.Names, ip.String())
	}
	now := time.Now()
	left := x.NotAfter.Sub(now)
	c.Days = int(left / (24 * time.Hour))
	switch {
	case left <= 0:
		c.Health, c.Days = "ended", c.Days-1
	case x.NotBefore.After(now):
		c.Health = "early"
	case left < expiryWarning:
		c.Health = "soon"
	}
	return c
}

// configuration is the one in force.
func (g *gateway) configuration() web.Configuration {
	conf := g.config()
	out := web.Configuration{File: g.file, Hash: conf.hash(), Values: []web.Setting{}}
	flat := conf.flat()
	for _, path := range slices.Sorted(maps.Keys(flat)) {
		s := web.Setting{Path: path, Value: masked(path, flat[path]), Counts: "restart"}
		if isLive(path) {
			s.Counts = "reload"
		}
		out.Values = append(out.Values, s)
	}
	return out
}

// counted are the metrics that an administrator looks at, in the order in which they are told; docs/metrics.md has them all.
var counted = [...]string{
	"farhook_sessions", "farhook_monitors", "farhook_connections", "farhook_sessions_started_total", "farhook_sessions_ended_total", "farhook_refusals_total",
	"farhook_requests_total", "farhook_events_written_total", "farhook_events_refused_total", "farhook_events_unanswered",
	"farhook_journal_events_total", "farhook_journal_followers", "farhook_journal_lag_events", "farhook_journal_lagged_total",
	"farhook_pbx_up", "farhook_pbx_devices", "farhook_pbx_calls", "farhook_pbx_connects_total", "farhook_pbx_facts_total", "farhook_pbx_odd_facts_total",
	"farhook_pbx_audits_total", "farhook_pbx_audit_repairs_total", "farhook_pbx_command_failures_total",
	"farhook_draining", "farhook_store_pending", "farhook_store_errors_total", "farhook_audit_lost_total", "farhook_wiretap_messages", "farhook_wiretap_octets",
	"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "process_start_time_seconds", "go_goroutines",
}

// counters are the values of what is counted. Requests are told by result, all services together.
func (g *gateway) counters() ([]web.Counter, error) {
	families, err := g.registry.Gather()
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	var all []web.Counter
	for _, name := range counted {
		i := slices.IndexFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == name })
		if i < 0 {
			continue // it's a vector of which nothing has happened yet
		}
		f := families[i]
		sums := map[string]int{}
		for _, m := range f.GetMetric() {
			c := web.Counter{Name: name, Help: f.GetHelp(), Type: "gauge", Value: m.GetGauge().GetValue()}
			if f.GetType() == dto.MetricType_COUNTER {
				c.Type, c.Value = "counter", m.GetCounter().GetValue()
			}
			key := ""
			for _, l := range m.GetLabel() {
				if l.GetName() == "service" {
					continue
				}
				if c.Labels == nil {
					c.Labels = map[string]string{}
				}
				c.Labels[l.GetName()] = l.GetValue()
				key += l.GetName() + "=" + l.GetValue() + "\n"
			}
			if at, seen := sums[key]; seen {
				all[at].Value += c.Value
				continue
			}
			sums[key] = len(all)
			all = append(all, c)
		}
	}
	return all, nil
}

// tryNumber takes a number through the rules of the PBXs that are meant, there and back.
func (g *gateway) tryNumber(q web.NumberQuestion) (tries []web.NumberTry) {
	side := numbering.Called
	if q.Side == "calling" {
		side = numbering.Calling
	}
	g.reloading.Lock()
	pbxs := maps.Clone(g.pbxs)
	g.reloading.Unlock()
	for _, name := range slices.Sorted(maps.Keys(pbxs)) {
		if q.PBX != "" && name != q.PBX {
			continue
		}
		for _, d := range []struct {
			name string
			way  numbering.Direction
		}{{"toPBX", numbering.ToPBX}, {"fromPBX", numbering.FromPBX}} {
			if q.Direction != "" && q.Direction != d.name {
				continue
			}
			tries = append(tries, tryOne(pbxs[name].numbers, name, d.name, d.way, strings.TrimSpace(q.Number), side))
		}
	}
	return tries
}

func tryOne(r *numbering.Rules, pbx, direction string, d numbering.Direction, number string, side numbering.Side) web.NumberTry {
	there, back, home := r.RoundTrip(d, number, side)
	t := web.NumberTry{PBX: pbx, Direction: direction, In: number, Steps: []web.NumberStep{}, Out: there.Out}
	for _, s := range there.Steps {
		t.Steps = append(t.Steps, web.NumberStep(s))
	}
	if there.Err != nil {
		t.Out, t.Refused = "", there.Err.Error()
		return t
	}
	t.Back, t.Home = back.Out, &home
	return t
}
