// Package fake is a small Asterisk for tests: phones, a trunk, a car park and conference rooms, seen and moved through the manager interface. It says
// what the recorded one says (a test compares the two), and what people do at phones its hands do. Nothing but tests imports it.
package fake

import (
	"fmt"
	"net"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Config says what phones there are.
type Config struct {
	Phones     []string            // endpoints, which are numbers too
	Deaf       []string            // phones that do not obey NOTIFY
	Agents     map[string]string   // User-Agents of phones; a Yealink's where there is none
	Boxes      map[string]string   // mailboxes of phones, by comma; its number's in default where there is none
	Slots      [2]int              // of the car park
	Context    string              // of our dialplan lines; empty: csta
	Lines      bool                // they are there
	WholeRooms bool                // … and name a room by the whole extension
	Rights     []string            // actions that the account may not do
	Missing    []string            // actions whose modules are not loaded
	Silent     []string            // actions that are never answered
	Loading    bool                // it does not say that it has booted, until Booted
	FreePBX    bool                // the dialplan looks for forwarding where FreePBX does
	Queues     map[string][]string // members of each
	Groups     map[string][]string // numbers that ring several phones
	Calls      map[string]string   // call groups of phones; 1 where there is none. All may pick up group 1
	Barred     []string            // phones whose context, internal-barred, leads to no number that begins with 900
	Refuses    bool                // … it has them, and hangs up
	Version    string
	Secret     string
	Release    time.Duration // between what is done and that it is told; 0: at once
}

// PBX is the fake.
type PBX struct {
	conf    Config
	mu      sync.Mutex
	started time.Time
	last    int
	lastCh  int
	chans   []*channel
	phones  map[string]*phone
	bridges map[string]*bridge
	db      map[string]string
	states  map[string]string
	mwi     map[string]bool
	parked  map[string]*channel
	session map[*session]bool
	dropped map[string]int // events that are lost on the way, and how often
	refuse  bool           // connections
	private bool           // callers from outside withhold their number
	actions []string       // what was asked for, in order
	after   func(action string) bool
	lists   int // how often Status was asked for
	listed  func(n int)
	asked   map[string]int
	pressed map[string]string // keys that came to endpoints
	heard   []byte            // all that was said to it
	outside []string
	anew    int // how many actions that do something are left until it says that it has booted
}

type phone struct {
	endpoint string
	out      bool
	busy     bool
	mute     bool // it does not answer by itself
}

type channel struct {
	name, id, linked string
	endpoint         string
	state            int
	ctx, exten       string
	dnid             string
	app, data        string
	cid, conn        string
	vars             map[string]string
	bridge           *bridge
	held             bool // by its peer
	holding          bool
	caller           *channel
	dests            []*channel
	originate        *originate
	half             *channel
	gone             bool
	parkedIn, parker string
	born             time.Time
	forwarded        bool
	declined         bool // at the phone, while it rang
	hops             int  // how often its call was forwarded
}

type originate struct {
	actionID, exten, ctx, app, data string
}

type bridge struct {
	id      string
	kind    string // basic, base, parking
	name    string
	members []*channel
}

// New makes one.
func New(c Config) *PBX {
	if c.Context == "" {
		c.Context = "csta"
	}
	if c.Version == "" {
		c.Version = "23.4.1"
	}
	p := &PBX{
		conf: c, started: time.Now().Truncate(time.Second), phones: map[string]*phone{}, bridges: map[string]*bridge{}, db: map[string]string{},
		states: map[string]string{}, mwi: map[string]bool{}, parked: map[string]*channel{}, session: map[*session]bool{}, dropped: map[string]int{}, asked: map[string]int{},
		pressed: map[string]string{},
	}
	for _, n := range c.Phones {
		p.phones[n] = &phone{endpoint: n}
	}
	return p
}

// Dial connects a manager client.
func (p *PBX) Dial() (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse {
		return nil, fmt.Errorf("fake: connection refused")
	}
	client, server := net.Pipe()
	s := newSession(p, server)
	p.session[s] = true
	return client, nil
}

// Serve lets manager clients in by a listener, until that is closed.
func (p *PBX) Serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		if p.refuse {
			_ = c.Close()
		} else {
			p.session[newSession(p, c)] = true
		}
		p.mu.Unlock()
	}
}

// Cut loses every connection, and refuses new ones until Restore.
func (p *PBX) Cut() {
	p.mu.Lock()
	p.refuse = true
	all := p.session
	p.session = map[*session]bool{}
	p.mu.Unlock()
	for s := range all {
		s.close()
	}
}

// Restore accepts connections again.
func (p *PBX) Restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = false
}

// Restart ends every call without a word, and every connection.
func (p *PBX) Restart() {
	p.Cut()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.chans, p.bridges, p.parked = nil, map[string]*bridge{}, map[string]*channel{}
	p.started = p.started.Add(time.Hour)
	p.refuse = false
}

// Renewed is a restart after which there are other calls, which have the former ones' ids.
func (p *PBX) Renewed() {
	p.Cut()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.started = p.started.Add(time.Hour)
	for _, c := range p.chans {
		c.born = time.Now()
	}
	p.refuse = false
}

// Lose has the next event of that name lost on the way.
func (p *PBX) Lose(event string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropped[event]++
}

// Stop has f called after each action that does something; true cuts every connection at that point.
func (p *PBX) Stop(f func(action string) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.after = f
}

