package access

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"farhook/csta"
)

// memory is a store in memory.
type memory struct {
	mu      sync.Mutex
	version int64
	all     map[[2]string]string
}

func (m *memory) Records(_ context.Context, kinds ...string) (list []Record, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, v := range m.all {
		if slices.Contains(kinds, k[0]) {
			list = append(list, Record{k[0], k[1], v})
		}
	}
	return list, nil
}

func (m *memory) Version(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.version, nil
}

func (m *memory) Put(_ context.Context, r Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = make(map[[2]string]string)
	}
	m.all[[2]string{r.Kind, r.ID}] = r.Value
	m.version++
	return nil
}

func (m *memory) Delete(_ context.Context, kind, id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, was := m.all[[2]string{kind, id}]
	delete(m.all, [2]string{kind, id})
	m.version++
	return was, nil
}

// The own line of somebody who came by OpenID is what his number means now, not what it meant when he signed in; who had the old one is told.
func TestOwnLinesFollow(t *testing.T) {
	a, err := New(Config{}, &memory{})
	if err != nil {
		t.Fatal(err)
	}
	means := csta.DeviceID("tel:+15551001")
	a.Lines(func(string) (csta.DeviceID, error) { return means, nil }, nil)
	cookie, i, err := a.openSession(t.Context(), session{ID: "oidc:1", Name: "Anna", Roles: []Grant{{Scopes: []Scope{Control}}}, Lines: []string{"089 123"}})
	if err != nil || !i.Own("tel:+15551001") {
		t.Fatal(err)
	}
	a.tick(t.Context())
	select {
	case <-i.Done():
		t.Fatal("nothing has changed")
	default:
	}
	means = "tel:+15551002"
	a.tick(t.Context())
	<-i.Done()
	if i = a.Cookie(cookie); i.Own("tel:+15551001") || !i.Own("tel:+15551002") || i.MayObserve("tel:+15551001") {
		t.Errorf("%+v", i.Grant())
	}
}

// What one role of an account allows is for the devices of that role: who may see the state of every line and control some controls those, and no others.
func TestRolesStayApart(t *testing.T) {
	a, err := New(Config{}, &memory{})
	if err != nil {
		t.Fatal(err)
	}
	a.Lines(func(spelling string) (csta.DeviceID, error) {
		return csta.DeviceID("tel:+1555" + strings.TrimPrefix(spelling, "tel:+1555")), nil
	}, nil)
	_, i, err := a.openSession(t.Context(), session{ID: "oidc:1", Lines: []string{"1003"}, Roles: []Grant{
		{Scopes: []Scope{ObserveState}, AllDevices: true},
		{Scopes: []Scope{Control, Override}, Devices: []csta.DeviceID{"1001"}, Deny: []string{`\+1900.*`}},
		{Scopes: []Scope{ObserveParties}, Devices: []csta.DeviceID{"tel:+15551002"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		device           csta.DeviceID
		control, parties bool
	}{
		{"tel:+15551001", true, false},
		{"tel:+15551002", false, true},
		{"tel:+15551003", true, true}, // the own line
		{"tel:+15551004", false, false},
	} {
		if !i.MayObserve(c.device) || i.may(csta.Control, c.device) != c.control || i.may(csta.Override, c.device) != c.control || i.Parties(c.device) != c.parties {
			t.Errorf("%s: %v %v", c.device, i.may(csta.Control, c.device), i.Parties(c.device))
		}
	}
	if got := i.PartyLines(); i.AllParties() || !slices.Equal(got, []csta.DeviceID{"tel:+15551002", "tel:+15551003"}) {
		t.Errorf("everybody's parties: %v, else those of %v", i.AllParties(), got)
	}
	if i.may(csta.Call, "tel:+19001") || !i.may(csta.Call, "tel:+1") || !i.Has(Control) || !i.Own("tel:+15551003") {
		t.Errorf("%+v", i.Grant())
	}
	a.tick(t.Context())
	select {
	case <-i.Done():
		t.Error("nothing has changed")
	default:
	}
}

// However many want to sign in, only so many passwords are computed or wait for it: the others are told to come again.
func TestPasswordsWaitInLine(t *testing.T) {
	a, err := New(Config{}, &memory{})
	if err != nil {
		t.Fatal(err)
	}
	for range cap(hashing) {
		hashing <- struct{}{}
	}
	ctx, stop := context.WithCancel(t.Context())
	results := make(chan error)
	const tries = 40
	for range tries {
		go func() {
			_, _, err := a.SignIn(ctx, "nobody", "correct horse battery")
			results <- err
		}()
	}
	busy := 0
	for range tries - maxHashing {
		if err := <-results; err != ErrBusy { //nolint:errorlint // it is that one
			t.Fatal(err)
		}
		busy++
	}
	stop() // whoever goes doesn't wait any longer
	for range maxHashing {
		if err := <-results; err == nil || !strings.Contains(err.Error(), "canceled") {
			t.Error(err)
		}
	}
	for range cap(hashing) {
		<-hashing
	}
}
