package uacsta_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"farhook/csta"
	"farhook/csta/extension"
	"farhook/pbxadapter"
	"farhook/pbxadapter/directory"
	"farhook/pbxadapter/numbering"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/pbxadapter/switchboard/audit"
	"farhook/uacsta"

	"go.uber.org/zap"
)

// staff is a directory source whose people a test changes.
type staff struct {
	mu     sync.Mutex
	people []directory.Person
}

func (*staff) Name() string { return "staff" }

func (s *staff) Load(_ context.Context, f func(directory.Person)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.people {
		f(p)
	}
	return nil
}

// office is a house with people, emergency numbers and number rules.
type office struct {
	*house
	staff     *staff
	directory *directory.Directory
	record    *audit.Record
	audited   string // its file
}

func newOffice(t *testing.T, table numbering.Table, conf uacsta.Config, people ...directory.Person) *office {
	t.Helper()
	o := &office{house: &house{}, staff: &staff{people: people}}
	o.directory = directory.New(directory.Options{}, o.staff)
	if err := o.directory.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	e, err := numbering.NewEmergency(numbering.DefaultEmergency())
	if err != nil {
		t.Fatal(err)
	}
	rules, err := numbering.New(table, e)
	if err != nil {
		t.Fatal(err)
	}
	o.clock = sim.NewClock(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC))
	pbx, err := sim.New(pbxadapter.Options{Name: "sim", Numbers: rules}, sim.Config{Lines: 24, Quiet: true, Clock: o.clock})
	if err != nil {
		t.Fatal(err)
	}
	o.pbx = &faulty{PBX: pbx}
	o.audited = filepath.Join(t.TempDir(), "audit.jsonl")
	if o.record, err = audit.Open(o.audited, zap.NewNop()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.record.Close() })
	p := switchboard.NewPeople(o.directory)
	o.board = switchboard.New(switchboard.Owner{People: p, Delegates: true}, switchboard.Options{People: p, Emergency: e, Audit: o.record}, switchboard.PBX{Name: "sim", Adapter: o.pbx})
	o.uc = uacsta.New(o.board, conf)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	boardCtx, stopBoard := context.WithCancel(context.Background())
	done := make(chan struct{}, 4)
	go func() { _ = o.board.Run(boardCtx); done <- struct{}{} }()
	go func() { _ = o.directory.Run(ctx); done <- struct{}{} }()
	go func() { _ = o.uc.Run(ctx); done <- struct{}{} }()
	go func() { _ = o.uc.Serve(ctx, l, nil); done <- struct{}{} }()
	t.Cleanup(func() {
		o.pbx.goOn()
		cancel()
		for range 3 {
			<-done
		}
		stopBoard()
		<-done
	})
	o.until(t, "the PBX doesn't come", func() bool { return o.board.Synced("tel:+15551001") })
	for _, p := range people {
		for _, line := range p.Lines {
			o.until(t, line+" isn't found", func() bool {
				d, err := o.board.Resolve(line)
				return err == nil && o.board.May(switchboard.Principal{User: p.User, Via: "sip"}, csta.Control, d)
			})
		}
	}
	return o
}

