package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
	"farhook/web/access"
	"farhook/web/history"
	"farhook/web/live"
	"farhook/web/webhook"
)

type hookInput struct {
	Body struct {
		URL     string          `json:"url" minLength:"1" maxLength:"2000" doc:"Where documents are posted to: https, and a public address" example:"https://tickets.example.com/farhook"`
		Note    string          `json:"note,omitempty" maxLength:"200"`
		Devices []csta.DeviceID `json:"devices,omitempty" maxItems:"1000" doc:"Only events of these devices; any spelling"`
		Kinds   []string        `json:"kinds,omitempty" maxItems:"50" doc:"Only these: call, feature, service, note, device, or names of events; absent: all but device"`
	}
}

type hookOutput struct{ Body webhook.Hook }

type hookMadeOutput struct {
	Body struct {
		webhook.Hook
		Secret string `json:"secret" doc:"Signs what is sent (Standard Webhooks): shown this once" example:"whsec_…"`
	}
}

type hooksOutput struct {
	Body struct {
		Webhooks []webhook.Hook `json:"webhooks" nullable:"false"`
		Next     string         `json:"next,omitempty"`
	}
}

type secretOutput struct {
	Body struct {
		Secret string `json:"secret" doc:"The new one, shown this once. The old one signs too for 24 hours"`
	}
}

