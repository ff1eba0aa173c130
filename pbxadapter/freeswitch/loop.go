package freeswitch

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
)

// loop takes what has been read, and what time brings, until the link ends.
func (a *Adapter) loop(ctx context.Context, c *conn, fatal chan<- error) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		frames := c.take()
		a.mu.Lock()
		for _, f := range frames {
			if err := a.frame(c, f); err != nil {
				select {
				case fatal <- err:
				default:
				}
			}
		}
		next := a.advance(time.Now())
		a.mu.Unlock()
		c.done(frames)
		timer.Reset(next)
		select {
		case <-c.wake:
		case <-timer.C:
		case <-c.ended:
			return
		case <-ctx.Done():
			return
		}
	}
}

// frame takes one message.
func (a *Adapter) frame(c *conn, f frame) error {
	switch f.kind {
	case commandReply:
		c.answered(f)
	case apiResponse:
		c.answered(f)
	case eventJSON:
		e := a.window.blank()
		if err := a.parse.parse(f.body, e); err != nil {
			a.broken++
			a.window.done(e)
			a.log.Warn("an event that can't be read", zap.Error(err), zap.Uint64("in all", a.broken))
			return nil
		}
		return a.event(c, e, f)
	}
	return nil
}

func (a *Adapter) event(c *conn, e *event, f frame) error {
	name := e.get(eventName)
	if c.tap != nil && name != "HEARTBEAT" && name != "BACKGROUND_JOB" { // a job's result is recorded with its request
		a.record(e, f.body)
	}
	if core := e.get(coreUUID); core != "" {
		if a.core != "" && a.core != core && a.ready {
			return errors.New("freeswitch: the PBX was started anew")
		}
		a.core = core
	}
	switch name {
	case "BACKGROUND_JOB":
		c.finished(e.get(jobUUID), strings.TrimRight(e.get(body), "\n"))
		a.window.done(e)
		return nil
	case "HEARTBEAT":
		a.beat.heard(f.at)
		a.window.done(e)
		return nil
	}
	if !a.ready {
		a.early = append(a.early, e)
		return nil
	}
	a.window.put(e, f.at)
	return nil
}

// record gives the wiretap an event, with whom it is about.
func (a *Adapter) record(e *event, text []byte) {
	m := pbxadapter.Message{Text: text}
	if l := a.track.legs[e.get(uniqueID)]; l != nil {
		m.Line = l.device
		if l.call != nil {
			m.Calls = []csta.CallID{a.track.callID(l.call)}
			m.Op = l.call.op
		}
	}
	a.tap.Record(m)
}

// advance takes what is due, and gives the time until something is again. It is called with the lock.
func (a *Adapter) advance(now time.Time) time.Duration {
	if !a.ready {
		return time.Hour
	}
	// A timer may come a millisecond late: so an event goes up to one early.
	early := min(a.window.settle/4, time.Millisecond)
	for {
		e, at := a.window.next(now.Add(early))
		if e == nil {
			break
		}
		a.track.until(at)
		a.track.hear(e, at)
		a.feat.hear(e)
		a.window.done(e)
		a.check()
	}
	a.track.until(now)
	a.check()
	a.wishes()
	next := time.Minute
	event := a.window.due()
	if !event.IsZero() {
		event = event.Add(-early)
	}
	for _, due := range [...]time.Time{event, a.track.due()} {
		if !due.IsZero() {
			next = min(next, max(due.Sub(now), 20*time.Microsecond))
		}
	}
	return next
}

// wishes carries out what the tracker wants of the PBX.
func (a *Adapter) wishes() {
	t := a.track
	for _, m := range t.marks {
		if isID(m.leg) && isID(m.call) {
			a.later(a.run, "uuid_setvar "+m.leg+" farhook_call "+m.call)
		}
	}
	for _, id := range t.loose {
		l := t.legs[id]
		if l == nil || !isID(id) {
			continue
		}
		also := ";" + talking
		if t.holding(l) {
			also = ""
		}
		l.parked = ""
		a.later(a.run, "uuid_setvar_multi "+id+" farhook_holder="+also)
	}
	for _, l := range t.rearm {
		a.later(a.run, "uuid_setvar_multi "+l.id+" "+parking(l.parks))
	}
	for _, s := range t.suspects {
		a.confirm(s)
	}
	slices.Sort(t.orphan)
	for _, id := range slices.Compact(t.orphan) {
		if isID(id) {
			a.log.Info("a parked party whose counterpart has gone is cleared", zap.String("leg", id))
			a.later(a.run, "uuid_kill "+id)
		}
	}
	for _, id := range t.doubt {
		a.ask(id)
	}
	t.marks, t.orphan, t.doubt, t.loose, t.rearm, t.suspects = nil, nil, nil, nil, nil, nil
	t.tidy()
}

// later sends a command whose result is only logged. It is sent in ctx's name, as long as the link lasts. It is called with the lock.
func (a *Adapter) later(ctx context.Context, command string) {
	c, run := a.conn, a.inRun(ctx)
	a.work.Go(func() {
		ctx, cancel := context.WithTimeout(run, 10*time.Second)
		defer cancel()
		if _, err := c.bgapi(ctx, command); err != nil && ctx.Err() == nil {
			a.log.Debug("a command failed", zap.String("command", command), zap.Error(err), pbxadapter.TraceField(ctx))
		}
	})
}

// inRun is the context of the link, with the marks of the request in whose name something is done that outlives it. It is called with the lock.
func (a *Adapter) inRun(ctx context.Context) context.Context {
	return pbxadapter.WithTrace(pbxadapter.WithOp(a.run, pbxadapter.Op(ctx)), pbxadapter.Trace(ctx))
}
