package asterisk

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/asterisk/ami"
)

// When calls are compared with Asterisk's own list.
const (
	auditEvery  = 45 * time.Second
	auditAgain  = 2 * time.Second // what still differs then is no event on its way
	auditOldest = 20 * time.Second
)

// audits compares all calls now and then, and at once where something is odd.
func (a *Adapter) audits(ctx context.Context, conn *ami.Conn) {
	ticker := time.NewTicker(auditEvery)
	defer ticker.Stop()
	soon := time.NewTicker(auditOldest)
	defer soon.Stop()
	suspected := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-conn.Done():
			return
		case <-ticker.C:
		case <-soon.C:
			if !a.overdue(suspected) {
				continue
			}
		case <-a.look:
		}
		if _, err := a.audit(ctx, conn); err != nil && ctx.Err() == nil {
			a.log.Warn("calls could not be compared with Asterisk's own list", zap.Error(err))
		}
	}
}

// overdue says whether a call has been ringing longer than calls do, which is asked once of each.
func (a *Adapter) overdue(suspected map[string]bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	found := false
	for id, c := range a.t.channels {
		if c.gone || c.up() || suspected[id] || time.Since(c.born) < settledBefore {
			continue
		}
		suspected[id], found = true, true
	}
	if len(suspected) > 10_000 {
		clear(suspected)
	}
	return found
}

// Audit compares all calls with Asterisk's own list now, and repairs what differs; those of one device are not told apart.
func (a *Adapter) Audit(ctx context.Context, _ csta.DeviceID) (repaired int, err error) {
	conn, err := a.connection()
	if err != nil {
		return 0, err
	}
	return a.audit(ctx, conn)
}

// audit looks twice: an event that is on its way explains the first difference. A leg that Asterisk's list lacks is asked for by name.
func (a *Adapter) audit(ctx context.Context, conn *ami.Conn) (repaired int, err error) {
	defer func() {
		if err == nil {
			a.meter.Audited(repaired)
		}
	}()
	began := time.Now()
	first, _, err := a.read(ctx, conn)
	if err != nil {
		return 0, err
	}
	a.takeFeatures(first, began)
	differ := a.compare(first)
	if len(differ) == 0 {
		return 0, nil
	}
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(auditAgain):
	}
	second, seq, err := a.read(ctx, conn)
	if err != nil {
		return 0, err
	}
	still := 0
	for id := range a.compare(second) {
		if !differ[id] {
			continue
		}
		if name := a.nameOf(id); name != "" && !listed(second, id) && a.exists(ctx, conn, name) {
			continue // the list is not complete, or the channel began meanwhile
		}
		still++
	}
	if still == 0 {
		return 0, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conn != conn || a.reporter == nil {
		return 0, nil
	}
	_ = seq
	a.counts.Repaired += uint64(still)
	a.log.Warn("calls differed from Asterisk's own list: repaired", zap.Int("channels", still), zap.Uint64("in_all", a.counts.Repaired))
	a.t.until(time.Now())
	a.reporter.Resync(a.t.rebuild(second))
	a.check()
	return still, nil
}

// takeFeatures tells what was set meanwhile without an event: a dialplan may keep forwarding without a device state that tells of it.
// What was set after the lists were asked for is left alone.
func (a *Adapter) takeFeatures(l lists, began time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.t.until(time.Now())
	for d := range a.t.book.phones {
		if !a.rights["DBGetTree"] || !a.t.touched[d].Before(began) {
			continue
		}
		for _, f := range l.features[d] {
			a.t.feature(d, f, 0)
		}
		for _, f := range a.t.features[d] {
			if slices.ContainsFunc(l.features[d], func(o callmodel.Feature) bool { return sameFeature(f, o) }) {
				continue
			}
			switch f := f.(type) {
			case callmodel.Forwarding:
				f.On = false
				a.t.feature(d, f, 0)
			case callmodel.DoNotDisturb:
				a.t.feature(d, callmodel.DoNotDisturb{}, 0)
			case callmodel.MessageWaiting:
				if a.rights["MWIGet"] { // else the lists don't tell
					a.t.feature(d, callmodel.MessageWaiting{}, 0)
				}
			}
		}
	}
	for _, m := range l.devices {
		if strings.HasPrefix(m.Get("Device"), "PJSIP/") {
			a.t.deviceState(m)
		}
	}
	a.check()
}

func listed(l lists, id string) bool {
	for _, m := range l.channels {
		if m.Get("Uniqueid") == id {
			return true
		}
	}
	return false
}

func (a *Adapter) nameOf(id string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.t.channels[id]; c != nil {
		return c.name
	}
	return ""
}

