package freeswitch

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// Config is the adapter's part of the configuration; docs/freeswitch.md and farhook config example say what each is for.
type Config struct {
	Address  string `yaml:"address"`  // of the event socket
	User     string `yaml:"user"`     // USER@DOMAIN of the directory (userauth); empty: the event socket's own password
	Password string `yaml:"password"` // of either
	Domain   string `yaml:"domain"`   // of the phones
	Dialplan string `yaml:"dialplan"`
	Context  string `yaml:"context"` // of devices that have none; empty: the PBX is asked for the user's user_context

	Devices       []DeviceConfig `yaml:"devices"`
	Registrations bool           `yaml:"registrations"` // phones of the domain that register are devices, too
	Styles        []styleRow     `yaml:"styles"`

	RingTime   int    `yaml:"ring_time"` // seconds that the caller's own phone may ring
	Ringback   string `yaml:"ringback"`  // tone that a caller hears whom we called first
	Music      string `yaml:"music"`     // what a party parked by us hears
	Room       string `yaml:"room"`      // prefix of conference rooms
	RoomKind   string `yaml:"room_profile"`
	Characters string `yaml:"dial_characters"`

	Park  ParkConfig                 `yaml:"park"`
	Feat  map[string]FeatureTemplate `yaml:"features"`
	Event []FeatureEvents            `yaml:"feature_events"`
	// Digits tells which keys are pressed in calls. Not by default: they are PINs more often than not.
	Digits bool `yaml:"digits"`
	Sync   bool `yaml:"feature_sync"` // answer phones that synchronise their features (as-feature-event)
}

// DeviceConfig is one phone.
type DeviceConfig struct {
	User    string `yaml:"user"`    // in the PBX's directory, and its extension
	Number  string `yaml:"number"`  // as others reach it; empty: User
	Name    string `yaml:"name"`    // whose it is
	Context string `yaml:"context"` // where its calls run: its class of service
	Style   *style `yaml:"style"`   // empty: by its User-Agent
	Group   string `yaml:"pickup_group"`
}

// ParkConfig is a valet parking lot.
type ParkConfig struct {
	Lot   string   `yaml:"lot"`
	Slots []string `yaml:"slots"`
}

// FeatureTemplate is the commands by which the site's dialplan keeps a feature: {user}, {number} and {seconds} are filled in.
type FeatureTemplate struct {
	Set   string `yaml:"set"`
	Clear string `yaml:"clear"`
	Get   string `yaml:"get"`
}

func defaults() Config {
	return Config{
		Address: "127.0.0.1:8021", Dialplan: "XML", RingTime: 20, Ringback: "%(1000,3000,425)", Music: "local_stream://moh", Room: "farhook-",
		RoomKind: "default", Characters: string(defaultWhitelist),
	}
}

