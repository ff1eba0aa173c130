package uacsta_test

import (
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"farhook/csta"
	"farhook/csta/extension"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

// refreshed is a session of 90 s that the gateway is to refresh, under fake time.
type refreshed struct {
	*peer
	house *house
	began time.Time
}

// refreshing signs in with headers of one's own, and leaves the refresh to the gateway.
func refreshing(t *testing.T, headers string, f func(r *refreshed)) {
	t.Helper()
	underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
		r := &refreshed{newPeer(t, l.Dial()), h, time.Now()}
		r.send(strings.Replace(r.request("INVITE", statusRequest("tel:+15551001")), "Supported: timer\r\n", headers, 1))
		g := r.read()
		if g.header("Session-Expires") != "90;refresher=uas" {
			t.Fatal(g.head)
		}
		if want := map[bool]string{true: "timer"}[strings.Contains(headers, "Supported: timer")]; g.header("Require") != want {
			t.Fatalf("Require: %q, want %q (RFC 4028, 9)", g.header("Require"), want)
		}
		_, r.toTag, _ = strings.Cut(g.header("To"), ";tag=")
		r.send(ackOf(g))
		r.began = time.Now()
		f(r)
	})
}

// next reads the next message, and wants it to be of a method, so long after the last refresh.
func (r *refreshed) next(method string, after time.Duration) got {
	r.t.Helper()
	_ = r.conn.SetReadDeadline(time.Time{})
	g, err := readAnswer(r.r)
	if took := time.Since(r.began); err != nil || !strings.HasPrefix(g.start, method+" ") || took != after {
		r.t.Fatalf("%v: %s after %v, want %s after %v", err, g.start, took, method, after)
	}
	return g
}

// took answers a refresh, from when the interval counts anew.
func (r *refreshed) took(g got, headers ...string) {
	r.began = time.Now()
	r.send(answerTo(g, 200, headers...))
}

const (
	theirs  = "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\n"
	updates = theirs + "Allow: INVITE, ACK, BYE, INFO, UPDATE\r\n"
)

