package freeswitch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// abreast is how many questions are asked of the PBX at a time: it makes a thread for each.
const abreast = 16

// resync subscribes, waits for the PBX's tables to catch up, reads them, and takes over what has happened since.
func (a *Adapter) resync(ctx context.Context, c *conn, r pbxadapter.Reporter) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	list := subscribed
	if a.conf.Digits {
		list = "DTMF " + list
	}
	for _, e := range a.conf.Event {
		list += " " + e.Subclass
	}
	list, missing := may(list, c.allowed)
	if len(missing) > 0 {
		a.log.Warn("the user of the directory may not hear all events (esl-allowed-events): what they would tell is missing", zap.Strings("missing", missing))
	}
	if _, err := c.command(ctx, "event json "+list); err != nil {
		return fmt.Errorf("freeswitch: subscribing: %w", err)
	}
	select { // "show channels" lags behind the events
	case <-time.After(a.time.lag):
	case <-ctx.Done():
		return ctx.Err()
	}
	core, err := c.bgapi(ctx, "eval ${core_uuid}")
	if said := (refusal{}); errors.As(err, &said) {
		core = "" // a user of the directory who may not ask: events tell it
	} else if err != nil {
		return fmt.Errorf("freeswitch: asking for the Core-UUID: %w", err)
	}
	rows, err := a.channels(ctx, c, "")
	if err != nil {
		return err
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	legs := a.dumps(ctx, c, ids)
	phones, err := a.registrations(ctx, c)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.learn(phones)
	users := a.users()
	a.mu.Unlock()
	kept := a.settings(ctx, c, users)
	if err := ctx.Err(); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if isID(core) {
		if a.core != "" && a.core != core {
			a.log.Warn("the PBX was started anew: every call it had is gone")
		}
		a.core = core
	}
	a.build(legs, phones, kept)
	r.Devices(a.devices())
	state := a.track.state()
	state.Features, state.Out = a.feat.state()
	r.Resync(state)
	a.track.facts = func(f callmodel.Fact) { r.Report(f) }
	a.ready = true
	select { // what the tracker wants done is done at once
	case c.wake <- struct{}{}:
	default:
	}
	return nil
}

// may is the part of a list of events that is allowed, and what is not. One that is not allowed would have the whole list refused.
func may(list string, allowed []string) (some string, missing []string) {
	if len(allowed) == 0 {
		return list, nil
	}
	var keep []string
	for e := range strings.FieldsSeq(list) {
		if slices.Contains(allowed, e) {
			keep = append(keep, e)
		} else {
			missing = append(missing, e)
		}
	}
	return strings.Join(keep, " "), missing
}

// build makes the state of what was read, and of the events that came meanwhile. It is called with the lock.
func (a *Adapter) build(legs []*event, phones []registration, kept map[csta.DeviceID][]callmodel.Feature) {
	old, set := a.track, a.feat
	early := a.early
	a.begin(nil)
	t, now := a.track, time.Now()
	t.now = now
	t.adopt(legs)
	for d, list := range kept {
		a.feat.stored[d] = list
	}
	a.feat.restored(set)
	for _, p := range phones {
		if _, ours := a.stations[p.User]; ours {
			a.feat.came(p.User, p.Token)
		}
	}
	for u, p := range a.stations {
		a.feat.out[p.id] = len(a.feat.phones[u]) == 0
	}
	for _, e := range early {
		if l := t.legs[e.get(uniqueID)]; l != nil && e.seq <= l.seq {
			continue // its dump is newer
		}
		t.hear(e, now)
		a.feat.hear(e)
	}
	t.remember(old)
	a.early = nil
}

// tableRow is a leg as "show channels" lists it. It may be stale: only what can be dumped is a leg.
type tableRow struct {
	ID    string `json:"uuid"`
	State string `json:"callstate"`
}

// channels lists the PBX's legs; those of one user, if like names one.
func (a *Adapter) channels(ctx context.Context, c *conn, like string) ([]tableRow, error) {
	if like != "" {
		like = "like " + like + " "
	}
	text, err := c.bgapi(ctx, "show channels "+like+"as json")
	if err != nil {
		return nil, fmt.Errorf("freeswitch: show channels: %w", err)
	}
	var table struct{ Rows []tableRow }
	if err := json.Unmarshal([]byte(text), &table); err != nil {
		return nil, fmt.Errorf("freeswitch: show channels: %w", err)
	}
	return slices.DeleteFunc(table.Rows, func(r tableRow) bool { return !isID(r.ID) }), nil
}

