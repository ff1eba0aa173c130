package uacsta_test

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

// A clock that was set back between two processes makes no session last until it has caught up: from the start on one has its interval.
func TestClockSetBack(t *testing.T) {
	kept := &shelf{values: map[string][]byte{}}
	underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
		p := newPeer(t, l.Dial())
		p.send(p.request("INVITE", lineBody))
		_, p.toTag, _ = strings.Cut(p.read().header("To"), ";tag=")
		p.send(p.request("ACK", ""))
		time.Sleep(40 * time.Second)
		year := strconv.Itoa(time.Now().Year())
		for key, value := range kept.values {
			kept.values[key] = bytes.ReplaceAll(value, []byte(`":"`+year+"-"), []byte(`":"2`+year[1:3]+"9-"))
		}
		next := uacsta.New(h.board, uacsta.Config{Store: kept})
		if err := next.Restore(); err != nil || next.Count() != 1 {
			t.Fatal(next.Count(), err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- next.Run(ctx) }()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if n := next.Count(); n != 0 {
			t.Errorf("%d sessions two hours later: nobody has refreshed any", n)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}, func(c *uacsta.Config) { c.Store = kept })
}

// Before the PBX has told its phones nobody is told that there is no such line: clients take that as final.
func TestBeforeThePBXHasToldItsPhones(t *testing.T) {
	pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 1, Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	board := switchboard.New(switchboard.OwnLine{}, switchboard.Options{}, switchboard.PBX{Name: "sim", Adapter: pbx}) // it doesn't run
	s := uacsta.New(board, uacsta.Config{})
	l := uactest.NewMemory()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- s.Run(ctx) }()
	go func() { done <- s.Serve(ctx, l, nil) }()
	p := newPeer(t, l.Dial())
	p.send(p.request("INVITE", lineBody))
	if a := p.read(); a.status() != 480 || a.header("Retry-After") == "" {
		t.Errorf("%s", a.head)
	}
	stop()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
