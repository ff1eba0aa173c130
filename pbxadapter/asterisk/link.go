package asterisk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/ami"
)

// Run is connected until ctx ends or the link is lost.
func (a *Adapter) Run(ctx context.Context, r pbxadapter.Reporter) error {
	if wait := time.Until(a.authFailed.Add(authPause)); wait > 0 && !a.authFailed.IsZero() {
		a.log.Warn("the last login failed: the next try waits, so that Asterisk's guards don't shut us out", zap.Duration("wait", wait))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := a.run(ctx, cancel, r)
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled) || errors.Is(err, ami.ErrClosed)) {
		return nil
	}
	return err
}

func (a *Adapter) run(ctx context.Context, cancel func(), r pbxadapter.Reporter) error {
	nc, err := a.dial(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("asterisk: %s: %w", a.conf.Address, err)
	}
	conn, err := ami.Open(ctx, nc, ami.Options{
		Username: a.conf.Username, Secret: a.conf.Secret, Challenge: a.conf.Login == "challenge", EventMask: a.conf.eventMask(), Unwanted: unwanted,
		Record: a.record, Done: a.answered,
	})
	if err != nil {
		if errors.Is(err, ami.ErrLogin) {
			a.authFailed = time.Now()
			a.log.Error("Asterisk refuses the login: check username, secret, permit and deny of the account in manager.conf", zap.Error(err))
		}
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("asterisk: %w", err)
	}
	a.mu.Lock()
	clear(a.deaf)
	a.mu.Unlock()
	var wg sync.WaitGroup
	defer func() {
		a.mu.Lock()
		a.conn, a.reporter = nil, nil
		for _, w := range a.waiters {
			close(w.lost)
		}
		a.waiters = nil
		a.mu.Unlock()
		cancel()
		conn.Close()
		<-conn.Done()
		wg.Wait()
	}()
	wg.Go(func() { conn.Ping(ctx) })
	wg.Go(func() { // handlers and lists must not outlive the link
		<-ctx.Done()
		conn.Close()
	})
	if err := a.booted(ctx, conn); err != nil {
		return err
	}
	seq, err := a.resync(ctx, conn, r)
	if err != nil {
		if e := conn.Err(); e != nil {
			err = e
		}
		return fmt.Errorf("asterisk: resync: %w", err)
	}
	a.log.Info("connected to Asterisk", zap.String("banner", conn.Banner), zap.String("version", a.version))
	if !seen(a.version) {
		a.log.Info("farhook has not been tried with this release of Asterisk", zap.String("version", a.version), zap.Strings("tried", tried))
	}
	wg.Go(func() { a.audits(ctx, conn) })
	return a.loop(ctx, conn, seq, &wg)
}

// tried are the releases of which the whole suite has been played on a real one: see docs/asterisk.md.
var tried = []string{"16.30", "18.26", "20.20", "23.4"}

// seen says whether a version is of a release that was tried.
func seen(version string) bool {
	return slices.ContainsFunc(tried, func(t string) bool { return version == t || strings.HasPrefix(version, t+".") })
}

// record lets the wiretap have an action or an answer.
func (a *Adapter) record(ctx context.Context, sent bool, text []byte) {
	a.tap.Record(pbxadapter.Message{Out: sent, Op: pbxadapter.Op(ctx), Text: text})
}

// answered counts an action by how it ended.
func (a *Adapter) answered(action string, took time.Duration, err error) {
	o := pbxadapter.Unanswered
	var said *ami.Refused
	switch {
	case err == nil:
		o = pbxadapter.Answered
	case errors.As(err, &said):
		o = pbxadapter.Refused
	case errors.Is(err, ami.ErrClosed):
		o = pbxadapter.LinkLost
	}
	a.meter.Command(action, took, o)
}

// booted waits until Asterisk has loaded everything, as far as it tells.
func (a *Adapter) booted(ctx context.Context, conn *ami.Conn) error {
	timer := time.NewTimer(bootedWithin)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			a.log.Info("Asterisk has not said that it has booted: it still loads, or the account's read lacks system; it is read as it is, and again when it says so")
			return nil
		case m, ok := <-conn.Events():
			if !ok {
				return conn.Err()
			}
			if m.Event() == "FullyBooted" {
				return nil
			}
		}
	}
}

