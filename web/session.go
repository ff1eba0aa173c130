package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/switchboard/audit"
	"farhook/web/access"
)

// SignedIn says who somebody is and what he may.
type SignedIn struct {
	ID       string          `json:"id" doc:"As it stands in logs and history" example:"user:anna"`
	Name     string          `json:"name"`
	Scopes   []access.Scope  `json:"scopes" nullable:"false"`
	OwnLines []csta.DeviceID `json:"ownLines,omitempty"`
	CSRF     string          `json:"csrf,omitempty" doc:"What unsafe requests show as X-CSRF-Token; absent: nothing is to be shown"`
	Expires  *time.Time      `json:"expires,omitempty"`
}

type signedInOutput struct {
	Cookie []http.Cookie `header:"Set-Cookie"`
	Body   SignedIn
}

type signInInput struct {
	Body struct {
		User     string `json:"user" minLength:"1" maxLength:"64"`
		Password string `json:"password" minLength:"1" maxLength:"1000"`
	}
}

type signOutInput struct {
	Session string `cookie:"farhook_session"`
}

type signOutOutput struct {
	Cookie []http.Cookie `header:"Set-Cookie"`
}

type waysOutput struct {
	Body struct {
		Required bool   `json:"required" doc:"Whether one has to sign in at all"`
		Password bool   `json:"password" doc:"Whether local users sign in with a password"`
		OIDC     string `json:"oidc,omitempty" doc:"Where a browser goes to sign in with the organisation's account"`
	}
}

func (s *Server) sessionOperations() {
	register(s, op{id: "sign-in-ways", method: http.MethodGet, path: "/api/v1/sign-in", summary: "How one can sign in", tag: "Access", scope: open}, s.ways)
	register(s, op{
		id: "get-session", method: http.MethodGet, path: "/api/v1/session", summary: "Who I am and what I may", tag: "Access", scope: open, errors: []int{401},
	}, s.getSession)
	register(s, op{
		id: "sign-in", method: http.MethodPost, path: "/api/v1/session", summary: "Sign in with name and password", tag: "Access", scope: open, errors: []int{401, 403, 429},
		about: "Opens a session: the cookie is for browsers. Programs use tokens.",
	}, s.signIn)
	register(s, op{
		id: "sign-out", method: http.MethodDelete, path: "/api/v1/session", summary: "Sign out", tag: "Access", scope: open, status: http.StatusNoContent,
	}, s.signOut)
}

func (s *Server) ways(context.Context, *struct{}) (*waysOutput, error) {
	out := &waysOutput{}
	out.Body.Required = s.access.Nobody() == nil
	out.Body.Password = out.Body.Required && s.access.HasUsers()
	if s.conf.OIDC != nil {
		out.Body.OIDC = "/api/v1/sign-in/oidc"
	}
	return out, nil
}

func signedIn(i *access.Identity) SignedIn {
	g := i.Grant()
	out := SignedIn{ID: i.ID, Name: i.Name, Scopes: g.Scopes, OwnLines: g.OwnLines, CSRF: i.CSRF}
	if !i.Expiry.IsZero() {
		out.Expires = &i.Expiry
	}
	return out
}

func (s *Server) getSession(ctx context.Context, _ *struct{}) (*signedInOutput, error) {
	i := access.From(ctx)
	if i == nil {
		return nil, wrong(ctx, http.StatusUnauthorized, "nobody is signed in")
	}
	return &signedInOutput{Body: signedIn(i)}, nil
}

func (s *Server) signIn(ctx context.Context, in *signInInput) (*signedInOutput, error) {
	host, now := peerOf(ctx), time.Now()
	if !s.tries.allow(host, now) {
		return nil, later(wrong(ctx, http.StatusTooManyRequests, "too many tries to sign in that failed: wait a minute"), triesWindow)
	}
	cookie, i, err := s.access.SignIn(ctx, in.Body.User, in.Body.Password)
	if !errors.Is(err, access.ErrUnknown) {
		s.tries.forgive(host, now)
	}
	switch {
	case errors.Is(err, access.ErrUnknown):
		s.audit(ctx, audit.Entry{Act: audit.SignInFailed, User: "user:" + in.Body.User, Result: "refused"})
		return nil, wrong(ctx, http.StatusUnauthorized, "user name or password is wrong")
	case errors.Is(err, access.ErrBusy):
		return nil, later(wrong(ctx, http.StatusTooManyRequests, err.Error()), 5*time.Second)
	case errors.Is(err, access.ErrNoStore):
		return nil, wrong(ctx, http.StatusForbidden, "there is no sign-in here")
	case err != nil:
		return nil, s.fault(ctx, err)
	}
	s.audit(ctx, audit.Entry{Act: audit.SignedIn, User: i.ID, Result: "ok"})
	return &signedInOutput{Cookie: []http.Cookie{s.cookie(ctx, sessionCookie, cookie, i.Expiry)}, Body: signedIn(i)}, nil
}

func (s *Server) signOut(ctx context.Context, in *signOutInput) (*signOutOutput, error) {
	if in.Session != "" {
		if err := s.access.SignOut(ctx, in.Session); err != nil {
			return nil, s.fault(ctx, err)
		}
	}
	return &signOutOutput{Cookie: []http.Cookie{s.cookie(ctx, sessionCookie, "", time.Unix(1, 0))}}, nil
}

// cookie is one that no page reads and no other site sends; over TLS it never travels without.
func (s *Server) cookie(ctx context.Context, name, value string, expires time.Time) http.Cookie {
	return http.Cookie{
		Name: name, Value: value, Path: "/", Expires: expires, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: overTLS(ctx),
	}
}