// exists asks for one channel by name.
func (a *Adapter) exists(ctx context.Context, conn *ami.Conn, name string) bool {
	_, err := conn.List(ctx, ami.NewAction("Status").With("Channel", ami.Channel, name))
	return err == nil
}

// compare gives the ids of channels that we see otherwise than the lists have them.
func (a *Adapter) compare(l lists) map[string]bool {
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
		bridged := m.Get("BridgeID")
		if bridged == "" {
			bridged = m.Get("BridgeId")
		}
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
		if !there[id] && !c.gone && c.kind != helper {
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
	return held != (rest[0].state == "hold")
}

// answerQuestion asks for what an event did not tell.
func (a *Adapter) answerQuestion(ctx context.Context, conn *ami.Conn, q question) {
	a.mu.Lock()
	p := a.t.book.phones[q.device]
	a.mu.Unlock()
	if q.caller {
		a.askCaller(ctx, conn, q.channel)
		return
	}
	if q.channel != nil {
		a.askWhat(ctx, conn, q.channel)
		return
	}
	if p == nil {
		return
	}
	if q.agent {
		a.learnAgent(ctx, conn, p)
		return
	}
	f, ok := presets[a.conf.Dialplan].forward(q.kind)
	if !ok {
		return
	}
	to, err := a.stored(ctx, conn, f.family, p.number)
	if err != nil {
		a.log.Warn("where a phone forwards to could not be read", zap.String("device", string(q.device)), zap.Error(err))
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	set := callmodel.Forwarding{Type: q.kind, On: to != "", To: a.t.book.dialled(to)}
	if to == "" {
		set.To = a.t.forwarding(q.device, q.kind).To
	}
	a.t.until(time.Now())
	a.t.feature(q.device, set, 0)
	a.check()
}

// askCaller asks how a caller wants to be shown.
func (a *Adapter) askCaller(ctx context.Context, conn *ami.Conn, c *channel) {
	a.mu.Lock()
	name := c.name
	a.mu.Unlock()
	r, err := conn.Do(ctx, ami.NewAction("Getvar").With("Channel", ami.Channel, name).Fixed("Variable", varPres))
	if err != nil && ctx.Err() != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.t.until(time.Now())
	a.t.callerIs(c, r.Get("Value"))
	a.check()
}

// askWhat asks for the application that a caller is in.
func (a *Adapter) askWhat(ctx context.Context, conn *ami.Conn, c *channel) {
	a.mu.Lock()
	name := c.name
	a.mu.Unlock()
	r, err := conn.List(ctx, ami.NewAction("Status").With("Channel", ami.Channel, name))
	if err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range r.Items {
		if m.Get("Uniqueid") == c.id {
			a.t.until(time.Now())
			a.t.does(c, m.Get("Application"))
			a.check()
		}
	}
}

// learnAgent reads which phone has registered where none was.
func (a *Adapter) learnAgent(ctx context.Context, conn *ami.Conn, p *phoneEntry) {
	r, err := conn.List(ctx, ami.NewAction("PJSIPShowContacts"))
	if err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range r.Items {
		if agent := m.Get("UserAgent"); agent != "" && m.Get("Endpoint") == p.endpoint && p.agent == "" {
			p.agent = agent
			conf := Style{}
			for _, c := range a.conf.Phones {
				if c.Endpoint == p.endpoint {
					conf = c.Style
				}
			}
			p.style = a.completeStyle(conf, agent)
			if a.reporter != nil {
				a.reporter.Devices(a.devices())
			}
		}
	}
}

// hangUpAlone ends a party whose counterpart has gone, and who could not get away by itself.
func (a *Adapter) hangUpAlone(ctx context.Context, conn *ami.Conn, name string) {
	a.log.Info("a party is alone in our dialplan lines: it is hung up", zap.String("channel", name))
	_, err := conn.Do(ctx, ami.NewAction("Hangup").With("Channel", ami.Channel, name).Fixed("Cause", "16"))
	switch {
	case err == nil:
		a.mu.Lock()
		a.counts.Orphans++
		a.mu.Unlock()
	case !isRefused(err) && ctx.Err() == nil:
		a.log.Warn("it could not be hung up", zap.String("channel", name), zap.Error(err))
	}
}

// stored reads one value of the AstDB; empty where there is none.
func (a *Adapter) stored(ctx context.Context, conn *ami.Conn, family, key string) (string, error) {
	r, err := conn.List(ctx, ami.NewAction("DBGet").With("Family", ami.Word, family).With("Key", ami.Word, key))
	if isRefused(err) && strings.Contains(err.Error(), "not found") {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for _, m := range r.Items {
		if m.Event() == "DBGetResponse" {
			return m.Get("Val"), nil
		}
	}
	return "", nil
}
