package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"farhook/csta"
	"farhook/uacsta/uactest"
)

// Every command, typed by a user of 1001, against the real gateway.
func TestCommands(t *testing.T) {
	defer goleak.VerifyNone(t)
	l := listen(t)
	h := newHouse(t, l, nil)
	defer h.stop()
	x := sit(t, conf(l, "tel:+15551001;ext=1001"))
	phone := func(ext int) interface {
		Answer() error
		HangUp() error
		Dial(csta.DeviceID) error
	} {
		return h.pbx.Phone(ext)
	}

	x.types("# a comment is nothing")
	x.types("call 1002", `call sim-\w+`, `Delivered .*\(here connected\): tel:1002;phone-context=dialstring rings, call from tel:\+15551001;ext=1001`)
	hand(t, phone(1002).Answer())
	x.sees(`Established .*tel:1002;phone-context=dialstring answers`)
	x.types("hold", `Held .*\(here hold\): tel:\+15551001;ext=1001 holds`)
	x.types("retrieve", `Retrieved .*\(here connected\)`)
	x.types("dtmf 12#")
	x.types("consult +15551003", `Held .*\[consultation\]`, `Delivered .*tel:\+15551003 rings.*\[consultation\]`)
	hand(t, phone(1003).Answer())
	x.sees(`Established .*tel:\+15551003 answers`)
	x.types("calls", `call sim-\w+ is hold`, `call sim-\w+ is connected`)
	x.types("alternate", `Held .*\[alternate\]`, `Retrieved .*\[alternate\]`)
	x.types("reconnect", `ConnectionCleared`, `Retrieved .*\(here connected\)`)
	x.types("consult 1002", `Delivered`)
	hand(t, phone(1002).Answer())
	x.sees(`Established`)
	x.types("transfer", `Transfered .*\(here null\): tel:\+15551001;ext=1001 transfers to tel:1002;phone-context=dialstring`)
	hand(t, phone(1002).HangUp())

	x.types("call tel:+15551002", `Delivered`)
	hand(t, phone(1002).Answer())
	x.sees(`Established`)
	x.types("consult 1003", `Delivered`)
	hand(t, phone(1003).Answer())
	x.sees(`Established`)
	x.types("conference", `Conferenced .*\(here connected\): tel:\+15551001;ext=1001 adds tel:1003;phone-context=dialstring`)
	x.types("conference 1004", `Conferenced .*adds tel:1004;phone-context=dialstring \[singleStepConference\]`, `Delivered`)
	hand(t, phone(1004).Answer())
	x.sees(`Established .*tel:1004;`)
	x.types("hangup", `ConnectionCleared .*\(here null\)`)
	for ext := 1002; ext <= 1004; ext++ {
		_ = phone(ext).HangUp() // the last is alone already
	}

	hand(t, h.pbx.Outside(outside).Dial("tel:+15551001"))
	x.sees(`Delivered .*\(here alerting\): tel:\+15551001;ext=1001 rings, call from tel:\+15559000010`)
	x.types("answer", `Established .*\(here connected\)`)
	x.types("transfer 1005", `Transfered .*\[singleStepTransfer\]`)
	hand(t, phone(1005).HangUp())
	hand(t, h.pbx.Outside("tel:+15559000014").Dial("tel:+15551001"))
	x.sees(`Delivered .*call from somebody who hides`)
	x.types("deflect 1006", `Diverted .*\(here null\): away from tel:\+15551001;ext=1001 to tel:1006;phone-context=dialstring \[redirected\]`)
	x.types("pickup 1006", `Established .*\[callPickup\]`)
	x.types("park 71", `Diverted .*to 71 \[park\]`)
	x.types("call 71", `Established .*\[callPickup\]`)
	x.types("hangup", `ConnectionCleared .*\(here null\)`)
	hand(t, phone(1007).Dial("tel:+15551008"))
	x.types("pickup", `Established .*tel:\+15551001;ext=1001 answers.*\[callPickup\]`)
	hand(t, phone(1007).HangUp())
	x.sees(`ConnectionCleared .*\(here null\)`)

	x.types("forward 1009", `Forwarding .*forwardImmediate on tel:\+15551009`)
	x.types("forward off", `Forwarding .*forwardImmediate off`)
	x.types("dnd on", `DoNotDisturb .*on`)
	x.types("dnd off", `DoNotDisturb .*off`)
	h.pbx.CutLink()
	x.sees(`OutOfService .*\[networkOutOfOrder\]`)
	h.pbx.RestoreLink()
	x.sees(`BackInService`)
	x.types("sleep 1ms")
	x.types("wait BackInService")

	// What cannot be done is said, and the user goes on.
	for command, want := range map[string]string{
		"answer": "no call is alerting", "hold": "no call is connected", "transfer": "no call is hold", "fly": "no such command; there are: call answer",
		"call": "usage: call NUMBER", "call alice": "operation/invalidCalledDeviceID", "dnd maybe": `"maybe" is neither on nor off`, "sleep long": "invalid duration",
	} {
		x.types(command, `! `+strings.Fields(command)[0]+`: .*`+want)
	}
	for _, c := range commandTable() {
		if !x.typed[c.name] {
			t.Errorf("nobody has typed %s", c.name)
		}
		if !strings.Contains(commandHelp(), "  "+c.name+" ") {
			t.Errorf("--help does not tell of %s", c.name)
		}
	}
	x.types("quit", "signed out")
	x.keys.Close()
	if err := <-x.ended; err != nil {
		t.Error(err)
	}
	if n := h.uc.Count(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// play runs a script, and gives what it printed.
func play(t *testing.T, c cli, script string) (string, error) {
	t.Helper()
	c.Script = filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(c.Script, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := run(t.Context(), c, strings.NewReader("fly\n"), &out)
	return out.String(), err
}

// A script ends at its end, at quit, or at its first failure, which is named with its line.
func TestScript(t *testing.T) {
	defer goleak.VerifyNone(t)
	l := listen(t)
	h := newHouse(t, l, nil)
	defer h.stop()
	out, err := play(t, conf(l, "tel:+15551001"), "# one call\n\ncall 1002\nwait Delivered\nhangup\nwait ConnectionCleared ConnectionClearedEvent\n")
	if err != nil || !strings.HasSuffix(out, "signed out\n") || strings.Count(out, " * ") != 5 {
		t.Errorf("%v\n%s", err, out)
	}
	for l := range strings.Lines(out) {
		if len(l) < len("15:04:05 x") || l[2] != ':' || l[5] != ':' {
			t.Errorf("not a line with its time: %q", l)
		}
	}
	out, err = play(t, conf(l, "1002"), "quit\nfly\n")
	if err != nil || !strings.Contains(out, "signed in to 1002") {
		t.Errorf("%v\n%s", err, out)
	}
	c := conf(l, "tel:+15551001")
	c.Patience = 50 * time.Millisecond
	for script, want := range map[string]string{
		"\nfly\n":                            "line 2, fly: no such command",
		"answer\nfly\n":                      "line 1, answer: no call is alerting",
		"wait Delivered\n":                   "line 1, wait: no Delivered within 50ms",
		"call 1024\nwait Delivered\nsleep x": "line 3, sleep:",
	} {
		if out, err := play(t, c, script); err == nil || !strings.HasPrefix(err.Error(), want) || !strings.HasSuffix(out, "signed out\n") {
			t.Errorf("%q: %v\n%s", script, err, out)
		}
	}
	var b bytes.Buffer
	c.Script = "-"
	if err := run(t.Context(), c, strings.NewReader("dnd on\nwait DoNotDisturb"), &b); err != nil || !strings.Contains(b.String(), "DoNotDisturb") {
		t.Errorf("%v\n%s", err, b.String())
	}
	// Calls that are up already are known.
	hand(t, h.pbx.Phone(1003).Dial("tel:+15551004"))
	if out, err := play(t, conf(l, "tel:+15551004"), "answer\nwait Established\nhangup\n"); err != nil || !strings.Contains(out, "is alerting") {
		t.Errorf("%v\n%s", err, out)
	}
	raw := conf(l, "tel:+15551001")
	raw.Raw = true
	if out, err := play(t, raw, "dnd off\n"); err != nil || !strings.Contains(out, "> INVITE sip:farhook@localhost SIP/2.0") || !strings.Contains(out, "< SIP/2.0 200 OK") {
		t.Errorf("%v\n%s", err, out)
	}
}

// What keeps a user from signing in is said in one line.
func TestCannotSignIn(t *testing.T) {
	l := listen(t)
	newHouse(t, l, nil)
	gone := listen(t)
	gone.Close()
	for name, c := range map[string]struct {
		conf cli
		want string
	}{
		"line":   {conf(l, "tel:+15559999"), `sign in to tel:+15559999: 404 Not Found (399 127.0.0.1 "line not configured")`},
		"nobody": {conf(gone, "tel:+15551001"), "cannot reach the gateway at " + gone.Addr().String()},
		"script": {cli{Script: "/nonexistent/script"}, "open /nonexistent/script: no such file"},
	} {
		var out bytes.Buffer
		err := run(t.Context(), c.conf, strings.NewReader(""), &out)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// Over TLS the gateway's certificate is checked, and ours is shown.
func TestTLS(t *testing.T) {
	a, dir := uactest.NewAuthority(t), t.TempDir()
	file := func(name string, b []byte) string {
		f := filepath.Join(dir, name)
		if err := os.WriteFile(f, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return f
	}
	l := listen(t)
	newHouse(t, l, &tls.Config{
		Certificates: []tls.Certificate{a.Pair(uactest.Wanted{Names: []string{"localhost"}})}, MinVersion: tls.VersionTLS12,
		ClientCAs: a.Pool, ClientAuth: tls.RequireAndVerifyClientCert,
	})
	c := conf(l, "tel:+15551001")
	c.TLS, c.Server = true, strings.Replace(c.Server, "127.0.0.1", "localhost", 1)
	cert, key := a.Issue(uactest.Wanted{Names: []string{"fe.contoso.test"}})
	c.CA, c.Cert, c.Key = file("ca", a.PEM), file("cert", cert), file("key", key)
	if out, err := play(t, c, "call 1002\nwait Delivered\nhangup\nwait ConnectionCleared\n"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	c.Patience = 10 * time.Second
	for name, change := range map[string]func(*cli){
		"unknown authority":  func(c *cli) { c.CA = file("other", uactest.NewAuthority(t).PEM) },
		"another name":       func(c *cli) { c.Server = l.Addr().String() },
		"no authority":       func(c *cli) { c.CA = file("none", nil) },
		"no file":            func(c *cli) { c.CA = filepath.Join(dir, "nowhere") },
		"no certificate":     func(c *cli) { c.Cert, c.Key = "", "" },
		"a key of another's": func(c *cli) { _, k := a.Issue(uactest.Wanted{}); c.Key = file("k", k) },
		"no TLS":             func(c *cli) { c.TLS = false },
	} {
		bad := c
		change(&bad)
		if out, err := play(t, bad, "quit\n"); err == nil {
			t.Errorf("%s: signed in\n%s", name, out)
		}
	}
}

// A gateway that ends says BYE, and the user hears why nothing comes any more.
func TestGatewayEnds(t *testing.T) {
	l := listen(t)
	h := newHouse(t, l, nil)
	x := sit(t, conf(l, "tel:+15551001"))
	h.stop()
	if err := <-x.ended; err == nil || !strings.Contains(err.Error(), "the gateway ended the session") {
		t.Error(err)
	}
}

// Ctrl-C signs out, also in the middle of a command.
func TestInterrupted(t *testing.T) {
	l := listen(t)
	h := newHouse(t, l, nil)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	x := &terminal{t: t, ended: make(chan error, 1)}
	c := conf(l, "tel:+15551001")
	c.Script = "-"
	go func() { x.ended <- run(ctx, c, strings.NewReader("dnd on\nsleep 1h\n"), x) }()
	x.sees("DoNotDisturb")
	cancel()
	x.sees("signed out")
	if err := <-x.ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if n := h.uc.Count(); n > 0 {
		t.Errorf("%d sessions are left", n)
	}
}
