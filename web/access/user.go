package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
)

// User is a local user as stored.
type User struct {
	Name     string    `json:"name" doc:"What the user signs in with"`
	Grant    Grant     `json:"grant"`
	Disabled bool      `json:"disabled,omitempty"`
	Created  time.Time `json:"created"`
	Password string    `json:"password,omitempty" doc:"argon2id, PHC string; never shown"`
}

// session is a browser that has signed in. Its record's ID is the hash of the cookie.
type session struct {
	ID      string    `json:"id"`              // of the identity
	Name    string    `json:"name"`            // for people
	CSRF    string    `json:"csrf"`            //
	Expires time.Time `json:"expires"`         //
	Roles   []Grant   `json:"roles,omitempty"` // what an OpenID provider's claims give; none: a local user, whose record says it
	Lines   []string  `json:"lines,omitempty"` // numbers of the user's own lines, as the provider spells them
}

// Parameters of argon2id (RFC 9106, second recommended option, with one lane): 64 MiB, 3 passes.
const (
	argonTime   = 3
	argonMemory = 64 << 10
	argonLanes  = 1
	minPassword = 10
	maxPassword = 1000
)

// ErrNote says that a token's note is no line of text.
var ErrNote = errors.New("access: note: control characters are in it")

// ErrPassword says that a password is no good.
var ErrPassword = fmt.Errorf("access: a password has %d to %d octets", minPassword, maxPassword)

// ErrBusy says that too many passwords are being checked already.
var ErrBusy = errors.New("access: too many are signing in at once: try again in a few seconds")

// maxHashing is how many wait for their password to be computed: each costs a good part of a second, and whoever comes later would wait for nothing.
const maxHashing = 16

// hashing bounds how many passwords are computed at a time: each takes 64 MiB; waiting bounds who waits for that.
var (
	hashing = make(chan struct{}, 2)
	waiting = make(chan struct{}, maxHashing)
)

func derive(ctx context.Context, password string, salt []byte, passes, memory uint32, lanes uint8, size uint32) ([]byte, error) {
	select {
	case waiting <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	select {
	case hashing <- struct{}{}:
		<-waiting
	case <-ctx.Done():
		<-waiting
		return nil, fmt.Errorf("access: %w", ctx.Err())
	}
	defer func() { <-hashing }()
	return argon2.IDKey([]byte(password), salt, passes, memory, lanes, size), nil
}

func hashPassword(ctx context.Context, password string) (string, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	key, err := derive(ctx, password, salt, argonTime, argonMemory, argonLanes, 32)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonLanes, b64.EncodeToString(salt), b64.EncodeToString(key)), err
}

// checkPassword says whether a password is the one of a PHC string.
func checkPassword(ctx context.Context, phc, password string) (bool, error) {
	var version int
	var memory, passes uint32
	var lanes uint8
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, nil
	}
	if n, err := fmt.Sscanf(parts[2], "v=%d", &version); n != 1 || err != nil || version != argon2.Version {
		return false, nil
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); n != 3 || err != nil || memory > 1<<20 || passes > 20 || lanes == 0 {
		return false, nil
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if errors.Join(err1, err2) != nil || len(key) == 0 || len(key) > 128 {
		return false, nil
	}
	ours, err := derive(ctx, password, salt, passes, memory, lanes, uint32(len(key)))
	return err == nil && subtle.ConstantTimeCompare(ours, key) == 1, err
}

// userName says whether a name may be one.
func userName(s string) bool {
	return len(s) > 0 && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
	})
}

// PutUser makes a user, or changes one. An empty password keeps the one there is.
func (a *Access) PutUser(ctx context.Context, u User, password string, fresh bool) (User, error) {
	if a.store == nil {
		return u, ErrNoStore
	}
	if !userName(u.Name) {
		return u, fmt.Errorf("access: %q is no user name: 1 to 64 of a-z, 0-9, -, . and _", u.Name)
	}
	if err := u.Grant.Check(); err != nil {
		return u, err
	}
	a.mu.Lock()
	old, exists := a.users[u.Name]
	a.mu.Unlock()
	switch {
	case fresh && exists:
		return u, ErrExists
	case !fresh && !exists:
		return u, ErrUnknown
	case password == "" && exists:
		u.Password, u.Created = old.Password, old.Created
	case len(password) < minPassword || len(password) > maxPassword:
		return u, ErrPassword
	default:
		var err error
		if u.Password, err = hashPassword(ctx, password); err != nil {
			return u, err
		}
		u.Created = a.now().UTC().Truncate(time.Second)
		if exists {
			u.Created = old.Created
		}
	}
	if err := a.put(ctx, kindUser, u.Name, u); err != nil {
		return u, err
	}
	if password != "" && exists {
		if err := a.endSessions(ctx, "user:"+u.Name); err != nil {
			return u, err
		}
	}
	u.Password = ""
	return u, nil
}