func (o *office) until(t *testing.T, what string, good func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !good(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// change has other people from the next refresh on.
func (o *office) change(people ...directory.Person) {
	o.staff.mu.Lock()
	o.staff.people = people
	o.staff.mu.Unlock()
	o.directory.Refresh()
}

func aliceOf(lines ...string) directory.Person {
	return directory.Person{User: "sip:alice@contoso.test", Name: "Alice", Lines: lines}
}

var bobOf1002 = directory.Person{User: "sip:bob@contoso.test", Name: "Bob", Lines: []string{"tel:+15551002;ext=1002"}, Delegates: []string{"sip:alice@contoso.test"}}

// invite sends an INVITE for a line with more headers, and gives the answer.
func (p *peer) invite(line, from, headers string) got {
	p.t.Helper()
	text := p.request("INVITE", encode(csta.RequestSystemStatus{Extensions: extension.WithLine(line)}))
	text = strings.Replace(text, "From: <sip:alice@contoso.test>", "From: "+from, 1)
	p.send(strings.Replace(text, "Max-Forwards: 70\r\n", "Max-Forwards: 70\r\n"+headers, 1))
	return p.read()
}

// Which identity counts: the asserted one, else the From; however either is written.
func TestIdentity(t *testing.T) {
	o := newOffice(t, numbering.Table{}, uacsta.Config{}, aliceOf("tel:+15551001"), directory.Person{User: "sip:carol@contoso.test", Lines: []string{"1003"}})
	for _, c := range []struct{ name, from, headers, status string }{
		{"From", "<sip:alice@contoso.test>", "", "200"},
		{"From, another way", `"A. <x>" <SIP:Alice@CONTOSO.test:5060;user=phone>`, "", "200"},
		{"another's From", "<sip:carol@contoso.test>", "", "403"},
		{"nobody's From", "<sip:mallory@contoso.test>", "", "403"},
		{"anonymous, asserted", "<sip:anonymous@anonymous.invalid>", "P-Asserted-Identity: \"Alice\" <sip:alice@contoso.test>\r\n", "200"},
		{"asserted against the From", "<sip:alice@contoso.test>", "P-Asserted-Identity: <sip:carol@contoso.test>\r\n", "403"},
		{"asserted as a number and an address", "<sip:carol@contoso.test>", "P-Asserted-Identity: <tel:+15551003>, <sips:alice@contoso.test>\r\n", "200"},
		{"asserted as a number only", "<sip:alice@contoso.test>", "P-Asserted-Identity: <tel:+15551003>\r\n", "200"},
	} {
		if got := o.dial(t).invite("tel:+15551001", c.from, c.headers); !strings.HasPrefix(got.start, "SIP/2.0 "+c.status) {
			t.Errorf("%s: %s, want %s", c.name, got.start, c.status)
		}
	}
	if err := o.record.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(o.audited)
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"carol", "mallory"} { // each of them, however many others were refused in that minute
		if !regexp.MustCompile(`"act":"session refused","user":"sip:` + user + `@contoso.test".*"line":"tel:\+15551001"`).Match(text) {
			t.Errorf("%s is not in the audit record:\n%s", user, text)
		}
	}
	if n := strings.Count(string(text), `"session refused"`); n != 3 {
		t.Errorf("%d refusals in the audit record, there were 3", n)
	}
	refused, _ := o.uc.Refusals()
	if r := refused[0]; r.User != "sip:carol@contoso.test" || r.Line != "tel:+15551001" || r.Detail != "the line is that of sip:alice@contoso.test" {
		t.Errorf("who wanted whose phone: %+v", r)
	}
}

// A client that names no line signs in to its user's own.
func TestLineFromDirectory(t *testing.T) {
	o := newOffice(t, numbering.Table{}, uacsta.Config{}, aliceOf("tel:+15551001;ext=1001", "tel:+15551003"))
	p := o.dial(t)
	p.send(p.request("INVITE", encode(csta.RequestSystemStatus{})))
	ok := p.read()
	_, p.toTag, _ = strings.Cut(ok.header("To"), ";tag=")
	if r, made := p.ask(csta.MakeCall{CallingDevice: "tel:+15551001;ext=1001", CalledDirectoryNumber: "1002"}).(csta.MakeCallResponse); !made || r.CallingDevice.Device != "tel:+15551001;ext=1001" {
		t.Errorf("%s, then %+v", ok.start, r)
	}
	q := o.dial(t)
	text := q.request("INVITE", encode(csta.RequestSystemStatus{}))
	q.send(strings.Replace(text, "<sip:alice@", "<sip:mallory@", 1))
	if got := q.read(); !strings.HasPrefix(got.start, "SIP/2.0 403") {
		t.Errorf("nobody in the directory: %s", got.start)
	}
}

// A right withdrawn ends the session that lived by it, and a monitor that did; what remains goes on.
func TestRightWithdrawn(t *testing.T) {
	o := newOffice(t, numbering.Table{}, uacsta.Config{}, aliceOf("tel:+15551001"), bobOf1002)
	p := o.dial(t)
	own := p.signIn("tel:+15551001")
	second, ok := p.ask(csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: "1002"}}).(csta.MonitorStartResponse)
	if !ok {
		t.Fatal("a delegate may not watch")
	}
	plain := bobOf1002
	plain.Delegates = nil
	o.change(aliceOf("tel:+15551001"), plain)
	stop := p.read()
	m, _ := stop.message(t).(csta.MonitorStop)
	if !strings.HasPrefix(stop.start, "INFO") || m.MonitorCrossRefID != second.MonitorCrossRefID {
		t.Fatalf("not told that the monitor ends: %s%s", stop.head, stop.body)
	}
	p.send(answerTo(stop, 200))
	if err, isError := p.ask(csta.MonitorStop{MonitorCrossRefID: second.MonitorCrossRefID}).(*csta.Error); !isError || err.Value != csta.ErrInvalidMonitor.Value {
		t.Error("the monitor is still there")
	}
	if err, isError := p.ask(csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: "1002"}}).(*csta.Error); !isError || err.Value != csta.ErrPrivilege.Value {
		t.Error("the line may still be watched")
	}
	if _, ok := p.ask(csta.MonitorStart{MonitorObject: csta.MonitorObject{DeviceObject: "tel:+15551001"}}).(csta.MonitorStartResponse); !ok || own == "" {
		t.Error("the session's own line may not be watched any more")
	}
	o.change(plain)
	if bye := p.read(); !strings.HasPrefix(bye.start, "BYE ") {
		t.Errorf("the session goes on: %s", bye.start)
	}
	o.until(t, "the session is still there", func() bool { return o.uc.Count() == 0 })
	if got := o.dial(t).invite("tel:+15551001", "<sip:alice@contoso.test>", ""); !strings.HasPrefix(got.start, "SIP/2.0 403") {
		t.Errorf("signed in again: %s", got.start)
	}
}

