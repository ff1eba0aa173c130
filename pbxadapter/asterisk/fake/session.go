package fake

import (
	"bufio"
	"crypto/md5" //nolint:gosec // what the challenge is made of
	"encoding/hex"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// session is one manager client.
type session struct {
	p         *PBX
	c         net.Conn
	in        bool // logged in; p.mu
	challenge string

	mu    sync.Mutex
	out   []string
	wake  chan struct{}
	ended chan struct{}
	once  sync.Once
}

func newSession(p *PBX, c net.Conn) *session {
	s := &session{p: p, c: c, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go s.write()
	go s.read()
	return s
}

func (s *session) close() {
	s.once.Do(func() {
		close(s.ended)
		_ = s.c.Close()
	})
}

// send puts a message into the queue; it never blocks.
func (s *session) send(text string) {
	s.mu.Lock()
	s.out = append(s.out, text)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *session) write() {
	if _, err := s.c.Write([]byte("Asterisk Call Manager/12.0.0\r\n")); err != nil {
		return
	}
	for {
		select {
		case <-s.ended:
			return
		case <-s.wake:
		}
		for {
			s.mu.Lock()
			text := strings.Join(s.out, "")
			s.out = nil
			s.mu.Unlock()
			if text == "" {
				break
			}
			if _, err := s.c.Write([]byte(text)); err != nil {
				return
			}
		}
	}
}

func (s *session) read() {
	r := bufio.NewReader(s.c)
	for {
		a := action{}
		for {
			line, err := r.ReadString('\n')
			s.p.hear(line)
			if err != nil {
				s.p.mu.Lock()
				delete(s.p.session, s)
				s.p.mu.Unlock()
				s.close()
				return
			}
			line = strings.TrimRight(line, "\r\n")
			if line == "" {
				break
			}
			name, value, _ := strings.Cut(line, ": ")
			a = append(a, [2]string{name, value})
		}
		if len(a) > 0 {
			s.p.serve(s, a)
		}
	}
}

// action is the headers of what a client asks for.
type action [][2]string

func (a action) get(name string) string {
	for _, h := range a {
		if h[0] == name {
			return h[1]
		}
	}
	return ""
}

// variables are the channel variables of an Originate.
func (a action) variables() map[string]string {
	v := map[string]string{}
	for _, h := range a {
		if h[0] == "Variable" {
			name, value, _ := strings.Cut(h[1], "=")
			v[name] = strings.ReplaceAll(value, `\;`, ";")
		}
	}
	return v
}

// reply answers an action.
func (s *session) reply(a action, response string, fields ...string) {
	text := "Response: " + response + "\r\nActionID: " + a.get("ActionID") + "\r\n"
	for _, f := range fields {
		text += f + "\r\n"
	}
	s.send(text + "\r\n")
}

func (s *session) refuse(a action, message string) { s.reply(a, "Error", "Message: "+message) }

// item is one item of a list.
func (s *session) item(a action, event string, fields ...string) {
	s.send("Event: " + event + "\r\nActionID: " + a.get("ActionID") + "\r\n" + strings.Join(fields, "\r\n") + "\r\n\r\n")
}

func (s *session) complete(a action, event string) {
	s.send("Event: " + event + "\r\nActionID: " + a.get("ActionID") + "\r\nEventList: Complete\r\nListItems: 0\r\n\r\n")
}

func (p *PBX) serve(s *session, a action) {
	p.mu.Lock()
	p.carryOut(s, a)
	f, n := p.listed, p.lists
	p.mu.Unlock()
	if f != nil && a.get("Action") == "Status" && a.get("Channel") == "" {
		f(n)
	}
}

func (p *PBX) carryOut(s *session, a action) {
	name := a.get("Action")
	p.asked[name]++
	if !s.in && name != "Login" && name != "Challenge" {
		s.refuse(a, "Permission denied")
		return
	}
	for _, r := range p.conf.Rights {
		if r == name {
			s.refuse(a, "Permission denied")
			return
		}
	}
	if slices.Contains(p.conf.Silent, name) {
		return
	}
	h := actions[name]
	if h == nil || slices.Contains(p.conf.Missing, name) {
		s.refuse(a, "Invalid/unknown command: "+name+". Use Action: ListCommands to show available commands.")
		return
	}
	does := acts[name]
	if does {
		p.actions = append(p.actions, name)
	}
	if p.anew > 0 && does {
		if p.anew--; p.anew == 0 {
			p.emit("FullyBooted", []string{"Status: Fully Booted"})
			time.AfterFunc(time.Second, func() {
				p.mu.Lock()
				defer p.mu.Unlock()
				h(p, s, a)
			})
			return
		}
	}
	h(p, s, a)
	if does && p.after != nil && p.after(name) {
		p.after = nil
		for o := range p.session {
			go o.flush()
		}
		p.session = map[*session]bool{}
	}
}

// flush closes the session once what it was told has gone out, or can't.
func (s *session) flush() { s.close() }

func (p *PBX) login(s *session, a action) {
	sum := md5.Sum([]byte(s.challenge + p.conf.Secret)) //nolint:gosec // see above
	if a.get("Secret") != p.conf.Secret && (s.challenge == "" || a.get("Key") != hex.EncodeToString(sum[:])) {
		s.refuse(a, "Authentication failed")
		return
	}
	s.reply(a, "Success", "Message: Authentication accepted")
	s.in = true
	if p.conf.Loading {
		return
	}
	s.send("Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 1\r\nLastReload: 1\r\nStatus: Fully Booted\r\n\r\n")
}
