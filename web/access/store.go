package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"farhook/csta"
)

// Record is one stored thing: its kind, its name, and its value as JSON.
type Record struct{ Kind, ID, Value string }

// Store keeps records. Put and Delete return when they are on disk.
type Store interface {
	// Records lists everything of some kinds, and the version of what there is: the same number means that nothing has changed.
	Records(ctx context.Context, kinds ...string) ([]Record, error)
	Version(ctx context.Context) (int64, error)
	Put(ctx context.Context, r Record) error
	Delete(ctx context.Context, kind, id string) (bool, error)
}

// The kinds of record.
const (
	kindToken   = "token"
	kindUser    = "user"
	kindSession = "session"
)

// Errors of administration.
var (
	ErrUnknown = errors.New("access: there is none of that name")
	ErrExists  = errors.New("access: there is one of that name already")
	ErrNoStore = errors.New("access: there is no sign-in here, so there are neither tokens nor users")
)

// book is what is stored, read.
type book struct {
	version  int64
	tokens   map[string]Token // by hash
	users    map[string]User  // by name
	sessions map[string]session
}

// Token is an opaque bearer token as it is stored: without its secret.
type Token struct {
	ID      string    `json:"id" doc:"Its name in logs, in history and here"`
	Note    string    `json:"note,omitempty" maxLength:"200" doc:"What it is for"`
	Grant   Grant     `json:"grant"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero" doc:"When it ends; absent: never"`
	By      string    `json:"by,omitempty" doc:"Who made it"`
	Hash    string    `json:"hash,omitempty" doc:"Never shown"`
}

// tokenPrefix lets people and scanners know one when they see it.
const tokenPrefix = "fhk_"

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// NewToken makes a token and gives its secret, which is shown this once.
func (a *Access) NewToken(ctx context.Context, t Token) (Token, string, error) {
	if a.store == nil {
		return t, "", ErrNoStore
	}
	if strings.ContainsFunc(t.Note, unicode.IsControl) {
		return t, "", ErrNote
	}
	if err := t.Grant.Check(); err != nil {
		return t, "", err
	}
	secret := tokenPrefix + rand.Text() + rand.Text()
	t.ID, t.Created, t.Hash = strings.ToLower(rand.Text()[:12]), a.now().UTC().Truncate(time.Second), hash(secret)
	if err := a.put(ctx, kindToken, t.ID, t); err != nil {
		return t, "", err
	}
	t.Hash = ""
	return t, secret, nil
}

// Tokens lists them, without hashes, sorted by ID.
func (a *Access) Tokens() []Token {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]Token, 0, len(a.tokens))
	for _, t := range a.tokens {
		t.Hash = ""
		list = append(list, t)
	}
	sortBy(list, func(t Token) string { return t.ID })
	return list
}

// DeleteToken ends a token at once.
func (a *Access) DeleteToken(ctx context.Context, id string) error {
	return a.remove(ctx, kindToken, id)
}

func (a *Access) put(ctx context.Context, kind, id string, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if err := a.store.Put(ctx, Record{kind, id, string(b)}); err != nil {
		return fmt.Errorf("access: storing the %s %s: %w", kind, id, err)
	}
	return a.Refresh(ctx)
}

func (a *Access) remove(ctx context.Context, kind, id string) error {
	if a.store == nil {
		return ErrNoStore
	}
	was, err := a.store.Delete(ctx, kind, id)
	if err != nil {
		return fmt.Errorf("access: deleting the %s %s: %w", kind, id, err)
	}
	if !was {
		return ErrUnknown
	}
	return a.Refresh(ctx)
}

