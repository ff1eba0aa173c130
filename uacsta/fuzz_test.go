package uacsta_test

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

func newMemoryHouse(t testing.TB, late bool, change ...func(*uacsta.Config)) (*house, *uactest.Memory) {
	t.Helper()
	l := uactest.NewMemory()
	return newHouseOn(t, l, func(p *faulty) pbxadapter.Adapter { return p }, switchboard.OwnLine{}, late, change...), l
}

// FuzzBody sends anything as the body of an INFO, in one session: an answer comes, and the session goes on.
func FuzzBody(f *testing.F) {
	files, err := filepath.Glob("../testdata/csta/*.xml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		f.Add(text[:len(text)*2/3])
	}
	h, l := newMemoryHouse(f, false)
	p := newPeer(f, l.Dial())
	p.signIn("tel:+15551001")
	f.Fuzz(func(t *testing.T, body []byte) {
		p.t = t
		if len(body) == 0 || len(body) > 60<<10 {
			return
		}
		if err := p.barrage([]string{string(body)}); err != nil {
			t.Fatal(err)
		}
		if h.uc.Count() != 1 {
			t.Fatal("the session is gone")
		}
	})
}

// FuzzStream sends any octets: nothing of it harms the session of somebody else, whose octets they may well copy.
func FuzzStream(f *testing.F) {
	h, l := newMemoryHouse(f, false)
	p := newPeer(f, l.Dial())
	p.signIn("tel:+15551001")
	for _, c := range tortures {
		f.Add([]byte(crlf(c.text)))
	}
	p.cseq += 100
	for _, method := range []string{"INFO", "INVITE", "UPDATE", "ACK", "CANCEL", "OPTIONS"} {
		f.Add([]byte(p.request(method, makeCallText)))
		f.Add([]byte(strings.ReplaceAll(p.request(method, ""), p.toTag, "guessed")))
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		p.t = t
		if text := string(octets); strings.Contains(text, p.toTag) || strings.Contains(text, p.callID) && strings.Contains(text, "INVITE") {
			return // whoever knows our tag is the peer; and so is who opens the dialog anew under both of its names
		}
		c := l.Dial()
		read := make(chan struct{})
		go func() { _, _ = io.Copy(io.Discard, c); close(read) }()
		_ = c.SetWriteDeadline(time.Now().Add(patience))
		_, _ = c.Write(octets)
		c.Close()
		<-read
		if r := p.ask(csta.RequestSystemStatus{}); r.Element() != "RequestSystemStatusResponse" {
			t.Fatal(r)
		}
		if n := h.uc.Count(); n > 200 {
			t.Fatalf("%d sessions", n)
		}
	})
}

// FuzzSession has clients and people at phones do what they may, in any order, and checks that
//   - each request is answered, once;
//   - an answer comes before the events that its request caused;
//   - every event is legal by the table of state changes;
//   - SnapshotDevice says what the events told.
func FuzzSession(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 24 {
		seed := make([]byte, 30+10*n)
		for i := range seed {
			seed[i] = byte(r.UintN(256))
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) > 2000 {
			return
		}
		p := &play{t: t, program: program}
		p.run()
	})
}

// play is a program, and those who play it.
type play struct {
	t       testing.TB
	h       *house
	program []byte
	actors  []*actor
}

// actor is one client with a monitor on its line.
type actor struct {
	*peer
	ext    int
	line   csta.DeviceID
	local  map[csta.CallID]csta.State // as the events told
	open   map[int]csta.Request
	heard  map[csta.CallID]bool // calls of which events came
	events int                  // since the last request
	n      int                  // of its probes
}

// next takes a number below n off the program.
func (p *play) next(n int) int {
	if len(p.program) == 0 {
		return 0
	}
	b := p.program[0]
	p.program = p.program[1:]
	return int(b) % n
}

