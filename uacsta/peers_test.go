package uacsta_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"farhook/csta"
	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

// quietFor says that nothing comes for so long.
func (p *peer) quietFor(d time.Duration) {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(d))
	if g, err := readAnswer(p.r); err == nil {
		p.t.Fatalf("nobody waited for %s%s", g.head, g.body)
	}
}

// An event that is refused with 481 or 430 ends the dialog and its monitor, and nobody else's; also when the refusal comes late.
func TestEventRefusedForGood(t *testing.T) {
	for _, c := range []struct {
		status int
		after  time.Duration
		ends   bool
	}{{481, 0, true}, {430, 0, true}, {481, 31 * time.Second, true}, {481, 40 * time.Second, false}, {404, 0, false}, {405, 0, false}, {603, 0, false}, {302, 0, false}} {
		t.Run(fmt.Sprint(c.status, " after ", c.after), func(t *testing.T) {
			underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
				p, q := newPeer(t, l.Dial()), newPeer(t, l.Dial())
				p.signIn("tel:+15551001")
				q.signIn("tel:+15551001")
				if err := h.pbx.Phone(1001).SetDoNotDisturb(true); err != nil {
					t.Fatal(err)
				}
				event := p.read()
				q.events("DoNotDisturb")
				time.Sleep(c.after)
				p.send(answerTo(event, c.status))
				synctest.Wait()
				want := map[bool]int{true: 1, false: 2}[c.ends]
				if n := h.uc.Count(); n != want {
					t.Errorf("%d sessions, want %d", n, want)
				}
				if err := h.pbx.Phone(1001).SetDoNotDisturb(false); err != nil {
					t.Fatal(err)
				}
				q.events("DoNotDisturb")
				if !c.ends {
					p.events("DoNotDisturb")
					return
				}
				p.quietFor(time.Minute)
				p.send(p.request("INFO", encode(csta.RequestSystemStatus{})))
				if g := p.read(); g.status() != 481 {
					t.Error(g.head)
				}
			})
		})
	}
}

// An event that is refused for the moment is sent once more, when the peer says or after 2 s; refused again it is given up. Later events of another call go
// on meanwhile, and one of the same call makes it stale.
func TestEventRefusedForTheMoment(t *testing.T) {
	for _, c := range []struct {
		status int
		retry  string
		after  time.Duration
	}{{503, "", 2 * time.Second}, {503, "Retry-After: 5;duration=9\r\n", 5 * time.Second}, {500, "", 2 * time.Second}, {504, "Retry-After: 86400\r\n", 32 * time.Second}} {
		t.Run(fmt.Sprint(c.status, c.retry), func(t *testing.T) {
			underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
				p := newPeer(t, l.Dial())
				p.signIn("tel:+15551001")
				if err := h.pbx.Phone(1002).Dial("tel:+15551001"); err != nil {
					t.Fatal(err)
				}
				first := p.read()
				p.send(answerTo(first, c.status, c.retry))
				began := time.Now()
				_ = p.conn.SetReadDeadline(time.Now().Add(time.Minute))
				again, err := readAnswer(p.r)
				if took := time.Since(began); err != nil || again.body != first.body || took != c.after || again.header("CSeq") == first.header("CSeq") {
					t.Fatalf("%v, %v after %v", again, err, took)
				}
				p.send(answerTo(again, c.status, c.retry))
				p.quietFor(5 * time.Minute)
				if err := h.pbx.Phone(1002).HangUp(); err != nil {
					t.Fatal(err)
				}
				p.events("ConnectionCleared")
				h.undisturbed(t, p, 1001)
			})
		})
	}
	t.Run("overtaken before it was refused", func(t *testing.T) {
		underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
			p := newPeer(t, l.Dial())
			p.signIn("tel:+15551001")
			if err := h.pbx.Phone(1002).Dial("tel:+15551001"); err != nil {
				t.Fatal(err)
			}
			rings := p.read()
			if err := h.pbx.Phone(1001).Answer(); err != nil {
				t.Fatal(err)
			}
			talks := p.read()
			p.send(answerTo(talks, 200))
			p.send(answerTo(rings, 503))
			p.quietFor(time.Minute)
			h.undisturbed(t, p, 1001)
		})
	})
	t.Run("stale", func(t *testing.T) {
		underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
			p := newPeer(t, l.Dial())
			p.signIn("tel:+15551001")
			if err := h.pbx.Phone(1002).Dial("tel:+15551001"); err != nil {
				t.Fatal(err)
			}
			p.send(answerTo(p.read(), 503))
			synctest.Wait()
			if err := h.pbx.Phone(1001).Answer(); err != nil {
				t.Fatal(err)
			}
			p.events("Established")
			p.quietFor(time.Minute)
		})
	})
}