// check gives everything that is wrong with a configuration.
func (c *Config) check() error {
	var wrong []error
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		bad("address: %q is no HOST:PORT", c.Address)
	}
	if c.Password == "" {
		bad("password: is missing")
	}
	if line("x"+c.Password) != nil {
		bad("password: is not one line")
	}
	if c.User != "" && (!isName(c.User) || !strings.Contains(c.User, "@") || strings.Contains(c.User, ":")) {
		bad("user: %q is no USER@DOMAIN", c.User)
	}
	if !isName(c.Domain) || strings.ContainsAny(c.Domain, "/@:") {
		bad("domain: %q is no domain", c.Domain)
	}
	for name, v := range map[string]string{"dialplan": c.Dialplan, "room": c.Room, "room_profile": c.RoomKind} {
		if !isName(v) || strings.ContainsAny(v, "@:/") {
			bad("%s: %q is no name", name, v)
		}
	}
	if c.Context != "" && !isName(c.Context) {
		bad("context: %q is no name", c.Context)
	}
	if c.RingTime < 1 || c.RingTime > 300 {
		bad("ring_time: %d is out of range: 1 to 300 (seconds)", c.RingTime)
	}
	if i := strings.IndexAny(c.Characters, never); i >= 0 || c.Characters == "" {
		bad("dial_characters: %q: want characters of numbers, none of %q", c.Characters, ",|{}[]$'\"\\")
	}
	for name, v := range map[string]string{"ringback": c.Ringback, "music": c.Music} {
		if line(v) != nil || strings.ContainsAny(v, "'\"^|{}[]$\\ ") {
			bad("%s: %q holds a character that ends it", name, v)
		}
	}
	seen := map[string]bool{}
	for i, d := range c.Devices {
		switch {
		case !isName(d.User) || strings.ContainsAny(d.User, "@/:"):
			bad("devices[%d].user: %q is no user", i, d.User)
		case seen[d.User]:
			bad("devices[%d].user: %s is there twice", i, d.User)
		}
		seen[d.User] = true
		if d.Number != "" && strings.Trim(d.Number, "+0123456789*#") != "" {
			bad("devices[%d].number: %q is no number", i, d.Number)
		}
		if d.Context != "" && !isName(d.Context) {
			bad("devices[%d].context: %q is no name", i, d.Context)
		}
		if d.Style != nil {
			wrong = append(wrong, d.Style.check(fmt.Sprintf("devices[%d].style", i))...)
		}
	}
	for i, s := range c.Styles {
		if s.Agent == "" {
			bad("styles[%d].agent: is missing", i)
		}
		wrong = append(wrong, s.check(fmt.Sprintf("styles[%d]", i))...)
	}
	if c.Park.Lot != "" && !isName(c.Park.Lot) || c.Park.Lot == "" && len(c.Park.Slots) > 0 {
		bad("park.lot: %q is no name", c.Park.Lot)
	}
	for i, s := range c.Park.Slots {
		if s == "" || strings.Trim(s, "0123456789*#") != "" {
			bad("park.slots[%d]: %q is no number", i, s)
		}
	}
	for name, f := range c.Feat {
		if featureNames[name] == nil {
			bad("features.%s: there is none of that name: do_not_disturb, forward_immediate, forward_busy, forward_no_answer", name)
		}
		for part, t := range map[string]string{"set": f.Set, "clear": f.Clear, "get": f.Get} {
			if t == "" && part == "get" {
				continue
			}
			if line(t) != nil {
				bad("features.%s.%s: want one line", name, part)
			} else if rest := placeholders.Replace(t); strings.ContainsAny(rest, "{}") {
				bad("features.%s.%s: %q: {user}, {domain}, {number} and {seconds} are filled in, nothing else", name, part, t)
			}
		}
	}
	for i, e := range c.Event {
		if !isName(e.Subclass) || e.Device == "" || e.Feature == "" || e.Value == "" {
			bad("feature_events[%d]: subclass, device, feature and value are wanted", i)
		}
		for site, name := range e.Names {
			if featureNames[name] == nil {
				bad("feature_events[%d].names.%s: there is no feature %q", i, site, name)
			}
		}
	}
	slices.SortFunc(wrong, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(wrong...)
}

var placeholders = strings.NewReplacer("{user}", "", "{domain}", "", "{number}", "", "{seconds}", "")

func (s style) check(where string) (wrong []error) {
	if s.Header != "alert-info" && s.Header != "call-info" && s.Header != "off" {
		wrong = append(wrong, fmt.Errorf("%s.header: %q: alert-info, call-info or off", where, s.Header))
	}
	if s.Notify != "yes" && s.Notify != "no" {
		wrong = append(wrong, fmt.Errorf("%s.notify: %q: yes or no", where, s.Notify))
	}
	if s.Value != "" && (line(s.Value) != nil || strings.ContainsAny(s.Value, "'|{}[]$\\,")) {
		wrong = append(wrong, fmt.Errorf("%s.value: %q holds a character that ends it", where, s.Value))
	}
	return wrong
}

// timing is how long things may take. Tests shorten it.
type timing struct {
	settle, lag, step, ping, audit time.Duration
}

func usual() timing {
	return timing{settle: settle, lag: 500 * time.Millisecond, step: 2500 * time.Millisecond, ping: 15 * time.Second, audit: 55 * time.Second}
}