func (p *play) run() {
	var l *uactest.Memory
	p.h, l = newMemoryHouse(p.t, p.next(2) == 1)
	for _, ext := range []int{1001, 1001, 1002, 1003} {
		a := &actor{
			peer: newPeer(p.t, l.Dial()), ext: ext, line: csta.DeviceID(fmt.Sprintf("tel:+1555%d", ext)), local: map[csta.CallID]csta.State{},
			open: map[int]csta.Request{}, heard: map[csta.CallID]bool{},
		}
		a.signIn(string(a.line))
		p.actors = append(p.actors, a)
	}
	for len(p.program) > 0 {
		switch p.next(8) {
		case 0, 1:
			p.hands()
		case 2: // several at once
			for range 2 + p.next(5) {
				p.actors[p.next(len(p.actors))].begin(p)
			}
			if p.next(2) == 0 {
				p.hands()
			}
		case 3:
			p.h.clock.Advance([]time.Duration{time.Second, 5 * time.Second, 20 * time.Second}[p.next(3)])
		default: // one, with nothing else under way: what comes before its answer is wrong
			a := p.actors[p.next(len(p.actors))]
			p.settle()
			a.events = 0
			q := a.begin(p)
			for len(a.open) > 0 {
				if a.take(a.read()); a.events > 0 && len(a.open) > 0 {
					p.t.Fatalf("%d: an event came before the answer to %s", a.ext, q.Service())
				}
			}
		}
		p.settle()
		for _, a := range p.actors {
			a.compare()
		}
	}
}

// settle waits until every answer and every event has come.
func (p *play) settle() {
	for _, a := range p.actors {
		for len(a.open) > 0 {
			a.take(a.read())
		}
	}
	_ = p.h.pbx.Phone(1020).SetDoNotDisturb(false) // lets the PBX tell what it has not told yet
	for _, a := range p.actors {
		a.n++
		branch := fmt.Sprintf("settle%d", a.n)
		a.send(a.in("OPTIONS", branch, 100_000+a.n, "", ""))
		for {
			g := a.read()
			if strings.Contains(g.header("Via"), branch) {
				break
			}
			a.take(g)
		}
	}
}

// connection gives, mostly, one of the actor's connections that is in the state; else any that there is, or one that never was.
func (p *play) connection(a *actor, state csta.State) csta.ConnectionID {
	if p.next(4) > 0 {
		for _, id := range slices.Sorted(maps.Keys(a.local)) {
			if a.local[id] == state {
				return csta.ConnectionID{Call: id, Device: a.line}
			}
		}
	}
	s, _ := p.h.board.Snapshot(switchboard.Principal{User: "test", Via: "http", Line: a.line}, switchboard.Filter{All: true})
	calls := slices.Sorted(maps.Keys(a.local))
	for _, c := range s.Calls {
		calls = append(calls, c.ID)
	}
	calls = append(calls, "sim-none")
	c := csta.ConnectionID{Call: calls[p.next(len(calls))], Device: a.line}
	switch p.next(8) {
	case 0:
		c.Device = ""
	case 1:
		c.Device = p.device()
	}
	return c
}

func (p *play) device() csta.DeviceID {
	all := []csta.DeviceID{"tel:+15551001", "tel:+15551002", "tel:+15551003", "tel:+15551004", "tel:+15559000010", "tel:+15559000002", "1002", "tel:+19"}
	return all[p.next(len(all))]
}

// begin sends one request.
func (a *actor) begin(p *play) csta.Request {
	var q csta.Request
	switch c := func(s csta.State) csta.ConnectionID { return p.connection(a, s) }; p.next(18) {
	case 0, 1, 2:
		q = csta.MakeCall{CallingDevice: a.line, CalledDirectoryNumber: p.device(), AutoOriginate: []csta.AutoOriginate{"", csta.AutoOriginateDoNotPrompt, csta.AutoOriginateDoNotPrompt}[p.next(3)]}
	case 3, 4:
		q = csta.AnswerCall{CallToBeAnswered: c(csta.Alerting)}
	case 5, 6:
		q = csta.ClearConnection{ConnectionToBeCleared: c(csta.Connected)}
	case 7:
		q = csta.HoldCall{CallToBeHeld: c(csta.Connected)}
	case 8:
		q = csta.RetrieveCall{CallToBeRetrieved: c(csta.Hold)}
	case 9:
		q = csta.ConsultationCall{ExistingCall: c(csta.Connected), ConsultedDevice: p.device()}
	case 10:
		q = csta.AlternateCall{HeldCall: c(csta.Hold), ActiveCall: c(csta.Connected)}
	case 11:
		q = csta.ReconnectCall{ActiveCall: c(csta.Connected), HeldCall: c(csta.Hold)}
	case 12:
		q = csta.TransferCall{HeldCall: c(csta.Hold), ActiveCall: c(csta.Connected)}
	case 13:
		q = csta.ConferenceCall{HeldCall: c(csta.Hold), ActiveCall: c(csta.Connected)}
	case 14:
		q = csta.SingleStepTransferCall{ActiveCall: c(csta.Connected), TransferredTo: p.device()}
	case 15:
		q = csta.DeflectCall{CallToBeDiverted: c(csta.Alerting), NewDestination: p.device()}
	case 16:
		q = csta.ConsultationCall{ExistingCall: c(csta.Connected), ConsultedDevice: p.device()}
	default:
		q = csta.SetDoNotDisturb{Device: a.line, DoNotDisturbOn: p.next(2) == 0}
	}
	a.send(a.request("INFO", encode(q)))
	a.open[a.cseq] = q
	return q
}

