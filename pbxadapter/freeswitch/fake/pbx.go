// Package fake is a small FreeSWITCH for tests: it does what the real one was seen to do, by the same commands, with the same events (a test of the
// adapter compares the two). Its phones are 201 to 206, of which the last is not registered. They obey NOTIFY talk and hold, answer by themselves when
// asked to, and have people, who are the hands. Nothing but tests imports it.
package fake

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Config says what is special about it.
type Config struct {
	Password string
	Barred   []string // phones whose context, barred, leads to no number that begins with 00
}

// Mood is what is wrong with it.
type Mood struct {
	User     string // whose password it takes, by userauth; empty: its own, by auth
	Password string // that it takes
	Allowed  string // events that the user may hear; empty: all
	Rude     bool   // it rejects connections
	Down     bool   // it closes them
	Silent   bool   // it takes commands and does nothing
	Idle     bool   // it says to everything that it has been done, and does nothing
}

// PBX is the fake.
type PBX struct {
	conf Config

	mu        sync.Mutex
	mood      Mood
	core      string
	seq       int
	legs      map[string]*leg
	order     []string
	links     map[*link]bool
	db        map[string]string
	rooms     map[string][]*leg
	commands  []string
	before    string // how the command begins before which happening comes
	happening func()
	said      []string          // what was said to it, word for word
	outside   []string          // numbers that were called there
	counted   int               // commands
	killAfter int               // after so many of them every link is dead
	frozen    bool              // nobody's commands are taken
	refused   string            // how the next command begins that is refused
	heard     map[string]string // digits, by who hears them
	lost      map[string]bool   // legs of which nobody hears any more, and events that nobody hears
}

// fleg is a channel.
type leg struct {
	id, user, number     string // user: one of our phones; number: outside
	inbound, ans, held   bool
	dead, parked, unseen bool
	slot                 bool   // where it is parked is a slot of the valet parking lot
	waits                bool   // in the queue app, for a member
	member               *leg   // for whom this one, a member's, is rung
	hidden               bool   // its number is not to be shown
	deaf                 bool   // it does nothing when it is told to
	cause                string // of its end
	app                  string // by which it is parked; empty: because a talk is over
	end, then            string // of a loopback: A or B, and what a is to do
	other                *leg   // its other end
	vars                 map[string]string
	peer, parent         *leg
	rings                []*leg
	takes                *leg // who rings, and was taken from another one for it
	dest, rdnis, cid     string
	room, export, status string   // status: of the SIP message by which its phone ended it
	next                 []string // applications still to run
	onAnswer             func()
}

// flink is one connection.
type link struct {
	nc     net.Conn
	wmu    sync.Mutex
	events bool
	names  map[string]bool
}

// New makes one. It listens nowhere.
func New(c Config) *PBX {
	return &PBX{
		conf: c, mood: Mood{Password: c.Password}, core: newID(), legs: map[string]*leg{}, links: map[*link]bool{}, db: map[string]string{}, rooms: map[string][]*leg{},
		lost: map[string]bool{}, heard: map[string]string{},
	}
}

// Serve takes connections until the listener is closed, and then waits until the last one has ended.
func (f *PBX) Serve(ln net.Listener) {
	var serving sync.WaitGroup
	defer serving.Wait()
	for {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		serving.Go(func() { f.Talk(nc) })
	}
}

// Cut closes every connection.
func (f *PBX) Cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for l := range f.links {
		_ = l.nc.Close()
	}
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

func (l *link) send(head, body string) {
	if body != "" {
		head += "\nContent-Length: " + strconv.Itoa(len(body))
	}
	l.wmu.Lock()
	defer l.wmu.Unlock()
	_, _ = l.nc.Write([]byte(head + "\n\n" + body))
}

// Goodbye is the body of a disconnect notice.
const Goodbye = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"