// Users lists them, without passwords, sorted by name.
func (a *Access) Users() []User {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]User, 0, len(a.users))
	for _, u := range a.users {
		u.Password = ""
		list = append(list, u)
	}
	sortBy(list, func(u User) string { return u.Name })
	return list
}

// DeleteUser takes a user away, and ends the sessions.
func (a *Access) DeleteUser(ctx context.Context, name string) error {
	if err := a.remove(ctx, kindUser, name); err != nil {
		return err
	}
	return a.endSessions(ctx, "user:"+name)
}

func (a *Access) endSessions(ctx context.Context, id string) error {
	a.mu.Lock()
	var gone []string
	for h, s := range a.sessions {
		if s.ID == id {
			gone = append(gone, h)
		}
	}
	a.mu.Unlock()
	for _, h := range gone {
		if _, err := a.store.Delete(ctx, kindSession, h); err != nil {
			return fmt.Errorf("access: ending a session: %w", err)
		}
	}
	return a.Refresh(ctx)
}

// SignIn checks a local user's password and opens a session: the cookie's value, and who it is. ErrUnknown where name or password is wrong; it
// takes as long either way.
func (a *Access) SignIn(ctx context.Context, name, password string) (cookie string, who *Identity, err error) {
	if a.store == nil {
		return "", nil, ErrNoStore
	}
	if len(password) > maxPassword {
		return "", nil, ErrUnknown
	}
	a.mu.Lock()
	u, ok := a.users[name]
	a.mu.Unlock()
	phc := u.Password
	if !ok {
		phc = noPassword
	}
	switch good, err := checkPassword(ctx, phc, password); {
	case err != nil:
		return "", nil, err
	case !good || !ok || u.Disabled:
		return "", nil, ErrUnknown
	}
	return a.openSession(ctx, session{ID: "user:" + name, Name: name})
}

// noPassword is a hash that no password has, as dear to check as any.
const noPassword = "$argon2id$v=19$m=65536,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// openSession stores a session and gives its cookie.
func (a *Access) openSession(ctx context.Context, s session) (string, *Identity, error) {
	secret := rand.Text() + rand.Text()
	s.CSRF, s.Expires = rand.Text(), a.now().Add(a.conf.Session).UTC()
	if err := a.sweep(ctx); err != nil {
		return "", nil, err
	}
	if err := a.put(ctx, kindSession, hash(secret), s); err != nil {
		return "", nil, err
	}
	i := a.Cookie(secret)
	if i == nil {
		return "", nil, ErrUnknown
	}
	return secret, i, nil
}

// sweep takes expired sessions away.
func (a *Access) sweep(ctx context.Context) error {
	now := a.now()
	a.mu.Lock()
	var gone []string
	for h, s := range a.sessions {
		if !s.Expires.After(now) {
			gone = append(gone, h)
		}
	}
	a.mu.Unlock()
	for _, h := range gone {
		if _, err := a.store.Delete(ctx, kindSession, h); err != nil {
			return fmt.Errorf("access: ending a session: %w", err)
		}
	}
	return nil
}

// Cookie finds whose session a cookie is; nil: none that is still good.
func (a *Access) Cookie(secret string) *Identity {
	if len(secret) > 200 {
		return nil
	}
	h := hash(secret)
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.sessions[h]
	if !ok || !s.Expires.After(a.now()) {
		return nil
	}
	known := a.Known(s.ID)
	if known == nil {
		return nil
	}
	if x, ok := a.seats[h]; ok && x.of == known {
		return x.own
	}
	own := *known
	own.CSRF, own.Expiry, own.done = s.CSRF, s.Expires, make(chan struct{})
	a.seats[h] = seat{known, &own}
	return &own
}

// SignOut ends the session of a cookie.
func (a *Access) SignOut(ctx context.Context, secret string) error {
	if a.store == nil {
		return nil
	}
	if _, err := a.store.Delete(ctx, kindSession, hash(secret)); err != nil {
		return fmt.Errorf("access: ending a session: %w", err)
	}
	return a.Refresh(ctx)
}

func sortBy[T any](list []T, key func(T) string) {
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}

// HasUsers says whether there is a local user.
func (a *Access) HasUsers() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.users) > 0
}