// hands do something at one of the phones, where they can.
func (p *play) hands() {
	at := p.h.pbx.Phone(1001 + p.next(4))
	if p.next(5) == 0 {
		at = p.h.pbx.Outside("tel:+15559000010")
	}
	switch p.next(7) {
	case 0, 1:
		_ = at.Dial(p.device())
	case 2, 3:
		_ = at.Answer()
	case 4:
		_ = at.HangUp()
	case 5:
		_ = at.Hold()
	case 6:
		_ = at.Transfer()
	}
}

// take takes one message.
func (a *actor) take(g got) {
	a.t.Helper()
	m := func() csta.Message { return g.message(a.t) }
	if strings.HasPrefix(g.start, "INFO ") {
		a.events++
		a.hear(m().(csta.Event))
		return
	}
	number, _, _ := strings.Cut(g.header("CSeq"), " ")
	n, _ := strconv.Atoi(number)
	q, asked := a.open[n]
	if !asked {
		a.t.Fatalf("%d: an answer to nothing, or a second one: %s%s", a.ext, g.head, g.body)
	}
	delete(a.open, n)
	if g.status() != 200 {
		a.t.Fatalf("%d: %s was answered %s", a.ext, q.Service(), g.start)
	}
	var made csta.CallID
	switch r := m().(type) {
	case csta.MakeCallResponse:
		made = r.CallingDevice.Call
	case csta.ConsultationCallResponse:
		made = r.InitiatedCall.Call
	case *csta.Error:
	default:
		if want := string(q.Service()) + "Response"; r.Element() != want {
			a.t.Fatalf("%d: %s was answered by %s", a.ext, q.Service(), r.Element())
		}
	}
	if made != "" && a.heard[made] {
		a.t.Fatalf("%d: events of %s came before the answer to %s", a.ext, made, q.Service())
	}
}

// legal says from where to where an event moves the connection that it names (ECMA-269, 6.1.5 and 17.2). From null: the first that is heard of it.
var legal = map[string]map[csta.State][]csta.State{
	"ServiceInitiated":  {csta.Initiated: {csta.Null}},
	"Originated":        {csta.Connected: {csta.Null, csta.Initiated}},
	"NetworkReached":    {csta.Connected: {csta.Null, csta.Connected}},
	"Delivered":         {csta.Alerting: {csta.Null, csta.Initiated, csta.Queued, csta.Alerting}},
	"Offered":           {csta.Alerting: {csta.Null, csta.Queued}},
	"Established":       {csta.Connected: {csta.Null, csta.Initiated, csta.Alerting, csta.Queued}},
	"Held":              {csta.Hold: {csta.Connected}},
	"Retrieved":         {csta.Connected: {csta.Hold}},
	"Queued":            {csta.Queued: {csta.Null, csta.Alerting, csta.Initiated, csta.Connected}},
	"Failed":            {csta.Fail: {csta.Null, csta.Initiated, csta.Alerting, csta.Queued, csta.Connected}},
	"ConnectionCleared": {csta.Null: {csta.Initiated, csta.Alerting, csta.Connected, csta.Hold, csta.Queued, csta.Fail}},
	"Diverted":          {csta.Null: {csta.Alerting, csta.Queued, csta.Connected}},
}