// Talk is one connection to the event socket.
func (f *PBX) Talk(nc net.Conn) {
	defer nc.Close()
	l := &link{nc: nc, names: map[string]bool{}}
	f.mu.Lock()
	mood := f.mood
	if !mood.Down {
		f.links[l] = true
	}
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.links, l)
		f.mu.Unlock()
	}()
	switch {
	case mood.Down:
		return
	case mood.Rude:
		l.send("Content-Type: text/rude-rejection", "Access Denied, go away.\n")
		return
	}
	l.send("Content-Type: auth/request", "")
	r := bufio.NewReader(nc)
	open := false
	for {
		head, _, ok := readCommand(r)
		if !ok {
			return
		}
		verb, rest, _ := strings.Cut(head[0], " ")
		f.mu.Lock()
		f.said = append(f.said, strings.Join(head, "\n"))
		f.mu.Unlock()
		switch {
		case verb == "auth" && mood.User == "" && rest == mood.Password, verb == "userauth" && mood.User != "" && rest == mood.User+":"+mood.Password:
			open = true
			reply := "Content-Type: command/reply\nReply-Text: +OK accepted"
			if mood.Allowed != "" {
				reply += "\nAllowed-Events: " + mood.Allowed
			}
			l.send(reply, "")
		case !open:
			l.send("Content-Type: command/reply\nReply-Text: -ERR invalid", "")
			l.send("Content-Type: text/disconnect-notice", Goodbye)
			return
		case verb == "event" && mood.Allowed != "" && slices.ContainsFunc(strings.Fields(rest)[1:], func(n string) bool {
			return !slices.Contains(strings.Fields(mood.Allowed), n)
		}):
			l.send("Content-Type: command/reply\nReply-Text: -ERR permission denied", "")
		case verb == "event":
			f.mu.Lock()
			l.events = true
			for _, n := range strings.Fields(rest) {
				l.names[n] = true
			}
			f.mu.Unlock()
			l.send("Content-Type: command/reply\nReply-Text: +OK event listener enabled json", "")
		case verb == "bgapi":
			job := newID()
			for _, h := range head[1:] {
				if v, ok := strings.CutPrefix(h, "Job-UUID: "); ok {
					job = v
				}
			}
			l.send("Content-Type: command/reply\nReply-Text: +OK Job-UUID: "+job+"\nJob-UUID: "+job, "")
			f.mu.Lock()
			f.api(rest, func(result string) {
				f.fire("BACKGROUND_JOB", nil, map[string]string{"Job-UUID": job, "_body": result + "\n"})
			})
			f.mu.Unlock()
		case verb == "sendevent":
			m := map[string]string{}
			for _, h := range head[1:] {
				k, v, _ := strings.Cut(h, ": ")
				m[k] = v
			}
			f.mu.Lock()
			f.commands = append(f.commands, strings.Join(head, "\n"))
			l.send("Content-Type: command/reply\nReply-Text: +OK "+newID(), "")
			if !f.mood.Idle {
				f.fire(rest, nil, m)
			}
			f.mu.Unlock()
		default:
			l.send("Content-Type: command/reply\nReply-Text: -ERR command not found", "")
		}
	}
}

// readCommand reads the lines of a command, up to the empty one.
func readCommand(r *bufio.Reader) ([]string, string, bool) {
	var head []string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, "", false
		}
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			head = append(head, line)
		} else if len(head) > 0 {
			return head, "", true
		}
	}
}

// fire tells an event to everybody. It is called with the lock, as everything below.
func (f *PBX) fire(name string, l *leg, more map[string]string) {
	f.seq++
	if f.lost[name] {
		return
	}
	m := map[string]string{"Event-Name": name, "Core-UUID": f.core, "Event-Sequence": strconv.Itoa(f.seq)}
	if strings.Contains(name, "::") {
		m["Event-Name"], m["Event-Subclass"] = "CUSTOM", name
	}
	if l != nil {
		if f.lost[l.id] {
			return
		}
		f.describe(l, m)
	}
	for k, v := range more {
		m[k] = v
	}
	text, _ := json.Marshal(m)
	for k := range f.links {
		if k.events && k.names[name] {
			k.send("Content-Type: text/event-json", string(text))
		}
	}
}

