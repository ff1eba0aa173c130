package main

import (
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"farhook/pbxadapter/numbering"
)

// Config is the whole configuration file. Unknown keys are errors. Defaults are those of defaults().
type Config struct {
	file      string          // where it was read
	secrets   []string        // files with secrets that it names
	SIP       SIPConfig       `yaml:"sip"`
	Peers     Peers           `yaml:"peers"`
	Audit     AuditConfig     `yaml:"audit"`
	HTTP      HTTPConfig      `yaml:"http"`
	Web       WebConfig       `yaml:"web"`
	Rights    Rights          `yaml:"rights"`
	Journal   Bytes           `yaml:"journal"`
	Wiretap   WiretapConfig   `yaml:"wiretap"`
	Metrics   MetricsConfig   `yaml:"metrics"`
	Telemetry TelemetryConfig `yaml:"telemetry"`
	Control   string          `yaml:"control"` // path of the control socket; empty: none
	Log       LogConfig       `yaml:"log"`
	PBX       []PBXConfig     `yaml:"pbx"`

	// Emergency are the numbers of emergency services.
	Emergency numbering.EmergencyConfig `yaml:"emergency"`
	// Directory is who there is.
	Directory DirectoryConfig `yaml:"directory"`
}

// SIPConfig is where UC servers reach us.
type SIPConfig struct {
	Listen            []string  `yaml:"listen"` // TCP
	TLS               TLSConfig `yaml:"tls"`
	Contact           string    `yaml:"contact"` // host name or address in our Contact; empty: the connection's own
	Domain            string    `yaml:"domain"`  // of the Line Server URIs: the MatchUri of the UC server's static route
	SessionExpires    Duration  `yaml:"session_expires"`
	MinSessionExpires Duration  `yaml:"min_session_expires"`
	SessionsPerLine   int       `yaml:"sessions_per_line"`
	Connections       int       `yaml:"connections"`
	SignIns           int       `yaml:"sign_ins_per_second"`
	VanishedAfter     Duration  `yaml:"vanished_after"`
	Sessions          int       `yaml:"sessions"`
	Store             string    `yaml:"store"` // file that keeps sessions; empty: they end with the process
}

// TLSConfig is the TLS side of SIP. ClientCA, where given, makes client certificates mandatory.
type TLSConfig struct {
	Listen      []string `yaml:"listen"`
	Certificate string   `yaml:"certificate"`
	Key         string   `yaml:"key"`
	ClientCA    string   `yaml:"client_ca"`
}

// HTTPConfig is where console and REST are. Beyond loopback only with sign-in and TLS: see WebConfig.
type HTTPConfig struct {
	Listen string   `yaml:"listen"` // empty: no HTTP
	Hosts  []string `yaml:"hosts"`  // names that the Host header may have beside the loopback ones
}

// LogConfig chooses what is logged, and how.
type LogConfig struct {
	Level  string `yaml:"level"`  // debug, info, warn, error
	Format string `yaml:"format"` // console or json

	Numbers LogNumbers `yaml:"numbers"` // masked or full
}

// PBXConfig is one PBX. Settings belong to its adapter.
type PBXConfig struct {
	Name     string          `yaml:"name"`
	Kind     string          `yaml:"kind"`
	Settings RawPart         `yaml:"settings"`
	Numbers  numbering.Table `yaml:"numbers"`
	Codes    CodesConfig     `yaml:"codes"`
}

// RawPart is a part of the file that somebody else decodes, with its place in the file kept.
type RawPart struct{ node ast.Node }

// UnmarshalYAML keeps the node.
func (r *RawPart) UnmarshalYAML(n ast.Node) error { r.node = n; return nil }

// Decode fills into strictly. A part that isn't there leaves it as it is.
func (r RawPart) Decode(into any) error {
	if r.node == nil || r.node.Type() == ast.NullType {
		return nil
	}
	for _, m := range misfits("settings", r.node, reflect.TypeOf(into)) {
		return fmt.Errorf("line %d: %s: %s", m.line, m.path, m.what)
	}
	return yaml.NewDecoder(strings.NewReader(""), yaml.Strict()).DecodeFromNode(r.node, into)
}