// A request that names us as refresher is answered so, and the session is refreshed at half of its interval (RFC 4028, 9 and 10), as a target refresh, in turn
// with the events; a peer that stops answering is told goodbye when the interval ends.
func TestRefreshByUpdate(t *testing.T) {
	refreshing(t, updates, func(r *refreshed) {
		for range 3 {
			g := r.next("UPDATE", 45*time.Second)
			for name, want := range map[string]string{
				"Session-Expires": "90;refresher=uac", "Supported": "timer", "Contact": "<sip:127.0.0.1:5060;transport=tcp>", "Max-Forwards": "70",
				"Allow": "INVITE, ACK, CANCEL, BYE, INFO, UPDATE, OPTIONS", "Content-Length": "0",
			} {
				if got := g.header(name); got != want {
					r.t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			r.took(g, "Session-Expires: 90;refresher=uac\r\n")
		}
		r.next("UPDATE", 45*time.Second)
		r.next("BYE", 60*time.Second)
		synctest.Wait()
		if n := r.house.uc.Count(); n != 0 {
			r.t.Errorf("%d sessions", n)
		}
	})
}

// A peer whose Allow has no UPDATE gets a re-INVITE with the request that its own would have; each 200 to it is acknowledged, the same one twice too.
func TestRefreshByInvite(t *testing.T) {
	refreshing(t, theirs, func(r *refreshed) {
		g := r.next("INVITE", 45*time.Second)
		if m := g.message(r.t); m.Element() != "RequestSystemStatus" || g.header("Content-Type") != "application/csta+xml" {
			r.t.Errorf("%s%s", g.head, g.body)
		}
		r.send(answerTo(g, 100))
		r.took(g, "Contact: <sip:moved@192.0.2.7>\r\n")
		number, _, _ := strings.Cut(g.header("CSeq"), " ")
		var branches []string
		for range 2 {
			ack := r.next("ACK", 0)
			if !strings.HasPrefix(ack.start, "ACK sip:moved@192.0.2.7 ") && len(branches) > 0 || ack.header("CSeq") != number+" ACK" || ack.header("To") != g.header("To") {
				r.t.Errorf("%s", ack.head)
			}
			branches = append(branches, ack.header("Via"))
			r.send(answerTo(g, 200))
		}
		if slices.Contains(branches, g.header("Via")) {
			r.t.Errorf("an ACK to a 200 has its INVITE's branch: %q", branches)
		}
		r.next("ACK", 0)
		if again := r.next("INVITE", 45*time.Second); !strings.HasPrefix(again.start, "INVITE sip:moved@192.0.2.7 ") {
			r.t.Errorf("%s", again.start)
		}
	})
}

// A peer that has left the refresh to us, and then takes none, loses no session for it: 501 is a sign of life too. One real client answers so.
func TestRefreshNotImplemented(t *testing.T) {
	refreshing(t, updates, func(r *refreshed) {
		r.send(answerTo(r.next("UPDATE", 45*time.Second), 501))
		for range 3 {
			g := r.next("INVITE", 45*time.Second)
			r.began = time.Now()
			r.send(answerTo(g, 501))
			if ack := r.next("ACK", 0); ack.header("Via") != g.header("Via") { // RFC 3261, 17.1.1.3
				r.t.Errorf("the ACK to a refusal: %s", ack.head)
			}
		}
		if n := r.house.uc.Count(); n != 1 {
			r.t.Errorf("%d sessions", n)
		}
	})
}

// What a refresh of ours is answered with, and what follows.
func TestRefreshAnswers(t *testing.T) {
	for _, c := range []struct {
		name    string
		status  int
		headers string
		next    string
		after   time.Duration // of the answer
		expires string
	}{
		{"a longer interval is wanted", 422, "Min-SE: 120\r\n", "UPDATE", 0, "120;refresher=uac"},
		{"not now", 503, "Retry-After: 7\r\n", "UPDATE", 7 * time.Second, "90;refresher=uac"},
		{"no more, within the interval", 403, "", "BYE", 15 * time.Second, ""},
		{"the peer takes it over", 200, "Session-Expires: 90;refresher=uas\r\n", "BYE", 60 * time.Second, ""},
		{"the peer has no timer", 200, "", "UPDATE", 45 * time.Second, "90;refresher=uac"},
		{"an interval too short for us", 200, "Session-Expires: 1;refresher=uac\r\n", "UPDATE", 45 * time.Second, "90;refresher=uac"},
		{"rubbish", 200, "Session-Expires: soon\r\nContact: <>\r\n", "UPDATE", 45 * time.Second, "90;refresher=uac"},
	} {
		t.Run(c.name, func(t *testing.T) {
			refreshing(t, updates, func(r *refreshed) {
				g := r.next("UPDATE", 45*time.Second)
				r.began = time.Now()
				r.send(answerTo(g, c.status, c.headers))
				if g := r.next(c.next, c.after); g.header("Session-Expires") != c.expires || !strings.HasPrefix(g.start, c.next+" sip:alice@127.0.0.1:9;opaque=user:epid:x;gruu ") {
					r.t.Errorf("%s", g.head)
				}
			})
		})
	}
	t.Run("no such dialog", func(t *testing.T) {
		refreshing(t, updates, func(r *refreshed) {
			r.send(answerTo(r.next("UPDATE", 45*time.Second), 481))
			synctest.Wait()
			if n := r.house.uc.Count(); n != 0 {
				r.t.Errorf("%d sessions", n)
			}
		})
	})
}

// INVITEs that cross: the peer's is refused with 491 while ours is under way, ours is tried again within 2 s when it was (RFC 3261, 14).
func TestInvitesCross(t *testing.T) {
	refreshing(t, theirs, func(r *refreshed) {
		g := r.next("INVITE", 45*time.Second)
		r.send(r.request("INVITE", statusRequest("tel:+15551001")))
		if a := r.read(); a.status() != 491 {
			r.t.Fatal(a.head)
		}
		r.send(answerTo(g, 491))
		r.next("ACK", 45*time.Second)
		began := time.Now()
		_ = r.conn.SetReadDeadline(time.Time{})
		again, err := readAnswer(r.r)
		if took := time.Since(began); err != nil || !strings.HasPrefix(again.start, "INVITE ") || took > 2*time.Second || again.header("CSeq") == g.header("CSeq") {
			r.t.Errorf("%v: %s after %v", err, again.head, took)
		}
		r.took(again)
		r.next("ACK", 0)
		r.send(r.request("INVITE", statusRequest("tel:+15551001"))) // nothing is under way any more
		if a := r.read(); a.status() != 200 || a.header("Session-Expires") != "1800;refresher=uac" {
			r.t.Fatal(a.head)
		}
	})
}

// Each refresh of the peer's may say anew who refreshes (RFC 4028, 7.4): who is named; else the peer, for it knows timers.
func TestRefresherChanges(t *testing.T) {
	refreshing(t, updates, func(r *refreshed) {
		for i, c := range []struct{ headers, want string }{
			{"Session-Expires: 90;refresher=uac\r\n", "90;refresher=uac"},
			{"Supported: timer\r\nSession-Expires: 90;Refresher=UAS\r\n", "90;refresher=uas"},
			{"", "90;refresher=uas"},
			{"Supported: timer\r\nSession-Expires: 90\r\n", "90;refresher=uac"},
			{"x: 90;refresher=uas\r\n", "90;refresher=uas"},
		} {
			r.began = time.Now()
			r.send(r.in("UPDATE", "change", 100+i, "Contact: <sip:a@192.0.2.1>\r\n"+c.headers, ""))
			if g := r.read(); g.status() != 200 || g.header("Session-Expires") != c.want {
				r.t.Errorf("%q: %s", c.headers, g.head)
			}
		}
		r.next("UPDATE", 45*time.Second)
	})
}

// Where a proxy has put a timer into the INVITE of a client that knows none, we refresh, and require no timer of it (RFC 4028, table 2).
func TestRefreshForWhoKnowsNoTimer(t *testing.T) {
	refreshing(t, "Session-Expires: 90\r\n", func(r *refreshed) { r.took(r.next("INVITE", 45*time.Second)) })
}

// The next process goes on refreshing.
func TestRefreshAfterRestart(t *testing.T) {
	kept := &shelf{values: map[string][]byte{}}
	underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
		p := newPeer(t, l.Dial())
		p.send(strings.Replace(p.request("INVITE", encode(csta.RequestSystemStatus{Extensions: extension.WithLine("tel:+15551001")})), "Supported: timer\r\n", updates, 1))
		g := p.read()
		_, p.toTag, _ = strings.Cut(g.header("To"), ";tag=")
		p.send(ackOf(g))
		synctest.Wait()
		next, stop := h.process(t, uacsta.Config{Store: kept})
		defer stop()
		q := newPeer(t, next.Dial())
		q.callID, q.toTag, q.cseq = p.callID, p.toTag, 10
		q.send(q.request("INFO", encode(csta.RequestSystemStatus{})))
		if g := q.read(); g.status() != 200 {
			t.Fatal(g.head)
		}
		r := &refreshed{q, h, time.Now()}
		r.next("UPDATE", 45*time.Second)
	}, func(c *uacsta.Config) { c.Store = kept })
}

