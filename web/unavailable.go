package web

import "net/http"

// Unavailable answers in the place of a server that can't be made at the moment, and says why. Metrics and probes are there.
func Unavailable(c Config, why string) http.Handler {
	mux := http.NewServeMux()
	c.observed(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "5")
		problem(w, http.StatusServiceUnavailable, why)
	})
	return mux
}

// observed is what looks at the gateway from outside, for this machine only.
func (c Config) observed(mux *http.ServeMux) {
	if c.Metrics != nil {
		mux.Handle("GET /metrics", local(c.Metrics))
	}
	if c.Probes != nil {
		mux.Handle("GET /healthz", local(c.Probes))
		mux.Handle("GET /readyz", local(c.Probes))
	}
}
