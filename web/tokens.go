package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"farhook/csta"
	"farhook/web/access"
)

type tokenInput struct {
	Body struct {
		Note    string       `json:"note" minLength:"1" maxLength:"200" doc:"What it is for" example:"ticket system"`
		Grant   access.Grant `json:"grant"`
		Expires *time.Time   `json:"expires,omitempty" doc:"When it ends; absent: never"`
	}
}

type tokenOutput struct {
	Body struct {
		access.Token
		Secret string `json:"secret" doc:"The token itself: shown this once, stored nowhere" example:"fhk_…"`
	}
}

type tokensInput struct {
	After string `query:"after" maxLength:"64" doc:"Goes on after this id: the next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type tokensOutput struct {
	Body struct {
		Tokens []access.Token `json:"tokens" nullable:"false"`
		Next   string         `json:"next,omitempty"`
	}
}

type idInput struct {
	ID string `path:"id" maxLength:"64"`
}

type userInput struct {
	Body struct {
		Name     string       `json:"name" minLength:"1" maxLength:"64" pattern:"^[a-z0-9._-]+$" example:"anna"`
		Password string       `json:"password" minLength:"10" maxLength:"1000"`
		Grant    access.Grant `json:"grant"`
	}
}

type userChange struct {
	Name string `path:"name" maxLength:"64"`
	Body struct {
		Password string       `json:"password,omitempty" maxLength:"1000" doc:"Absent: it stays. A new one ends the user's sessions"`
		Grant    access.Grant `json:"grant"`
		Disabled bool         `json:"disabled,omitempty"`
	}
}

type userName struct {
	Name string `path:"name" maxLength:"64"`
}

type userOutput struct{ Body access.User }

type usersOutput struct {
	Body struct {
		Users []access.User `json:"users" nullable:"false"`
		Next  string        `json:"next,omitempty"`
	}
}

func (s *Server) accessOperations() {
	admin := func(id, method, path, summary string, status int, errs ...int) op {
		return op{id: id, method: method, path: "/api/v1/" + path, summary: summary, tag: "Access", scope: access.Administer, status: status, errors: append(errs, 501)}
	}
	register(s, admin("list-tokens", http.MethodGet, "tokens", "List tokens", 0), s.listTokens)
	register(s, admin("make-token", http.MethodPost, "tokens", "Make a token", http.StatusCreated, 400), s.makeToken)
	register(s, admin("delete-token", http.MethodDelete, "tokens/{id}", "Withdraw a token, and end its streams", http.StatusNoContent, 404), func(ctx context.Context, in *idInput) (*struct{}, error) {
		return nil, s.accessError(ctx, s.access.DeleteToken(ctx, in.ID), "token "+in.ID)
	})
	register(s, admin("list-users", http.MethodGet, "users", "List local users", 0), s.listUsers)
	register(s, admin("make-user", http.MethodPost, "users", "Make a local user", http.StatusCreated, 400, 409), func(ctx context.Context, in *userInput) (*userOutput, error) {
		return s.putUser(ctx, access.User{Name: in.Body.Name, Grant: in.Body.Grant}, in.Body.Password, true)
	})
	register(s, admin("change-user", http.MethodPut, "users/{name}", "Change a local user", 0, 400, 404), func(ctx context.Context, in *userChange) (*userOutput, error) {
		return s.putUser(ctx, access.User{Name: in.Name, Grant: in.Body.Grant, Disabled: in.Body.Disabled}, in.Body.Password, false)
	})
	register(s, admin("delete-user", http.MethodDelete, "users/{name}", "Delete a local user, and end the sessions", http.StatusNoContent, 404), func(ctx context.Context, in *userName) (*struct{}, error) {
		return nil, s.accessError(ctx, s.access.DeleteUser(ctx, in.Name), "user "+in.Name)
	})
}

// accessError turns an error of administration into an answer; nil stays nil.
func (s *Server) accessError(ctx context.Context, err error, what string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, access.ErrUnknown):
		return wrong(ctx, http.StatusNotFound, "there is no "+what)
	case errors.Is(err, access.ErrExists):
		return wrong(ctx, http.StatusConflict, "there is a "+what+" already")
	case errors.Is(err, access.ErrNoStore):
		return wrong(ctx, http.StatusNotImplemented, "this gateway keeps neither tokens nor users: web.store is not configured")
	case errors.Is(err, access.ErrBusy):
		return later(wrong(ctx, http.StatusTooManyRequests, err.Error()), 5*time.Second)
	case errors.Is(err, access.ErrPassword), errors.Is(err, access.ErrNote):
		return wrong(ctx, http.StatusBadRequest, err.Error())
	}
	return s.fault(ctx, err)
}

// canonical checks a grant, and writes its devices as they are called here.
func (s *Server) canonical(ctx context.Context, g access.Grant) (access.Grant, error) {
	if err := g.Check(); err != nil {
		return g, wrong(ctx, http.StatusBadRequest, "grant."+err.Error())
	}
	for member, list := range map[string][]csta.DeviceID{"devices": g.Devices, "ownLines": g.OwnLines} {
		for i, d := range list {
			id, err := s.board.Resolve(string(d))
			if err != nil {
				return g, wrong(ctx, http.StatusBadRequest, fmt.Sprintf("grant.%s[%d]: no PBX has the device %q", member, i, d))
			}
			list[i] = id
		}
	}
	return g, nil
}

func (s *Server) listTokens(_ context.Context, in *tokensInput) (*tokensOutput, error) {
	out := &tokensOutput{}
	out.Body.Tokens, out.Body.Next = page(s.access.Tokens(), func(t access.Token) string { return t.ID }, in.After, in.Limit)
	return out, nil
}

func (s *Server) makeToken(ctx context.Context, in *tokenInput) (*tokenOutput, error) {
	g, err := s.canonical(ctx, in.Body.Grant)
	if err != nil {
		return nil, err
	}
	t := access.Token{Note: in.Body.Note, Grant: g, By: who(ctx).User}
	if in.Body.Expires != nil {
		t.Expires = in.Body.Expires.UTC()
		if !t.Expires.After(time.Now()) {
			return nil, wrong(ctx, http.StatusBadRequest, "expires lies in the past")
		}
	}
	out := &tokenOutput{}
	if out.Body.Token, out.Body.Secret, err = s.access.NewToken(ctx, t); err != nil {
		return nil, s.accessError(ctx, err, "token")
	}
	return out, nil
}

func (s *Server) listUsers(_ context.Context, in *tokensInput) (*usersOutput, error) {
	out := &usersOutput{}
	out.Body.Users, out.Body.Next = page(s.access.Users(), func(u access.User) string { return u.Name }, in.After, in.Limit)
	return out, nil
}

func (s *Server) putUser(ctx context.Context, u access.User, password string, fresh bool) (*userOutput, error) {
	g, err := s.canonical(ctx, u.Grant)
	if err != nil {
		return nil, err
	}
	u.Grant = g
	u, err = s.access.PutUser(ctx, u, password, fresh)
	if err != nil {
		return nil, s.accessError(ctx, err, "user "+u.Name)
	}
	return &userOutput{Body: u}, nil
}
