package asterisk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// player is Asterisk as a recording has it: it says the recorded events at their times, waits for the recorded actions, and makes lists of what it
// has said. It runs in a bubble of fake time, beside the real adapter.
type player struct {
	t       *testing.T
	steps   []step
	script  []ask
	deaf    bool
	w       *world
	began   time.Time
	rename  map[string]string // the recorder's ChannelIds to ours
	reqs    chan map[string][]string
	conns   chan net.Conn
	conn    net.Conn
	mu      sync.Mutex
	writing sync.Mutex
	odd     *rand.Rand // writes in odd sizes
	lists   int
	lostOn  string
	slow    int // the step before which Asterisk takes its time, where a request is under way; 0: none

	adapter *Adapter
	model   *callmodel.Model
	told    []callmodel.Told
	synced  int
	failed  []string
	busy    atomic.Int32 // requests under way
	broken  atomic.Bool  // the link was lost while one was: what is left of it the recording does without us
	stands  []string     // at quiet moments
	wg      sync.WaitGroup
}

// ask is a request of a client at the point where the recorder acted, and how many of the recorder's actions it stands for.
type ask struct {
	request func(*player) csta.Request
	actions int
	refused *csta.Error
}

func newPlayer(t *testing.T, steps []step, s scene) *player {
	p := &player{
		t: t, steps: steps, script: s.asks, deaf: s.deaf, w: newWorld(), rename: map[string]string{}, reqs: make(chan map[string][]string, 64),
		conns: make(chan net.Conn, 1), model: callmodel.New(),
	}
	c := defaults()
	c.Address, c.Username, c.Secret, c.Login = "127.0.0.1:1", "farhook", "s3cret", "plain"
	c.Digits = true
	if s.deaf {
		c.Styles = []StyleRow{{"yealink", Style{Header: s.header, Notify: "no"}}}
	}
	a, err := New(pbxadapter.Options{Name: "pbx", Log: zap.NewNop(), Numbers: pbxadapter.PlainNumbers{}}, c)
	if err != nil {
		t.Fatal(err)
	}
	a.dial = func(ctx context.Context) (net.Conn, error) {
		client, server := net.Pipe()
		select {
		case p.conns <- server:
			return client, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	p.adapter = a
	return p
}

func (p *player) Devices([]pbxadapter.Device) {}
func (p *player) Resync(s callmodel.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = append(p.told, p.model.Resync(s, time.Now())...)
	p.synced++
}

func (p *player) Report(f callmodel.Fact) {
	p.mu.Lock()
	defer p.mu.Unlock()
	odd := p.model.Odd()
	p.told = append(p.told, p.model.Apply(f)...)
	if p.model.Odd() != odd {
		p.failed = append(p.failed, fmt.Sprintf("a fact that the table does not know: %+v", f))
	}
}

// at is the connection of a device in its newest call, or in the one in a state.
func (p *player) at(d csta.DeviceID, states ...csta.State) csta.ConnectionID {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := p.model.At(d)
	for _, c := range slices.Backward(calls) {
		for _, l := range c.Legs {
			if l.Device == d && (len(states) == 0 || slices.Contains(states, l.State)) {
				return csta.ConnectionID{Call: c.ID, Device: d}
			}
		}
	}
	p.failed = append(p.failed, fmt.Sprintf("%s has no call that is %v", d, states))
	return csta.ConnectionID{}
}

func (p *player) write(text string) {
	p.writing.Lock()
	defer p.writing.Unlock()
	c := p.conn
	if c == nil {
		return
	}
	if p.odd == nil {
		_, _ = c.Write([]byte(text))
		return
	}
	for text != "" {
		n := min(len(text), 1+p.odd.IntN(7)*p.odd.IntN(60))
		if _, err := c.Write([]byte(text[:n])); err != nil {
			return
		}
		text = text[n:]
	}
}

func (p *player) reply(q map[string][]string, response string, lines ...string) {
	p.write("Response: " + response + "\r\nActionID: " + q["ActionID"][0] + "\r\n" + strings.Join(append(lines, ""), "\r\n") + "\r\n")
}

func (p *player) list(q map[string][]string, done string, items ...string) {
	p.reply(q, "Success", "EventList: start", "Message: a list follows")
	for _, i := range items {
		name, rest, _ := strings.Cut(i, "\r\n")
		p.write(name + "\r\nActionID: " + q["ActionID"][0] + "\r\n" + rest + "\r\n")
	}
	p.write("Event: " + done + "\r\nActionID: " + q["ActionID"][0] + "\r\nEventList: Complete\r\nListItems: " + fmt.Sprint(len(items)) + "\r\n\r\n")
}

// connect waits for the adapter, and until it has what it wants to know.
func (p *player) connect() {
	c := <-p.conns
	p.writing.Lock()
	p.conn = c
	p.writing.Unlock()
	before := p.synced
	_, _ = c.Write([]byte("Asterisk Call Manager/12.0.0\r\n"))
	go p.serve(c)
	for range 1000 {
		synctest.Wait()
		p.mu.Lock()
		done := p.synced > before
		p.mu.Unlock()
		if done {
			return
		}
		time.Sleep(time.Microsecond)
	}
	p.t.Fatal("the adapter does not connect")
}

// stand is who is in which state, as it was told.
func (p *player) stand() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []string
	for _, c := range p.model.State().Calls {
		var legs []string
		for _, l := range c.Legs {
			legs = append(legs, string(l.Device)+"="+string(l.State))
		}
		slices.Sort(legs)
		list = append(list, strings.Join(legs, " "))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func (p *player) lose() {
	p.writing.Lock()
	if p.conn != nil {
		_ = p.conn.Close()
	}
	p.conn = nil
	p.writing.Unlock()
	synctest.Wait()
}

// text is a message as it goes out, with the recorder's ids replaced.
func (p *player) text(s step) string {
	text := strings.Join(s.lines, "\r\n") + "\r\n\r\n"
	for theirs, ours := range p.rename {
		text = strings.ReplaceAll(text, theirs, ours)
	}
	return text
}

func (p *player) parsed(text string, at time.Duration) step {
	return step{at: at, lines: strings.Split(strings.TrimRight(text, "\r\n"), "\r\n")}
}

// play runs the whole recording. cut, if not negative, is the step before which the link is lost and built anew.
func (p *player) play(cut int) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p.wg.Go(func() { // the board's work: run it again
		for ctx.Err() == nil {
			if err := p.adapter.Run(ctx, p); err == nil && ctx.Err() == nil {
				p.failed = append(p.failed, "Run ended without a reason")
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	p.connect()
	p.began = time.Now()
	served := 0 // the recorder's actions that the request in progress stands for
	for i, s := range p.steps {
		if wait := time.Until(p.began.Add(s.at)); wait > 0 {
			time.Sleep(wait)
		}
		if i > 0 && s.at-p.steps[i-1].at > 250*time.Millisecond && p.conn != nil { // all doubts are settled
			p.stands = append(p.stands, fmt.Sprintf("%d %s", i, p.stand()))
		}
		if i == p.slow && i > 0 && p.busy.Load() > 0 {
			time.Sleep(300 * time.Millisecond)
			p.began = p.began.Add(300 * time.Millisecond)
		}
		if i == cut {
			if served > 0 || p.busy.Load() > 0 {
				p.broken.Store(true)
			}
			p.lose()
			if p.busy.Load() > 0 {
				p.failed = append(p.failed, "a request waits longer than the link lasts")
			}
			for len(p.reqs) > 0 {
				<-p.reqs
			}
			p.connect()
		}
		for served == 0 && len(p.reqs) > 0 {
			p.reply(<-p.reqs, "Success", "Message: done") // what the recorder did not do
		}
		again := slices.ContainsFunc(p.steps[i:], func(s step) bool { return strings.HasPrefix(s.note, "connection opened") })
		switch {
		case again && (strings.HasPrefix(s.note, "connection lost") || strings.HasPrefix(s.note, "connection closed")):
			p.lose()
		case strings.HasPrefix(s.note, "connection opened") && p.conn == nil:
			if p.lostOn == "restart" {
				p.mu.Lock()
				p.w.clear()
				p.mu.Unlock()
			}
			p.mu.Lock()
			p.w.load(p.steps[i:])
			p.mu.Unlock()
			p.connect()
		case s.client:
			served = p.act(ctx, s, served)
		case s.event() != "" && s.event() != "FullyBooted" && s.event() != "Shutdown":
			text := p.text(s)
			p.mu.Lock()
			p.w.see(p.parsed(text, s.at))
			p.mu.Unlock()
			p.write(text)
		}
		synctest.Wait()
	}
	time.Sleep(20 * time.Second)
	synctest.Wait()
	cancel()
	p.lose()
	p.wg.Wait()
}

// acting are the actions of the recorder's at which requests are made.
var acting = []string{"Originate", "Redirect", "Bridge", "Hangup", "PJSIPNotify", "BlindTransfer", "Park", "PlayDTMF", "DBPut", "DBDel", "MWIUpdate", "MWIDelete", "Setvar"}

// act makes the request that stands for the recorder's action, and holds what the adapter does against it.
func (p *player) act(ctx context.Context, s step, served int) int {
	name := s.get("Action")
	if served > 0 && p.broken.Load() && slices.Contains(acting, name) {
		return served - 1 // done, and not by us
	}
	if !slices.Contains(acting, name) || served == 0 && len(p.script) == 0 {
		return served
	}
	if served == 0 {
		p.broken.Store(false)
		a := p.script[0]
		p.script = p.script[1:]
		r := a.request(p)
		served = a.actions
		p.busy.Add(1)
		p.wg.Go(func() {
			defer p.busy.Add(-1)
			_, err := p.adapter.Services()[r.Service()](pbxadapter.WithOp(ctx, 7), r)
			if p.broken.Load() && (errors.Is(err, csta.ErrInternalResourceBusy) || errors.Is(err, csta.ErrResourceOutOfService)) {
				return
			}
			if a.refused == nil && err != nil && ctx.Err() == nil || a.refused != nil && !errors.Is(err, a.refused) {
				p.mu.Lock()
				p.failed = append(p.failed, fmt.Sprintf("%s: %v, want %v", r.Service(), err, a.refused))
				p.mu.Unlock()
			}
		})
		if a.actions == 0 {
			return 0
		}
	}
	for {
		select {
		case q := <-p.reqs:
			if q["Action"][0] != name {
				p.reply(q, "Success", "Message: done") // what the recorder did not do, such as noting a variable
				continue
			}
			p.compare(s, q)
			if theirs := s.get("ChannelId"); theirs != "" && len(q["ChannelId"]) > 0 {
				p.rename[theirs] = q["ChannelId"][0]
			}
			if name == "Originate" && s.get("Exten") == "555" {
				p.reply(q, "Error", "Message: Extension does not exist.")
			} else {
				p.reply(q, "Success", "Message: done")
			}
			return served - 1
		case <-time.After(5 * time.Second):
			p.failed = append(p.failed, fmt.Sprintf("the adapter never sent %s, which the recorder did", name))
			return served - 1
		}
	}
}

// compare holds an action of ours against the recorder's: what it is done to must be the same.
func (p *player) compare(s step, q map[string][]string) {
	for _, h := range []string{"Channel", "ExtraChannel", "Channel1", "Channel2", "Context", "Exten", "Application", "Data", "Family", "Key", "Val", "Mailbox", "Digit", "NewMessages"} {
		want := s.get(h)
		got := strings.Join(q[h], ",")
		if h == "Exten" && strings.HasPrefix(want, "55") && len(want) > 3 && strings.HasPrefix(got, "55") {
			for _, h := range []string{"Exten: 55", "Conference: ", "BridgeName: "} { // rooms have names of their own
				p.rename[h+want[2:]+"\r"] = h + got[2:] + "\r"
			}
			continue
		}
		if want != got {
			p.failed = append(p.failed, fmt.Sprintf("%s of %s is %q, the recorder had %q", h, s.get("Action"), got, want))
		}
	}
}
