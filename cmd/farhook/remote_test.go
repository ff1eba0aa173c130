package main

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
)

// A PBX that lives on when the gateway is killed: the simulated one, in the test's process. The gateway's adapter of kind "remote" reaches it over a
// socket: facts go one way, requests and answers, as CSTA XML, both ways.

// parcel is one message between the two.
type parcel struct {
	Devices []pbxadapter.Device
	State   *callmodel.State
	Fact    callmodel.Fact
	ID      uint64 // of a request or its answer
	Op      callmodel.OpID
	Body    []byte
}

// line is one end of the socket.
type line struct {
	net.Conn
	in  *gob.Decoder
	mu  sync.Mutex
	out *gob.Encoder
}

func newLine(c net.Conn) *line {
	for _, v := range []any{
		callmodel.Moved{},
		callmodel.Redirected{},
		callmodel.Rearranged{},
		callmodel.FeatureSet{},
		callmodel.Service{},
		callmodel.DoNotDisturb{},
		callmodel.Forwarding{},
		callmodel.MessageWaiting{},
		callmodel.MicrophoneMute{},
	} {
		gob.Register(v)
	}
	return &line{Conn: c, in: gob.NewDecoder(c), out: gob.NewEncoder(c)}
}

func (l *line) send(p parcel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out.Encode(p) != nil {
		l.Close()
	}
}

// Devices, Resync and Report make the PBX's end a Reporter.
func (l *line) Devices(all []pbxadapter.Device) { l.send(parcel{Devices: all}) }
func (l *line) Resync(s callmodel.State)        { l.send(parcel{State: &s}) }
func (l *line) Report(f callmodel.Fact)         { l.send(parcel{Fact: f}) }

// exchange is the simulated PBX behind its socket.
type exchange struct {
	*sim.PBX
	addr string
}

func newExchange(t *testing.T, conf sim.Config) *exchange {
	t.Helper()
	pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, conf)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			connect(ctx, pbx, newLine(c)) // one at a time, as an exclusive link is
		}
	})
	t.Cleanup(func() {
		cancel()
		l.Close()
		wg.Wait()
	})
	return &exchange{pbx, l.Addr().String()}
}

// connect serves one gateway until it's gone.
func connect(ctx context.Context, pbx *sim.PBX, l *line) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { _ = pbx.Run(ctx, l) })
	stop := context.AfterFunc(ctx, func() { l.Close() })
	services := pbx.Services()
	for {
		var p parcel
		if l.in.Decode(&p) != nil {
			break
		}
		wg.Go(func() {
			m, _, err := csta.Decode(p.Body)
			var res csta.Message
			if err == nil {
				r := m.(csta.Request)
				res, err = services[r.Service()](pbxadapter.WithOp(ctx, p.Op), r)
			}
			if err != nil {
				refused := csta.ErrUnspecified
				errors.As(err, &refused)
				res = refused
			}
			l.send(parcel{ID: p.ID, Body: csta.Encode(nil, res, csta.Ed3)})
		})
	}
	cancel()
	stop()
	l.Close()
	wg.Wait()
}

// remote is the gateway's adapter.
type remote struct {
	addr     string
	tap      pbxadapter.Tap
	services csta.Services
	mu       sync.Mutex
	line     *line
	last     uint64
	open     map[uint64]chan csta.Message
}

func newRemote(o pbxadapter.Options) (pbxadapter.Adapter, error) {
	var conf struct{ Address string }
	if err := o.Decode(&conf); err != nil {
		return nil, err
	}
	r := &remote{addr: conf.Address, tap: o.Tap, services: make(csta.Services), open: make(map[uint64]chan csta.Message)}
	model, err := sim.New(pbxadapter.Options{Name: o.Name}, sim.Config{Lines: 1})
	if err != nil {
		return nil, err
	}
	for s := range model.Services() {
		r.services[s] = r.ask
	}
	return r, nil
}

func (r *remote) Services() csta.Services { return r.services }

func (r *remote) ask(ctx context.Context, q csta.Request) (csta.Response, error) {
	r.mu.Lock()
	l := r.line
	r.last++
	id, answer := r.last, make(chan csta.Message, 1)
	r.open[id] = answer
	r.mu.Unlock()
	if l == nil {
		return nil, csta.ErrResourceOutOfService
	}
	p := parcel{ID: id, Op: pbxadapter.Op(ctx), Body: csta.Encode(nil, q, csta.Ed3)}
	r.tap.Record(pbxadapter.Message{Out: true, Op: p.Op, Text: p.Body})
	l.send(p)
	select {
	case m := <-answer:
		if e, refused := m.(*csta.Error); refused {
			return nil, e
		}
		return m.(csta.Response), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (r *remote) Run(ctx context.Context, to pbxadapter.Reporter) error {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.addr)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	l := newLine(c)
	r.mu.Lock()
	r.line = l
	r.mu.Unlock()
	for {
		var p parcel
		switch err := l.in.Decode(&p); {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case p.Devices != nil:
			to.Devices(p.Devices)
		case p.State != nil:
			to.Resync(*p.State)
		case p.Fact != nil:
			to.Report(p.Fact)
		default:
			m, _, err := csta.Decode(p.Body)
			if err != nil {
				return fmt.Errorf("remote: %w", err)
			}
			r.mu.Lock()
			r.open[p.ID] <- m
			delete(r.open, p.ID)
			r.mu.Unlock()
		}
	}
}
