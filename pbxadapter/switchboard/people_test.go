package switchboard_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/directory"
	. "farhook/pbxadapter/switchboard"
	"farhook/pbxadapter/switchboard/audit"
)

// names is a directory source whose people a test changes.
type names struct {
	mu     sync.Mutex
	people []directory.Person
}

func (*names) Name() string { return "names" }

func (n *names) Load(_ context.Context, f func(directory.Person)) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.people {
		f(p)
	}
	return nil
}

func (n *names) set(people ...directory.Person) {
	n.mu.Lock()
	n.people = people
	n.mu.Unlock()
}

var (
	alice = directory.Person{User: "sip:alice@example.com", Name: "Alice", Lines: []string{"tel:+15551001;ext=1001"}, Aliases: []string{"+1 999 1001"}, Delegates: []string{"sip:bob@example.com"}}
	bob   = directory.Person{User: "sip:bob@example.com", Name: "Bob", Lines: []string{"1002", "tel:+15551003"}}
)

// peopled makes a board with a directory, which is refreshed by the function it gives; it returns once the board knows.
func peopled(t *testing.T, policy func(*People) Policy, o Options, setUp func(*scripted), people ...directory.Person) (*Board, *scripted, pbxadapter.Reporter, func(...directory.Person)) {
	t.Helper()
	n := &names{people: people}
	d := directory.New(directory.Options{}, n)
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = d.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	o.People = NewPeople(d)
	a := newScripted(d1, d2, "tel:+15551003", "tel:+15551004")
	if setUp != nil {
		setUp(a)
	}
	b := New(policy(o.People), o, PBX{Name: "a", Adapter: a})
	serve(t, b)
	r := <-a.runs
	return b, a, r, func(people ...directory.Person) {
		t.Helper()
		changed := o.People.Changed()
		n.set(people...)
		d.Refresh()
		select {
		case <-changed:
		case <-time.After(time.Minute):
			t.Fatal("the rights have not changed")
		}
	}
}

func owner(p *People) Policy     { return Owner{People: p} }
func delegates(p *People) Policy { return Owner{People: p, Delegates: true} }

// Who may do what under each policy.
func TestPolicies(t *testing.T) {
	const d3 = csta.DeviceID("tel:+15551003")
	by := func(user string) Principal { return Principal{User: user, Via: "sip"} }
	for name, c := range map[string]struct {
		policy func(*People) Policy
		want   map[string][]csta.DeviceID // what each may control, of d1, d2 and d3
		may    map[string]bool            // ring others
	}{
		"owner": {
			owner,
			map[string][]csta.DeviceID{"sip:alice@example.com": {d1}, "sip:bob@example.com": {d2, d3}, "sip:carol@example.com": nil, "": nil},
			map[string]bool{"sip:alice@example.com": true, "sip:bob@example.com": true},
		},
		"delegates": {
			delegates,
			map[string][]csta.DeviceID{"sip:alice@example.com": {d1}, "sip:bob@example.com": {d1, d2, d3}, "sip:carol@example.com": nil, "": nil},
			map[string]bool{"sip:alice@example.com": true, "sip:bob@example.com": true},
		},
		"trusted": {
			func(*People) Policy { return Trusted{} },
			map[string][]csta.DeviceID{"sip:alice@example.com": {d1, d2, d3}, "sip:carol@example.com": {d1, d2, d3}, "": nil},
			map[string]bool{"sip:alice@example.com": true, "sip:carol@example.com": true},
		},
	} {
		b, _, _, _ := peopled(t, c.policy, Options{}, nil, alice, bob)
		for user, want := range c.want {
			var may []csta.DeviceID
			for _, d := range []csta.DeviceID{d1, d2, d3} {
				control := b.May(by(user), csta.Control, d)
				if control {
					may = append(may, d)
				}
				if b.May(by(user), csta.Observe, d) != control {
					t.Errorf("%s: %s may observe %s, and may it control: %v", name, user, d, control)
				}
				if b.May(by(user), csta.Override, d) {
					t.Errorf("%s: %s may disturb %s", name, user, d)
				}
				if b.May(by(user), csta.Call, d) != c.may[user] || b.May(by(user), csta.Pickup, d) != c.may[user] {
					t.Errorf("%s: %s may not ring %s, or may: %v is wanted", name, user, d, c.may[user])
				}
			}
			if !slices.Equal(may, want) {
				t.Errorf("%s: %q may control %v, want %v", name, user, may, want)
			}
		}
	}
	if (Trusted{}).May(Principal{User: "x", Via: "http"}, csta.Control, d1) {
		t.Error("trusted: somebody from elsewhere may")
	}
}

