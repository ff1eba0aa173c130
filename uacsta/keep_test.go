package uacsta_test

import (
	"context"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

// shelf is a Store in memory.
type shelf struct {
	mu     sync.Mutex
	values map[string][]byte
}

func (s *shelf) Load(f func(string, []byte) error) error {
	s.mu.Lock()
	all := maps.Clone(s.values)
	s.mu.Unlock()
	for k, v := range all {
		if err := f(k, v); err != nil {
			return err
		}
	}
	return nil
}

func (s *shelf) Put(key string, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[key] = value
}

func (s *shelf) Delete(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.values, key)
}

// A session that had only signed in when the process was killed goes on: nobody can say any more whether its ACK had come.
func TestSignedInOnlyGoesOn(t *testing.T) {
	kept := &shelf{values: map[string][]byte{}}
	underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
		p := newPeer(t, l.Dial())
		p.send(p.request("INVITE", lineBody))
		_, p.toTag, _ = strings.Cut(p.read().header("To"), ";tag=")
		p.send(p.request("ACK", ""))
		time.Sleep(40 * time.Second)
		next := uacsta.New(h.board, uacsta.Config{Store: kept})
		if err := next.Restore(); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- next.Run(ctx) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := next.Count(); n != 1 {
			t.Errorf("%d sessions in the next process", n)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}, func(c *uacsta.Config) { c.Store = kept })
}