type deadInput struct {
	ID    string `path:"id" maxLength:"64"`
	After string `query:"after" maxLength:"128" doc:"Goes on after the document of this id"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

type deadOutput struct {
	Body struct {
		Documents []history.Queued `json:"documents" nullable:"false"`
		Next      string           `json:"next,omitempty"`
	}
}

type redeliverInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body *struct {
		Message string `json:"id,omitempty" maxLength:"128" doc:"One document; absent: all that were put aside"`
	}
}

type redeliverOutput struct {
	Body struct {
		Documents int64 `json:"documents" doc:"How many are tried again"`
	}
}

func (s *Server) hookOperations() {
	hook := func(id, method, path, summary string, status int, errs ...int) op {
		return op{id: id, method: method, path: "/api/v1/webhooks" + path, summary: summary, tag: "Webhooks", scope: access.ObserveState, status: status, errors: append(errs, 501)}
	}
	register(s, hook("list-webhooks", http.MethodGet, "", "List my webhooks; an administrator's list has all", 0), s.listHooks)
	register(s, hook("make-webhook", http.MethodPost, "", "Make a webhook", http.StatusCreated, 400, 404, 409), s.makeHook)
	register(s, hook("get-webhook", http.MethodGet, "/{id}", "One webhook", 0, 404), func(ctx context.Context, in *idInput) (*hookOutput, error) {
		h, err := s.hook(ctx, in.ID)
		return &hookOutput{h}, err
	})
	register(s, hook("delete-webhook", http.MethodDelete, "/{id}", "Delete a webhook, and what waits for it", http.StatusNoContent, 404), func(ctx context.Context, in *idInput) (*struct{}, error) {
		if _, err := s.hook(ctx, in.ID); err != nil {
			return nil, err
		}
		return nil, s.hookError(ctx, s.hooks.Delete(ctx, in.ID))
	})
	register(s, hook("rotate-webhook", http.MethodPost, "/{id}/rotate", "Give a webhook a new secret", 0, 404), func(ctx context.Context, in *idInput) (*secretOutput, error) {
		if _, err := s.hook(ctx, in.ID); err != nil {
			return nil, err
		}
		out := &secretOutput{}
		var err error
		out.Body.Secret, err = s.hooks.Rotate(ctx, in.ID)
		return out, s.hookError(ctx, err)
	})
	register(s, hook("list-dead-documents", http.MethodGet, "/{id}/dead", "Documents that were put aside after all tries", 0, 404), s.listDead)
	register(s, hook("redeliver", http.MethodPost, "/{id}/redeliver", "Send documents again that were put aside", 0, 404), func(ctx context.Context, in *redeliverInput) (*redeliverOutput, error) {
		if _, err := s.hook(ctx, in.ID); err != nil {
			return nil, err
		}
		message := ""
		if in.Body != nil {
			message = in.Body.Message
		}
		out := &redeliverOutput{}
		var err error
		out.Body.Documents, err = s.hooks.Redeliver(ctx, in.ID, message)
		return out, s.hookError(ctx, err)
	})
}

func (s *Server) hookError(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, webhook.ErrUnknown):
		return wrong(ctx, http.StatusNotFound, "there is no such webhook")
	case errors.Is(err, webhook.ErrMany):
		return wrong(ctx, http.StatusConflict, err.Error())
	case errors.Is(err, webhook.ErrURL):
		return wrong(ctx, http.StatusBadRequest, err.Error())
	}
	return s.fault(ctx, err)
}

// hook finds one of the sender's own; an administrator finds all.
func (s *Server) hook(ctx context.Context, id string) (webhook.Hook, error) {
	if s.hooks == nil {
		return webhook.Hook{}, wrong(ctx, http.StatusNotImplemented, "this gateway keeps no webhooks")
	}
	h, ok := s.hooks.Find(id)
	if i := access.From(ctx); !ok || h.Owner != i.ID && !i.Has(access.Administer) {
		return h, wrong(ctx, http.StatusNotFound, "there is no such webhook")
	}
	return h, nil
}

func (s *Server) listHooks(ctx context.Context, in *tokensInput) (*hooksOutput, error) {
	out := &hooksOutput{}
	out.Body.Webhooks = []webhook.Hook{}
	if s.hooks == nil {
		return out, nil
	}
	i := access.From(ctx)
	all := slices.DeleteFunc(s.hooks.Hooks(), func(h webhook.Hook) bool { return h.Owner != i.ID && !i.Has(access.Administer) })
	out.Body.Webhooks, out.Body.Next = page(all, func(h webhook.Hook) string { return h.ID }, in.After, in.Limit)
	return out, nil
}

func (s *Server) makeHook(ctx context.Context, in *hookInput) (*hookMadeOutput, error) {
	if s.hooks == nil {
		return nil, wrong(ctx, http.StatusNotImplemented, "this gateway keeps no webhooks")
	}
	if strings.ContainsFunc(in.Body.Note, unicode.IsControl) {
		return nil, wrong(ctx, http.StatusBadRequest, "note: control characters are in it")
	}
	h := webhook.Hook{URL: in.Body.URL, Note: in.Body.Note, Owner: access.From(ctx).ID, Kinds: in.Body.Kinds}
	for _, d := range in.Body.Devices {
		info, err := s.device(ctx, string(d))
		if err != nil {
			return nil, err
		}
		h.Devices = append(h.Devices, info.ID)
	}
	for _, k := range h.Kinds {
		if !live.KnownKind(k) {
			return nil, wrong(ctx, http.StatusBadRequest, "kinds: "+k+" is none of call, feature, service, note and device, nor the name of an event")
		}
	}
	out := &hookMadeOutput{}
	var err error
	if out.Body.Hook, out.Body.Secret, err = s.hooks.Add(ctx, h); err != nil {
		return nil, s.hookError(ctx, err)
	}
	return out, nil
}

func (s *Server) listDead(ctx context.Context, in *deadInput) (*deadOutput, error) {
	if _, err := s.hook(ctx, in.ID); err != nil {
		return nil, err
	}
	list, err := s.hooks.Dead(ctx, in.ID, in.After, in.Limit+1)
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	out := &deadOutput{}
	if len(list) > in.Limit {
		list = list[:in.Limit]
		out.Body.Next = list[in.Limit-1].Message
	}
	out.Body.Documents = list
	return out, nil
}

// viewerOf is what a webhook's owner may see now; false: nothing any more.
func (s *Server) viewerOf(owner string) (live.Viewer, bool) {
	i := s.access.Known(owner)
	if i == nil || !i.Has(access.ObserveState) || !i.Expiry.IsZero() && !i.Expiry.After(time.Now()) {
		return live.Viewer{}, false
	}
	p := switchboard.Principal{User: owner, Via: "http"}
	return live.Viewer{Principal: p, Eyes: s.seen(p, i)}, true
}