// repeats reads what comes, and says when, counted from a moment.
func repeats(t *testing.T, p *peer, from time.Time, want int) (all []got, at []time.Duration) {
	t.Helper()
	_ = p.conn.SetReadDeadline(time.Time{})
	for len(all) < want {
		g, err := readAnswer(p.r)
		if err != nil {
			t.Fatal(err, at)
		}
		all, at = append(all, g), append(at, time.Since(from))
	}
	return all, at
}

// A 200 to an INVITE comes again after T1, growing to T2, until it's acknowledged; after 64*T1 the session ends (RFC 3261, 13.3.1.4).
func TestUnacknowledged(t *testing.T) {
	underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
		p := newPeer(t, l.Dial())
		p.send(p.request("INVITE", statusRequest("tel:+15551001")))
		all, at := repeats(t, p, time.Now(), 12)
		var want []time.Duration
		for _, s := range []float64{0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5, 32} {
			want = append(want, time.Duration(s*float64(time.Second)))
		}
		if !slices.Equal(at, want) {
			t.Errorf("copies after %v, want %v", at, want)
		}
		for _, g := range all[:11] {
			if g != all[0] {
				t.Errorf("not the same answer:\n%s%s", g.head, g.body)
			}
		}
		if !strings.HasPrefix(all[11].start, "BYE ") {
			t.Error(all[11].start)
		}
		q := newPeer(t, l.Dial()) // by ACK, and by whatever shows that the tag has arrived, it's over at once
		for _, end := range []func(g got){
			func(g got) { q.send(ackOf(g)) },
			func(g got) {
				_, q.toTag, _ = strings.Cut(g.header("To"), ";tag=")
				q.ask(csta.RequestSystemStatus{})
			},
		} {
			q.callID, q.toTag = q.callID+"x", ""
			q.send(q.request("INVITE", statusRequest("tel:+15551002")))
			all, _ := repeats(t, q, time.Now(), 3)
			end(all[0])
			q.silent(t, 40*time.Second)
		}
	})
}

