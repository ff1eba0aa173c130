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
	if a.t.startup != "" && a.t.startup != l.startup {
		a.log.Warn("Asterisk was restarted: all former calls are gone", zap.String("since", l.startup))
	}
	a.t.until(time.Now())
	s := a.t.rebuild(l)
	a.conn, a.reporter = conn, r
	r.Devices(a.devices())
	r.Resync(s)
	a.check()
	return seq, nil
}

// learn reads what seldom changes: rights, dialplan lines, phones.
func (a *Adapter) learn(ctx context.Context, conn *ami.Conn) error {
	list, err := conn.Do(ctx, ami.NewAction("ListCommands"))
	if err != nil {
		return err
	}
	core, err := conn.Do(ctx, ami.NewAction("CoreStatus"))
	startup := ""
	if err == nil {
		startup = core.Get("CoreStartupDate") + " " + core.Get("CoreStartupTime")
	} else if !isRefused(err) {
		return err
	}
	settings, err := conn.Do(ctx, ami.NewAction("CoreSettings"))
	if err != nil && !isRefused(err) {
		return err
	}
	a.mu.Lock()
	a.rights = map[string]bool{}
	for line := range strings.SplitSeq(list.String(), "\n") {
		if name, _, ok := strings.Cut(line, ": "); ok {
			a.rights[name] = true
		}
	}
	a.version = settings.Get("AsteriskVersion")
	if a.t.startup != startup {
		a.known = false
	}
	known := a.known
	a.mu.Unlock()
	a.complain()
	if err := a.dialplanLines(ctx, conn); err != nil {
		return err
	}
	if known {
		return nil
	}
	if err := a.readPhones(ctx, conn); err != nil {
		return err
	}
	a.mu.Lock()
	a.known = true
	a.mu.Unlock()
	return nil
}

// complain names what the account may not do.
func (a *Adapter) complain() {
	a.mu.Lock()
	var missing []string
	for _, r := range requirements {
		for _, name := range r.actions {
			if !a.rights[name] && !slices.Contains(missing, name) {
				missing = append(missing, name)
			}
		}
	}
	a.mu.Unlock()
	if len(missing) > 0 {
		a.log.Warn("the account in manager.conf may not do, or no module offers: services that need it are not offered",
			zap.Strings("actions", missing))
	}
}

// dialplanLines looks which of our lines are there.
func (a *Adapter) dialplanLines(ctx context.Context, conn *ami.Conn) error {
	lines := map[string]bool{}
	for _, exten := range []string{joinExten, holdExten, parkExten, conferenceExten + "1.1"} {
		is, err := a.extensionExists(ctx, conn, a.conf.Context, exten)
		if err != nil && !isRefused(err) {
			return err
		}
		lines[strings.TrimSuffix(exten, "1.1")] = is
	}
	a.mu.Lock()
	a.lines = lines
	a.mu.Unlock()
	return nil
}

// extensionExists asks the dialplan.
func (a *Adapter) extensionExists(ctx context.Context, conn *ami.Conn, dialplan, exten string) (bool, error) {
	if err := ami.Word.Check(dialplan); err != nil {
		return false, err
	}
	if err := ami.Number.Check(exten); err != nil {
		return false, err
	}
	r, err := conn.Do(ctx, ami.NewAction("Getvar").Fixed("Variable", fmt.Sprintf("DIALPLAN_EXISTS(%s,%s,1)", dialplan, exten)))
	return r.Get("Value") == "1", err
}

func isRefused(err error) bool {
	var no *ami.Refused
	return errors.As(err, &no)
}

