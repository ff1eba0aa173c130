// Package asterisk is the adapter for Asterisk 16 and later with chan_pjsip, by the manager interface alone. Events become facts by way of a
// model of channels, bridges and calls (tracker); what they mean is never read from one event. Services send actions and wait for what
// proves them, never for "Response: Success".
//
// One goroutine reads the link, one applies events in wire order; handlers and both meet under one mutex, which is held for no I/O. Facts are
// reported while it is held, so their order is that of the events.
package asterisk

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/ami"
)

// Times.
const (
	bootedWithin  = 5 * time.Second // FullyBooted doesn't come to accounts without the class system
	proofWithin   = 2500 * time.Millisecond
	bridgeWithin  = time.Second // after an answer
	authPause     = time.Minute // between tries after a wrong secret
	connectWithin = 10 * time.Second
)

// Adapter is one Asterisk.
type Adapter struct {
	name    string
	conf    Config
	log     *zap.Logger
	tap     pbxadapter.Tap
	meter   pbxadapter.Meter
	numbers pbxadapter.Numbers
	dial    func(context.Context) (net.Conn, error)

	mu         sync.Mutex
	conn       *ami.Conn // nil while there is no link
	t          *tracker
	reporter   pbxadapter.Reporter
	waiters    []*waiter
	rights     map[string]bool // actions that the account may do
	lines      map[string]bool // of our dialplan that are there
	slots      map[string]string
	version    string
	lastCall   uint64
	deaf       map[csta.DeviceID]int // phones that did not obey NOTIFY, and how often
	authFailed time.Time
	questions  []question
	hangUps    []lonely
	look       chan struct{} // an audit is wanted
	repairs    chan repair   // what audits found, for the loop
	anew       chan struct{} // everything is to be read by the loop
	counts     Counts
}

// Counts are what the adapter counts.
type Counts struct {
	Repaired  uint64 // legs that an audit found to be otherwise than told
	Orphans   uint64 // parties that were hung up because their counterpart had gone
	Damaged   uint64 // messages that were too long to be read
	Overflows uint64
}

// Factory makes one from a configuration file's settings.
func Factory(o pbxadapter.Options) (pbxadapter.Adapter, error) {
	c := defaults()
	if err := o.Decode(&c); err != nil {
		return nil, err
	}
	return New(o, c)
}

// New makes one. It connects to nothing before Run.
func New(o pbxadapter.Options, c Config) (*Adapter, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	a := &Adapter{
		name: o.Name, conf: c, log: o.Log, tap: o.Tap, meter: o.Meter, numbers: o.Numbers, rights: map[string]bool{}, lines: map[string]bool{},
		deaf: map[csta.DeviceID]int{}, look: make(chan struct{}, 1), repairs: make(chan repair), anew: make(chan struct{}, 1), slots: map[string]string{},
	}
	if a.log == nil {
		a.log = zap.NewNop()
	}
	if a.numbers == nil {
		a.numbers = pbxadapter.PlainNumbers{}
	}
	dialer, err := c.dialer()
	if err != nil {
		return nil, err
	}
	a.dial = dialer
	a.t = newTracker(o.Name, newBook(a.numbers, presets[c.Dialplan]), func(f callmodel.Fact) {
		if a.reporter != nil {
			a.reporter.Report(f)
		}
	})
	a.t.keys = c.Digits
	a.t.wonder = func(q question) { a.questions = append(a.questions, q) }
	a.t.hangUp = func(c, kept *channel) { a.hangUps = append(a.hangUps, lonely{c.name, kept.name}) }
	return a, nil
}

func (c *Config) dialer() (func(context.Context) (net.Conn, error), error) {
	plain := &net.Dialer{Timeout: connectWithin}
	if !c.TLS.On {
		return func(ctx context.Context) (net.Conn, error) { return plain.DialContext(ctx, "tcp", c.Address) }, nil
	}
	host, _, _ := net.SplitHostPort(c.Address)
	conf := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if c.TLS.ServerName != "" {
		conf.ServerName = c.TLS.ServerName
	}
	if c.TLS.CA != "" {
		pem, err := os.ReadFile(c.TLS.CA)
		if err != nil {
			return nil, fmt.Errorf("tls.ca: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.ca: %s holds no certificate", c.TLS.CA)
		}
	}
	d := &tls.Dialer{NetDialer: plain, Config: conf}
	return func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", c.Address) }, nil
}

// Counted gives what was counted.
func (a *Adapter) Counted() Counts {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.counts
}

// newID is a channel's id that neither Asterisk nor an earlier run of ours has given.
func (a *Adapter) newID() string {
	a.lastCall++
	return strconv.FormatInt(time.Now().UnixMilli(), 10) + "." + strconv.FormatUint(a.lastCall, 10)
}

// roomName is a conference's, which leads back to the call's own name.
func roomName(root string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '.' || r == '-' {
			return r
		}
		return '-'
	}, root)
}