// A session has the line that it signed in to; who comes by the web without one has everything; the gateway itself looks on.
func TestOwnLine(t *testing.T) {
	b := New(OwnLine{}, Options{})
	session, none, operator := Principal{User: "x", Via: "sip", Line: d1}, Principal{User: "x", Via: "sip"}, Principal{User: "x", Via: "http"}
	onLine := Principal{User: "x", Via: "http", Line: d1}
	for _, c := range []struct {
		right csta.Right
		d     csta.DeviceID
		who   []Principal // who may
	}{
		{csta.Observe, d1, []Principal{session, operator, onLine, System}},
		{csta.Observe, d2, []Principal{operator, System}},
		{csta.Control, d1, []Principal{session, operator, onLine}},
		{csta.Control, d2, []Principal{operator}},
		{csta.Call, d2, []Principal{session, operator, onLine}},
		{csta.Pickup, d2, []Principal{session, operator, onLine}},
		{csta.Override, d1, []Principal{operator}},
	} {
		for _, who := range []Principal{session, none, operator, onLine, System} {
			if may := b.May(who, c.right, c.d); may != slices.Contains(c.who, who) {
				t.Errorf("%+v, right %v on %s: %v", who, c.right, c.d, may)
			}
		}
	}
}

// A refusal says in the log who wanted whose phone.
func TestRefusalSaysWhose(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	record, err := audit.Open(path, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	b, _, _, _ := peopled(t, owner, Options{Log: zap.New(core), Audit: record}, nil, alice, bob)
	_, err = b.Do(t.Context(), Principal{User: bob.User, Via: "sip", Line: d2}, csta.MakeCall{CallingDevice: d1, CalledDirectoryNumber: "1002"})
	if !errors.Is(err, csta.ErrPrivilege) {
		t.Fatal(err)
	}
	said := fmt.Sprint(logs.FilterMessage("service refused").All()[0].ContextMap())
	for _, want := range []string{bob.User, string(d1), "which is that of sip:alice@example.com"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %s in %s", want, said)
		}
	}
	if err := record.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	for _, want := range []string{`"act":"control refused"`, `"user":"sip:bob@example.com"`, `"line":"tel:+15551001"`, "the line is that of sip:alice@example.com"} {
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("no %s in the audit record %s (%v)", want, text, err)
		}
	}
}

// Names and spellings follow the directory, and a right that it takes away is gone with its refresh; a PBX that tells its devices anew takes none away.
func TestPeopleFollow(t *testing.T) {
	b, a, r, refresh := peopled(t, owner, Options{}, nil, alice, bob)
	who := Principal{User: bob.User, Via: "sip"}
	for d, want := range map[csta.DeviceID]string{d1: "Alice", d2: "Bob", "tel:+15551003": "Bob", "tel:+19991001": "Alice", "tel:+15551004": "", "tel:+15559999": ""} {
		if got := b.Name(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
	for d, want := range map[csta.DeviceID]string{d1: "tel:+15551001;ext=1001", d2: "1002", "tel:+15551004": "tel:+15551004"} {
		if got := b.Spelled(d); got != want {
			t.Errorf("%s is spelled %q, want %q", d, got, want)
		}
	}
	want := Who{User: bob.User, Name: "Bob", Numbers: []string{"1002", "tel:+15551003"}}
	if info, ok := b.Device(who, d2); !ok || info.Name != "Bob" || cmp.Diff(want, info.Owner) != "" {
		t.Errorf("%+v", info)
	}
	r.Devices(a.devices[:1])
	if !b.May(who, csta.Control, d2) {
		t.Error("a PBX that doesn't tell of a phone now takes its owner's right away")
	}
	other := bob
	other.Lines = []string{"tel:+15551003"}
	refresh(alice, other)
	if b.May(who, csta.Control, d2) || !b.May(who, csta.Control, "tel:+15551003") || b.Name(d2) != "" {
		t.Error("a line taken away is still there")
	}
	r.Devices(a.devices)
	refresh(alice, bob)
	if !b.May(who, csta.Control, d2) {
		t.Error("a line given back isn't there")
	}
}

// Who takes part in a call has the directory's name, by whichever number he comes, and whatever the PBX shows; nobody else has one.
func TestCallsAreNamed(t *testing.T) {
	b, _, r, _ := peopled(t, owner, Options{}, nil, alice, bob)
	known := func(d, number csta.DeviceID, name string) callmodel.Party {
		return callmodel.Party{Device: d, Number: number, Name: name, Shown: callmodel.Known}
	}
	m := ring("c1", d2)
	m.Calling, m.Called, m.LastRedirected = known("outside-1", "tel:+19991001", "MOBILE 1001"), known(d2, "", ""), callmodel.Party{Device: d1, Number: d1, Shown: callmodel.Restricted}
	r.Report(m)
	c, ok := b.Call(Principal{User: bob.User, Via: "sip"}, "c1")
	if !ok || c.Calling.Name != "Alice" || c.Called.Name != "Bob" || c.LastRedirected.Name != "" {
		t.Errorf("%+v", c)
	}
	c.Legs[0].Party = known(d2, "", "PBX")
	c.Calling = known("outside-2", "tel:+15557777", "PBX")
	r.Resync(callmodel.State{Calls: []callmodel.Call{c}})
	if c, _ := b.Call(Principal{User: bob.User, Via: "sip"}, "c1"); c.Legs[0].Party.Name != "Bob" || c.Calling.Name != "PBX" {
		t.Errorf("%+v", c)
	}
}

// The same people again change nothing: nobody's sessions are looked through for it.
func TestPeopleUnchanged(t *testing.T) {
	n := &names{people: []directory.Person{alice, bob}}
	d := directory.New(directory.Options{}, n)
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := NewPeople(d)
	a := newScripted(d1, d2)
	b := New(Owner{People: p}, Options{People: p}, PBX{Name: "a", Adapter: a})
	serve(t, b)
	r := <-a.runs
	awaitOwner(t, p)
	changed := p.Changed()
	r.Devices(a.devices)
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Devices(a.devices)
	select {
	case <-changed:
		t.Error("changed")
	default:
	}
}

func awaitOwner(t *testing.T, p *People) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !p.Owns(alice.User, d1); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("alice's line was never found")
		}
	}
}

