package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/pbxadapter/switchboard/wiretap"
	"farhook/uacsta"
)

// benchTargetCmd is the other process of bench: a server to be measured. It ends with its input.
type benchTargetCmd struct {
	Kind  string `arg:"" enum:"gateway,bare"`
	Lines int    `default:"1024"`
}

// Run of bench-target prints the address, and then what it is asked for, a line each.
func (b *benchTargetCmd) Run(ctx context.Context, s *streams) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	if b.Kind == "bare" {
		g.Go(func() error { return serveBare(ctx, l) })
	} else if err := serveMeasured(ctx, g, l, b.Lines); err != nil {
		return err
	}
	fmt.Fprintln(s.out, l.Addr())
	go func() {
		defer stop()
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			if file, ok := strings.CutPrefix(in.Text(), "profile "); ok {
				fmt.Fprintln(s.out, profile(file))
				continue
			}
			if file, ok := strings.CutPrefix(in.Text(), "heap profile "); ok {
				fmt.Fprintln(s.out, heapProfile(file))
				continue
			}
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			fmt.Fprintln(s.out, m.HeapAlloc, runtime.NumGoroutine())
		}
	}()
	return g.Wait()
}

// profile begins a CPU profile in a file, ending the one before; "-" only ends it. It says what went wrong, or ok.
func profile(file string) string {
	pprof.StopCPUProfile()
	if file == "-" {
		return "ok"
	}
	f, err := os.Create(file)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		return strconv.Quote(err.Error())
	}
	return "ok"
}

// heapProfile writes what lives to a file. It says what went wrong, or ok.
func heapProfile(file string) string {
	runtime.GC()
	f, err := os.Create(file)
	if err == nil {
		err = errors.Join(pprof.Lookup("heap").WriteTo(f, 0), f.Close())
	}
	if err != nil {
		return strconv.Quote(err.Error())
	}
	return "ok"
}

// serveMeasured is the gateway with the simulated PBX, without log and web. The wiretap is on, as it always is; a small one, so that the memory of a session can be seen.
func serveMeasured(ctx context.Context, g *errgroup.Group, l net.Listener, lines int) error {
	pbx, err := sim.New(pbxadapter.Options{Name: "sim", Log: zap.NewNop()}, sim.Config{Lines: lines, Quiet: true})
	if err != nil {
		return err
	}
	tap := wiretap.New(1<<20, 24*time.Hour)
	board := switchboard.New(switchboard.OwnLine{}, switchboard.Options{Tap: tap}, switchboard.PBX{Name: "sim", Adapter: pbx})
	uc := uacsta.New(board, uacsta.Config{SessionsPerLine: 128, Tap: tap})
	g.Go(func() error { return board.Run(ctx) })
	g.Go(func() error { return uc.Run(ctx) })
	g.Go(func() error { return uc.Serve(ctx, l, nil) })
	for { // sign-ins must find their lines
		if _, err := board.Resolve("1001"); err == nil {
			return nil
		}
		runtime.Gosched()
	}
}

// serveBare is sipgo's own Server whose handlers answer a constant body: what SIP alone costs.
func serveBare(ctx context.Context, l net.Listener) error {
	sip.SetDefaultLogger(slog.New(slog.DiscardHandler))
	ua, err := sipgo.NewUA()
	if err != nil {
		return err
	}
	defer ua.Close()
	srv, err := sipgo.NewServer(ua)
	if err != nil {
		return err
	}
	ok := csta.Encode(nil, csta.RequestSystemStatusResponse{SystemStatus: csta.StatusNormal}, csta.Ed3)
	constant := csta.Encode(nil, csta.MakeCallResponse{CallingDevice: csta.ConnectionID{Call: "c-1", Device: "tel:+15551001"}}, csta.Ed3)
	handle := func(body []byte) sipgo.RequestHandler {
		return func(req *sip.Request, tx sip.ServerTransaction) {
			res := sip.NewResponseFromRequest(req, 200, "OK", body)
			res.AppendHeader(sip.NewHeader("Content-Type", "application/csta+xml"))
			_ = tx.Respond(res)
		}
	}
	srv.OnInvite(handle(ok))
	srv.OnInfo(handle(constant))
	srv.OnBye(handle(nil))
	srv.OnAck(func(*sip.Request, sip.ServerTransaction) {})
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	if err := srv.ServeTCP(l); ctx.Err() == nil {
		return err
	}
	return nil
}
