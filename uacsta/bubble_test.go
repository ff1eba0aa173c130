package uacsta_test

import (
	"context"
	"testing"
	"testing/synctest"

	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

// underFakeTime runs f with the gateway of newHouse, whose connections are in memory.
func underFakeTime(t *testing.T, f func(t *testing.T, h *house, l *uactest.Memory), change ...func(*uacsta.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := uactest.NewMemory()
		h := newHouseOn(t, l, func(p *faulty) pbxadapter.Adapter { return p }, switchboard.OwnLine{}, false, change...)
		f(t, h, l)
	})
}

// process is a server of the house's board as a process of its own has it: with what was stored before, on a listener in memory.
func (h *house) process(t *testing.T, c uacsta.Config) (l *uactest.Memory, stop func()) {
	t.Helper()
	l = uactest.NewMemory()
	uc := uacsta.New(h.board, c)
	if err := uc.Restore(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- uc.Serve(ctx, l, nil) }()
	go func() { done <- uc.Run(ctx) }()
	return l, func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
}
