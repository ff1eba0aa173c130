package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"go.uber.org/zap"
)

// The service manager is told by datagrams on the socket that NOTIFY_SOCKET names (sd_notify(3)): when we are ready, that we are alive, that we stop.

// notify tells the service manager one state, such as READY=1. Without a service manager it does nothing.
func notify(state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	if path[0] == '@' { // an abstract socket
		path = "\x00" + path[1:]
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("the service manager cannot be told %s: %w", state, err)
	}
	defer c.Close()
	_, err = c.Write([]byte(state))
	return err
}

// watchdog is how often the service manager wants to hear of us; 0: not at all.
func watchdog() time.Duration {
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	n, err := strconv.ParseUint(os.Getenv("WATCHDOG_USEC"), 10, 63)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Microsecond
}

// tellManager says that we are ready, and that we are alive as long as alive returns: a gateway whose locks are held for good is better killed, for its
// sessions are stored. It ends, with nil, when ctx does.
func tellManager(ctx context.Context, log *zap.Logger, alive func()) error {
	tell := func(state string) {
		if err := notify(state); err != nil {
			log.Warn("service manager", zap.Error(err))
		}
	}
	tell("READY=1")
	defer tell("STOPPING=1")
	every := watchdog() / 2
	if every <= 0 {
		<-ctx.Done()
		return nil
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for ctx.Err() == nil {
		alive()
		tell("WATCHDOG=1")
		select {
		case <-ctx.Done():
		case <-t.C:
		}
	}
	return nil
}
