package asterisk

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/fake"
)

// board is a small switchboard: it runs an adapter again when its link is lost, and keeps the call model. It lives in a bubble of fake time.
type board struct {
	t       *testing.T
	p       *fake.PBX // nil: a real one
	make    func(more ...func(*Config)) *Adapter
	settle  func() // in a bubble, until nobody does anything
	a       *Adapter
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	mu      sync.Mutex
	model   *callmodel.Model
	devices []pbxadapter.Device
	told    []callmodel.Told
	errs    []error
}

func (b *board) Devices(all []pbxadapter.Device) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.devices = all
}

func (b *board) Resync(s callmodel.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = append(b.told, b.model.Resync(s, time.Now())...)
}

func (b *board) Report(f callmodel.Fact) {
	b.mu.Lock()
	defer b.mu.Unlock()
	odd := b.model.Odd()
	b.told = append(b.told, b.model.Apply(f)...)
	if b.model.Odd() != odd {
		b.t.Errorf("a fact that the table does not know: %+v", f)
	}
}

// inBubble runs a test with an adapter on a fake Asterisk.
func inBubble(t *testing.T, conf fake.Config, f func(*board), more ...func(*Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := fake.New(conf)
		b := &board{t: t, p: p, settle: synctest.Wait, model: callmodel.New()}
		b.make = func(more ...func(*Config)) *Adapter { return adapterOn(t, p, zap.NewNop(), more...) }
		b.start(more...)
		defer func() {
			b.stop()
			p.Cut()
			synctest.Wait()
		}()
		f(b)
	})
}

// start makes a new adapter, as a start of farhook does, and connects it.
func (b *board) start(more ...func(*Config)) {
	b.a = b.make(more...)
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	a := b.a
	b.wg.Go(func() {
		for ctx.Err() == nil {
			err := a.Run(ctx, b)
			if err == nil {
				return
			}
			b.mu.Lock()
			b.errs = append(b.errs, err)
			b.mu.Unlock()
			select {
			case <-ctx.Done():
			case <-time.After(500 * time.Millisecond):
			}
		}
	})
	b.pass(10 * time.Millisecond)
}

// stop ends the adapter, as the end of farhook does.
func (b *board) stop() {
	b.cancel()
	b.wg.Wait()
}

// restart is another farhook: nothing of the old adapter's memory is left.
func (b *board) restart(more ...func(*Config)) {
	b.stop()
	b.mu.Lock()
	b.model = callmodel.New()
	b.mu.Unlock()
	b.start(more...)
	b.pass(time.Second)
}

// at, features and events are the model's and what was told, while the adapter may go on.
func (b *board) at(d csta.DeviceID) []callmodel.Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.model.At(d)
}

func (b *board) features(d csta.DeviceID) []callmodel.Feature {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.model.Features(d)
}

func (b *board) events() []callmodel.Told {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.told)
}

// pass lets time pass.
func (b *board) pass(d time.Duration) {
	time.Sleep(d)
	if b.settle != nil {
		b.settle()
	}
}

func (b *board) do(r csta.Request) (csta.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	return b.a.Services()[r.Service()](pbxadapter.WithOp(ctx, 9), r)
}

func (b *board) must(r csta.Request) csta.Response {
	b.t.Helper()
	res, err := b.do(r)
	if err != nil {
		b.t.Fatalf("%s: %v", r.Service(), err)
	}
	b.pass(300 * time.Millisecond)
	return res
}

func (b *board) refuses(r csta.Request, want *csta.Error) {
	b.t.Helper()
	if res, err := b.do(r); !errors.Is(err, want) {
		b.t.Errorf("%s: %v, %v, want %v", r.Service(), res, err, want)
	}
}

func (b *board) hand(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	b.pass(300 * time.Millisecond)
}

// is gives the connection of a device that is in a state; fatal where there is none.
func (b *board) is(d csta.DeviceID, state csta.State) csta.ConnectionID {
	b.t.Helper()
	if c, ok := b.find(d, state); ok {
		return c
	}
	b.t.Fatalf("%s has no call that is %s: %+v", d, state, b.at(d))
	return csta.ConnectionID{}
}

func (b *board) find(d csta.DeviceID, state csta.State) (csta.ConnectionID, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.model.At(d) {
		for _, l := range c.Legs {
			if l.Device == d && l.State == state {
				return csta.ConnectionID{Call: c.ID, Device: d}, true
			}
		}
	}
	return csta.ConnectionID{}, false
}

func (b *board) idle(list ...csta.DeviceID) {
	b.t.Helper()
	for _, d := range list {
		if calls := b.at(d); len(calls) != 0 {
			b.t.Errorf("%s has %+v", d, calls)
		}
	}
}

// talk has two phones talk.
func (b *board) talk(from, to string) csta.CallID {
	b.t.Helper()
	b.hand(b.p.Call(from, to))
	b.hand(b.p.Answer(to))
	return b.is(csta.DeviceID(to), csta.Connected).Call
}

func (b *board) lacks(d csta.DeviceID) map[csta.Service]pbxadapter.Reason {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.devices, func(x pbxadapter.Device) bool { return x.ID == d })
	if i < 0 {
		b.t.Fatalf("there is no device %s", d)
	}
	return b.devices[i].Lacks
}