// So it is with the monitor of a call that has nobody in it any more whom the user may observe.
func TestRightOnCallWithdrawn(t *testing.T) {
	o := newOffice(t, numbering.Table{}, uacsta.Config{}, aliceOf("tel:+15551001"), bobOf1002)
	p := o.dial(t)
	p.signIn("tel:+15551001")
	if err := o.pbx.Phone(1002).Dial("tel:+15551003"); err != nil {
		t.Fatal(err)
	}
	var id csta.ConnectionID
	o.until(t, "1002 has no call", func() bool {
		s, _ := o.board.Snapshot(switchboard.System, switchboard.Filter{Devices: []csta.DeviceID{"tel:+15551002"}})
		for _, c := range s.Calls {
			id = csta.ConnectionID{Call: c.ID, Device: "tel:+15551002"}
		}
		return id.Call != ""
	})
	started, ok := p.ask(csta.MonitorStart{MonitorType: csta.MonitorTypeCall, MonitorObject: csta.MonitorObject{CallObject: &id}}).(csta.MonitorStartResponse)
	if !ok {
		t.Fatal("a delegate may not watch the call")
	}
	plain := bobOf1002
	plain.Delegates = nil
	o.change(aliceOf("tel:+15551001"), plain)
	for {
		g := p.read()
		if m, is := g.message(t).(csta.MonitorStop); is {
			if m.MonitorCrossRefID != started.MonitorCrossRefID {
				t.Errorf("another monitor ends: %s", g.body)
			}
			return
		}
	}
}

// response reads up to the next answer.
func (p *peer) response() got {
	p.t.Helper()
	for {
		if g := p.read(); strings.HasPrefix(g.start, "SIP/2.0 ") {
			return g
		}
	}
}

// Towards the client an outside caller is E.164, and an inside one is the very text of his own line, in every form of number that there is.
func TestCallersAsTheClientKnowsThem(t *testing.T) {
	table := numbering.Table{FromPBX: []numbering.Rule{
		{Name: "abroad", Digits: "9011.", Strip: 4, Prefix: "+"},
		{Name: "national", Digits: "9NXXNXXXXXX", Strip: 1, Prefix: "+1"},
		{Name: "extension", Digits: "1XXX", Prefix: "+1555"},
	}, ToPBX: []numbering.Rule{
		{Name: "extension", Match: `\+1555(1\d{3})`, Replace: "$1"},
		{Name: "national", Digits: "+1NXXNXXXXXX", Strip: 2, Prefix: "9"},
		{Name: "abroad", Digits: "+.", Strip: 1, Prefix: "9011"},
	}}
	for _, c := range []struct {
		name, line string
		outside    csta.DeviceID // who calls, as the PBX shows it; empty: the line
		want       string
	}{
		{"a line as a global number", "tel:+15551002", "", "tel:+15551002"},
		{"with its extension", "tel:+15551002;ext=1002", "", "tel:+15551002;ext=1002"},
		{"a local line", "tel:1002;phone-context=dialstring", "", "tel:1002;phone-context=dialstring"},
		{"with visual separators", "tel:+1-555-1002", "", "tel:+1-555-1002"},
		{"with a device", "tel:1002;phone-context=dialstring;device=SEP001", "", "tel:1002;phone-context=dialstring;device=SEP001"},
		{"bare", "1002", "", "1002"},
		{"outside, national with the outside prefix", "1002", "92125550100", "tel:+12125550100"},
		{"outside, from abroad", "1002", "9011442079460000", "tel:+442079460000"},
		{"outside, global already", "1002", "+442079460000", "tel:+442079460000"},
		{"outside, a URI", "1002", "tel:+442079460000", "tel:+442079460000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOffice(t, table, uacsta.Config{}, aliceOf("tel:+15551001;ext=1001"), directory.Person{User: "sip:bob@contoso.test", Lines: []string{c.line}})
			p := o.dial(t)
			p.signIn("tel:+15551001;ext=1001")
			caller := o.pbx.Phone(1002)
			if c.outside != "" {
				caller = o.pbx.Outside(c.outside)
			}
			if err := caller.Dial("tel:+15551001"); err != nil {
				t.Fatal(err)
			}
			for {
				if e, ok := p.event().(csta.DeliveredEvent); ok {
					if got := e.CallingDevice.DeviceIdentifier; string(got) != c.want {
						t.Errorf("the inside caller is %v, want %s", got, c.want)
					}
					if got := e.AlertingDevice.DeviceIdentifier; got != "tel:+15551001;ext=1001" {
						t.Errorf("the own line is %v", got)
					}
					return
				}
			}
		})
	}
}