// Duration is written with its unit: 90s, 30m, 1h.
type Duration time.Duration

// UnmarshalYAML reads it.
func (d *Duration) UnmarshalYAML(b []byte) error {
	s := strings.Trim(strings.TrimSpace(string(b)), `"'`)
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%q is not a duration with a unit, such as 90s or 30m", s)
	}
	*d = Duration(v)
	return nil
}

// Bytes is an amount of octets, written with its unit: 512KiB, 16MiB.
type Bytes int64

// UnmarshalYAML reads it.
func (n *Bytes) UnmarshalYAML(b []byte) error {
	s := strings.Trim(strings.TrimSpace(string(b)), `"'`)
	for i, unit := range []string{"KiB", "MiB", "GiB"} {
		if num, ok := strings.CutSuffix(s, unit); ok {
			v, err := strconv.ParseInt(strings.TrimSpace(num), 10, 32)
			if err == nil && v > 0 {
				*n = Bytes(v << (10 * (i + 1)))
				return nil
			}
		}
	}
	return fmt.Errorf("%q is not an amount with a unit, such as 512KiB or 16MiB", s)
}

func defaults() Config {
	return Config{
		SIP: SIPConfig{
			Listen:            []string{"127.0.0.1:5060"},
			SessionExpires:    Duration(30 * time.Minute),
			MinSessionExpires: Duration(90 * time.Second),
			SessionsPerLine:   8,
			Connections:       1000,
			VanishedAfter:     Duration(30 * time.Second),
			Sessions:          200_000,
		},
		HTTP:      HTTPConfig{Listen: "127.0.0.1:8080"},
		Web:       webDefaults(),
		Rights:    Owner,
		Journal:   16 << 20,
		Telemetry: TelemetryConfig{Sample: 1},
		Wiretap:   WiretapConfig{Keep: 32 << 20, Age: Duration(24 * time.Hour)},
		Log:       LogConfig{Level: "info", Format: "console", Numbers: NumbersMasked},

		Emergency: numbering.DefaultEmergency(),
		Directory: DirectoryConfig{Refresh: Duration(10 * time.Minute)},
	}
}

// wrong is one complaint about one field.
type wrong struct{ path, what string }