// silent wants nothing to come for a while.
func (p *peer) silent(t *testing.T, d time.Duration) {
	t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(d))
	if g, err := readAnswer(p.r); err == nil {
		t.Errorf("came: %s", g.head)
	}
}

// The 200 to a re-INVITE comes again too, and only its ACK ends that; a session whose peer asks for other things meanwhile goes on, one that is silent ends.
func TestUnacknowledgedAgain(t *testing.T) {
	for _, alive := range []bool{true, false} {
		underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
			p := newPeer(t, l.Dial())
			p.signIn("tel:+15551001")
			p.send(p.request("INVITE", statusRequest("tel:+15551001")))
			again, _ := repeats(t, p, time.Now(), 2)
			p.send(ackOf(again[0]))
			p.silent(t, 40*time.Second)
			p.send(p.request("INVITE", statusRequest("tel:+15551001")))
			first := p.read()
			if alive {
				p.ask(csta.RequestSystemStatus{})
			}
			all, _ := repeats(t, p, time.Now(), 10)
			if last := all[9]; last != first {
				t.Errorf("%s", last.head)
			}
			if alive {
				p.silent(t, 40*time.Second)
			} else if g := p.readAny(); !strings.HasPrefix(g.start, "BYE ") {
				t.Errorf("%s", g.head)
			}
		})
	}
}

// A peer that lost its connection with the 200 to its re-INVITE under way has no less time to come back than any other: until its interval ends.
func TestUnacknowledgedUnreached(t *testing.T) {
	underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
		p := newPeer(t, l.Dial())
		p.signIn("tel:+15551001")
		p.send(p.request("INVITE", statusRequest("tel:+15551001")))
		p.read()
		p.conn.Close()
		time.Sleep(5 * time.Minute)
		p.moveTo(l.Dial())
		p.ask(csta.RequestSystemStatus{})
	})
}

// It comes by the connection on which the peer speaks now.
func TestUnacknowledgedElsewhere(t *testing.T) {
	underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
		p := newPeer(t, l.Dial())
		p.signIn("tel:+15551001")
		p.send(p.request("INVITE", statusRequest("tel:+15551001")))
		first := p.read()
		p.conn.Close()
		p.moveTo(l.Dial())
		p.ask(csta.RequestSystemStatus{})
		if again := p.readAny(); again != first {
			t.Errorf("%s", again.head)
		}
		p.send(ackOf(first))
	})
}

// A request that is refused twice has the same answer twice, the tag of its To among it; another request has another (RFC 3261, 8.2.6.2 and 19.3).
func TestRefusalsHaveOneTag(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	p := h.dial(t)
	tags := map[string]string{}
	for _, text := range []string{
		p.request("INVITE", statusRequest("tel:+19999999999")), p.request("INVITE", ""), p.request("OPTIONS", ""), p.request("SUBSCRIBE", ""),
		strings.Replace(p.request("OPTIONS", ""), "Max-Forwards: 70", "Require: gruu", 1), p.request("INFO", ""), p.request("CANCEL", ""),
	} {
		p.send(text + text)
		a, b := p.read(), p.read()
		if _, tag, _ := strings.Cut(a.header("To"), ";tag="); a != b || tag == "" || tags[tag] != "" {
			t.Errorf("%s%s", a.head, b.head)
		} else {
			tags[tag] = a.start
		}
	}
	conn, err := net.Dial("tcp", newHouse(t, switchboard.OwnLine{}, false).addr) // another gateway has others
	if err != nil {
		t.Fatal(err)
	}
	p.moveTo(conn)
	p.cseq = 0
	p.send(p.request("INVITE", statusRequest("tel:+19999999999")))
	if _, tag, _ := strings.Cut(p.read().header("To"), ";tag="); tags[tag] != "" {
		t.Errorf("the tag %q can be guessed", tag)
	}
}