// 100,000 users on 100,000 phones: finding every line among the devices.
func BenchmarkPeople(b *testing.B) {
	n := &names{}
	var devices []csta.DeviceID
	for i := range 100_000 {
		n.people = append(n.people, directory.Person{User: fmt.Sprintf("sip:u%d@x", i), Name: fmt.Sprint(i), Lines: []string{fmt.Sprintf("tel:+1555%06d", i)}})
		devices = append(devices, csta.DeviceID(fmt.Sprintf("tel:+1555%06d", i)))
	}
	d := directory.New(directory.Options{}, n)
	if err := d.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
	p := NewPeople(d)
	a := newScripted(devices...)
	board := New(Owner{People: p}, Options{People: p}, PBX{Name: "a", Adapter: a})
	serve(b, board)
	r := <-a.runs
	b.Run("rebuild", func(b *testing.B) {
		for b.Loop() {
			r.Devices(a.devices)
		}
	})
	b.Run("may", func(b *testing.B) {
		who := Principal{User: "sip:u5@x", Via: "sip"}
		for b.Loop() {
			if !board.May(who, csta.Control, devices[5]) {
				b.Fatal("no")
			}
		}
	})
}

// A number that is none gets a clear answer, by whichever service, and reaches no PBX.
func TestBadNumbersAreRefused(t *testing.T) {
	b, _, _, _ := peopled(t, func(*People) Policy { return AnyLine{} }, Options{}, func(a *scripted) {
		csta.Handle(a.services, func(_ context.Context, r csta.MakeCall) (csta.MakeCallResponse, error) {
			t.Errorf("the PBX got %q", r.CalledDirectoryNumber)
			return csta.MakeCallResponse{}, nil
		})
		csta.Handle(a.services, func(_ context.Context, r csta.SetForwarding) (csta.SetForwardingResponse, error) {
			t.Errorf("the PBX got %q", r.ForwardDN)
			return csta.SetForwardingResponse{}, nil
		})
	}, alice)
	for number, want := range map[csta.DeviceID]string{
		"1002\r\nAction: Logoff": "neither a printable ASCII character nor a digit", "1002&SIP/1003": "not a number", "1002;": "malformed parameter",
		"\u0661\u0660\u0660\u0662": "neither a printable ASCII character nor a digit", csta.DeviceID(strings.Repeat("1", 500)): "too long", "alice": "not a number",
	} {
		for _, r := range []csta.Request{
			csta.MakeCall{CallingDevice: d1, CalledDirectoryNumber: number}, csta.SetForwarding{Device: d1, ActivateForward: true, ForwardDN: number},
		} {
			if _, err := b.Do(t.Context(), first, r); !errors.Is(err, csta.ErrOperation) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %.30q: %v, want %s", r.Service(), number, err, want)
			}
		}
	}
}
