package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

type diffCmd struct {
	door
	Against string `placeholder:"FILE" help:"Compare --config with this file instead of with the running gateway."`
}

type reloadCmd struct{ door }

// Run of config diff: what a reload of the running gateway would change, or what differs between two files.
func (d *diffCmd) Run(ctx context.Context, s *streams) error {
	if d.Against == "" {
		return d.changes(ctx, s, http.MethodGet, "/config/diff")
	}
	was, err := load(d.Config)
	if err != nil {
		return err
	}
	now, err := load(d.Against)
	if err != nil {
		return err
	}
	print(s, changes(was.flat(), now.flat()))
	return nil
}

// Run of reload.
func (r *reloadCmd) Run(ctx context.Context, s *streams) error {
	return r.changes(ctx, s, http.MethodPost, "/reload")
}

// reloaded is the running gateway's answer.
type reloaded struct {
	Changes []change `json:"changes"`
	Error   string   `json:"error,omitempty"`
}

// changes asks the running gateway, and prints what it says.
func (d *door) changes(ctx context.Context, s *streams, method, path string) error {
	body, err := d.ask(ctx, method, path, url.Values{})
	if err != nil {
		return err
	}
	defer body.Close()
	var got reloaded
	if err := json.NewDecoder(body).Decode(&got); err != nil {
		return fmt.Errorf("the gateway's answer cannot be read: %w", err)
	}
	if got.Error != "" {
		return fmt.Errorf("everything stays as it was: %s", got.Error)
	}
	print(s, got.Changes)
	return nil
}

func print(s *streams, all []change) {
	if len(all) == 0 {
		fmt.Fprintln(s.out, "nothing differs")
	}
	for _, c := range all {
		fmt.Fprintln(s.out, c)
	}
}

// configDoors are what the control socket has about the configuration.
func (g *gateway) configDoors(mux *http.ServeMux) {
	answer := func(w http.ResponseWriter, all []change, err error) {
		r := reloaded{Changes: all}
		if err != nil {
			r.Error = err.Error()
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(r)
	}
	mux.HandleFunc("GET /config/diff", func(w http.ResponseWriter, _ *http.Request) {
		g.reloading.Lock()
		defer g.reloading.Unlock()
		_, all, err := g.planned()
		answer(w, all, err)
	})
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, _ *http.Request) {
		all, err := g.reload()
		answer(w, all, err)
	})
}
