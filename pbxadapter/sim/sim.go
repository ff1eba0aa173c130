// Package sim is a PBX in memory: the reference for adapters, the demonstration, and the test double. It has phones with names, several calls
// on one phone, call waiting, a group with a queue, forwarding, do not disturb, parking, and an outside world with manners by
// last digit. It carries out every service that farhook knows, and its far hands (Phone, Outside) do what people do at phones.
//
// One mutex guards it; facts are reported in the order in which they happen, while it is held. Nobody's goroutine waits inside.
package sim

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// MaxLines is the largest number of phones.
const MaxLines = 200_000

// The fixed points of the numbering: extension n, from 1001 on, is the line tel:+ followed by 15550000+n. The group's extension comes before the first.
const (
	firstExt  = 1001
	lastFirst = 900_001
	firstLine = 15550000
)

// Config is what a simulated PBX is made from. The zero value is a quiet PBX without phones.
type Config struct {
	Lines  int  `yaml:"lines"`  // phones, 1 to MaxLines
	First  int  `yaml:"first"`  // extension of the first one: 1001 (default), 2001 and so on, for a second PBX beside another
	Quiet  bool `yaml:"quiet"`  // no calls but those asked for
	Hands  bool `yaml:"hands"`  // phones that nobody monitors answer after 1 s, and hang up after 30 s
	Trunks int  `yaml:"trunks"` // calls to outside at a time; 0: as many as you like
	// ReportLate reports what a service causes after its handler has returned, as some PBXs do.
	ReportLate bool  `yaml:"report_late"`
	Clock      Clock `yaml:"-"` // nil: the machine's
}

// Demo is the PBX of the demonstration.
func Demo() Config { return Config{Lines: 24, Hands: true} }

// PBX is a simulated PBX. It is an adapter, and what stands behind it.
type PBX struct {
	name    string
	group   csta.DeviceID // the main number
	slotsAt csta.DeviceID // park slots are this and a digit from 1 to 9
	numbers pbxadapter.Numbers
	conf    Config
	clock   Clock
	log     *zap.Logger
	tap     pbxadapter.Tap
	meter   pbxadapter.Meter

	mu       sync.Mutex
	reporter pbxadapter.Reporter // nil while nobody is connected
	cut      chan struct{}       // closed when the link is cut; replaced by RestoreLink
	isCut    bool
	queue    []callmodel.Fact // not reported yet
	late     *sync.WaitGroup  // of the run: reports after a handler's return
	op       callmodel.OpID   // of the handler at work
	lastCall int
	calls    map[csta.CallID]*call
	at       map[csta.DeviceID][]*call // calls with a leg of the device, oldest first
	features map[csta.DeviceID][]callmodel.Feature
	out      map[csta.DeviceID]bool // phones that are not registered
	watched  watch
	blocked  bool                   // trunks
	waiting  []*call                // in the group's queue, first come first
	prompts  map[*leg]func()        // what happens when a prompted phone is lifted
	moved    callmodel.Moved        // the fact at hand: large, and told often
	busy     map[csta.DeviceID]bool // SetBusy
	troubles troubles
	lies     lies
}

// Factory makes one from a configuration file's settings.
func Factory(o pbxadapter.Options) (pbxadapter.Adapter, error) {
	c := Demo()
	c.Clock = NewSteppedClock()
	if err := o.Decode(&c); err != nil {
		return nil, err
	}
	return New(o, c)
}