// dumps asks for legs, several at a time. Those that are none any more are left out.
func (a *Adapter) dumps(ctx context.Context, c *conn, ids []string) []*event {
	found := make([]*event, len(ids))
	each(len(ids), func(i int) {
		text, err := c.bgapi(ctx, "uuid_dump "+ids[i]+" json")
		if err != nil {
			return
		}
		e := new(event)
		if err := (&parser{}).parse([]byte(text), e); err != nil || e.get(uniqueID) != ids[i] {
			a.log.Warn("a leg's dump can't be read", zap.String("leg", ids[i]), zap.Error(err), pbxadapter.TraceField(ctx))
			return
		}
		found[i] = e
	})
	return slices.DeleteFunc(found, func(e *event) bool { return e == nil })
}

// each calls f for 0 to n-1, several at a time.
func each(n int, f func(i int)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, abreast)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			f(i)
		})
	}
	wg.Wait()
}

// registration is a phone that is there.
type registration struct {
	User  string `json:"reg_user"`
	Realm string `json:"realm"`
	Token string `json:"token"` // its Call-ID
	URL   string `json:"url"`   // sofia/PROFILE/sip:…
	Agent string `json:"-"`
}

func (a *Adapter) registrations(ctx context.Context, c *conn) ([]registration, error) {
	text, err := c.bgapi(ctx, "show registrations as json")
	if err != nil {
		return nil, fmt.Errorf("freeswitch: show registrations: %w", err)
	}
	var table struct{ Rows []registration }
	if err := json.Unmarshal([]byte(text), &table); err != nil {
		return nil, fmt.Errorf("freeswitch: show registrations: %w", err)
	}
	list := table.Rows[:0]
	var others []string
	for _, r := range table.Rows {
		if r.Realm != a.conf.Domain {
			others = append(others, clip(r.Realm))
		} else if isName(r.User) {
			list = append(list, r)
		}
	}
	if len(list) == 0 && len(others) > 0 {
		slices.Sort(others)
		a.log.Warn("no phone is registered in the configured domain", zap.String("domain", a.conf.Domain), zap.Strings("there are", slices.Compact(others)))
	}
	agents := make(map[string]map[string]string) // of each profile, by user
	for i, r := range list {
		part := strings.SplitN(r.URL, "/", 3)
		if len(part) < 3 || part[0] != "sofia" || !isName(part[1]) {
			continue
		}
		if agents[part[1]] == nil {
			agents[part[1]] = a.agents(ctx, c, part[1])
		}
		list[i].Agent = agents[part[1]][r.User]
	}
	return list, nil
}

// agents lists the User-Agents of a profile's phones, by user. The table of registrations has none.
func (a *Adapter) agents(ctx context.Context, c *conn, profile string) map[string]string {
	m := make(map[string]string)
	text, err := c.bgapi(ctx, "sofia status profile "+profile+" reg")
	if err != nil {
		a.log.Debug("the phones' User-Agents can't be had", zap.String("profile", profile), zap.Error(err))
		return m
	}
	var u string
	for l := range strings.Lines(text) {
		name, value, _ := strings.Cut(l, ":")
		switch value = clean([]byte(value)); strings.TrimSpace(name) {
		case "User":
			u = user(value)
		case "Agent":
			m[u] = value
		}
	}
	return m
}

// settings asks for what the site's dialplan keeps of its devices' features.
func (a *Adapter) settings(ctx context.Context, c *conn, users []string) map[csta.DeviceID][]callmodel.Feature {
	kept := make(map[csta.DeviceID][]callmodel.Feature)
	var mu sync.Mutex
	for _, name := range []string{"do_not_disturb", "forward_immediate", "forward_busy", "forward_no_answer"} {
		t, ok := a.conf.Feat[name]
		if !ok || t.Get == "" {
			continue
		}
		each(len(users), func(i int) {
			v, err := a.ask1(ctx, c, name, t.Get, users[i])
			if err != nil {
				return
			}
			a.mu.Lock()
			p := a.stations[users[i]]
			a.mu.Unlock()
			mu.Lock()
			kept[p.id] = append(kept[p.id], v)
			mu.Unlock()
		})
	}
	return kept
}

// ask1 asks for one feature. An answer of nothing means off.
func (a *Adapter) ask1(ctx context.Context, c *conn, name, template, u string) (callmodel.Feature, error) {
	text, err := c.bgapi(ctx, a.fill(template, u, "", 0))
	var said refusal
	if errors.As(err, &said) && said.said == noReply {
		text, err = "", nil
	}
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	v, _ := a.feat.value(featureNames[name], text)
	return v, nil
}
