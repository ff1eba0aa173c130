package asterisk

import (
	"context"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/ami"
)

// When calls are compared with Asterisk's own list.
const (
	auditEvery = 45 * time.Second
	auditAgain = 2 * time.Second // what still differs then is no event on its way
	lookForOld = 5 * time.Second
)

// usually is how long a connection stays in a state. One that stays longer is looked at once, at that moment.
var usually = map[csta.State]time.Duration{
	csta.Initiated: 2 * time.Minute, csta.Alerting: 3 * time.Minute, csta.Fail: time.Minute, csta.Queued: 30 * time.Minute, csta.Hold: 30 * time.Minute,
	csta.Connected: 4 * time.Hour,
}

// audits compares all calls now and then, and at once where something is odd.
func (a *Adapter) audits(ctx context.Context, conn *ami.Conn) {
	all := time.NewTicker(auditEvery)
	defer all.Stop()
	old := time.NewTicker(lookForOld)
	defer old.Stop()
	for {
		var phones []csta.DeviceID // none: all
		select {
		case <-ctx.Done():
			return
		case <-conn.Done():
			return
		case <-all.C:
		case <-old.C:
			if phones = a.overdue(); len(phones) == 0 {
				continue
			}
		case <-a.look:
		}
		if len(phones) == 0 {
			phones = []csta.DeviceID{""}
			if err := a.relearn(ctx, conn); err != nil && ctx.Err() == nil {
				a.log.Warn("what the account may do could not be read again", zap.Error(err))
			}
		}
		for _, d := range phones {
			if _, err := a.auditOf(ctx, conn, d); err != nil && ctx.Err() == nil {
				a.log.Warn("calls could not be compared with Asterisk's own list", zap.String("device", string(d)), zap.Error(err))
			}
		}
	}
}

// overdue are the devices whose connections are what they are for longer than usual: each is found once.
func (a *Adapter) overdue() (list []csta.DeviceID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	for d, legs := range a.t.at {
		for _, l := range legs {
			if l.role == party && l.suspected != l.state && now.Sub(l.since) > usually[l.state] {
				l.suspected = l.state
				list = append(list, d)
				break
			}
		}
	}
	return list
}

// Audit compares the calls of one phone with what Asterisk has, or all calls where d is empty or no phone of ours, and repairs what differs.
// It asks for that phone alone; only where something differs for all.
func (a *Adapter) Audit(ctx context.Context, d csta.DeviceID) (repaired int, err error) {
	conn, err := a.connection()
	if err != nil {
		return 0, err
	}
	repaired, err = a.auditOf(ctx, conn, d)
	return repaired, a.fault(ctx, err)
}

func (a *Adapter) auditOf(ctx context.Context, conn *ami.Conn, d csta.DeviceID) (repaired int, err error) {
	a.mu.Lock()
	p := a.t.book.phones[d]
	alone := p != nil && a.rights["PJSIPShowEndpoint"]
	a.mu.Unlock()
	same := false
	if alone {
		same, err = a.samePhone(ctx, conn, p)
	}
	if !same && err == nil {
		repaired, err = a.audit(ctx, conn)
	}
	if err == nil {
		a.meter.Audited(repaired)
	}
	return repaired, err
}

// audit looks twice: an event that is on its way explains the first difference. What still differs then the loop repairs, by a third look, during
// which it applies no event.
func (a *Adapter) audit(ctx context.Context, conn *ami.Conn) (repaired int, err error) {
	began := time.Now()
	first, _, err := a.readAll(ctx, conn)
	if err != nil {
		return 0, err
	}
	a.takeFeatures(first, began)
	a.takeGroups(first)
	differ := a.compare(first, nil)
	if len(differ) == 0 {
		return 0, nil
	}
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(auditAgain):
	}
	second, _, err := a.readAll(ctx, conn)
	if err != nil {
		return 0, err
	}
	r := repair{intersection(differ, a.compare(second, nil)), pbxadapter.TraceField(ctx), make(chan int, 1)}
	if len(r.differ) == 0 {
		return 0, nil
	}
	select {
	case a.repairs <- r:
	case <-conn.Done():
		return 0, conn.Err()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	select {
	case n := <-r.done:
		return n, nil
	case <-conn.Done():
		return 0, conn.Err()
	}
}

// repair is what an audit found, and the loop is to put right.
type repair struct {
	differ map[string]bool // ids of channels
	trace  zap.Field       // of the request for the audit, if any
	done   chan int        // how many still did
}

