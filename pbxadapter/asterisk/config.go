package asterisk

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"farhook/pbxadapter/asterisk/ami"
)

// Config is the adapter's part of the configuration.
type Config struct {
	Address  string `yaml:"address"`  // host:port of the manager interface
	TLS      TLS    `yaml:"tls"`      // the link is TLS where it is on
	Username string `yaml:"username"` // in manager.conf
	Secret   string `yaml:"secret"`
	// Login is challenge (MD5, the default) or plain (only over TLS or loopback).
	Login string `yaml:"login"`
	// Dialplan says where forwarding and do not disturb are kept: plain, freepbx or none.
	Dialplan string `yaml:"dialplan"`
	// Context holds the lines that docs/asterisk.md has for this dialplan.
	Context string `yaml:"context"`
	// Mailbox of a phone; {number} stands for its number.
	Mailbox string `yaml:"mailbox"`
	// Trunks are endpoints that are no phones though their names are digits.
	Trunks []string `yaml:"trunks"`
	// Phones are endpoints that need more than the PBX tells of them, or whose names are no digits.
	Phones []PhoneConfig `yaml:"phones"`
	// Groups are queues whose names are no numbers, and ring groups of the dialplan's.
	Groups []GroupConfig `yaml:"groups"`
	// Styles are rows before those of the table of phones.
	Styles []StyleRow `yaml:"styles"`
	// RingTime is how long a phone is rung that is to call.
	RingTime time.Duration `yaml:"ring_time"`
	// Digits tells which keys are pressed in calls. Not by default: they are PINs more often than not.
	Digits bool `yaml:"digits"`
	// Experimental offers services that were never seen on a real Asterisk.
	Experimental bool `yaml:"experimental"`
}

// TLS of the link. The certificate is always verified.
type TLS struct {
	On         bool   `yaml:"on"`
	CA         string `yaml:"ca"`          // PEM file; empty: the machine's
	ServerName string `yaml:"server_name"` // in the certificate; empty: the host of the address
}

// PhoneConfig is what configuration says of one phone. What is empty the PBX tells.
type PhoneConfig struct {
	Endpoint string `yaml:"endpoint"`
	Number   string `yaml:"number"` // empty: the endpoint's name
	Name     string `yaml:"name"`
	Context  string `yaml:"context"`
	Mailbox  string `yaml:"mailbox"`
	Style    `yaml:",inline"`
}

// GroupConfig is a number that leads to several phones: a queue, whose members Asterisk tells, or a ring group, whose members stand here.
type GroupConfig struct {
	Number  string   `yaml:"number"` // as the dialplan has it
	Name    string   `yaml:"name"`   // for people
	Queue   string   `yaml:"queue"`  // as in queues.conf; empty: a ring group
	Members []string `yaml:"members"`
}

func defaults() Config {
	return Config{Login: "challenge", Dialplan: "plain", Context: "csta", Mailbox: "{number}@default", RingTime: 30 * time.Second}
}

// eventMask are the classes of events that are wanted.
func (c *Config) eventMask() string {
	if c.Digits {
		return "call,system,agent,dtmf"
	}
	return "call,system,agent"
}

// check says everything that is wrong.
func (c *Config) check() error {
	var wrong []error
	complain := func(key, format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	host, port, err := net.SplitHostPort(c.Address)
	if err != nil || host == "" || port == "" {
		complain("address", "%q is no host and port, such as 127.0.0.1:5038", c.Address)
	}
	if err := ami.Word.Check(c.Username); err != nil {
		complain("username", "%v", err)
	}
	if c.Secret == "" || strings.ContainsAny(c.Secret, "\r\n") {
		complain("secret", "is missing, or has a line end")
	}
	switch c.Login {
	case "challenge":
	case "plain":
		if ip := net.ParseIP(host); !c.TLS.On && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			complain("login", "plain sends the secret as it is: only with tls, or to this machine")
		}
	default:
		complain("login", "%q: want challenge or plain", c.Login)
	}
	if _, ok := presets[c.Dialplan]; !ok {
		complain("dialplan", "%q: want plain, freepbx or none", c.Dialplan)
	}
	if err := ami.Word.Check(c.Context); err != nil {
		complain("context", "%v", err)
	}
	if c.RingTime < time.Second || c.RingTime > 10*time.Minute {
		complain("ring_time", "%v is out of range: 1s to 10m", c.RingTime)
	}
	for i, p := range c.Phones {
		key := fmt.Sprintf("phones[%d]", i)
		if err := ami.Word.Check(p.Endpoint); err != nil {
			complain(key+".endpoint", "%v", err)
		}
		for name, v := range map[string]string{"number": p.Number, "context": p.Context, "mailbox": p.Mailbox} {
			if v == "" {
				continue
			}
			if err := ami.Word.Check(v); err != nil {
				complain(key+"."+name, "%v", err)
			}
		}
		checkStyle(key, p.Style, complain)
	}
	for i, g := range c.Groups {
		key := fmt.Sprintf("groups[%d]", i)
		if err := ami.Number.Check(g.Number); err != nil {
			complain(key+".number", "%v", err)
		}
		if (g.Queue == "") == (len(g.Members) == 0) {
			complain(key, "want queue, whose members the PBX tells, or the members of a ring group")
		}
		for _, m := range g.Members {
			if err := ami.Word.Check(m); err != nil {
				complain(key+".members", "%v", err)
			}
		}
	}
	for i, r := range c.Styles {
		key := fmt.Sprintf("styles[%d]", i)
		if r.Agent == "" {
			complain(key+".agent", "is missing: what the User-Agent begins with")
		}
		checkStyle(key, r.Style, complain)
	}
	return errors.Join(wrong...)
}

func checkStyle(key string, s Style, complain func(string, string, ...any)) {
	if s.Header != "" && s.Header != "alert-info" && s.Header != "call-info" && s.Header != "off" {
		complain(key+".header", "%q: want alert-info, call-info or off", s.Header)
	}
	if s.Notify != "" && s.Notify != "yes" && s.Notify != "no" {
		complain(key+".notify", "%q: want yes or no", s.Notify)
	}
	if s.Value != "" {
		if err := ami.Text.Check(s.Value); err != nil {
			complain(key+".value", "%v", err)
		}
	}
}
