package asterisk

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/ami"
)

// resync learns everything anew, and reports it. It gives the position in the stream before which events are older than the lists.
func (a *Adapter) resync(ctx context.Context, conn *ami.Conn, r pbxadapter.Reporter) (uint64, error) {
	if err := a.learn(ctx, conn); err != nil {
		return 0, err
	}
	l, seq, err := a.read(ctx, conn)
	if err != nil {
		return 0, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	restarted := a.t.startup != "" && a.t.startup != l.startup
	if restarted {
		a.log.Warn("Asterisk was restarted: all former calls are gone", zap.String("since", l.startup))
	}
	a.t.until(time.Now())
	a.t.book.setGroups(a.conf.Groups, l.queues)
	s := a.t.rebuild(l)
	a.conn, a.reporter = conn, r
	r.Devices(a.devices())
	if restarted { // a call that has a former one's name is another one
		none := s
		none.Calls = nil
		r.Resync(none)
	}
	r.Resync(s)
	a.check()
	return seq, nil
}

// learn reads what seldom changes: rights, dialplan lines, phones.
func (a *Adapter) learn(ctx context.Context, conn *ami.Conn) error {
	if _, err := a.readAbilities(ctx, conn); err != nil {
		return err
	}
	settings, err := conn.Do(ctx, ami.NewAction("CoreSettings"))
	if err != nil && !isRefused(err) {
		return err
	}
	a.mu.Lock()
	a.version = settings.Get("AsteriskVersion")
	a.mu.Unlock()
	return a.readPhones(ctx, conn)
}

// read asks for the lists from which the state is built.
func (a *Adapter) read(ctx context.Context, conn *ami.Conn) (lists, uint64, error) {
	var l lists
	core, err := conn.Do(ctx, ami.NewAction("CoreStatus"))
	if err != nil && !isRefused(err) {
		return l, 0, err
	}
	l.startup = core.Get("CoreStartupDate") + " " + core.Get("CoreStartupTime")
	status, err := conn.List(ctx, ami.NewAction("Status").Fixed("Variables", statusVariables))
	if isRefused(err) {
		return l, 0, fmt.Errorf("the account in manager.conf may not list channels: give it write = call,originate,system,reporting: %w", err)
	}
	if err != nil {
		return l, 0, err
	}
	l.channels = status.Items
	for _, from := range []struct {
		action string
		event  string
		into   *[]ami.Message
	}{
		{"ParkedCalls", "ParkedCall", &l.parked}, {"QueueStatus", "", &l.queues}, {"DeviceStateList", "DeviceStateChange", &l.devices},
	} {
		if !a.may(from.action) {
			continue
		}
		r, err := conn.List(ctx, ami.NewAction(from.action))
		if err != nil && !isRefused(err) {
			return l, 0, err
		}
		for _, m := range r.Items {
			if from.event == "" || m.Event() == from.event {
				*from.into = append(*from.into, m)
			}
		}
	}
	l.features, err = a.readFeatures(ctx, conn, l.devices)
	return l, status.Seq, err
}

// readFeatures reads forwarding, do not disturb and message waiting of all phones.
func (a *Adapter) readFeatures(ctx context.Context, conn *ami.Conn, devices []ami.Message) (map[csta.DeviceID][]callmodel.Feature, error) {
	features := map[csta.DeviceID][]callmodel.Feature{}
	a.mu.Lock()
	for d, list := range a.t.features { // what may not be read stays as it was told
		for _, f := range list {
			_, waiting := f.(callmodel.MessageWaiting)
			if waiting && !a.rights["MWIGet"] || !waiting && !a.rights["DBGetTree"] {
				features[d] = append(features[d], f)
			}
		}
	}
	a.mu.Unlock()
	preset := presets[a.conf.Dialplan]
	for _, f := range preset.features() {
		if f.family == "" || !a.may("DBGetTree") {
			continue
		}
		r, err := conn.List(ctx, ami.NewAction("DBGetTree").With("Family", ami.Word, f.family))
		if err != nil && !isRefused(err) {
			return nil, err
		}
		a.mu.Lock()
		for _, m := range r.Items {
			key := m.Get("Key")
			key = key[strings.LastIndexByte(key, '/')+1:]
			p := a.t.book.native[key]
			if p == nil || m.Get("Val") == "" {
				continue
			}
			if f.kind == "" {
				features[p.device] = append(features[p.device], callmodel.DoNotDisturb{On: true})
			} else {
				features[p.device] = append(features[p.device], callmodel.Forwarding{Type: f.kind, On: true, To: a.t.book.dialled(m.Get("Val"))})
			}
		}
		a.mu.Unlock()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range devices {
		mailbox, ok := strings.CutPrefix(m.Get("Device"), "MWI:")
		if p := a.t.book.mailboxes[mailbox]; ok && p != nil && m.Get("State") == "INUSE" {
			features[p.device] = append(features[p.device], callmodel.MessageWaiting{On: true})
		}
	}
	return features, nil
}
