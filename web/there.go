package web

import (
	"fmt"
	"net/http"
	"strings"
)

// everything is the console's pattern, which takes whatever nothing else takes.
const everything = "GET /"

// there answers what no operation is for with a problem document like all others: 404 where there is nothing, 405 where there is something for
// other methods.
func (s *Server) there(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" && (pattern != everything || !strings.HasPrefix(r.URL.Path, "/api/")) {
			mux.ServeHTTP(w, r)
			return
		}
		if pattern == "" {
			probe := &kept{header: make(http.Header)}
			if h.ServeHTTP(probe, r); probe.status/100 == 3 { // a path that is to be written otherwise
				probe.copyTo(w)
				return
			}
		}
		var allowed []string
		for _, m := range [...]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
			other := r.Clone(r.Context())
			other.Method = m
			if _, p := mux.Handler(other); p != "" && p != everything {
				allowed = append(allowed, m)
			}
		}
		if len(allowed) == 0 {
			problem(w, http.StatusNotFound, fmt.Sprintf("there is nothing at %s", r.URL.Path))
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		problem(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s takes %s", r.URL.Path, strings.Join(allowed, ", ")))
	})
}
