package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"go.uber.org/zap"

	"farhook/pbxadapter/sim"
)

type demoCmd struct {
	Quiet   bool   `help:"No calls but those asked for."`
	Lines   int    `default:"24" help:"Number of phones: 1 to ${max_lines}."`
	Annex   int    `placeholder:"LINES" help:"A second simulated PBX, with so many phones from 2001 on: 0 (none) to ${max_lines}."`
	SIP     string `name:"sip" default:"127.0.0.1:5060" help:"Address for SIP over TCP."`
	HTTP    string `name:"http" default:"127.0.0.1:8080" help:"Address for console and REST."`
	Control string `placeholder:"PATH" help:"Control socket, for farhook trace and drain; default farhook.sock in XDG_RUNTIME_DIR, where there is one."`
	Pprof   string `placeholder:"ADDR" help:"Serve profiles there; off by default."`
}

type serveCmd struct {
	Config string `required:"" placeholder:"FILE" help:"The configuration, YAML."`
	Pprof  string `placeholder:"ADDR" help:"Serve profiles there; off by default."`
}

type configCmd struct {
	Check   checkCmd   `cmd:"" help:"Check FILE, and name line and field of what is wrong."`
	Example exampleCmd `cmd:"" help:"Print a commented configuration."`
	Diff    diffCmd    `cmd:"" help:"Say what a reload would change in the running gateway, or what differs between two files."`
}

type checkCmd struct {
	File string `arg:"" help:"The configuration, YAML."`
}

type exampleCmd struct {
	Sim       bool `help:"With the simulated PBX: what demo runs."`
	Installed bool `help:"With the places of the Debian package for what is kept, and for the control socket."`
}

// Run of demo: the example configuration with the simulated PBX, and what the flags say.
func (d *demoCmd) Run(ctx context.Context, s *streams) error {
	if d.Lines < 1 || d.Lines > sim.MaxLines {
		return fmt.Errorf("--lines: %d is out of range: 1 to %d", d.Lines, sim.MaxLines)
	}
	c, err := parse("demo", []byte(simExample))
	if err != nil {
		return err
	}
	c.SIP.Listen, c.HTTP.Listen, c.Control = []string{d.SIP}, d.HTTP, d.Control
	if c.Control == "" {
		c.Control = freeControl()
	}
	if d.Annex != 0 {
		annex, err := parse("annex", fmt.Appendf(nil, "rights: demo\npbx:\n  - {name: annex, kind: sim, settings: {first: 2001, lines: %d, quiet: %t}}\n", d.Annex, d.Quiet))
		if err != nil {
			return err
		}
		c.PBX = append(c.PBX, annex.PBX...)
	}
	for _, w := range c.wrongs() {
		return fmt.Errorf("--%s: %s", strings.SplitN(strings.TrimPrefix(w.path, "$."), ".", 2)[0], w.what)
	}
	conf := sim.Demo()
	conf.Lines, conf.Quiet, conf.Clock = d.Lines, d.Quiet, sim.NewSteppedClock()
	g, err := open(c, d.Pprof, s, &conf)
	if err != nil {
		return err
	}
	fmt.Fprint(s.out, demoText(g.sipAddr(), g.httpAddr(), d.Lines))
	return g.run(ctx)
}

// Run of serve.
func (v *serveCmd) Run(ctx context.Context, s *streams) error {
	c, err := load(v.Config)
	if err != nil {
		return err
	}
	g, err := open(c, v.Pprof, s, nil)
	if err != nil {
		return err
	}
	return g.run(ctx)
}

// Run of config check: reads all that serve would read, and opens nothing.
func (k *checkCmd) Run(ctx context.Context, s *streams) error {
	c, err := load(k.File)
	if err != nil {
		return err
	}
	if err := c.startable(ctx); err != nil {
		return fmt.Errorf("%s: %w", k.File, err)
	}
	fmt.Fprintf(s.out, "%s: ok, %d PBX\n", k.File, len(c.PBX))
	return nil
}

// startable reads what serve would read beside the configuration, and says why it would not start with it.
func (c Config) startable(ctx context.Context) error {
	if _, err := makePBXs(c, nil); err != nil {
		return err
	}
	if err := c.Directory.check(ctx); err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	if len(c.SIP.TLS.Listen) > 0 {
		if _, err := openKeyring("sip.tls", c.SIP.TLS, zap.NewNop()); err != nil {
			return err
		}
	}
	if c.HTTP.Listen != "" && c.Web.Certificate != "" {
		if _, err := openKeyring("web", TLSConfig{Certificate: c.Web.Certificate, Key: c.Web.Key}, zap.NewNop()); err != nil {
			return err
		}
	}
	if c.Audit.File != "" {
		if folder, err := os.Stat(filepath.Dir(c.Audit.File)); err != nil || !folder.IsDir() {
			return fmt.Errorf("audit.file: %s: there is no such folder", filepath.Dir(c.Audit.File))
		}
	}
	return nil
}

// Run of config example.
func (e *exampleCmd) Run(s *streams) error {
	text := example
	if e.Sim {
		text = simExample
	}
	if e.Installed {
		text = installed(text)
	}
	_, err := fmt.Fprint(s.out, text)
	return err
}

// demoText says where everything is, and three things to try.
func demoText(sip, http net.Addr, lines int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `farhook demo: a simulated PBX with %d phones, 1001 to %d (tel:+15551001 …)

  UC servers   sip:%s;transport=tcp
  console      http://%s/
  REST         http://%[4]s/api/v1/devices

Three things to try:
`, lines, 1000+lines, sip, http)
	fmt.Fprintf(&b, "  1. Open the console:       http://%s/\n", http)
	fmt.Fprintf(&b, "  2. Be a UC user of 1002:   go run ./cmd/ucsim --server %s --line tel:+15551002\n", sip)
	fmt.Fprintf(&b, "  3. Make a call by REST:    curl -s -H 'Content-Type: application/json' -d '{\"callingDevice\":\"1001\",\"calledDirectoryNumber\":\"1002\"}' http://%s/api/v1/calls\n", http)
	b.WriteString("\nCtrl-C ends it.\n\n")
	return b.String()
}
