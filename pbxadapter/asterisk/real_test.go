package asterisk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/adaptertest"
	"farhook/pbxadapter/asterisk/ami"
)

// The suite on a real Asterisk, with real SIP phones, where somebody has one: FARHOOK_ASTERISK=ADDRESS,USERNAME,SECRET,PHONES names its manager
// interface, the account, and the control socket of scriptable phones 101 to 106. Those take one command a line ("101 call 102", "102 answer",
// "hold", "unhold", "hangup", "set notify=ignore", "reset") and answer each with a line that begins with "ok" or "err". The dialplan is the plain one of
// docs/asterisk.md with its lines; 0906 is busy, other numbers with 0 lead outside to the phone "net", 701 is a slot of the car park, 600 the
// queue support with 105 and 106, 610 a group of 103, 104 and 105.
type rig struct{ address, username, secret, control string }

func realPBX(t *testing.T) rig {
	t.Helper()
	v := os.Getenv("FARHOOK_ASTERISK")
	if v == "" {
		t.Skip("FARHOOK_ASTERISK names no real Asterisk")
	}
	part := strings.Split(v, ",")
	if len(part) != 4 {
		t.Fatal("FARHOOK_ASTERISK: want ADDRESS,USERNAME,SECRET,PHONES")
	}
	return rig{part[0], part[1], part[2], part[3]}
}

// say gives commands to the phones, all on one connection: what one waits for begins with the one before.
func (r rig) say(commands ...string) error {
	_, err := r.ask(commands...)
	return err
}

