package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"farhook/cmd/farhook/telemetry"
	"farhook/pbxadapter"
	dirs "farhook/pbxadapter/directory"
	"farhook/pbxadapter/numbering"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/pbxadapter/switchboard/audit"
	"farhook/pbxadapter/switchboard/wiretap"
	"farhook/uacsta"
	"farhook/uacsta/store"
	"farhook/web/access"
	"farhook/web/console"
	"farhook/web/history"
)

// gateway is everything that runs, with its listeners open.
type gateway struct {
	conf      Config
	file      string // the configuration's; empty: there is none
	level     zap.AtomicLevel
	pbxs      map[string]running
	reloading sync.Mutex // guards what a reload changes of these
	log       *zap.Logger
	board     *switchboard.Board
	uc        *uacsta.Server
	web       *httpSide      // nil: none
	sip       []net.Listener // TCP
	sips      []net.Listener // TLS
	keys      *keyring       // nil: no TLS
	audit     *audit.Record  // nil: none
	http      net.Listener   // nil: none
	https     *keyring       // nil: HTTP without TLS
	metrics   net.Listener   // nil: none
	control   net.Listener   // nil: none
	store     *store.Store   // nil: none

	directory *dirs.Directory // nil: none
	memory    memory
	spans     *telemetry.Exporter // nil: none

	tap      *wiretap.Tap
	registry *prometheus.Registry
	scrape   http.Handler // on the listener of its own
	pprof    net.Listener // nil: none
}

func (g *gateway) sipAddr() net.Addr { return g.sip[0].Addr() }

func (g *gateway) httpAddr() net.Addr { return g.http.Addr() }

