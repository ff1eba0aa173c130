package freeswitch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/adaptertest"
)

// The suite on a real FreeSWITCH, with real SIP phones, where somebody has one: FARHOOK_FREESWITCH=ADDRESS,PASSWORD,PHONES names its event
// socket and the control socket of scriptable phones 201 to 206 in the domain pbx.test. Those take one command a line ("201 call 202",
// "202 answer", "hold", "unhold", "hangup", "reset") and answer each with a line that begins with "ok" or "err". 201 to 204 obey NOTIFY;
// 9005 is busy, 0… leads outside to the phone "net", and 501 is a valet slot of the lot office. What else the dialplan has, the rows of life use:
// ring groups (411 of loopbacks), queues, rooms, feature codes.
func realPBX(t *testing.T) (address, password string, hands realHands) {
	t.Helper()
	v := os.Getenv("FARHOOK_FREESWITCH")
	if v == "" {
		t.Skip("FARHOOK_FREESWITCH names no real FreeSWITCH")
	}
	part := strings.Split(v, ",")
	if len(part) != 3 {
		t.Fatal("FARHOOK_FREESWITCH: want ADDRESS,PASSWORD,PHONES")
	}
	return part[0], part[1], realHands{control: part[2]}
}

// realHands are people at real phones.
type realHands struct {
	control string
	began   string // number of the phones' last event before
	cut     func()
	restore func()
}

func (h realHands) say(format string, args ...any) error {
	_, err := h.ask(format, args...)
	return err
}

// ask gives the answer.
func (h realHands) ask(format string, args ...any) (string, error) {
	c, err := net.Dial("tcp", h.control)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := fmt.Fprintf(c, format+"\n", args...); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(answer, "ok") {
		return "", errors.New(fmt.Sprintf(format, args...) + ": " + strings.TrimSpace(answer))
	}
	return answer, nil
}

func at(d csta.DeviceID) string {
	if d[0] == '0' {
		return "net"
	}
	return string(d)
}

func (h realHands) Dial(from, to csta.DeviceID) error { return h.say("%s call %s", at(from), to) }
func (h realHands) Answer(d csta.DeviceID) error      { return h.say("%s answer", at(d)) }
func (h realHands) HangUp(d csta.DeviceID) error      { return h.say("%s hangup", at(d)) }
func (h realHands) Hold(d csta.DeviceID) error        { return h.say("%s hold", at(d)) }
func (h realHands) Retrieve(d csta.DeviceID) error    { return h.say("%s unhold", at(d)) }
func (h realHands) Press(d csta.DeviceID, digits string) error {
	return h.say("%s dtmf %s", at(d), digits)
}

// Pressed are the digits that a phone has heard since began.
func (h realHands) Pressed(d csta.DeviceID) (digits string, err error) {
	for since := h.began; ; {
		answer, err := h.ask("wait 20ms %s dtmf since=%s", at(d), since)
		if err != nil {
			return digits, nil //nolint:nilerr // there are no more
		}
		digits, since = digits+field(answer, "digit"), field(answer, "seq")
	}
}

// field is a value of a phone's answer.
func field(answer, name string) string {
	for f := range strings.FieldsSeq(answer) {
		if v, ok := strings.CutPrefix(f, name+"="); ok {
			return strings.Trim(v, `"`)
		}
	}
	return ""
}

func (h realHands) CutLink()     { h.cut() }
func (h realHands) RestoreLink() { h.restore() }

// realConfig is the configuration of the rig.
func realConfig(address, password string) Config {
	c := defaults()
	c.Address, c.Password, c.Domain = address, password, "pbx.test"
	c.Music = "tone_stream://%(1500,2500,480);loops=-1"
	for n := 201; n <= 206; n++ {
		c.Devices = append(c.Devices, DeviceConfig{User: fmt.Sprint(n), Group: "all"})
	}
	c.Park = ParkConfig{Lot: "office", Slots: []string{"501", "502"}}
	c.Feat = map[string]FeatureTemplate{
		"do_not_disturb":    {"db insert/dnd/{user}/true", "db delete/dnd/{user}", "db select/dnd/{user}"},
		"forward_immediate": {"db insert/cfu/{user}/{number}", "db delete/cfu/{user}", "db select/cfu/{user}"},
		"forward_busy":      {"db insert/cfb/{user}/{number}", "db delete/cfb/{user}", "db select/cfb/{user}"},
		"forward_no_answer": {"db insert/cfna/{user}/{number}", "db delete/cfna/{user}", "db select/cfna/{user}"},
	}
	c.Event = []FeatureEvents{{
		Subclass: "feature::changed", Device: "Device", Feature: "Feature", Value: "Value",
		Names: map[string]string{"dnd": "do_not_disturb", "cfu": "forward_immediate", "cfb": "forward_busy", "cfna": "forward_no_answer"},
	}}
	return c
}

