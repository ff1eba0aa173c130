package uacsta_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"farhook/csta"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

// phones does one line of a pbx step.
func (h *house) phones(line string) error {
	w := strings.Fields(line)
	switch {
	case w[0] == "advance":
		d, err := time.ParseDuration(w[1])
		h.clock.Advance(d)
		return err
	case line == "cut link":
		h.pbx.CutLink()
		return h.waitLink(false)
	case line == "restore link":
		h.pbx.RestoreLink()
		return h.waitLink(true)
	case line == "no trunks":
		h.pbx.BlockTrunks(true)
		return nil
	}
	if len(w) > 1 && h.pbx.Services()[csta.Service(w[0])] != nil {
		return h.pbx.set(csta.Service(w[0]), strings.Join(w[1:], " "))
	}
	var at sim.Hands
	if w[0] == "outside" {
		at = h.pbx.Outside(csta.DeviceID(w[1]))
		w = w[1:]
	} else {
		ext := 0
		if _, err := fmt.Sscan(w[0], &ext); err != nil {
			return fmt.Errorf("%q is no extension", w[0])
		}
		at = h.pbx.Phone(ext)
	}
	act, rest := w[1], w[2:]
	switch act {
	case "dials":
		return at.Dial(csta.DeviceID(rest[0]))
	case "answers":
		return at.Answer()
	case "hangs":
		return at.HangUp()
	case "holds":
		return at.Hold()
	case "retrieves":
		return at.Retrieve()
	case "picks":
		ext := 0
		_, err := fmt.Sscan(rest[1], &ext)
		if err != nil {
			return err
		}
		return at.Pickup(h.pbx.Phone(ext).Device())
	case "do": // not disturb on|off
		return at.SetDoNotDisturb(rest[len(rest)-1] == "on")
	case "forwards": // TYPE on|off to NUMBER [after RINGS]
		rings := 0
		if len(rest) > 5 {
			if _, err := fmt.Sscan(rest[5], &rings); err != nil {
				return err
			}
		}
		return at.SetForwarding(csta.ForwardingType(rest[0]), rest[1] == "on", csta.DeviceID(rest[3]), rings)
	case "transfers":
		return at.Transfer()
	case "registers":
		return at.Register(true)
	case "unplugs":
		return at.Register(false)
	}
	return fmt.Errorf("nobody knows how to do that")
}

// waitLink waits until the board has seen what happened to the link.
func (h *house) waitLink(up bool) error {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		d, ok := h.board.Device(switchboard.Principal{User: "test", Via: "http"}, "tel:+15551001")
		if ok && d.LinkUp == up {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("the board did not see it")
}

// setting is a line "name: number" of a conversation's comments; 0 where there is none.
func setting(t *testing.T, f *uactest.File, name string) int {
	t.Helper()
	for _, c := range f.Comments {
		if v, ok := strings.CutPrefix(c, name+": "); ok {
			n, err := strconv.Atoi(v)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	return 0
}

func rights(f *uactest.File) switchboard.Policy {
	if slices.Contains(f.Comments, "rights: any line") {
		return switchboard.AnyLine{}
	}
	return switchboard.OwnLine{}
}

// peersOf makes the peer that a comment "link loss: …" describes; there are none without.
func peersOf(f *uactest.File) []uacsta.Peer {
	p := uacsta.Peer{Name: "peer", Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	for _, c := range f.Comments {
		if d, ok := strings.CutPrefix(c, "domain: "); ok {
			p.Domains = []string{d}
			return []uacsta.Peer{p}
		}
		switch c {
		case "link loss: status":
			p.OnLinkLoss = uacsta.TellStatus
		case "link loss: bye":
			p.OnLinkLoss = uacsta.EndSession
		case "link loss: refuse":
			p.WhileDown = 480
		default:
			continue
		}
		return []uacsta.Peer{p}
	}
	return nil
}

// Every conversation is played twice: against a PBX that tells what a service causes before its answer, and one that tells it after.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("../testdata/flows/*.txt")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d conversations (%v)", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		f, err := uactest.Parse(name, string(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/late=%v", strings.TrimSuffix(name, ".txt"), late), func(t *testing.T) {
				t.Parallel()
				core, logs := observer.New(zapcore.DebugLevel)
				defer func() { traced(t, logs.All()) }()
				h := newHouse(t, rights(f), late, func(c *uacsta.Config) {
					c.Log = zap.New(core)
					c.Monitors = setting(t, f, "monitors")
					c.Mailbox = setting(t, f, "mailbox")
					c.Peers = peersOf(f)
				})
				if strings.HasPrefix(name, "bad-") {
					defer h.witness(t)()
				}
				p := uactest.Player{Addr: h.addr, PBX: h.phones, Patience: 20 * time.Second}
				if err := p.Play(f); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// traced requires a trace id in every line about a request, and that there are some. What comes of a lost link no request has asked for; OPTIONS says nothing.
func traced(t *testing.T, lines []observer.LoggedEntry) {
	t.Helper()
	n := 0
	for _, l := range lines {
		m := l.ContextMap()
		if m["session"] == nil && m["service"] == nil && m["reason"] == nil || m["reason"] == "the PBX link was lost" {
			continue
		}
		n++
		if id, _ := m["trace"].(string); len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" || strings.Trim(id, "0") == "" {
			t.Errorf("%s has trace id %q: %v", l.Message, id, m)
		}
	}
	if n == 0 && !strings.Contains(t.Name(), "options") {
		t.Errorf("nothing is logged in %d lines", len(lines))
	}
}

// The conversations that were given are all there, by number, and so is one for what each must not do.
func TestConversationsAreThere(t *testing.T) {
	numbers := []int{21, 22, 24, 25}
	for n := range 19 {
		numbers = append(numbers, n+1)
	}
	for _, n := range numbers {
		if files, err := filepath.Glob(fmt.Sprintf("../testdata/flows/%02d-*.txt", n)); len(files) != 1 || err != nil {
			t.Errorf("flow %02d: %q, %v", n, files, err)
		}
	}
	bad, err := filepath.Glob("../testdata/flows/bad-*.txt")
	if err != nil || len(bad) < 22 {
		t.Errorf("%d of bad input, %v", len(bad), err)
	}
	for _, file := range bad {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "\n-- pbx --\n") { // the witness would have nothing to see
			t.Errorf("%s: nothing happens at the PBX meanwhile", file)
		}
	}
}