// loop applies events in wire order, and tells what becomes due.
func (a *Adapter) loop(ctx context.Context, conn *ami.Conn, after uint64, wg *sync.WaitGroup) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		a.mu.Lock()
		due := a.t.due()
		ask, hang := a.questions, a.hangUps
		a.questions, a.hangUps = nil, nil
		a.mu.Unlock()
		for _, q := range ask {
			wg.Go(func() { a.answerQuestion(ctx, conn, q) })
		}
		for _, l := range hang {
			wg.Go(func() { a.hangUpAlone(ctx, conn, l) })
		}
		wait := time.Second // a handler may have brought something up
		if !due.IsZero() {
			wait = min(wait, max(0, time.Until(due)))
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			a.apply(nil)
		case r := <-a.repairs:
			seq, err := a.mend(ctx, conn, r)
			if err != nil {
				return err
			}
			after = max(after, seq)
		case <-a.anew:
			seq, err := a.resync(ctx, conn, a.reporterNow())
			if err != nil {
				return err
			}
			after = max(after, seq)
		case m, ok := <-conn.Events():
			if !ok {
				err := conn.Err()
				if errors.Is(err, ami.ErrOverflow) {
					a.mu.Lock()
					a.counts.Overflows++
					a.mu.Unlock()
				}
				return err
			}
			batch := []ami.Message{m}
		more:
			for len(batch) < 64 {
				select {
				case m, ok := <-conn.Events():
					if !ok {
						break more
					}
					batch = append(batch, m)
				default:
					break more
				}
			}
			var err error
			if after, err = a.take(ctx, conn, batch, after); err != nil {
				return err
			}
		}
	}
}

// take applies what has come. Events about Asterisk itself may be anywhere in it; what is older than the lists that were read for one is passed over.
func (a *Adapter) take(ctx context.Context, conn *ami.Conn, batch []ami.Message, after uint64) (uint64, error) {
	rest := make([]ami.Message, 0, len(batch))
	for _, m := range batch {
		if m.Seq <= after {
			continue
		}
		again, err := a.special(m)
		if !again && err == nil {
			rest = append(rest, m)
			continue
		}
		if len(rest) > 0 {
			a.apply(rest)
			rest = rest[:0]
		}
		if err == nil {
			after, err = a.resync(ctx, conn, a.reporterNow())
		}
		if err != nil {
			return after, err
		}
	}
	if len(rest) > 0 {
		a.apply(rest)
	}
	return after, nil
}

func (a *Adapter) reporterNow() pbxadapter.Reporter {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.reporter
}

// special are events about Asterisk itself: true asks for a resync.
func (a *Adapter) special(m ami.Message) (bool, error) {
	switch m.Event() {
	case "FullyBooted", "Reload":
		return true, nil
	case "Shutdown":
		return false, errors.New("asterisk: it is shutting down")
	case "Load", "Unload": // of a module: there are other actions now
		a.wantLook()
	case "QueueMemberAdded", "QueueMemberRemoved":
		a.mu.Lock()
		if a.t.book.memberChanged(m) {
			a.tellDevices()
		}
		a.mu.Unlock()
	case "ContactStatus":
		if s := m.Get("ContactStatus"); s == "Created" || s == "NonQualified" || s == "Reachable" {
			a.mu.Lock()
			if p := a.t.book.endpoints[m.Get("EndpointName")]; p != nil && p.agent == "" {
				a.questions = append(a.questions, question{device: p.device, agent: true})
			}
			a.mu.Unlock()
		}
	}
	return false, nil
}

// apply takes events over, and moves the time on.
func (a *Adapter) apply(batch []ami.Message) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.t.until(time.Now())
	for _, m := range batch {
		if m.Damaged {
			a.counts.Damaged++
			a.log.Warn("a message of Asterisk's was longer than is read, and is lost: all calls are checked", zap.Int("limit", ami.MaxMessage))
			a.wantLook()
			continue
		}
		if a.tap != nil {
			a.recordEvent(m)
		}
		a.t.event(m)
		a.check()
	}
	if len(batch) == 0 {
		a.check()
	}
}

// recordEvent lets the wiretap have an event, with the line and call that it is about.
func (a *Adapter) recordEvent(m ami.Message) {
	r := pbxadapter.Message{Text: []byte(m.String())}
	if c := a.t.of(m, ""); c != nil && c.leg != nil {
		r.Line, r.Calls, r.Op = c.leg.device, []csta.CallID{c.leg.call.id}, c.leg.op
	}
	a.tap.Record(r)
}