// New makes one. Nothing happens in it before somebody calls or Run runs.
func New(o pbxadapter.Options, c Config) (*PBX, error) {
	if c.Lines < 1 || c.Lines > MaxLines {
		return nil, fmt.Errorf("lines: %d is out of range: 1 to %d", c.Lines, MaxLines)
	}
	if c.First == 0 {
		c.First = firstExt
	}
	if c.First < firstExt || c.First > lastFirst || c.First%1000 != 1 {
		return nil, fmt.Errorf("first: %d is no first extension: 1001, 2001 and so on, up to %d", c.First, lastFirst)
	}
	if c.Trunks < 0 {
		return nil, fmt.Errorf("trunks: %d is out of range: 0 or more", c.Trunks)
	}
	if c.Clock == nil {
		c.Clock = realClock{}
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Numbers == nil {
		o.Numbers = pbxadapter.PlainNumbers{}
	}
	p := &PBX{
		group: line(c.First - 1), slotsAt: slotsAt(c.First), name: o.Name, numbers: o.Numbers, conf: c, clock: c.Clock, log: o.Log, tap: o.Tap, meter: o.Meter, cut: make(chan struct{}),
		calls: make(map[csta.CallID]*call), at: make(map[csta.DeviceID][]*call), features: make(map[csta.DeviceID][]callmodel.Feature),
		out: make(map[csta.DeviceID]bool), prompts: make(map[*leg]func()),
	}
	p.settle()
	return p, nil
}

// settle sets the phones up that are something special.
func (p *PBX) settle() {
	for n, f := range map[int]callmodel.Feature{
		20: callmodel.DoNotDisturb{On: true},
		21: callmodel.Forwarding{Type: csta.ForwardImmediate, On: true, To: p.line(22)},
	} {
		if n <= p.conf.Lines {
			p.features[p.line(n)] = []callmodel.Feature{f}
		}
	}
	if p.conf.Lines >= 23 {
		p.out[p.line(23)] = true
	}
}

func line(ext int) csta.DeviceID { return csta.DeviceID("tel:+" + strconv.Itoa(firstLine+ext)) }

// line is the n-th phone, from 1 on.
func (p *PBX) line(n int) csta.DeviceID { return line(p.conf.First + n - 1) }

func (p *PBX) has(ext int) bool { return ext >= p.conf.First && ext < p.conf.First+p.conf.Lines }

// ext is the extension of one of our phones; 0 for everything else.
func (p *PBX) ext(d csta.DeviceID) int {
	if len(d) < 6 || d[:5] != "tel:+" {
		return 0
	}
	n, err := strconv.Atoi(string(d[5:]))
	if err != nil || !p.has(n-firstLine) {
		return 0
	}
	return n - firstLine
}

// Run is connected until ctx ends or the link is cut.
func (p *PBX) Run(ctx context.Context, r pbxadapter.Reporter) error {
	p.mu.Lock()
	if p.isCut {
		p.mu.Unlock()
		return errors.New("sim: the link is cut")
	}
	if p.reporter != nil {
		p.mu.Unlock()
		return errors.New("sim: somebody is connected already")
	}
	late := new(sync.WaitGroup) // the next run may begin while this one waits
	p.reporter, p.queue, p.late = r, nil, late
	p.lies.lost = nil // everything is told anew
	r.Devices(p.devices())
	stop := p.traffic()
	r.Resync(p.state())
	cut := p.cut
	p.mu.Unlock()

	var err error
	select {
	case <-ctx.Done():
	case <-cut:
		err = errors.New("sim: the link was cut")
	}
	stop()
	p.mu.Lock()
	if p.reporter == r { // a cut link has no reporter any more, and may have the next already
		p.reporter, p.queue = nil, nil
	}
	p.mu.Unlock()
	late.Wait()
	return err
}

// CutLink loses the link, as a cable does: Run returns, calls go on.
func (p *PBX) CutLink() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.isCut {
		p.isCut, p.reporter, p.queue = true, nil, nil
		close(p.cut)
	}
}

// RestoreLink lets Run connect again.
func (p *PBX) RestoreLink() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isCut {
		p.isCut, p.cut = false, make(chan struct{})
	}
}

// BlockTrunks takes every trunk out of use, or gives them back. Calls that are up go on.
func (p *PBX) BlockTrunks(blocked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.blocked = blocked
}

// tell notes a fact; flush reports it.
func (p *PBX) tell(f callmodel.Fact) { p.queue = append(p.queue, f) }

func (p *PBX) meta(cause csta.EventCause) callmodel.Meta {
	return callmodel.Meta{At: p.clock.Now(), Cause: cause, Op: p.op}
}

// flush reports what has happened, in order.
func (p *PBX) flush() {
	for _, f := range p.queue {
		if p.reporter != nil && !p.loses(f) {
			p.tapFact(f)
			p.reporter.Report(f)
		}
	}
	p.queue = nil
}

// act runs what somebody does at a phone, or what time brings.
func (p *PBX) act(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	p.offer()
	p.flush()
}

// after is act, later; the stop func it gives may be called while p is locked.
func (p *PBX) after(d time.Duration, f func()) func() {
	return p.clock.AfterFunc(d, func() { p.act(f) })
}

// serve runs a handler under the mark of its request, and reports what it caused before or after it returns.
func serve[R csta.Response](p *PBX, ctx context.Context, f func() (R, error)) (R, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var none R
	if err := ctx.Err(); err != nil {
		return none, err
	}
	if p.reporter == nil {
		return none, csta.ErrResourceOutOfService.With("sim: the link is cut")
	}
	p.flush()
	p.op = pbxadapter.Op(ctx)
	res, err := f()
	p.op = 0
	p.offer()
	if p.conf.ReportLate {
		p.late.Go(func() { p.act(func() {}) })
	} else {
		p.flush()
	}
	return res, err
}

func (p *PBX) idle(d csta.DeviceID) bool { return len(p.at[d]) == 0 && !p.out[d] }
