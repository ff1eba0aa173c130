package uacsta_test

import (
	"context"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
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

// In the moment of a stop nobody hears that his session isn't there: what comes then, and what is still being carried out, is to be asked again, of the next process.
func TestAskedWhileStopping(t *testing.T) {
	kept := &shelf{values: map[string][]byte{}}
	underFakeTime(t, func(t *testing.T, h *house, _ *uactest.Memory) {
		l := uactest.NewMemory()
		uc := uacsta.New(h.board, uacsta.Config{Store: kept})
		ctx, stop := context.WithCancel(t.Context())
		served, ran := make(chan error, 1), make(chan error, 1)
		go func() { served <- uc.Serve(ctx, l, nil) }()
		go func() { ran <- uc.Run(ctx) }()
		p := newPeer(t, l.Dial())
		p.signIn("tel:+15551001")
		if err := h.pbx.set("SetDoNotDisturb", "is stuck"); err != nil {
			t.Fatal(err)
		}
		p.send(p.request("INFO", encode(csta.SetDoNotDisturb{Device: "tel:+15551001", DoNotDisturbOn: true})))
		synctest.Wait()
		stop()
		synctest.Wait() // the answer to the first waits for its reader, and the stop for that
		p.send(p.request("INFO", encode(csta.SnapshotDevice{SnapshotObject: "tel:+15551001"})))
		for _, what := range []string{"what was being carried out", "what came while stopping"} {
			if got := p.read(); !strings.HasPrefix(got.start, "SIP/2.0 503") || got.header("Retry-After") == "" {
				t.Errorf("%s: %s%s", what, got.start, got.head)
			}
		}
		h.pbx.goOn()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// A number that was dialled is spelled as it was dialled, also by the next process, as long as its call lives: and no longer, though nobody saw it end.
func TestDialledSpellingIsKept(t *testing.T) {
	kept := &shelf{values: map[string][]byte{}}
	underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
		const line, number = "tel:+15551001", "tel:+1-555-900-0012"
		first, stop := h.process(t, uacsta.Config{Store: kept})
		p := newPeer(t, first.Dial())
		p.signIn(line)
		p.ask(csta.MakeCall{CallingDevice: line, CalledDirectoryNumber: number, AutoOriginate: csta.AutoOriginateDoNotPrompt})
		p.events("ServiceInitiated", "Originated", "NetworkReached", "Delivered")
		time.Sleep(time.Second)
		stop()

		next, stop := h.process(t, uacsta.Config{Store: kept})
		p.moveTo(next.Dial())
		p.ask(csta.RequestSystemStatus{})
		if err := h.pbx.Outside("tel:+15559000012").Answer(); err != nil {
			t.Fatal(err)
		}
		if got := p.read(); !strings.Contains(got.body, "EstablishedEvent") || !strings.Contains(got.body, "<deviceIdentifier>"+number+"</deviceIdentifier>") {
			t.Errorf("after the restart the number dialled is another: %s", got.body)
		}
		time.Sleep(time.Second)
		stop()
		h.board.Change() // the next process knows of no PBX yet
		if err := h.pbx.Outside("tel:+15559000012").HangUp(); err != nil {
			t.Fatal(err)
		}
		last, stop := h.process(t, uacsta.Config{Store: kept})
		defer stop()
		p.moveTo(last.Dial())
		p.ask(csta.RequestSystemStatus{})
		h.board.Change(switchboard.PBX{Name: "sim", Adapter: h.pbx})
		for got := p.read(); !strings.Contains(got.body, "ConnectionClearedEvent"); got = p.read() {
		}
		if err := h.pbx.Outside("tel:+15559000012").Dial(line); err != nil {
			t.Fatal(err)
		}
		if got := p.read(); !strings.Contains(got.body, "<deviceIdentifier>tel:+15559000012</deviceIdentifier>") {
			t.Errorf("a call is over, and the spelling of its number goes on: %s", got.body)
		}
	})
}