// may says whether the account may do an action.
func (a *Adapter) may(action string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rights[action]
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
	if err != nil {
		return l, 0, err
	}
	l.channels = status.Items
	for _, from := range []struct {
		action string
		event  string
		into   *[]ami.Message
	}{
		{"ParkedCalls", "ParkedCall", &l.parked}, {"QueueStatus", "QueueEntry", &l.waiting}, {"DeviceStateList", "DeviceStateChange", &l.devices},
	} {
		if !a.may(from.action) {
			continue
		}
		r, err := conn.List(ctx, ami.NewAction(from.action))
		if err != nil && !isRefused(err) {
			return l, 0, err
		}
		for _, m := range r.Items {
			if m.Event() == from.event {
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

// readPhones reads who there is.
func (a *Adapter) readPhones(ctx context.Context, conn *ami.Conn) error {
	b := newBook(a.numbers, presets[a.conf.Dialplan])
	var entries []*phoneEntry
	configured := map[string]PhoneConfig{}
	for _, p := range a.conf.Phones {
		configured[p.Endpoint] = p
	}
	seen := map[string]bool{}
	enter := func(endpoint string) {
		conf, named := configured[endpoint]
		if seen[endpoint] || endpoint == "" || !named && (strings.Trim(endpoint, "0123456789") != "" || slices.Contains(a.conf.Trunks, endpoint)) {
			return
		}
		seen[endpoint] = true
		p := &phoneEntry{endpoint: endpoint, number: endpoint, name: conf.Name, context: conf.Context, mailbox: conf.Mailbox, style: conf.Style}
		if conf.Number != "" {
			p.number = conf.Number
		}
		if p.mailbox == "" {
			p.mailbox = strings.ReplaceAll(a.conf.Mailbox, "{number}", p.number)
		}
		entries = append(entries, p)
	}
	if a.may("PJSIPShowEndpoints") {
		r, err := conn.List(ctx, ami.NewAction("PJSIPShowEndpoints"))
		if err != nil && !isRefused(err) {
			return err
		}
		for _, m := range r.Items {
			enter(m.Get("ObjectName"))
		}
	}
	if a.may("DeviceStateList") { // also where PJSIPShowEndpoints isn't allowed
		r, err := conn.List(ctx, ami.NewAction("DeviceStateList"))
		if err != nil && !isRefused(err) {
			return err
		}
		for _, m := range r.Items {
			if endpoint, ok := strings.CutPrefix(m.Get("Device"), "PJSIP/"); ok {
				enter(endpoint)
			}
		}
	}
	for endpoint := range configured {
		enter(endpoint)
	}
	slices.SortFunc(entries, func(x, y *phoneEntry) int { return strings.Compare(x.endpoint, y.endpoint) })
	if err := a.readEndpoints(ctx, conn, entries); err != nil {
		return err
	}
	if err := a.readAgents(ctx, conn, entries); err != nil {
		return err
	}
	for _, p := range entries {
		b.add(p)
	}
	a.mu.Lock()
	a.t.book = b
	a.mu.Unlock()
	a.readLots(ctx, conn)
	return nil
}

// readEndpoints reads each phone's configuration: its context, its name, its groups. Several at a time, so that thousands take seconds.
func (a *Adapter) readEndpoints(ctx context.Context, conn *ami.Conn, entries []*phoneEntry) error {
	if !a.may("PJSIPShowEndpoint") {
		return nil
	}
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		first error
	)
	turns := make(chan struct{}, 16)
	for _, p := range entries {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			r, err := conn.List(ctx, ami.NewAction("PJSIPShowEndpoint").With("Endpoint", ami.Word, p.endpoint))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				if !isRefused(err) && first == nil {
					first = err
				}
				return
			}
			for _, m := range r.Items {
				if m.Event() == "EndpointDetail" {
					p.detail(m)
				}
			}
		})
	}
	wg.Wait()
	return first
}

// detail takes over what the PBX's configuration says of a phone, but for what ours says.
func (p *phoneEntry) detail(m ami.Message) {
	if p.context == "" {
		p.context = m.Get("Context")
	}
	if p.name == "" {
		name, _, _ := strings.Cut(m.Get("Callerid"), "<")
		if name = strings.Trim(strings.TrimSpace(name), `"`); name != "" && name != "unknown" {
			p.name = name
		}
	}
	if boxes := m.Get("Mailboxes"); boxes != "" {
		p.mailbox, _, _ = strings.Cut(boxes, ",")
	}
	for _, h := range []string{"CallGroup", "NamedCallGroup"} {
		p.callGroups = append(p.callGroups, splitList(m.Get(h))...)
	}
	for _, h := range []string{"PickupGroup", "NamedPickupGroup"} {
		p.pickupGroups = append(p.pickupGroups, splitList(m.Get(h))...)
	}
}

func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// readAgents reads which phones they are, by their registrations.
func (a *Adapter) readAgents(ctx context.Context, conn *ami.Conn, entries []*phoneEntry) error {
	if !a.may("PJSIPShowContacts") {
		return nil
	}
	r, err := conn.List(ctx, ami.NewAction("PJSIPShowContacts"))
	if err != nil && !isRefused(err) {
		return err
	}
	agents := map[string]string{}
	for _, m := range r.Items {
		if agent := m.Get("UserAgent"); agent != "" {
			agents[m.Get("Endpoint")] = agent
		}
	}
	for _, p := range entries {
		p.agent = agents[p.endpoint]
		p.style = a.completeStyle(p.style, p.agent)
	}
	return nil
}

// completeStyle fills in what configuration leaves open for the one phone.
func (a *Adapter) completeStyle(s Style, agent string) Style {
	row := styleOf(agent, a.conf.Styles)
	if s.Header == "" {
		s.Header, s.Value = row.Header, row.Value
	}
	if s.Notify == "" {
		s.Notify = row.Notify
	}
	return s
}

// readLots reads where calls can be parked.
func (a *Adapter) readLots(ctx context.Context, conn *ami.Conn) {
	if !a.may("Parkinglots") {
		return
	}
	r, err := conn.List(ctx, ami.NewAction("Parkinglots"))
	if err != nil {
		return
	}
	slots := map[string]string{}
	for _, m := range r.Items {
		first, last := number(m.Get("StartExten")), number(m.Get("StopExten"))
		if first == 0 {
			first, last = number(m.Get("StartSpace")), number(m.Get("StopSpace"))
		}
		for n := first; n > 0 && n <= last && n < first+1000; n++ {
			slots[fmt.Sprint(n)] = m.Get("Name")
		}
	}
	a.mu.Lock()
	a.slots = slots
	a.mu.Unlock()
}