// hear takes an event over, if it is legal.
func (a *actor) hear(e csta.Event) {
	a.t.Helper()
	name := strings.TrimSuffix(e.Element(), "Event")
	var subject csta.ConnectionID
	var local csta.State
	switch e := e.(type) {
	case csta.ServiceInitiatedEvent:
		subject, local = e.InitiatedConnection, e.LocalConnectionInfo
	case csta.OriginatedEvent:
		subject, local = e.OriginatedConnection, e.LocalConnectionInfo
	case csta.NetworkReachedEvent:
		subject, local = e.OutboundConnection, e.LocalConnectionInfo
	case csta.DeliveredEvent:
		subject, local = e.Connection, e.LocalConnectionInfo
	case csta.OfferedEvent:
		subject, local = e.OfferedConnection, e.LocalConnectionInfo
	case csta.EstablishedEvent:
		subject, local = e.EstablishedConnection, e.LocalConnectionInfo
	case csta.HeldEvent:
		subject, local = e.HeldConnection, e.LocalConnectionInfo
	case csta.RetrievedEvent:
		subject, local = e.RetrievedConnection, e.LocalConnectionInfo
	case csta.QueuedEvent:
		subject, local = e.QueuedConnection, e.LocalConnectionInfo
	case csta.FailedEvent:
		subject, local = e.FailedConnection, e.LocalConnectionInfo
	case csta.ConnectionClearedEvent:
		subject, local = e.DroppedConnection, e.LocalConnectionInfo
	case csta.DivertedEvent:
		subject, local = e.Connection, e.LocalConnectionInfo
	case csta.TransferedEvent:
		a.rearrange(e.PrimaryOldCall, e.SecondaryOldCall, e.TransferredConnections, e.LocalConnectionInfo)
		return
	case csta.ConferencedEvent:
		a.rearrange(e.PrimaryOldCall, e.SecondaryOldCall, e.ConferenceConnections, e.LocalConnectionInfo)
		return
	case csta.DoNotDisturbEvent:
		return
	default:
		a.t.Fatalf("%d: %s, which nobody caused", a.ext, name)
	}
	a.heard[subject.Call] = true
	before, known := a.local[subject.Call]
	if !known {
		before = csta.Null
	}
	switch {
	case subject.Device == a.line:
		if !slices.Contains(legal[name][local], before) {
			a.t.Fatalf("%d: %s of its own %s goes from %s to %s", a.ext, name, subject.Call, before, local)
		}
	case known && before != local, !known && local == csta.Null:
		a.t.Fatalf("%d: %s of %s's %s, and its own goes from %s to %s", a.ext, name, subject.Device, subject.Call, before, local)
	}
	if a.local[subject.Call] = local; local == csta.Null {
		delete(a.local, subject.Call)
	}
}

// rearrange takes a transfer or a conference over: what was known under the old names goes on under the new one.
func (a *actor) rearrange(primary csta.ConnectionID, secondary *csta.ConnectionID, list []csta.ConnectionListItem, local csta.State) {
	a.t.Helper()
	_, known := a.local[primary.Call]
	delete(a.local, primary.Call)
	if secondary != nil {
		_, also := a.local[secondary.Call]
		known = known || also
		delete(a.local, secondary.Call)
	}
	if !known && local == csta.Null {
		a.t.Fatalf("%d: a rearrangement of calls that it has not heard of, and has left", a.ext)
	}
	if len(list) == 0 {
		a.t.Fatalf("%d: a rearrangement of nothing", a.ext)
	}
	result := list[0].NewConnection.Call
	a.heard[result] = true
	if local != csta.Null {
		a.local[result] = local
	}
}

// compare asks what there is, and holds it against what the events told.
func (a *actor) compare() {
	a.t.Helper()
	r, ok := a.ask(csta.SnapshotDevice{SnapshotObject: a.line}).(csta.SnapshotDeviceResponse)
	if !ok {
		a.t.Fatalf("%d: SnapshotDevice was refused", a.ext)
	}
	truth := map[csta.CallID]csta.State{}
	if d := r.CrossRefIDorSnapshotData.SnapshotData; d != nil {
		for _, i := range d.SnapshotDeviceResponseInfo {
			truth[i.ConnectionIdentifier.Call] = ownState(i)
		}
	}
	if !maps.Equal(truth, a.local) {
		a.t.Fatalf("%d: the events told %v, SnapshotDevice says %v", a.ext, a.local, truth)
	}
}

// ownState is the device's own state in a call: the first of those that are listed (ECMA-269, 12.2.6).
func ownState(i csta.SnapshotDeviceResponseInfo) csta.State {
	if s := i.LocalCallState.CompoundCallState; s != nil && len(s.LocalConnectionState) > 0 {
		return s.LocalConnectionState[0]
	}
	return ""
}