func TestReal(t *testing.T) {
	for _, parked := range []bool{false, true} {
		t.Run(map[bool]string{false: "notify", true: "parked"}[parked], func(t *testing.T) {
			adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
				address, password, hands := realPBX(t)
				answer, err := hands.ask("reset")
				if err != nil {
					t.Fatal(err)
				}
				hands.began = field(answer, "seq")
				c := realConfig(address, password)
				if parked {
					for i := range c.Devices {
						c.Devices[i].Style = &style{Header: "call-info", Notify: "no"}
					}
				}
				a, err := New(pbxadapter.Options{Name: "fs", Log: zaptest.NewLogger(t), Numbers: pbxadapter.PlainNumbers{}}, c)
				if err != nil {
					t.Fatal(err)
				}
				dial, down := a.dialer, false
				var last net.Conn
				a.dialer = func(ctx context.Context) (net.Conn, error) {
					if down {
						return nil, errors.New("the cable is cut")
					}
					nc, err := dial(ctx)
					last = nc
					return nc, err
				}
				hands.cut = func() { down = true; _ = last.Close() }
				hands.restore = func() { down = false }
				clearFeatures(t, a, c)
				return adaptertest.Harness{
					Adapter: a, Phones: [4]csta.DeviceID{"201", "202", "203", "204"}, Busy: "9005", Outside: "0301234567", Slot: "501", Hands: hands,
					Settle: func(condition func() bool) bool {
						for end := time.Now().Add(6 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
							if condition() {
								return true
							}
						}
						return false
					},
				}
			}, must...)
		})
	}
}

// With an account of the directory that may do less, calls are told, and what may not be done is refused with the PBX's words.
func TestRealUserAuth(t *testing.T) {
	address, _, hands := realPBX(t)
	account := os.Getenv("FARHOOK_FREESWITCH_USER")
	if account == "" {
		t.Skip("FARHOOK_FREESWITCH_USER names no USER@DOMAIN:PASSWORD")
	}
	user, password, _ := strings.Cut(account, ":")
	c := realConfig(address, password)
	c.User, c.Event, c.Feat = user, nil, nil
	a, err := New(pbxadapter.Options{Name: "fs", Log: zaptest.NewLogger(t), Numbers: pbxadapter.PlainNumbers{}}, c)
	if err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, model: callmodel.New()}
	s.hand(hands.say("reset"))
	s.adapter(a)
	s.hand(hands.Dial("201", "202"))
	s.is("202", csta.Alerting)
	s.hand(hands.Answer("202"))
	s.is("202", csta.Connected)
	_, err = a.Services()["HoldCall"](context.Background(), csta.HoldCall{CallToBeHeld: s.conn("201", csta.Connected)})
	t.Log(err)
	if err == nil {
		t.Error("it may hold")
	}
	s.hand(hands.HangUp("201"))
	s.is("202")
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// clearFeatures takes back what the last scenario set, and waits until nobody talks.
func clearFeatures(t *testing.T, a *Adapter, c Config) {
	t.Helper()
	nc, err := net.Dial("tcp", c.Address)
	if err != nil {
		t.Fatal(err)
	}
	k := newConn(nc, 1<<20)
	defer func() { _ = nc.Close(); <-k.ended }()
	if err := k.login("", c.Password); err != nil {
		t.Fatal(err)
	}
	go k.read()
	api := func(command string) string {
		k.wmu.Lock()
		err := k.write("api " + command)
		k.wmu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		for {
			<-k.wake
			for _, f := range k.take() {
				return string(f.body)
			}
		}
	}
	for _, d := range c.Devices {
		for _, f := range c.Feat {
			api(a.fill(f.Clear, d.User, "", 0))
		}
	}
	for range 100 {
		if strings.Contains(api("show channels as json"), `"row_count": 0`) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Log(api("hupall"))
}
