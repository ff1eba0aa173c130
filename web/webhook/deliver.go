package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"farhook/csta/callmodel"
	"farhook/pbxadapter/switchboard"
	"farhook/web/access"
	"farhook/web/history"
	"farhook/web/live"
)

const kind = "webhook"

func record(id, value string) access.Record { return access.Record{Kind: kind, ID: id, Value: value} }

// Config bounds deliveries.
type Config struct {
	Private   bool          // whether loopback, link-local and private addresses may be asked
	Age       time.Duration // how long a document is tried; default 24 h
	FirstWait time.Duration // after the first failure; it doubles up to LongestWait. Default 1 s
	TryWithin time.Duration // one try in all; default 10 s
	Log       *zap.Logger
}

// LongestWait is the longest between two tries, before jitter.
const LongestWait = time.Hour

const (
	atOnce      = 8       // deliveries to one receiver at a time, each of another call
	maxAnswer   = 4 << 10 // octets read of an answer
	maxRedirect = 3
)

// Deliverer sends what waits in the outbox. Its methods are safe for concurrent use.
type Deliverer struct {
	conf   Config
	db     *history.DB
	story  *live.Story
	viewer func(owner string) (live.Viewer, bool)
	client *http.Client
	log    *zap.Logger

	changing sync.Mutex // one change of the receivers at a time; taken before mu

	mu      sync.Mutex
	hooks   map[string]*Hook // a receiver is replaced, never changed
	workers map[string]*worker
	ctx     context.Context // of Run; nil: it doesn't run
	all     sync.WaitGroup
	counts  counts
}

// New reads the receivers. viewer gives the eyes of an owner; false: his rights are gone.
func New(ctx context.Context, c Config, db *history.DB, story *live.Story, viewer func(owner string) (live.Viewer, bool)) (*Deliverer, error) {
	if c.Age <= 0 {
		c.Age = 24 * time.Hour
	}
	if c.FirstWait <= 0 {
		c.FirstWait = time.Second
	}
	if c.TryWithin <= 0 {
		c.TryWithin = 10 * time.Second
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	d := &Deliverer{
		conf: c, db: db, story: story, viewer: viewer, log: c.Log,
		hooks: make(map[string]*Hook), workers: make(map[string]*worker),
	}
	d.client = d.newClient()
	records, err := db.Records(ctx, kind)
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	for _, r := range records {
		var h Hook
		if err := json.Unmarshal([]byte(r.Value), &h); err != nil {
			return nil, fmt.Errorf("webhook: the stored receiver %s: %w", r.ID, err)
		}
		d.hooks[h.ID] = &h
	}
	if err := db.DropOthers(ctx, slices.Collect(maps.Keys(d.hooks))); err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	return d, nil
}

// newClient is an HTTP client that connects to no address that is not public, unless it is allowed to: the address is looked at when it is connected to, so
// that no answer of a name server gets around it. It uses no proxy, and follows redirects within one host only.
func (d *Deliverer) newClient() *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if !d.conf.Private && forbidden(ap.Addr()) {
			return fmt.Errorf("%s is no public address, and web.webhooks.private is not set", ap.Addr())
		}
		return nil
	}}
	return &http.Client{
		Timeout: d.conf.TryWithin,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: d.conf.TryWithin, MaxIdleConnsPerHost: atOnce,
			IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 16 << 10, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			first := via[0].URL
			if r.Method != http.MethodPost {
				return errors.New("a redirect that would lose the document: 307 and 308 keep it")
			}
			if r.URL.Host != first.Host || r.URL.Scheme != first.Scheme {
				return fmt.Errorf("a redirect to another host, %s", r.URL.Host)
			}
			if len(via) > maxRedirect {
				return errors.New("too many redirects")
			}
			return nil
		},
	}
}

// special are the ranges that are reached from here and mean something else than the public network (RFC 6890, RFC 6052, RFC 3056).
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("fec0::/10"),
}

