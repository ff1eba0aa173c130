package asterisk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"farhook/pbxadapter/asterisk/ami"
)

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
		if p.mailbox == "" {
			p.mailbox = strings.ReplaceAll(a.conf.Mailbox, "{number}", p.number)
		}
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
	if p.mailbox == "" {
		p.mailbox, _, _ = strings.Cut(m.Get("Mailboxes"), ",")
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
