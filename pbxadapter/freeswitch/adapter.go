// Package freeswitch is the adapter for FreeSWITCH: one inbound event socket connection, over which it hears events and sends commands. Its
// tracker makes facts of events, and is pure; its services tell the tracker what they are about to do, send commands, and wait for the
// event that proves it, never for the PBX's "+OK".
package freeswitch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// Adapter is one FreeSWITCH.
type Adapter struct {
	name    string
	log     *zap.Logger
	numbers pbxadapter.Numbers
	tap     pbxadapter.Tap
	meter   pbxadapter.Meter
	conf    Config
	time    timing
	dialer  func(context.Context) (net.Conn, error)

	repaired atomic.Uint64

	mu       sync.Mutex
	conn     *conn // nil while there is no link
	ready    bool  // Resync has come
	reporter pbxadapter.Reporter
	run      context.Context // ends with the link
	work     sync.WaitGroup  // what goes on beside the loop
	core     string          // Core-UUID
	track    *tracker
	feat     *features
	window   window
	beat     beat
	parse    parser
	early    []*event // while the state is gathered
	waiters  []*waiter
	stations map[string]*phoneLine // by user
	byID     map[csta.DeviceID]*phoneLine
	broken   uint64 // events that could not be read
}

// phoneLine is one of our devices.
type phoneLine struct {
	user, name, context, group string
	profile                    string // at which it is registered
	host                       string // with which it subscribed to its features
	id                         csta.DeviceID
	fixed                      *style // by configuration
	agent                      string // User-Agent of its last registration
}

func (p *phoneLine) style(conf []styleRow) style {
	if p.fixed != nil {
		return *p.fixed
	}
	return styleOf(p.agent, conf)
}

// Factory makes an adapter from a configuration file's settings.
func Factory(o pbxadapter.Options) (pbxadapter.Adapter, error) {
	c := defaults()
	if err := o.Decode(&c); err != nil {
		return nil, err
	}
	return New(o, c)
}

