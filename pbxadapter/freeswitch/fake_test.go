package freeswitch

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fake is a small FreeSWITCH: it does what the real one was seen to do, by the same commands, with the same events. TestFakeAsRecorded holds
// it against the recordings. Its phones obey NOTIFY talk and hold, answer by themselves when asked to, and have people (fakeHands).
type fake struct {
	t        testing.TB
	ln       net.Listener
	password string
	rude     bool // rejects the next connections

	mu        sync.Mutex
	core      string
	seq       int
	legs      map[string]*fleg
	order     []string
	links     map[*flink]bool
	down      bool
	db        map[string]string
	rooms     map[string][]*fleg
	commands  []string
	silent    bool            // takes commands and does nothing
	counted   int             // commands
	killAfter int             // after so many of them every link is dead
	frozen    bool            // nobody's commands are taken
	lost      map[string]bool // legs of which nobody hears any more, and events that nobody hears
}

// fleg is a channel.
type fleg struct {
	id, user, number     string // user: one of our phones; number: outside
	inbound, ans, held   bool
	dead, parked, unseen bool
	vars                 map[string]string
	peer, parent         *fleg
	rings                []*fleg
	dest, rdnis, cid     string
	room, export, status string   // status: of the SIP message by which its phone ended it
	next                 []string // applications still to run
	onAnswer             func()
}

// flink is one connection.
type flink struct {
	nc     net.Conn
	wmu    sync.Mutex
	events bool
	names  map[string]bool
}

// newFakePBX is one that listens nowhere: serve is its event socket.
func newFakePBX(t testing.TB) *fake {
	return &fake{
		t: t, password: "secret", core: newID(), legs: map[string]*fleg{}, links: map[*flink]bool{}, db: map[string]string{}, rooms: map[string][]*fleg{},
		lost: map[string]bool{},
	}
}

func (f *fake) address() string {
	if f.ln == nil {
		return "127.0.0.1:8021"
	}
	return f.ln.Addr().String()
}

func newFake(t testing.TB) *fake {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := newFakePBX(t)
	f.ln = ln
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { f.serve(nc) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		f.cut()
		serving.Wait()
	})
	return f
}

// cut closes every connection.
func (f *fake) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for l := range f.links {
		_ = l.nc.Close()
	}
}

func (l *flink) send(head, body string) {
	if body != "" {
		head += "\nContent-Length: " + strconv.Itoa(len(body))
	}
	l.wmu.Lock()
	defer l.wmu.Unlock()
	_, _ = l.nc.Write([]byte(head + "\n\n" + body))
}

const goodbye = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"

func (f *fake) serve(nc net.Conn) {
	defer nc.Close()
	l := &flink{nc: nc, names: map[string]bool{}}
	f.mu.Lock()
	rude, down, password := f.rude, f.down, f.password
	if !down {
		f.links[l] = true
	}
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.links, l)
		f.mu.Unlock()
	}()
	switch {
	case down:
		return
	case rude:
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
		switch {
		case verb == "auth" && rest == password, verb == "userauth" && rest == "cti@pbx.test:"+password:
			open = true
			l.send("Content-Type: command/reply\nReply-Text: +OK accepted", "")
		case !open:
			l.send("Content-Type: command/reply\nReply-Text: -ERR invalid", "")
			l.send("Content-Type: text/disconnect-notice", goodbye)
			return
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
			f.fire(rest, nil, m)
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
func (f *fake) fire(name string, l *fleg, more map[string]string) {
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
func (f *fake) describe(l *fleg, m map[string]string) {
	m["Unique-ID"], m["Caller-Caller-ID-Number"], m["Caller-Destination-Number"] = l.id, l.cid, l.dest
	m["Call-Direction"], m["Channel-Name"] = "outbound", "sofia/desk/"+l.user+l.number+"@127.0.0.1"
	m["Caller-Channel-Created-Time"] = strconv.Itoa(1_000_000 + slices.Index(f.order, l.id))
	m["Answer-State"], m["Channel-Call-State"] = "ringing", "RINGING"
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
	if l.peer != nil {
		m["variable_signal_bond"] = l.peer.id
	}
	if l.room != "" {
		m["variable_conference_uuid"] = "id-" + l.room
	}
	for k, v := range l.vars {
		m["variable_"+k] = v
	}
}

func (f *fake) leg(user string, inbound bool, id string) *fleg {
	if id == "" {
		id = newID()
	}
	l := &fleg{id: id, user: user, inbound: inbound, vars: map[string]string{"hangup_after_bridge": "true"}}
	f.legs[id] = l
	f.order = append(f.order, id)
	return l
}

// newest is the phone's leg that is in a state, newest first.
func (f *fake) newest(user string, is func(*fleg) bool) (*fleg, error) {
	for _, id := range slices.Backward(f.order) {
		if l := f.legs[id]; l != nil && l.user+l.number == user && is(l) {
			return l, nil
		}
	}
	return nil, fmt.Errorf("fake: %s has no such leg", user)
}

// fakeHands are people at the fake's phones.
type fakeHands struct{ *fake }

func (h fakeHands) on(user string, is func(*fleg) bool, do func(*fleg)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	l, err := h.newest(user, is)
	if err == nil {
		do(l)
	}
	return err
}
