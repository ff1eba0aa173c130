package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard/audit"
	"farhook/web/access"
)

// flowCookie holds a sign-in at the OpenID provider while the browser is there. It must come along when the provider sends the browser back:
// so Lax, and short-lived.
const (
	flowCookie = "farhook_oidc"
	flowTime   = 10 * time.Minute
)

type goneOutput struct {
	Status   int
	Location string        `header:"Location"`
	Cookie   []http.Cookie `header:"Set-Cookie"`
}

type callbackInput struct {
	State string `query:"state"`
	Code  string `query:"code"`
	Error string `query:"error"`
	Flow  string `cookie:"farhook_oidc"`
}

func (s *Server) oidcOperations() {
	if s.conf.OIDC == nil {
		return
	}
	register(s, op{
		id: "sign-in-oidc", method: http.MethodGet, path: "/api/v1/sign-in/oidc", summary: "Sign in with the organisation's account", tag: "Access", scope: open,
		status: http.StatusFound, errors: []int{502},
	}, s.beginOIDC)
	register(s, op{
		id: "sign-in-oidc-callback", method: http.MethodGet, path: "/api/v1/sign-in/oidc/callback", summary: "Where the provider sends the browser back to",
		tag: "Access", scope: open, status: http.StatusFound, errors: []int{401, 502}, anyQuery: true,
	}, s.endOIDC)
}

func (s *Server) beginOIDC(ctx context.Context, _ *struct{}) (*goneOutput, error) {
	to, flow, err := s.conf.OIDC.Begin(ctx)
	if err != nil {
		s.log.Warn("OpenID provider", zap.Error(err), pbxadapter.TraceField(ctx))
		return nil, wrong(ctx, http.StatusBadGateway, "the OpenID provider can't be reached; the log says why")
	}
	b, err := json.Marshal(flow)
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	c := s.cookie(ctx, flowCookie, base64.RawURLEncoding.EncodeToString(b), time.Now().Add(flowTime))
	c.SameSite = http.SameSiteLaxMode
	return &goneOutput{http.StatusFound, to, []http.Cookie{c}}, nil
}

func (s *Server) endOIDC(ctx context.Context, in *callbackInput) (*goneOutput, error) {
	if in.Error != "" {
		return nil, wrong(ctx, http.StatusUnauthorized, fmt.Sprintf("the OpenID provider says: %.200s", in.Error))
	}
	var flow access.Flow
	b, err := base64.RawURLEncoding.DecodeString(in.Flow)
	if err == nil {
		err = json.Unmarshal(b, &flow)
	}
	if err != nil {
		return nil, wrong(ctx, http.StatusUnauthorized, "the sign-in was not begun by this browser, or took too long")
	}
	cookie, i, err := s.access.SignInOIDC(ctx, s.conf.OIDC, flow, in.State, in.Code)
	switch {
	case errors.Is(err, access.ErrSignIn):
		s.log.Info("sign-in refused", zap.Error(err), pbxadapter.TraceField(ctx))
		s.audit(ctx, audit.Entry{Act: audit.SignInFailed, Result: "refused", Detail: err.Error()})
		return nil, wrong(ctx, http.StatusUnauthorized, err.Error())
	case err != nil:
		s.log.Warn("OpenID provider", zap.Error(err), pbxadapter.TraceField(ctx))
		return nil, wrong(ctx, http.StatusBadGateway, "the OpenID provider can't be reached; the log says why")
	}
	s.audit(ctx, audit.Entry{Act: audit.SignedIn, User: i.ID, Result: "ok"})
	gone := s.cookie(ctx, flowCookie, "", time.Unix(1, 0))
	return &goneOutput{http.StatusFound, "/", []http.Cookie{s.cookie(ctx, sessionCookie, cookie, i.Expiry), gone}}, nil
}
