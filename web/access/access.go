package access

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
)

// Gateway is the gateway itself, which sees everything: for the history.
var Gateway = switchboard.Gateway

// localID is who comes where there is no sign-in.
const localID = "local"

// Identity is who a request comes from, with what it may. It stays good until Done is closed: its holder then asks again.
type Identity struct {
	ID     string // of the principal: token:…, user:…, oidc:…, local
	Name   string // for people
	CSRF   string // what an unsafe request must show, where a cookie says who it is; empty: nothing
	Expiry time.Time
	*rights
	limit *limit
	done  chan struct{}
}

// Principal is the identity as the switchboard knows it.
func (i *Identity) Principal(peer string) switchboard.Principal {
	p := switchboard.Principal{User: i.ID, Via: "http", Peer: peer}
	if len(i.grant.OwnLines) == 1 {
		p.Line = i.grant.OwnLines[0]
	}
	return p
}

// Grant is what it may, in all.
func (i *Identity) Grant() Grant { return i.grant }

// Has says whether it has a scope.
func (i *Identity) Has(s Scope) bool { return i.grant.Has(s) }

// Parties says whether it may be seen with whom a device speaks.
func (i *Identity) Parties(d csta.DeviceID) bool { return i.parties(d) }

// AllParties says whether everything of everybody may be seen.
func (i *Identity) AllParties() bool {
	return slices.ContainsFunc(i.roles, func(r role) bool { return r.AllDevices && r.Has(ObserveParties) })
}

// Own says whether a line is the holder's own. Where there is no sign-in, whoever sits at this machine owns them all.
func (i *Identity) Own(d csta.DeviceID) bool {
	return i.ID == localID || slices.Contains(i.grant.OwnLines, d)
}

// Done is closed when the identity, or what it may, is no longer what it was.
func (i *Identity) Done() <-chan struct{} { return i.done }

// limit is a token bucket of requests.
type limit struct {
	perMinute int
	bucket    *rate.Limiter
}

func newLimit(perMinute int) *limit {
	return &limit{perMinute, rate.NewLimiter(rate.Limit(float64(perMinute)/60), max(perMinute/6, 10))}
}

// Usage is how much of a limit is left.
type Usage struct {
	Limit     int           // requests in Window
	Remaining int           // at once
	Window    time.Duration // in which Limit comes back
	Retry     time.Duration // after a refusal: when to try again
}

// Take counts one request. false: it is one too many. A limit of 0 counts nothing.
func (i *Identity) Take(now time.Time) (Usage, bool) {
	if i.limit == nil {
		return Usage{}, true
	}
	b := i.limit.bucket
	u := Usage{Limit: b.Burst(), Window: time.Duration(float64(b.Burst()) / float64(b.Limit()) * float64(time.Second))}
	ok := b.AllowN(now, 1)
	left := b.TokensAt(now)
	u.Remaining = max(int(left), 0)
	if !ok {
		u.Retry = time.Duration((1-left)/float64(b.Limit())*float64(time.Second)) + time.Millisecond
	}
	return u, ok
}

type identityKey struct{}

// With puts an identity into a context.
func With(ctx context.Context, i *Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, i)
}

// From is the identity of a request; nil: nobody's.
func From(ctx context.Context) *Identity {
	i, _ := ctx.Value(identityKey{}).(*Identity)
	return i
}

// Access knows everybody. Its methods are safe for concurrent use.
type Access struct {
	conf    Config
	store   Store // nil: nobody signs in
	resolve func(string) (csta.DeviceID, error)
	members func(csta.DeviceID) []csta.DeviceID
	now     func() time.Time

	known atomic.Pointer[map[string]*Identity] // by ID; replaced as a whole

	refreshing sync.Mutex // one at a time: what was read first is taken over first

	mu      sync.Mutex
	changed chan struct{}
	book                    // what is stored
	seats   map[string]seat // by hash of their cookies
}

// seat is a session that somebody has come with: an identity of its own, which ends with the session as well as with the rights it was made of.
type seat struct{ of, own *Identity }

// Config is how people come in.
type Config struct {
	Open      bool // no sign-in: whoever reaches us may do everything. For loopback only
	PerMinute int  // requests a minute of one identity; 0: no limit
	Session   time.Duration
}

// New makes it. store may be nil where the configuration says Open.
func New(c Config, store Store) (*Access, error) {
	a := &Access{conf: c, store: store, now: time.Now, changed: make(chan struct{}), seats: make(map[string]seat)}
	if c.Session <= 0 {
		a.conf.Session = 12 * time.Hour
	}
	a.known.Store(&map[string]*Identity{})
	if c.Open {
		a.replace(map[string]*Identity{localID: local()})
	}
	if store == nil {
		return a, nil
	}
	return a, a.Refresh(context.Background())
}

// Open lets everybody in who reaches us, as the operator.
func Open() *Access {
	a, _ := New(Config{Open: true}, nil) // it reads nothing
	return a
}

// May is the rule of switchboard.Policy for those who come by HTTP.
func (a *Access) May(who switchboard.Principal, right csta.Right, d csta.DeviceID) bool {
	if who.User == Gateway.User {
		return right == csta.Observe
	}
	i := a.Known(who.User)
	return i != nil && i.may(right, d)
}

// Changed is closed when rights may have changed.
func (a *Access) Changed() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.changed
}

// Known finds an identity by the ID of its principal; nil: it is gone.
func (a *Access) Known(id string) *Identity {
	return (*a.known.Load())[id]
}

// local is who comes where there is no sign-in.
func local() *Identity {
	return &Identity{ID: localID, Name: "operator", rights: ready(nil, Everything()), done: make(chan struct{})}
}

// replace takes a new set of identities over, and ends those that changed. The caller holds the lock, or nobody else has it yet.
func (a *Access) replace(known map[string]*Identity) {
	before := *a.known.Load()
	moved := len(known) != len(before)
	var ended []*Identity
	for id, old := range before {
		if now := known[id]; now != nil && now.same(old) {
			known[id] = old
			continue
		}
		moved = true
		ended = append(ended, old)
	}
	a.known.Store(&known)
	for _, old := range ended {
		close(old.done)
	}
	if moved {
		close(a.changed)
		a.changed = make(chan struct{})
	}
}

func (i *Identity) same(o *Identity) bool {
	return i.Name == o.Name && slices.EqualFunc(i.roles, o.roles, func(a, b role) bool { return a.equal(b.Grant) && maps.Equal(a.devices, b.devices) })
}

func (g Grant) equal(o Grant) bool {
	return slices.Equal(g.Scopes, o.Scopes) && g.AllDevices == o.AllDevices && slices.Equal(g.Devices, o.Devices) && slices.Equal(g.OwnLines, o.OwnLines) &&
		slices.Equal(g.Allow, o.Allow) && slices.Equal(g.Deny, o.Deny) && g.PerMinute == o.PerMinute
}

// MayObserve says whether a device's state may be seen.
func (i *Identity) MayObserve(d csta.DeviceID) bool { return i.may(csta.Observe, d) }