// Refresh reads what is stored again. Rights that are gone end their streams.
func (a *Access) Refresh(ctx context.Context) error {
	if a.store == nil {
		return nil
	}
	a.refreshing.Lock()
	defer a.refreshing.Unlock()
	version, err := a.store.Version(ctx)
	if err != nil {
		return fmt.Errorf("access: %w", err)
	}
	records, err := a.store.Records(ctx, kindToken, kindUser, kindSession)
	if err != nil {
		return fmt.Errorf("access: %w", err)
	}
	b := book{version: version, tokens: make(map[string]Token), users: make(map[string]User), sessions: make(map[string]session)}
	for _, r := range records {
		if err := b.read(r); err != nil {
			return fmt.Errorf("access: the stored %s %s: %w", r.Kind, r.ID, err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.book = b
	a.settle()
	return nil
}

func (b *book) read(r Record) error {
	switch r.Kind {
	case kindToken:
		var t Token
		if err := json.Unmarshal([]byte(r.Value), &t); err != nil {
			return err
		}
		b.tokens[t.Hash] = t
	case kindUser:
		var u User
		if err := json.Unmarshal([]byte(r.Value), &u); err != nil {
			return err
		}
		b.users[u.Name] = u
	case kindSession:
		var s session
		if err := json.Unmarshal([]byte(r.Value), &s); err != nil {
			return err
		}
		b.sessions[r.ID] = s
	}
	return nil
}

// settle makes identities of what is stored. The caller holds the lock.
func (a *Access) settle() {
	now := a.now()
	known := make(map[string]*Identity)
	if a.conf.Open {
		known[localID] = (*a.known.Load())[localID]
	}
	for _, t := range a.tokens {
		if t.Expires.IsZero() || t.Expires.After(now) {
			a.enter(known, Identity{ID: "token:" + t.ID, Name: t.Note, Expiry: t.Expires}, t.Grant)
		}
	}
	for _, u := range a.users {
		if !u.Disabled {
			a.enter(known, Identity{ID: "user:" + u.Name, Name: u.Name}, u.Grant)
		}
	}
	for _, s := range a.sessions {
		if old := known[s.ID]; len(s.Roles) > 0 && s.Expires.After(now) && (old == nil || old.Expiry.Before(s.Expires)) {
			a.enter(known, Identity{ID: s.ID, Name: s.Name, Expiry: s.Expires}, a.here(s.Roles, s.Lines)...)
		}
	}
	a.replace(known)
	for h, x := range a.seats {
		if s, ok := a.sessions[h]; !ok || !s.Expires.After(now) || known[s.ID] != x.of {
			close(x.own.done)
			delete(a.seats, h)
		}
	}
}

// here are roles with devices as they are called here, and with the devices that numbers mean now as own lines: they follow the PBXs and the directory.
// The caller holds the lock.
func (a *Access) here(roles []Grant, numbers []string) []Grant {
	if a.resolve == nil {
		return roles
	}
	var own []csta.DeviceID
	for _, n := range numbers {
		if d, err := a.resolve(n); err == nil {
			own = append(own, d)
		}
	}
	roles = slices.Clone(roles)
	for i := range roles {
		r := &roles[i]
		r.OwnLines = with(slices.Clone(r.OwnLines), own)
		r.Devices = slices.Clone(r.Devices)
		for j, spelling := range r.Devices {
			if d, err := a.resolve(string(spelling)); err == nil {
				r.Devices[j] = d
			}
		}
	}
	return roles
}

func (a *Access) enter(known map[string]*Identity, i Identity, roles ...Grant) {
	i.rights, i.done = ready(a.members, roles...), make(chan struct{})
	if perMinute := cmp.Or(i.grant.PerMinute, a.conf.PerMinute); perMinute > 0 {
		i.limit = newLimit(perMinute)
	}
	known[i.ID] = &i
}

// refreshEvery is how long a right may outlive its withdrawal by another process, and a group its change.
const refreshEvery = 2 * time.Second

// Run looks after what other processes change, what expires and what groups hold, until ctx ends.
func (a *Access) Run(ctx context.Context) error {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			a.tick(ctx)
		}
	}
}

func (a *Access) tick(ctx context.Context) {
	if a.store == nil {
		return
	}
	version, err := a.store.Version(ctx)
	if err != nil {
		return // the next tick tries again; what was read stays good
	}
	a.mu.Lock()
	same := version == a.version
	if same {
		a.settle()
	}
	a.mu.Unlock()
	if !same {
		_ = a.Refresh(ctx)
	}
}

// Bearer finds who holds a token; nil: nobody, any more.
func (a *Access) Bearer(secret string) *Identity {
	if !strings.HasPrefix(secret, tokenPrefix) || len(secret) > 200 {
		return nil
	}
	h := hash(secret)
	a.mu.Lock()
	t, ok := a.tokens[h]
	a.mu.Unlock()
	if !ok || !t.Expires.IsZero() && !t.Expires.After(a.now()) {
		return nil
	}
	return a.Known("token:" + t.ID)
}

// Nobody is who comes without showing anything: the operator, where there is no sign-in; nil elsewhere.
func (a *Access) Nobody() *Identity { return a.Known(localID) }

// PartyLines are the devices of which it may be seen with whom they speak, sorted: nil where that is all of them.
func (i *Identity) PartyLines() []csta.DeviceID {
	if i.AllParties() {
		return nil
	}
	list := []csta.DeviceID{}
	for _, r := range i.roles {
		if r.Has(ObserveParties) {
			list = slices.AppendSeq(list, maps.Keys(r.devices))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
