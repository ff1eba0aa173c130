package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"go.uber.org/zap"

	"farhook/web"
)

type doctorCmd struct {
	door
	User     string `arg:"" optional:"" help:"SIP address, name or line; nobody: the gateway alone."`
	JSON     bool   `name:"json" help:"Print a JSON document."`
	Commands bool   `help:"Print the commands for the Lync or OCS side, filled in for this deployment, and nothing else."`
}

// diagnosis is what the doctor says.
type diagnosis = web.Diagnosis

// exitStatus is an error that says nothing more, but how the process ends.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("status %d", int(e)) }

// Run of doctor: the running gateway looks; where none runs, this process looks as far as it can. The exit status is 0, 1 for warnings, 2 for what is
// broken.
func (k *doctorCmd) Run(ctx context.Context, s *streams) error {
	var c Config
	if k.Config != "" {
		var err error
		if c, err = load(k.Config); err != nil {
			return k.tell(s, diagnosis{User: k.User, Health: broken, Findings: []finding{stopped("configuration", typed(err.Error()), typed("farhook config check "+k.Config))}})
		}
	}
	if k.Commands {
		if k.Config == "" {
			return errors.New("--commands needs --config FILE: the commands have this deployment's names")
		}
		_, err := fmt.Fprintln(s.out, strings.Join(namesOf(c).script(), "\n"))
		return err
	}
	body, err := k.ask(ctx, http.MethodGet, "/doctor", url.Values{"user": {k.User}})
	if err == nil {
		defer body.Close()
		var d diagnosis
		if err := json.NewDecoder(body).Decode(&d); err != nil {
			return fmt.Errorf("the gateway's answer cannot be read: %w", err)
		}
		return k.tell(s, d)
	}
	if k.Config == "" {
		return err
	}
	d := newDoctor(c)
	var all []finding
	if len(c.SIP.TLS.Listen) > 0 {
		if d.keys, err = openKeyring("sip.tls", c.SIP.TLS, zap.NewNop()); err != nil {
			all = append(all, stopped("certificate", typed(err.Error()), say("put the right files there; farhook config check %s looks again", k.Config)))
		}
	}
	all = append(all, d.examine(ctx, k.User)...)
	return k.tell(s, diagnosis{User: k.User, Health: worst(all), Findings: all})
}

// stopped is a finding of a step that couldn't even begin.
func stopped(step string, what saying, cure ...saying) finding {
	f := found(broken, what, cure...)
	f.Step = step
	return f
}

// tell prints a diagnosis, and makes the exit status of it.
func (k *doctorCmd) tell(s *streams, d diagnosis) error {
	if k.JSON {
		out := json.NewEncoder(s.out)
		out.SetIndent("", "  ")
		if err := out.Encode(d); err != nil {
			return err
		}
	} else {
		for _, f := range d.Findings {
			mark := map[health]string{healthy: "ok", unknown: "?", warning: "WARNING", broken: "BROKEN"}[f.Health]
			fmt.Fprintf(s.out, "%-8s %-12s %s\n", mark, f.Step, f.Found)
			if f.Health == healthy || f.Health == unknown {
				continue
			}
			for _, c := range f.Cure {
				fmt.Fprintf(s.out, "%-21s → %s\n", "", c)
			}
		}
	}
	switch d.Health {
	case warning:
		return exitStatus(1)
	case broken:
		return exitStatus(2)
	case healthy, unknown:
	}
	return nil
}

// diagnose is the doctor's word on one user, by the gateway that runs.
func (g *gateway) diagnose(ctx context.Context, user string) diagnosis {
	d := newDoctor(g.config())
	d.keys, d.board, d.uc, d.open = g.keys, g.board, g.uc, g.openPorts()
	d.planned = func() ([]change, error) {
		g.reloading.Lock()
		defer g.reloading.Unlock()
		_, all, err := g.planned()
		return all, err
	}
	if g.directory != nil {
		d.dir = register{g.directory, g.board}
	}
	all := d.examine(ctx, user)
	return diagnosis{User: user, Health: worst(all), Findings: all}
}
