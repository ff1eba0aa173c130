package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"farhook/pbxadapter/switchboard"
	"farhook/web"
	"farhook/web/access"
	"farhook/web/history"
)

// httpSide is HTTP with the file of its history. A disk that is full or read-only when farhook starts keeps the file from being opened; HTTP then says so, and
// the rest of the gateway works.
type httpSide struct {
	parts web.Config // but for what is in the file
	open  func() (*history.DB, *access.Access, error)
	board *switchboard.Board
	by    *byWay

	mu     sync.Mutex
	err    error       // why there is no server
	server *web.Server // nil: the file isn't open
	db     *history.DB
}

// reopenEvery is how often a file that can't be opened is tried again.
const reopenEvery = 2 * time.Second

// make opens the file, and makes the server.
func (h *httpSide) make() error {
	db, who, err := h.open()
	var s *web.Server
	if err == nil {
		parts := h.parts
		parts.DB, parts.Access = db, who
		h.by.http.Store(who)
		if s, err = web.New(h.board, parts); err != nil {
			_ = db.Close()
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
	if err == nil {
		h.server, h.db = s, db
	}
	return err
}

// state is the server, or why there is none.
func (h *httpSide) state() (*web.Server, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.server, h.err
}

// run serves until ctx ends.
func (h *httpSide) run(ctx context.Context, l net.Listener, keys *keyring) error {
	secure := func(l net.Listener) net.Listener { // HTTP's, with TLS where there is a certificate
		if keys == nil {
			return l
		}
		return tls.NewListener(l, keys.server())
	}
	s, _ := h.state()
	if s == nil {
		if s = h.wait(ctx, secure(lent{l})); s == nil {
			return nil
		}
		if err := (lent{l}).resume(); err != nil {
			return err
		}
		h.parts.Log.Info("the history is open: HTTP is served")
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.Run(ctx) })
	group.Go(func() error { return s.Serve(ctx, secure(l)) })
	return group.Wait()
}

// lent is a listener that stays open: another server goes on with it.
type lent struct{ net.Listener }

// Close lets go of who waits in Accept, and no more.
func (l lent) Close() error { return l.deadline(time.Now()) }

func (l lent) resume() error { return l.deadline(time.Time{}) }

func (l lent) deadline(t time.Time) error {
	tcp, ok := l.Listener.(*net.TCPListener)
	if !ok {
		return errors.New("http: not a TCP listener")
	}
	return tcp.SetDeadline(t)
}

// wait says why HTTP isn't served, until it can be; nil: ctx has ended.
func (h *httpSide) wait(ctx context.Context, l net.Listener) *web.Server {
	srv := &http.Server{Handler: web.Unavailable(h.parts, "the file of the history can't be opened: the disk is full or can't be written, or a newer version has written the file. The log says more; it is tried again every few seconds"), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 20 * time.Second, ErrorLog: zap.NewStdLog(h.parts.Log)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			h.parts.Log.Warn("HTTP", zap.Error(err))
		}
	}()
	tick := time.NewTicker(reopenEvery)
	defer tick.Stop()
	for err := errors.New("not yet"); err != nil && ctx.Err() == nil; {
		select {
		case <-ctx.Done():
		case <-tick.C:
			err = h.make()
		}
	}
	_ = srv.Close()
	<-served
	s, _ := h.state()
	return s
}

// close closes the file.
func (h *httpSide) close() error {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.db == nil {
		return nil
	}
	return h.db.Close()
}