// mend looks once more, and takes over what Asterisk has. It gives the position in the stream before which events are older than that.
func (a *Adapter) mend(ctx context.Context, conn *ami.Conn, r repair) (after uint64, err error) {
	l, seq, err := a.readAll(ctx, conn)
	if err != nil {
		return 0, err
	}
	n := len(intersection(r.differ, a.compare(l, nil)))
	defer func() { r.done <- n }()
	if n == 0 {
		return 0, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counts.Repaired += uint64(n)
	a.log.Warn("calls differed from Asterisk's own list: repaired", zap.Int("channels", n), zap.Uint64("in_all", a.counts.Repaired), r.trace)
	a.t.until(time.Now())
	a.reporter.Resync(a.t.rebuild(l))
	a.check()
	return seq, nil
}

func intersection(x, y map[string]bool) map[string]bool {
	both := map[string]bool{}
	for id := range x {
		if y[id] {
			both[id] = true
		}
	}
	return both
}

// readAll is read, and asks by name for each channel of ours that the list lacks: a list is not made at one moment.
func (a *Adapter) readAll(ctx context.Context, conn *ami.Conn) (lists, uint64, error) {
	l, seq, err := a.read(ctx, conn)
	if err != nil {
		return l, 0, err
	}
	there := map[string]bool{}
	for _, m := range l.channels {
		there[m.Get("Uniqueid")] = true
	}
	a.mu.Lock()
	var missing []string
	for id, c := range a.t.channels {
		if !there[id] && !c.gone && c.kind != helper {
			missing = append(missing, c.name)
		}
	}
	a.mu.Unlock()
	items, err := a.channelsNamed(ctx, conn, missing)
	l.channels = append(l.channels, items...)
	return l, seq, err
}

// channelsNamed asks for channels by name; those that have gone are left out.
func (a *Adapter) channelsNamed(ctx context.Context, conn *ami.Conn, names []string) (items []ami.Message, err error) {
	for _, name := range names {
		r, err := conn.List(ctx, ami.NewAction("Status").With("Channel", ami.Channel, name).Fixed("Variables", statusVariables))
		if err != nil && !isRefused(err) {
			return nil, err
		}
		items = append(items, r.Items...)
	}
	return items, nil
}

// samePhone compares what is known of one phone with what Asterisk says when it is asked for that phone and its calls alone.
func (a *Adapter) samePhone(ctx context.Context, conn *ami.Conn, p *phoneEntry) (bool, error) {
	began := time.Now()
	r, err := conn.List(ctx, ami.NewAction("PJSIPShowEndpoint").With("Endpoint", ami.Word, p.endpoint))
	if isRefused(err) {
		return false, nil // there is no such endpoint any more
	}
	if err != nil {
		return false, err
	}
	active, state := -1, ""
	for _, m := range r.Items {
		if n, err := strconv.Atoi(m.Get("ActiveChannels")); err == nil && m.Event() == "EndpointDetail" {
			active, state = n, m.Get("DeviceState")
		}
	}
	a.mu.Lock()
	within, own := map[string]bool{}, 0
	var names []string
	take := func(c *channel) {
		if !c.gone && !within[c.id] {
			within[c.id] = true
			names = append(names, c.name)
		}
	}
	for _, c := range a.t.channels {
		if c.endpoint == p.endpoint && !c.gone {
			take(c)
			own++
		}
	}
	for _, l := range a.t.at[p.device] {
		for _, o := range l.call.legs {
			for _, c := range o.channels {
				take(c)
			}
		}
	}
	a.mu.Unlock()
	items, err := a.channelsNamed(ctx, conn, names)
	if err != nil {
		return false, err
	}
	l := lists{channels: items}
	if l.features, err = a.featuresOf(ctx, conn, p); err != nil {
		return false, err
	}
	a.takeFeatures(l, began, p.device)
	if state != "" {
		a.mu.Lock()
		a.t.service(p.device, state != "Unavailable" && state != "Invalid")
		a.check()
		a.mu.Unlock()
	}
	return active == own && len(a.compare(l, within)) == 0, nil
}

// compare gives the ids of channels that we see otherwise than the lists have them: of all, or of those that the lists are about.
func (a *Adapter) compare(l lists, within map[string]bool) map[string]bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	differ := map[string]bool{}
	there := map[string]bool{}
	for _, m := range l.channels {
		id := m.Get("Uniqueid")
		there[id] = true
		c := a.t.channels[id]
		if c == nil || c.gone {
			if technology, _ := splitName(m.Get("Channel")); !helpers[technology] {
				differ[id] = true
			}
			continue
		}
		if !c.real() {
			continue
		}
		bridged := bridgeOf(m)
		in := ""
		if c.bridge != nil {
			in = c.bridge.id
		}
		switch up := number(m.Get("ChannelState")) == stateUp; {
		case up != c.up(), bridged != in:
			differ[id] = true
		case c.leg == nil && up && !c.silent && c.intent == nil:
			differ[id] = true
		case c.leg != nil && len(c.leg.call.legs) == 1 && up && talks(m.Get("Application")) && !c.app.open():
			differ[id] = true // an application answered a call of ours, which no event tells
		case c.leg != nil && bridged != "" && !c.bridge.apart && a.holdDiffers(c, m, l):
			differ[id] = true
		}
	}
	for id, c := range a.t.channels {
		if !there[id] && !c.gone && c.kind != helper && (within == nil || within[id]) {
			differ[id] = true
		}
	}
	return differ
}

// talks says whether an application is one that answers instead of somebody.
func talks(app string) bool {
	switch app {
	case "", "Dial", "Queue", "AppDial", "AppDial2", "Busy", "Congestion", "Wait", "Answer", "Hangup", "Bridge", "Park", "ParkedCall", "MusicOnHold", "Goto", "Set", "NoOp", "Macro", "Gosub":
		return false
	}
	return true
}

// holdDiffers says whether a channel that is on hold has no holder, or the other way round.
func (a *Adapter) holdDiffers(c *channel, m ami.Message, l lists) bool {
	rest := c.leg.call.live(c.leg)
	if len(rest) != 1 || c.leg.server || rest[0].server {
		return false
	}
	held := variable(m, varOnHold) == "1"
	return held != (rest[0].state == csta.Hold) && (held || !rest[0].unprovable())
}

// unprovable says whether a holder has somebody else before it now than when it began to hold: Asterisk holds who was there, and knows nothing of it
// of who came by a transfer.
func (l *leg) unprovable() bool {
	c := l.channel()
	return l.state == csta.Hold && c != nil && c.bridge != nil && slices.ContainsFunc(c.bridge.members, func(o *channel) bool { return l.since.Before(o.entered) })
}
