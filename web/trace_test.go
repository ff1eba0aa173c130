package web

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"farhook/pbxadapter"
)

// A caller's trace id is taken where its traceparent is one by the standard; else there is a new one. Both are told.
func TestTraceParent(t *testing.T) {
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	for header, taken := range map[string]bool{
		"00-" + id + "-00f067aa0ba902b7-01":                        true,
		"00-" + id + "-00f067aa0ba902b7-00":                        true,
		"cc-" + id + "-00f067aa0ba902b7-01-what-the-future-brings": true,
		"":                                       false,
		id:                                       false,
		"00-" + id + "-00f067aa0ba902b7":         false,
		"00-" + id + "-00f067aa0ba902b7-01-more": false,
		"ff-" + id + "-00f067aa0ba902b7-01":      false,
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01": false,
		"00-" + id + "-0000000000000000-01":                       false,
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01": false,
		"00-" + id + "-00f067aa0ba902b7-zz":                       false,
	} {
		var in pbxadapter.TraceID
		h := traced(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { in = pbxadapter.Trace(r.Context()) }), nil)
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Traceparent", header)
		h.ServeHTTP(w, r)
		if told := w.Header().Get("X-Trace-Id"); told != in.String() || in.IsZero() || (told == id) != taken {
			t.Errorf("%q: %s inside, %s told; it is to be taken: %v", header, in, told, taken)
		}
	}
}

// Metrics are for this machine.
func TestLocal(t *testing.T) {
	for addr, want := range map[string]int{"127.0.0.1:5": 200, "[::1]:5": 200, "192.0.2.1:5": 403, "": 403} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil)
		r.RemoteAddr = addr
		local(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d, want %d", addr, w.Code, want)
		}
	}
	for _, h := range []string{"Forwarded", "X-Forwarded-For"} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil)
		r.RemoteAddr = "127.0.0.1:5"
		r.Header.Set(h, "192.0.2.1")
		local(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", h, w.Code)
		}
	}
}
