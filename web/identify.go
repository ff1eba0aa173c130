package web

import (
	"context"
	"crypto/subtle"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
	"farhook/web/access"
	"farhook/web/live"
)

// sessionCookie holds a browser's session. It is never readable by a page, and never sent by another site.
const sessionCookie = "farhook_session"

// csrfHeader is what an unsafe request shows, where a cookie says who it is.
const csrfHeader = "X-CSRF-Token"

// identify finds who comes, and counts the request. Who is nobody may still ask for what is open to all.
func (s *Server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		who, err := s.identity(r)
		if err != nil {
			w.Header().Set("WWW-Authenticate", `Bearer realm="farhook", error="invalid_token"`)
			problem(w, http.StatusUnauthorized, err.Error())
			return
		}
		if who != nil {
			if who.CSRF != "" && unsafe(r) && subtle.ConstantTimeCompare([]byte(r.Header.Get(csrfHeader)), []byte(who.CSRF)) != 1 {
				problem(w, http.StatusForbidden, fmt.Sprintf("the header %s is missing or wrong: GET /api/v1/session tells it", csrfHeader))
				return
			}
			u, ok := who.Take(time.Now())
			if u.Limit > 0 {
				reset := int(math.Ceil(u.Window.Seconds()))
				w.Header().Set("RateLimit-Policy", fmt.Sprintf(`"default";q=%d;w=%d`, u.Limit, reset))
				w.Header().Set("RateLimit", fmt.Sprintf(`"default";r=%d;t=%d`, u.Remaining, reset))
			}
			if !ok && !s.forHelp(r) {
				w.Header().Set("Retry-After", strconv.Itoa(max(int(math.Ceil(u.Retry.Seconds())), 1)))
				problem(w, http.StatusTooManyRequests, fmt.Sprintf("%d requests in %v are allowed", u.Limit, u.Window.Round(time.Second)))
				return
			}
			ctx = access.With(ctx, who)
		}
		ctx = context.WithValue(withPeer(ctx, r.RemoteAddr), tlsKey{}, r.TLS != nil)
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func unsafe(r *http.Request) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions
}

// identity is who comes; nil: nobody. An error: what is shown is no good.
func (s *Server) identity(r *http.Request) (*access.Identity, error) {
	if h := r.Header.Get("Authorization"); h != "" {
		kind, secret, _ := strings.Cut(h, " ")
		if !strings.EqualFold(kind, "Bearer") {
			return nil, fmt.Errorf("authorization is by Bearer token")
		}
		if secret = strings.TrimSpace(secret); secret == "" { // nothing is shown: a program whose token is empty
			return s.access.Nobody(), nil
		}
		who := s.access.Bearer(secret)
		if who == nil {
			return nil, fmt.Errorf("the token is unknown, was withdrawn, or has expired")
		}
		return who, nil
	}
	if c, err := r.Cookie(sessionCookie); err == nil {
		if who := s.access.Cookie(c.Value); who != nil {
			return who, nil
		}
	}
	return s.access.Nobody(), nil
}

// seen is what somebody may see: of devices that there are.
func (s *Server) seen(p switchboard.Principal, who *access.Identity) live.Eyes {
	ours := func(may func(csta.DeviceID) bool) func(csta.DeviceID) bool {
		return func(d csta.DeviceID) bool {
			_, known := s.board.Device(p, d)
			return known && may(d)
		}
	}
	return live.Eyes{
		All: who.AllParties(), State: ours(who.MayObserve), Parties: ours(who.Parties),
		Control: ours(func(d csta.DeviceID) bool { return s.board.May(p, csta.Control, d) }),
	}
}

// principal is who asks, as the switchboard knows it.
func principal(r *http.Request) switchboard.Principal { return who(r.Context()) }
