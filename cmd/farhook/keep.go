package main

import (
	"errors"
	"path/filepath"

	"go.uber.org/zap"

	"farhook/uacsta/store"
)

// openStore opens the file in which sessions outlive the process. A gateway that cannot have it works without: nil, and the log says why
// and what follows.
func openStore(path string, log *zap.Logger) *store.Store {
	if path == "" {
		return nil
	}
	s, err := store.Open(path, log)
	if err == nil {
		return s
	}
	what := "make it usable, and start farhook again"
	switch {
	case errors.Is(err, store.ErrNewer):
		what = "a newer farhook has written it: start that one, or move the file away"
	case errors.Is(err, store.ErrBroken):
		what = "move the file away; farhook leaves it as it is"
	case errors.Is(err, store.ErrInUse):
		what = "another farhook uses it: end that one, or give this one a file of its own"
	}
	log.Error("sessions are not kept: they end when farhook ends", zap.String("path", path), zap.String("do", what), zap.Error(err))
	return nil
}

// rosterBeside is the folder in which the devices that each PBX told last are kept: that of the sessions' file. Empty: neither is kept.
func rosterBeside(store string) string {
	if store == "" {
		return ""
	}
	return filepath.Dir(store)
}