// A peer that answers events late, or twice, or what it was never asked, is the same to us as one that answers well.
func TestAnswersLate(t *testing.T) {
	underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
		p := newPeer(t, l.Dial())
		p.signIn("tel:+15551001")
		var events []got
		for i := range 100 {
			if err := h.pbx.Phone(1001).SetDoNotDisturb(i%2 == 0); err != nil {
				t.Fatal(err)
			}
			events = append(events, p.read())
		}
		time.Sleep(time.Minute)
		for _, e := range events {
			p.send(answerTo(e, 200) + answerTo(e, 200) + strings.Replace(answerTo(e, 200), "CSeq: ", "CSeq: 9", 1))
		}
		p.send(answerTo(events[0], 481)) // of an event that was answered long ago
		synctest.Wait()
		h.undisturbed(t, p, 1001)
	})
}

// A connection that takes everything and brings nothing: the dialog ends when it is not refreshed, with the events of all that time written in vain.
func TestVanishedInMemory(t *testing.T) {
	underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
		p, q := newPeer(t, l.Dial()), newPeer(t, l.Dial())
		p.signIn("tel:+15551001")
		q.signIn("tel:+15551001")
		go func() { // the network swallows what comes to p
			for b := make([]byte, 4096); ; {
				if _, err := p.conn.Read(b); err != nil {
					return
				}
			}
		}()
		_ = p.conn.SetReadDeadline(time.Time{})
		for i := range 3000 {
			time.Sleep(500 * time.Millisecond)
			if err := h.pbx.Phone(1001).SetDoNotDisturb(i%2 == 0); err != nil {
				t.Fatal(err)
			}
			q.events("DoNotDisturb")
			if i%500 == 0 {
				q.send(q.request("UPDATE", ""))
				if g := q.read(); g.status() != 200 {
					t.Fatal(g.head)
				}
			}
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if n := h.uc.Count(); n != 1 {
			t.Errorf("%d sessions after half an hour", n)
		}
		h.undisturbed(t, q, 1001)
	})
}

// Thousands sign in at once: as many are admitted as the rate says, the others are asked to come again a little later, each at another time, and get
// in then.
func TestAdmission(t *testing.T) {
	underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
		p := newPeer(t, l.Dial())
		waiting := make([]int, 1000)
		for i := range waiting {
			waiting[i] = i
		}
		began := time.Now()
		in, pauses := 0, map[string]int{}
		for round := 0; len(waiting) > 0; round++ {
			go func() {
				for _, i := range waiting {
					p.callID = fmt.Sprintf("sign-in-%d-%d", i, round)
					p.cseq = 0
					p.send(p.request("INVITE", statusRequest("tel:+15551001")))
				}
			}()
			var refused []int
			for n := len(waiting); n > 0; {
				g := p.read()
				if g.status() == 0 {
					continue // BYE to one that has not acknowledged
				}
				n--
				number := strings.Split(g.header("Call-ID"), "-")[2]
				who, _ := strconv.Atoi(number)
				switch g.status() {
				case 200:
					in++
					p.send(ackOf(g))
				case 503:
					pauses[g.header("Retry-After")]++
					refused = append(refused, who)
				default:
					t.Fatal(g.head)
				}
			}
			synctest.Wait()
			if round == 0 && (in < 200 || in > 210) {
				t.Fatalf("%d were admitted at once, want 200", in)
			}
			waiting = refused
			time.Sleep(5 * time.Second)
		}
		if in != 1000 || len(pauses) < 4 {
			t.Errorf("%d got in; they were asked to wait %v", in, pauses)
		}
		if took := time.Since(began); took < 35*time.Second || took > 60*time.Second {
			t.Errorf("it took %v, at 20 a second beyond the first 200", took)
		}
	}, func(c *uacsta.Config) { c.SignIns, c.SessionsPerLine = 20, 5000 })
}

// A session whose PBX is stuck keeps a bounded number of requests; the rest is refused for a moment, and the session beside it is served.
func TestFullMailbox(t *testing.T) {
	h, slow := newSlowHouse(t)
	p, q := h.openSession(t, "tel:+15551001"), h.openSession(t, "tel:+15551002")
	before := heap()
	const n = 3000
	go func() {
		for i := range n {
			p.send(p.in("INFO", fmt.Sprint("full", i), 1000+i, "", makeCallText))
		}
	}()
	<-slow.started
	busy := 0
	for range n - 64 { // the mailbox's default
		g := p.read()
		if g.status() != 503 || g.header("Retry-After") == "" {
			t.Fatal(g.head)
		}
		busy++
	}
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("%d octets of heap", grown)
	}
	h.undisturbed(t, q, 1002)
	p.send(p.in("BYE", "bye", 90_000, "", ""))
	for range 65 {
		if g := p.read(); g.status() != 487 && g.status() != 200 && g.status() != 481 {
			t.Fatal(g.head)
		}
	}
	h.undisturbed(t, q, 1002)
}