// wrongs lists everything that is wrong with the values; nothing is checked against the machine.
func (c Config) wrongs() []wrong {
	var w []wrong
	complain := func(path, format string, args ...any) { w = append(w, wrong{path, fmt.Sprintf(format, args...)}) }
	addr := func(path, a string) bool {
		host, port, err := net.SplitHostPort(a)
		n, perr := strconv.ParseUint(port, 10, 16)
		if err != nil || perr != nil || n > 65535 {
			complain(path, "%q is not an address with a port, such as 127.0.0.1:5060", a)
			return false
		}
		if host != "" && host != "localhost" {
			if _, err := netip.ParseAddr(host); err != nil {
				complain(path, "%q: the host must be an IP address, or empty for all", a)
				return false
			}
		}
		return true
	}
	for i, a := range c.SIP.Listen {
		path := fmt.Sprintf("$.sip.listen[%d]", i)
		if addr(path, a) && c.Rights == Demo && !loopback(a) {
			complain(path, "%q is not a loopback address, and rights: demo lets any user control any line: use owner", a)
		}
	}
	for i, a := range c.SIP.TLS.Listen {
		path := fmt.Sprintf("$.sip.tls.listen[%d]", i)
		if addr(path, a) && c.Rights == Demo && !loopback(a) {
			complain(path, "%q is not a loopback address, and rights: demo lets any user control any line: use owner", a)
		}
	}
	if len(c.SIP.Listen)+len(c.SIP.TLS.Listen) == 0 {
		complain("$.sip.listen", "there is no address for UC servers to reach: give one here or under sip.tls.listen")
	}
	c.Peers.wrongs(c.SIP, complain)
	if len(c.SIP.TLS.Listen) > 0 && (c.SIP.TLS.Certificate == "" || c.SIP.TLS.Key == "") {
		complain("$.sip.tls.listen", "TLS needs sip.tls.certificate and sip.tls.key")
	}
	if strings.ContainsFunc(c.SIP.Contact, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`<>;,@"`, r) }) {
		complain("$.sip.contact", "%q is not a host name", c.SIP.Contact)
	}
	if c.SIP.Domain != "" && !hostName(c.SIP.Domain) {
		complain("$.sip.domain", "%q is not a domain, such as rcc.example.com", c.SIP.Domain)
	}
	for i, p := range c.Peers {
		if c.SIP.Domain != "" && slices.ContainsFunc(p.Domains, func(d string) bool { return strings.EqualFold(d, c.SIP.Domain) }) {
			complain("$.sip.domain", "%q is also a domain of the users of %s (peers[%d].domains): a static route on it would lead their conferences here too. Give the Line Server URIs a domain of their own", c.SIP.Domain, p.Name, i)
		}
	}
	between := func(path string, v, lo, hi int) {
		if v < lo || v > hi {
			complain(path, "%d is out of range: %d to %d", v, lo, hi)
		}
	}
	expires, least := time.Duration(c.SIP.SessionExpires), time.Duration(c.SIP.MinSessionExpires)
	if least < 90*time.Second || least > time.Hour {
		complain("$.sip.min_session_expires", "%v is out of range: 90s to 1h (RFC 4028)", least)
	}
	if expires < least || expires > 24*time.Hour {
		complain("$.sip.session_expires", "%v is out of range: %v (min_session_expires) to 24h", expires, least)
	}
	between("$.sip.sessions_per_line", c.SIP.SessionsPerLine, 1, 64)
	between("$.sip.connections", c.SIP.Connections, 1, 100_000)
	between("$.sip.sign_ins_per_second", c.SIP.SignIns, 0, 100_000)
	if v := time.Duration(c.SIP.VanishedAfter); v < 6*time.Second || v > 10*time.Minute {
		complain("$.sip.vanished_after", "%v is out of range: 6s to 10m", v)
	}
	between("$.sip.sessions", c.SIP.Sessions, 1, 1_000_000)
	c.webWrongs(addr, complain)
	c.eyesWrongs(addr, complain)
	c.portsWrongs(complain)
	c.telemetryWrongs(complain)
	if c.Journal < 1<<20 || c.Journal > 4<<30 {
		complain("$.journal", "%d octets are out of range: 1MiB to 4GiB", c.Journal)
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		complain("$.log.level", "%q is none of debug, info, warn, error", c.Log.Level)
	}
	if c.Log.Format != "console" && c.Log.Format != "json" {
		complain("$.log.format", "%q is neither console nor json", c.Log.Format)
	}
	if c.Log.Numbers != NumbersMasked && c.Log.Numbers != NumbersFull {
		complain("$.log.numbers", "%q is neither masked nor full", c.Log.Numbers)
	}
	if len(c.PBX) == 0 {
		complain("$.pbx", "there is no PBX: give at least one")
	}
	seen := map[string]bool{}
	for i, p := range c.PBX {
		path := fmt.Sprintf("$.pbx[%d]", i)
		switch {
		case !pbxName(p.Name):
			complain(path+".name", "%q is not a name: 1 to 32 of a-z, 0-9 and -", p.Name)
		case seen[p.Name]:
			complain(path+".name", "%q is there twice", p.Name)
		}
		seen[p.Name] = true
		if adapters[p.Kind] == nil {
			complain(path+".kind", "%q is no kind of PBX: %s", p.Kind, strings.Join(adapterKinds(), ", "))
		}
	}
	return append(append(append(w, c.numbersWrongs()...), c.codesWrongs()...), c.rightsWrongs()...)
}

func pbxName(s string) bool {
	return len(s) > 0 && len(s) <= 32 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}

// loopback says whether an address that addr accepted is reachable from this machine only.
func loopback(a string) bool {
	host, _, err := net.SplitHostPort(a)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