// open makes the parts and opens the listeners, so that a taken port is known before anything runs. simConf, where given,
// takes the place of the settings of the simulated PBX.
func open(c Config, pprofAddr string, s *streams, simConf *sim.Config) (_ *gateway, err error) {
	g := &gateway{conf: c, file: c.file}
	g.log, g.level = newLog(c.Log, s.err)
	defer func() {
		if err != nil {
			g.close()
		}
	}()
	g.tap = wiretap.New(int(c.Wiretap.Keep), time.Duration(c.Wiretap.Age))
	if g.spans, err = c.newTelemetry(g.log.Named("telemetry")); err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	if g.spans != nil {
		g.tap.Observe(g.spans.See)
	}
	var pbxs []switchboard.PBX
	if g.pbxs, pbxs, err = g.assemble(c, simConf); err != nil {
		return nil, err
	}
	var people *switchboard.People
	if g.directory, people, err = c.people(context.Background(), g.log.Named("directory")); err != nil {
		return nil, err
	}
	emergency, err := numbering.NewEmergency(c.Emergency)
	if err != nil {
		return nil, fmt.Errorf("emergency: %w", err)
	}
	policy := c.policy(people)
	if c.Audit.File != "" {
		if g.audit, err = audit.Open(c.Audit.File, g.log.Named("audit")); err != nil {
			return nil, err
		}
	}
	byWay := &byWay{rest: policy}
	g.board = switchboard.New(byWay, switchboard.Options{Keep: int(c.Journal), Log: g.log.Named("switchboard"), Audit: g.audit, Tap: g.tap, People: people, Emergency: emergency, Roster: rosterBeside(c.SIP.Store)}, pbxs...)
	var dial *tls.Config
	if len(c.SIP.TLS.Listen) > 0 {
		if g.keys, err = openKeyring("sip.tls", c.SIP.TLS, g.log.Named("tls")); err != nil {
			return nil, err
		}
		dial = g.keys.client()
	}
	conf := uacsta.Config{
		Contact:         c.SIP.Contact,
		SessionExpires:  time.Duration(c.SIP.SessionExpires),
		MinSE:           time.Duration(c.SIP.MinSessionExpires),
		SessionsPerLine: c.SIP.SessionsPerLine,
		Connections:     c.SIP.Connections,
		Sessions:        c.SIP.Sessions,
		SignIns:         float64(c.SIP.SignIns),
		Vanished:        time.Duration(c.SIP.VanishedAfter),
		Peers:           trustedPeers(c.Peers),
		Dial:            dial,
		Admit:           g.memory.admit,
		Tap:             g.tap,
		Log:             g.log.Named("uacsta"),
	}
	if g.store = openStore(c.SIP.Store, g.log.Named("store")); g.store != nil {
		conf.Store = g.store
	}
	g.uc = uacsta.New(g.board, conf)
	g.registry = g.newRegistry()
	for _, a := range c.SIP.Listen {
		l, err := listen("SIP", a)
		if err != nil {
			return nil, err
		}
		g.sip = append(g.sip, l)
	}
	for _, a := range c.SIP.TLS.Listen {
		l, err := listen("SIP over TLS", a)
		if err != nil {
			return nil, err
		}
		g.sips = append(g.sips, l)
	}
	metrics := metricsHandler(g.registry, g.log.Named("metrics"))
	if c.Metrics.Listen != "" {
		if g.metrics, err = listen("metrics", c.Metrics.Listen); err != nil {
			return nil, err
		}
		g.scrape, metrics = metrics, nil
	}
	if c.Control != "" {
		if g.control, err = listenControl(c.Control); err != nil {
			return nil, err
		}
	}
	if c.HTTP.Listen != "" {
		if g.http, err = listen("HTTP", c.HTTP.Listen); err != nil {
			return nil, err
		}
		if c.Web.Certificate != "" {
			if g.https, err = openKeyring("web", TLSConfig{Certificate: c.Web.Certificate, Key: c.Web.Key}, g.log.Named("tls")); err != nil {
				return nil, fmt.Errorf("web: %w", err)
			}
		}
		parts := webConfig(c, g.log)
		parts.Console, parts.Sessions, parts.Metrics, parts.Sims = console.Files, sipSessions(g.uc), metrics, driversOf(pbxs)
		parts.Diagnose, parts.Probes, parts.Dials, parts.Admit = g.diagnose, g.probes(), g.dials, g.memory.admit
		g.administration(&parts)
		if g.spans != nil {
			parts.Called = g.spans.Called
		}
		g.web = &httpSide{parts: parts, open: func() (*history.DB, *access.Access, error) { return openAccess(c, g.log) }, board: g.board, by: byWay}
		if err := g.web.make(); err != nil {
			if !store.DiskAtFault(c.Web.Store, err) && !errors.Is(err, history.ErrNewer) {
				return nil, err
			}
			g.log.Error("HTTP is not served: the history can't be opened, trying again", zap.Error(err))
		}
	}
	if pprofAddr != "" {
		if !loopback(pprofAddr) {
			return nil, fmt.Errorf("--pprof %s: profiles are served on loopback only, such as 127.0.0.1:6060", pprofAddr)
		}
		if g.pprof, err = listen("profiles", pprofAddr); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// makePBXs makes every adapter; it connects to nothing.
func makePBXs(c Config, finish func(*pbxadapter.Options), simConf ...*sim.Config) ([]switchboard.PBX, error) {
	var pbxs []switchboard.PBX
	for _, p := range c.PBX {
		numbers, err := c.numbersOf(p)
		if err != nil {
			return nil, fmt.Errorf("pbx %s: %w", p.Name, err)
		}
		o := pbxadapter.Options{Name: p.Name, Log: zap.NewNop(), Decode: p.Settings.Decode, Numbers: numbers}
		if finish != nil {
			finish(&o)
		}
		var a pbxadapter.Adapter
		if p.Kind == "sim" && len(simConf) > 0 && simConf[0] != nil {
			a, err = sim.New(o, *simConf[0])
		} else {
			a, err = adapters[p.Kind](o)
		}
		if err != nil {
			return nil, fmt.Errorf("pbx %s: %s", p.Name, oneLine(err))
		}
		pbxs = append(pbxs, switchboard.PBX{Name: p.Name, Adapter: a, Codes: p.codes()})
	}
	return pbxs, nil
}

// run serves until ctx ends or a part fails. When it returns nothing of the gateway is left.
func (g *gateway) run(ctx context.Context) error {
	defer g.close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	if err := g.uc.Restore(); err != nil {
		g.log.Error("stored sessions", zap.Error(err))
	}
	// The board outlives those who lean on it: sessions say goodbye while it still answers.
	boardCtx, stopBoard := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBoard()
	boardDone := make(chan error, 1)
	go func() { boardDone <- g.board.Run(boardCtx) }()
	if g.directory != nil {
		group.Go(func() error { return g.directory.Run(ctx) })
	}
	group.Go(func() error { return g.uc.Run(ctx) })
	if g.spans != nil {
		group.Go(func() error { return g.spans.Run(ctx) })
	}
	group.Go(func() error { return g.memory.watch(ctx, g.log.Named("memory")) })
	for _, l := range g.sip {
		group.Go(func() error { return g.uc.Serve(ctx, l, nil) })
	}
	for _, l := range g.sips {
		group.Go(func() error { return g.uc.Serve(ctx, l, g.keys.server()) })
	}
	if g.keys != nil {
		again := make(chan os.Signal, 1)
		signal.Notify(again, syscall.SIGHUP)
		defer signal.Stop(again)
		group.Go(func() error { return g.keys.run(ctx, again) })
	}
	if g.file != "" {
		again := make(chan os.Signal, 1)
		signal.Notify(again, syscall.SIGHUP)
		defer signal.Stop(again)
		group.Go(func() error { return g.followFile(ctx, again) })
	}
	if g.web != nil {
		group.Go(func() error { return g.web.run(ctx, g.http, g.https) })
	}
	if g.metrics != nil {
		group.Go(func() error { return serveMetrics(ctx, g.metrics, g.scrape, g.probes()) })
	}
	if g.control != nil {
		group.Go(func() error { return g.serveControl(ctx, stop) })
	}
	if g.pprof != nil {
		group.Go(func() error { return serveProfiles(ctx, g.pprof) })
	}
	group.Go(func() error {
		return tellManager(ctx, g.log, func() { g.uc.Count(); g.board.Snapshot(switchboard.System, switchboard.Filter{}) })
	})
	g.log.Info("farhook started", zap.String("version", versionText()), zap.Strings("sip", addrs(g.sip)), zap.Strings("sips", addrs(g.sips)),
		zap.Strings("http", addrs([]net.Listener{g.http})), zap.Strings("metrics", addrs([]net.Listener{g.metrics})))
	err := group.Wait()
	stopBoard()
	err = errors.Join(err, <-boardDone)
	g.log.Info("farhook ended", zap.Error(err))
	return err
}

func (g *gateway) close() {
	for _, l := range append(append([]net.Listener{g.http, g.metrics, g.control, g.pprof}, g.sip...), g.sips...) {
		if l != nil {
			l.Close()
		}
	}
	if err := g.audit.Close(); err != nil {
		g.log.Error("audit record", zap.Error(err))
	}
	if g.store != nil {
		if err := g.store.Close(); err != nil {
			g.log.Error("session store", zap.Error(err))
		}
	}
	if err := g.web.close(); err != nil {
		g.log.Error("history", zap.Error(err))
	}
	_ = g.log.Sync()
}

func addrs(ls []net.Listener) []string {
	s := make([]string, 0, len(ls))
	for _, l := range ls {
		if l != nil {
			s = append(s, l.Addr().String())
		}
	}
	return s
}

// listen opens a TCP listener, and says in one sentence why it can't.
func listen(what, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, cannotListen(what, addr, err)
	}
	return l, nil
}

func cannotListen(what, addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s cannot listen on %s: another program has that port", what, addr)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s cannot listen on %s: no right to use that port", what, addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s cannot listen on %s: this machine does not have that address", what, addr)
	}
	return fmt.Errorf("%s cannot listen on %s: %w", what, addr, err)
}

func serveProfiles(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("profiles: %w", err)
	}
	return nil
}
