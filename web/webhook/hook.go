// Package webhook delivers the documents of the stream to programs that can't hold one open: signed as Standard Webhooks lays down, in order per call,
// at least once from the outbox on, with growing jittered waits up to an age; then they are put aside, where they are listed and can be sent again.
//
// One receiver that is dead or slow holds up nobody but itself; a document that it doesn't take holds up those of the same call alone.
package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
)

// Hook is one receiver.
type Hook struct {
	ID       string          `json:"id"`
	URL      string          `json:"url" doc:"Where documents are posted to"`
	Note     string          `json:"note,omitempty"`
	Owner    string          `json:"owner" doc:"Whose rights it has: it ends with them"`
	Devices  []csta.DeviceID `json:"devices,omitempty" doc:"Only events of these devices"`
	Kinds    []string        `json:"kinds,omitempty" doc:"Only these: call, feature, service, note, device, or names of events; absent: all but device"`
	Created  time.Time       `json:"created"`
	Secrets  []Secret        `json:"secrets,omitempty" doc:"Never shown"`
	Disabled string          `json:"disabled,omitempty" doc:"Why nothing is sent any more: the receiver answered 410 Gone. What waited for it was put aside; redeliver begins again"`

	after switchboard.Seq // what the journal had when it was made, by this process: that is not for it
}

// Secret signs until it ends; zero: it is the present one.
type Secret struct {
	Text string    `json:"text"`
	Ends time.Time `json:"ends,omitzero"`
}

// secretPrefix is that of Standard Webhooks.
const secretPrefix = "whsec_"

func newSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(b)
}

// Sign is the value of webhook-signature: one signature for each secret that is good at the time.
func (h Hook) Sign(id string, at time.Time, body []byte) string {
	var all []string
	for _, s := range h.Secrets {
		if !s.Ends.IsZero() && !at.Before(s.Ends) {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Text, secretPrefix))
		if err != nil {
			continue
		}
		m := hmac.New(sha256.New, key)
		m.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		m.Write(body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(m.Sum(nil)))
	}
	return strings.Join(all, " ")
}

// mostHooks is how many receivers one owner may have: each costs a document for every event.
const mostHooks = 50

// Errors of administration.
var (
	ErrUnknown = errors.New("webhook: there is none of that name")
	ErrURL     = errors.New("webhook: the URL")
	ErrMany    = fmt.Errorf("webhook: there are %d already, which is as many as one owner may have: delete one", mostHooks)
)

// checkURL says what is wrong with a receiver's URL, as far as it can be said before the name is looked up.
func checkURL(text string, private bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return fmt.Errorf("%w %q is none", ErrURL, text)
	case u.User != nil:
		return fmt.Errorf("%w must hold neither user nor password", ErrURL)
	case u.Scheme != "https" && (u.Scheme != "http" || !private):
		return fmt.Errorf("%w must be https", ErrURL)
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !private && forbidden(ip) {
		return fmt.Errorf("%w: %s is no public address", ErrURL, ip)
	}
	return nil
}

// Hooks lists the receivers, sorted by ID, without secrets.
func (d *Deliverer) Hooks() []Hook {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]Hook, 0, len(d.hooks))
	for _, h := range d.hooks {
		x := *h
		x.Secrets = nil
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b Hook) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// Find is one receiver, without secrets.
func (d *Deliverer) Find(id string) (Hook, bool) {
	h := d.get(id)
	if h == nil {
		return Hook{}, false
	}
	h.Secrets = nil
	return *h, true
}

// get is a copy of a receiver; nil: there is none.
func (d *Deliverer) get(id string) *Hook {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.hooks[id]
	if h == nil {
		return nil
	}
	c := *h
	return &c
}

// Add makes a receiver, and gives its secret, which is shown this once.
func (d *Deliverer) Add(ctx context.Context, h Hook) (Hook, string, error) {
	if err := checkURL(h.URL, d.conf.Private); err != nil {
		return h, "", err
	}
	d.changing.Lock()
	defer d.changing.Unlock()
	d.mu.Lock()
	n := 0
	for _, o := range d.hooks {
		if o.Owner == h.Owner {
			n++
		}
	}
	d.mu.Unlock()
	if n >= mostHooks {
		return h, "", ErrMany
	}
	h.after = d.story.Last()
	h.ID, h.Created, h.Disabled = strings.ToLower(rand.Text()[:12]), time.Now().UTC().Truncate(time.Second), ""
	secret := newSecret()
	h.Secrets = []Secret{{Text: secret}}
	if err := d.put(ctx, h); err != nil {
		return h, "", err
	}
	h.Secrets = nil
	return h, secret, nil
}

// rotation is how long the old secret signs beside the new one.
const rotation = 24 * time.Hour

// Rotate gives a receiver a new secret. The old one signs too for a day.
func (d *Deliverer) Rotate(ctx context.Context, id string) (string, error) {
	d.changing.Lock()
	defer d.changing.Unlock()
	h := d.get(id)
	if h == nil {
		return "", ErrUnknown
	}
	now := time.Now().UTC()
	secret := newSecret()
	fresh := []Secret{{Text: secret}}
	for _, s := range h.Secrets {
		if s.Ends.IsZero() {
			s.Ends = now.Add(rotation)
		}
		if s.Ends.After(now) {
			fresh = append(fresh, s)
		}
	}
	h.Secrets = fresh[:min(len(fresh), 4)]
	return secret, d.put(ctx, *h)
}

// disable ends deliveries to a receiver that wants none any more; what waits for it is put aside.
func (d *Deliverer) disable(ctx context.Context, id string, why error) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	h := d.get(id)
	if h == nil || h.Disabled != "" {
		return nil
	}
	h.Disabled = why.Error()
	d.mu.Lock()
	d.hooks[id] = h // at once, whatever the disk says
	d.mu.Unlock()
	d.log.Warn("a webhook is disabled", zap.String("webhook", id), zap.Error(why))
	if err := d.put(ctx, *h); err != nil {
		return err
	}
	return d.db.PutAside(ctx, id, h.Disabled)
}

// Delete takes a receiver away, and what waits for it.
func (d *Deliverer) Delete(ctx context.Context, id string) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	was, err := d.db.Delete(ctx, kind, id)
	switch {
	case err != nil:
		return fmt.Errorf("webhook: %w", err)
	case !was:
		return ErrUnknown
	}
	d.mu.Lock()
	delete(d.hooks, id)
	if w := d.workers[id]; w != nil {
		w.cancel()
		delete(d.workers, id)
	}
	d.mu.Unlock()
	return d.db.Drop(ctx, id)
}

func (d *Deliverer) put(ctx context.Context, h Hook) error {
	b, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := d.db.Put(ctx, record(h.ID, string(b))); err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	d.mu.Lock()
	d.hooks[h.ID] = &h
	d.mu.Unlock()
	d.start(h.ID)
	return nil
}