// describe puts what every event about a leg says of it.
func (f *PBX) describe(l *leg, m map[string]string) {
	m["Unique-ID"], m["Caller-Caller-ID-Number"], m["Caller-Destination-Number"] = l.id, l.cid, l.dest
	m["Call-Direction"], m["Channel-Name"] = "outbound", "sofia/desk/"+l.user+l.number+"@127.0.0.1"
	m["Caller-Channel-Created-Time"] = strconv.Itoa(1_000_000 + slices.Index(f.order, l.id))
	m["Answer-State"], m["Channel-Call-State"] = "ringing", "RINGING"
	if l.end != "" {
		m["Channel-Name"] = "loopback/" + l.dest + "-" + strings.ToLower(l.end)
		m["variable_loopback_leg"], m["variable_other_loopback_leg_uuid"] = l.end, l.other.id
	}
	switch {
	case l.inbound:
		m["Call-Direction"] = "inbound"
		if l.user != "" {
			m["variable_user_name"], m["Caller-Username"] = l.user, l.user
		}
	case l.user != "":
		m["Channel-Presence-ID"], m["variable_dialed_user"] = l.user+"@pbx.test", l.user
	}
	if l.ans {
		m["Answer-State"], m["Channel-Call-State"] = "answered", "ACTIVE"
	}
	if l.hidden || l.parent != nil && l.parent.hidden {
		m["Caller-Privacy-Hide-Number"] = "true"
	}
	if l.held {
		m["Channel-Call-State"] = "HELD"
	}
	if l.status != "" {
		m["variable_sip_term_status"] = l.status
	}
	if l.rdnis != "" {
		m["Caller-RDNIS"] = l.rdnis
	}
	if l.parent != nil {
		m["variable_originating_leg_uuid"] = l.parent.id
		if !l.parent.dead {
			m["Other-Type"], m["Other-Leg-Unique-ID"] = "originator", l.parent.id
		}
	}
	for _, o := range []*leg{l.peer, l.takes} {
		if o != nil {
			m["variable_signal_bond"] = o.id
		}
	}
	if o := l.parent; o != nil && o.takes == l {
		m["variable_signal_bond"] = o.id
	}
	if o := l.member; o != nil {
		m[map[string]string{"fifo": "variable_fifo_bridge_uuid", "callcenter": "variable_cc_member_session_uuid"}[o.app]] = o.id
	}
	if l.waits {
		m["variable_current_application"] = l.app
		if l.app == "fifo" {
			m["variable_fifo_status"] = "WAITING"
		} else {
			m["variable_cc_side"] = "member"
		}
	}
	if l.room != "" {
		m["variable_conference_uuid"], m["variable_conference_name"], m["variable_current_application"] = "id-"+l.room, l.room, "conference"
	}
	switch {
	case l.app != "": // it stays, also when that is past
		m["variable_current_application"] = l.app
	case l.parked: // what it ran last stays
		m["Channel-State"], m["variable_current_application"] = "CS_PARK", "bridge"
	}
	for k, v := range l.vars {
		m["variable_"+k] = v
	}
}

func (f *PBX) leg(user string, inbound bool, id string) *leg {
	if id == "" {
		id = newID()
	}
	l := &leg{id: id, user: user, inbound: inbound, vars: map[string]string{"hangup_after_bridge": "true"}}
	f.legs[id] = l
	f.order = append(f.order, id)
	return l
}

// newest is the phone's leg that is in a state, newest first.
func (f *PBX) newest(user string, is func(*leg) bool) (*leg, error) {
	for _, id := range slices.Backward(f.order) {
		if l := f.legs[id]; l != nil && l.user+l.number == user && is(l) {
			return l, nil
		}
	}
	return nil, fmt.Errorf("fake: %s has no such leg", user)
}