// New makes one. It connects to nothing.
func New(o pbxadapter.Options, c Config) (*Adapter, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if !isID(o.Name) {
		return nil, fmt.Errorf("the PBX's name %q is part of call ids: letters, digits, - _ and . only", o.Name)
	}
	a := &Adapter{
		name: o.Name, log: o.Log, numbers: o.Numbers, tap: o.Tap, meter: o.Meter, conf: c, time: usual(),
		stations: make(map[string]*phoneLine), byID: make(map[csta.DeviceID]*phoneLine),
	}
	if a.log == nil {
		a.log = zap.NewNop()
	}
	if a.numbers == nil {
		a.numbers = pbxadapter.PlainNumbers{}
	}
	a.dialer = func(ctx context.Context) (net.Conn, error) {
		d := net.Dialer{Timeout: 5 * time.Second, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
		return d.DialContext(ctx, "tcp", c.Address)
	}
	for _, d := range c.Devices {
		n := d.Number
		if n == "" {
			n = d.User
		}
		id := a.numbers.Canonical(n, pbxadapter.Called)
		if id == "" {
			return nil, fmt.Errorf("devices: no canonical number can be made of %s's number %q", d.User, n)
		}
		if a.byID[id] != nil {
			return nil, fmt.Errorf("devices: %s and %s have the same number %s", a.byID[id].user, d.User, id)
		}
		a.station(&phoneLine{user: d.User, name: d.Name, context: d.Context, group: d.Group, id: id, fixed: d.Style})
	}
	a.begin(nil)
	return a, nil
}

func (a *Adapter) station(p *phoneLine) {
	a.stations[p.user], a.byID[p.id] = p, p
}

// begin makes a new tracker. What it tells goes to report.
func (a *Adapter) begin(report func(callmodel.Fact)) {
	if report == nil {
		report = func(callmodel.Fact) {}
	}
	a.track = newTracker(a.name, a.numbers, report)
	for u, p := range a.stations {
		a.track.stations[u] = station{p.id, p.name}
	}
	for _, s := range a.conf.Park.Slots {
		a.track.stations[s] = station{csta.DeviceID(s), "Park slot " + s}
	}
	a.track.now, a.track.keys = time.Now(), a.conf.Digits
	a.feat = newFeatures(a.track, a.conf.Event)
	a.feat.asked, a.feat.seen = a.synchronise, a.seen
	a.track.dnd = a.feat.dnd
	a.parse.extra = a.feat.headers()
	a.window = window{settle: a.time.settle}
}

// subscribed are the events that we hear: a chosen list, for "all" would fill the PBX's queue.
const subscribed = "CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HOLD CHANNEL_UNHOLD " +
	"CHANNEL_CALLSTATE CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_DESTROY CHANNEL_PARK CHANNEL_UUID MESSAGE_WAITING PHONE_FEATURE_SUBSCRIBE BACKGROUND_JOB HEARTBEAT " +
	"CUSTOM sofia::register sofia::unregister sofia::expire sofia::transferor sofia::transferee sofia::replaced conference::maintenance valet_parking::info callcenter::info fifo::info"

// maxInbox is how many octets of messages may wait for us. It is far more than the PBX would queue.
const maxInbox = 256 << 20

// Run connects, reports until ctx ends or the link is lost.
func (a *Adapter) Run(ctx context.Context, r pbxadapter.Reporter) (err error) {
	nc, err := a.dialer(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("freeswitch: %w", err)
	}
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(run, func() { _ = nc.Close() })
	defer stop()
	c := newConn(nc, maxInbox)
	c.meter = a.meter
	if a.tap != nil {
		c.tap = func(ctx context.Context, sent bool, text string) {
			a.tap.Record(pbxadapter.Message{Out: sent, Op: pbxadapter.Op(ctx), Text: []byte(text)})
		}
	}
	_ = nc.SetReadDeadline(time.Now().Add(10 * time.Second))
	if err := c.login(a.conf.User, a.conf.Password); err != nil {
		_ = nc.Close()
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	_ = nc.SetReadDeadline(time.Time{})
	a.mu.Lock()
	a.conn, a.run, a.ready, a.early, a.reporter, a.beat = c, run, false, nil, r, beat{}
	a.mu.Unlock()
	var goroutines sync.WaitGroup
	goroutines.Go(c.read)
	fatal := make(chan error, 1)
	goroutines.Go(func() { a.loop(run, c, fatal) })
	defer func() {
		_ = nc.Close()
		cancel()
		goroutines.Wait()
		a.mu.Lock()
		a.conn, a.ready, a.reporter = nil, false, nil
		a.track.facts = func(callmodel.Fact) {}
		a.mu.Unlock()
		a.work.Wait()
	}()
	if err := a.resync(run, c, r); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return errors.Join(err, c.why())
	}
	ping, audit := time.NewTicker(a.time.ping), time.NewTicker(a.time.audit)
	defer ping.Stop()
	defer audit.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.ended:
			if ctx.Err() != nil {
				return nil
			}
			return c.why()
		case err := <-fatal:
			return err
		case <-ping.C:
			if err := a.alive(run, c); err != nil && ctx.Err() == nil {
				if errors.Is(err, errClosed) {
					continue // it says why itself
				}
				return err
			}
		case <-audit.C:
			if _, err := a.Audit(run, ""); err != nil {
				a.log.Warn("the audit of calls failed", zap.Error(err))
			}
		}
	}
}

// beat is the PBX's heartbeat: an event that comes as regularly as the site has configured, which the PBX doesn't tell.
type beat struct {
	last  time.Time
	every time.Duration // the longest time between two of them; zero: there were no two yet
}

func (b *beat) heard(at time.Time) {
	if !b.last.IsZero() {
		b.every = max(b.every, at.Sub(b.last))
	}
	b.last = at
}

// missing says whether the next one is long overdue: three of them have not come.
func (b *beat) missing(now time.Time) bool {
	return b.every > 0 && now.Sub(b.last) > 3*b.every+time.Second
}

// alive has the PBX answer: a dead peer's silence is noticed within the time between two of these. One that answers but tells no events any more is noticed by
// its heartbeats.
func (a *Adapter) alive(ctx context.Context, c *conn) error {
	a.mu.Lock()
	b := a.beat
	a.mu.Unlock()
	if b.missing(time.Now()) {
		return fmt.Errorf("freeswitch: the PBX tells no events any more: its heartbeat came every %v, and the last one %v ago", b.every.Round(time.Second), time.Since(b.last).Round(time.Second))
	}
	ctx, cancel := context.WithTimeout(ctx, a.time.ping)
	defer cancel()
	if _, err := c.bgapi(ctx, ping); err != nil {
		var said refusal
		if errors.As(err, &said) {
			return nil // it lives
		}
		return fmt.Errorf("freeswitch: the PBX does not answer: %w", err)
	}
	return nil
}

func (a *Adapter) users() []string {
	list := make([]string, 0, len(a.stations))
	for u := range a.stations {
		list = append(list, u)
	}
	slices.Sort(list)
	return list
}