// Deaf says whether a phone obeys NOTIFY.
func (p *PBX) deaf(endpoint string) bool {
	for _, d := range p.conf.Deaf {
		if d == endpoint {
			return true
		}
	}
	return false
}

// class is the dialplan context of a phone.
func (p *PBX) class(endpoint string) string {
	if slices.Contains(p.conf.Barred, endpoint) {
		return "internal-barred"
	}
	return "internal"
}

func (p *PBX) newChannel(endpoint string, state int, linked, id string) *channel {
	p.last++
	p.lastCh++
	c := &channel{
		name: fmt.Sprintf("PJSIP/%s-%08x", endpoint, p.lastCh), id: fmt.Sprintf("%d.%d", p.started.Unix(), p.last), endpoint: endpoint, state: state, cid: endpoint,
		vars: map[string]string{}, ctx: "internal", exten: "s", born: time.Now(),
	}
	if id != "" {
		c.id = id
	}
	c.linked = c.id
	if linked != "" {
		c.linked = linked
	}
	p.chans = append(p.chans, c)
	return c
}

var stateNames = map[int]string{0: "Down", 4: "Ring", 5: "Ringing", 6: "Up", 7: "Busy"}

// head is what every event about a channel says of it.
func (c *channel) head(prefix string) []string {
	or := func(s string) string {
		if s == "" {
			return "<unknown>"
		}
		return s
	}
	return []string{
		prefix + "Channel: " + c.name, prefix + "ChannelState: " + strconv.Itoa(c.state), prefix + "ChannelStateDesc: " + stateNames[c.state],
		prefix + "CallerIDNum: " + or(c.cid), prefix + "CallerIDName: <unknown>", prefix + "ConnectedLineNum: " + or(c.conn),
		prefix + "ConnectedLineName: <unknown>", prefix + "Language: en", prefix + "AccountCode: ", prefix + "Context: " + c.ctx,
		prefix + "Exten: " + c.exten, prefix + "Priority: 1", prefix + "Uniqueid: " + c.id, prefix + "Linkedid: " + c.linked,
	}
}

// emit tells an event to everybody who is connected.
func (p *PBX) emit(name string, fields ...[]string) {
	if p.dropped[name] > 0 {
		p.dropped[name]--
		return
	}
	var b strings.Builder
	b.WriteString("Event: " + name + "\r\nPrivilege: call,all\r\n")
	for _, list := range fields {
		for _, f := range list {
			b.WriteString(f + "\r\n")
		}
	}
	b.WriteString("\r\n")
	for s := range p.session {
		if s.in {
			s.send(b.String())
		}
	}
}

func (b *bridge) head() []string {
	technology, creator := "simple_bridge", "<unknown>"
	switch b.kind {
	case "base":
		technology, creator = "softmix", "ConfBridge"
	case "parking":
		technology, creator = "holding_bridge", "Parking"
	}
	return []string{
		"BridgeUniqueid: " + b.id, "BridgeType: " + b.kind, "BridgeTechnology: " + technology, "BridgeCreator: " + creator, "BridgeName: " + b.name,
		"BridgeNumChannels: " + strconv.Itoa(len(b.members)),
	}
}

func (p *PBX) newBridge(kind, name string) *bridge {
	p.last++
	b := &bridge{id: fmt.Sprintf("bridge-%d", p.last), kind: kind, name: name}
	p.bridges[b.id] = b
	return b
}

func (p *PBX) enter(c *channel, b *bridge) {
	p.leave(c)
	c.bridge = b
	b.members = append(b.members, c)
	p.emit("BridgeEnter", b.head(), c.head(""))
	if b.kind == "basic" { // the oldest Linkedid of a bridge becomes everybody's, without a word
		oldest := c.linked
		for _, m := range b.members {
			if m.linked < oldest {
				oldest = m.linked
			}
		}
		for _, m := range b.members {
			m.linked = oldest
		}
	}
}

func (p *PBX) leave(c *channel) {
	b := c.bridge
	if b == nil {
		return
	}
	for i, m := range b.members {
		if m == c {
			b.members = append(b.members[:i], b.members[i+1:]...)
			break
		}
	}
	c.bridge, c.held = nil, false
	p.emit("BridgeLeave", b.head(), c.head(""))
	if len(b.members) == 0 {
		delete(p.bridges, b.id)
		p.emit("BridgeDestroy", b.head())
	}
}

func (p *PBX) setState(c *channel, s int) {
	if c.state == s || c.gone {
		return
	}
	c.state = s
	p.emit("Newstate", c.head(""))
}

// peer is the other one of a bridge of two.
func (c *channel) peer() *channel {
	if c.bridge == nil || len(c.bridge.members) != 2 || c.bridge.kind != "basic" {
		return nil
	}
	for _, m := range c.bridge.members {
		if m != c {
			return m
		}
	}
	return nil
}

func (p *PBX) named(name string) *channel {
	for _, c := range p.chans {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (p *PBX) deviceState(endpoint string) {
	state := "NOT_INUSE"
	if ph := p.phones[endpoint]; ph != nil && ph.out {
		state = "UNAVAILABLE"
	}
	p.emit("DeviceStateChange", []string{"Device: PJSIP/" + endpoint, "State: " + state})
}

// list gives the channels, in a settled order.
func (p *PBX) list() []*channel {
	l := append([]*channel(nil), p.chans...)
	sort.Slice(l, func(i, j int) bool { return l[i].name < l[j].name })
	return l
}
