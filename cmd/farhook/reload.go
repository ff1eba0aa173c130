package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"farhook/pbxadapter"
	"farhook/pbxadapter/numbering"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/pbxadapter/switchboard/audit"
)

// settle is how long files must have been left alone before they are read: certificate and key are written one after the other.
const settle = 300 * time.Millisecond

// watch calls changed when one of the files changes (their folders are watched, so that links which are swapped count too), or when again has something,
// and daily once a day. Which files they are is asked again after each change. The first call is at once: something may have changed between being read
// and being watched. It ends when ctx does.
func watch(ctx context.Context, log *zap.Logger, files func() []string, again <-chan os.Signal, changed func(first bool), daily func()) {
	var events chan fsnotify.Event
	var failed chan error
	w, err := fsnotify.NewWatcher()
	if err == nil {
		defer w.Close()
		events, failed = w.Events, w.Errors
	}
	unwatched := ""
	look := func() (more bool) { // what is watched only now may have changed since it was read
		err := err
		for _, f := range files() {
			if dir := filepath.Dir(f); w != nil && f != "" && !slices.Contains(w.WatchList(), dir) {
				e := w.Add(dir)
				more = more || e == nil
				err = errors.Join(err, e)
			}
		}
		if text := fmt.Sprint(err); err == nil {
			unwatched = ""
		} else if text != unwatched {
			unwatched = text
			log.Warn("files are not watched: SIGHUP reads them again", zap.Error(err))
		}
		return more
	}
	day := time.NewTicker(24 * time.Hour)
	defer day.Stop()
	quiet := time.NewTimer(time.Hour)
	quiet.Stop()
	look()
	changed(true)
	for {
		select {
		case <-ctx.Done():
			return
		case <-day.C:
			daily()
		case <-events:
			quiet.Reset(settle)
		case err := <-failed:
			log.Warn("files are watched badly", zap.Error(err))
			quiet.Reset(settle) // something may have been missed
		case <-again:
			quiet.Reset(0)
		case <-quiet.C:
			changed(false)
			if look() {
				quiet.Reset(0)
			}
		}
	}
}

// running is a PBX that runs, and the configuration it was made from.
type running struct {
	flat    string
	pbx     switchboard.PBX
	numbers *numbering.Rules // what its adapter translates numbers by
}

// assemble makes the adapters of a configuration; those whose part of it is as it was stay the same.
func (g *gateway) assemble(c Config, simConf ...*sim.Config) (map[string]running, []switchboard.PBX, error) {
	next := make(map[string]running, len(c.PBX))
	var all []switchboard.PBX
	for i, p := range c.PBX {
		flat := fmt.Sprint(Config{PBX: c.PBX[i : i+1]}.flat())
		r, known := g.pbxs[p.Name]
		if !known || r.flat != flat {
			made, err := makePBXs(Config{PBX: c.PBX[i : i+1], Emergency: g.conf.Emergency}, g.fit, simConf...)
			if err != nil {
				return nil, nil, err
			}
			numbers, err := Config{Emergency: g.conf.Emergency}.numbersOf(p)
			if err != nil {
				return nil, nil, fmt.Errorf("pbx %s: %w", p.Name, err)
			}
			r = running{flat, made[0], numbers}
		}
		if p.Kind == "sim" {
			simConf = nil // it is the first one's
		}
		next[p.Name] = r
		all = append(all, r.pbx)
	}
	return next, all, nil
}

// fit gives an adapter what it needs of the gateway.
func (g *gateway) fit(o *pbxadapter.Options) {
	o.Log = g.log.Named("pbx").With(zap.String("pbx", o.Name))
	o.Tap = func(m pbxadapter.Message) { g.board.Tap(o.Name, m) }
	o.Meter = func(w pbxadapter.Work) { g.board.Meter(o.Name, w) }
}

// config is the configuration in force.
func (g *gateway) config() Config {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	return g.conf
}

var errNoFile = errors.New("this gateway has no configuration file")

// planned reads the configuration again, and says what a reload would change. What needs a restart must let it start.
func (g *gateway) planned() (Config, []change, error) {
	if g.file == "" {
		return Config{}, nil, errNoFile
	}
	c, err := load(g.file)
	if err != nil {
		return c, nil, err
	}
	all := changes(g.conf.flat(), c.flat())
	if slices.ContainsFunc(all, func(x change) bool { return x.Restart }) {
		if err := c.startable(context.Background()); err != nil {
			return c, nil, fmt.Errorf("%s: %w: farhook would not start with that", g.file, err)
		}
	}
	return c, all, nil
}

// reload reads the configuration again, and puts in force what counts at once: UC servers, PBXs, the log's level. It's all or nothing: where anything is
// wrong everything stays. What needs a restart is said, and stays as it was. Sessions and PBXs that the change isn't about notice nothing.
func (g *gateway) reload() ([]change, error) {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	c, all, err := g.planned()
	if err != nil {
		return nil, err
	}
	next, pbxs, err := g.assemble(c)
	if err != nil {
		return nil, err
	}
	if level, err := zapcore.ParseLevel(c.Log.Level); err == nil {
		g.level.SetLevel(level)
	}
	g.uc.SetPeers(trustedPeers(c.Peers))
	g.board.Change(pbxs...)
	if g.directory != nil {
		g.directory.Refresh()
	}
	g.pbxs = next
	g.conf.Peers, g.conf.PBX, g.conf.Log.Level, g.conf.secrets = c.Peers, c.PBX, c.Log.Level, c.secrets
	for _, x := range all {
		g.log.Info("configuration changed", zap.String("path", x.Path), zap.String("was", x.Was), zap.String("now", x.Now), zap.Bool("needs_restart", x.Restart))
	}
	if len(all) > 0 {
		g.board.Audit(audit.Entry{Act: audit.Configured, Via: "system", Detail: summary(all)})
	}
	return all, nil
}

func summary(all []change) string {
	var paths []string
	for _, x := range all {
		paths = append(paths, x.Path)
	}
	return strings.Join(paths, ", ")
}

// outdated says whether the configuration would be another one, or none, if it was read now.
func (g *gateway) outdated() bool {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	_, all, err := g.planned()
	return err != nil || len(all) > 0
}

// followFile reloads when the configuration changes, in its file, in conf.d or in a file with a secret, or when again has something.
func (g *gateway) followFile(ctx context.Context, again <-chan os.Signal) error {
	files := func() []string {
		all := append([]string{g.file}, g.config().secrets...)
		more := filepath.Join(filepath.Dir(g.file), "conf.d", "x")
		if _, err := os.Stat(filepath.Dir(more)); err == nil {
			all = append(all, more)
		}
		return all
	}
	watch(ctx, g.log, files, again, func(first bool) {
		if first && !g.outdated() {
			return
		}
		if _, err := g.reload(); err != nil {
			g.log.Error("the configuration cannot be read again: everything stays as it was", zap.Error(err))
		}
	}, func() {})
	return nil
}
