package web

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"strings"

	"farhook/pbxadapter"
)

// traced gives every request a trace id: the caller's, from a W3C traceparent header (https://www.w3.org/TR/trace-context/, 3.2), or a new one. The
// answer tells it in X-Trace-Id, by which the gateway's log and farhook trace find everything that the request caused.
func traced(next http.Handler, called func(t pbxadapter.TraceID, parent [8]byte, sampled bool)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := parentTrace(r.Header.Get("Traceparent"))
		if id.IsZero() {
			id = pbxadapter.NewTrace()
		} else if called != nil {
			var span [8]byte
			var flags [1]byte
			parts := strings.Split(r.Header.Get("Traceparent"), "-") // as parentTrace found them
			_, _ = hex.Decode(span[:], []byte(parts[2]))
			_, _ = hex.Decode(flags[:], []byte(parts[3]))
			called(id, span, flags[0]&1 == 1)
		}
		w.Header().Set("X-Trace-Id", id.String())
		next.ServeHTTP(w, r.WithContext(pbxadapter.WithTrace(r.Context(), id)))
	})
}

// parentTrace is the trace id of a traceparent header: version-traceid-parentid-flags. A version that isn't known yet may have more after that, ff is
// none. Zero where it's malformed: then, as the standard wants, it is as if there were none.
func parentTrace(header string) pbxadapter.TraceID {
	parts := strings.Split(header, "-")
	if len(parts) < 4 || !isHex(parts[0], 2) || parts[0] == "ff" || parts[0] == "00" && len(parts) != 4 || !isHex(parts[2], 16) ||
		strings.Trim(parts[2], "0") == "" || !isHex(parts[3], 2) {
		return pbxadapter.TraceID{}
	}
	id, _ := pbxadapter.ParseTrace(parts[1])
	return id
}

func isHex(s string, digits int) bool {
	return len(s) == digits && !strings.ContainsFunc(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') })
}

// local lets in who is on this machine; what a proxy on it passes on comes from elsewhere.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		for _, h := range []string{"Forwarded", "X-Forwarded-For"} {
			if by := r.Header.Get(h); by != "" {
				host = by
			}
		}
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			problem(w, http.StatusForbidden, fmt.Sprintf("%s is another machine: metrics are for this one, unless metrics.listen gives them an address of their own", host))
			return
		}
		next.ServeHTTP(w, r)
	})
}
