package main

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"
)

// stuckLog is a log's place that takes nothing from the line on in which a PBX is there, until it is let go.
type stuckLog struct {
	stuck, let chan struct{}
	once       sync.Once
}

func (s *stuckLog) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("PBX link up")) {
		s.once.Do(func() { close(s.stuck) })
		<-s.let
	}
	return len(line), nil
}

// A gateway whose state is locked for good isn't told alive: the service manager ends it. Here the line that a PBX is there can't be written, which is said while its state is held.
func TestWatchdogOfAGatewayThatHangs(t *testing.T) {
	m := manager(t)
	t.Setenv("WATCHDOG_USEC", "20000")
	c, err := parse("test", []byte(simExample))
	if err != nil {
		t.Fatal(err)
	}
	c.SIP.Listen, c.HTTP.Listen = []string{"127.0.0.1:0"}, ""
	log := &stuckLog{stuck: make(chan struct{}), let: make(chan struct{})}
	let := sync.OnceFunc(func() { close(log.let) })
	g, err := open(c, "", &streams{out: new(output), err: log}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.run(ctx) }()
	defer func() {
		let()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	<-log.stuck
	alive := 0 // what was under way when it got stuck is heard: READY=1, and one sign of life
	for b := make([]byte, 100); ; alive++ {
		_ = m.SetReadDeadline(time.Now().Add(400 * time.Millisecond))
		if _, err := m.Read(b); err != nil {
			break
		}
		if alive > 12 { // as many as the socket holds, and a few
			t.Fatal("a gateway that hangs says that it's alive")
		}
	}
	let()
	_ = m.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 100)
	for range 3 {
		if n, err := m.Read(b); err != nil || string(b[:n]) != "READY=1" && string(b[:n]) != "WATCHDOG=1" {
			t.Fatalf("%q %v", b[:n], err)
		}
	}
}