// ask is say, and gives the last answer.
func (r rig) ask(commands ...string) (answer string, err error) {
	c, err := net.Dial("tcp", r.control)
	if err != nil {
		return "", err
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for _, command := range commands {
		_ = c.SetDeadline(time.Now().Add(15 * time.Second))
		if _, err := fmt.Fprintln(c, command); err != nil {
			return "", err
		}
		if answer, err = in.ReadString('\n'); err != nil {
			return "", err
		}
		if !strings.HasPrefix(answer, "ok") {
			return "", errors.New(command + ": " + strings.TrimSpace(answer))
		}
	}
	return answer, nil
}

// field is one of an answer's values.
func field(answer, name string) string {
	for f := range strings.FieldsSeq(answer) {
		if v, ok := strings.CutPrefix(f, name+"="); ok {
			return v
		}
	}
	return ""
}

// realHands are people at real phones.
type realHands struct {
	rig
	began        string // the number of the phones' last event
	cut, restore func()
}

func realPhone(d csta.DeviceID) string {
	if d[0] == '0' {
		return "net"
	}
	return string(d)
}

func (h realHands) Dial(from, to csta.DeviceID) error {
	return h.say(realPhone(from) + " call " + string(to))
}

// Answer waits a moment where the phone doesn't ring yet. Where it's cancelled at that very moment and rings anew, it is lifted again.
func (h realHands) Answer(d csta.DeviceID) (err error) {
	phone, answer := realPhone(d), ""
	settles(func() bool { answer, err = h.ask(phone + " answer"); return err == nil })
	if err == nil && h.say("wait 150ms "+phone+" ringing since="+field(answer, "seq")) == nil {
		_ = h.say(phone + " answer") // unless that was the call that it has answered
	}
	return err
}
func (h realHands) HangUp(d csta.DeviceID) error   { return h.say(realPhone(d) + " hangup") }
func (h realHands) Hold(d csta.DeviceID) error     { return h.say(realPhone(d) + " hold") }
func (h realHands) Retrieve(d csta.DeviceID) error { return h.say(realPhone(d) + " unhold") }

// Press waits a moment where the phone does not know yet that it was answered.
func (h realHands) Press(d csta.DeviceID, digits string) (err error) {
	settles(func() bool { err = h.say(realPhone(d) + " dtmf " + digits); return err == nil })
	return err
}

func (h realHands) Pressed(d csta.DeviceID) (digits string, err error) {
	for since := h.began; ; {
		answer, err := h.ask("wait 20ms " + realPhone(d) + " dtmf since=" + since)
		if err != nil {
			return digits, nil //nolint:nilerr // there are no more
		}
		digits, since = digits+field(answer, "digit"), field(answer, "seq")
	}
}
func (h realHands) CutLink()     { h.cut() }
func (h realHands) RestoreLink() { h.restore() }

// realStyles are the kinds of phone: what they do on a NOTIFY, and what the configuration says of them.
var realStyles = map[string]struct{ notify, configured string }{
	"obeys":     {"obey", "yes"},
	"told not":  {"obey", "no"}, // and never sent one
	"ignores":   {"ignore", "yes"},
	"refuses":   {"refuse", "yes"},
	"known not": {"ignore", "no"},
}

var realPhones = []string{"101", "102", "103", "104"}

// adapter makes one on the rig, whose phones have one style; empty: what their User-Agents say.
func (r rig) adapter(t *testing.T, style string, more ...func(*Config)) *Adapter {
	t.Helper()
	c := defaults()
	c.Address, c.Username, c.Secret = r.address, r.username, r.secret
	if s, ok := realStyles[style]; ok {
		for _, n := range realPhones {
			c.Phones = append(c.Phones, PhoneConfig{Endpoint: n, Style: Style{Header: "alert-info", Notify: s.configured}})
		}
	}
	c.Digits = true
	c.Groups = []GroupConfig{{Number: "600", Queue: "support", Name: "Support"}, {Number: "610", Name: "Sales", Members: []string{"103", "104", "105"}}}
	for _, f := range more {
		f(&c)
	}
	a, err := New(pbxadapter.Options{Name: "ast", Log: zaptest.NewLogger(t), Numbers: pbxadapter.PlainNumbers{}}, c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// clean ends everybody's calls, takes back what the last scenario set, and waits until Asterisk has no channel.
func (r rig) clean(t *testing.T, style string) {
	t.Helper()
	commands := []string{"reset"}
	notify := "obey"
	if s, ok := realStyles[style]; ok {
		notify = s.notify
	}
	for _, n := range realPhones {
		commands = append(commands, n+" set notify="+notify)
	}
	if err := r.say(commands...); err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := ami.Open(context.Background(), nc, ami.Options{Username: r.username, Secret: r.secret, Challenge: true, EventMask: "off"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, f := range presets["plain"].features() {
		for n := 101; n <= 106; n++ {
			_, _ = conn.Do(context.Background(), ami.NewAction("DBDel").With("Family", ami.Word, f.family).With("Key", ami.Word, fmt.Sprint(n)))
			_, _ = conn.Do(context.Background(), ami.NewAction("Setvar").Fixed("Variable", fmt.Sprintf("DEVICE_STATE(Custom:%s%d)", f.state, n)).Fixed("Value", "NOT_INUSE"))
		}
	}
	for n := 101; n <= 106; n++ {
		_, _ = conn.Do(context.Background(), ami.NewAction("MWIDelete").With("Mailbox", ami.Word, fmt.Sprintf("%d@default", n)))
	}
	for range 100 {
		l, err := conn.List(context.Background(), ami.NewAction("Status"))
		if err != nil {
			t.Fatal(err)
		}
		if len(l.Items) == 0 {
			return
		}
		for _, m := range l.Items {
			_, _ = conn.Do(context.Background(), ami.NewAction("Hangup").With("Channel", ami.Channel, m.Get("Channel")))
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("Asterisk keeps channels")
}

func settles(condition func() bool) bool {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if condition() {
			return true
		}
	}
	return false
}

func TestReal(t *testing.T) {
	for _, style := range slices.Sorted(func(yield func(string) bool) {
		for s := range realStyles {
			if !yield(s) {
				return
			}
		}
	}) {
		t.Run(style, func(t *testing.T) {
			r := realPBX(t)
			t.Cleanup(func() { r.clean(t, "") })
			adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
				r.clean(t, style)
				a := r.adapter(t, style)
				began, err := r.ask("seq")
				if err != nil {
					t.Fatal(err)
				}
				h := realHands{rig: r, began: field(began, "seq")}
				h.cut, h.restore = cable(a)
				return adaptertest.Harness{
					Adapter: a, Phones: [4]csta.DeviceID{"101", "102", "103", "104"}, Busy: "0906", Outside: "0301234567", Slot: "701", Hands: h, Settle: settles,
				}
			}, must...)
		})
	}
}

// cable lets the link of an adapter be cut.
func cable(a *Adapter) (cut, restore func()) {
	dial, down := a.dial, make(chan bool, 1)
	down <- false
	var last net.Conn
	a.dial = func(ctx context.Context) (net.Conn, error) {
		is := <-down
		defer func() { down <- is }()
		if is {
			return nil, errors.New("the cable is cut")
		}
		nc, err := dial(ctx)
		last = nc
		return nc, err
	}
	return func() { <-down; _ = last.Close(); down <- true }, func() { <-down; down <- false }
}

// onReal runs a test with an adapter on the rig, and a model of what it tells.
func onReal(t *testing.T, style string, f func(*board, rig)) {
	t.Helper()
	r := realPBX(t)
	r.clean(t, style)
	b := &board{t: t, model: callmodel.New()}
	b.make = func(more ...func(*Config)) *Adapter { return r.adapter(t, style, more...) }
	b.start()
	defer func() {
		b.stop()
		r.clean(t, "")
	}()
	b.until("connected", func() bool { return b.synced() })
	f(b, r)
}

// synced says whether the adapter has told the devices.
func (b *board) synced() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.devices) > 0
}

// until waits on a real one.
func (b *board) until(what string, condition func() bool) {
	b.t.Helper()
	if !settles(condition) {
		b.t.Fatalf("never: %s", what)
	}
}

// becomes waits until a device has a call in a state.
func (b *board) becomes(d csta.DeviceID, state csta.State) csta.ConnectionID {
	b.t.Helper()
	b.until(fmt.Sprintf("%s is %s", d, state), func() bool { _, ok := b.find(d, state); return ok })
	return b.is(d, state)
}

// over waits until nobody has a call.
func (b *board) over() {
	b.t.Helper()
	b.until("everybody has hung up", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.model.State().Calls) == 0
	})
}
