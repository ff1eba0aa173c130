package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// part is one part of the gateway, and whether it can do its work.
type part struct {
	Part  string `json:"part"`
	Ready bool   `json:"ready"`
	Why   string `json:"why,omitempty"` // it can't
}

// readiness is the answer of /readyz.
type readiness struct {
	Ready bool   `json:"ready"` // all parts are
	Parts []part `json:"parts"`
}

// ready asks every part. A gateway that isn't ready still serves as far as it can: another one, where there is one, is the better choice.
func (g *gateway) ready(now time.Time) readiness {
	r := readiness{Ready: true}
	tell := func(name, why string) {
		r.Parts = append(r.Parts, part{Part: name, Ready: why == "", Why: why})
		r.Ready = r.Ready && why == ""
	}
	why := ""
	if g.uc.Draining() {
		why = "farhook drain was given: no new sessions are taken"
	} else if err := g.memory.admit(); err != nil {
		why = err.Error()
	}
	tell("sip", why)
	for _, l := range g.board.Links() {
		why = ""
		if !l.Up {
			why = "the link isn't up yet"
			if l.Why != "" {
				why = "the link is down: " + oneLine(fmt.Errorf("%s", l.Why))
			}
		}
		tell("pbx "+l.Name, why)
	}
	if g.keys != nil {
		why = ""
		if e := g.keys.endings()[0]; !e.expires.After(now) {
			why = e.what + " has expired on " + e.expires.Format(time.DateOnly)
		}
		tell("certificate", why)
	}
	if g.directory != nil {
		for _, s := range g.directory.View().Sources {
			why = ""
			if s.At.IsZero() {
				why = "it has told nothing yet"
				if s.Err != nil {
					why = oneLine(s.Err)
				}
			}
			tell("directory "+s.Name, why)
		}
	}
	if g.conf.SIP.Store != "" {
		why = ""
		if g.store == nil {
			why = "sessions are not kept: the log says why"
		} else if err := g.store.Err(); err != nil {
			why = "sessions wait in memory: " + oneLine(err)
		}
		tell("store", why)
	}
	if g.audit != nil {
		why = ""
		if err := g.audit.Err(); err != nil {
			why = "entries are lost: " + oneLine(err)
		}
		tell("audit", why)
	}
	if g.web != nil {
		why = ""
		if s, err := g.web.state(); err != nil {
			why = oneLine(err)
		} else if err := s.Kept(); err != nil {
			why = "calls and documents wait in memory: " + oneLine(err)
		}
		tell("http", why)
	}
	return r
}

// probes answers GET /healthz and /readyz.
func (g *gateway) probes() http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, status int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		g.uc.Count() // hangs where the gateway does
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		r := g.ready(time.Now())
		status := http.StatusOK
		if !r.Ready {
			status = http.StatusServiceUnavailable
		}
		answer(w, status, r)
	})
	return mux
}

// hash names a configuration: eight hex digits, secrets left out.
func (c Config) hash() string {
	flat := c.flat()
	h := sha256.New()
	for _, p := range slices.Sorted(maps.Keys(flat)) {
		fmt.Fprintf(h, "%s=%s\n", p, masked(p, flat[p]))
	}
	return hex.EncodeToString(h.Sum(nil)[:4])
}

// lasting tells of what ages.
type lasting struct{ g *gateway }

var (
	descConfig     = prometheus.NewDesc("farhook_config_info", "1; the hash of the configuration in force is a label.", []string{"hash"}, nil)
	descDirAge     = prometheus.NewDesc("farhook_directory_age_seconds", "Age of what the source of the directory told last.", []string{"source"}, nil)
	descDirPeople  = prometheus.NewDesc("farhook_directory_people", "People that the source of the directory knows.", []string{"source"}, nil)
	descDirFailing = prometheus.NewDesc("farhook_directory_failing", "1 where the source of the directory can't be read and the last good copy is used, else 0.", []string{"source"}, nil)
)

// Describe gives every description.
func (lasting) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descConfig, descDirAge, descDirPeople, descDirFailing} {
		to <- d
	}
}

// Collect gives every value.
func (l lasting) Collect(to chan<- prometheus.Metric) {
	tell := func(d *prometheus.Desc, v float64, label string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, label)
	}
	tell(descConfig, 1, l.g.config().hash())
	if l.g.directory == nil {
		return
	}
	for _, s := range l.g.directory.View().Sources {
		failing, age := 0.0, 0.0
		if s.Err != nil {
			failing = 1
		}
		if !s.At.IsZero() {
			age = time.Since(s.At).Seconds()
		}
		tell(descDirAge, age, s.Name)
		tell(descDirPeople, float64(s.People), s.Name)
		tell(descDirFailing, failing, s.Name)
	}
}
