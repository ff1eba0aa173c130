package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

type logLevelCmd struct {
	door
	Level string `arg:"" enum:"debug,info,warn,error" help:"debug, info, warn or error."`
}

// Run of loglevel.
func (l *logLevelCmd) Run(ctx context.Context, s *streams) error {
	body, err := l.ask(ctx, http.MethodPost, "/loglevel", url.Values{"level": {l.Level}})
	if err != nil {
		return err
	}
	defer body.Close()
	fmt.Fprintf(s.out, "the log's level is %s, until the next start or reload\n", l.Level)
	return nil
}

// logDoor lets loglevel in.
func (g *gateway) logDoor(mux *http.ServeMux) {
	mux.HandleFunc("POST /loglevel", func(w http.ResponseWriter, r *http.Request) {
		level, err := zapcore.ParseLevel(r.URL.Query().Get("level"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		g.level.SetLevel(level)
		g.log.Warn("the log's level was changed by command", zap.Stringer("level", level))
	})
}
