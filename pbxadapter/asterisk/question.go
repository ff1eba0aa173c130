package asterisk

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/asterisk/ami"
)

// question is something that no event tells: where a phone forwards to, what phone it is, or what a caller does.
type question struct {
	device  csta.DeviceID
	kind    csta.ForwardingType
	agent   bool
	channel *channel // what does it do?
	caller  bool     // … no: how does its caller want to be shown?
	kept    bool     // … no: do our dialplan lines keep it?
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
		a.askWhat(ctx, conn, q)
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
	presentation := r.Get("Value")
	if isRefused(err) { // an account without that right may list channels, which tells it too
		items, err := a.channelsNamed(ctx, conn, []string{name})
		if err == nil && len(items) > 0 {
			presentation = variable(items[0], varPres)
		}
	}
	if err != nil && ctx.Err() != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.t.until(time.Now())
	a.t.callerIs(c, presentation)
	a.check()
}

// askWhat asks for the application that a caller is in, or whether our dialplan lines keep it.
func (a *Adapter) askWhat(ctx context.Context, conn *ami.Conn, q question) {
	a.mu.Lock()
	name := q.channel.name
	a.mu.Unlock()
	items, err := a.channelsNamed(ctx, conn, []string{name})
	if err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range items {
		if m.Get("Uniqueid") != q.channel.id {
			continue
		}
		a.t.until(time.Now())
		if q.kept {
			a.t.kept(q.channel, m)
		} else {
			a.t.does(q.channel, m.Get("Application"))
		}
		a.check()
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
			a.tellDevices()
		}
	}
}

// lonely is a channel that is to be hung up because nobody is left with it, and the one that our dialplan lines keep for it: mostly itself.
type lonely struct{ name, kept string }

// hangUpAlone ends a party whose counterpart has gone, and who could not get away by itself. Asterisk is asked first where the party is: one who has
// left our dialplan lines for somebody else, a mailbox, or a queue is left alone.
func (a *Adapter) hangUpAlone(ctx context.Context, conn *ami.Conn, l lonely) {
	there, err := a.channelsNamed(ctx, conn, []string{l.kept})
	if err == nil && !slices.ContainsFunc(there, func(m ami.Message) bool { return keeps(m, a.conf.Context) }) {
		return
	}
	if err == nil {
		a.log.Info("a party is alone in our dialplan lines: it is hung up", zap.String("channel", l.name))
		_, err = conn.Do(ctx, ami.NewAction("Hangup").With("Channel", ami.Channel, l.name).Fixed("Cause", "16"))
	}
	switch {
	case err == nil:
		a.mu.Lock()
		a.counts.Orphans++
		a.mu.Unlock()
	case !isRefused(err) && ctx.Err() == nil:
		a.log.Warn("it could not be hung up", zap.String("channel", l.name), zap.Error(err))
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

// featuresOf reads what is set at one phone, as readFeatures does of all.
func (a *Adapter) featuresOf(ctx context.Context, conn *ami.Conn, p *phoneEntry) (map[csta.DeviceID][]callmodel.Feature, error) {
	var list []callmodel.Feature
	for _, f := range presets[a.conf.Dialplan].features() {
		if f.family == "" || !a.may("DBGet") {
			continue
		}
		v, err := a.stored(ctx, conn, f.family, p.number)
		switch {
		case err != nil && !isRefused(err):
			return nil, err
		case err != nil || v == "":
		case f.kind == "":
			list = append(list, callmodel.DoNotDisturb{On: true})
		default:
			a.mu.Lock()
			list = append(list, callmodel.Forwarding{Type: f.kind, On: true, To: a.t.book.dialled(v)})
			a.mu.Unlock()
		}
	}
	if p.mailbox != "" && a.may("MWIGet") {
		on, err := a.messageWaits(ctx, conn, p)
		if err != nil && !isRefused(err) {
			return nil, err
		}
		if on {
			list = append(list, callmodel.MessageWaiting{On: true})
		}
	}
	return map[csta.DeviceID][]callmodel.Feature{p.device: list}, nil
}

// takeFeatures tells what was set meanwhile without an event: a dialplan may keep forwarding without a device state that tells of it.
// What was set after the lists were asked for is left alone. Without devices, those of all are taken.
func (a *Adapter) takeFeatures(l lists, began time.Time, devices ...csta.DeviceID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.t.until(time.Now())
	if len(devices) == 0 {
		devices = slices.Collect(maps.Keys(a.t.book.phones))
	}
	for _, d := range devices {
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
