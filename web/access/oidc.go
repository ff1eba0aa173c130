package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"farhook/csta"
)

// OIDCConfig is an OpenID provider, and what its claims are worth here.
type OIDCConfig struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	Redirect     string   // our callback, as the provider knows it: https://farhook.example.com/api/v1/sign-in/oidc/callback
	Scopes       []string // asked for beside openid; default profile
	NameClaim    string   // what a user is called; default preferred_username
	GroupsClaim  string   // default groups
	LinesClaim   string   // numbers of the user's own lines; default phone_number
	Roles        []Role
}

// Role is what the members of a group may. Everybody is a member of the group "".
type Role struct {
	Group string
	Grant Grant
}

// OIDC signs in at a provider. It asks the provider for its description when it is first needed, and again after failures.
type OIDC struct {
	conf   OIDCConfig
	client *http.Client

	mu       sync.Mutex
	provider *oidc.Provider
}

// ErrSignIn says that a sign-in at the provider came to nothing: for the browser.
var ErrSignIn = errors.New("access: the sign-in came to nothing")

// NewOIDC makes it; it asks nobody anything yet.
func NewOIDC(c OIDCConfig) *OIDC {
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"profile"}
	}
	for into, def := range map[*string]string{&c.NameClaim: "preferred_username", &c.GroupsClaim: "groups", &c.LinesClaim: "phone_number"} {
		if *into == "" {
			*into = def
		}
	}
	return &OIDC{conf: c, client: &http.Client{Timeout: 10 * time.Second}}
}

// Flow is one sign-in under way. The browser keeps it in a cookie that only it sends.
type Flow struct{ State, Nonce, Verifier string }

func (o *OIDC) discover(ctx context.Context) (*oidc.Provider, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.provider != nil {
		return o.provider, nil
	}
	// The provider keeps this context for its key set: it must outlive the request.
	p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), o.client), o.conf.Issuer)
	if err != nil {
		return nil, fmt.Errorf("access: asking the OpenID provider: %w", err)
	}
	o.provider = p
	return p, nil
}

func (o *OIDC) oauth(p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: o.conf.ClientID, ClientSecret: o.conf.ClientSecret, Endpoint: p.Endpoint(), RedirectURL: o.conf.Redirect,
		Scopes: append([]string{oidc.ScopeOpenID}, o.conf.Scopes...),
	}
}

// Begin gives where the browser goes, and what it keeps meanwhile.
func (o *OIDC) Begin(ctx context.Context) (string, Flow, error) {
	p, err := o.discover(ctx)
	if err != nil {
		return "", Flow{}, err
	}
	f := Flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	return o.oauth(p).AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), f, nil
}

// SignInOIDC ends a sign-in at the provider with the code that the browser brought, and opens a session.
func (a *Access) SignInOIDC(ctx context.Context, o *OIDC, f Flow, state, code string) (cookie string, who *Identity, err error) {
	if a.store == nil {
		return "", nil, ErrNoStore
	}
	if f.State == "" || subtle.ConstantTimeCompare([]byte(f.State), []byte(state)) != 1 {
		return "", nil, fmt.Errorf("%w: it was not begun by this browser", ErrSignIn)
	}
	p, err := o.discover(ctx)
	if err != nil {
		return "", nil, err
	}
	ctx = oidc.ClientContext(ctx, o.client)
	token, err := o.oauth(p).Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return "", nil, fmt.Errorf("%w: the provider doesn't take the code", ErrSignIn)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := p.VerifierContext(ctx, &oidc.Config{ClientID: o.conf.ClientID}).Verify(ctx, raw)
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrSignIn, err)
	}
	if id.Nonce != f.Nonce {
		return "", nil, fmt.Errorf("%w: the nonce is another", ErrSignIn)
	}
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrSignIn, err)
	}
	roles := rolesOf(o.conf, claims)
	if len(sum(roles).Scopes) == 0 {
		return "", nil, fmt.Errorf("%w: none of the account's groups has a right here", ErrSignIn)
	}
	name, _ := claims[o.conf.NameClaim].(string)
	if name == "" {
		name = id.Subject
	}
	return a.openSession(ctx, session{ID: "oidc:" + id.Subject, Name: name, Roles: roles, Lines: linesOf(o.conf, claims)})
}

// rolesOf are the grants of the roles that an account has. The own lines come to them where they are used.
func rolesOf(c OIDCConfig, claims map[string]any) (roles []Grant) {
	groups := texts(claims[c.GroupsClaim])
	for _, r := range c.Roles {
		if r.Group == "" || slices.Contains(groups, r.Group) {
			roles = append(roles, r.Grant)
		}
	}
	return roles
}

// linesOf are the numbers of an account's own lines. One of which the provider says that nobody has verified it (OpenID Connect Core, 5.1) is what its user has
// written there: it gives him nothing.
func linesOf(c OIDCConfig, claims map[string]any) []string {
	if verified, says := claims[c.LinesClaim+"_verified"].(bool); says && !verified {
		return nil
	}
	return texts(claims[c.LinesClaim])
}

// texts reads a claim that is a text or a list of them.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, x := range v {
			if s, ok := x.(string); ok {
				list = append(list, s)
			}
		}
		return list
	}
	return nil
}

// Lines tells how numbers become devices, and where the members of groups are found. It must be called before anybody comes.
func (a *Access) Lines(resolve func(string) (csta.DeviceID, error), members func(csta.DeviceID) []csta.DeviceID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.resolve, a.members = resolve, members
	if a.store != nil {
		a.settle()
	}
}