// A call for help waits for nothing and passes every limit: neither requests that are still being carried out, nor a full mailbox, nor the rate of sign-ins, nor
// the number of sessions.
func TestEmergencyPassesLimits(t *testing.T) {
	var full atomic.Bool // no memory for more
	admit := func() error {
		if full.Load() {
			return errors.New("memory is short")
		}
		return nil
	}
	o := newOffice(t, numbering.Table{}, uacsta.Config{Mailbox: 2, SignIns: 0.001, Sessions: 1, Admit: admit}, aliceOf("tel:+15551001"), directory.Person{User: "sip:carol@contoso.test", Lines: []string{"1003"}})
	p := o.dial(t)
	p.signIn("tel:+15551001")
	if err := o.pbx.set("SetDoNotDisturb", "is stuck"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.pbx.set("SetDoNotDisturb", "goes on") })
	for range 3 {
		p.send(p.request("INFO", encode(csta.SetDoNotDisturb{Device: "tel:+15551001", DoNotDisturbOn: true})))
	}
	if busy := p.response(); !strings.HasPrefix(busy.start, "SIP/2.0 503") {
		t.Fatalf("no limit: %s", busy.start)
	}
	p.send(p.request("INFO", encode(csta.MakeCall{CallingDevice: "tel:+15551001", CalledDirectoryNumber: "+49112", AutoOriginate: csta.AutoOriginateDoNotPrompt})))
	if got := p.response(); !strings.HasPrefix(got.start, "SIP/2.0 200") || !strings.Contains(got.body, "MakeCallResponse") {
		t.Errorf("a call for help: %s%s", got.head, got.body)
	}

	q := o.dial(t)
	if got := q.invite("1003", "<sip:carol@contoso.test>", ""); !strings.HasPrefix(got.start, "SIP/2.0 503") {
		t.Fatalf("no limit of sign-ins: %s", got.start)
	}
	full.Store(true)
	r := o.dial(t)
	r.send(strings.Replace(r.request("INVITE", encode(csta.MakeCall{CallingDevice: "1003", CalledDirectoryNumber: "112", AutoOriginate: csta.AutoOriginateDoNotPrompt})), "sip:alice@contoso.test>;tag", "sip:carol@contoso.test>;tag", 1))
	if got := r.read(); !strings.HasPrefix(got.start, "SIP/2.0 200") || !strings.Contains(got.body, "MakeCallResponse") {
		t.Errorf("a call for help without a session: %s%s", got.head, got.body)
	}
}

// A server that is none of the configured ones stands in the audit record.
func TestRefusedPeerIsNoted(t *testing.T) {
	o := newOffice(t, numbering.Table{}, uacsta.Config{Peers: []uacsta.Peer{{Name: "pool", Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}}}}, aliceOf("tel:+15551001"))
	p := o.dial(t)
	_, _ = io.Copy(io.Discard, p.conn) // it is closed without a word
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(o.audited)
		if err == nil && strings.Contains(string(text), `"act":"`+string(audit.PeerRefused)+`"`) && strings.Contains(string(text), "127.0.0.1") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%v: %s", err, text)
		}
	}
}