// forbidden says whether an address is not one of the public network.
func forbidden(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || ip.IsInterfaceLocalMulticast() {
		return true
	}
	for _, p := range special {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// Outgoing are the documents that an entry sends out: one for each receiver that wants it and whose owner may see it.
func (d *Deliverer) Outgoing(e switchboard.Entry) []history.Sending {
	d.mu.Lock()
	hooks := make([]*Hook, 0, len(d.hooks))
	for _, h := range d.hooks {
		if h.Disabled == "" {
			hooks = append(hooks, h)
		}
	}
	d.mu.Unlock()
	var out []history.Sending
	for _, h := range hooks {
		if !h.wants(e) {
			continue
		}
		v, ok := d.viewer(h.Owner)
		if !ok {
			continue
		}
		enc, ok, err := d.story.Encoded(v, live.Filter{Devices: h.Devices}, e)
		if err != nil {
			d.log.Error("a document can't be encoded", zap.Error(err))
		}
		if err != nil || !ok {
			continue
		}
		out = append(out, history.Sending{Webhook: h.ID, Message: "evt_" + enc.Position, Ordered: threads(e), Document: enc.JSON})
	}
	return out
}

// Gap are the documents that tell every receiver that something is lost to it: it looks at what there is, by REST, and goes on from there.
func (d *Deliverer) Gap(reason string) []history.Sending {
	d.mu.Lock()
	defer d.mu.Unlock()
	var ids []string
	for _, h := range d.hooks {
		if h.Disabled == "" {
			ids = append(ids, h.ID)
		}
	}
	return d.gap(reason, ids...)
}

func (d *Deliverer) gap(reason string, hooks ...string) (out []history.Sending) {
	enc, err := live.Encode(d.story.Gap(reason))
	if err != nil {
		d.log.Error("a document can't be encoded", zap.Error(err))
		return nil
	}
	for _, id := range hooks {
		out = append(out, history.Sending{Webhook: id, Message: "evt_" + enc.Position, Ordered: "gap", Document: enc.JSON})
	}
	return out
}

// wants says whether a receiver asked for an event.
func (h *Hook) wants(e switchboard.Entry) bool {
	if e.Seq <= h.after || !(live.Filter{Kinds: h.Kinds}).Wants(e) {
		return false
	}
	if _, many := e.Beside.(switchboard.DevicesChanged); many && len(h.Kinds) == 0 {
		return false // whoever wants to hear of all devices at each start says so
	}
	if len(h.Devices) == 0 {
		return true
	}
	return slices.ContainsFunc(e.Audience, func(s callmodel.Seat) bool { return slices.Contains(h.Devices, s.Device) })
}

// threads name what must stay in order: the calls of an event, else its device.
func threads(e switchboard.Entry) string {
	var all []string
	for _, c := range e.Calls {
		all = append(all, string(c))
	}
	if len(all) == 0 {
		for _, s := range e.Audience {
			all = append(all, string(s.Device))
		}
	}
	return strings.Join(all, "\n")
}

// Run delivers until ctx ends.
func (d *Deliverer) Run(ctx context.Context) error {
	d.mu.Lock()
	d.ctx = ctx
	ids := make([]string, 0, len(d.hooks))
	for id := range d.hooks {
		ids = append(ids, id)
	}
	d.mu.Unlock()
	for _, id := range ids {
		d.start(id)
	}
	<-ctx.Done()
	d.mu.Lock()
	d.ctx, d.workers = nil, make(map[string]*worker)
	d.mu.Unlock()
	d.all.Wait()
	d.client.CloseIdleConnections()
	return nil
}

// start runs a receiver's worker, unless it runs.
func (d *Deliverer) start(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx == nil || d.workers[id] != nil || d.hooks[id] == nil {
		return
	}
	ctx, cancel := context.WithCancel(d.ctx)
	w := &worker{d: d, hook: id, cancel: cancel, news: make(chan struct{}, 1), queue: newQueue(), came: make(chan outcome, atOnce)}
	d.workers[id] = w
	d.all.Go(func() {
		defer cancel()
		w.run(ctx)
	})
}

// Wake lets the workers look at the outbox.
func (d *Deliverer) Wake() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.workers {
		w.wake()
	}
}

// post makes one request. wait is how long the receiver asks to be left alone.
func (d *Deliverer) post(ctx context.Context, h Hook, q history.Queued) (wait time.Duration, err error) {
	body := []byte(q.Body)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	now := time.Now()
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "farhook")
	r.Header.Set("webhook-id", q.Message)
	r.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	r.Header.Set("webhook-signature", h.Sign(q.Message, now, body))
	res, err := d.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer)
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
		return 0, nil
	case res.StatusCode == http.StatusGone:
		return 0, errGone
	}
	if n, aerr := strconv.Atoi(res.Header.Get("Retry-After")); aerr == nil && n > 0 {
		wait = min(time.Duration(n)*time.Second, LongestWait)
	}
	return wait, fmt.Errorf("it answered %s", res.Status)
}

// errGone is the answer of a receiver that wants nothing any more (Standard Webhooks: the sender disables it).
var errGone = errors.New("it answered 410 Gone")

// Dead lists the documents that were put aside.
func (d *Deliverer) Dead(ctx context.Context, id, after string, limit int) ([]history.Queued, error) {
	return d.db.Dead(ctx, id, after, limit)
}

// Redeliver sends documents again that were put aside: one, or all where message is empty. It gives how many. A receiver that is disabled is so no longer, and is
// told that what happened meanwhile is lost to it.
func (d *Deliverer) Redeliver(ctx context.Context, id, message string) (int64, error) {
	d.changing.Lock()
	defer d.changing.Unlock()
	n, err := d.db.Redeliver(ctx, id, message)
	if h := d.get(id); err == nil && h != nil && h.Disabled != "" {
		h.Disabled = ""
		if err = d.put(ctx, *h); err == nil {
			err = d.db.Send(ctx, d.gap("nothing was sent while the webhook was disabled", id)...)
		}
	}
	d.mu.Lock()
	w := d.workers[id]
	d.mu.Unlock()
	if w != nil {
		w.anew.Store(true)
		w.wake()
	}
	return n, err
}
