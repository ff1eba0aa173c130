package uacsta_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

// The limit of sessions in all: who comes beyond it is told to try again, and gets in when somebody has left. No peer has a limit of its own here, nor a line.
func TestSessionsInAll(t *testing.T) {
	h := newHouse(t, switchboard.AnyLine{}, false, func(c *uacsta.Config) { c.Sessions, c.SessionsPerLine = 2, 8 })
	comes := func() (*peer, got) {
		p := h.dial(t)
		p.send(p.request("INVITE", lineBody))
		g := p.read()
		_, p.toTag, _ = strings.Cut(g.header("To"), ";tag=")
		return p, g
	}
	first, _ := comes()
	comes()
	if _, g := comes(); g.start != "SIP/2.0 503 Service Unavailable" || g.header("Retry-After") == "" {
		t.Errorf("the third got %s", g.head)
	}
	last, counts := h.uc.Refusals()
	if counts["sessions"] != 1 || len(counts) != 1 || !strings.Contains(last[0].Detail, "there are 2 sessions, which is the limit") {
		t.Errorf("%v, %+v", counts, last)
	}
	first.send(first.request("BYE", ""))
	first.read()
	if _, g := comes(); g.start != "SIP/2.0 200 OK" {
		t.Errorf("after one has left: %s", g.start)
	}
	if n := h.uc.Count(); n != 2 {
		t.Errorf("%d sessions", n)
	}
}

// Refusals are logged once a minute for each peer and reason, with how many there were since; counted is each.
func TestRefusalsDoNotDrownTheLog(t *testing.T) {
	core, logs := observer.New(zapcore.WarnLevel)
	underFakeTime(t, func(t *testing.T, h *house, l *uactest.Memory) {
		knock := func(from string) { // ends without an answer: no configured server has that address
			c := l.DialFrom(from)
			_, _ = io.Copy(io.Discard, c)
			c.Close()
		}
		told := func() (all []string) {
			synctest.Wait()
			for _, e := range logs.FilterMessage("refused").TakeAll() {
				m := e.ContextMap()
				host, _, _ := strings.Cut(m["peer"].(string), ":")
				all = append(all, fmt.Sprint(host, " ", m["reason"], " ", m["more_since_last_told"]))
			}
			logs.TakeAll()
			return all
		}
		want := func(when string, lines ...string) {
			t.Helper()
			if got := told(); strings.Join(got, "\n") != strings.Join(lines, "\n") {
				t.Errorf("%s: %q, want %q", when, got, lines)
			}
		}
		knock("192.0.2.1")
		want("the first", "192.0.2.1 unknown-peer 0")
		for range 5 {
			knock("192.0.2.1")
		}
		want("five more")
		knock("192.0.2.2")
		want("another peer", "192.0.2.2 unknown-peer 0")
		p := newPeer(t, l.DialFrom("127.0.0.1"))
		p.send(p.request("INVITE", ""))
		p.read()
		p.callID = "again"
		p.send(p.request("INVITE", ""))
		p.read()
		want("another reason", "here no-csta 0")
		time.Sleep(59 * time.Second)
		knock("192.0.2.1")
		want("within the minute")
		time.Sleep(2 * time.Second)
		knock("192.0.2.1")
		want("after it", "192.0.2.1 unknown-peer 6")
		knock("192.0.2.1")
		want("and again")
		if _, counts := h.uc.Refusals(); counts["unknown-peer"] != 10 || counts["no-csta"] != 2 {
			t.Errorf("%v", counts)
		}
	}, func(c *uacsta.Config) {
		c.Log = zap.New(core)
		c.Peers = []uacsta.Peer{{Name: "here", Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}}
	})
}

// Two configured servers in front of one dialog: it goes on by whichever it came last, also when the one it began by is gone, and the dialog counts as the
// first one's session.
func TestDialogBehindTwoPeers(t *testing.T) {
	a := uactest.NewAuthority(t)
	h, addr := secured(t, a, uacsta.Peer{Name: "fe01", Hosts: []string{"fe01.example.com"}, Sessions: 1}, uacsta.Peer{Name: "fe02", Hosts: []string{"fe02.example.com"}, Sessions: 1})
	by := func(host string) *tls.Conn {
		c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: a.Pool, ServerName: "gw.example.com", Certificates: []tls.Certificate{a.Pair(uactest.Wanted{Names: []string{host}})}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	first, second := by("fe01.example.com"), by("fe02.example.com")
	p := newPeer(t, first)
	p.signIn("tel:+15551001")
	rings := func(ext int) {
		t.Helper()
		if err := h.pbx.Phone(ext).Dial("tel:+15551001"); err != nil {
			t.Fatal(err)
		}
		p.events("Delivered")
		if err := h.pbx.Phone(ext).HangUp(); err != nil {
			t.Fatal(err)
		}
		p.events("ConnectionCleared")
	}
	rings(1002)
	p.conn, p.r = second, bufio.NewReader(second)
	if r := p.ask(csta.SnapshotDevice{SnapshotObject: "tel:+15551001"}); r.Element() != "SnapshotDeviceResponse" {
		t.Fatalf("by the other server: %s", r.Element())
	}
	rings(1003)
	p.conn, p.r = first, bufio.NewReader(first)
	if r := p.ask(csta.SnapshotDevice{SnapshotObject: "tel:+15551001"}); r.Element() != "SnapshotDeviceResponse" {
		t.Fatalf("by the first again: %s", r.Element())
	}
	first.Close()
	p.conn, p.r = second, bufio.NewReader(second)
	p.ask(csta.SnapshotDevice{SnapshotObject: "tel:+15551001"})
	rings(1004)
	if all := h.uc.Sessions(""); len(all) != 1 || all[0].Peer != "fe01" {
		t.Errorf("%+v", all)
	}
	other := newPeer(t, second) // fe02's own: the dialog that moved to it isn't counted as its
	other.signIn("tel:+15551005")
	if n := h.uc.Count(); n != 2 {
		t.Errorf("%d sessions", n)
	}
}
